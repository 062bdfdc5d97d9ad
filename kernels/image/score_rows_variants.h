/*
 * The variants of the loops of the quality metrics by name, for the list of them in score_rows.c; each is
 * defined in a file of its own.
 */
#ifndef DG_IMAGE_SCORE_ROWS_VARIANTS_H
#define DG_IMAGE_SCORE_ROWS_VARIANTS_H

#include "score_rows.h"

extern const dg_score_loops dg_score_loops_plain;

#if defined(__x86_64__) || defined(__i386__)
#define DG_SCORE_LOOPS_AVX2
extern const dg_score_loops dg_score_loops_avx2;
#endif

#if defined(__x86_64__)
#define DG_SCORE_LOOPS_AVX512
extern const dg_score_loops dg_score_loops_avx512;
#endif

#endif
