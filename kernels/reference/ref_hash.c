/*
 * Follows imagehash.md sections 4, 5 and 7 line by line; the names are that page's.
 */
#include "ref_hash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double sinc(double t)
{
    return t == 0 ? 1 : sin(M_PI * t) / (M_PI * t);
}

static double lanczos(double t)
{
    return -3 <= t && t < 3 ? sinc(t) * sinc(t / 3) : 0;
}

/* One line of `in` samples, `step` apart, to `out` samples as far apart as `out_step`. `w` holds `in`
 * weights. */
static void resize_line(const uint8_t *from, int in, int step, uint8_t *to, int out, int out_step, double *w)
{
    double scale = (double)in / out, fs = scale > 1 ? scale : 1, support = 3 * fs;

    for (int i = 0; i < out; i++) {
        double centre = (i + 0.5) * scale, total = 0;
        int lo = (int)(centre - support + 0.5), hi = (int)(centre + support + 0.5), sum = 1 << 21;
        if (lo < 0) lo = 0;
        if (hi > in) hi = in;
        for (int j = lo; j < hi; j++) total += w[j] = lanczos((j - centre + 0.5) * (1 / fs));
        for (int j = lo; j < hi; j++) {
            double fixed = w[j] / total * (1 << 22);
            sum += from[(size_t)j * step] * (int)(fixed < 0 ? fixed - 0.5 : fixed + 0.5);
        }
        sum >>= 22;
        to[(size_t)i * out_step] = (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
    }
}

static void resize_rows(const uint8_t *in, int width, int height, uint8_t *out, int out_width, double *w)
{
    for (int y = 0; y < height; y++)
        resize_line(in + (size_t)y * width, width, 1, out + (size_t)y * out_width, out_width, 1, w);
}

static void resize_columns(const uint8_t *in, int width, int height, uint8_t *out, int out_height, double *w)
{
    for (int x = 0; x < width; x++) resize_line(in + x, height, width, out + x, out_height, width, w);
}

int dg_ref_resize(const uint8_t *in, int width, int height, uint8_t *out, int out_width, int out_height)
{
    int down_first = height > out_height && height - out_height > 2 * (width - out_width);
    size_t between = down_first ? (size_t)width * out_height : (size_t)out_width * height;
    uint8_t *half = malloc(between);
    double *w = malloc((size_t)(width > height ? width : height) * sizeof *w);
    int ok = half && w;

    if (ok && width == out_width && height == out_height)
        memcpy(out, in, (size_t)width * height);
    else if (ok && width == out_width)
        resize_columns(in, width, height, out, out_height, w);
    else if (ok && height == out_height)
        resize_rows(in, width, height, out, out_width, w);
    else if (ok && down_first) {
        resize_columns(in, width, height, half, out_height, w);
        resize_rows(half, width, out_height, out, out_width, w);
    } else if (ok) {
        resize_rows(in, width, height, half, out_width, w);
        resize_columns(half, out_width, height, out, out_height, w);
    }
    free(half);
    free(w);
    return ok;
}

typedef struct complex_number {
    double re, im;
} complex_number;

static complex_number base(int k, int n)
{
    double ang = (double)(3.141592653589793238462643383279502884197L / (4 * (long double)n));
    int x = 8 * k;

    if (k == 0) return (complex_number){1, 0};
    if (x < n) return (complex_number){cos(x * ang), sin(x * ang)};
    if (x < 2 * n) return (complex_number){sin((2 * n - x) * ang), cos((2 * n - x) * ang)};
    if (x < 3 * n) return (complex_number){-sin((x - 2 * n) * ang), cos((x - 2 * n) * ang)};
    return (complex_number){-cos((4 * n - x) * ang), sin((4 * n - x) * ang)};
}

/* E_n(k) for 0 <= 2k <= n, which is all that is needed but for the conjugates. */
static complex_number upper(int k, int n)
{
    int s = 1;
    while (1 << 2 * s < (n + 2) / 2) s++;
    complex_number a = base(k % (1 << s), n), b = base(k >> s << s, n);
    return (complex_number){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

static complex_number E(int k, int n)
{
    complex_number c = upper(2 * k > n ? n - k : k, n);
    return (complex_number){c.re, 2 * k > n ? -c.im : c.im};
}

void dg_ref_dct2(double *c, int n)
{
    double work[128], *from = c, *to = work;
    int factors[4], count = 0, rest = n;

    c[0] *= 2, c[n - 1] *= 2;
    for (int k = 1; k <= n - 3; k += 2) {
        double a = c[k], b = c[k + 1];
        c[k] = b + a, c[k + 1] = b - a;
    }

    for (; rest % 4 == 0; rest /= 4) factors[count++] = 4;
    if (rest == 2) factors[count++] = factors[0], factors[0] = 2;
    for (int f = 0, l1 = 1; f < count; l1 *= factors[f++]) {
        int ip = factors[f], ido = n / (l1 * ip);
#define I(a, b, k) from[(a) + ido * ((b) + ip * (k))]
#define O(a, k, b) to[(a) + ido * ((k) + l1 * (b))]
#define ROTATE(b, r, s)                                                                                      \
    do {                                                                                                     \
        double r_ = (r), s_ = (s);                                                                           \
        complex_number w_ = E((b)*l1 * (i / 2), n);                                                          \
        O(i, k, b) = w_.re * s_ + w_.im * r_, O(i - 1, k, b) = w_.re * r_ - w_.im * s_;                      \
    } while (0)
        for (int k = 0; k < l1; k++) {
            double t1, t2, t3, t4, u1, u2, u3, u4, q = sqrt(2);
            if (ip == 2) {
                O(0, k, 0) = I(0, 0, k) + I(ido - 1, 1, k), O(0, k, 1) = I(0, 0, k) - I(ido - 1, 1, k);
                if (ido % 2 == 0) O(ido - 1, k, 0) = 2 * I(ido - 1, 0, k), O(ido - 1, k, 1) = -2 * I(0, 1, k);
                for (int i = 2, j = ido - 2; i < ido; i += 2, j -= 2) {
                    O(i - 1, k, 0) = I(i - 1, 0, k) + I(j - 1, 1, k);
                    O(i, k, 0) = I(i, 0, k) - I(j, 1, k);
                    ROTATE(1, I(i - 1, 0, k) - I(j - 1, 1, k), I(i, 0, k) + I(j, 1, k));
                }
                continue;
            }
            t2 = I(0, 0, k) + I(ido - 1, 3, k), t1 = I(0, 0, k) - I(ido - 1, 3, k);
            t3 = 2 * I(ido - 1, 1, k), t4 = 2 * I(0, 2, k);
            O(0, k, 0) = t2 + t3, O(0, k, 1) = t1 - t4, O(0, k, 2) = t2 - t3, O(0, k, 3) = t1 + t4;
            if (ido % 2 == 0) {
                u1 = I(0, 3, k) + I(0, 1, k), u2 = I(0, 3, k) - I(0, 1, k);
                t2 = I(ido - 1, 0, k) + I(ido - 1, 2, k), t1 = I(ido - 1, 0, k) - I(ido - 1, 2, k);
                O(ido - 1, k, 0) = t2 + t2, O(ido - 1, k, 1) = q * (t1 - u1);
                O(ido - 1, k, 2) = u2 + u2, O(ido - 1, k, 3) = -q * (t1 + u1);
            }
            for (int i = 2, j = ido - 2; i < ido; i += 2, j -= 2) {
                t2 = I(i - 1, 0, k) + I(j - 1, 3, k), t1 = I(i - 1, 0, k) - I(j - 1, 3, k);
                u1 = I(i, 0, k) + I(j, 3, k), u2 = I(i, 0, k) - I(j, 3, k);
                t4 = I(i, 2, k) + I(j, 1, k), u3 = I(i, 2, k) - I(j, 1, k);
                t3 = I(i - 1, 2, k) + I(j - 1, 1, k), u4 = I(i - 1, 2, k) - I(j - 1, 1, k);
                O(i - 1, k, 0) = t2 + t3, O(i, k, 0) = u2 + u3;
                ROTATE(1, t1 - t4, u1 + u4);
                ROTATE(2, t2 - t3, u2 - u3);
                ROTATE(3, t1 + t4, u1 - u4);
            }
        }
        double *written = to;
        to = from, from = written;
    }
    if (from != c) memcpy(c, from, (size_t)n * sizeof *c);

    for (int k = 1; k < n / 2; k++) {
        int m = n - k;
        double tk = E(k, 4 * n).re, tm = E(m, 4 * n).re;
        double p = tk * c[m] + tm * c[k], q = tk * c[k] - tm * c[m];
        c[k] = 0.5 * (p + q), c[m] = 0.5 * (p - q);
    }
    c[n / 2] *= E(n / 2, 4 * n).re;
}

static double median(const double *values, int count)
{
    double below = 0, above = 0;

    for (int i = 0; i < count; i++) {
        int less = 0, equal = 0;
        for (int j = 0; j < count; j++) less += values[j] < values[i], equal += values[j] == values[i];
        if (less <= count / 2 - 1 && count / 2 - 1 < less + equal) below = values[i];
        if (less <= count / 2 && count / 2 < less + equal) above = values[i];
    }
    return (below + above) / 2;
}

static void phash(const uint8_t *plane, int n, uint8_t *bits)
{
    double a[128][128], column[128], low[32 * 32] = {0};

    for (int x = 0; x < 4 * n; x++) {
        for (int y = 0; y < 4 * n; y++) column[y] = plane[y * 4 * n + x];
        dg_ref_dct2(column, 4 * n);
        for (int y = 0; y < 4 * n; y++) a[y][x] = column[y];
    }
    for (int k = 0; k < n; k++) {
        dg_ref_dct2(a[k], 4 * n);
        for (int l = 0; l < n; l++) low[k * n + l] = a[k][l];
    }
    double middle = median(low, n * n);
    for (int i = 0; i < n * n; i++) bits[i] = low[i] > middle;
}

/* One step of the pyramid over the first `side` values `step` apart: approximations, then details. */
static void haar(double *a, int side, int step, double *line)
{
    const double c = 0.7071067811865475244;

    for (int i = 0; i < side / 2; i++) {
        double e = a[2 * i * step], o = a[(2 * i + 1) * step];
        line[i] = c * o + c * e, line[side / 2 + i] = -c * o + c * e;
    }
    for (int i = 0; i < side; i++) a[i * step] = line[i];
}

static void haar_back(double *a, int side, int step, double *line)
{
    const double c = 0.7071067811865475244;

    for (int i = 0; i < side / 2; i++) {
        double low = a[i * step], high = a[(side / 2 + i) * step];
        line[2 * i] = c * low + c * high, line[2 * i + 1] = c * low - c * high;
    }
    for (int i = 0; i < side; i++) a[i * step] = line[i];
}

/* From `side` down to `end` and, haar_back, up again; `stride` is the row length. */
static void pyramid(double *a, int stride, int side, int end, double *line)
{
    for (; side > end; side /= 2) {
        for (int x = 0; x < side; x++) haar(a + x, side, stride, line);
        for (int y = 0; y < side; y++) haar(a + (size_t)y * stride, side, 1, line);
    }
}

static int whash(const uint8_t *plane, int side, int n, uint8_t *bits)
{
    double *a = malloc((size_t)side * side * sizeof *a), *line = malloc((size_t)side * sizeof *line),
           low[32 * 32];

    if (a && line) {
        for (int i = 0; i < side * side; i++) a[i] = plane[i] / 255.0;
        pyramid(a, side, side, 1, line);
        a[0] *= 0;
        for (int level = 2; level <= side; level *= 2) {
            for (int y = 0; y < level; y++) haar_back(a + (size_t)y * side, level, 1, line);
            for (int x = 0; x < level; x++) haar_back(a + x, level, side, line);
        }
        pyramid(a, side, side, n, line);
        for (int i = 0; i < n * n; i++) low[i] = a[i / n * side + i % n];
        double middle = median(low, n * n);
        for (int i = 0; i < n * n; i++) bits[i] = low[i] > middle;
    }
    int ok = a && line;
    free(a);
    free(line);
    return ok;
}

int dg_ref_hash(enum dg_hash_kind kind, const uint8_t *plane, int width, int height, int n, uint8_t *hash)
{
    int side = n, w = n, h = n, sum = 0, ok = 1;
    uint8_t bits[32 * 32];

    while (2 * side <= (width < height ? width : height)) side *= 2;
    if (kind == DG_PHASH) w = h = 4 * n;
    if (kind == DG_DHASH) w = n + 1;
    if (kind == DG_DHASH_VERTICAL) h = n + 1;
    if (kind == DG_WHASH) w = h = side;
    uint8_t *small = malloc((size_t)w * h);
    if (!small || !dg_ref_resize(plane, width, height, small, w, h)) {
        free(small);
        return 0;
    }

    if (kind == DG_PHASH) phash(small, n, bits);
    if (kind == DG_WHASH) ok = whash(small, side, n, bits);
    for (int i = 0; i < n * n; i++) sum += small[i];
    for (int i = 0; i < n * n; i++) {
        const uint8_t *at = small + i / n * w + i % n;
        if (kind == DG_DHASH) bits[i] = at[1] > at[0];
        if (kind == DG_DHASH_VERTICAL) bits[i] = at[w] > at[0];
        if (kind == DG_AHASH) bits[i] = n * n * at[0] > sum;
    }
    free(small);

    size_t bytes = dg_hash_bytes(n);
    memset(hash, 0, bytes);
    for (int i = 0; i < n * n; i++) {
        size_t place = bytes * 8 - (size_t)(n * n) + (size_t)i;
        if (ok && bits[i]) hash[place / 8] |= (uint8_t)(0x80 >> place % 8);
    }
    return ok;
}
