/*
 * The loops of the quality metrics for x86 processors with AVX2.
 */
#include "score_rows_variants.h"

#ifdef DG_SCORE_LOOPS_AVX2

#define TARGET __attribute__((target("avx2")))
#include "score_rows_template.h"

static int usable(void)
{
    return __builtin_cpu_supports("avx2");
}

const dg_score_loops dg_score_loops_avx2 = {"avx2", usable, windows, laplace, halve, columns, rows, clipped};

#endif
