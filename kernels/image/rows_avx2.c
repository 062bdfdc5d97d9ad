/*
 * The row loops for x86 processors with AVX2. The two that take the longest are written out: the compiler's
 * versions of them take two and three times as long.
 */
#include "rows_variants.h"

#ifdef DG_ROW_LOOPS_AVX2

#include <immintrin.h>

#define TARGET __attribute__((target("avx2")))
#include "rows_template.h"

static int usable(void)
{
    return __builtin_cpu_supports("avx2");
}

/* Luma of eight pixels, in 32 bits each. 38470 has no place in 16 signed bits, so green counts half, twice.
 */
TARGET static inline __m256i luma_of_eight(const uint8_t *rgbx, __m256i rounding)
{
    const __m256i red_blue = _mm256_set1_epi32(7471 << 16 | 19595), green = _mm256_set1_epi32(38470 / 2);
    __m256i pixels = _mm256_loadu_si256((const __m256i *)rgbx);
    __m256i rb = _mm256_madd_epi16(_mm256_and_si256(pixels, _mm256_set1_epi32(0x00FF00FF)), red_blue);
    __m256i g = _mm256_madd_epi16(_mm256_srli_epi16(pixels, 8), green);

    return _mm256_srli_epi32(_mm256_add_epi32(_mm256_add_epi32(rb, rounding), _mm256_add_epi32(g, g)), 16);
}

TARGET static void luma(const uint8_t *rgbx, size_t count, uint32_t rounding, uint8_t *grey)
{
    const __m256i half = _mm256_set1_epi32((int)rounding);
    const __m256i in_order =
        _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7); /* packing works within 128-bit halves */
    size_t i = 0;

    for (; i + 32 <= count; i += 32) {
        __m256i a = luma_of_eight(rgbx + 4 * i, half), b = luma_of_eight(rgbx + 4 * i + 32, half);
        __m256i c = luma_of_eight(rgbx + 4 * i + 64, half), d = luma_of_eight(rgbx + 4 * i + 96, half);
        __m256i bytes = _mm256_packus_epi16(_mm256_packus_epi32(a, b), _mm256_packus_epi32(c, d));
        _mm256_storeu_si256((__m256i *)(grey + i), _mm256_permutevar8x32_epi32(bytes, in_order));
    }
    luma_loop(rgbx + 4 * i, count - i, rounding, grey + i);
}

/* Adds to sum[r] the products of `blocks` blocks of weights with row r of the batch, in eight partial sums.
 */
TARGET static inline __attribute__((always_inline)) void add_products(const int16_t *rows, size_t stride,
                                                                      const int16_t *weights, size_t blocks,
                                                                      __m256i sum[DG_ROW_BATCH])
{
    for (size_t k = 0; k < blocks * DG_TAP_BLOCK; k += 16) {
        __m256i w = _mm256_loadu_si256((const __m256i *)(weights + k));
        for (size_t r = 0; r < DG_ROW_BATCH; r++) {
            __m256i samples = _mm256_loadu_si256((const __m256i *)(rows + r * stride + k));
            sum[r] = _mm256_add_epi32(sum[r], _mm256_madd_epi16(samples, w));
        }
    }
}

/* One output of each row of the batch: its rounded sum, not yet clipped. */
TARGET static inline __attribute__((always_inline)) __m128i
output_of_batch(const int16_t *rows, size_t stride, const dg_taps *taps)
{
    __m256i sum[DG_ROW_BATCH] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(),
                                 _mm256_setzero_si256()};
    add_products(rows + taps->high_first, stride, taps->high, taps->high_blocks, sum);
    for (size_t r = 0; r < DG_ROW_BATCH; r++) sum[r] = _mm256_slli_epi32(sum[r], 16);
    add_products(rows + taps->first, stride, taps->low, taps->blocks, sum);

    /* The four rows' totals side by side. */
    __m256i pairs = _mm256_hadd_epi32(_mm256_hadd_epi32(sum[0], sum[1]), _mm256_hadd_epi32(sum[2], sum[3]));
    __m128i total = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
    return _mm_srai_epi32(_mm_add_epi32(total, _mm_set1_epi32(1 << (DG_WEIGHT_BITS - 1))), DG_WEIGHT_BITS);
}

TARGET static void across(const int16_t *rows, size_t stride, const dg_taps *taps, size_t count, uint8_t *out)
{
    const __m128i by_rows = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    size_t i = 0;

    for (; i + 4 <= count; i += 4) {
        __m128i a = output_of_batch(rows, stride, &taps[i]), b = output_of_batch(rows, stride, &taps[i + 1]);
        __m128i c = output_of_batch(rows, stride, &taps[i + 2]),
                d = output_of_batch(rows, stride, &taps[i + 3]);
        __m128i bytes = _mm_packus_epi16(_mm_packs_epi32(a, b), _mm_packs_epi32(c, d));
        bytes = _mm_shuffle_epi8(bytes, by_rows);
        _mm_storeu_si32(out + i, bytes);
        _mm_storeu_si32(out + count + i, _mm_srli_si128(bytes, 4));
        _mm_storeu_si32(out + 2 * count + i, _mm_srli_si128(bytes, 8));
        _mm_storeu_si32(out + 3 * count + i, _mm_srli_si128(bytes, 12));
    }
    for (; i < count; i++) {
        __m128i a = output_of_batch(rows, stride, &taps[i]);
        uint32_t bytes = (uint32_t)_mm_cvtsi128_si32(_mm_packus_epi16(_mm_packs_epi32(a, a), a));
        for (size_t r = 0; r < DG_ROW_BATCH; r++) out[r * count + i] = (uint8_t)(bytes >> 8 * r);
    }
}

/* Four neighbouring outputs in each half: the bytes that are to be picked as words, two an output, from
 * those that follow the half's first. */
TARGET static inline __m256i picks_of_eight(const uint32_t *first)
{
    const __m256i nothing = _mm256_set1_epi32((int)0x80008000), second = _mm256_set1_epi32(0x00010000);
    __m256i start =
        _mm256_inserti128_si256(_mm256_set1_epi32((int)first[0]), _mm_set1_epi32((int)first[4]), 1);
    __m256i offset = _mm256_sub_epi32(_mm256_loadu_si256((const __m256i *)first), start);

    offset = _mm256_or_si256(offset, _mm256_add_epi32(_mm256_slli_epi32(offset, 16), second));
    return _mm256_or_si256(offset, nothing);
}

/* Eight outputs of a group, an element each, for all rows of the batch: rounded sums, not yet clipped. */
TARGET static inline __attribute__((always_inline)) void eight_outputs(const uint8_t *rows, size_t stride,
                                                                       const dg_tap_group *group, size_t from,
                                                                       __m256i sum[DG_ROW_BATCH])
{
    const uint32_t *first = group->first + from;
    const __m256i picks = picks_of_eight(first), half = _mm256_set1_epi32(1 << (DG_WEIGHT_BITS - 1));
    __m256i low[DG_ROW_BATCH], high[DG_ROW_BATCH];

    for (size_t r = 0; r < DG_ROW_BATCH; r++) low[r] = high[r] = _mm256_setzero_si256();
    for (size_t j = 0; j < group->pairs; j++) {
        size_t weights = 2 * (DG_GROUP * j + from);
        __m256i low_weights = _mm256_loadu_si256((const __m256i *)(group->low + weights));
        __m256i high_weights = _mm256_loadu_si256((const __m256i *)(group->high + weights));
        for (size_t r = 0; r < DG_ROW_BATCH; r++) {
            const uint8_t *row = rows + r * stride + 2 * j;
            __m128i near = _mm_loadu_si128((const __m128i *)(row + first[0]));
            __m128i far = _mm_loadu_si128((const __m128i *)(row + first[4]));
            __m256i pairs =
                _mm256_shuffle_epi8(_mm256_inserti128_si256(_mm256_castsi128_si256(near), far, 1), picks);
            low[r] = _mm256_add_epi32(low[r], _mm256_madd_epi16(pairs, low_weights));
            high[r] = _mm256_add_epi32(high[r], _mm256_madd_epi16(pairs, high_weights));
        }
    }
    for (size_t r = 0; r < DG_ROW_BATCH; r++) {
        sum[r] = _mm256_add_epi32(_mm256_add_epi32(low[r], _mm256_slli_epi32(high[r], 16)), half);
        sum[r] = _mm256_srai_epi32(sum[r], DG_WEIGHT_BITS);
    }
}

TARGET static void across_groups(const uint8_t *rows, size_t stride, const dg_tap_group *groups, size_t count,
                                 uint8_t *out)
{
    const __m256i in_order = _mm256_setr_epi32(0, 4, 1, 5, 0, 4, 1, 5);

    for (size_t next = 0; next < count; next += DG_GROUP, groups++) {
        size_t i = next + DG_GROUP <= count ? next : count - DG_GROUP;
        __m256i left[DG_ROW_BATCH], right[DG_ROW_BATCH];
        eight_outputs(rows, stride, groups, 0, left);
        eight_outputs(rows, stride, groups, DG_GROUP / 2, right);
        for (size_t r = 0; r < DG_ROW_BATCH; r++) {
            __m256i words = _mm256_packs_epi32(left[r], right[r]);
            __m256i bytes = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(words, words), in_order);
            _mm_storeu_si128((__m128i *)(out + r * count + i), _mm256_castsi256_si128(bytes));
        }
    }
}

const dg_row_loops dg_row_loops_avx2 = {"avx2", usable,        luma,  filter, round_weights, widen,
                                        across, across_groups, begin, add,    finish};

#endif
