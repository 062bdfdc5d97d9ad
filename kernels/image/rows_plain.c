/*
 * The row loops for any processor of the target's baseline: SSE2 on x86-64, NEON on 64-bit ARM.
 */
#define TARGET
#include "rows_template.h"
#include "rows_variants.h"

static int usable(void)
{
    return 1;
}

static void luma(const uint8_t *rgbx, size_t count, uint32_t rounding, uint8_t *grey)
{
    luma_loop(rgbx, count, rounding, grey);
}

static void across(const int16_t *rows, size_t stride, const dg_taps *taps, size_t count, uint8_t *out)
{
    across_loop(rows, stride, taps, count, out);
}

const dg_row_loops dg_row_loops_plain = {"plain", usable, luma,  filter, round_weights, widen,
                                         across,  NULL,   begin, add,    finish};
