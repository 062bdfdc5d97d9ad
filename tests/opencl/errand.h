/* Every operation of the door once, on a small table: what can be looked at closely and repeated often. */
#ifndef TEST_OPENCL_ERRAND_H
#define TEST_OPENCL_ERRAND_H

#include "../../kernels/backend.h"
#include "../../kernels/image/image.h"

enum {
    ERRAND_ROWS = 130,
    ERRAND_WORDS = 4,
    ERRAND_BITS = 64 * ERRAND_WORDS,
    ERRAND_WIDTH = 5, /* of the chunk */
    ERRAND_UNITS = 4,
    ERRAND_CAPACITY = 1500,
    ERRAND_QUERIES = 20,
    ERRAND_K = 3,
    ERRAND_PICTURES = 3,
    ERRAND_LINE_WIDTH = 200,
    ERRAND_LINE_HEIGHT = 8,
};

/* What the operations bring. Zero where they brought nothing: to be compared byte for byte. */
typedef struct errand_found {
    uint32_t offsets[(1 << ERRAND_WIDTH) + 1], index[ERRAND_ROWS];
    uint32_t counts[ERRAND_UNITS];
    dg_hit hits[ERRAND_UNITS * ERRAND_CAPACITY];
    uint32_t histogram[ERRAND_UNITS * (ERRAND_BITS + 1)];
    uint32_t found[ERRAND_QUERIES];
    dg_neighbour neighbours[ERRAND_QUERIES * ERRAND_K];
    uint8_t phashes[ERRAND_PICTURES][8], whash[8]; /* of the first picture */
    double metrics[ERRAND_PICTURES][DG_METRICS];
    uint8_t line[ERRAND_LINE_WIDTH * ERRAND_LINE_HEIGHT];
} errand_found;

/* Loads the backend, opens its device 0, does the errand and closes it. COMPARE has a sieve of that many
 * bits; the other operations are done with one of 64. */
enum dg_code errand_run(const dg_backend *backend, uint32_t sieve_bits, errand_found *out, dg_err *err);

/* Whether both are the same, and COMPARE found something at all. */
int errand_same(const errand_found *a, const errand_found *b);

#endif
