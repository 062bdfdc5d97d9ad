/*
 * A target is two passes in a row, across and down, each with its table of weights and rounding to 8 bits.
 *
 * Normally a picture row goes across first, and the narrow row is added to the sums of all output rows that
 * draw on it. For pictures that lose much more height than width Pillow turns the order round: there picture
 * rows are summed, and each finished sum goes across. A pass whose axis already has the target's length is
 * left out. Targets of equal width that go across first share that pass.
 */
#include "resize.h"

#include "lanczos.h"
#include "rows.h"

#include <stdlib.h>
#include <string.h>

/* The pass along rows. */
typedef struct across {
    dg_taps *taps; /* one an output */
    int16_t *low, *high;
} across;

/*
 * The pass along columns. Input row y counts towards the outputs whose window it lies in; their sums are
 * kept, output i's at i mod `open`, which is the most outputs any row counts towards.
 */
typedef struct down {
    uint32_t *first;  /* of each output row: its first input row, */
    uint32_t *count;  /* how many it draws on, */
    int32_t *weights; /* and their weights, `window` apart */
    size_t window, open;
    size_t width;     /* samples of a row */
    uint32_t outputs; /* output rows in all */
    uint32_t *sums;
    uint32_t received, done; /* rows in and out so far */
} down;

typedef struct target {
    dg_size size;
    int across_needed, down_needed, down_first;
    const struct target *narrowed_by; /* an earlier target with the same pass across */
    across across;
    down down;
    uint8_t *narrow;     /* one row after the pass across */
    uint8_t *whole;      /* down first: one row after that pass */
    int16_t *whole_wide; /* and the same, 16 bits a sample */
    uint8_t *plane;
} target;

struct dg_resize {
    dg_size in;
    const dg_row_loops *loops;
    int16_t *wide; /* the current row, 16 bits a sample */
    uint32_t received;
    int count;
    target targets[DG_RESIZE_TARGETS];
};

/* Memory for `count` things of `bytes` each, zeroed; at least one. */
static void *blank(size_t count, size_t bytes)
{
    return calloc(count ? count : 1, bytes);
}

static size_t whole_blocks(size_t taps)
{
    return (taps + DG_TAP_BLOCK - 1) / DG_TAP_BLOCK;
}

/* Splits weights into low and high halves; the high half keeps only the stretch that is not zero. */
static dg_taps split(uint32_t first, size_t count, const int32_t *weight, int16_t *low, int16_t *high)
{
    dg_taps taps = {.first = first, .blocks = (uint32_t)whole_blocks(count), .low = low, .high = high};
    size_t begin = count, end = 0;

    for (size_t k = 0; k < count; k++) {
        low[k] = (int16_t)(weight[k] & 0xFFFF);
        if (low[k] == weight[k]) continue;
        if (begin == count) begin = k;
        end = k + 1;
    }
    if (begin < end) {
        taps.high_first = first + (uint32_t)begin;
        taps.high_blocks = (uint32_t)whole_blocks(end - begin);
        for (size_t k = begin; k < end; k++) high[k - begin] = (int16_t)((weight[k] - low[k]) / 65536);
    }
    return taps;
}

static int across_init(across *a, dg_axis axis)
{
    size_t window = dg_lanczos_window_max(axis);
    size_t stride = whole_blocks(window) * DG_TAP_BLOCK;
    int32_t *weight = malloc(window * sizeof *weight);
    double *scratch = malloc(window * sizeof *scratch);

    a->taps = blank(axis.out, sizeof *a->taps);
    a->low = blank(axis.out * stride, sizeof *a->low);
    a->high = blank(axis.out * stride, sizeof *a->high);
    int ok = weight && scratch && a->taps && a->low && a->high;
    size_t low_at = 0, high_at = 0;
    for (uint32_t i = 0; ok && i < axis.out; i++) {
        uint32_t first;
        size_t count;
        dg_lanczos_weights(axis, i, &first, &count, weight, scratch);
        a->taps[i] = split(first, count, weight, a->low + low_at, a->high + high_at);
        low_at += a->taps[i].blocks * (size_t)DG_TAP_BLOCK;
        high_at += a->taps[i].high_blocks * (size_t)DG_TAP_BLOCK;
    }
    free(weight);
    free(scratch);
    return ok;
}

static void across_free(across *a)
{
    free(a->taps);
    free(a->low);
    free(a->high);
}

/* The most outputs that one input row counts towards. */
static size_t open_max(const down *d)
{
    size_t most = 0;

    for (uint32_t i = 0, end = 0; i < d->outputs; i++) {
        while (end < d->outputs && d->first[end] < d->first[i] + d->count[i]) end++;
        if (end - i > most) most = end - i;
    }
    return most;
}

/* `width`: of the rows that pass through. */
static int down_init(down *d, dg_axis axis, size_t width)
{
    d->width = width;
    d->outputs = axis.out;
    d->window = dg_lanczos_window_max(axis);
    d->first = blank(axis.out, sizeof *d->first);
    d->count = blank(axis.out, sizeof *d->count);
    d->weights = blank(axis.out * d->window, sizeof *d->weights);
    double *scratch = malloc(d->window * sizeof *scratch);
    int ok = d->first && d->count && d->weights && scratch;
    for (uint32_t i = 0; ok && i < axis.out; i++) {
        size_t count;
        dg_lanczos_weights(axis, i, &d->first[i], &count, d->weights + i * d->window, scratch);
        d->count[i] = (uint32_t)count;
    }
    free(scratch);
    if (!ok) return 0;
    d->open = open_max(d);
    d->sums = blank(d->open * width, sizeof *d->sums);
    return d->sums != NULL;
}

static void down_free(down *d)
{
    free(d->first);
    free(d->count);
    free(d->weights);
    free(d->sums);
}

/* Takes the next input row. */
static void down_push(down *d, const dg_row_loops *loops, const uint8_t *row)
{
    uint32_t y = d->received++;

    for (uint32_t i = d->done; i < d->outputs && d->first[i] <= y; i++)
        loops->add(row, d->weights[i * d->window + (y - d->first[i])], d->width,
                   d->sums + i % d->open * d->width);
}

/* Writes the next output row if all its input rows have come; returns whether it did. */
static int down_next(down *d, const dg_row_loops *loops, uint8_t *out)
{
    if (d->done == d->outputs || d->first[d->done] + d->count[d->done] > d->received) return 0;
    loops->finish(d->sums + d->done % d->open * d->width, d->width, out);
    d->done++;
    return 1;
}

/* Pillow >= 13, ImagingResampleInner: down first where that removes more than twice as many samples as
 * across. */
static int goes_down_first(dg_size in, dg_size out)
{
    int64_t lower = (int64_t)in.height - out.height, narrower = (int64_t)in.width - out.width;
    return lower > 0 && lower > 2 * narrower;
}

static int target_init(target *t, dg_size in)
{
    dg_axis across_axis = {in.width, t->size.width}, down_axis = {in.height, t->size.height};

    t->plane = blank(t->size.width, t->size.height);
    if (!t->plane) return 0;
    if (t->across_needed && !t->narrowed_by) {
        t->narrow = blank(t->size.width, 1);
        if (!t->narrow || !across_init(&t->across, across_axis)) return 0;
    }
    if (t->down_needed && !down_init(&t->down, down_axis, t->down_first ? in.width : t->size.width)) return 0;
    if (t->down_first) {
        t->whole = blank(in.width, 1);
        t->whole_wide = blank(in.width + (size_t)DG_TAP_BLOCK, sizeof *t->whole_wide);
        if (!t->whole || !t->whole_wide) return 0;
    }
    return 1;
}

enum dg_code dg_resize_open(dg_resize **resize, dg_size in, const dg_size *targets, int count, dg_err *err)
{
    *resize = NULL;
    dg_resize *r = calloc(1, sizeof *r);
    if (!r) return dg_fail_nomem(err, "a resizer");

    r->in = in;
    r->loops = dg_row_loops_best();
    r->wide = blank(in.width + (size_t)DG_TAP_BLOCK, sizeof *r->wide);
    int ok = r->wide != NULL;
    for (; ok && r->count < count; r->count++) {
        target *t = &r->targets[r->count];
        t->size = targets[r->count];
        t->across_needed = in.width != t->size.width;
        t->down_needed = in.height != t->size.height;
        t->down_first = goes_down_first(in, t->size);
        for (target *earlier = r->targets; earlier < t && t->across_needed && !t->down_first; earlier++)
            if (earlier->size.width == t->size.width && !earlier->down_first && !t->narrowed_by)
                t->narrowed_by = earlier;
        ok = target_init(t, in);
    }
    if (!ok) {
        dg_resize_close(r);
        return dg_fail_nomem(err, "the rows of a resized picture");
    }
    *resize = r;
    return DG_OK;
}

/* Down, then across. */
static void row_down_first(target *t, const dg_resize *r, const uint8_t *grey)
{
    down_push(&t->down, r->loops, grey);
    for (;;) {
        uint8_t *out = t->plane + (size_t)t->down.done * t->size.width;
        if (!down_next(&t->down, r->loops, t->across_needed ? t->whole : out)) break;
        if (!t->across_needed) continue;
        r->loops->widen(t->whole, r->in.width, t->whole_wide);
        r->loops->across(t->whole_wide, t->across.taps, t->size.width, out);
    }
}

/* Across, then down. */
static void row_across_first(target *t, const dg_resize *r, const uint8_t *grey)
{
    size_t width = t->size.width;
    const uint8_t *row = grey;

    if (t->narrowed_by) {
        row = t->narrowed_by->narrow;
    } else if (t->across_needed) {
        r->loops->across(r->wide, t->across.taps, width, t->narrow);
        row = t->narrow;
    }
    if (!t->down_needed) {
        memcpy(t->plane + r->received * width, row, width);
        return;
    }
    down_push(&t->down, r->loops, row);
    while (down_next(&t->down, r->loops, t->plane + t->down.done * width)) continue;
}

void dg_resize_row(dg_resize *resize, const uint8_t *grey)
{
    resize->loops->widen(grey, resize->in.width, resize->wide);
    for (int i = 0; i < resize->count; i++) {
        target *t = &resize->targets[i];
        if (t->down_first)
            row_down_first(t, resize, grey);
        else
            row_across_first(t, resize, grey);
    }
    resize->received++;
}

const uint8_t *dg_resize_plane(const dg_resize *resize, int i)
{
    return resize->targets[i].plane;
}

void dg_resize_close(dg_resize *resize)
{
    if (!resize) return;
    for (int i = 0; i < DG_RESIZE_TARGETS; i++) {
        target *t = &resize->targets[i];
        across_free(&t->across);
        down_free(&t->down);
        free(t->narrow);
        free(t->whole);
        free(t->whole_wide);
        free(t->plane);
    }
    free(resize->wide);
    free(resize);
}
