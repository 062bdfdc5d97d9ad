#include "line_points.h"

#include <math.h>
#include <string.h>

/* A value by its index. Compiled for each width of number, so that the loops over values do not ask. */
#define INLINE static inline __attribute__((always_inline))

INLINE double load(const dg_line_values *values, size_t i, int single)
{
    double number;
    float narrow;
    if (!single) {
        memcpy(&number, (const char *)values->numbers + i * sizeof number, sizeof number);
        return number;
    }
    memcpy(&narrow, (const char *)values->numbers + i * sizeof narrow, sizeof narrow);
    return narrow;
}

/* What makes a value a place. */
struct scale {
    int64_t x0, x1, y0, y1; /* the centres of the first and last pixel in use */
    double lo, k, s;        /* t = (v*k - lo*k)/s */
    size_t count;
};

static void set_ends(uint32_t size, int64_t padding, int64_t *first, int64_t *last)
{
    *first = padding;
    *last = (int64_t)DG_LINE_ONE * (size - 1) - padding;
    if (*last < *first) *first = *last = (int64_t)DG_LINE_ONE / 2 * (size - 1);
}

static void set_range(struct scale *scale, double lo, double hi)
{
    scale->lo = lo;
    scale->k = 1;
    scale->s = hi - lo;
    if (isfinite(scale->s)) return;
    scale->k = 0.5;
    scale->s = hi * 0.5 - lo * 0.5;
}

static int32_t x_of(const struct scale *scale, size_t i)
{
    if (scale->count == 1) return (int32_t)((scale->x0 + scale->x1) / 2);
    uint64_t last = scale->count - 1, length = (uint64_t)(scale->x1 - scale->x0);
    return (int32_t)(scale->x0 + (int64_t)((2 * i * length + last) / (2 * last)));
}

static int32_t y_of(const struct scale *scale, double value)
{
    double t = scale->s > 0 ? (value * scale->k - scale->lo * scale->k) / scale->s : 0.5;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    return (int32_t)(scale->y1 - (int64_t)(t * (double)(scale->y1 - scale->y0) + 0.5));
}

INLINE void add_point(dg_line_points *points, const struct scale *scale, size_t i, double value, int joined)
{
    points->x[points->count] = x_of(scale, i);
    points->y[points->count] = y_of(scale, value);
    points->joined[points->count++] = (uint8_t)joined;
}

/* The smallest and largest finite value among some; lo > hi: there is none. */
struct extent {
    double lo, hi;
};

/* Takes in values from..end-1, which is quick for up to AT_ONCE of them. */
INLINE void extend(struct extent *e, const dg_line_values *values, size_t from, size_t end, int single)
{
    for (size_t i = from; i < end; i++) {
        double value = load(values, i, single);
        if (!isfinite(value)) continue;
        if (value < e->lo) e->lo = value;
        if (value > e->hi) e->hi = value;
    }
}

enum { AT_ONCE = 1 << 20 }; /* values between two questions whether to stop */

/* Returns 0 if the poll said stop. */
INLINE int find_extent(struct extent *e, const dg_line_values *values, size_t from, size_t end,
                       const dg_poll *poll, int single)
{
    *e = (struct extent){INFINITY, -INFINITY};
    for (; end - from > AT_ONCE; from += AT_ONCE) {
        extend(e, values, from, from + AT_ONCE, single);
        if (dg_poll_stop(poll)) return 0;
    }
    extend(e, values, from, end, single);
    return 1;
}

INLINE void place_all(const dg_line_values *values, const struct scale *scale, dg_line_points *points,
                      int single)
{
    int joined = 0;
    for (size_t i = 0; i < values->count; i++) {
        double value = load(values, i, single);
        int is_point = isfinite(value);
        if (is_point) add_point(points, scale, i, value, joined);
        joined = is_point;
    }
}

/* The points of a bin that has this extent, in the order of their indices, each once. */
INLINE void place_bin(const dg_line_values *values, const struct scale *scale, dg_line_points *points,
                      struct extent e, size_t from, size_t end, int joined, int single)
{
    while (!isfinite(load(values, from, single))) from++;
    while (!isfinite(load(values, end - 1, single))) end--;

    size_t low = from, high = from;
    while (load(values, low, single) != e.lo) low++;
    while (load(values, high, single) != e.hi) high++;
    size_t index[4] = {from, low < high ? low : high, low < high ? high : low, end - 1};
    for (int k = 0; k < 4; k++)
        if (k == 0 || index[k] != index[k - 1]) {
            add_point(points, scale, index[k], load(values, index[k], single), joined);
            joined = 1;
        }
}

INLINE int place_bins(const dg_line_values *values, const struct scale *scale, const dg_poll *poll,
                      dg_line_points *points, size_t bins, int single)
{
    int joined = 0;
    size_t from = 0, asked = 0;
    for (size_t b = 0; b < bins; b++) {
        const size_t end = (b + 1) * values->count / bins;
        struct extent e;
        if (!find_extent(&e, values, from, end, poll, single)) return 0;
        const int has_points = e.lo <= e.hi;
        if (has_points) place_bin(values, scale, points, e, from, end, joined, single);
        joined = has_points;
        from = end;
        if (end - asked < AT_ONCE) continue;
        if (dg_poll_stop(poll)) return 0;
        asked = end;
    }
    return 1;
}

INLINE int place(const dg_line_options *options, const dg_line_values *values, const dg_poll *poll,
                 dg_line_points *points, int single)
{
    struct extent e = {0, 0};
    struct scale scale = {.count = values->count};

    points->count = 0;
    if ((isnan(options->lo) || isnan(options->hi)) &&
        !find_extent(&e, values, 0, values->count, poll, single))
        return 0;
    set_range(&scale, isnan(options->lo) ? e.lo : options->lo, isnan(options->hi) ? e.hi : options->hi);
    set_ends(options->width, options->padding, &scale.x0, &scale.x1);
    set_ends(options->height, options->padding, &scale.y0, &scale.y1);
    if (values->count > (size_t)DG_LINE_VALUES_A_COLUMN * options->width)
        return place_bins(values, &scale, poll, points, (size_t)DG_LINE_BINS_A_COLUMN * options->width,
                          single);
    place_all(values, &scale, points, single);
    return 1;
}

int dg_line_place(const dg_line_options *options, const dg_line_values *values, const dg_poll *poll,
                  dg_line_points *points)
{
    return values->single ? place(options, values, poll, points, 1) : place(options, values, poll, points, 0);
}
