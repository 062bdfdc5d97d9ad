/*
 * SciPy's discrete cosine transform, bit for bit.
 */
#ifndef DG_IMAGE_DCT_H
#define DG_IMAGE_DCT_H

enum { DG_DCT_MAX = 128 };

/*
 * In place scipy.fftpack.dct(c, type=2) of n = 8, 16, 32, 64 or 128 values: c[k] becomes
 * 2 * sum over i of c[i]*cos(pi*k*(2i+1)/(2n)), rounded as pocketfft rounds.
 */
void dg_dct2(double *c, int n);

/* The 2n factors that a transform of n values takes, for those who run it elsewhere: see
 * kernels/device/dct.inc.h. */
const double *dg_dct_factors(int n);

#endif
