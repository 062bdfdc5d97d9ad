/*
 * A target is two passes in a row, across and down, each with its table of weights and rounding to 8 bits.
 *
 * Normally picture rows go across first, and the narrow rows are added to the sums of all output rows that
 * draw on them. For pictures that lose much more height than width Pillow turns the order round: there
 * picture rows are summed, and the finished sums go across. A pass whose axis already has the target's length
 * is left out. Targets of equal width that go across first share that pass.
 *
 * Rows are worked on in batches of DG_ROW_BATCH. A batch that is not full is worked on all the same: what
 * comes of its missing rows has no weight or lands in rows of slack behind the plane.
 */
#include "resize.h"

#include "across.h"

#include <stdlib.h>
#include <string.h>

/*
 * The pass along columns. Input row y counts towards the outputs whose window it lies in; their sums are
 * kept, output i's at i mod `open`, which is the most outputs any batch counts towards.
 */
typedef struct down {
    size_t width;     /* samples of a row */
    uint32_t outputs; /* output rows in all */
    dg_windows windows;
    size_t open;
    uint32_t *sums;
    uint32_t received, begun, done; /* rows in so far; rows out that have sums, and that are finished */
} down;

typedef struct target {
    dg_size size;
    int across_needed, down_needed, down_first;
    const struct target *narrowed_by; /* an earlier target with the same pass across */
    dg_across across;
    down down;
    uint8_t *narrow;     /* across first: a batch after that pass */
    dg_row_batch summed; /* down first: a batch after that pass */
    uint8_t *plane;      /* DG_ROW_BATCH rows of slack at the end */
} target;

struct dg_resize {
    dg_size in;
    const dg_row_loops *loops;
    dg_row_batch batch; /* the latest picture rows */
    uint32_t received;
    int count;
    target targets[DG_RESIZE_TARGETS];
};

/* Memory for `count` things of `bytes` each, zeroed; at least one. */
static void *blank(size_t count, size_t bytes)
{
    return calloc(count ? count : 1, bytes);
}

/* The input row after the last that output i draws on. */
static uint32_t window_end(const down *d, uint32_t i)
{
    return d->windows.of[i].first + d->windows.of[i].count;
}

/* The most outputs that one batch of input rows counts towards. */
static size_t open_max(const down *d)
{
    size_t most = 0;

    for (uint32_t i = 0, after = 0; i < d->outputs; i++) {
        while (after < d->outputs && d->windows.of[after].first < window_end(d, i) + DG_ROW_BATCH - 1)
            after++;
        if (after - i > most) most = after - i;
    }
    return most;
}

/* `width`: of the rows that pass through. */
static int down_init(down *d, dg_axis axis, size_t width)
{
    d->width = width;
    d->outputs = axis.out;
    if (!dg_lanczos_windows(axis, DG_ROW_BATCH - 1, &d->windows)) return 0;
    d->open = open_max(d);
    d->sums = blank(d->open * width, sizeof *d->sums);
    return d->sums != NULL;
}

static void down_free(down *d)
{
    dg_lanczos_free(&d->windows);
    free(d->sums);
}

/* Takes a batch of input rows, `count` of which are there. */
static void down_push(down *d, const dg_row_loops *loops, const uint8_t *rows, uint32_t count)
{
    uint32_t y = d->received;

    uint32_t i = d->done;
    for (; i < d->outputs && d->windows.of[i].first < y + DG_ROW_BATCH; i++) {
        /* A window that begins or ends within the batch has zeros around it. */
        const int32_t *weights = d->windows.of[i].weights + ((int64_t)y - d->windows.of[i].first);
        uint32_t *sums = d->sums + i % d->open * d->width;
        if (i < d->begun)
            loops->add(rows, weights, d->width, sums);
        else
            loops->begin(rows, weights, d->width, sums);
    }
    d->begun = i;
    d->received += count;
}

/* Writes the next output row if all its input rows have come; returns whether it did. */
static int down_next(down *d, const dg_row_loops *loops, uint8_t *out)
{
    if (d->done == d->outputs || window_end(d, d->done) > d->received) return 0;
    loops->finish(d->sums + d->done % d->open * d->width, d->width, out);
    d->done++;
    return 1;
}

/* Pillow >= 13, ImagingResampleInner: down first where that removes more than twice as many samples as
 * across. */
int dg_resize_goes_down_first(dg_size in, dg_size out)
{
    int64_t lower = (int64_t)in.height - out.height, narrower = (int64_t)in.width - out.width;
    return lower > 0 && lower > 2 * narrower;
}

static int target_init(target *t, dg_size in, const dg_row_loops *loops)
{
    dg_axis across_axis = {in.width, t->size.width}, down_axis = {in.height, t->size.height};

    t->plane = blank((size_t)t->size.height + DG_ROW_BATCH, t->size.width);
    if (!t->plane) return 0;
    if (t->across_needed && !t->narrowed_by) {
        t->narrow = blank(t->size.width, DG_ROW_BATCH);
        if (!t->narrow || !dg_across_init(&t->across, across_axis, loops)) return 0;
    }
    if (t->down_needed && !down_init(&t->down, down_axis, t->down_first ? in.width : t->size.width)) return 0;
    return !t->down_first || dg_row_batch_init(&t->summed, in.width);
}

enum dg_code dg_resize_open(dg_resize **resize, dg_size in, const dg_size *targets, int count, dg_err *err)
{
    *resize = NULL;
    dg_resize *r = calloc(1, sizeof *r);
    if (!r) return dg_fail_nomem(err, "a resizer");

    r->in = in;
    r->loops = dg_row_loops_best();
    int ok = dg_row_batch_init(&r->batch, in.width);
    for (; ok && r->count < count; r->count++) {
        target *t = &r->targets[r->count];
        t->size = targets[r->count];
        t->across_needed = in.width != t->size.width;
        t->down_needed = in.height != t->size.height;
        t->down_first = dg_resize_goes_down_first(in, t->size);
        for (target *earlier = r->targets; earlier < t && t->across_needed && !t->down_first; earlier++)
            if (earlier->size.width == t->size.width && !earlier->down_first && !t->narrowed_by)
                t->narrowed_by = earlier;
        ok = target_init(t, in, r->loops);
    }
    if (!ok) {
        dg_resize_close(r);
        return dg_fail_nomem(err, "the rows of a resized picture");
    }
    *resize = r;
    return DG_OK;
}

/* A batch down, then across. */
static void batch_down_first(target *t, const dg_resize *r, uint32_t count)
{
    down *d = &t->down;
    size_t width = t->size.width;

    down_push(d, r->loops, r->batch.bytes, count);
    if (!t->across_needed) {
        while (down_next(d, r->loops, t->plane + d->done * width)) continue;
        return;
    }
    while (down_next(d, r->loops, dg_row_batch_row(&t->summed, d->done % DG_ROW_BATCH))) {
        uint32_t i = d->done - 1;
        dg_row_batch_take(&t->summed, r->loops, i % DG_ROW_BATCH);
        if (d->done % DG_ROW_BATCH == 0 || d->done == d->outputs)
            dg_across_run(&t->across, r->loops, &t->summed,
                          t->plane + i / DG_ROW_BATCH * DG_ROW_BATCH * width);
    }
}

/* A batch across, then down. */
static void batch_across_first(target *t, const dg_resize *r, uint32_t count)
{
    size_t width = t->size.width;
    const uint8_t *rows = r->batch.bytes;

    if (t->narrowed_by) {
        rows = t->narrowed_by->narrow;
    } else if (t->across_needed) {
        dg_across_run(&t->across, r->loops, &r->batch, t->narrow);
        rows = t->narrow;
    }
    if (!t->down_needed) {
        memcpy(t->plane + (r->received - count) * width, rows, count * width);
        return;
    }
    down_push(&t->down, r->loops, rows, count);
    while (down_next(&t->down, r->loops, t->plane + t->down.done * width)) continue;
}

uint8_t *dg_resize_row(const dg_resize *resize)
{
    return dg_row_batch_row(&resize->batch, resize->received % DG_ROW_BATCH);
}

void dg_resize_take(dg_resize *resize)
{
    uint32_t at = resize->received % DG_ROW_BATCH, count = at + 1;

    dg_row_batch_take(&resize->batch, resize->loops, at);
    resize->received++;
    if (count < DG_ROW_BATCH && resize->received < resize->in.height) return;
    for (int i = 0; i < resize->count; i++) {
        target *t = &resize->targets[i];
        if (t->down_first)
            batch_down_first(t, resize, count);
        else
            batch_across_first(t, resize, count);
    }
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
        dg_across_free(&t->across);
        down_free(&t->down);
        free(t->narrow);
        dg_row_batch_free(&t->summed);
        free(t->plane);
    }
    dg_row_batch_free(&resize->batch);
    free(resize);
}
