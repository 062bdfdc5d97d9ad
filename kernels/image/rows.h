/*
 * The loops over whole rows that hashing spends its time in, once for each instruction set.
 *
 * Resizing takes DG_ROW_BATCH rows at a time, so that a weight is loaded once for all of them. All variants
 * give the same bits: the arithmetic is integer, and sums wrap modulo 2^32.
 */
#ifndef DG_IMAGE_ROWS_H
#define DG_IMAGE_ROWS_H

#include <stddef.h>
#include <stdint.h>

enum {
    DG_WEIGHT_BITS = 22, /* fixed point of the resize weights: 2^22 is one (Pillow's PRECISION_BITS) */
    DG_LANCZOS_LOBES = 3,
    DG_ROW_BATCH = 4,
    DG_TAP_BLOCK = 32,                /* weights are padded with zeros to whole blocks */
    DG_GROUP = 16,                    /* outputs that are worked out side by side, */
    DG_GROUP_SPAN = 64,               /* and how many inputs they may draw on together */
    DG_ROW_SLACK = 2 * DG_GROUP_SPAN, /* rows are readable that far past their end */
};

/*
 * The weights of one output sample: low[0..blocks*DG_TAP_BLOCK) belong to the inputs from `first`, and
 * high[0..high_blocks*DG_TAP_BLOCK) to those from `high_first`. An input's weight is low + 65536*high; most
 * high parts are zero and left out.
 */
typedef struct dg_taps {
    uint32_t first, blocks;
    uint32_t high_first, high_blocks;
    const int16_t *low, *high;
} dg_taps;

/*
 * The weights of DG_GROUP neighbouring outputs, in pairs: low[32*j + 2*i] and low[32*j + 2*i + 1] belong to
 * inputs first[i] + 2*j and first[i] + 2*j + 1 of output i, j < pairs; high likewise. No input lies
 * DG_GROUP_SPAN or more behind first[0].
 */
typedef struct dg_tap_group {
    uint32_t first[DG_GROUP]; /* ascending */
    uint32_t pairs;
    const int16_t *low, *high;
} dg_tap_group;

typedef struct dg_row_loops {
    const char *name; /* "plain", "avx2", "avx512" */
    int (*usable)(void);

    /* Grey of `count` four-byte pixels R, G, B, any: (19595 R + 38470 G + 7471 B + rounding) >> 16. */
    void (*luma)(const uint8_t *rgbx, size_t count, uint32_t rounding, uint8_t *grey);

    /* Lanczos's filter at ((k + first - centre) + 0.5)*step for k < count, each with an error below 1e-14,
     * and their sum. */
    double (*filter)(int32_t first, double centre, double step, size_t count, double *value);

    /* weight[k] = value[k]*factor, rounded. Returns 0 where one is so close to a rounding boundary that an
     * error of 1e-6 could matter; `weight` is then worthless. */
    int (*round_weights)(const double *value, size_t count, double factor, int32_t *weight);

    void (*widen)(const uint8_t *row, size_t count, int16_t *wide);

    /*
     * A batch of rows, `stride` samples apart, resized along the row: for each row and each of `count`
     * outputs clip((2^21 + sum of weight*sample) >> 22). Output rows are `count` bytes apart.
     */
    void (*across)(const int16_t *rows, size_t stride, const dg_taps *taps, size_t count, uint8_t *out);

    /* The same by groups, for count >= DG_GROUP outputs, the last group ending with the last; rows are
     * `stride` bytes apart. NULL: this variant is no quicker so. */
    void (*across_groups)(const uint8_t *rows, size_t stride, const dg_tap_group *groups, size_t count,
                          uint8_t *out);

    /* The first batch of rows, `width` bytes apart, towards one output row: sums[x] = sum over k of
     * weights[k]*rows[k][x]; */
    void (*begin)(const uint8_t *rows, const int32_t *weights, size_t width, uint32_t *sums);

    /* another one: sums[x] += the same; */
    void (*add)(const uint8_t *rows, const int32_t *weights, size_t width, uint32_t *sums);

    /* and at the end: out[x] = clip((2^21 + sums[x]) >> 22). */
    void (*finish)(const uint32_t *sums, size_t width, uint8_t *out);
} dg_row_loops;

/* Every variant that was compiled in, the preferred last; dg_row_loops_count of them. The first is plain C.
 */
extern const dg_row_loops *const dg_row_loops_all[];
extern const int dg_row_loops_count;

/* The last usable one. */
const dg_row_loops *dg_row_loops_best(void);

#endif
