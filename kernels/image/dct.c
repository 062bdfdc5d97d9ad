/*
 * The order of operations is pocketfft's (imagehash.md section 5): a cosine transform by way of a backward
 * real transform with factors 4 and 2. On flat, symmetric or striped pictures many coefficients are exactly
 * equal or zero, and which bits of a hash are set is then decided by rounding; so nothing here may be
 * reordered, fused or contracted, and the twiddle factors are pocketfft's own, not the nearest doubles.
 *
 * dct_table.h is made by tests/golden/dct_table.c, whose comment has the factors' definition.
 */
#include "dct.h"

#include <string.h>

#include "dct_table.h"

enum { FACTORS_MAX = 4 };

/* The state of one pass of the backward real transform: radix r reads `in`, writes `out`. */
typedef struct pass {
    const double *in;
    double *out;
    int n, radix;
    int rows;                /* l1: product of the factors before this one */
    int length;              /* ido: n/(rows*radix) */
    const dct_twiddle *unit; /* unit[k] = exp(2*pi*i*k/n) */
} pass;

/* Element a of input block b of row k; of output row k of block b. */
static inline double in(const pass *p, int a, int b, int k)
{
    return p->in[a + p->length * (b + p->radix * k)];
}

static inline double *out(const pass *p, int a, int k, int b)
{
    return &p->out[a + p->length * (k + p->rows * b)];
}

/* Stores (r, s) turned by the twiddle factor of block b, element i (even). */
static inline void rotate(const pass *p, int i, int k, int b, double r, double s)
{
    dct_twiddle w = p->unit[b * p->rows * (i / 2)];

    *out(p, i, k, b) = w.re * s + w.im * r;
    *out(p, i - 1, k, b) = w.re * r - w.im * s;
}

static void radix2(const pass *p)
{
    int ido = p->length;

    for (int k = 0; k < p->rows; k++) {
        *out(p, 0, k, 0) = in(p, 0, 0, k) + in(p, ido - 1, 1, k);
        *out(p, 0, k, 1) = in(p, 0, 0, k) - in(p, ido - 1, 1, k);
        if (ido % 2 == 0) {
            *out(p, ido - 1, k, 0) = 2 * in(p, ido - 1, 0, k);
            *out(p, ido - 1, k, 1) = -2 * in(p, 0, 1, k);
        }
        for (int i = 2; i < ido; i += 2) {
            int j = ido - i;
            *out(p, i - 1, k, 0) = in(p, i - 1, 0, k) + in(p, j - 1, 1, k);
            *out(p, i, k, 0) = in(p, i, 0, k) - in(p, j, 1, k);
            rotate(p, i, k, 1, in(p, i - 1, 0, k) - in(p, j - 1, 1, k), in(p, i, 0, k) + in(p, j, 1, k));
        }
    }
}

static void radix4(const pass *p)
{
    const double sqrt2 = 1.414213562373095048801688724209698079;
    int ido = p->length;

    for (int k = 0; k < p->rows; k++) {
        double t1, t2, t3, t4, u1, u2, u3, u4;
        t2 = in(p, 0, 0, k) + in(p, ido - 1, 3, k);
        t1 = in(p, 0, 0, k) - in(p, ido - 1, 3, k);
        t3 = 2 * in(p, ido - 1, 1, k);
        t4 = 2 * in(p, 0, 2, k);
        *out(p, 0, k, 0) = t2 + t3;
        *out(p, 0, k, 1) = t1 - t4;
        *out(p, 0, k, 2) = t2 - t3;
        *out(p, 0, k, 3) = t1 + t4;
        if (ido % 2 == 0) {
            u1 = in(p, 0, 3, k) + in(p, 0, 1, k);
            u2 = in(p, 0, 3, k) - in(p, 0, 1, k);
            t2 = in(p, ido - 1, 0, k) + in(p, ido - 1, 2, k);
            t1 = in(p, ido - 1, 0, k) - in(p, ido - 1, 2, k);
            *out(p, ido - 1, k, 0) = t2 + t2;
            *out(p, ido - 1, k, 1) = sqrt2 * (t1 - u1);
            *out(p, ido - 1, k, 2) = u2 + u2;
            *out(p, ido - 1, k, 3) = -sqrt2 * (t1 + u1);
        }
        for (int i = 2; i < ido; i += 2) {
            int j = ido - i;
            t2 = in(p, i - 1, 0, k) + in(p, j - 1, 3, k);
            t1 = in(p, i - 1, 0, k) - in(p, j - 1, 3, k);
            u1 = in(p, i, 0, k) + in(p, j, 3, k);
            u2 = in(p, i, 0, k) - in(p, j, 3, k);
            t4 = in(p, i, 2, k) + in(p, j, 1, k);
            u3 = in(p, i, 2, k) - in(p, j, 1, k);
            t3 = in(p, i - 1, 2, k) + in(p, j - 1, 1, k);
            u4 = in(p, i - 1, 2, k) - in(p, j - 1, 1, k);
            *out(p, i - 1, k, 0) = t2 + t3;
            *out(p, i, k, 0) = u2 + u3;
            rotate(p, i, k, 1, t1 - t4, u1 + u4);
            rotate(p, i, k, 2, t2 - t3, u2 - u3);
            rotate(p, i, k, 3, t1 + t4, u1 - u4);
        }
    }
}

/* As many fours as divide n; a two that is left over goes first. Returns how many. */
static int factorise(int n, int factor[FACTORS_MAX])
{
    int count = 0;

    for (; n % 4 == 0; n /= 4) factor[count++] = 4;
    if (n == 2) {
        factor[count++] = factor[0];
        factor[0] = 2;
    }
    return count;
}

static void backward_real_transform(double *c, int n, const dct_twiddle *unit)
{
    double other[DG_DCT_MAX];
    int factor[FACTORS_MAX], factors = factorise(n, factor);
    pass p = {.in = c, .out = other, .n = n, .rows = 1, .unit = unit};

    for (int f = 0; f < factors; f++) {
        p.radix = factor[f];
        p.length = n / (p.rows * p.radix);
        if (p.radix == 4)
            radix4(&p);
        else
            radix2(&p);
        p.rows *= p.radix;
        double *written = p.out;
        p.out = written == c ? other : c;
        p.in = written;
    }
    if (p.in != c) memcpy(c, p.in, (size_t)n * sizeof *c);
}

void dg_dct2(double *c, int n)
{
    int which = 0;
    while (dct_tables[which].n != n) which++;
    const double *t = dct_tables[which].quarter;

    c[0] *= 2;
    c[n - 1] *= 2;
    for (int k = 1; k < n - 1; k += 2) {
        double sum = c[k + 1] + c[k], difference = c[k + 1] - c[k];
        c[k] = sum;
        c[k + 1] = difference;
    }
    backward_real_transform(c, n, dct_tables[which].unit);
    for (int k = 1; k < n / 2; k++) {
        int m = n - k;
        double p = t[k - 1] * c[m] + t[m - 1] * c[k];
        double q = t[k - 1] * c[k] - t[m - 1] * c[m];
        c[k] = 0.5 * (p + q);
        c[m] = 0.5 * (p - q);
    }
    c[n / 2] *= t[n / 2 - 1];
}
