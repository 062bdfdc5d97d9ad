/*
 * How the row loops for AVX-512 are compiled: instructions for bytes and words, at any vector length.
 */
#ifndef DG_IMAGE_AVX512_H
#define DG_IMAGE_AVX512_H

/* GCC vectorises loops with half of the register unless it is told otherwise; Clang 14 cannot be told so. */
#ifdef __clang__
#define DG_AVX512_TARGET __attribute__((target("avx512bw,avx512vl,avx512dq")))
#else
#define DG_AVX512_TARGET __attribute__((target("avx512bw,avx512vl,avx512dq,prefer-vector-width=512")))
#endif

#endif
