/*
 * Rows are kept four at a time, each with its neighbours across the border at both ends (reflect-101: the
 * sample before the first is the second). When row y has come, the windows around row y - 1 are complete, and
 * after the last row those around it, with the row before it below it too. Of every two rows one of half the
 * width goes to the next level of the pyramid, which works in the same way.
 */
#include "quality.h"

#include "score_rows.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PARTS = 8,           /* of the histogram */
    KEPT = 4,            /* rows of a level */
    LEVELS = 7,          /* of the pyramid at most */
    SMALLEST = 8,        /* smaller side of a level */
    BLOCK = 16,          /* side of the blocks that noise is measured in */
    CLIPPED_MOST = 64,   /* clipped samples of a block that counts */
    GRID = 8,            /* what blockiness looks for */
    GRID_SIDE = 32,      /* smaller side for it */
    UNCLIPPED_LEAST = 4, /* blocks */
};

static const char *const names[DG_METRICS] = {
    [DG_METRIC_BLUR] = "blur",
    [DG_METRIC_SHARPNESS] = "sharpness",
    [DG_METRIC_BRIGHTNESS] = "brightness",
    [DG_METRIC_CONTRAST] = "contrast",
    [DG_METRIC_CLIP_LO] = "clip_lo",
    [DG_METRIC_CLIP_HI] = "clip_hi",
    [DG_METRIC_ENTROPY] = "entropy",
    [DG_METRIC_NOISE] = "noise",
    [DG_METRIC_BLOCKINESS] = "blockiness",
    [DG_METRIC_JPEG_QUALITY] = "jpeg_quality",
    [DG_METRIC_EFF_PIXELS] = "eff_pixels",
    [DG_METRIC_OVERALL] = "overall",
};

const char *dg_metric_name(enum dg_metric metric)
{
    return names[metric];
}

enum dg_code dg_metric_find(const char *name, enum dg_metric *metric, dg_err *err)
{
    char list[200] = "";
    size_t used = 0;

    for (int m = 0; m < DG_METRICS; m++) {
        if (strcmp(names[m], name) == 0) {
            *metric = (enum dg_metric)m;
            return DG_OK;
        }
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", m ? ", " : "", names[m]);
    }
    return dg_fail(err, DG_ERROR, "there is no metric '%.60s'; there are %s", name, list);
}

/* What noise measures in 16x16 blocks is in one word: the sum of the mask, and whether too much is clipped.
 */
enum { CLIPPED_FLAG = 1u << 20 }; /* 256 * 2040 < 2^20 */

typedef struct level {
    dg_size size;
    size_t stride;
    uint8_t *rows; /* KEPT of them, row y at y mod KEPT, with margins */
    uint32_t received;
    dg_score_sums sums;
} level;

struct dg_quality {
    const dg_score_loops *loops;
    unsigned metrics;
    int windows_needed; /* more is wanted than the histogram tells */
    int levels;
    level level[LEVELS];
    uint32_t histogram[PARTS][256]; /* of every eighth sample each: neighbours are often equal */
    uint64_t counts[256];           /* the parts together */
    uint16_t *noise;                /* by column: absolute values of the mask in the current row of blocks, */
    uint8_t *clipped;               /* and clipped samples */
    uint64_t noise_total;
    uint32_t *blocks;
    size_t block_count;
    uint16_t *steps; /* by column: blockiness along the rows since the last flush */
    uint32_t steps_rows;
    uint64_t across[GRID], down[GRID]; /* sums by position modulo GRID */
};

static uint8_t *row_of(const level *l, uint32_t y)
{
    return l->rows + y % KEPT * l->stride + DG_SCORE_MARGIN;
}

static uint32_t smaller_side(dg_size size)
{
    return size.width < size.height ? size.width : size.height;
}

/* Whole blocks along an axis of the interior. */
static size_t blocks_along(uint32_t side)
{
    return side < 2 ? 0 : (side - 2) / BLOCK;
}

static int level_init(level *l, dg_size size)
{
    l->size = size;
    l->stride = size.width + 2 * (size_t)DG_SCORE_MARGIN;
    l->rows = calloc(KEPT, l->stride);
    return l->rows != NULL;
}

enum dg_code dg_quality_open(dg_quality **quality, dg_size size, unsigned metrics, dg_err *err)
{
    const unsigned of_histogram = 1u << DG_METRIC_BRIGHTNESS | 1u << DG_METRIC_CONTRAST |
                                  1u << DG_METRIC_CLIP_LO | 1u << DG_METRIC_CLIP_HI |
                                  1u << DG_METRIC_ENTROPY | 1u << DG_METRIC_JPEG_QUALITY;
    *quality = NULL;
    dg_quality *q = calloc(1, sizeof *q);
    if (!q) return dg_fail_nomem(err, "quality metrics");

    q->loops = dg_score_loops_best();
    q->metrics = metrics;
    q->windows_needed = (metrics & ~of_histogram) != 0;
    int ok = level_init(&q->level[q->levels++], size);
    while (ok && q->levels < LEVELS && smaller_side(size) / 2 >= SMALLEST) {
        size = (dg_size){size.width / 2, size.height / 2};
        ok = level_init(&q->level[q->levels++], size);
    }
    size = q->level[0].size;
    size_t blocks = blocks_along(size.width) * blocks_along(size.height);
    q->noise = calloc(size.width, sizeof *q->noise);
    q->clipped = calloc(size.width, 1);
    q->steps = calloc(size.width, sizeof *q->steps);
    q->blocks = calloc(blocks ? blocks : 1, sizeof *q->blocks);
    if (ok && q->noise && q->clipped && q->steps && q->blocks) {
        *quality = q;
        return DG_OK;
    }
    dg_quality_close(q);
    return dg_fail_nomem(err, "the rows of quality metrics");
}

void dg_quality_close(dg_quality *quality)
{
    if (!quality) return;
    for (int k = 0; k < quality->levels; k++) free(quality->level[k].rows);
    free(quality->noise);
    free(quality->clipped);
    free(quality->steps);
    free(quality->blocks);
    free(quality);
}

static void count_samples(dg_quality *q, const uint8_t *row, size_t width)
{
    size_t x = 0;

    for (; x + PARTS <= width; x += PARTS) {
        uint64_t eight;
        memcpy(&eight, row + x, sizeof eight);
        for (int i = 0; i < PARTS; i++) q->histogram[i][eight >> 8 * i & 255]++;
    }
    for (; x < width; x++) q->histogram[0][row[x]]++;
}

/* Counts the row that was written to row_of(l, l->received) and lays its mirror image around it. */
static void row_received(level *l)
{
    size_t width = l->size.width;
    uint8_t *row = row_of(l, l->received++);

    row[-1] = row[width > 1 ? 1 : 0];
    row[width] = row[width > 1 ? width - 2 : 0];
}

/* The rows above and below row y; at the border those on the other side. */
static void neighbours(const level *l, uint32_t y, const uint8_t **above, const uint8_t **below)
{
    uint32_t height = l->size.height;

    *above = row_of(l, y > 0 ? y - 1 : height > 1 ? 1 : 0);
    *below = row_of(l, y + 1 < height ? y + 1 : height > 1 ? height - 2 : 0);
}

static void clear_blocks(dg_quality *q)
{
    memset(q->noise, 0, q->level[0].size.width * sizeof *q->noise);
    memset(q->clipped, 0, q->level[0].size.width);
}

/* Adds up the columns of a row of blocks; `whole`: all rows of it have come. */
static void close_blocks(dg_quality *q, int whole)
{
    uint32_t width = q->level[0].size.width;
    size_t blocks = whole ? blocks_along(width) : 0;

    for (size_t b = 0; b < blocks; b++) {
        uint32_t sum = 0, clipped = 0;
        for (size_t x = 1 + b * BLOCK; x < 1 + (b + 1) * BLOCK; x++) {
            sum += q->noise[x];
            clipped += q->clipped[x];
        }
        q->blocks[q->block_count++] = sum | (clipped > CLIPPED_MOST ? CLIPPED_FLAG : 0);
    }
    for (uint32_t x = 1; x + 1 < width; x++) q->noise_total += q->noise[x];
    clear_blocks(q);
}

/* The windows around row y of the picture itself. Only the interior counts for noise. */
static void measure_picture(dg_quality *q, uint32_t y)
{
    level *l = &q->level[0];
    const uint8_t *above, *below, *row = row_of(l, y);

    neighbours(l, y, &above, &below);
    q->loops->windows(above, row, below, l->size.width, &l->sums, q->noise);
    q->loops->clipped(row, l->size.width, q->clipped);
    if (y == 0)
        clear_blocks(q);
    else if (y % BLOCK == 0 || y + 2 == l->size.height)
        close_blocks(q, y % BLOCK == 0 && y + 1 < l->size.height);
}

static void measure_level(const dg_quality *q, level *l, uint32_t y)
{
    const uint8_t *above, *below;

    neighbours(l, y, &above, &below);
    q->loops->laplace(above, row_of(l, y), below, l->size.width, &l->sums);
}

static void measure(dg_quality *q, int k, uint32_t y)
{
    if (k == 0)
        measure_picture(q, y);
    else
        measure_level(q, &q->level[k], y);
}

static void flush_steps(dg_quality *q)
{
    for (uint32_t x = 2; x + 2 <= q->level[0].size.width; x++) q->across[x % GRID] += q->steps[x];
    memset(q->steps, 0, q->level[0].size.width * sizeof *q->steps);
    q->steps_rows = 0;
}

/* Blockiness, when row y has come: along it, and down to it where the rows before complete an even step. */
static void measure_grid(dg_quality *q, uint32_t y)
{
    const level *l = &q->level[0];

    if (smaller_side(l->size) < GRID_SIDE) return;
    q->loops->columns(row_of(l, y), l->size.width, q->steps);
    if (++q->steps_rows == DG_SCORE_COLUMNS_ROWS || y + 1 == l->size.height) flush_steps(q);
    if (y >= 3 && y % 2 == 1)
        q->down[(y - 1) % GRID] +=
            q->loops->rows(row_of(l, y - 3), row_of(l, y - 2), row_of(l, y - 1), row_of(l, y), l->size.width);
}

/* The next row of level k is in its place. */
static void take(dg_quality *q, int k)
{
    level *l = &q->level[k], *next = k + 1 < q->levels ? l + 1 : NULL;
    uint32_t y = l->received;

    row_received(l);
    if (y > 0) measure(q, k, y - 1);
    if (y + 1 == l->size.height) measure(q, k, y);
    if (k == 0) measure_grid(q, y);
    if (y % 2 == 1 && next) {
        q->loops->halve(row_of(l, y - 1), row_of(l, y), next->size.width, row_of(next, next->received));
        take(q, k + 1);
    }
}

void dg_quality_take(dg_quality *quality, const uint8_t *row)
{
    level *l = &quality->level[0];

    count_samples(quality, row, l->size.width);
    if (!quality->windows_needed) return;
    memcpy(row_of(l, l->received), row, l->size.width);
    take(quality, 0);
}

static double samples_of(dg_size size)
{
    return (double)size.width * size.height;
}

/* Population variance of `count` integers from their sum and the sum of their squares. */
static double variance(uint64_t count, int64_t sum, uint64_t squares)
{
    unsigned __int128 magnitude = sum < 0 ? -(uint64_t)sum : (uint64_t)sum;
    unsigned __int128 numerator = (unsigned __int128)count * squares - magnitude * magnitude;

    return (double)numerator / ((double)count * (double)count);
}

static double blur_of(const level *l)
{
    return variance((uint64_t)l->size.width * l->size.height, l->sums.laplace, l->sums.laplace2);
}

static double contrast_of(const dg_quality *q)
{
    uint64_t sum = 0, squares = 0;

    for (uint64_t v = 0; v < 256; v++) {
        sum += v * q->counts[v];
        squares += v * v * q->counts[v];
    }
    dg_size size = q->level[0].size;
    return sqrt(variance((uint64_t)size.width * size.height, (int64_t)sum, squares)) / 255;
}

static double brightness_of(const dg_quality *q)
{
    uint64_t sum = 0;

    for (uint64_t v = 0; v < 256; v++) sum += v * q->counts[v];
    return (double)sum / samples_of(q->level[0].size) / 255;
}

/* The share of samples from `first` to `last`. */
static double share_of(const dg_quality *q, int first, int last)
{
    uint64_t sum = 0;

    for (int v = first; v <= last; v++) sum += q->counts[v];
    return (double)sum / samples_of(q->level[0].size);
}

static double entropy_of(const dg_quality *q)
{
    double entropy = 0;

    for (int v = 0; v < 256; v++) {
        double p = (double)q->counts[v] / samples_of(q->level[0].size);
        if (p > 0) entropy -= p * log2(p);
    }
    return entropy;
}

/* The block sum that `rank` others precede in ascending order; clipped blocks are left out unless `all`.
 * Finds its upper half first, then among those that share it the lower. */
static uint32_t block_of_rank(const dg_quality *q, size_t rank, int all)
{
    enum { DIGIT_BITS = 10 };
    uint32_t prefix = 0;

    for (int shift = DIGIT_BITS; shift >= 0; shift -= DIGIT_BITS) {
        size_t count[1 << DIGIT_BITS] = {0};
        uint32_t digit = 0;
        for (size_t b = 0; b < q->block_count; b++) {
            uint32_t sum = q->blocks[b] & (CLIPPED_FLAG - 1);
            int counts = all || !(q->blocks[b] & CLIPPED_FLAG);
            if (counts && sum >> (shift + DIGIT_BITS) == prefix)
                count[sum >> shift & ((1u << DIGIT_BITS) - 1)]++;
        }
        while (rank >= count[digit]) rank -= count[digit++];
        prefix = prefix << DIGIT_BITS | digit;
    }
    return prefix;
}

/* Immerkaer's estimate; from the flattest tenth of the blocks where there are enough. */
static double noise_of(const dg_quality *q)
{
    const double scale = sqrt(M_PI / 2) / 6, flattest = 1.12; /* calibrated on white noise: quality.md */
    dg_size size = q->level[0].size;
    size_t unclipped = 0;

    if (q->block_count < UNCLIPPED_LEAST)
        return scale * (double)q->noise_total / ((size.width - 2.0) * (size.height - 2.0));
    for (size_t b = 0; b < q->block_count; b++) unclipped += !(q->blocks[b] & CLIPPED_FLAG);
    int all = unclipped < UNCLIPPED_LEAST;
    size_t blocks = all ? q->block_count : unclipped;
    return flattest * scale * block_of_rank(q, blocks / 10, all) / (BLOCK * BLOCK);
}

/* How much steeper the steps at multiples of GRID are than at the other even positions. */
static double grid_excess(const uint64_t sums[GRID], uint32_t side, uint32_t other)
{
    double mean[GRID] = {0};

    for (uint32_t j = 0; j < GRID; j += 2) {
        uint64_t steps = 0;
        for (uint32_t x = 2; x + 2 <= side; x++) steps += x % GRID == j;
        mean[j] = (double)sums[j] / ((double)steps * other);
    }
    double base = fmax(mean[2], fmax(mean[4], mean[6]));
    return (mean[0] - base) / (base + 0.25);
}

static double blockiness_of(const dg_quality *q)
{
    dg_size size = q->level[0].size;

    if (smaller_side(size) < GRID_SIDE) return 0;
    return (grid_excess(q->across, size.width, size.height) + grid_excess(q->down, size.height, size.width)) /
           2;
}

static double effective_pixels(const dg_quality *q, double noise)
{
    double pixels = samples_of(q->level[0].size), detail[LEVELS], share;

    if (q->levels < 2) return pixels;
    for (int k = 0; k < q->levels; k++) {
        /* 24 = 1.2 * 20, the sum of the squared weights of the Laplacian; 1/12 is 8-bit rounding. */
        double expected = 24 * (noise * noise / (double)(1 << 2 * k) + 1.0 / 12);
        detail[k] = fmax(0, blur_of(&q->level[k]) - expected);
    }
    share = 1.0 / (1 << 2 * (q->levels - 1));
    for (int k = q->levels - 2; k >= 0; k--) {
        double ratio = detail[k + 1] > 0 ? detail[k] / detail[k + 1] : detail[k] > 0;
        double weight = ratio * ratio / (ratio * ratio + 1.0 / 16);
        share = weight / (1 << 2 * k) + (1 - weight) * share;
    }
    return pixels * share;
}

static double clamp(double value)
{
    return value < 0 ? 0 : value > 1 ? 1 : value;
}

static double overall_of(const double metric[DG_METRICS], int jpeg_quality)
{
    double resolution = clamp(log2(fmax(metric[DG_METRIC_EFF_PIXELS], 1) / 64) / 20);
    double setting = jpeg_quality ? 1 - jpeg_quality / 100.0 : 0;
    double blocks = fmin(1, log2(1 + fmax(0, metric[DG_METRIC_BLOCKINESS])) / 3);
    double noise = fmin(1, metric[DG_METRIC_NOISE] / 20), dullness = 1 - metric[DG_METRIC_ENTROPY] / 8;

    return resolution * (1 - 0.20 * fmax(setting, blocks) - 0.25 * noise - 0.15 * dullness);
}

void dg_quality_finish(dg_quality *quality, int jpeg_quality, double metric[DG_METRICS], unsigned *null)
{
    const dg_quality *q = quality;
    const level *l = &q->level[0];
    int has_noise = l->size.width >= 3 && l->size.height >= 3;

    for (int v = 0; v < 256; v++)
        for (int part = 0; part < PARTS; part++) quality->counts[v] += q->histogram[part][v];

    memset(metric, 0, DG_METRICS * sizeof *metric);
    metric[DG_METRIC_BRIGHTNESS] = brightness_of(q);
    metric[DG_METRIC_CONTRAST] = contrast_of(q);
    metric[DG_METRIC_CLIP_LO] = share_of(q, 0, 5);
    metric[DG_METRIC_CLIP_HI] = share_of(q, 250, 255);
    metric[DG_METRIC_ENTROPY] = entropy_of(q);
    metric[DG_METRIC_JPEG_QUALITY] = jpeg_quality;
    if (q->windows_needed) {
        metric[DG_METRIC_BLUR] = blur_of(l);
        metric[DG_METRIC_SHARPNESS] = (double)l->sums.gradient2 / samples_of(l->size);
        metric[DG_METRIC_NOISE] = has_noise ? noise_of(q) : 0;
        metric[DG_METRIC_BLOCKINESS] = blockiness_of(q);
        metric[DG_METRIC_EFF_PIXELS] = effective_pixels(q, metric[DG_METRIC_NOISE]);
        metric[DG_METRIC_OVERALL] = overall_of(metric, jpeg_quality);
    }
    *null = (has_noise ? 0 : 1u << DG_METRIC_NOISE) | (jpeg_quality ? 0 : 1u << DG_METRIC_JPEG_QUALITY);
    for (int m = 0; m < DG_METRICS; m++)
        if (!(q->metrics & 1u << m)) metric[m] = 0;
    *null &= q->metrics;
}
