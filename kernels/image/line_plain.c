/* The drawing loops for any processor. */
#define TARGET
#define raise_beside raise_beside_in_c
#define raise_around raise_around_in_c
#include "line_template.h"

static int usable(void)
{
    return 1;
}

static uint32_t pack4(const uint8_t *coverage, uint8_t flip, uint8_t *packed)
{
    return pack4_in_c(coverage, flip, packed);
}

const dg_line_loops dg_line_loops_plain = {"plain", usable, draw, pack4, blend};
