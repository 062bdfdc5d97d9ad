/*
 * The sieve with AVX2. There is no vector bit count: the two nibbles of each byte are looked up in a table by
 * PSHUFB (Mula, "SSSE3: fast popcount") and the bytes of a lane are added.
 */
#if defined(__x86_64__)
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define TARGET __attribute__((target("avx2,popcnt")))
#define LANES 4
#define GROUP64 8
#define GROUP128 4
#define GROUP256 2
typedef __m256i vec;

#define LANE static inline __attribute__((always_inline)) TARGET

LANE uint32_t bits_of(uint64_t x)
{
    return (uint32_t)__builtin_popcountll(x);
}

LANE vec load64(const uint64_t *p, unsigned n)
{
    if (n == LANES) return _mm256_loadu_si256((const __m256i *)p);
    const __m256i lane = _mm256_setr_epi64x(0, 1, 2, 3);
    return _mm256_maskload_epi64((const long long *)p, _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), lane));
}

LANE vec load32(const uint32_t *p, unsigned n)
{
    if (n == 2 * LANES) return _mm256_loadu_si256((const __m256i *)p);
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_maskload_epi32((const int *)p, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), lane));
}

LANE vec same64(uint64_t x)
{
    return _mm256_set1_epi64x((long long)x);
}

LANE vec same32(uint32_t x)
{
    return _mm256_set1_epi32((int)x);
}

/* Set bits of every byte of x ^ y. */
LANE vec byte_counts(vec x, vec y)
{
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2,
                                           2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i nibble = _mm256_set1_epi8(15);
    __m256i z = _mm256_xor_si256(x, y);
    __m256i low = _mm256_shuffle_epi8(table, _mm256_and_si256(z, nibble));
    __m256i high = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi32(z, 4), nibble));
    return _mm256_add_epi8(low, high);
}

LANE vec differ64(vec x, vec y)
{
    return _mm256_sad_epu8(byte_counts(x, y), _mm256_setzero_si256());
}

LANE vec differ32(vec x, vec y)
{
    __m256i pairs = _mm256_maddubs_epi16(byte_counts(x, y), _mm256_set1_epi8(1));
    return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

LANE vec plus(vec x, vec y)
{
    return _mm256_add_epi32(x, y);
}

LANE vec one_at(vec x)
{
    return _mm256_sllv_epi64(_mm256_set1_epi64x(1), x);
}

LANE vec odd(vec x, vec y, vec z)
{
    return x ^ y ^ z;
}

LANE vec most(vec x, vec y, vec z)
{
    return (x & y) | ((x ^ y) & z);
}

/* Distances fit the low half of a 64-bit lane; the high half is zero. */
LANE vec least(vec x, vec y)
{
    return _mm256_min_epu32(x, y);
}

LANE unsigned within64(vec x, uint64_t limit)
{
    __m256i beyond = _mm256_cmpgt_epi64(x, _mm256_set1_epi64x((long long)limit));
    return ~(unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(beyond)) & 15;
}

LANE unsigned within32(vec x, uint32_t limit)
{
    __m256i beyond = _mm256_cmpgt_epi32(x, _mm256_set1_epi32((int)limit));
    return ~(unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(beyond)) & 255;
}

#include "sieve.inc.h"
#include "histogram.inc.h"
#include "nearest.inc.h"

static int supported(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt");
}

const dg_cpu_isa dg_cpu_isa_avx2 = {
    .name = "avx2",
    .supported = supported,
    .unit = run_unit,
    .count = count_strip,
    .offer = offer_strip,
    .costs = {.partition_row = 12e-9,
              .look = 2e-9,
              .bucket_pair = 10e-9,
              .vector = 1.0e-9,
              .lanes = 4,
              .brute = {0.095e-9, 0.165e-9, 0.33e-9, 0.66e-9},
              .survivor = 5e-9,
              .start = 20e-6,
              .bin = 0.3e-9,
              .near = 0.33e-9},
};
#endif
