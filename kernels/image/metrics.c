/*
 * From the sums of a grey picture to its metrics: quality.md, sections 1 and 2.
 */
#include "metrics.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    SMALLEST = 8,        /* smaller side of a level */
    GRID_SIDE = 32,      /* smaller side for blockiness */
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

int dg_metrics_need_windows(unsigned metrics)
{
    const unsigned of_counts = 1u << DG_METRIC_BRIGHTNESS | 1u << DG_METRIC_CONTRAST |
                               1u << DG_METRIC_CLIP_LO | 1u << DG_METRIC_CLIP_HI | 1u << DG_METRIC_ENTROPY |
                               1u << DG_METRIC_JPEG_QUALITY;
    return (metrics & ~of_counts) != 0;
}

static uint32_t smaller_side(dg_size size)
{
    return size.width < size.height ? size.width : size.height;
}

int dg_metric_levels(dg_size size)
{
    int levels = 1;

    while (levels < DG_METRIC_LEVELS && smaller_side(size) >> levels >= SMALLEST) levels++;
    return levels;
}

dg_size dg_metric_level(dg_size size, int level)
{
    return (dg_size){size.width >> level, size.height >> level};
}

uint32_t dg_metric_blocks_along(uint32_t side)
{
    return side < 2 ? 0 : (side - 2) / DG_METRIC_BLOCK;
}

size_t dg_metric_blocks(dg_size size)
{
    return (size_t)dg_metric_blocks_along(size.width) * dg_metric_blocks_along(size.height);
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

static double blur_of(const dg_metric_sums *q, int k)
{
    dg_size size = dg_metric_level(q->size, k);
    return variance((uint64_t)size.width * size.height, q->level[k].laplace, q->level[k].laplace2);
}

static double contrast_of(const dg_metric_sums *q)
{
    uint64_t sum = 0, squares = 0;

    for (uint64_t v = 0; v < 256; v++) {
        sum += v * q->counts[v];
        squares += v * v * q->counts[v];
    }
    dg_size size = q->size;
    return sqrt(variance((uint64_t)size.width * size.height, (int64_t)sum, squares)) / 255;
}

static double brightness_of(const dg_metric_sums *q)
{
    uint64_t sum = 0;

    for (uint64_t v = 0; v < 256; v++) sum += v * q->counts[v];
    return (double)sum / samples_of(q->size) / 255;
}

/* The share of samples from `first` to `last`. */
static double share_of(const dg_metric_sums *q, int first, int last)
{
    uint64_t sum = 0;

    for (int v = first; v <= last; v++) sum += q->counts[v];
    return (double)sum / samples_of(q->size);
}

static double entropy_of(const dg_metric_sums *q)
{
    double entropy = 0;

    for (int v = 0; v < 256; v++) {
        double p = (double)q->counts[v] / samples_of(q->size);
        if (p > 0) entropy -= p * log2(p);
    }
    return entropy;
}

/* The block sum that `rank` others precede in ascending order; clipped blocks are left out unless `all`.
 * Finds its upper half first, then among those that share it the lower. */
static uint32_t block_of_rank(const dg_metric_sums *q, size_t rank, int all)
{
    enum { DIGIT_BITS = 10 };
    uint32_t prefix = 0;

    for (int shift = DIGIT_BITS; shift >= 0; shift -= DIGIT_BITS) {
        size_t count[1 << DIGIT_BITS] = {0};
        uint32_t digit = 0;
        for (size_t b = 0; b < q->block_count; b++) {
            uint32_t sum = q->blocks[b] & (DG_METRIC_CLIPPED_FLAG - 1);
            int counts = all || !(q->blocks[b] & DG_METRIC_CLIPPED_FLAG);
            if (counts && sum >> (shift + DIGIT_BITS) == prefix)
                count[sum >> shift & ((1u << DIGIT_BITS) - 1)]++;
        }
        while (rank >= count[digit]) rank -= count[digit++];
        prefix = prefix << DIGIT_BITS | digit;
    }
    return prefix;
}

/* Immerkaer's estimate; from the flattest tenth of the blocks where there are enough. */
static double noise_of(const dg_metric_sums *q)
{
    const double scale = sqrt(M_PI / 2) / 6, flattest = 1.12; /* calibrated on white noise: quality.md */
    dg_size size = q->size;
    size_t unclipped = 0;

    if (q->block_count < UNCLIPPED_LEAST)
        return scale * (double)q->noise / ((size.width - 2.0) * (size.height - 2.0));
    for (size_t b = 0; b < q->block_count; b++) unclipped += !(q->blocks[b] & DG_METRIC_CLIPPED_FLAG);
    int all = unclipped < UNCLIPPED_LEAST;
    size_t blocks = all ? q->block_count : unclipped;
    return flattest * scale * block_of_rank(q, blocks / 10, all) / (DG_METRIC_BLOCK * DG_METRIC_BLOCK);
}

/* How much steeper the steps at multiples of DG_METRIC_GRID are than at the other even positions. */
static double grid_excess(const uint64_t sums[DG_METRIC_GRID], uint32_t side, uint32_t other)
{
    double mean[DG_METRIC_GRID] = {0};

    for (uint32_t j = 0; j < DG_METRIC_GRID; j += 2) {
        uint64_t steps = 0;
        for (uint32_t x = 2; x + 2 <= side; x++) steps += x % DG_METRIC_GRID == j;
        mean[j] = (double)sums[j] / ((double)steps * other);
    }
    double base = fmax(mean[2], fmax(mean[4], mean[6]));
    return (mean[0] - base) / (base + 0.25);
}

static double blockiness_of(const dg_metric_sums *q)
{
    dg_size size = q->size;

    if (smaller_side(size) < GRID_SIDE) return 0;
    return (grid_excess(q->across, size.width, size.height) + grid_excess(q->down, size.height, size.width)) /
           2;
}

static double effective_pixels(const dg_metric_sums *q, double noise)
{
    double pixels = samples_of(q->size), detail[DG_METRIC_LEVELS], share;
    int levels = dg_metric_levels(q->size);

    if (levels < 2) return pixels;
    for (int k = 0; k < levels; k++) {
        /* 24 = 1.2 * 20, the sum of the squared weights of the Laplacian; 1/12 is 8-bit rounding. */
        double expected = 24 * (noise * noise / (double)(1 << 2 * k) + 1.0 / 12);
        detail[k] = fmax(0, blur_of(q, k) - expected);
    }
    share = 1.0 / (1 << 2 * (levels - 1));
    for (int k = levels - 2; k >= 0; k--) {
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

void dg_metrics_of(const dg_metric_sums *q, unsigned metrics, int jpeg_quality, double metric[DG_METRICS],
                   unsigned *null)
{
    int has_noise = q->size.width >= 3 && q->size.height >= 3;

    memset(metric, 0, DG_METRICS * sizeof *metric);
    metric[DG_METRIC_BRIGHTNESS] = brightness_of(q);
    metric[DG_METRIC_CONTRAST] = contrast_of(q);
    metric[DG_METRIC_CLIP_LO] = share_of(q, 0, 5);
    metric[DG_METRIC_CLIP_HI] = share_of(q, 250, 255);
    metric[DG_METRIC_ENTROPY] = entropy_of(q);
    metric[DG_METRIC_JPEG_QUALITY] = jpeg_quality;
    if (dg_metrics_need_windows(metrics)) {
        metric[DG_METRIC_BLUR] = blur_of(q, 0);
        metric[DG_METRIC_SHARPNESS] = (double)q->level[0].gradient2 / samples_of(q->size);
        metric[DG_METRIC_NOISE] = has_noise ? noise_of(q) : 0;
        metric[DG_METRIC_BLOCKINESS] = blockiness_of(q);
        metric[DG_METRIC_EFF_PIXELS] = effective_pixels(q, metric[DG_METRIC_NOISE]);
        metric[DG_METRIC_OVERALL] = overall_of(metric, jpeg_quality);
    }
    *null = (has_noise ? 0 : 1u << DG_METRIC_NOISE) | (jpeg_quality ? 0 : 1u << DG_METRIC_JPEG_QUALITY);
    for (int m = 0; m < DG_METRICS; m++)
        if (!(metrics & 1u << m)) metric[m] = 0;
    *null &= metrics;
}
