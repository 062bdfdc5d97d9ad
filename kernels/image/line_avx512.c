/*
 * The drawing loops for x86 processors with AVX-512: sixteen pixels of a row at a time, in 32 bits each.
 */
#include "line_scalar.h"

#ifdef DG_LINE_LOOPS_X86

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl")))
#define LOOP TARGET static inline __attribute__((always_inline))

#include "line_x86.h"

enum { LANES = 16 };

/* Raises sixteen pixels, the first `count` of them at most, to these coverages, clamped. */
LOOP void raise_lanes(uint8_t *pixels, int32_t count, __m512i coverage)
{
    __mmask16 used = _cvtu32_mask16(count < LANES ? (1u << count) - 1 : 0xffff);
    __m512i positive = _mm512_maskz_max_epi32(used, coverage, _mm512_setzero_si512());
    __m128i before = _mm_loadu_si128((const __m128i *)pixels);
    _mm_storeu_si128((__m128i *)pixels, _mm_max_epu8(before, _mm512_cvtusepi32_epi8(positive)));
}

LOOP __m512i lane_times(int32_t step)
{
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return _mm512_mullo_epi32(_mm512_set1_epi32(step), lane);
}

LOOP void raise_beside(uint8_t *row, int32_t first, int32_t last, uint32_t e, uint32_t step, int32_t reach)
{
    __m512i each = _mm512_add_epi32(_mm512_set1_epi32((int)e), lane_times((int32_t)step));
    for (int32_t i = first; i <= last; i += LANES) {
        __m512i away = _mm512_srli_epi32(_mm512_abs_epi32(each), 16);
        raise_lanes(row + i, last - i + 1, _mm512_sub_epi32(_mm512_set1_epi32(reach), away));
        each = _mm512_add_epi32(each, _mm512_set1_epi32((int)(LANES * step)));
    }
}

LOOP void raise_around(uint8_t *row, int32_t first, int32_t last, int32_t dx, int32_t dy2, int32_t reach)
{
    if (reach > EXACT_REACH) {
        raise_around_in_c(row, first, last, dx, dy2, reach);
        return;
    }
    __m512i each = _mm512_add_epi32(_mm512_set1_epi32(dx), lane_times(256));
    for (int32_t i = first; i <= last; i += LANES) {
        __m512i square = _mm512_add_epi32(_mm512_mullo_epi32(each, each), _mm512_set1_epi32(dy2));
        __m512i away = _mm512_cvttps_epi32(_mm512_sqrt_ps(_mm512_cvtepi32_ps(square)));
        raise_lanes(row + i, last - i + 1, _mm512_sub_epi32(_mm512_set1_epi32(reach), away));
        each = _mm512_add_epi32(each, _mm512_set1_epi32(256 * LANES));
    }
}

#include "line_template.h"

static int usable(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl");
}

const dg_line_loops dg_line_loops_avx512 = {"avx512", usable, draw, pack4, blend};

#endif
