/*
 * Pixels to files: PNG by libpng, JPEG by libjpeg, into memory.
 */
#ifndef DG_IMAGE_ENCODE_H
#define DG_IMAGE_ENCODE_H

#include "size.h"

#include "../error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct dg_pixels {
    dg_size size;
    int channels;     /* 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha; 8 bits each */
    uint8_t *samples; /* row after row, a pixel's channels side by side */
} dg_pixels;

/* A file in memory; whoever asked for it frees `data`. All zeros is empty. */
typedef struct dg_file {
    uint8_t *data;
    size_t bytes, room;
} dg_file;

/* On failure *file is empty. */
enum dg_code dg_encode_png(const dg_pixels *pixels, dg_file *file, dg_err *err);

/* `quality` 1..100, chroma subsampled 4:2:0, Huffman tables optimised. Takes 1 or 3 channels. */
enum dg_code dg_encode_jpeg(const dg_pixels *pixels, int quality, dg_file *file, dg_err *err);

#endif
