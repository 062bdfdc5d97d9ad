/* The oracles of HISTOGRAM and NEAREST: every row looked at, one bit at a time, all of them sorted. */
#ifndef DG_REFERENCE_NEAREST_H
#define DG_REFERENCE_NEAREST_H

#include <stdint.h>

typedef struct dg_ref_neighbour {
    uint32_t row, distance;
} dg_ref_neighbour;

/*
 * The rows with distance <= limit to the query, ordered by (distance, row): the first k of them to `out`,
 * which holds `rows` neighbours. Returns their number.
 */
uint32_t dg_ref_nearest(const uint64_t *hashes, uint32_t rows, uint32_t words, const uint64_t *query,
                        uint32_t k, uint32_t limit, dg_ref_neighbour *out);

/* Adds the number of pairs of rows at each distance to counts[0 .. 64 * words]. */
void dg_ref_histogram(const uint64_t *hashes, uint32_t rows, uint32_t words, uint64_t *counts);

#endif
