/*
 * Rows are kept four at a time, each with its neighbours across the border at both ends (reflect-101: the
 * sample before the first is the second). When row y has come, the windows around row y - 1 are complete, and
 * after the last row those around it, with the row before it below it too. Of every two rows one of half the
 * width goes to the next level of the pyramid, which works in the same way.
 */
#include "quality.h"

#include "metrics.h"

#include <stdlib.h>
#include <string.h>

enum {
    PARTS = 8, /* of the histogram */
    KEPT = 4,  /* rows of a level */
};

typedef struct level {
    dg_size size;
    size_t stride;
    uint8_t *rows; /* KEPT of them, row y at y mod KEPT, with margins */
    uint32_t received;
} level;

struct dg_quality {
    const dg_score_loops *loops;
    unsigned metrics;
    int windows_needed; /* more is wanted than the histogram tells */
    int levels;
    level level[DG_METRIC_LEVELS];
    uint32_t histogram[PARTS][256]; /* of every eighth sample each: neighbours are often equal */
    uint16_t *noise;                /* by column: absolute values of the mask in the current row of blocks, */
    uint8_t *clipped;               /* and clipped samples */
    uint32_t *blocks;
    uint16_t *steps; /* by column: blockiness along the rows since the last flush */
    uint32_t steps_rows;
    dg_metric_sums sums;
};

static uint8_t *row_of(const level *l, uint32_t y)
{
    return l->rows + y % KEPT * l->stride + DG_SCORE_MARGIN;
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
    *quality = NULL;
    dg_quality *q = calloc(1, sizeof *q);
    if (!q) return dg_fail_nomem(err, "quality metrics");

    q->loops = dg_score_loops_best();
    q->metrics = metrics;
    q->windows_needed = dg_metrics_need_windows(metrics);
    q->sums.size = size;
    int ok = 1;
    for (int levels = dg_metric_levels(size); ok && q->levels < levels; q->levels++)
        ok = level_init(&q->level[q->levels], dg_metric_level(size, q->levels));
    size_t blocks = dg_metric_blocks(size);
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
    size_t blocks = whole ? dg_metric_blocks_along(width) : 0;

    for (size_t b = 0; b < blocks; b++) {
        uint32_t sum = 0, clipped = 0;
        for (size_t x = 1 + b * DG_METRIC_BLOCK; x < 1 + (b + 1) * DG_METRIC_BLOCK; x++) {
            sum += q->noise[x];
            clipped += q->clipped[x];
        }
        q->blocks[q->sums.block_count++] =
            sum | (clipped > DG_METRIC_CLIPPED_MOST ? DG_METRIC_CLIPPED_FLAG : 0);
    }
    for (uint32_t x = 1; x + 1 < width; x++) q->sums.noise += q->noise[x];
    clear_blocks(q);
}

/* The windows around row y of the picture itself. Only the interior counts for noise. */
static void measure_picture(dg_quality *q, uint32_t y)
{
    const level *l = &q->level[0];
    const uint8_t *above, *below, *row = row_of(l, y);

    neighbours(l, y, &above, &below);
    q->loops->windows(above, row, below, l->size.width, &q->sums.level[0], q->noise);
    q->loops->clipped(row, l->size.width, q->clipped);
    if (y == 0 || y + 1 == l->size.height)
        clear_blocks(q);
    else if (y % DG_METRIC_BLOCK == 0 || y + 2 == l->size.height)
        close_blocks(q, y % DG_METRIC_BLOCK == 0);
}

static void measure_level(dg_quality *q, int k, uint32_t y)
{
    const level *l = &q->level[k];
    const uint8_t *above, *below;

    neighbours(l, y, &above, &below);
    q->loops->laplace(above, row_of(l, y), below, l->size.width, &q->sums.level[k]);
}

static void measure(dg_quality *q, int k, uint32_t y)
{
    if (k == 0)
        measure_picture(q, y);
    else
        measure_level(q, k, y);
}

static void flush_steps(dg_quality *q)
{
    for (uint32_t x = 2; x + 2 <= q->level[0].size.width; x++)
        q->sums.across[x % DG_METRIC_GRID] += q->steps[x];
    memset(q->steps, 0, q->level[0].size.width * sizeof *q->steps);
    q->steps_rows = 0;
}

/* Blockiness, when row y has come: along it, and down to it where the rows before complete an even step. */
static void measure_grid(dg_quality *q, uint32_t y)
{
    const level *l = &q->level[0];

    q->loops->columns(row_of(l, y), l->size.width, q->steps);
    if (++q->steps_rows == DG_SCORE_COLUMNS_ROWS || y + 1 == l->size.height) flush_steps(q);
    if (y >= 3 && y % 2 == 1)
        q->sums.down[(y - 1) % DG_METRIC_GRID] +=
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

void dg_quality_finish(dg_quality *quality, int jpeg_quality, double metric[DG_METRICS], unsigned *null)
{
    dg_metric_sums *sums = &quality->sums;

    for (int v = 0; v < 256; v++)
        for (int part = 0; part < PARTS; part++) sums->counts[v] += quality->histogram[part][v];
    sums->blocks = quality->blocks;
    dg_metrics_of(sums, quality->metrics, jpeg_quality, metric, null);
}
