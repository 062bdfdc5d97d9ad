/*
 * Comparing a query with what lies in a block: the inner loops of questions to an index.
 */
#ifndef DG_ENGINE_INDEX_COMPARE_H
#define DG_ENGINE_INDEX_COMPARE_H

#include <stddef.h>
#include <stdint.h>

/* Something near: its place, counted from 0, and how far it is. */
typedef struct dg_index_near {
    uint32_t at, distance;
} dg_index_near;

/*
 * Tails of `size` bytes, 6 to 16, one after another, against the bytes of `query` that `mask` selects, both
 * filled up to 16. 16 bytes must be readable where the last tail begins. Writes those with `apart` + distance
 * <= limit to `near`, which has room for `count`, and returns how many.
 */
uint32_t dg_index_near_tails(const uint8_t *tails, size_t size, uint32_t count, const uint64_t query[2],
                             const uint64_t mask[2], uint32_t apart, uint32_t limit, dg_index_near *near);

/* The same for whole hashes of `size` bytes. */
uint32_t dg_index_near_hashes(const uint8_t *hashes, size_t size, uint32_t count, const uint8_t *query,
                              uint32_t limit, dg_index_near *near);

#endif
