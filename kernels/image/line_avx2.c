/*
 * The drawing loops for x86 processors with AVX2: eight pixels of a row at a time, in 32 bits each.
 */
#include "line_scalar.h"

#ifdef DG_LINE_LOOPS_X86

#define TARGET __attribute__((target("avx2")))
#define LOOP TARGET static inline __attribute__((always_inline))

#include "line_x86.h"

enum { LANES = 8 };

/* Raises eight pixels, the first `count` of them at most, to these coverages, clamped. */
LOOP void raise_lanes(uint8_t *pixels, int32_t count, __m256i coverage)
{
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    __m256i used = _mm256_and_si256(coverage, _mm256_cmpgt_epi32(_mm256_set1_epi32(count), lane));
    __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(used), _mm256_extracti128_si256(used, 1));
    __m128i bytes = _mm_packus_epi16(words, words);
    __m128i before = _mm_loadl_epi64((const __m128i *)pixels);
    _mm_storel_epi64((__m128i *)pixels, _mm_max_epu8(before, bytes));
}

LOOP void raise_beside(uint8_t *row, int32_t first, int32_t last, uint32_t e, uint32_t step, int32_t reach)
{
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    __m256i each =
        _mm256_add_epi32(_mm256_set1_epi32((int)e), _mm256_mullo_epi32(_mm256_set1_epi32((int)step), lane));
    for (int32_t i = first; i <= last; i += LANES) {
        __m256i away = _mm256_srli_epi32(_mm256_abs_epi32(each), 16);
        raise_lanes(row + i, last - i + 1, _mm256_sub_epi32(_mm256_set1_epi32(reach), away));
        each = _mm256_add_epi32(each, _mm256_set1_epi32((int)(LANES * step)));
    }
}

LOOP void raise_around(uint8_t *row, int32_t first, int32_t last, int32_t dx, int32_t dy2, int32_t reach)
{
    if (reach > EXACT_REACH) {
        raise_around_in_c(row, first, last, dx, dy2, reach);
        return;
    }
    __m256i each =
        _mm256_add_epi32(_mm256_set1_epi32(dx), _mm256_setr_epi32(0, 256, 512, 768, 1024, 1280, 1536, 1792));
    for (int32_t i = first; i <= last; i += LANES) {
        __m256i square = _mm256_add_epi32(_mm256_mullo_epi32(each, each), _mm256_set1_epi32(dy2));
        __m256i away = _mm256_cvttps_epi32(_mm256_sqrt_ps(_mm256_cvtepi32_ps(square)));
        raise_lanes(row + i, last - i + 1, _mm256_sub_epi32(_mm256_set1_epi32(reach), away));
        each = _mm256_add_epi32(each, _mm256_set1_epi32(256 * LANES));
    }
}

#include "line_template.h"

static int usable(void)
{
    return __builtin_cpu_supports("avx2");
}

const dg_line_loops dg_line_loops_avx2 = {"avx2", usable, draw, pack4, blend};

#endif
