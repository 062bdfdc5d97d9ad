/* Which drawing loops there are, and which of them this processor runs. */
#include "line_variants.h"

const dg_line_loops *const dg_line_loops_all[] = {
    &dg_line_loops_plain,
#ifdef DG_LINE_LOOPS_X86
    &dg_line_loops_avx2,
    &dg_line_loops_avx512,
#endif
};

const int dg_line_loops_count = sizeof dg_line_loops_all / sizeof dg_line_loops_all[0];

const dg_line_loops *dg_line_loops_best(void)
{
    int best = dg_line_loops_count - 1;

    while (!dg_line_loops_all[best]->usable()) best--;
    return dg_line_loops_all[best];
}
