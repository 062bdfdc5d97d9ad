/* RENDER on a GPU. Each side draws one half of the pictures. */
#include "internal.h"

#include <stdlib.h>

typedef struct render {
    const dg_op_render *op;
    dg_render_arguments arguments;
    uint32_t done[SIDES], end[SIDES]; /* groups */
} render;

static enum dg_code render_begin(dg_device *device, void *arguments, dg_err *err)
{
    render *r = device->state = calloc(1, sizeof *r);
    if (!r) return dg_fail_nomem(err, "drawing lines");
    const dg_op_render *op = r->op = arguments;
    const uint32_t columns = dg_gpu_ceil(op->width, DG_RENDER_WIDTH);
    const uint32_t tiles = columns * dg_gpu_ceil(op->height, DG_RENDER_HEIGHT);
    r->arguments = (dg_render_arguments){.columns = columns,
                                         .tiles = tiles,
                                         .width = op->width,
                                         .height = op->height,
                                         .reach = op->reach,
                                         .stride = dg_plane_stride(op->width, op->height)};
    r->end[0] = r->done[1] = op->count / 2 * tiles;
    r->end[1] = op->count * tiles;
    return DG_OK;
}

static enum dg_code render_advance(dg_device *device, dg_side *side, int *busy, dg_err *err)
{
    render *r = device->state;
    const dg_op_render *op = r->op;
    const int number = (int)(side - device->side);
    if (r->done[number] == r->end[number]) return DG_OK;
    *busy = 1;
    void *memory[] = {op->strokes->handle, op->first->handle, op->samples->handle, op->pixels->handle};
    return dg_gpu_launch(device, side, DG_PACE_RENDER, DG_KERNEL_render, memory, &r->arguments,
                         &r->done[number], r->end[number], err);
}

static void render_end(dg_device *device)
{
    free(device->state);
}

const dg_operation dg_gpu_render = {render_begin, render_advance, render_end};
