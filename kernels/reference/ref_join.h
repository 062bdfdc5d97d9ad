/*
 * The oracle of the joins: every pair looked at, one bit at a time. It is slow and must stay so; it shares
 * nothing with the code it judges.
 */
#ifndef DG_REFERENCE_JOIN_H
#define DG_REFERENCE_JOIN_H

#include <stddef.h>
#include <stdint.h>

typedef struct dg_ref_pair {
    uint32_t a, b, distance;
} dg_ref_pair;

/* Differing bits of two rows of `words` words. */
uint32_t dg_ref_distance(const uint64_t *x, const uint64_t *y, uint32_t words);

/*
 * All pairs a < b of `rows` rows with distance <= threshold, ordered by (a, b). Returns their number and the
 * pairs in *out (malloc; the caller frees), which is NULL where memory ran out.
 */
size_t dg_ref_join(const uint64_t *hashes, uint32_t rows, uint32_t words, uint32_t threshold,
                   dg_ref_pair **out);

#endif
