/*
 * Pairs of pictures one of which may be turned or mirrored: the columns hold the eight hashes that
 * phash_orientations gives, and every picture as it is (the first hash) is joined with every other in all its
 * views.
 *
 * Two pictures may meet in several views. A pair counts where it is met first among those with the least
 * distance: so each pair comes once, with its least distance, and nothing need be remembered.
 */
#ifndef DG_VTAB_PAIR_VIEWS_H
#define DG_VTAB_PAIR_VIEWS_H

#include "column.h"

#include "../kernels/engine/join.h"

/* Bits of one of the eight hashes in a row; 0: the row is not eight hashes of two bytes or more. */
uint32_t dg_views_bits(const dg_column *column);

/* Gives a join the first hash of each row of `left` and, as its right side, all eight of each row of `right`.
 * Returns an SQLite code. */
int dg_views_give(const dg_column *left, const dg_column *right, dg_join_spec *spec);

/*
 * Brings a pair of that join into terms of rows, with the least distance of the two pictures; 0: it does not
 * count. With `two` columns only the right picture is turned; in one column either is, and the row that comes
 * first is made the pair's first.
 */
int dg_views_keep(const dg_column *left, const dg_column *right, int two, dg_pair *pair);

#endif
