/* RESIZE on a GPU. A side takes some pictures at a time, first one pass over all of them, then the other. */
#include "internal.h"

#include <stdlib.h>

enum {
    PASSES,          /* of a side's memory */
    BATCH_MAX = 512, /* pictures a side takes */
};

typedef struct batch {
    uint32_t picture, count; /* the first, and how many; none: 0 */
    uint32_t stage;          /* of the two passes */
    uint32_t done, groups;   /* of this stage */
} batch;

typedef struct resize {
    const dg_op_resize *op;
    uint32_t next; /* picture nobody has taken */
    batch batches[SIDES];
} resize;

static enum dg_code resize_begin(dg_device *device, void *arguments, dg_err *err)
{
    resize *r = device->state = calloc(1, sizeof *r);
    if (!r) return dg_fail_nomem(err, "resizing pictures");
    r->op = arguments;
    return DG_OK;
}

/* The first or second pass over picture i, without its place among the groups. */
static dg_resize_pass pass_of(const dg_op_resize *op, uint32_t i, uint32_t stage)
{
    const dg_resize_picture *picture = &op->pictures[i];
    const uint32_t down = stage == 0 ? picture->down_first : !picture->down_first;
    dg_resize_pass pass = {.from = dg_gpu_place(stage == 0 ? picture->pixels : picture->between),
                           .to = dg_gpu_place(picture->between),
                           .width = picture->width,
                           .height = picture->height,
                           .out = down ? op->height : op->width,
                           .taps = down ? picture->down : picture->across,
                           .down = down};
    if (stage == 0) return pass;
    pass.to = i * dg_gpu_place(dg_plane_stride(op->width, op->height));
    if (down)
        pass.width = op->width;
    else
        pass.height = op->height;
    return pass;
}

/* Makes the side ready for a stage of its pictures. */
static enum dg_code lay_passes(dg_device *device, dg_side *side, const dg_op_resize *op, batch *b,
                               dg_err *err)
{
    dg_resize_pass *passes = (dg_resize_pass *)side->staging;
    b->done = b->groups = 0;
    for (uint32_t i = 0; i < b->count; i++) {
        dg_resize_pass *pass = &passes[i];
        *pass = pass_of(op, b->picture + i, b->stage);
        const uint32_t rows = pass->down ? pass->out : dg_gpu_ceil(pass->height, DG_RESIZE_ROWS);
        pass->columns = pass->down ? dg_gpu_ceil(pass->width, DG_RESIZE_COLUMNS)
                                   : dg_gpu_ceil(pass->out, DG_RESIZE_OUTPUTS);
        pass->first = b->groups;
        b->groups += rows * pass->columns;
    }
    return device->driver->copy_in(device->session, side->queue, side->kept[PASSES].memory, 0, passes,
                                   b->count * sizeof *passes, err);
}

/* The groups of both stages of a picture, about. */
static double groups_of(const dg_op_resize *op, const dg_resize_picture *picture)
{
    return (double)picture->width * picture->height / (DG_RESIZE_ROWS * DG_RESIZE_COLUMNS) + op->height;
}

static enum dg_code take_pictures(dg_device *device, dg_side *side, resize *r, batch *b, dg_err *err)
{
    const dg_op_resize *op = r->op;
    double groups = 0;
    *b = (batch){.picture = r->next};
    if (dg_gpu_keep(device, &side->kept[PASSES], BATCH_MAX * sizeof(dg_resize_pass), err))
        return dg_gpu_leave_to_other(device, err) ? DG_OK : err->code;
    while (r->next < op->count && b->count < BATCH_MAX && groups < device->groups[DG_PACE_RESIZE]) {
        groups += groups_of(op, &op->pictures[r->next++]);
        b->count++;
    }
    return b->count ? lay_passes(device, side, op, b, err) : DG_OK;
}

static enum dg_code resize_advance(dg_device *device, dg_side *side, int *busy, dg_err *err)
{
    resize *r = device->state;
    const dg_op_resize *op = r->op;
    batch *b = &r->batches[side - device->side];
    if (b->count && b->done == b->groups) {
        if (b->stage++ == 1)
            b->count = 0;
        else if (lay_passes(device, side, op, b, err))
            return err->code;
    }
    if (b->count == 0 && take_pictures(device, side, r, b, err)) return err->code;
    if (b->count == 0) return DG_OK;
    *busy = 1;
    const dg_buffer *from = b->stage == 0 ? op->pixels : op->between;
    const dg_buffer *to = b->stage == 0 ? op->between : op->planes;
    void *memory[] = {from->handle, to->handle, op->taps->handle, op->weights->handle,
                      side->kept[PASSES].memory};
    dg_resize_arguments arguments = {.passes = b->count};
    return dg_gpu_launch(device, side, DG_PACE_RESIZE, DG_KERNEL_resize, memory, &arguments, &b->done,
                         b->groups, err);
}

static void resize_end(dg_device *device)
{
    free(device->state);
}

const dg_operation dg_gpu_resize = {resize_begin, resize_advance, resize_end};
