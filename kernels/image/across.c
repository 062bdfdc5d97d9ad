/*
 * Weights are laid out in one of two ways. Where outputs draw on few inputs each, DG_GROUP neighbouring
 * outputs are worked out side by side; else the inputs of one output are.
 *
 * Outputs or groups that see the same weights share them, except in long windows: there it is worth more
 * that every window begins with a whole block, since a load that straddles two cache lines takes twice as
 * long.
 */
#include "across.h"

#include <stdlib.h>
#include <string.h>

enum { LONG_WINDOW = 128 }; /* inputs */

/* `count` samples or weights of 16 bits, zeroed, beginning where a block of them is loaded quickly. */
static int16_t *blank_blocks(size_t count)
{
    enum { BLOCK_BYTES = DG_TAP_BLOCK * sizeof(int16_t) };
    size_t bytes = (count * sizeof(int16_t) / BLOCK_BYTES + 1) * BLOCK_BYTES;
    int16_t *blocks = aligned_alloc(BLOCK_BYTES, bytes);

    if (blocks) memset(blocks, 0, bytes);
    return blocks;
}

/* --- the batch --- */

int dg_row_batch_init(dg_row_batch *batch, size_t width)
{
    batch->width = width;
    batch->stride = (width + DG_ROW_SLACK) / DG_TAP_BLOCK * DG_TAP_BLOCK;
    batch->bytes = calloc(DG_ROW_BATCH * width + DG_ROW_SLACK, 1);
    batch->wide = blank_blocks(DG_ROW_BATCH * batch->stride);
    return batch->bytes && batch->wide;
}

void dg_row_batch_free(dg_row_batch *batch)
{
    free(batch->bytes);
    free(batch->wide);
}

uint8_t *dg_row_batch_row(const dg_row_batch *batch, size_t at)
{
    return batch->bytes + at * batch->width;
}

void dg_row_batch_take(dg_row_batch *batch, const dg_row_loops *loops, size_t at)
{
    loops->widen(dg_row_batch_row(batch, at), batch->width, batch->wide + at * batch->stride);
}

/* --- output by output --- */

static uint32_t whole_blocks(size_t taps)
{
    return (uint32_t)((taps + DG_TAP_BLOCK - 1) / DG_TAP_BLOCK);
}

static int16_t low_half(int32_t weight)
{
    return (int16_t)(weight & 0xFFFF);
}

static int16_t high_half(int32_t weight)
{
    return (int16_t)((weight - low_half(weight)) / 65536);
}

/* Splits weights into low and high halves; the high half keeps only the stretch that is not zero. `align`:
 * both are to begin at a multiple of DG_TAP_BLOCK samples, with zeros before them. */
static dg_taps split(const dg_window *w, int align, int16_t *low, int16_t *high)
{
    uint32_t begin = 0, end = w->count;
    while (begin < end && !high_half(w->weights[begin])) begin++;
    while (end > begin && !high_half(w->weights[end - 1])) end--;

    uint32_t pad = align ? w->first % DG_TAP_BLOCK : 0;
    uint32_t high_pad = align ? (w->first + begin) % DG_TAP_BLOCK : 0;
    for (uint32_t k = 0; k < w->count; k++) low[pad + k] = low_half(w->weights[k]);
    for (uint32_t k = begin; k < end; k++) high[high_pad + k - begin] = high_half(w->weights[k]);
    return (dg_taps){.first = w->first - pad,
                     .blocks = whole_blocks(pad + w->count),
                     .high_first = w->first + begin - high_pad,
                     .high_blocks = begin < end ? whole_blocks(high_pad + end - begin) : 0,
                     .low = low,
                     .high = high};
}

static dg_taps shifted(dg_taps taps, uint32_t apart)
{
    taps.first += apart;
    taps.high_first += apart;
    return taps;
}

static int lay_out_taps(dg_across *a, dg_axis axis, const dg_windows *windows)
{
    size_t most = dg_lanczos_window_max(axis), stride = (whole_blocks(most) + 1) * DG_TAP_BLOCK;
    int align = most > LONG_WINDOW;

    a->taps = calloc(axis.out, sizeof *a->taps);
    a->low = blank_blocks(axis.out * stride);
    a->high = blank_blocks(axis.out * stride);
    if (!a->taps || !a->low || !a->high) return 0;
    int16_t *low = a->low, *high = a->high;
    for (uint32_t i = 0; i < axis.out; i++) {
        const dg_window *w = &windows->of[i];
        if (w->like < i && !align) {
            a->taps[i] = shifted(a->taps[w->like], w->first - windows->of[w->like].first);
            continue;
        }
        a->taps[i] = split(w, align, low, high);
        low += a->taps[i].blocks * (size_t)DG_TAP_BLOCK;
        high += a->taps[i].high_blocks * (size_t)DG_TAP_BLOCK;
    }
    return 1;
}

/* --- group by group --- */

static size_t groups_of(size_t outputs)
{
    return (outputs + DG_GROUP - 1) / DG_GROUP;
}

/* The group's first output; the last group ends with the last output. */
static size_t group_start(size_t outputs, size_t group)
{
    size_t start = group * DG_GROUP;
    return start + DG_GROUP <= outputs ? start : outputs - DG_GROUP;
}

/* Pairs of weights that hold the longest of a group's windows. */
static uint32_t pairs_of(const dg_window *windows)
{
    uint32_t most = 0;

    for (int i = 0; i < DG_GROUP; i++)
        if (windows[i].count > most) most = windows[i].count;
    return (most + 1) / 2;
}

/* Whether every group draws on no more than DG_GROUP_SPAN inputs; then most is its most pairs. */
static int groups_are_narrow(const dg_windows *windows, size_t outputs, uint32_t *most)
{
    *most = 0;
    if (outputs < DG_GROUP) return 0;
    for (size_t g = 0; g < groups_of(outputs); g++) {
        const dg_window *w = &windows->of[group_start(outputs, g)];
        uint32_t pairs = pairs_of(w);
        if (w[DG_GROUP - 1].first + 2 * pairs > w[0].first + DG_GROUP_SPAN) return 0;
        if (pairs > *most) *most = pairs;
    }
    return 1;
}

/* An earlier group with the same weights, or `group`. */
static size_t group_like(const dg_windows *windows, size_t outputs, size_t group)
{
    const dg_window *w = &windows->of[group_start(outputs, group)];
    size_t like = w[0].like / DG_GROUP;

    if (w[0].like % DG_GROUP) return group;
    for (uint32_t i = 0; i < DG_GROUP; i++)
        if (w[i].like != w[0].like + i) return group;
    return like;
}

static void fill_group(const dg_window *w, int16_t *low, int16_t *high)
{
    for (size_t i = 0; i < DG_GROUP; i++) {
        for (size_t k = 0; k < w[i].count; k++) {
            size_t at = k / 2 * (2 * DG_GROUP) + 2 * i + k % 2;
            low[at] = low_half(w[i].weights[k]);
            high[at] = high_half(w[i].weights[k]);
        }
    }
}

static int lay_out_groups(dg_across *a, const dg_windows *windows, uint32_t most_pairs)
{
    size_t groups = groups_of(a->outputs), stride = most_pairs * (size_t)(2 * DG_GROUP);

    a->groups = calloc(groups, sizeof *a->groups);
    a->low = blank_blocks(groups * stride);
    a->high = blank_blocks(groups * stride);
    if (!a->groups || !a->low || !a->high) return 0;
    for (size_t g = 0; g < groups; g++) {
        const dg_window *w = &windows->of[group_start(a->outputs, g)];
        dg_tap_group *group = &a->groups[g];
        size_t like = group_like(windows, a->outputs, g);
        for (int i = 0; i < DG_GROUP; i++) group->first[i] = w[i].first;
        group->pairs = pairs_of(w);
        group->low = a->low + like * stride;
        group->high = a->high + like * stride;
        if (like == g) fill_group(w, a->low + g * stride, a->high + g * stride);
    }
    return 1;
}

/* --- both --- */

int dg_across_init(dg_across *a, dg_axis axis, const dg_row_loops *loops)
{
    dg_windows windows;
    uint32_t most_pairs;
    int ok = dg_lanczos_windows(axis, 0, &windows);

    a->outputs = axis.out;
    if (ok && loops->across_groups && groups_are_narrow(&windows, axis.out, &most_pairs))
        ok = lay_out_groups(a, &windows, most_pairs);
    else
        ok = ok && lay_out_taps(a, axis, &windows);
    dg_lanczos_free(&windows);
    return ok;
}

void dg_across_free(dg_across *a)
{
    free(a->groups);
    free(a->taps);
    free(a->low);
    free(a->high);
}

void dg_across_run(const dg_across *a, const dg_row_loops *loops, const dg_row_batch *batch, uint8_t *out)
{
    if (a->groups)
        loops->across_groups(batch->bytes, batch->width, a->groups, a->outputs, out);
    else
        loops->across(batch->wide, batch->stride, a->taps, a->outputs, out);
}
