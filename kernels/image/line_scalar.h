/*
 * The loops along a row of the drawing loops in C, exact for every argument: the plain variant, and what the
 * others fall back on.
 */
#ifndef DG_IMAGE_LINE_SCALAR_H
#define DG_IMAGE_LINE_SCALAR_H

#include "line_normal.h"
#include "line_variants.h"

#include <math.h>

#define INLINE static inline __attribute__((always_inline))

INLINE int32_t larger(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

INLINE int32_t smaller(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

INLINE void raise(uint8_t *pixel, int32_t coverage)
{
    int32_t clamped = smaller(coverage, 255);
    if (clamped > *pixel) *pixel = (uint8_t)clamped;
}

INLINE void raise_beside_in_c(uint8_t *row, int32_t first, int32_t last, uint32_t e, uint32_t step,
                              int32_t reach)
{
    for (int32_t i = first; i <= last; i++, e += step)
        raise(&row[i], reach - (int32_t)(((int32_t)e < 0 ? -e : e) >> 16));
}

INLINE void raise_around_in_c(uint8_t *row, int32_t first, int32_t last, int32_t dx, int32_t dy2,
                              int32_t reach)
{
    for (int32_t i = first; i <= last; i++, dx += 256)
        raise(&row[i], reach - (int32_t)sqrt((double)(dx * dx + dy2)));
}

INLINE void blend_in_c(const uint8_t *restrict coverage, size_t count, uint8_t color, uint8_t background,
                       uint8_t *restrict out)
{
    for (size_t i = 0; i < count; i++) {
        /* v/255 = (v + 1 + v/256)/256 for v < 65535 */
        uint16_t a = coverage[i], v = (uint16_t)(background * (255 - a) + color * a + 127);
        out[i] = (uint8_t)((uint16_t)(v + 1 + (v >> 8)) >> 8);
    }
}

/* Bit i: bytes[i] differs from bytes[i - 1]. */
INLINE uint32_t changes_in_c(const uint8_t *bytes, size_t count)
{
    uint32_t changes = 0;
    for (size_t i = 0; i < count; i++) changes |= (uint32_t)(bytes[i] != *(bytes + i - 1)) << i;
    return changes;
}

/* (15*a + 127)/255 = (a + 8)/17 for whole a. */
INLINE uint32_t pack4_in_c(const uint8_t *coverage, uint8_t flip, uint8_t *packed)
{
    for (int i = 0; i < DG_LINE_BLOCK / 2; i++)
        packed[i] = (uint8_t)(((coverage[2 * i] + 8) / 17 << 4 | (coverage[2 * i + 1] + 8) / 17) ^ flip);
    return changes_in_c(packed, DG_LINE_BLOCK / 2);
}

#endif
