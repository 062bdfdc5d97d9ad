/*
 * Pieces of work for a backend, done through its door, with all they answer in one block of bytes: what one
 * backend answers can be compared with what another does.
 */
#ifndef TEST_WORK_H
#define TEST_WORK_H

#include "../../kernels/backend.h"
#include "../core/columns.h"

typedef struct work {
    const char *name;
    enum dg_op op; /* not COLLAPSE */
    enum column_shape shape;
    uint32_t rows, bits;
    uint32_t other;      /* rows of a second table, the last of the column; 0: none, all with all */
    uint32_t threshold;  /* COMPARE, and limit of NEAREST */
    uint32_t sieve_bits; /* 0: the widest there is */
    dg_chunk chunk;      /* COMPARE: by buckets, PARTITION; width 0: by tiles */
    dg_chunk seen;       /* COMPARE; width 0: none */
    uint32_t tile;       /* side; 0: 256 */
    uint32_t capacity;   /* of a unit's hits; 0: 4096 */
    uint32_t k;          /* NEAREST; 0: 5 */
} work;

typedef struct answer {
    unsigned char *bytes; /* free */
    size_t size, room;
} answer;

/* Does the work on an open device, as an engine would: memory, the operations, results, everything given
 * back. On failure the answer is empty. */
enum dg_code do_work(const dg_backend *backend, dg_device *device, const work *w, answer *out, dg_err *err);

/* As do_work, on device `number`, opened for it. */
enum dg_code open_and_do_work(const dg_backend *backend, int number, const work *w, answer *out, dg_err *err);

int same_answer(const answer *x, const answer *y);
void drop_answer(answer *a);

#endif
