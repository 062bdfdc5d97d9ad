/*
 * An operation on two backends: the same tables and arguments on both, and what comes back compared byte for
 * byte.
 */
#ifndef TEST_SIDE_BY_SIDE_H
#define TEST_SIDE_BY_SIDE_H

#include "../../kernels/backend.h"

/* A backend opened, with one column and up to two tables over it. */
typedef struct place {
    const dg_backend *backend;
    dg_device *device;
    dg_buffer hashes;
    dg_index a, b;
    dg_err err;
} place;

/* What a table is to be. */
typedef struct table_spec {
    uint32_t begin, count;
    dg_chunk chunk; /* width 0: none */
    int sorted;     /* the rows are in order already */
} table_spec;

/* Opens the backend and brings the column there. */
enum dg_code place_open(place *p, const dg_backend *backend, const uint64_t *column, uint32_t rows,
                        uint32_t words);

/* Makes p->a or p->b. */
enum dg_code place_table(place *p, dg_index *out, const table_spec *spec, uint32_t words,
                         uint32_t sieve_bits);

enum dg_code place_run(place *p, enum dg_op op, void *arguments);

/* Frees all of it; also after a failure. */
void place_close(place *p);

#endif
