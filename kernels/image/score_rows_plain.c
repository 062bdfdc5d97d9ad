/*
 * The loops of the quality metrics for any processor of the target's baseline: SSE2 on x86-64, NEON on 64-bit
 * ARM.
 */
#define TARGET
#include "score_rows_template.h"
#include "score_rows_variants.h"

static int usable(void)
{
    return 1;
}

const dg_score_loops dg_score_loops_plain = {"plain", usable,  windows, laplace,
                                             halve,   columns, rows,    clipped};
