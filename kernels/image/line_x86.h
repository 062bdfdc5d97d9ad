/*
 * What the drawing loops of both x86 instruction sets share. For inclusion by their files, which define
 * TARGET before it; AVX2 is enough for what is here.
 */
#include "line_scalar.h"

#include <immintrin.h>

/* Up to which reach the squares of the distances that matter are whole numbers of binary32. */
enum { EXACT_REACH = 4096 };

TARGET static uint32_t pack4(const uint8_t *coverage, uint8_t flip, uint8_t *packed)
{
    const __m256i rounding = _mm256_set1_epi16(8), one_17th = _mm256_set1_epi16((short)0xF0F1);
    __m256i a = _mm256_loadu_si256((const __m256i *)coverage);
    __m256i even = _mm256_and_si256(a, _mm256_set1_epi16(255)), odd = _mm256_srli_epi16(a, 8);
    even = _mm256_srli_epi16(_mm256_mulhi_epu16(_mm256_add_epi16(even, rounding), one_17th), 4);
    odd = _mm256_srli_epi16(_mm256_mulhi_epu16(_mm256_add_epi16(odd, rounding), one_17th), 4);
    __m256i both = _mm256_or_si256(_mm256_slli_epi16(even, 4), odd);
    __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
    bytes = _mm_xor_si128(bytes, _mm_set1_epi8((char)flip));
    __m128i before = _mm_insert_epi8(_mm_slli_si128(bytes, 1), *(packed - 1), 0);
    _mm_storeu_si128((__m128i *)packed, bytes);
    return 0xffff ^ (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, before));
}
