/*
 * COMPARE on a GPU. A side takes some units at a time: their pairs are compared, which may take several
 * steps; then their counts come back, and where there are hits, these are sorted and written densely on the
 * device and fetched, as many at a time as staging memory holds. The other side compares in the meantime.
 */
#include "pieces.h"

#include <stdlib.h>
#include <string.h>

enum {
    BUCKET_GROUPS = 64, /* of a unit of buckets, which has some 16,000 rows */
    UNITS_LEAST = 16,   /* taken at a time, where there are that many */
    RESULTS = 3 * DG_SLOTS,
    HIT_BYTES = 3 * sizeof(uint32_t),
    STAGED_HITS = STAGING / HIT_BYTES,
};

enum { PIECES, COUNTS, KEYS, HITS }; /* of a side's memory */

enum phase { IDLE, COMPARING, COUNTED, FETCHING };

/* The units a side has. */
typedef struct batch {
    enum phase phase;
    uint32_t unit, units; /* the first, and how many */
    dg_pieces pieces;
    uint32_t tile_pieces;               /* of them, at the front */
    uint32_t tile_groups, done;         /* groups of tiles; groups launched */
    uint32_t counts[DG_SLOTS];          /* hits of each unit that fit its slot, else 0 */
    uint32_t total, fetched, in_flight; /* hits */
} batch;

typedef struct compare {
    dg_op_compare *op;
    dg_compare_arguments arguments;
    enum dg_kernel tiles, buckets;
    uint32_t held, passing; /* rows of each side of a tile a group takes */
    uint32_t next;          /* unit nobody has taken */
    batch batches[SIDES];
} compare;

static enum dg_code compare_begin(dg_device *device, void *arguments, dg_err *err)
{
    dg_op_compare *op = arguments;
    compare *c = device->state = calloc(1, sizeof *c);
    if (!c) return dg_fail_nomem(err, "comparing hashes");
    c->op = op;
    c->arguments = (dg_compare_arguments){.a = dg_gpu_table(op->a),
                                          .b = dg_gpu_table(op->b),
                                          .self = op->a == op->b,
                                          .threshold = op->threshold,
                                          .mask_count = op->mask_count,
                                          .seen_count = op->seen_count,
                                          .capacity = op->capacity};
    switch (op->a->sieve_bits) {
    case 32: c->tiles = DG_KERNEL_tiles_32, c->buckets = DG_KERNEL_buckets_32; break;
    case 64: c->tiles = DG_KERNEL_tiles_64, c->buckets = DG_KERNEL_buckets_64; break;
    case 128: c->tiles = DG_KERNEL_tiles_128, c->buckets = DG_KERNEL_buckets_128; break;
    default: c->tiles = DG_KERNEL_tiles_256, c->buckets = DG_KERNEL_buckets_256; break;
    }
    c->held = DG_GROUP * DG_TILE_HELD(op->a->sieve_bits);
    c->passing = DG_TILE_PASSING(op->a->sieve_bits);
    const size_t mask_bytes = op->mask_count * sizeof *op->masks;
    const size_t seen_bytes = op->seen_count * sizeof *op->seen;
    if (dg_gpu_keep(device, &device->masks, mask_bytes, err) ||
        dg_gpu_keep(device, &device->seen, seen_bytes, err) ||
        dg_gpu_upload(device, device->masks.memory, 0, op->masks, mask_bytes, err))
        return err->code;
    return dg_gpu_upload(device, device->seen.memory, 0, op->seen, seen_bytes, err);
}

/* --- units to pieces --- */

/* Whether the longer side of a tile, which should be held, is that of b. */
static int swapped(const dg_unit *unit)
{
    return unit->b1 - unit->b0 > unit->a1 - unit->a0;
}

static uint32_t groups_of(const compare *c, const dg_unit *unit)
{
    uint32_t rows = unit->a1 - unit->a0, columns = unit->b1 - unit->b0;
    if (unit->kind == DG_UNIT_BUCKETS) return BUCKET_GROUPS;
    if (swapped(unit)) return dg_pieces_of_tile(columns, rows, c->held, c->passing);
    return dg_pieces_of_tile(rows, columns, c->held, c->passing);
}

/* Units from c->next on that fill about a step. */
static uint32_t choose(const dg_device *device, const compare *c)
{
    uint32_t most = (c->op->unit_count + 1) / 2, n = 0;
    if (most < UNITS_LEAST) most = UNITS_LEAST;
    if (most > DG_SLOTS) most = DG_SLOTS;
    for (double work = 0; n < most && c->next + n < c->op->unit_count && work < 1; n++) {
        const dg_unit *unit = &c->op->units[c->next + n];
        work +=
            groups_of(c, unit) / device->groups[unit->kind == DG_UNIT_TILE ? DG_PACE_TILES : DG_PACE_BUCKETS];
    }
    return n;
}

/* Memory for the hits of *units units, or of fewer where there is not enough. */
static enum dg_code make_room(dg_device *device, dg_side *side, uint32_t capacity, uint32_t *units,
                              dg_err *err)
{
    if (dg_gpu_keep(device, &side->kept[PIECES], (DG_SLOTS + 1) * sizeof(dg_piece), err) ||
        dg_gpu_keep(device, &side->kept[COUNTS], RESULTS * sizeof(uint32_t), err) ||
        dg_gpu_keep(device, &side->kept[HITS], STAGED_HITS * HIT_BYTES, err))
        return err->code;
    for (;; *units /= 2) {
        dg_err attempt = {DG_OK, ""};
        if (dg_gpu_keep(device, &side->kept[KEYS], (size_t)*units * capacity * sizeof(uint64_t), &attempt) ==
            DG_OK)
            return DG_OK;
        if (attempt.code != DG_DEVICE_NOMEM || *units == 1)
            return dg_fail(err, attempt.code, "%s", attempt.text);
    }
}

/* The pieces of the side's units: tiles first. Units without pairs have none. */
static void list_pieces(const compare *c, batch *s)
{
    for (int kind = 0; kind < 2; kind++) {
        for (uint32_t slot = 0; slot < s->units; slot++) {
            const dg_unit *u = &c->op->units[s->unit + slot];
            if (u->kind != (kind == 0 ? DG_UNIT_TILE : DG_UNIT_BUCKETS)) continue;
            uint32_t groups = groups_of(c, u), columns = 1, flags = 0;
            if (groups == 0) continue;
            if (u->kind == DG_UNIT_TILE) {
                columns = dg_gpu_ceil(swapped(u) ? u->a1 - u->a0 : u->b1 - u->b0, c->passing);
                if (swapped(u)) flags |= DG_PIECE_SWAPPED;
                if (c->arguments.self && u->a0 == u->b0) flags |= DG_PIECE_DIAGONAL;
            }
            dg_pieces_add(&s->pieces, u, slot, groups, columns, flags);
        }
        if (kind == 0) s->tile_groups = s->pieces.groups;
    }
}

/* --- steps --- */

/* Gives the side its next units, if there are any. */
static enum dg_code take_units(dg_device *device, dg_side *side, compare *c, batch *s, dg_err *err)
{
    const dg_driver *driver = device->driver;
    uint32_t units = choose(device, c);
    *s = (batch){.phase = IDLE};
    if (units == 0) return DG_OK;
    if (make_room(device, side, c->op->capacity, &units, err))
        return dg_gpu_leave_to_other(device, err) ? DG_OK : err->code;
    s->unit = c->next;
    s->units = units;
    s->pieces.piece = (dg_piece *)side->staging;
    list_pieces(c, s);
    c->next += units;
    s->phase = COMPARING;
    size_t bytes = dg_pieces_end(&s->pieces);
    dg_zero_arguments zero = {RESULTS};
    if (driver->copy_in(device->session, side->queue, side->kept[PIECES].memory, 0, side->staging, bytes,
                        err))
        return err->code;
    return driver->launch(device->session, side->queue, DG_KERNEL_zero, dg_gpu_ceil(RESULTS, DG_GROUP),
                          &side->kept[COUNTS].memory, &zero, err);
}

/* Launches what a step allows; when all is launched, the counts are asked for. */
static enum dg_code launch(dg_device *device, dg_side *side, compare *c, batch *s, dg_err *err)
{
    const dg_index *a = c->op->a, *b = c->op->b;
    void *pieces = side->kept[PIECES].memory, *counts = side->kept[COUNTS].memory;
    void *keys = side->kept[KEYS].memory, *seen = device->seen.memory;
    void *tiles[] = {a->hashes.handle, a->sieve.handle,
                     a->index.handle,  b->hashes.handle,
                     b->sieve.handle,  b->index.handle,
                     pieces,           seen,
                     counts,           keys};
    void *buckets[] = {a->hashes.handle,
                       a->sieve.handle,
                       a->index.handle,
                       a->offsets.handle,
                       b->hashes.handle,
                       b->sieve.handle,
                       b->index.handle,
                       b->offsets.handle,
                       pieces,
                       device->masks.memory,
                       seen,
                       counts,
                       keys};
    c->arguments.pieces = s->pieces.count;
    if (dg_gpu_launch(device, side, DG_PACE_TILES, c->tiles, tiles, &c->arguments, &s->done, s->tile_groups,
                      err))
        return err->code;
    if (s->done >= s->tile_groups && dg_gpu_launch(device, side, DG_PACE_BUCKETS, c->buckets, buckets,
                                                   &c->arguments, &s->done, s->pieces.groups, err))
        return err->code;
    if (s->done < s->pieces.groups) return DG_OK;
    s->phase = COUNTED;
    return device->driver->copy_out(device->session, side->queue, counts, 0, side->staging,
                                    RESULTS * sizeof(uint32_t), err);
}

/* Pairs in a tile. */
static uint64_t pairs_of(const compare *c, const dg_unit *u)
{
    uint64_t rows = u->a1 - u->a0, columns = u->b1 - u->b0;
    return c->arguments.self && u->a0 == u->b0 ? rows * (rows - 1) / 2 : rows * columns;
}

/* The counts have come. Sorts the hits on the device where there are any. */
static enum dg_code take_counts(dg_device *device, dg_side *side, compare *c, batch *s, dg_err *err)
{
    const uint32_t *results = (const uint32_t *)side->staging;
    const uint32_t capacity = c->op->capacity;
    uint32_t most = 0;
    for (uint32_t i = 0; i < s->units; i++) {
        const dg_unit *unit = &c->op->units[s->unit + i];
        const uint32_t *pair = results + DG_SLOTS + 2 * i;
        c->op->counts[s->unit + i] = results[i];
        c->op->candidates[s->unit + i] =
            unit->kind == DG_UNIT_TILE ? pairs_of(c, unit) : (uint64_t)pair[1] << 32 | pair[0];
        s->counts[i] = results[i] > capacity ? 0 : results[i];
        s->total += s->counts[i];
        if (s->counts[i] > most) most = s->counts[i];
    }
    s->phase = s->total > 0 ? FETCHING : IDLE;
    if (s->total == 0) return DG_OK;
    return dg_gpu_sort(device, side, side->kept[KEYS].memory, side->kept[COUNTS].memory, s->units, capacity,
                       most, err);
}

/* Brings the next hits to the staging memory. */
static enum dg_code fetch(dg_device *device, dg_side *side, compare *c, batch *s, dg_err *err)
{
    const dg_driver *driver = device->driver;
    uint32_t left = s->total - s->fetched, most = 0;
    for (uint32_t i = 0; i < s->units; i++)
        if (s->counts[i] > most) most = s->counts[i];
    s->in_flight = left < STAGED_HITS ? left : STAGED_HITS;
    const dg_pack_arguments pack = {.capacity = c->op->capacity,
                                    .blocks = dg_gpu_ceil(most, DG_BITONIC_KEYS),
                                    .words = c->op->a->words,
                                    .first = s->fetched,
                                    .count = s->in_flight};
    void *memory[] = {side->kept[KEYS].memory, side->kept[COUNTS].memory, c->op->a->hashes.handle,
                      c->op->b->hashes.handle, side->kept[HITS].memory};
    if (driver->launch(device->session, side->queue, DG_KERNEL_pack, s->units * pack.blocks, memory, &pack,
                       err))
        return err->code;
    return driver->copy_out(device->session, side->queue, side->kept[HITS].memory, 0, side->staging,
                            s->in_flight * HIT_BYTES, err);
}

/* Hits that have come, to where the caller wants them. */
static void take_hits(const dg_side *side, compare *c, batch *s)
{
    const dg_hit *hits = (const dg_hit *)side->staging;
    const uint32_t end = s->fetched + s->in_flight;
    for (uint32_t i = 0, first = 0; i < s->units; first += s->counts[i++]) {
        uint32_t from = first > s->fetched ? first : s->fetched;
        uint32_t to = first + s->counts[i] < end ? first + s->counts[i] : end;
        if (from >= to) continue;
        dg_hit *slot = c->op->hits + (size_t)c->op->slots[s->unit + i] * c->op->capacity;
        memcpy(slot + (from - first), hits + (from - s->fetched), (to - from) * sizeof *hits);
    }
    s->fetched = end;
    if (s->fetched == s->total) s->phase = IDLE;
}

static enum dg_code compare_advance(dg_device *device, dg_side *side, int *busy, dg_err *err)
{
    compare *c = device->state;
    batch *s = &c->batches[side - device->side];
    if (s->phase == FETCHING) take_hits(side, c, s);
    if (s->phase == COUNTED && take_counts(device, side, c, s, err)) return err->code;
    if (s->phase == FETCHING && fetch(device, side, c, s, err)) return err->code;
    if (s->phase == IDLE && take_units(device, side, c, s, err)) return err->code;
    if (s->phase == COMPARING && launch(device, side, c, s, err)) return err->code;
    *busy = s->phase != IDLE;
    return DG_OK;
}

static void compare_end(dg_device *device)
{
    free(device->state);
}

const dg_operation dg_gpu_compare = {compare_begin, compare_advance, compare_end};
