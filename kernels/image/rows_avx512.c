/*
 * The row loops for x86 processors with AVX-512 for bytes and words. Resizing along the row is written out;
 * windows of one block, which a picture that is not made much smaller has many of, have a way of their own.
 * Luma is as quick with AVX2.
 */
#include "rows_variants.h"

#ifdef DG_ROW_LOOPS_AVX512

#include <immintrin.h>

#include "avx512.h"

#define TARGET DG_AVX512_TARGET
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

/* A window of one block of low and one of high weights: the products with the low ones, then with the high.
 */
TARGET static inline void narrow_products(const int16_t *rows, size_t stride, const dg_taps *taps,
                                          __m512i sum[DG_ROW_BATCH])
{
    __m512i low = _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)taps->low));
    __m512i weights = _mm512_inserti64x4(low, _mm256_loadu_si256((const __m256i *)taps->high), 1);

    for (size_t r = 0; r < DG_ROW_BATCH; r++) {
        __m256i samples = _mm256_loadu_si256((const __m256i *)(rows + r * stride + taps->first));
        sum[r] = _mm512_madd_epi16(_mm512_broadcast_i64x4(samples), weights);
    }
}

/* Adds to sum[r] the products of `blocks` blocks of weights with row r of the batch. */
TARGET static inline void add_products(const int16_t *rows, size_t stride, const int16_t *weights,
                                       size_t blocks, __m512i sum[DG_ROW_BATCH])
{
    for (size_t k = 0; k < blocks; k += 2) {
        __mmask32 there = k + 1 < blocks ? 0xFFFFFFFF : 0xFFFF;
        __m512i w = _mm512_maskz_loadu_epi16(there, weights + k * DG_TAP_BLOCK);
        for (size_t r = 0; r < DG_ROW_BATCH; r++) {
            __m512i samples = _mm512_maskz_loadu_epi16(there, rows + r * stride + k * DG_TAP_BLOCK);
            sum[r] = _mm512_add_epi32(sum[r], _mm512_madd_epi16(samples, w));
        }
    }
}

TARGET static inline void wide_products(const int16_t *rows, size_t stride, const dg_taps *taps,
                                        __m512i sum[DG_ROW_BATCH])
{
    for (size_t r = 0; r < DG_ROW_BATCH; r++) sum[r] = _mm512_setzero_si512();
    add_products(rows + taps->high_first, stride, taps->high, taps->high_blocks, sum);
    for (size_t r = 0; r < DG_ROW_BATCH; r++) sum[r] = _mm512_slli_epi32(sum[r], 16);
    add_products(rows + taps->first, stride, taps->low, taps->blocks, sum);
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
    const __mmask16 upper_half = 0xFF00;
    __m512i sum[DG_ROW_BATCH];

    if (taps->blocks == 1 && taps->high_blocks == 1) {
        narrow_products(rows, stride, taps, sum);
        __m512i sums = add_up(sum);
        return _mm512_mask_slli_epi32(sums, upper_half, sums, 16);
    }
    wide_products(rows, stride, taps, sum);
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

const dg_row_loops dg_row_loops_avx512 = {"avx512", usable, luma, widen, across, add, finish};

#endif
