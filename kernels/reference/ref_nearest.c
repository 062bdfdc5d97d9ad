#include "ref_nearest.h"

#include "ref_join.h"

#include <stdlib.h>

static int by_distance(const void *a, const void *b)
{
    const dg_ref_neighbour *x = a, *y = b;
    if (x->distance != y->distance) return x->distance < y->distance ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

uint32_t dg_ref_nearest(const uint64_t *hashes, uint32_t rows, uint32_t words, const uint64_t *query,
                        uint32_t k, uint32_t limit, dg_ref_neighbour *out)
{
    uint32_t n = 0;
    for (uint32_t row = 0; row < rows; row++) {
        uint32_t distance = dg_ref_distance(hashes + (size_t)row * words, query, words);
        if (distance <= limit) out[n++] = (dg_ref_neighbour){row, distance};
    }
    qsort(out, n, sizeof *out, by_distance);
    return n < k ? n : k;
}

void dg_ref_histogram(const uint64_t *hashes, uint32_t rows, uint32_t words, uint64_t *counts)
{
    for (uint32_t a = 0; a < rows; a++)
        for (uint32_t b = a + 1; b < rows; b++)
            counts[dg_ref_distance(hashes + (size_t)a * words, hashes + (size_t)b * words, words)]++;
}
