/*
 * The loops of the quality metrics for x86 processors with AVX-512 for bytes and words.
 */
#include "score_rows_variants.h"

#ifdef DG_SCORE_LOOPS_AVX512

#include "avx512.h"

#define TARGET DG_AVX512_TARGET
#include "score_rows_template.h"

static int usable(void)
{
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq");
}

const dg_score_loops dg_score_loops_avx512 = {"avx512", usable,  windows, laplace,
                                              halve,    columns, rows,    clipped};

#endif
