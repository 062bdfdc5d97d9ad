/* BLOCKS on a GPU. A side takes some planes at a time, and their sums come back when all are made. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

enum { SUMS }; /* of a side's memory */

typedef struct batch {
    uint32_t plane, count; /* the first, and how many; none: 0 */
    uint32_t done, groups;
    int added; /* all of them, and the sums are on their way */
} batch;

typedef struct blocks {
    const dg_op_blocks *op;
    uint32_t many; /* blocks of a plane */
    uint32_t next; /* plane nobody has taken */
    batch batches[SIDES];
} blocks;

static enum dg_code blocks_begin(dg_device *device, void *arguments, dg_err *err)
{
    blocks *b = device->state = calloc(1, sizeof *b);
    if (!b) return dg_fail_nomem(err, "adding up planes");
    b->op = arguments;
    b->many = b->op->along * b->op->along;
    return DG_OK;
}

static size_t sum_bytes(const blocks *b, uint32_t planes)
{
    return (size_t)planes * b->many * sizeof(uint32_t);
}

static enum dg_code take_planes(dg_device *device, dg_side *side, blocks *b, batch *s, dg_err *err)
{
    const uint32_t room = (uint32_t)(STAGING / sum_bytes(b, 1)), left = b->op->count - b->next;
    double most = device->groups[DG_PACE_BLOCKS] / b->many;
    most = most < 1 ? 1 : most > room ? room : most;
    *s = (batch){.plane = b->next, .count = left < most ? left : (uint32_t)most};
    if (s->count == 0) return DG_OK;
    if (dg_gpu_keep(device, &side->kept[SUMS], sum_bytes(b, s->count), err)) {
        s->count = 0;
        return dg_gpu_leave_to_other(device, err) ? DG_OK : err->code;
    }
    s->groups = s->count * b->many;
    b->next += s->count;
    return DG_OK;
}

static enum dg_code blocks_advance(dg_device *device, dg_side *side, int *busy, dg_err *err)
{
    blocks *b = device->state;
    const dg_op_blocks *op = b->op;
    batch *s = &b->batches[side - device->side];
    if (s->added) {
        memcpy(op->sums + (size_t)s->plane * b->many, side->staging, sum_bytes(b, s->count));
        s->count = 0;
    }
    if (s->count == 0 && take_planes(device, side, b, s, err)) return err->code;
    if (s->count == 0) return DG_OK;
    *busy = 1;
    void *memory[] = {op->planes->handle, side->kept[SUMS].memory};
    dg_blocks_arguments arguments = {.plane = s->plane,
                                     .side = op->side,
                                     .along = op->along,
                                     .stride = dg_plane_stride(op->side, op->side)};
    if (dg_gpu_launch(device, side, DG_PACE_BLOCKS, DG_KERNEL_blocks, memory, &arguments, &s->done, s->groups,
                      err))
        return err->code;
    if (s->done < s->groups) return DG_OK;
    s->added = 1;
    return device->driver->copy_out(device->session, side->queue, side->kept[SUMS].memory, 0, side->staging,
                                    sum_bytes(b, s->count), err);
}

static void blocks_end(dg_device *device)
{
    free(device->state);
}

const dg_operation dg_gpu_blocks = {blocks_begin, blocks_advance, blocks_end};
