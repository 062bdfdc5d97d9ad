/*
 * Which loops of the quality metrics there are, and which of them this processor runs.
 */
#include "score_rows_variants.h"

const dg_score_loops *const dg_score_loops_all[] = {
    &dg_score_loops_plain,
#ifdef DG_SCORE_LOOPS_AVX2
    &dg_score_loops_avx2,
#endif
#ifdef DG_SCORE_LOOPS_AVX512
    &dg_score_loops_avx512,
#endif
};

const int dg_score_loops_count = sizeof dg_score_loops_all / sizeof dg_score_loops_all[0];

const dg_score_loops *dg_score_loops_best(void)
{
    int best = dg_score_loops_count - 1;

    while (!dg_score_loops_all[best]->usable()) best--;
    return dg_score_loops_all[best];
}
