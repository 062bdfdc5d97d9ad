/*
 * One template of always-inlined C, compiled for the target's baseline and, on x86, again for AVX2. The loops
 * are written so that the compiler vectorises them: `across` as a dot product of 16-bit integers (pmaddwd on
 * x86), the others elementwise.
 */
#include "rows.h"

#include <string.h>

#define TEMPLATE static inline __attribute__((always_inline)) void

static inline __attribute__((always_inline)) uint8_t rounded(uint32_t sum)
{
    int32_t value = (int32_t)(sum + (1u << (DG_WEIGHT_BITS - 1))) >> DG_WEIGHT_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* Sum of the products of whole blocks, modulo 2^32. */
static inline __attribute__((always_inline)) uint32_t dot(const int16_t *a, const int16_t *b, size_t blocks)
{
    uint32_t sum = 0;
    for (size_t k = 0; k < blocks * DG_TAP_BLOCK; k++) sum += (uint32_t)(a[k] * b[k]);
    return sum;
}

TEMPLATE luma(const uint8_t *restrict rgbx, size_t count, uint32_t rounding, uint8_t *restrict grey)
{
    for (size_t i = 0; i < count; i++)
        grey[i] = (uint8_t)((19595u * rgbx[4 * i] + 38470u * rgbx[4 * i + 1] + 7471u * rgbx[4 * i + 2] +
                             rounding) >>
                            16);
}

TEMPLATE widen(const uint8_t *restrict row, size_t count, int16_t *restrict wide)
{
    for (size_t i = 0; i < count; i++) wide[i] = row[i];
}

TEMPLATE across(const int16_t *row, const dg_taps *taps, size_t count, uint8_t *restrict out)
{
    for (size_t i = 0; i < count; i++) {
        const dg_taps *t = &taps[i];
        uint32_t low = dot(row + t->first, t->low, t->blocks);
        uint32_t high = dot(row + t->high_first, t->high, t->high_blocks);
        out[i] = rounded(low + (high << 16));
    }
}

TEMPLATE add(const uint8_t *restrict row, int32_t weight, size_t width, uint32_t *restrict sums)
{
    for (size_t x = 0; x < width; x++) sums[x] += (uint32_t)(weight * row[x]);
}

TEMPLATE finish(uint32_t *restrict sums, size_t width, uint8_t *restrict out)
{
    for (size_t x = 0; x < width; x++) out[x] = rounded(sums[x]);
    memset(sums, 0, width * sizeof *sums);
}

#define INSTANTIATE(variant, attribute)                                                                      \
    attribute static void luma_##variant(const uint8_t *rgbx, size_t count, uint32_t rounding,               \
                                         uint8_t *grey)                                                      \
    {                                                                                                        \
        luma(rgbx, count, rounding, grey);                                                                   \
    }                                                                                                        \
    attribute static void widen_##variant(const uint8_t *row, size_t count, int16_t *wide)                   \
    {                                                                                                        \
        widen(row, count, wide);                                                                             \
    }                                                                                                        \
    attribute static void across_##variant(const int16_t *row, const dg_taps *taps, size_t count,            \
                                           uint8_t *out)                                                     \
    {                                                                                                        \
        across(row, taps, count, out);                                                                       \
    }                                                                                                        \
    attribute static void add_##variant(const uint8_t *row, int32_t weight, size_t width, uint32_t *sums)    \
    {                                                                                                        \
        add(row, weight, width, sums);                                                                       \
    }                                                                                                        \
    attribute static void finish_##variant(uint32_t *sums, size_t width, uint8_t *out)                       \
    {                                                                                                        \
        finish(sums, width, out);                                                                            \
    }

#define VARIANT(variant)                                                                                     \
#variant, usable_##variant, luma_##variant, widen_##variant, across_##variant, add_##variant,            \
        finish_##variant

INSTANTIATE(plain, )

static int usable_plain(void)
{
    return 1;
}

#if defined(__x86_64__) || defined(__i386__)
INSTANTIATE(avx2, __attribute__((target("avx2"))))

static int usable_avx2(void)
{
    return __builtin_cpu_supports("avx2");
}
#endif

const dg_row_loops dg_row_loops_all[] = {
    {VARIANT(plain)},
#if defined(__x86_64__) || defined(__i386__)
    {VARIANT(avx2)},
#endif
};

const int dg_row_loops_count = sizeof dg_row_loops_all / sizeof dg_row_loops_all[0];

const dg_row_loops *dg_row_loops_best(void)
{
    const dg_row_loops *best = dg_row_loops_all;

    for (int i = 1; i < dg_row_loops_count; i++)
        if (dg_row_loops_all[i].usable()) best = &dg_row_loops_all[i];
    return best;
}
