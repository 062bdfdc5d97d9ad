/* The sieve with AVX-512 and its vector bit counts (VPOPCNTDQ). */
#if defined(__x86_64__)
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "distances.h"

#define TARGET __attribute__((target("avx512f,avx512vpopcntdq,popcnt")))
#define LANES 8
#define GROUP64 8
#define GROUP128 8
#define GROUP256 4
typedef __m512i vec;

#define LANE static inline __attribute__((always_inline)) TARGET

LANE uint32_t bits_of(uint64_t x)
{
    return (uint32_t)__builtin_popcountll(x);
}

LANE vec load64(const uint64_t *p, unsigned n)
{
    if (n == LANES) return _mm512_loadu_si512(p);
    return _mm512_maskz_loadu_epi64((__mmask8)((1u << n) - 1), p);
}

LANE vec load32(const uint32_t *p, unsigned n)
{
    if (n == 2 * LANES) return _mm512_loadu_si512(p);
    return _mm512_maskz_loadu_epi32((__mmask16)((1u << n) - 1), p);
}

LANE vec same64(uint64_t x)
{
    return _mm512_set1_epi64((long long)x);
}

LANE vec same32(uint32_t x)
{
    return _mm512_set1_epi32((int)x);
}

LANE vec differ64(vec x, vec y)
{
    return _mm512_popcnt_epi64(_mm512_xor_si512(x, y));
}

LANE vec differ32(vec x, vec y)
{
    return _mm512_popcnt_epi32(_mm512_xor_si512(x, y));
}

LANE vec plus(vec x, vec y)
{
    return _mm512_add_epi32(x, y);
}

LANE vec one_at(vec x)
{
    return _mm512_sllv_epi64(_mm512_set1_epi64(1), x);
}

LANE vec odd(vec x, vec y, vec z)
{
    return _mm512_ternarylogic_epi64(x, y, z, 0x96);
}

LANE vec most(vec x, vec y, vec z)
{
    return _mm512_ternarylogic_epi64(x, y, z, 0xe8);
}

/* Distances fit the low half of a 64-bit lane; the high half is zero. */
LANE vec least(vec x, vec y)
{
    return _mm512_min_epu32(x, y);
}

LANE unsigned within64(vec x, uint64_t limit)
{
    return _mm512_cmple_epu64_mask(x, _mm512_set1_epi64((long long)limit));
}

LANE unsigned within32(vec x, uint32_t limit)
{
    return _mm512_cmple_epu32_mask(x, _mm512_set1_epi32((int)limit));
}

#define KEEP_LANES
LANE uint32_t keep_lanes(vec distance, unsigned n, uint64_t limit, uint32_t row, dg_neighbour *out)
{
    const __m512i lane = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
    __mmask8 kept = (__mmask8)(within64(distance, limit) & ((1u << n) - 1));
    /* A dg_neighbour as a number: the row below, the distance above. */
    __m512i rows = _mm512_add_epi64(_mm512_set1_epi64(row), lane);
    __m512i found = _mm512_or_si512(rows, _mm512_slli_epi64(distance, 32));
    _mm512_storeu_si512(out, _mm512_maskz_compress_epi64(kept, found));
    return bits_of(kept);
}

#include "sieve.inc.h"
#include "histogram.inc.h"
#include "nearest.inc.h"

static int supported(void)
{
    return __builtin_cpu_supports("avx512vpopcntdq") && __builtin_cpu_supports("popcnt");
}

const dg_cpu_isa dg_cpu_isa_avx512 = {
    .name = "avx512",
    .supported = supported,
    .unit = run_unit,
    .count = count_strip,
    .offer = offer_strip,
    .costs = DG_STANDARD_COSTS,
};
#endif
