/*
 * The oracle of the picture hashes: from a grey plane by the definitions of imagehash.md, one after the
 * other, with the C library's sines and without shortcuts. It shares nothing with the code it judges but the
 * names of the hashes.
 */
#ifndef DG_REFERENCE_HASH_H
#define DG_REFERENCE_HASH_H

#include "../image/image.h"

/* Pillow's Lanczos resize of a plane of samples, rows first to last. Returns 0 where memory ran out, else 1.
 */
int dg_ref_resize(const uint8_t *in, int width, int height, uint8_t *out, int out_width, int out_height);

/* scipy.fftpack.dct(c, type=2) in place; n is a power of two, 8 to 128. */
void dg_ref_dct2(double *c, int n);

/* The hash of size n into dg_hash_bytes(n) bytes. Returns 0 where memory ran out, else 1. */
int dg_ref_hash(enum dg_hash_kind kind, const uint8_t *plane, int width, int height, int n, uint8_t *hash);

#endif
