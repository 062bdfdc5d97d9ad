/*
 * All pairs of a column, filed by one of their rows: what answers `id_a = ?` when it is asked for many rows,
 * as on the inner side of a LEFT JOIN.
 */
#ifndef DG_VTAB_PAIR_INDEX_H
#define DG_VTAB_PAIR_INDEX_H

#include "../kernels/engine/join.h"

typedef struct dg_pair_index {
    dg_pair *pairs;  /* ordered by the row, then as they came */
    uint32_t *start; /* start[row]..start[row + 1]: the pairs of that row; NULL: there is no index */
    int by_second;   /* filed by b, not by a */
} dg_pair_index;

/*
 * Files `count` pairs (fewer than 2^32) of a column of `rows` rows. Returns 0 without memory, and the index
 * is then empty.
 */
int dg_pair_index_make(dg_pair_index *index, uint32_t rows, const dg_pair *pairs, size_t count,
                       int by_second);

/* Empties the index; may be repeated. */
void dg_pair_index_free(dg_pair_index *index);

#endif
