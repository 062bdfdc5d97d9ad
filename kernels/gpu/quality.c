/* QUALITY on a GPU. A side takes some pictures at a time, and of all of them one level after the other. */
#include "internal.h"

#include <stdlib.h>

enum {
    PASSES,          /* of a side's memory */
    BATCH_MAX = 512, /* pictures a side takes */
};

_Static_assert((int)DG_QUALITY_LEVELS == DG_QUALITY_LEVELS_MOST, "one number of levels");
_Static_assert(sizeof(dg_quality_sums) == DG_QUALITY_WORDS * sizeof(uint32_t),
               "the sums as kernels see them");

typedef struct batch {
    uint32_t picture, count; /* the first, and how many; none: 0 */
    uint32_t level;
    uint32_t passes;       /* pictures that have the level */
    uint32_t done, groups; /* of this level */
} batch;

typedef struct quality {
    const dg_op_quality *op;
    uint32_t next; /* picture nobody has taken */
    batch batches[SIDES];
} quality;

static enum dg_code quality_begin(dg_device *device, void *arguments, dg_err *err)
{
    quality *q = device->state = calloc(1, sizeof *q);
    if (!q) return dg_fail_nomem(err, "adding up quality metrics");
    q->op = arguments;
    return DG_OK;
}

/* Where a level below the picture itself lies among the smaller ones. */
static uint64_t offset_of(const dg_quality_picture *picture, uint32_t level)
{
    uint64_t offset = picture->smaller;
    for (uint32_t k = 1; k < level; k++) offset += dg_plane_stride(picture->width >> k, picture->height >> k);
    return offset;
}

/* A level of picture i, without its place among the groups. */
static dg_quality_pass pass_of(const dg_op_quality *op, uint32_t i, uint32_t level)
{
    const dg_quality_picture *picture = &op->pictures[i];
    const dg_quality_pass pass = {.from = dg_gpu_place(level ? offset_of(picture, level) : picture->pixels),
                                  .to = dg_gpu_place(offset_of(picture, level + 1)),
                                  .width = picture->width >> level,
                                  .height = picture->height >> level,
                                  .level = level,
                                  .last = level + 1 == picture->levels,
                                  .picture = i,
                                  .block = picture->block};
    return pass;
}

/* A group begins that far outside the picture: device/quality.inc.h. */
static uint32_t groups_along(uint32_t side, uint32_t width)
{
    return dg_gpu_ceil((uint64_t)side + DG_QUALITY_BLOCK - 1, width);
}

/* Makes the side ready for a level of its pictures; passes = 0: none of them has it. */
static enum dg_code lay_passes(dg_device *device, dg_side *side, const dg_op_quality *op, batch *b,
                               dg_err *err)
{
    dg_quality_pass *passes = (dg_quality_pass *)side->staging;
    b->done = b->groups = b->passes = 0;
    for (uint32_t i = b->picture; i < b->picture + b->count; i++) {
        if (op->pictures[i].levels <= b->level) continue;
        dg_quality_pass *pass = &passes[b->passes++];
        *pass = pass_of(op, i, b->level);
        pass->columns = groups_along(pass->width, DG_GROUP);
        pass->first = b->groups;
        b->groups += pass->columns * groups_along(pass->height, DG_QUALITY_BLOCK);
    }
    if (b->passes == 0) return DG_OK;
    return device->driver->copy_in(device->session, side->queue, side->kept[PASSES].memory, 0, passes,
                                   b->passes * sizeof *passes, err);
}

static enum dg_code take_pictures(dg_device *device, dg_side *side, quality *q, batch *b, dg_err *err)
{
    const dg_op_quality *op = q->op;
    double groups = 0;
    *b = (batch){.picture = q->next};
    if (dg_gpu_keep(device, &side->kept[PASSES], BATCH_MAX * sizeof(dg_quality_pass), err))
        return dg_gpu_leave_to_other(device, err) ? DG_OK : err->code;
    while (q->next < op->count && b->count < BATCH_MAX && groups < device->groups[DG_PACE_QUALITY]) {
        const dg_quality_picture *picture = &op->pictures[q->next++];
        groups +=
            (double)groups_along(picture->width, DG_GROUP) * groups_along(picture->height, DG_QUALITY_BLOCK);
        b->count++;
    }
    return b->count ? lay_passes(device, side, op, b, err) : DG_OK;
}

static enum dg_code quality_advance(dg_device *device, dg_side *side, int *busy, dg_err *err)
{
    quality *q = device->state;
    const dg_op_quality *op = q->op;
    batch *b = &q->batches[side - device->side];
    if (b->count && b->done == b->groups) {
        b->level++;
        if (lay_passes(device, side, op, b, err)) return err->code;
        if (b->passes == 0) b->count = 0;
    }
    if (b->count == 0 && take_pictures(device, side, q, b, err)) return err->code;
    if (b->count == 0) return DG_OK;
    *busy = 1;
    void *memory[] = {op->pixels->handle, op->smaller->handle, op->sums->handle, op->blocks->handle,
                      side->kept[PASSES].memory};
    dg_quality_arguments arguments = {.passes = b->passes};
    return dg_gpu_launch(device, side, DG_PACE_QUALITY, DG_KERNEL_quality, memory, &arguments, &b->done,
                         b->groups, err);
}

static void quality_end(dg_device *device)
{
    free(device->state);
}

const dg_operation dg_gpu_quality = {quality_begin, quality_advance, quality_end};
