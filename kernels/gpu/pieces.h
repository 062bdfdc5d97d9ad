/*
 * Units of COMPARE and HISTOGRAM on their way to a launch: a list of pieces with the numbers of their groups
 * (dg_piece in device/arguments.h), made in locked memory.
 */
#ifndef DG_GPU_PIECES_H
#define DG_GPU_PIECES_H

#include "internal.h"

typedef struct dg_pieces {
    dg_piece *piece; /* room for DG_SLOTS + 1 */
    uint32_t count;
    uint32_t groups; /* of all pieces so far */
} dg_pieces;

/* Groups of a tile where each takes `high` rows of one side and `wide` of the other. */
static inline uint32_t dg_pieces_of_tile(uint32_t rows, uint32_t columns, uint32_t high, uint32_t wide)
{
    return dg_gpu_ceil(rows, high) * dg_gpu_ceil(columns, wide);
}

/* Adds a unit; `columns`: groups side by side. */
static inline void dg_pieces_add(dg_pieces *list, const dg_unit *unit, uint32_t slot, uint32_t groups,
                                 uint32_t columns, uint32_t flags)
{
    list->piece[list->count++] = (dg_piece){.a0 = unit->a0,
                                            .a1 = unit->a1,
                                            .b0 = unit->b0,
                                            .b1 = unit->b1,
                                            .slot = slot,
                                            .first = list->groups,
                                            .columns = columns,
                                            .flags = flags};
    list->groups += groups;
}

/* Ends the list. Returns its bytes. */
static inline size_t dg_pieces_end(dg_pieces *list)
{
    list->piece[list->count] = (dg_piece){.first = list->groups};
    return (list->count + 1) * sizeof *list->piece;
}

#endif
