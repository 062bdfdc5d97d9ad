/*
 * Which row loops there are, and which of them this processor runs.
 */
#include "rows_variants.h"

const dg_row_loops *const dg_row_loops_all[] = {
    &dg_row_loops_plain,
#ifdef DG_ROW_LOOPS_AVX2
    &dg_row_loops_avx2,
#endif
#ifdef DG_ROW_LOOPS_AVX512
    &dg_row_loops_avx512,
#endif
};

const int dg_row_loops_count = sizeof dg_row_loops_all / sizeof dg_row_loops_all[0];

const dg_row_loops *dg_row_loops_best(void)
{
    int best = dg_row_loops_count - 1;

    while (!dg_row_loops_all[best]->usable()) best--;
    return dg_row_loops_all[best];
}
