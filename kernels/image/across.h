/*
 * The pass of a resize along rows, and the batch of rows that it takes.
 */
#ifndef DG_IMAGE_ACROSS_H
#define DG_IMAGE_ACROSS_H

#include "lanczos.h"
#include "rows.h"

/* DG_ROW_BATCH rows, as bytes and widened to 16 bits. */
typedef struct dg_row_batch {
    size_t width;
    uint8_t *bytes; /* rows `width` apart, */
    int16_t *wide;  /* `stride` apart; */
    size_t stride;  /* both readable DG_ROW_SLACK samples past their end */
} dg_row_batch;

/* Returns 0 where memory ran out; free in both cases. */
int dg_row_batch_init(dg_row_batch *batch, size_t width);
void dg_row_batch_free(dg_row_batch *batch);

/* Where the batch's row number `at` is to be written; */
uint8_t *dg_row_batch_row(const dg_row_batch *batch, size_t at);

/* and that it has been. */
void dg_row_batch_take(dg_row_batch *batch, const dg_row_loops *loops, size_t at);

typedef struct dg_across {
    size_t outputs;
    dg_tap_group *groups; /* one for DG_GROUP outputs, or NULL: */
    dg_taps *taps;        /* one for each */
    int16_t *low, *high;
} dg_across;

/* Readies the pass along the axis for these loops. Returns 0 where memory ran out; free in both cases. */
int dg_across_init(dg_across *across, dg_axis axis, const dg_row_loops *loops);
void dg_across_free(dg_across *across);

/* A whole batch: out has DG_ROW_BATCH rows of axis.out samples. */
void dg_across_run(const dg_across *across, const dg_row_loops *loops, const dg_row_batch *batch,
                   uint8_t *out);

#endif
