/*
 * The wavelet hash of a square grey picture: ImageHash's whash with the Haar wavelet, imagehash.md section 7.
 */
#ifndef DG_IMAGE_HAAR_H
#define DG_IMAGE_HAAR_H

#include "../error.h"

#include <stdint.h>

/*
 * Sets bits[i] to 0 or 1 for the n*n low-frequency values of the `side`*`side` picture, row by row; side and
 * n are powers of two, n <= side. Needs memory only where two values tie for the median.
 */
enum dg_code dg_haar_bits(const uint8_t *plane, uint32_t side, int n, uint8_t *bits, dg_err *err);

/* The same from the sums of the picture's n*n blocks, row by row. 0: two values tie for the median, and only
 * the picture tells the bits. */
int dg_haar_bits_of_sums(const uint64_t *sums, int n, uint8_t *bits);

#endif
