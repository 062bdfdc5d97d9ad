/*
 * NEAREST on a GPU. A side takes some queries at a time. What was found before goes to the device, the rows
 * pass, which may take many steps, and the neighbours are sorted on the device and fetched, as many at a time
 * as staging memory holds.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

enum {
    SCAN_GROUPS = 4,       /* groups a compute unit runs at once */
    QUERIES_MAX = 1 << 14, /* a side takes; their counts fit in front of the staging memory */
    FOUND_BYTES = QUERIES_MAX * sizeof(uint32_t),
    STAGED_KEYS = (STAGING - FOUND_BYTES) / sizeof(uint64_t),
    MEMORY_PART = 16, /* of the device's memory a side may use */
};

#define MEMORY_MAX ((uint64_t)2 << 30) /* bytes for a side's buffers */

enum { BUFFERS, STATE, BEST, FOUND }; /* of a side's memory */

enum phase { IDLE, LOADING, SCANNING, FETCHING };

/* The queries a side has. */
typedef struct batch {
    enum phase phase;
    uint32_t query, queries; /* the first, and how many */
    uint64_t moved;          /* keys that have come or gone; all of them are queries * k */
    uint32_t in_flight;      /* keys being fetched */
    uint32_t steps;          /* group steps of the rows launched so far */
} batch;

typedef struct nearest {
    dg_op_nearest *op;
    uint32_t k, room; /* keys a query has on the device: neighbours, and in the buffer */
    uint32_t given;   /* most neighbours any query had on entry */
    uint32_t most;    /* queries a side takes */
    uint32_t next;    /* query nobody has taken */
    batch batches[SIDES];
} nearest;

static enum dg_code nearest_begin(dg_device *device, void *arguments, dg_err *err)
{
    dg_op_nearest *op = arguments;
    nearest *n = device->state = calloc(1, sizeof *n);
    if (!n) return dg_fail_nomem(err, "finding neighbours");
    n->op = op;
    for (uint32_t q = 0; q < op->queries->count; q++)
        if (op->found[q] > n->given) n->given = op->found[q];
    uint64_t all = (uint64_t)n->given + op->rows->count;
    n->k = op->k < all ? op->k : (uint32_t)all;
    if (n->k == 0) n->k = 1;
    n->room = n->k + n->k / 2 + 2 * DG_NEAREST_STEP;
    uint64_t memory = device->info.memory_total / MEMORY_PART;
    if (memory == 0 || memory > MEMORY_MAX) memory = MEMORY_MAX;
    uint64_t most = memory / ((n->room + (uint64_t)n->k) * sizeof(uint64_t));
    uint64_t filling = (uint64_t)device->info.units * SCAN_GROUPS * DG_NEAREST_QUERIES;
    if (most > filling) most = filling;
    if (most > QUERIES_MAX) most = QUERIES_MAX;
    n->most = most < DG_NEAREST_QUERIES ? DG_NEAREST_QUERIES : (uint32_t)most;
    return DG_OK;
}

/* Memory for *queries queries, or for fewer where there is not enough. */
static enum dg_code make_room(dg_device *device, dg_side *side, const nearest *n, uint32_t *queries,
                              dg_err *err)
{
    for (;; *queries = (*queries + 1) / 2) {
        dg_err attempt = {DG_OK, ""};
        const size_t keys = (size_t)*queries * sizeof(uint64_t);
        if (dg_gpu_keep(device, &side->kept[BUFFERS], keys * n->room, &attempt) == DG_OK &&
            dg_gpu_keep(device, &side->kept[BEST], keys * n->k, &attempt) == DG_OK &&
            dg_gpu_keep(device, &side->kept[STATE], *queries * 2 * sizeof(uint32_t), &attempt) == DG_OK &&
            dg_gpu_keep(device, &side->kept[FOUND], *queries * sizeof(uint32_t), &attempt) == DG_OK)
            return DG_OK;
        if (attempt.code != DG_DEVICE_NOMEM || *queries == 1)
            return dg_fail(err, attempt.code, "%s", attempt.text);
    }
}

static uint64_t *staged_keys(const dg_side *side)
{
    return (uint64_t *)(side->staging + FOUND_BYTES);
}

/* Gives the side its next queries, and the device the numbers of neighbours they have already. */
static enum dg_code take_queries(dg_device *device, dg_side *side, nearest *n, batch *s, dg_err *err)
{
    uint32_t queries = n->op->queries->count - n->next;
    *s = (batch){.phase = IDLE};
    if (queries == 0) return DG_OK;
    if (queries > n->most) queries = n->most;
    if (make_room(device, side, n, &queries, err))
        return dg_gpu_leave_to_other(device, err) ? DG_OK : err->code;
    s->query = n->next;
    s->queries = queries;
    s->phase = n->given > 0 ? LOADING : SCANNING;
    n->next += queries;
    memcpy(side->staging, n->op->found + s->query, queries * sizeof(uint32_t));
    return device->driver->copy_in(device->session, side->queue, side->kept[FOUND].memory, 0, side->staging,
                                   queries * sizeof(uint32_t), err);
}

/* Sends neighbours that were found before, in order of the queries, n->k places each. */
static enum dg_code load(dg_device *device, dg_side *side, nearest *n, batch *s, dg_err *err)
{
    const uint64_t all = (uint64_t)s->queries * n->k;
    uint64_t *key = staged_keys(side), first = s->moved;
    for (; s->moved < all && s->moved - first < STAGED_KEYS; s->moved++) {
        uint64_t q = s->query + s->moved / n->k, i = s->moved % n->k;
        dg_neighbour at = {0, 0};
        if (i < n->op->found[q]) at = n->op->neighbours[q * n->op->k + i];
        *key++ = (uint64_t)at.distance << 32 | at.row;
    }
    if (s->moved == all) s->phase = SCANNING;
    return device->driver->copy_in(device->session, side->queue, side->kept[BEST].memory,
                                   first * sizeof(uint64_t), staged_keys(side),
                                   (s->moved - first) * sizeof(uint64_t), err);
}

/* Asks for the next keys. */
static enum dg_code fetch(dg_device *device, dg_side *side, const nearest *n, batch *s, dg_err *err)
{
    uint64_t left = (uint64_t)s->queries * n->k - s->moved;
    s->in_flight = left < STAGED_KEYS ? (uint32_t)left : STAGED_KEYS;
    return device->driver->copy_out(device->session, side->queue, side->kept[BEST].memory,
                                    s->moved * sizeof(uint64_t), staged_keys(side),
                                    s->in_flight * sizeof(uint64_t), err);
}

/* Lets as many rows pass as a step allows. After the last the neighbours are sorted and asked for. */
static enum dg_code scan(dg_device *device, dg_side *side, nearest *n, batch *s, dg_err *err)
{
    const dg_driver *driver = device->driver;
    const dg_index *rows = n->op->rows, *queries = n->op->queries;
    const uint32_t groups = dg_gpu_ceil(s->queries, DG_NEAREST_QUERIES);
    const uint32_t steps = dg_gpu_ceil(rows->count, DG_NEAREST_STEP);
    double most = device->groups[DG_PACE_NEAREST] / groups;
    uint32_t now = steps - s->steps;
    if (now > most) now = most < 1 ? 1 : (uint32_t)most;
    const uint32_t bits = 64 * rows->words;
    const uint64_t end = (uint64_t)(s->steps + now) * DG_NEAREST_STEP;
    const dg_nearest_arguments arguments = {.words = rows->words,
                                            .rows_begin = rows->begin + s->steps * DG_NEAREST_STEP,
                                            .rows_end = rows->begin +
                                                        (end < rows->count ? (uint32_t)end : rows->count),
                                            .queries_begin = queries->begin + s->query,
                                            .queries_end = queries->begin + s->query + s->queries,
                                            .k = n->k,
                                            .room = n->room,
                                            .limit = n->op->limit < bits ? n->op->limit : bits,
                                            .first = s->steps == 0,
                                            .last = s->steps + now == steps};
    void *memory[] = {rows->hashes.handle,      queries->hashes.handle,  side->kept[BUFFERS].memory,
                      side->kept[STATE].memory, side->kept[BEST].memory, side->kept[FOUND].memory};
    side->share -= groups * (double)now / device->groups[DG_PACE_NEAREST];
    side->paces |= 1u << DG_PACE_NEAREST;
    s->steps += now;
    if (driver->launch(device->session, side->queue, DG_KERNEL_nearest, groups, memory, &arguments, err))
        return err->code;
    if (!arguments.last) return DG_OK;
    s->phase = FETCHING;
    s->moved = 0;
    if (dg_gpu_sort(device, side, side->kept[BEST].memory, side->kept[FOUND].memory, s->queries, n->k, n->k,
                    err))
        return err->code;
    if (driver->copy_out(device->session, side->queue, side->kept[FOUND].memory, 0, side->staging,
                         s->queries * sizeof(uint32_t), err))
        return err->code;
    return fetch(device, side, n, s, err);
}

/* Keys that have come, to where the caller wants them. */
static void take_keys(const dg_side *side, nearest *n, batch *s)
{
    const uint64_t *key = staged_keys(side);
    memcpy(n->op->found + s->query, side->staging, s->queries * sizeof(uint32_t));
    for (uint64_t end = s->moved + s->in_flight; s->moved < end; s->moved++, key++) {
        uint64_t q = s->query + s->moved / n->k, i = s->moved % n->k;
        if (i < n->op->found[q])
            n->op->neighbours[q * n->op->k + i] = (dg_neighbour){(uint32_t)*key, (uint32_t)(*key >> 32)};
    }
    if (s->moved == (uint64_t)s->queries * n->k) s->phase = IDLE;
}

static enum dg_code nearest_advance(dg_device *device, dg_side *side, int *busy, dg_err *err)
{
    nearest *n = device->state;
    batch *s = &n->batches[side - device->side];
    if (s->phase == FETCHING) {
        take_keys(side, n, s);
        if (s->phase == FETCHING && fetch(device, side, n, s, err)) return err->code;
    }
    if (s->phase == IDLE && take_queries(device, side, n, s, err)) return err->code;
    *busy = s->phase != IDLE;
    if (s->phase == LOADING) return load(device, side, n, s, err);
    if (s->phase == SCANNING) return scan(device, side, n, s, err);
    return DG_OK;
}

static void nearest_end(dg_device *device)
{
    free(device->state);
}

const dg_operation dg_gpu_nearest = {nearest_begin, nearest_advance, nearest_end};
