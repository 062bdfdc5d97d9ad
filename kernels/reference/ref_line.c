#include "ref_line.h"

#include <math.h>
#include <stdlib.h>

static int64_t fixed(double value)
{
    return (int64_t)floor(256 * value + 0.5);
}

/* Both ends of the span of centres along an axis of `size` pixels. */
static void ends(int64_t size, int64_t padding, int64_t *first, int64_t *last)
{
    *first = padding;
    *last = 256 * (size - 1) - padding;
    if (*last < *first) *first = *last = 128 * (size - 1);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

static dg_ref_point place(const dg_ref_picture *p, int64_t i, int64_t n, double v, double lo, double hi)
{
    int64_t x0, x1, y0, y1;
    ends(p->width, fixed(p->padding), &x0, &x1);
    ends(p->height, fixed(p->padding), &y0, &y1);
    double s = hi - lo, k = 1;
    if (!isfinite(s)) {
        k = 0.5;
        s = hi * 0.5 - lo * 0.5;
    }
    double t = s > 0 ? (v * k - lo * k) / s : 0.5;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    return (dg_ref_point){n == 1 ? floor_div(x0 + x1, 2)
                                 : x0 + floor_div(2 * i * (x1 - x0) + n - 1, 2 * (n - 1)),
                          y1 - (int64_t)floor(t * (double)(y1 - y0) + 0.5), 0};
}

size_t dg_ref_line_points(const dg_ref_picture *p, const double *values, int64_t n, dg_ref_point *points)
{
    double lo = INFINITY, hi = -INFINITY;
    for (int64_t i = 0; i < n; i++) {
        if (isfinite(values[i]) && values[i] < lo) lo = values[i];
        if (isfinite(values[i]) && values[i] > hi) hi = values[i];
    }
    if (isfinite(p->lo)) lo = p->lo;
    if (isfinite(p->hi)) hi = p->hi;

    size_t count = 0;
    int64_t bins = n > 16 * p->width ? 4 * p->width : n;
    int gap = 1;
    for (int64_t b = 0; b < bins; b++) {
        int64_t kept[4] = {-1, -1, -1, -1}; /* first, smallest, largest, last */
        for (int64_t i = floor_div(b * n, bins); i < floor_div((b + 1) * n, bins); i++) {
            if (!isfinite(values[i])) continue;
            if (kept[0] < 0) kept[0] = i;
            if (kept[1] < 0 || values[i] < values[kept[1]]) kept[1] = i;
            if (kept[2] < 0 || values[i] > values[kept[2]]) kept[2] = i;
            kept[3] = i;
        }
        if (kept[0] < 0) gap = 1;
        for (int64_t i = kept[0], end = kept[3]; i >= 0 && i <= end; i++) {
            if (i != kept[0] && i != kept[1] && i != kept[2] && i != kept[3]) continue;
            points[count] = place(p, i, n, values[i], lo, hi);
            points[count++].joined = !gap;
            gap = 0;
        }
    }
    return count;
}

static int64_t root(int64_t square)
{
    int64_t r = (int64_t)sqrt((double)square);
    while (r * r > square) r--;
    while ((r + 1) * (r + 1) <= square) r++;
    return r;
}

/* d*2^24/len, rounded half away from zero. */
static int64_t normal(int64_t d, int64_t len)
{
    int64_t size = floor_div(2 * llabs(d) * (1 << 24) + len, 2 * len);
    return d < 0 ? -size : size;
}

/* The distance of a pixel's centre to one point and to the segment that leads to it; INT64_MAX: beside it. */
static int64_t distance(int64_t px, int64_t py, const dg_ref_point *r)
{
    int64_t d = root((px - r->x) * (px - r->x) + (py - r->y) * (py - r->y));
    if (!r->joined) return d;
    const dg_ref_point *q = r - 1;
    int64_t dx = r->x - q->x, dy = r->y - q->y, l2 = dx * dx + dy * dy;
    if (l2 == 0) return d;
    int64_t t = (px - q->x) * dx + (py - q->y) * dy;
    if (t < 0 || t > l2) return d;
    int64_t len = root(l2 * 65536);
    int64_t e = llabs((px - q->x) * normal(dy, len) - (py - q->y) * normal(dx, len)) >> 16;
    return e < d ? e : d;
}

void dg_ref_line_coverage(const dg_ref_picture *p, const dg_ref_point *points, size_t count,
                          uint8_t *coverage)
{
    int64_t c = floor_div(fixed(p->line_width), 2) + 128;
    for (int64_t j = 0; j < p->height; j++)
        for (int64_t i = 0; i < p->width; i++) {
            int64_t nearest = INT64_MAX;
            for (size_t k = 0; k < count; k++) {
                int64_t d = distance(256 * i, 256 * j, &points[k]);
                if (d < nearest) nearest = d;
            }
            int64_t a = c - nearest; /* no point: far below 0 */
            *coverage++ = (uint8_t)(a < 0 ? 0 : a > 255 ? 255 : a);
        }
}

int dg_ref_line_level(int coverage, int bits, int antialias)
{
    int most = (1 << bits) - 1;
    return antialias ? (coverage * most + 127) / 255 : coverage >= 128 ? most : 0;
}

int dg_ref_line_sample(int level, int bits, int color, int background)
{
    int most = (1 << bits) - 1;
    return (background * (most - level) + color * level + most / 2) / most;
}
