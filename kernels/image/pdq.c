/*
 * PDQ blurs the picture's luma by a box along the rows and one along the columns, twice, and takes 64 x 64
 * samples of that. The boxes are running sums of float32 whose rounding is part of the hash: nothing here may
 * be reordered or contracted.
 *
 * All four passes run as rows come in. A pass along the columns keeps one sum for each column and the rows
 * that are still inside the box. One along the rows is a chain of additions, so it takes several rows at a
 * time, whose chains run side by side. The second blur is only worked out in the 64 columns that are sampled.
 */
#include "pdq.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    SIDE = 64,       /* of the blurred picture */
    LOW = 16,        /* frequencies of the hash along an axis */
    SMALLEST = 5,    /* side of a picture that has a hash */
    BATCH = 8,       /* rows */
    BOX_SHARE = 128, /* a box is this part of the side */
};

/* The window of a running sum over `count` samples. Output i has seen samples up to i + half - 1. */
typedef struct box {
    uint32_t count, window, half;
} box;

/* A pass along the columns of rows that come in one by one. */
typedef struct down {
    box box;
    size_t width;
    float *sums; /* of the samples in the window, by column */
    float *kept; /* the latest `window` rows, row y at y mod window */
    float *out;  /* the row that is ready */
    uint32_t received, done;
} down;

/* A pass along the rows, which wait until there are enough for it. */
typedef struct across {
    float *rows; /* BATCH of them, `count` have come */
    float *sums; /* their running sums */
    uint32_t count;
} across;

struct dg_pdq {
    dg_size size;
    box row_box;
    across first_across, second_across;
    down first_down, second_down; /* the second has SIDE columns */
    uint32_t rows_taken;
    float samples[SIDE][SIDE];
};

static box box_of(uint32_t side)
{
    uint32_t window = (side + BOX_SHARE - 1) / BOX_SHARE;
    return (box){side, window, (window + 2) / 2};
}

/* How many samples output i is the mean of. */
static uint32_t box_size(const box *b, uint32_t i)
{
    if (i + b->half <= b->window) return b->half + i;
    if (i + b->half <= b->count) return b->window;
    return b->window - (i + b->half - b->count);
}

/* Which row or column sample i of SIDE is. */
static uint32_t sampled(uint32_t side, int i)
{
    return (uint32_t)((i + 0.5) * side / SIDE);
}

static int across_init(across *a, size_t width)
{
    a->rows = calloc(BATCH * width, sizeof *a->rows);
    a->sums = calloc(BATCH * width, sizeof *a->sums);
    return a->rows && a->sums;
}

static void across_free(across *a)
{
    free(a->rows);
    free(a->sums);
}

static int down_init(down *d, uint32_t height, size_t width)
{
    d->box = box_of(height);
    d->width = width;
    d->sums = calloc(width, sizeof *d->sums);
    d->kept = calloc(d->box.window * width, sizeof *d->kept);
    d->out = calloc(width, sizeof *d->out);
    return d->sums && d->kept && d->out;
}

static void down_free(down *d)
{
    free(d->sums);
    free(d->kept);
    free(d->out);
}

enum dg_code dg_pdq_open(dg_pdq **pdq, dg_size size, dg_err *err)
{
    *pdq = NULL;
    dg_pdq *p = calloc(1, sizeof *p);
    if (!p) return dg_fail_nomem(err, "a PDQ hash");

    p->size = size;
    p->row_box = box_of(size.width);
    if (across_init(&p->first_across, size.width) && across_init(&p->second_across, size.width) &&
        down_init(&p->first_down, size.height, size.width) && down_init(&p->second_down, size.height, SIDE)) {
        *pdq = p;
        return DG_OK;
    }
    dg_pdq_close(p);
    return dg_fail_nomem(err, "the rows of a PDQ hash");
}

void dg_pdq_close(dg_pdq *pdq)
{
    if (!pdq) return;
    across_free(&pdq->first_across);
    across_free(&pdq->second_across);
    down_free(&pdq->first_down);
    down_free(&pdq->second_down);
    free(pdq);
}

static void luma_row(const uint8_t *restrict rgba, size_t width, float *restrict luma)
{
    for (size_t x = 0; x < width; x++)
        luma[x] = (float)(0.299 * rgba[4 * x] + 0.587 * rgba[4 * x + 1] + 0.114 * rgba[4 * x + 2]);
}

/* The running sums of BATCH rows: sums[i] of each is what output i divides. */
static void box_sums(const box *b, const float *restrict rows, float *restrict sums)
{
    size_t n = b->count, ahead = b->half - 1;
    float sum[BATCH] = {0};

    for (size_t x = 0; x < n + ahead; x++) {
        if (x < n)
            for (int r = 0; r < BATCH; r++) sum[r] += rows[r * n + x];
        if (x >= b->window)
            for (int r = 0; r < BATCH; r++) sum[r] -= rows[r * n + x - b->window];
        if (x >= ahead)
            for (int r = 0; r < BATCH; r++) sums[r * n + x - ahead] = sum[r];
    }
}

static void add_row(const float *restrict row, size_t width, float *restrict sums)
{
    for (size_t x = 0; x < width; x++) sums[x] += row[x];
}

static void subtract_row(const float *restrict row, size_t width, float *restrict sums)
{
    for (size_t x = 0; x < width; x++) sums[x] -= row[x];
}

/* `out` may be `sums`. */
static void divide_row(const float *sums, float divisor, size_t width, float *out)
{
    for (size_t x = 0; x < width; x++) out[x] = sums[x] / divisor;
}

/* The next row of a pass along the columns, NULL once there are no more. Returns whether d->out is ready. */
static int down_push(down *d, const float *row)
{
    float *slot = d->kept + d->received % d->box.window * d->width;

    if (row) add_row(row, d->width, d->sums);
    if (d->received >= d->box.window) subtract_row(slot, d->width, d->sums);
    if (row) memcpy(slot, row, d->width * sizeof *slot);
    if (++d->received < d->box.half) return 0;
    divide_row(d->sums, (float)box_size(&d->box, d->done++), d->width, d->out);
    return 1;
}

/* Row y of the twice blurred picture, in the sampled columns. */
static void take_samples(dg_pdq *p, uint32_t y, const float *row)
{
    for (int i = 0; i < SIDE; i++)
        if (sampled(p->size.height, i) == y) memcpy(p->samples[i], row, sizeof p->samples[i]);
}

static void blur_down_again(dg_pdq *p, const float *row)
{
    if (down_push(&p->second_down, row)) take_samples(p, p->second_down.done - 1, p->second_down.out);
}

static void blur_across_again(dg_pdq *p)
{
    across *a = &p->second_across;
    size_t width = p->size.width;

    box_sums(&p->row_box, a->rows, a->sums);
    for (uint32_t r = 0; r < a->count; r++) {
        float row[SIDE];
        for (int j = 0; j < SIDE; j++) {
            uint32_t x = sampled(p->size.width, j);
            row[j] = a->sums[r * width + x] / (float)box_size(&p->row_box, x);
        }
        blur_down_again(p, row);
    }
    a->count = 0;
}

static void blur_down(dg_pdq *p, const float *row)
{
    across *next = &p->second_across;
    size_t width = p->size.width;

    if (!down_push(&p->first_down, row)) return;
    memcpy(next->rows + next->count++ * width, p->first_down.out, width * sizeof *row);
    if (next->count == BATCH || p->first_down.done == p->size.height) blur_across_again(p);
}

static void blur_across(dg_pdq *p)
{
    across *a = &p->first_across;
    const box *b = &p->row_box;
    uint32_t start = b->window - b->half + 1, end = b->count - b->half + 1; /* whole windows between them */

    box_sums(b, a->rows, a->sums);
    for (uint32_t r = 0; r < a->count; r++) {
        float *row = a->sums + r * (size_t)b->count;
        for (uint32_t x = 0; x < start; x++) row[x] /= (float)box_size(b, x);
        divide_row(row + start, (float)b->window, end - start, row + start);
        for (uint32_t x = end; x < b->count; x++) row[x] /= (float)box_size(b, x);
        blur_down(p, row);
    }
    a->count = 0;
}

/* After the last row: what is still inside the boxes. */
static void drain(dg_pdq *p)
{
    while (p->first_down.done < p->size.height) blur_down(p, NULL);
    while (p->second_down.done < p->size.height) blur_down_again(p, NULL);
}

void dg_pdq_take(dg_pdq *pdq, const uint8_t *rgba)
{
    dg_pdq *p = pdq;
    size_t width = p->size.width;

    if (width < SMALLEST || p->size.height < SMALLEST) return;
    p->rows_taken++;
    if (width == SIDE && p->size.height == SIDE) {
        luma_row(rgba, width, p->samples[p->rows_taken - 1]);
        return;
    }
    luma_row(rgba, width, p->first_across.rows + p->first_across.count++ * width);
    if (p->first_across.count < BATCH && p->rows_taken < p->size.height) return;
    blur_across(p);
    if (p->rows_taken == p->size.height) drain(p);
}

static int gradient(float a, float b)
{
    return abs((int)((a - b) * 100 / 255));
}

static int quality_of(const dg_pdq *p)
{
    int sum = 0;

    for (int i = 0; i < SIDE; i++) {
        for (int j = 0; j < SIDE; j++) {
            if (i + 1 < SIDE) sum += gradient(p->samples[i][j], p->samples[i + 1][j]);
            if (j + 1 < SIDE) sum += gradient(p->samples[i][j], p->samples[i][j + 1]);
        }
    }
    return sum / 90 < 100 ? sum / 90 : 100;
}

/* out = D * samples * D', D being the rows 1 to LOW of the cosine transform. */
static void transform(const float samples[SIDE][SIDE], float out[LOW][LOW])
{
    const float scale = (float)sqrt(2.0 / SIDE);
    float matrix[LOW][SIDE], half[LOW][SIDE];

    for (int i = 0; i < LOW; i++)
        for (int j = 0; j < SIDE; j++)
            matrix[i][j] = (float)(scale * cos(M_PI / 2 / SIDE * (i + 1) * (2 * j + 1)));
    for (int i = 0; i < LOW; i++) {
        for (int j = 0; j < SIDE; j++) {
            float sum = 0;
            for (int k = 0; k < SIDE; k++) sum += matrix[i][k] * samples[k][j];
            half[i][j] = sum;
        }
    }
    for (int i = 0; i < LOW; i++) {
        for (int j = 0; j < LOW; j++) {
            float sum = 0;
            for (int k = 0; k < SIDE; k++) sum += half[i][k] * matrix[j][k];
            out[i][j] = sum;
        }
    }
}

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

void dg_pdq_finish(const dg_pdq *pdq, uint8_t hash[DG_PDQ_BYTES], int *quality)
{
    float low[LOW][LOW], sorted[LOW * LOW];

    memset(hash, 0, DG_PDQ_BYTES);
    *quality = 0;
    if (pdq->size.width < SMALLEST || pdq->size.height < SMALLEST) return;
    *quality = quality_of(pdq);
    transform(pdq->samples, low);
    memcpy(sorted, low, sizeof sorted);
    qsort(sorted, LOW * LOW, sizeof *sorted, ascending);
    float median = sorted[LOW * LOW / 2 - 1];
    for (int i = 0; i < LOW; i++)
        for (int j = 0; j < LOW; j++)
            if (low[i][j] > median) hash[DG_PDQ_BYTES - 1 - (LOW * i + j) / 8] |= (uint8_t)(1 << j % 8);
}
