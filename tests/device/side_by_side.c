#include "side_by_side.h"

static const dg_poll never = {0};

enum dg_code place_open(place *p, const dg_backend *backend, const uint64_t *column, uint32_t rows,
                        uint32_t words)
{
    const dg_open_options options = {.threads = 1};
    *p = (place){.backend = backend};
    if (backend->open(0, &options, &p->device, &p->err)) return p->err.code;
    return backend->alloc(p->device, (size_t)rows * words * sizeof *column, (void *)column, &p->hashes,
                          &p->err);
}

enum dg_code place_run(place *p, enum dg_op op, void *arguments)
{
    if (p->backend->run(p->device, op, arguments, &never, &p->err)) return p->err.code;
    return p->backend->wait(p->device, &never, &p->err);
}

enum dg_code place_table(place *p, dg_index *out, const table_spec *spec, uint32_t words, uint32_t sieve_bits)
{
    const dg_backend *backend = p->backend;
    *out = (dg_index){.hashes = p->hashes,
                      .words = words,
                      .begin = spec->begin,
                      .count = spec->count,
                      .chunk = spec->chunk,
                      .sieve_bits = sieve_bits};
    /* The last words first, so that a word's number and its place differ. */
    for (uint32_t w = 0; w < DG_SIEVE_WORDS_MAX; w++) out->sieve_word[w] = w < words ? words - 1 - w : 0;
    if (spec->chunk.width == 0) return DG_OK;
    dg_op_partition op = {out, spec->sorted};
    if (backend->alloc(p->device, (((size_t)1 << spec->chunk.width) + 1) * sizeof(uint32_t), NULL,
                       &out->offsets, &p->err))
        return p->err.code;
    if (!spec->sorted &&
        (backend->alloc(p->device, (size_t)spec->count * sieve_bits / 8, NULL, &out->sieve, &p->err) ||
         backend->alloc(p->device, (size_t)spec->count * sizeof(uint32_t), NULL, &out->index, &p->err)))
        return p->err.code;
    return place_run(p, DG_OP_PARTITION, &op);
}

static void free_table(place *p, dg_index *table)
{
    p->backend->free(p->device, &table->sieve);
    p->backend->free(p->device, &table->index);
    p->backend->free(p->device, &table->offsets);
}

void place_close(place *p)
{
    if (!p->device) return;
    free_table(p, &p->a);
    free_table(p, &p->b);
    p->backend->free(p->device, &p->hashes);
    p->backend->close(p->device);
    p->device = NULL;
}
