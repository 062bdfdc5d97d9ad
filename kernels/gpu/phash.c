/* PHASH on a GPU. A side takes some planes at a time, and their hashes come back when all are made. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

enum {
    WORK,  /* of a side's memory */
    BYTES, /* the hashes */
    BATCH_MAX = 16384,
};

typedef struct batch {
    uint32_t plane, count; /* the first, and how many; none: 0 */
    uint32_t done, groups;
    int hashed; /* all of them, and the hashes are on their way */
} batch;

typedef struct phash {
    const dg_op_phash *op;
    uint32_t side, bytes; /* samples along a plane, bytes of a hash */
    uint32_t next;        /* plane nobody has taken */
    batch batches[SIDES];
} phash;

static enum dg_code phash_begin(dg_device *device, void *arguments, dg_err *err)
{
    phash *p = device->state = calloc(1, sizeof *p);
    if (!p) return dg_fail_nomem(err, "hashing planes");
    p->op = arguments;
    p->side = 4 * p->op->size;
    p->bytes = (p->op->size * p->op->size + 7) / 8;
    if (!device->info.doubles)
        return dg_fail(err, DG_DEVICE_ERROR, "%s: the device has no doubles, which phash needs",
                       device->driver->name);
    return DG_OK;
}

static enum dg_code take_planes(dg_device *device, dg_side *side, phash *p, batch *b, dg_err *err)
{
    const uint32_t size = p->op->size, together = DG_GROUP / p->side, left = p->op->count - p->next;
    double most = device->groups[DG_PACE_PHASH] * together;
    if (most > BATCH_MAX) most = BATCH_MAX;
    *b = (batch){.plane = p->next, .count = left < most ? left : (uint32_t)most};
    if (b->count == 0) return DG_OK;
    if (dg_gpu_keep(device, &side->kept[WORK], b->count * (p->side * size + size * size) * sizeof(double),
                    err) ||
        dg_gpu_keep(device, &side->kept[BYTES], b->count * p->bytes, err)) {
        b->count = 0;
        return dg_gpu_leave_to_other(device, err) ? DG_OK : err->code;
    }
    b->groups = dg_gpu_ceil(b->count, together);
    p->next += b->count;
    return DG_OK;
}

static enum dg_code phash_advance(dg_device *device, dg_side *side, int *busy, dg_err *err)
{
    phash *p = device->state;
    const dg_op_phash *op = p->op;
    batch *b = &p->batches[side - device->side];
    if (b->hashed) {
        memcpy(op->hashes + (size_t)b->plane * p->bytes, side->staging, (size_t)b->count * p->bytes);
        b->count = 0;
    }
    if (b->count == 0 && take_planes(device, side, p, b, err)) return err->code;
    if (b->count == 0) return DG_OK;
    *busy = 1;
    void *memory[] = {op->planes->handle, op->factors->handle, side->kept[WORK].memory,
                      side->kept[BYTES].memory};
    dg_phash_arguments arguments = {
        .plane = b->plane, .count = b->count, .size = op->size, .stride = dg_plane_stride(p->side, p->side)};
    if (dg_gpu_launch(device, side, DG_PACE_PHASH, DG_KERNEL_phash, memory, &arguments, &b->done, b->groups,
                      err))
        return err->code;
    if (b->done < b->groups) return DG_OK;
    b->hashed = 1;
    return device->driver->copy_out(device->session, side->queue, side->kept[BYTES].memory, 0, side->staging,
                                    (size_t)b->count * p->bytes, err);
}

static void phash_end(dg_device *device)
{
    free(device->state);
}

const dg_operation dg_gpu_phash = {phash_begin, phash_advance, phash_end};
