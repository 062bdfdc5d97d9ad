/*
 * Pillow evaluates two sines for every weight and rounds the normalised result to an integer, which takes
 * longer than applying the weights to a small photograph. So the weights are first found by a polynomial
 * whose error is far smaller than the rounding unit; should any of an output's weights come too close to a
 * rounding boundary to be sure of, that output is worked out with the defining expressions.
 *
 * In lowest terms in/out = p/q, the picture looks the same from output i as from output i - q, p samples
 * before. The weights of the two differ by less than the polynomial's error, so what is sure for one holds
 * for the other.
 */
#include "lanczos.h"

#include "rows.h"

#include <math.h>
#include <stdlib.h>

enum { LOBES = 3 };

static const double one = 1 << DG_WEIGHT_BITS;

/* One output's view of the input: sample j is at ((j - centre) + 0.5)*step filter units from the filter's
 * middle. */
typedef struct window {
    double centre, step;
    uint32_t first;
    int count;
} window;

static double support_of(dg_axis axis, double *scale, double *filter_scale)
{
    *scale = (double)axis.in / axis.out;
    *filter_scale = *scale < 1 ? 1 : *scale;
    return LOBES * *filter_scale;
}

static window window_of(dg_axis axis, uint32_t i)
{
    double scale, filter_scale, support = support_of(axis, &scale, &filter_scale);
    double centre = (i + 0.5) * scale;
    double low = centre - support + 0.5, high = centre + support + 0.5;
    uint32_t first = low < 0 ? 0 : (uint32_t)low;
    uint32_t end = high > axis.in ? axis.in : (uint32_t)high;

    return (window){centre, 1.0 / filter_scale, first, (int)(end - first)};
}

size_t dg_lanczos_window_max(dg_axis axis)
{
    double scale, filter_scale, support = support_of(axis, &scale, &filter_scale);
    double widest = 2 * support + 2;

    return widest < axis.in ? (size_t)widest : axis.in;
}

static inline double position(const window *w, int k)
{
    return (k + (int)w->first - w->centre + 0.5) * w->step;
}

static double sinc(double t)
{
    if (t == 0) return 1;
    t *= M_PI;
    return sin(t) / t;
}

static int32_t fixed(double weight)
{
    return (int32_t)(weight < 0 ? weight * one - 0.5 : weight * one + 0.5);
}

/* The definition. */
static void exact_weights(const window *w, int32_t *weight, double *raw)
{
    double sum = 0;

    for (int k = 0; k < w->count; k++) {
        double t = position(w, k);
        raw[k] = t >= -LOBES && t < LOBES ? sinc(t) * sinc(t / LOBES) : 0;
        sum += raw[k];
    }
    for (int k = 0; k < w->count; k++) weight[k] = fixed(sum != 0 ? raw[k] / sum : raw[k]);
}

/*
 * sinc(t)*sinc(t/3) for |t| <= 3, error below 1e-14. With a = pi*t/3 and q = sin(a)/a (its Taylor polynomial
 * in a*a, whose first term left out is below 1e-17 at a = pi), sin(3a) = sin(a)*(3 - 4*sin(a)^2) gives
 * sinc(t) = q*(1 - 4/3*(a*q)^2).
 */
static inline double approximate_filter(double t)
{
    /* (-1)^k/(2k+1)!, k = 13 down to 0 */
    static const double taylor[] = {
        -1.0 / 10888869450418352160768000000.0,
        1.0 / 15511210043330985984000000.0,
        -1.0 / 25852016738884976640000.0,
        1.0 / 51090942171709440000.0,
        -1.0 / 121645100408832000.0,
        1.0 / 355687428096000.0,
        -1.0 / 1307674368000.0,
        1.0 / 6227020800.0,
        -1.0 / 39916800.0,
        1.0 / 362880.0,
        -1.0 / 5040.0,
        1.0 / 120.0,
        -1.0 / 6.0,
        1.0,
    };
    double a = t * (M_PI / LOBES), square = a * a, q = taylor[0];

    for (int k = 1; k < 14; k++) q = q * square + taylor[k];
    return q * q * (1 - 4.0 / 3 * square * q * q);
}

/* Returns 0 where a weight is too close to a rounding boundary; `weight` is then worthless. */
static int fast_weights(const window *w, int32_t *weight, double *raw)
{
    /* The normalised weights err by less than 1e-13, so in units of 2^-22 by less than 5e-7. */
    const double doubt = 1e-6;
    double sum = 0;
    int doubtful = 0;

    for (int k = 0; k < w->count; k++) {
        double t = position(w, k), value = approximate_filter(t);
        raw[k] = t >= -LOBES && t < LOBES ? value : 0;
    }
    for (int k = 0; k < w->count; k++) sum += raw[k];
    double factor = one / sum;
    for (int k = 0; k < w->count; k++) {
        double size = fabs(raw[k] * factor) + 0.5;
        int32_t whole = (int32_t)size;
        double rest = size - whole;
        doubtful |= rest < doubt || rest > 1 - doubt;
        weight[k] = raw[k] < 0 ? -whole : whole;
    }
    return !doubtful;
}

static uint32_t greatest_common_divisor(uint32_t a, uint32_t b)
{
    while (b) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Whether output `later` sees what output `earlier` sees, `apart` samples on, and no end of the picture cuts
 * in. */
static int alike(const dg_window *earlier, const window *later, uint32_t apart)
{
    return later->first == earlier->first + apart && (uint32_t)later->count == earlier->count;
}

int dg_lanczos_windows(dg_axis axis, size_t margin, dg_windows *windows)
{
    uint32_t divisor = greatest_common_divisor(axis.in, axis.out), p = axis.in / divisor,
             q = axis.out / divisor;
    size_t window_max = dg_lanczos_window_max(axis), stride = window_max + 2 * margin;
    double *scratch = malloc(window_max * sizeof *scratch);
    uint8_t *sure = calloc(axis.out, 1);

    windows->of = calloc(axis.out, sizeof *windows->of);
    windows->pool = calloc(axis.out, stride * sizeof *windows->pool);
    int ok = scratch && sure && windows->of && windows->pool;
    int32_t *next = windows->pool;
    for (uint32_t i = 0; ok && i < axis.out; i++) {
        window w = window_of(axis, i);
        windows->of[i] = (dg_window){w.first, (uint32_t)w.count, i, NULL};
        if (i >= q && sure[i - q] && alike(&windows->of[i - q], &w, p)) {
            windows->of[i].like = windows->of[i - q].like;
            windows->of[i].weights = windows->of[i - q].weights;
            sure[i] = 1;
            continue;
        }
        windows->of[i].weights = next + margin;
        sure[i] = (uint8_t)fast_weights(&w, next + margin, scratch);
        if (!sure[i]) exact_weights(&w, next + margin, scratch);
        next += stride;
    }
    free(scratch);
    free(sure);
    return ok;
}

void dg_lanczos_free(dg_windows *windows)
{
    free(windows->of);
    free(windows->pool);
}
