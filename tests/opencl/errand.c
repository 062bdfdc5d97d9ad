#include "errand.h"

#include "../../kernels/cpu/cpu.h"
#include "../core/columns.h"
#include "../device/side_by_side.h"

#include <stdlib.h>
#include <string.h>

enum { RADIUS = 1, MASKS = ERRAND_WIDTH + 1 };

static const dg_chunk chunk = {61, ERRAND_WIDTH, RADIUS}; /* across two words */

/* COMPARE of all buckets, and of some tiles. Hits beyond the counted ones are set to zero. */
static enum dg_code compare(place *p, errand_found *out, int sieve)
{
    static const dg_chunk seen[] = {{0, 7, 1}};
    static const dg_unit units[2 * ERRAND_UNITS] = {
        {DG_UNIT_BUCKETS, 0, 5, 0, 0},   {DG_UNIT_BUCKETS, 5, 6, 0, 0},
        {DG_UNIT_BUCKETS, 6, 20, 0, 0},  {DG_UNIT_BUCKETS, 20, 1 << ERRAND_WIDTH, 0, 0},
        {DG_UNIT_TILE, 0, 130, 0, 130},  {DG_UNIT_TILE, 0, 1, 130, 260},
        {DG_UNIT_TILE, 130, 260, 1, 99}, {DG_UNIT_TILE, 259, 260, 259, 260},
    };
    uint32_t masks[MASKS] = {0}, slots[2 * ERRAND_UNITS];
    uint64_t candidates[2 * ERRAND_UNITS];
    for (uint32_t i = 1; i < MASKS; i++) masks[i] = 1u << (i - 1);
    for (uint32_t i = 0; i < 2 * ERRAND_UNITS; i++) slots[i] = i;
    dg_op_compare op = {.a = &p->a,
                        .b = &p->a,
                        .threshold = 110,
                        .masks = masks,
                        .mask_count = MASKS,
                        .seen = seen,
                        .seen_count = 1,
                        .units = units,
                        .unit_count = 2 * ERRAND_UNITS,
                        .slots = slots,
                        .hits = out->hits[sieve],
                        .capacity = ERRAND_CAPACITY,
                        .counts = out->counts[sieve],
                        .candidates = candidates};
    if (place_run(p, DG_OP_COMPARE, &op)) return p->err.code;
    for (uint32_t u = 0; u < 2 * ERRAND_UNITS; u++) {
        uint32_t count = out->counts[sieve][u] <= ERRAND_CAPACITY ? out->counts[sieve][u] : 0;
        memset(out->hits[sieve] + u * ERRAND_CAPACITY + count, 0, (ERRAND_CAPACITY - count) * sizeof(dg_hit));
    }
    return DG_OK;
}

static enum dg_code count_distances(place *p, errand_found *out)
{
    static const dg_unit units[ERRAND_UNITS] = {{DG_UNIT_TILE, 0, 130, 0, 130},
                                                {DG_UNIT_TILE, 0, 130, 130, 260},
                                                {DG_UNIT_TILE, 130, 131, 0, 130},
                                                {DG_UNIT_TILE, 17, 18, 200, 201}};
    dg_op_histogram op = {.a = &p->b,
                          .b = &p->b,
                          .bits = ERRAND_BITS,
                          .units = units,
                          .unit_count = ERRAND_UNITS,
                          .counts = out->histogram};
    return place_run(p, DG_OP_HISTOGRAM, &op);
}

static enum dg_code find_nearest(place *p, errand_found *out)
{
    dg_index queries = p->b;
    queries.begin = 77;
    queries.count = ERRAND_QUERIES;
    dg_op_nearest op = {.rows = &p->b,
                        .queries = &queries,
                        .k = ERRAND_K,
                        .limit = 90,
                        .found = out->found,
                        .neighbours = out->neighbours};
    return place_run(p, DG_OP_NEAREST, &op);
}

static enum dg_code fetch_index(place *p, errand_found *out)
{
    const dg_backend *backend = p->backend;
    if (backend->get(p->device, &p->a.offsets, 0, out->offsets, sizeof out->offsets, &p->err))
        return p->err.code;
    return backend->get(p->device, &p->a.index, 0, out->index, sizeof out->index, &p->err);
}

static enum dg_code work(place *p, int thorough, errand_found *out)
{
    const table_spec chunked = {.count = ERRAND_ROWS, .chunk = chunk}, plain = {.count = ERRAND_ROWS};
    for (int sieve = thorough ? 0 : 1; sieve < (thorough ? ERRAND_SIEVES : 2); sieve++) {
        dg_index none = {0};
        p->backend->free(p->device, &p->a.sieve);
        p->backend->free(p->device, &p->a.index);
        p->backend->free(p->device, &p->a.offsets);
        p->a = none;
        if (place_table(p, &p->a, &chunked, ERRAND_WORDS, 32u << sieve)) return p->err.code;
        if (compare(p, out, sieve)) return p->err.code;
    }
    if (place_table(p, &p->b, &plain, ERRAND_WORDS, 64)) return p->err.code;
    if (fetch_index(p, out) || count_distances(p, out) || find_nearest(p, out)) return p->err.code;
    return DG_OK;
}

enum dg_code errand_run(const dg_backend *backend, int thorough, errand_found *out, dg_err *err)
{
    memset(out, 0, sizeof *out);
    if (backend->load(err)) return err->code;
    uint64_t *column = make_column(TEMPLATES, ERRAND_ROWS, ERRAND_BITS, 5);
    if (!column) return dg_fail_nomem(err, "a column");
    place p;
    if (place_open(&p, backend, column, ERRAND_ROWS, ERRAND_WORDS) == DG_OK) work(&p, thorough, out);
    place_close(&p);
    free(column);
    *err = p.err;
    return err->code;
}

int errand_same(const errand_found *a, const errand_found *b)
{
    uint32_t hits = 0, neighbours = 0;
    for (int i = 0; i < 2 * ERRAND_UNITS; i++) hits += a->counts[1][i];
    for (int i = 0; i < ERRAND_QUERIES; i++) neighbours += a->found[i];
    return hits > 100 && neighbours > 10 && memcmp(a, b, sizeof *a) == 0;
}
