/* HISTOGRAM on a GPU. A side takes some units at a time, and their counters come back when all their pairs
 * are counted. */
#include "pieces.h"

#include <stdlib.h>
#include <string.h>

enum { PIECES, COUNTS }; /* of a side's memory */

/* The units a side has. */
typedef struct batch {
    uint32_t unit, units; /* the first, and how many; none: 0 */
    dg_pieces pieces;
    uint32_t done; /* groups launched */
    int counted;   /* all of them, and the counters are on their way */
} batch;

typedef struct histogram {
    dg_op_histogram *op;
    dg_histogram_arguments arguments;
    uint32_t most; /* units whose counters fit the staging memory */
    uint32_t next; /* unit nobody has taken */
    batch batches[SIDES];
} histogram;

static enum dg_code histogram_begin(dg_device *device, void *arguments, dg_err *err)
{
    dg_op_histogram *op = arguments;
    histogram *h = device->state = calloc(1, sizeof *h);
    if (!h) return dg_fail_nomem(err, "counting distances");
    h->op = op;
    h->arguments =
        (dg_histogram_arguments){.a = dg_gpu_table(op->a), .b = dg_gpu_table(op->b), .bins = op->bits + 1};
    h->most = STAGING / (h->arguments.bins * (uint32_t)sizeof(uint32_t));
    if (h->most > DG_SLOTS) h->most = DG_SLOTS;
    return DG_OK;
}

static size_t counter_bytes(const histogram *h, uint32_t units)
{
    return (size_t)units * h->arguments.bins * sizeof(uint32_t);
}

/* Gives the side its next units, about a step of them, with their counters at 0. */
static enum dg_code take_units(dg_device *device, dg_side *side, histogram *h, batch *s, dg_err *err)
{
    const dg_driver *driver = device->driver;
    const dg_op_histogram *op = h->op;
    *s = (batch){.unit = h->next, .pieces.piece = (dg_piece *)side->staging};
    if (dg_gpu_keep(device, &side->kept[PIECES], (DG_SLOTS + 1) * sizeof(dg_piece), err) ||
        dg_gpu_keep(device, &side->kept[COUNTS], counter_bytes(h, h->most), err))
        return dg_gpu_leave_to_other(device, err) ? DG_OK : err->code;
    while (s->units < h->most && h->next < op->unit_count &&
           s->pieces.groups < device->groups[DG_PACE_HISTOGRAM]) {
        const dg_unit *u = &op->units[h->next++];
        uint32_t groups =
            dg_pieces_of_tile(u->a1 - u->a0, u->b1 - u->b0, DG_HISTOGRAM_SIDE, DG_HISTOGRAM_SIDE);
        uint32_t flags = op->a == op->b && u->a0 == u->b0 ? DG_PIECE_DIAGONAL : 0;
        uint32_t slot = s->units++;
        if (groups > 0)
            dg_pieces_add(&s->pieces, u, slot, groups, dg_gpu_ceil(u->b1 - u->b0, DG_HISTOGRAM_SIDE), flags);
    }
    if (s->units == 0) return DG_OK;
    size_t bytes = dg_pieces_end(&s->pieces);
    dg_zero_arguments zero = {s->units * h->arguments.bins};
    if (driver->copy_in(device->session, side->queue, side->kept[PIECES].memory, 0, side->staging, bytes,
                        err))
        return err->code;
    return driver->launch(device->session, side->queue, DG_KERNEL_zero, dg_gpu_ceil(zero.count, DG_GROUP),
                          &side->kept[COUNTS].memory, &zero, err);
}

static enum dg_code histogram_advance(dg_device *device, dg_side *side, int *busy, dg_err *err)
{
    histogram *h = device->state;
    batch *s = &h->batches[side - device->side];
    if (s->counted) {
        memcpy(h->op->counts + (size_t)s->unit * h->arguments.bins, side->staging,
               counter_bytes(h, s->units));
        s->units = 0;
    }
    if (s->units == 0 && take_units(device, side, h, s, err)) return err->code;
    if (s->units == 0) return DG_OK;
    *busy = 1;
    void *counts = side->kept[COUNTS].memory;
    void *memory[] = {h->op->a->hashes.handle, h->op->b->hashes.handle, side->kept[PIECES].memory, counts};
    h->arguments.pieces = s->pieces.count;
    if (dg_gpu_launch(device, side, DG_PACE_HISTOGRAM, DG_KERNEL_histogram, memory, &h->arguments, &s->done,
                      s->pieces.groups, err))
        return err->code;
    if (s->done < s->pieces.groups) return DG_OK;
    s->counted = 1;
    return device->driver->copy_out(device->session, side->queue, counts, 0, side->staging,
                                    counter_bytes(h, s->units), err);
}

static void histogram_end(dg_device *device)
{
    free(device->state);
}

const dg_operation dg_gpu_histogram = {histogram_begin, histogram_advance, histogram_end};
