/*
 * ImageHash's colorhash of a picture, fed row by row: the shares of black, grey and six hues, faint and
 * bright; imagehash.md section 7.
 */
#ifndef DG_IMAGE_COLORHASH_H
#define DG_IMAGE_COLORHASH_H

#include "image.h"

enum { DG_HUES = 6 };

/* To be zeroed before the first row. */
typedef struct dg_colours {
    uint64_t pixels, black, grey, coloured;
    uint64_t faint_hue[DG_HUES], bright_hue[DG_HUES];
} dg_colours;

/* A row of `count` grey samples and the pixels R, G, B, any that they are of. */
void dg_colours_take(dg_colours *colours, const uint8_t *grey, const uint8_t *rgba, size_t count);

/* 14 values of three bits, after six bits of padding. At least one row has been taken. */
void dg_colours_hash(const dg_colours *colours, uint8_t hash[DG_COLORHASH_BYTES]);

#endif
