#include "window.h"

enum {
    RUN_ROWS = 1 << 19
}; /* most rows of a window: a batch takes several, so that copies hide behind comparing */

/* Units that run together: rows [a0, a1) of the one table with [b0, b1) of the other. */
typedef struct run {
    uint32_t first, count; /* units */
    uint32_t a0, a1, b0, b1;
    int diagonal; /* the same rows twice */
} run;

static uint32_t least(uint32_t x, uint32_t y)
{
    return x < y ? x : y;
}

static uint32_t most(uint32_t x, uint32_t y)
{
    return x > y ? x : y;
}

/* The run that begins with unit `first`. */
static run next_run(const dg_op_compare *op, uint32_t first, uint32_t room)
{
    const dg_unit *unit = &op->units[first];
    int self = op->a == op->b;
    run r = {first, 1, unit->a0, unit->a1, unit->b0, unit->b1, self && unit->a0 == unit->b0};
    while (!r.diagonal && first + r.count < op->unit_count) {
        const dg_unit *u = &op->units[first + r.count];
        uint32_t b0 = least(r.b0, u->b0), b1 = most(r.b1, u->b1);
        if (u->a0 < r.a0 || u->a1 > r.a1 || (self && u->a0 == u->b0) || b1 - b0 > room) break;
        r.b0 = b0;
        r.b1 = b1;
        r.count++;
    }
    return r;
}

/* A window with rows [begin, end) of the table; `busy` ones are left as they are. */
static enum dg_code hold(dg_windows *w, const dg_place *place, const uint64_t *rows, uint32_t words,
                         uint32_t begin, uint32_t end, uint32_t room, uint32_t busy, uint32_t *held,
                         dg_err *err)
{
    const size_t row = words * sizeof *rows;
    for (uint32_t i = 0; i < DG_WINDOWS; i++) {
        const dg_window *window = &w->window[i];
        if (window->begin > begin || window->begin + window->count < end) continue;
        *held = i;
        return DG_OK;
    }
    for (*held = 0; busy >> *held & 1;) ++*held;
    dg_window *window = &w->window[*held];
    window->count = 0;
    if (window->room < end - begin) {
        place->backend->free(place->device, &window->rows);
        window->room = 0;
        uint32_t wanted = most(room, end - begin);
        if (place->backend->alloc(place->device, wanted * row, NULL, &window->rows, err)) return err->code;
        window->room = wanted;
    }
    if (place->backend->put(place->device, &window->rows, 0, rows + (size_t)begin * words,
                            (end - begin) * row, err))
        return err->code;
    window->begin = begin;
    window->count = end - begin;
    return DG_OK;
}

/* The windows of a run; `busy` gains them. */
static enum dg_code hold_run(dg_windows *w, const dg_place *place, const uint64_t *rows,
                             const dg_op_compare *op, const run *r, uint32_t room, uint32_t *busy,
                             uint32_t held[2], dg_err *err)
{
    const dg_index *a = op->a, *b = op->b;
    if (hold(w, place, rows, a->words, a->begin + r->a0, a->begin + r->a1, room, *busy, &held[0], err))
        return err->code;
    *busy |= 1u << held[0];
    if (hold(w, place, rows, b->words, b->begin + r->b0, b->begin + r->b1, room, *busy, &held[1], err))
        return err->code;
    *busy |= 1u << held[1];
    return DG_OK;
}

/* The rows of a window as a table of their own: positions from `row` of the whole table on. */
static dg_index within(const dg_index *table, const dg_window *window, uint32_t row, uint32_t count)
{
    dg_index index = *table;
    index.hashes = window->rows;
    index.begin = row - window->begin;
    index.count = count;
    return index;
}

/* Units of the run, counted from its own first rows. */
static void count_from(const run *r, const dg_unit *from, dg_unit *to)
{
    for (uint32_t i = 0; i < r->count; i++)
        to[i] = (dg_unit){DG_UNIT_TILE, from[i].a0 - r->a0, from[i].a1 - r->a0, from[i].b0 - r->b0,
                          from[i].b1 - r->b0};
}

/* Hits name rows of the windows; makes them rows of the table. */
static void name_rows(const dg_op_compare *part, uint32_t add_a, uint32_t add_b)
{
    for (uint32_t u = 0; u < part->unit_count; u++) {
        dg_hit *hit = part->hits + (size_t)part->slots[u] * part->capacity;
        for (uint32_t i = 0; part->counts[u] <= part->capacity && i < part->counts[u]; i++)
            hit[i] = (dg_hit){hit[i].a + add_a, hit[i].b + add_b, hit[i].distance};
    }
}

enum dg_code dg_windows_compare(dg_windows *w, const dg_place *place, const uint64_t *rows, dg_op_compare *op,
                                const dg_poll *poll, dg_err *err)
{
    enum { RUN_UNITS = 256 };
    const dg_backend *backend = place->backend;
    uint64_t affordable = place->memory_limit / 2 / DG_WINDOWS / (op->a->words * sizeof *rows);
    uint32_t room = affordable < RUN_ROWS ? (uint32_t)affordable : RUN_ROWS, busy = 0, held[2];
    dg_unit units[RUN_UNITS];
    run now = next_run(op, 0, room);
    if (hold_run(w, place, rows, op, &now, room, &busy, held, err)) return err->code;
    for (;;) {
        if (now.count > RUN_UNITS) now.count = RUN_UNITS;
        const dg_window *window_a = &w->window[held[0]], *window_b = &w->window[held[1]];
        dg_index a = within(op->a, window_a, op->a->begin + now.a0, now.a1 - now.a0);
        dg_index b = within(op->b, window_b, op->b->begin + now.b0, now.b1 - now.b0);
        dg_op_compare part = *op;
        part.a = &a;
        part.b = now.diagonal ? &a : &b;
        count_from(&now, op->units + now.first, units);
        part.units = units;
        part.unit_count = now.count;
        part.slots = op->slots + now.first;
        part.counts = op->counts + now.first;
        part.candidates = op->candidates + now.first;
        uint32_t done = now.first + now.count, add_a = window_a->begin, add_b = window_b->begin;
        if (backend->run(place->device, DG_OP_COMPARE, &part, poll, err)) return err->code;
        if (done < op->unit_count) {
            run next = next_run(op, done, room);
            uint32_t next_busy = busy, next_held[2];
            enum dg_code code = hold_run(w, place, rows, op, &next, room, &next_busy, next_held, err);
            dg_err later = {0};
            if (backend->wait(place->device, poll, &later) && !code) *err = later;
            if (err->code) return err->code;
            busy = 1u << next_held[0] | 1u << next_held[1];
            held[0] = next_held[0];
            held[1] = next_held[1];
            now = next;
        } else if (backend->wait(place->device, poll, err)) {
            return err->code;
        }
        name_rows(&part, add_a, add_b);
        if (done == op->unit_count) return DG_OK;
    }
}

void dg_windows_free(dg_windows *w, const dg_place *place)
{
    for (uint32_t i = 0; i < DG_WINDOWS; i++) {
        if (place->backend) place->backend->free(place->device, &w->window[i].rows);
        w->window[i] = (dg_window){0};
    }
}
