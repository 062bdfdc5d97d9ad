/*
 * The frame of a PNG file around the rows of a grey or palette picture: signature, header, palette, one chunk
 * of data, end; no other chunk. Between start and finish the caller writes the data, a zlib stream of rows
 * that each begin with the byte 0 (no filter), behind the bytes that are there.
 */
#ifndef DG_IMAGE_PNG_WRITER_H
#define DG_IMAGE_PNG_WRITER_H

#include "deflate.h"

typedef struct dg_png_frame {
    uint32_t width, height;
    int bits;   /* of a sample: 1, 2, 4 or 8 */
    int colors; /* of the palette; 0: samples are grey */
    uint8_t palette[256][3];
    int has_alpha;
    uint8_t alpha[256]; /* of the palette's colours */
} dg_png_frame;

/* Writes all up to the data. Returns where the data begin, or 0 without memory. */
size_t dg_png_start(const dg_png_frame *frame, dg_bytes *out);

/* Writes what comes after the data. Returns 0 without memory. */
int dg_png_finish(dg_bytes *out, size_t data);

#endif
