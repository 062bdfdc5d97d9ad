/* Every operation of the door once, on a small table: with all sieves where it is to be thorough. */
#ifndef TEST_OPENCL_ERRAND_H
#define TEST_OPENCL_ERRAND_H

#include "../../kernels/backend.h"

enum {
    ERRAND_ROWS = 260,
    ERRAND_WORDS = 4,
    ERRAND_BITS = 64 * ERRAND_WORDS,
    ERRAND_WIDTH = 5, /* of the chunk */
    ERRAND_SIEVES = 4,
    ERRAND_UNITS = 4, /* of buckets, and as many tiles */
    ERRAND_CAPACITY = 2000,
    ERRAND_QUERIES = 20,
    ERRAND_K = 3,
};

/* What the operations bring, of each sieve and of tiles. Without a gap, and zero where nothing was brought:
 * to be compared byte for byte. */
typedef struct errand_found {
    uint32_t offsets[(1 << ERRAND_WIDTH) + 1], index[ERRAND_ROWS];
    uint32_t counts[ERRAND_SIEVES][2 * ERRAND_UNITS];
    dg_hit hits[ERRAND_SIEVES][2 * ERRAND_UNITS * ERRAND_CAPACITY];
    uint32_t histogram[ERRAND_UNITS * (ERRAND_BITS + 1)];
    uint32_t found[ERRAND_QUERIES];
    dg_neighbour neighbours[ERRAND_QUERIES * ERRAND_K];
} errand_found;

/* Loads the backend, opens its device 0, does the errand and closes it. */
enum dg_code errand_run(const dg_backend *backend, int thorough, errand_found *out, dg_err *err);

/* Whether both are the same, and something was found at all. */
int errand_same(const errand_found *a, const errand_found *b);

#endif
