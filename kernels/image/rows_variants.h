/*
 * The variants of the row loops by name, for the list of them in rows.c; each is defined in a file of its
 * own.
 */
#ifndef DG_IMAGE_ROWS_VARIANTS_H
#define DG_IMAGE_ROWS_VARIANTS_H

#include "rows.h"

extern const dg_row_loops dg_row_loops_plain;

#if defined(__x86_64__) || defined(__i386__)
#define DG_ROW_LOOPS_AVX2
extern const dg_row_loops dg_row_loops_avx2;
#endif

#if defined(__x86_64__)
#define DG_ROW_LOOPS_AVX512
extern const dg_row_loops dg_row_loops_avx512;
#endif

#endif
