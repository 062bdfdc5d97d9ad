/*
 * The loops over whole rows that the quality metrics spend their time in, once for each instruction set.
 *
 * All variants give the same sums: the arithmetic is integer and nothing overflows. Where a loop looks at
 * neighbours in the row, the row is readable DG_SCORE_MARGIN samples before its first and after its last.
 */
#ifndef DG_IMAGE_SCORE_ROWS_H
#define DG_IMAGE_SCORE_ROWS_H

#include <stddef.h>
#include <stdint.h>

enum {
    DG_SCORE_MARGIN = 32,
    DG_SCORE_COLUMNS_ROWS = 128 /* rows that `columns` may add up before a sum is full: 128 * 510 < 2^16 */
};

typedef struct dg_score_sums {
    int64_t laplace;    /* sum of l = up + down + left + right - 4*centre, */
    uint64_t laplace2;  /* of l*l, */
    uint64_t gradient2; /* of gx*gx + gy*gy of the Sobel operator */
} dg_score_sums;

typedef struct dg_score_loops {
    const char *name; /* "plain", "avx2", "avx512" */
    int (*usable)(void);

    /*
     * The 3x3 windows around the samples of `row`: adds to all sums, and to noise[x] the absolute value of
     * the mask 1 -2 1, -2 4 -2, 1 -2 1, which is at most 2040.
     */
    void (*windows)(const uint8_t *above, const uint8_t *row, const uint8_t *below, size_t width,
                    dg_score_sums *sums, uint16_t *noise);

    /* The same windows, for laplace and laplace2 alone. */
    void (*laplace)(const uint8_t *above, const uint8_t *row, const uint8_t *below, size_t width,
                    dg_score_sums *sums);

    /* Two rows to one of half the width: out[x] = (the four samples' sum + 2) >> 2, x < width. */
    void (*halve)(const uint8_t *upper, const uint8_t *lower, size_t width, uint8_t *out);

    /*
     * How much steeper each step along the row is than its neighbours: sums[x] += max(0, 2s(x) - s(x-1) -
     * s(x+1)), s(x) = |row[x] - row[x-1]|, for x < width. At most 510.
     */
    void (*columns)(const uint8_t *row, size_t width, uint16_t *sums);

    /* The same down the columns of four rows, for the step between `b` and `c`: the sum over all columns. */
    uint64_t (*rows)(const uint8_t *a, const uint8_t *b, const uint8_t *c, const uint8_t *d, size_t width);

    /* clipped[x] += 1 where row[x] <= 5 or row[x] >= 250. */
    void (*clipped)(const uint8_t *row, size_t width, uint8_t *clipped);
} dg_score_loops;

/* Every variant that was compiled in, the preferred last; dg_score_loops_count of them. The first is plain C.
 */
extern const dg_score_loops *const dg_score_loops_all[];
extern const int dg_score_loops_count;

/* The last usable one. */
const dg_score_loops *dg_score_loops_best(void);

#endif
