/*
 * From the sums over a grey picture to its quality metrics: quality.md, sections 1 and 2. Who takes the sums
 * is another matter: quality.h does, row by row.
 */
#ifndef DG_IMAGE_METRICS_H
#define DG_IMAGE_METRICS_H

#include "image.h"
#include "score_rows.h"
#include "size.h"

enum {
    DG_METRIC_LEVELS = 7,              /* of the pyramid at most */
    DG_METRIC_BLOCK = 16,              /* side of the blocks that noise is measured in */
    DG_METRIC_CLIPPED_MOST = 64,       /* clipped samples (up to 5, from 250 on) of a block that counts */
    DG_METRIC_CLIPPED_FLAG = 1u << 20, /* of a block that does not: 256 * 2040 < 2^20 */
    DG_METRIC_GRID = 8,                /* what blockiness looks for */
};

/*
 * Level 0 of the pyramid is the picture, and of each level every whole 2 x 2 samples are one of the next:
 * (their sum + 2) >> 2. Neighbours across the border are those on the other side of the border's sample.
 */
typedef struct dg_metric_sums {
    dg_size size;
    uint64_t counts[256]; /* samples of each value */

    /* Where windows are needed: */
    dg_score_sums level[DG_METRIC_LEVELS]; /* gradient2 of level 0 only */
    uint64_t noise;                        /* of the mask's absolute values (score_rows.h), border left out */
    const uint32_t
        *blocks; /* the same in each whole block, the first one at (1, 1), and DG_METRIC_CLIPPED_FLAG */
    size_t block_count;
    uint64_t across[DG_METRIC_GRID]; /* how much steeper steps are along rows, by their place modulo GRID, */
    uint64_t down[DG_METRIC_GRID];   /* and down columns; only even places are looked at */
} dg_metric_sums;

/* Whether any of the metrics needs more than the counts. */
int dg_metrics_need_windows(unsigned metrics);

/* Levels of the pyramid of a picture of that size, and the size of one. */
int dg_metric_levels(dg_size size);
dg_size dg_metric_level(dg_size size, int level);

/* Whole blocks along a side, and of a picture. */
uint32_t dg_metric_blocks_along(uint32_t side);
size_t dg_metric_blocks(dg_size size);

/*
 * The metrics asked for, bit 1 << metric each, and in *null bit 1 << metric for those that the picture has
 * not. `jpeg_quality` is 0 where there is none.
 */
void dg_metrics_of(const dg_metric_sums *sums, unsigned metrics, int jpeg_quality, double metric[DG_METRICS],
                   unsigned *null);

#endif
