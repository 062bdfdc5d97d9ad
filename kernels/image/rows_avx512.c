/*
 * The row loops for x86 processors with AVX-512 for bytes and words. Resizing along the row is written out;
 * by groups it needs VBMI's permutation of bytes, without which AVX2's way is taken. Luma is as quick with
 * AVX2.
 */
#include "rows_variants.h"

#ifdef DG_ROW_LOOPS_AVX512

#include <immintrin.h>

#include "avx512.h"

#define TARGET DG_AVX512_TARGET
#define VBMI_TARGET __attribute__((target("avx512bw,avx512vl,avx512dq,avx512vbmi")))
#include "rows_template.h"

static int usable(void)
{
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq");
}

static void luma(const uint8_t *rgbx, size_t count, uint32_t rounding, uint8_t *grey)
{
    dg_row_loops_avx2.luma(rgbx, count, rounding, grey);
}

/* Adds to sum[r] the products of `blocks` blocks of weights with row r of the batch. */
TARGET static inline void add_products(const int16_t *rows, size_t stride, const int16_t *weights,
                                       size_t blocks, __m512i sum[DG_ROW_BATCH])
{
    for (size_t k = 0; k < blocks * DG_TAP_BLOCK; k += DG_TAP_BLOCK) {
        __m512i w = _mm512_loadu_si512(weights + k);
        for (size_t r = 0; r < DG_ROW_BATCH; r++) {
            __m512i samples = _mm512_loadu_si512(rows + r * stride + k);
            sum[r] = _mm512_add_epi32(sum[r], _mm512_madd_epi16(samples, w));
        }
    }
}

/* In each 128-bit lane the sums of `a` and of `b`, twice. */
TARGET static inline __m512i add_pairs(__m512i a, __m512i b)
{
    return _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
}

/* The rows' totals, one an element, in parts over the four lanes. */
TARGET static inline __m512i add_up(const __m512i sum[DG_ROW_BATCH])
{
    __m512i a = add_pairs(sum[0], sum[1]), b = add_pairs(sum[2], sum[3]);
    return _mm512_add_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
}

/* One output of the batch: the rows' sums, one an element, in parts over the four lanes. */
TARGET static inline __m512i sums_of_output(const int16_t *rows, size_t stride, const dg_taps *taps)
{
    __m512i sum[DG_ROW_BATCH];

    for (size_t r = 0; r < DG_ROW_BATCH; r++) sum[r] = _mm512_setzero_si512();
    add_products(rows + taps->high_first, stride, taps->high, taps->high_blocks, sum);
    for (size_t r = 0; r < DG_ROW_BATCH; r++) sum[r] = _mm512_slli_epi32(sum[r], 16);
    add_products(rows + taps->first, stride, taps->low, taps->blocks, sum);
    return add_up(sum);
}

/* The lanes of `a` added in pairs, then those of `b`. */
TARGET static inline __m512i add_lanes(__m512i a, __m512i b)
{
    enum { EVEN_LANES = 0x88, ODD_LANES = 0xDD };
    return _mm512_add_epi32(_mm512_shuffle_i32x4(a, b, EVEN_LANES), _mm512_shuffle_i32x4(a, b, ODD_LANES));
}

/* Four outputs of the four rows, a byte each, row by row. */
TARGET static inline __m128i four_outputs(const int16_t *rows, size_t stride, const dg_taps *taps)
{
    const __m128i by_rows = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    __m512i a = add_lanes(sums_of_output(rows, stride, taps), sums_of_output(rows, stride, taps + 1));
    __m512i b = add_lanes(sums_of_output(rows, stride, taps + 2), sums_of_output(rows, stride, taps + 3));
    __m512i sum = _mm512_add_epi32(add_lanes(a, b), _mm512_set1_epi32(1 << (DG_WEIGHT_BITS - 1)));

    sum = _mm512_max_epi32(_mm512_srai_epi32(sum, DG_WEIGHT_BITS), _mm512_setzero_si512());
    return _mm_shuffle_epi8(_mm512_cvtusepi32_epi8(sum), by_rows);
}

TARGET static void across(const int16_t *rows, size_t stride, const dg_taps *taps, size_t count, uint8_t *out)
{
    if (count < 4) {
        dg_row_loops_avx2.across(rows, stride, taps, count, out);
        return;
    }
    for (size_t next = 0; next < count; next += 4) {
        size_t i = next + 4 <= count ? next : count - 4; /* the last four may overlap those before */
        __m128i bytes = four_outputs(rows, stride, taps + i);
        _mm_storeu_si32(out + i, bytes);
        _mm_storeu_si32(out + count + i, _mm_srli_si128(bytes, 4));
        _mm_storeu_si32(out + 2 * count + i, _mm_srli_si128(bytes, 8));
        _mm_storeu_si32(out + 3 * count + i, _mm_srli_si128(bytes, 12));
    }
}

/* The group's outputs of row r, rounded and clipped. */
TARGET static inline __m128i rounded_group(__m512i low, __m512i high)
{
    __m512i sum = _mm512_add_epi32(low, _mm512_slli_epi32(high, 16));

    sum = _mm512_add_epi32(sum, _mm512_set1_epi32(1 << (DG_WEIGHT_BITS - 1)));
    sum = _mm512_max_epi32(_mm512_srai_epi32(sum, DG_WEIGHT_BITS), _mm512_setzero_si512());
    return _mm512_cvtusepi32_epi8(sum);
}

/* An output an element: a pair of samples for each, as words, is picked from the 64 bytes from the group's
 * first one on, and multiplied by the pair of weights. */
VBMI_TARGET static inline void group_outputs(const uint8_t *rows, size_t stride, const dg_tap_group *group,
                                             __m128i out[DG_ROW_BATCH])
{
    const __mmask64 low_bytes = 0x5555555555555555;
    const __m512i second = _mm512_set1_epi32(0x00010000), pair_on = _mm512_set1_epi16(2);
    __m512i first =
        _mm512_sub_epi32(_mm512_loadu_si512(group->first), _mm512_set1_epi32((int)group->first[0]));
    __m512i pick = _mm512_or_si512(first, _mm512_add_epi32(_mm512_slli_epi32(first, 16), second));
    __m512i samples[DG_ROW_BATCH], low[DG_ROW_BATCH], high[DG_ROW_BATCH];

    for (size_t r = 0; r < DG_ROW_BATCH; r++) {
        samples[r] = _mm512_loadu_si512(rows + r * stride + group->first[0]);
        low[r] = high[r] = _mm512_setzero_si512();
    }
    for (size_t j = 0; j < group->pairs; j++) {
        __m512i low_weights = _mm512_loadu_si512(group->low + 2 * DG_GROUP * j);
        __m512i high_weights = _mm512_loadu_si512(group->high + 2 * DG_GROUP * j);
        for (size_t r = 0; r < DG_ROW_BATCH; r++) {
            __m512i pairs = _mm512_maskz_permutexvar_epi8(low_bytes, pick, samples[r]);
            low[r] = _mm512_add_epi32(low[r], _mm512_madd_epi16(pairs, low_weights));
            high[r] = _mm512_add_epi32(high[r], _mm512_madd_epi16(pairs, high_weights));
        }
        pick = _mm512_add_epi16(pick, pair_on);
    }
    for (size_t r = 0; r < DG_ROW_BATCH; r++) out[r] = rounded_group(low[r], high[r]);
}

VBMI_TARGET static void across_groups(const uint8_t *rows, size_t stride, const dg_tap_group *groups,
                                      size_t count, uint8_t *out)
{
    if (!__builtin_cpu_supports("avx512vbmi")) {
        dg_row_loops_avx2.across_groups(rows, stride, groups, count, out);
        return;
    }
    for (size_t next = 0; next < count; next += DG_GROUP, groups++) {
        size_t i = next + DG_GROUP <= count ? next : count - DG_GROUP;
        __m128i bytes[DG_ROW_BATCH];
        group_outputs(rows, stride, groups, bytes);
        for (size_t r = 0; r < DG_ROW_BATCH; r++)
            _mm_storeu_si128((__m128i *)(out + r * count + i), bytes[r]);
    }
}

const dg_row_loops dg_row_loops_avx512 = {"avx512", usable,        luma,  filter, round_weights, widen,
                                          across,   across_groups, begin, add,    finish};

#endif
