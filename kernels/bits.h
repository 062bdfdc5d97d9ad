/* Counting bits where speed does not decide: plain C, with no instruction a baseline processor lacks. */
#ifndef DG_BITS_H
#define DG_BITS_H

#include <stdint.h>

/* Set bits of x, by adding neighbouring fields (Hacker's Delight 5-1). */
static inline uint32_t dg_bits_set(uint64_t x)
{
    x -= (x >> 1) & 0x5555555555555555u;
    x = (x & 0x3333333333333333u) + ((x >> 2) & 0x3333333333333333u);
    x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (uint32_t)((x * 0x0101010101010101u) >> 56);
}

#endif
