/*
 * What the radix sorts of collapse.c and partition.c share.
 *
 * A pass cuts the rows into one part a thread, counts the digits of each part, turns the counts into
 * positions, and lets every part scatter its rows. Positions are by digit, then by part, so a pass is stable
 * and its result does not depend on the number of parts.
 */
#ifndef DG_CPU_RADIX_H
#define DG_CPU_RADIX_H

#include <stddef.h>
#include <stdint.h>

enum { DG_SERIAL_ROWS = 150000 }; /* fewer rows take less than waking other threads may */

/* The first row of part `part` of `parts`; that of part `parts` is n. */
static inline uint32_t dg_part_begin(uint32_t n, uint32_t part, uint32_t parts)
{
    return (uint32_t)((uint64_t)n * part / parts);
}

/*
 * position[part * digits + d] holds how many rows of the part have digit d, and becomes where the first of
 * them goes. begin[d], for d up to and including `digits`, becomes where the digit's rows begin.
 */
static inline void dg_counts_to_positions(uint32_t *position, uint32_t parts, uint32_t digits,
                                          uint32_t *begin)
{
    uint32_t sum = 0;
    for (uint32_t d = 0; d < digits; d++) {
        begin[d] = sum;
        for (uint32_t part = 0; part < parts; part++) {
            uint32_t *at = &position[(size_t)part * digits + d], count = *at;
            *at = sum;
            sum += count;
        }
    }
    begin[digits] = sum;
}

#endif
