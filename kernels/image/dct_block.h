/*
 * The two-dimensional cosine transform of a block, for SQL's dct2.
 */
#ifndef DG_IMAGE_DCT_BLOCK_H
#define DG_IMAGE_DCT_BLOCK_H

#include "../error.h"

enum { DG_DCT_BLOCK_MAX = 512 }; /* side; the work grows with its third power */

/*
 * The orthonormal DCT-II of a block of n*n values, row by row, in place: scipy.fft.dctn(x, norm='ortho').
 * n is 1 to DG_DCT_BLOCK_MAX. Works in double precision.
 */
enum dg_code dg_dct_block(float *block, int n, dg_err *err);

#endif
