/*
 * The host's copy of kernels/device/dct.inc.h, with the factors for it. dct_table.h is made by
 * tests/golden/dct_table.c, whose comment has their definition.
 */
#include "dct.h"

#include "../device/prelude.h"

#include "../device/dct.inc.h"
#include "dct_table.h"

#include <string.h>

const double *dg_dct_factors(int n)
{
    switch (n) {
    case 8: return factors_8;
    case 16: return factors_16;
    case 32: return factors_32;
    case 64: return factors_64;
    default: return factors_128;
    }
}

void dg_dct2(double *c, int n)
{
    double other[DG_DCT_MAX];
    const double *result = dg_dct_forward(c, other, n, dg_dct_factors(n));
    if (result != c) memcpy(c, result, (size_t)n * sizeof *c);
}
