#include "work.h"

#include <stdlib.h>
#include <string.h>

enum { UNITS_MAX = 64, MASKS_MAX = 600 };

/* What is allocated for a piece of work. */
typedef struct site {
    const dg_backend *backend;
    dg_device *device;
    const work *w;
    uint64_t *column;
    dg_index a, b;
    dg_hit *hits;
    uint32_t *counts;
    uint32_t *found;
    dg_neighbour *neighbours;
    answer *out;
} site;

static const dg_poll never = {NULL, NULL};

static enum dg_code run(site *s, enum dg_op op, void *arguments, dg_err *err)
{
    if (s->backend->run(s->device, op, arguments, &never, err)) return err->code;
    return s->backend->wait(s->device, &never, err);
}

static enum dg_code add(answer *out, const void *bytes, size_t size, dg_err *err)
{
    if (out->size + size > out->room) {
        size_t room = 2 * (out->size + size);
        unsigned char *larger = realloc(out->bytes, room);
        if (!larger) return dg_fail_nomem(err, "an answer");
        out->bytes = larger;
        out->room = room;
    }
    if (size) memcpy(out->bytes + out->size, bytes, size);
    out->size += size;
    return DG_OK;
}

/* The bytes of a buffer. */
static enum dg_code add_buffer(site *s, const dg_buffer *buffer, size_t size, dg_err *err)
{
    void *bytes = malloc(size + 1);
    if (!bytes) return dg_fail_nomem(err, "an answer");
    if (s->backend->get(s->device, buffer, 0, bytes, size, err) == DG_OK) add(s->out, bytes, size, err);
    free(bytes);
    return err->code;
}

static enum dg_code make_index(site *s, uint32_t begin, uint32_t count, dg_index *index, dg_err *err)
{
    const work *w = s->w;
    uint32_t words = (w->bits + 63) / 64, sieve = words == 1 ? 64 : words < 4 ? 128 : 256;
    dg_buffer hashes = index->hashes;
    *index = (dg_index){.hashes = hashes,
                        .words = words,
                        .begin = begin,
                        .count = count,
                        .chunk = w->chunk,
                        .sieve_bits = w->sieve_bits ? w->sieve_bits : sieve};
    /* Words from the last to the first, so that a mistake in their order shows. */
    for (uint32_t i = 0; i < dg_sieve_words(index); i++) index->sieve_word[i] = words - 1 - i;
    if (w->chunk.width == 0) return DG_OK;
    size_t offsets = (((size_t)1 << w->chunk.width) + 1) * sizeof(uint32_t);
    size_t sieves = (size_t)count * index->sieve_bits / 8, rows = count * sizeof(uint32_t);
    if (s->backend->alloc(s->device, offsets, NULL, &index->offsets, err) ||
        s->backend->alloc(s->device, sieves ? sieves : 1, NULL, &index->sieve, err) ||
        s->backend->alloc(s->device, rows ? rows : 1, NULL, &index->index, err))
        return err->code;
    dg_op_partition op = {index, 0};
    if (run(s, DG_OP_PARTITION, &op, err) || add_buffer(s, &index->offsets, offsets, err) ||
        add_buffer(s, &index->index, rows, err))
        return err->code;
    return add_buffer(s, &index->sieve, sieves, err);
}

static void clear_index(site *s, dg_index *index)
{
    s->backend->free(s->device, &index->sieve);
    s->backend->free(s->device, &index->index);
    s->backend->free(s->device, &index->offsets);
}

/* The next units, in *at the number of those before; 0: there are no more. */
static uint32_t cut(const site *s, uint32_t *at, dg_unit *units)
{
    uint32_t n = 0, side = s->w->tile ? s->w->tile : 256, number = 0, self = s->w->other == 0;
    if (s->w->chunk.width) {
        uint32_t buckets = 1u << s->w->chunk.width, step = buckets / 16 ? buckets / 16 : 1;
        for (uint32_t v = *at * step; v < buckets && n < UNITS_MAX; v += step, n++)
            units[n] = (dg_unit){DG_UNIT_BUCKETS, v, v + step < buckets ? v + step : buckets, 0, 0};
        *at += n;
        return n;
    }
    for (uint32_t i = 0; i < s->a.count; i += side)
        for (uint32_t j = self ? i : 0; j < s->b.count && n < UNITS_MAX; j += side)
            if (number++ >= *at)
                units[n++] = (dg_unit){DG_UNIT_TILE, i, i + side < s->a.count ? i + side : s->a.count, j,
                                       j + side < s->b.count ? j + side : s->b.count};
    *at += n;
    return n;
}

static uint32_t bits_of(uint32_t x)
{
    uint32_t n = 0;
    for (; x; x &= x - 1) n++;
    return n;
}

static enum dg_code compare(site *s, dg_err *err)
{
    const work *w = s->w;
    uint32_t masks[MASKS_MAX], mask_count = 0, slots[UNITS_MAX], counts[UNITS_MAX], at = 0, n;
    uint32_t capacity = w->capacity ? w->capacity : 4096;
    uint64_t candidates[UNITS_MAX];
    dg_unit units[UNITS_MAX];
    for (uint32_t x = 0; w->chunk.width && x < 1u << w->chunk.width && mask_count < MASKS_MAX; x++)
        if (bits_of(x) <= w->chunk.radius) masks[mask_count++] = x;
    for (uint32_t u = 0; u < UNITS_MAX; u++) slots[u] = UNITS_MAX - 1 - u;
    s->hits = malloc((size_t)UNITS_MAX * capacity * sizeof *s->hits);
    if (!s->hits) return dg_fail_nomem(err, "hits");
    while ((n = cut(s, &at, units)) > 0) {
        dg_op_compare op = {.a = &s->a,
                            .b = w->other ? &s->b : &s->a,
                            .threshold = w->threshold,
                            .masks = masks,
                            .mask_count = mask_count,
                            .seen = &w->seen,
                            .seen_count = w->seen.width > 0,
                            .units = units,
                            .unit_count = n,
                            .slots = slots,
                            .hits = s->hits,
                            .capacity = capacity,
                            .counts = counts,
                            .candidates = candidates};
        if (run(s, DG_OP_COMPARE, &op, err)) return err->code;
        for (uint32_t u = 0; u < n; u++) {
            int fits = counts[u] <= capacity;
            if (!fits) { /* how far beyond, and what was looked at, is the backend's affair */
                counts[u] = capacity + 1;
                candidates[u] = 0;
            }
            if (add(s->out, &counts[u], sizeof counts[u], err) ||
                add(s->out, &candidates[u], sizeof candidates[u], err) ||
                add(s->out, s->hits + (size_t)slots[u] * capacity, fits ? counts[u] * sizeof *s->hits : 0,
                    err))
                return err->code;
        }
    }
    return DG_OK;
}

static enum dg_code histogram(site *s, dg_err *err)
{
    const work *w = s->w;
    uint32_t at = 0, n;
    dg_unit units[UNITS_MAX];
    s->counts = malloc((size_t)UNITS_MAX * (w->bits + 1) * sizeof *s->counts);
    if (!s->counts) return dg_fail_nomem(err, "counts");
    while ((n = cut(s, &at, units)) > 0) {
        dg_op_histogram op = {&s->a, w->other ? &s->b : &s->a, w->bits, units, n, s->counts};
        if (run(s, DG_OP_HISTOGRAM, &op, err) ||
            add(s->out, s->counts, (size_t)n * (w->bits + 1) * sizeof *s->counts, err))
            return err->code;
    }
    return DG_OK;
}

/* The rows in two pieces, the second competing with what the first found. */
static enum dg_code nearest(site *s, dg_err *err)
{
    const work *w = s->w;
    const uint32_t k = w->k ? w->k : 5, half = s->a.count / 2, queries = w->other ? s->b.count : s->a.count;
    dg_index pieces[2] = {s->a, s->a};
    pieces[0].count = half;
    pieces[1].begin += half;
    pieces[1].count -= half;
    s->found = calloc(queries + 1, sizeof *s->found);
    s->neighbours = calloc((size_t)queries * k + 1, sizeof *s->neighbours);
    if (!s->found || !s->neighbours) return dg_fail_nomem(err, "neighbours");
    for (int i = 0; i < 2; i++) {
        dg_op_nearest op = {&pieces[i], w->other ? &s->b : &s->a, k, w->threshold, s->found, s->neighbours};
        if (run(s, DG_OP_NEAREST, &op, err)) return err->code;
    }
    for (uint32_t q = 0; q < queries; q++)
        if (add(s->out, &s->found[q], sizeof s->found[q], err) ||
            add(s->out, &s->neighbours[(size_t)q * k], s->found[q] * sizeof *s->neighbours, err))
            return err->code;
    return DG_OK;
}

static enum dg_code work_on(site *s, dg_err *err)
{
    const work *w = s->w;
    size_t bytes = (size_t)w->rows * ((w->bits + 63) / 64) * sizeof *s->column;
    s->column = make_column(w->shape, w->rows, w->bits, 7);
    if (!s->column) return dg_fail_nomem(err, "a column");
    if (s->backend->alloc(s->device, bytes ? bytes : 1, s->column, &s->a.hashes, err)) return err->code;
    s->b.hashes = s->a.hashes;
    if (make_index(s, 0, w->rows - w->other, &s->a, err) ||
        (w->other && make_index(s, w->rows - w->other, w->other, &s->b, err)))
        return err->code;
    if (!w->other) s->b.count = s->a.count;
    switch (w->op) {
    case DG_OP_COMPARE: return compare(s, err);
    case DG_OP_HISTOGRAM: return histogram(s, err);
    case DG_OP_NEAREST: return nearest(s, err);
    default: return DG_OK; /* PARTITION: make_index did it */
    }
}

enum dg_code do_work(const dg_backend *backend, dg_device *device, const work *w, answer *out, dg_err *err)
{
    site s = {.backend = backend, .device = device, .w = w, .out = out};
    *out = (answer){0};
    work_on(&s, err);
    clear_index(&s, &s.a);
    clear_index(&s, &s.b);
    backend->free(device, &s.a.hashes);
    free(s.column);
    free(s.hits);
    free(s.counts);
    free(s.found);
    free(s.neighbours);
    if (err->code) drop_answer(out);
    return err->code;
}

enum dg_code open_and_do_work(const dg_backend *backend, int number, const work *w, answer *out, dg_err *err)
{
    static const dg_open_options options = {.threads = 1};
    dg_device *device;
    *out = (answer){0};
    if (backend->load(err) || backend->open(number, &options, &device, err)) return err->code;
    do_work(backend, device, w, out, err);
    backend->close(device);
    return err->code;
}

int same_answer(const answer *x, const answer *y)
{
    return x->size == y->size && (x->size == 0 || memcmp(x->bytes, y->bytes, x->size) == 0);
}

void drop_answer(answer *a)
{
    free(a->bytes);
    *a = (answer){0};
}
