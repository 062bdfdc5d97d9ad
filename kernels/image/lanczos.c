/*
 * Pillow evaluates two sines for every weight and rounds the normalised result to an integer, which takes
 * longer than applying the weights to a small photograph. So the weights are first found by a polynomial
 * whose error is far smaller than the rounding unit; should any of an output's weights come too close to a
 * rounding boundary to be sure of, that output is worked out with the defining expressions.
 *
 * In lowest terms in/out = p/q, the picture looks the same from output i as from output i - q, p samples
 * before; and what the last output sees is the mirror image of what the first does. The weights of the two
 * differ by less than the polynomial's error, so what is sure for one holds for the other.
 */
#include "lanczos.h"

#include "rows.h"

#include <math.h>
#include <stdlib.h>

enum { LOBES = DG_LANCZOS_LOBES };

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

/* Returns 0 where a weight is too close to a rounding boundary; `weight` is then worthless. */
static int fast_weights(const dg_row_loops *loops, const window *w, int32_t *weight, double *raw)
{
    size_t count = (size_t)w->count;
    double sum = loops->filter((int32_t)w->first, w->centre, w->step, count, raw);

    return loops->round_weights(raw, count, one / sum, weight);
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

/* Whether output `later` sees the mirror image of what output `earlier` sees. */
static int mirrored(const dg_window *earlier, const window *later, uint32_t in)
{
    return later->first == in - (earlier->first + earlier->count) && (uint32_t)later->count == earlier->count;
}

static void mirror_weights(const dg_window *earlier, int32_t *weight)
{
    for (uint32_t k = 0; k < earlier->count; k++) weight[k] = earlier->weights[earlier->count - 1 - k];
}

int dg_lanczos_windows(dg_axis axis, size_t margin, dg_windows *windows)
{
    uint32_t divisor = greatest_common_divisor(axis.in, axis.out), p = axis.in / divisor,
             q = axis.out / divisor;
    const dg_row_loops *loops = dg_row_loops_best();
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
        const uint32_t opposite = axis.out - 1 - i;
        windows->of[i].weights = next + margin;
        sure[i] = opposite < i && sure[opposite] && mirrored(&windows->of[opposite], &w, axis.in);
        if (sure[i])
            mirror_weights(&windows->of[opposite], next + margin);
        else
            sure[i] = (uint8_t)fast_weights(loops, &w, next + margin, scratch);
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
