/*
 * The row loops in C that compilers vectorise well, for inclusion by the file of each instruction set, which
 * defines TARGET as the attribute its functions need. The dot product of 16-bit integers becomes pmaddwd on
 * x86.
 */
#include "rows.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline))

INLINE uint8_t rounded(uint32_t sum)
{
    int32_t value = (int32_t)(sum + (1u << (DG_WEIGHT_BITS - 1))) >> DG_WEIGHT_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

INLINE void luma_loop(const uint8_t *restrict rgbx, size_t count, uint32_t rounding, uint8_t *restrict grey)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t r = rgbx[4 * i], g = rgbx[4 * i + 1], b = rgbx[4 * i + 2];
        grey[i] = (uint8_t)((19595 * r + 38470 * g + 7471 * b + rounding) >> 16);
    }
}

INLINE void widen_loop(const uint8_t *restrict row, size_t count, int16_t *restrict wide)
{
    for (size_t i = 0; i < count; i++) wide[i] = row[i];
}

INLINE uint32_t dot(const int16_t *a, const int16_t *b, size_t blocks)
{
    uint32_t sum = 0;
    for (size_t k = 0; k < blocks * DG_TAP_BLOCK; k++) sum += (uint32_t)(a[k] * b[k]);
    return sum;
}

INLINE void across_loop(const int16_t *rows, size_t stride, const dg_taps *taps, size_t count,
                        uint8_t *restrict out)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t r = 0; r < DG_ROW_BATCH; r++) {
            uint32_t low = dot(rows + r * stride + taps[i].first, taps[i].low, taps[i].blocks);
            uint32_t high = dot(rows + r * stride + taps[i].high_first, taps[i].high, taps[i].high_blocks);
            out[r * count + i] = rounded(low + (high << 16));
        }
    }
}

INLINE void add_loop(const uint8_t *restrict rows, const int32_t *weights, size_t width,
                     uint32_t *restrict sums)
{
    const uint8_t *restrict a = rows, *restrict b = a + width, *restrict c = b + width,
                            *restrict d = c + width;
    uint32_t wa = (uint32_t)weights[0], wb = (uint32_t)weights[1], wc = (uint32_t)weights[2],
             wd = (uint32_t)weights[3];

    for (size_t x = 0; x < width; x++) sums[x] += wa * a[x] + wb * b[x] + wc * c[x] + wd * d[x];
}

INLINE void finish_loop(uint32_t *restrict sums, size_t width, uint8_t *restrict out)
{
    for (size_t x = 0; x < width; x++) out[x] = rounded(sums[x]);
    memset(sums, 0, width * sizeof *sums);
}

TARGET static void widen(const uint8_t *row, size_t count, int16_t *wide)
{
    widen_loop(row, count, wide);
}

TARGET static void add(const uint8_t *rows, const int32_t *weights, size_t width, uint32_t *sums)
{
    add_loop(rows, weights, width, sums);
}

TARGET static void finish(uint32_t *sums, size_t width, uint8_t *out)
{
    finish_loop(sums, width, out);
}
