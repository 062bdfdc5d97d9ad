#include "grade.h"

#include "../image/metrics.h"

#include <stdlib.h>
#include <string.h>

_Static_assert((int)DG_QUALITY_LEVELS == DG_METRIC_LEVELS, "one number of levels");

/* What comes back of a batch. */
typedef struct answer {
    dg_quality_picture *pictures;
    dg_quality_sums *sums;
    uint32_t *blocks;
    uint64_t smaller, block_count; /* bytes of the smaller levels, and blocks, of all pictures */
} answer;

static dg_size size_of(const dg_resize_picture *picture)
{
    return (dg_size){picture->width, picture->height};
}

/* Bytes of the levels below the picture itself. */
static uint64_t smaller_of(dg_size size)
{
    uint64_t bytes = 0;
    for (int k = 1; k < dg_metric_levels(size); k++) {
        const dg_size level = dg_metric_level(size, k);
        bytes += dg_plane_stride(level.width, level.height);
    }
    return bytes;
}

uint64_t dg_grade_bytes(const dg_grey *pictures, uint32_t count)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < count; i++)
        bytes += smaller_of(pictures[i].size) + dg_metric_blocks(pictures[i].size) * sizeof(uint32_t) +
                 sizeof(dg_quality_sums);
    return bytes;
}

static enum dg_code lay_out(const dg_shrink *batch, answer *a, dg_err *err)
{
    a->pictures = malloc(batch->count * sizeof *a->pictures);
    a->sums = calloc(batch->count, sizeof *a->sums);
    if (!a->pictures || !a->sums) return dg_fail_nomem(err, "the metrics of a batch");
    for (uint32_t i = 0; i < batch->count; i++) {
        const dg_size size = size_of(&batch->pictures[i]);
        a->pictures[i] = (dg_quality_picture){.pixels = batch->pictures[i].pixels,
                                              .smaller = a->smaller,
                                              .width = size.width,
                                              .height = size.height,
                                              .levels = (uint32_t)dg_metric_levels(size),
                                              .block = (uint32_t)a->block_count};
        a->smaller += smaller_of(size);
        a->block_count += dg_metric_blocks(size);
    }
    a->blocks = malloc((a->block_count + 1) * sizeof *a->blocks);
    return a->blocks ? DG_OK : dg_fail_nomem(err, "the metrics of a batch");
}

static enum dg_code add_up(const dg_shrink *batch, answer *a, const dg_poll *poll, dg_err *err)
{
    const dg_backend *backend = batch->backend;
    const size_t sums = batch->count * sizeof *a->sums, blocks = a->block_count * sizeof *a->blocks;
    dg_buffer buffer[3] = {{0}};
    if (backend->alloc(batch->device, a->smaller + 1, NULL, &buffer[0], err) == DG_OK &&
        backend->alloc(batch->device, sums, NULL, &buffer[1], err) == DG_OK &&
        backend->alloc(batch->device, blocks + 1, NULL, &buffer[2], err) == DG_OK &&
        backend->put(batch->device, &buffer[1], 0, a->sums, sums, err) == DG_OK) {
        dg_op_quality op = {.pixels = &batch->pixels,
                            .smaller = &buffer[0],
                            .sums = &buffer[1],
                            .blocks = &buffer[2],
                            .pictures = a->pictures,
                            .count = batch->count};
        if (backend->run(batch->device, DG_OP_QUALITY, &op, poll, err) == DG_OK &&
            backend->wait(batch->device, poll, err) == DG_OK &&
            backend->get(batch->device, &buffer[1], 0, a->sums, sums, err) == DG_OK && blocks)
            backend->get(batch->device, &buffer[2], 0, a->blocks, blocks, err);
    }
    for (int i = 0; i < 3; i++) backend->free(batch->device, &buffer[i]);
    return err->code;
}

/* Picture i's sums as the host keeps them. */
static dg_metric_sums sums_of(const answer *a, uint32_t i)
{
    const dg_quality_picture *picture = &a->pictures[i];
    const dg_quality_sums *from = &a->sums[i];
    const dg_size size = {picture->width, picture->height};
    dg_metric_sums to = {.size = size,
                         .noise = from->noise,
                         .blocks = a->blocks + picture->block,
                         .block_count = dg_metric_blocks(size)};
    for (int v = 0; v < 256; v++) to.counts[v] = from->counts[v];
    for (int k = 0; k < DG_METRIC_LEVELS; k++)
        to.level[k] = (dg_score_sums){(int64_t)from->laplace[k], from->laplace2[k], k ? 0 : from->gradient2};
    for (int place = 0; place < DG_METRIC_GRID; place += 2) {
        to.across[place] = from->across[place / 2];
        to.down[place] = from->down[place / 2];
    }
    return to;
}

enum dg_code dg_grade_pictures(const dg_shrink *batch, unsigned metrics, const int *jpeg_quality,
                               dg_grade *grades, const dg_poll *poll, dg_err *err)
{
    answer a = {0};
    if (lay_out(batch, &a, err) == DG_OK) add_up(batch, &a, poll, err);
    for (uint32_t i = 0; i < batch->count && !err->code; i++) {
        const dg_metric_sums sums = sums_of(&a, i);
        dg_metrics_of(&sums, metrics, jpeg_quality[i], grades[i].metric, &grades[i].null);
    }
    free(a.pictures);
    free(a.sums);
    free(a.blocks);
    return err->code;
}
