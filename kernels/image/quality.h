/*
 * The quality metrics of a grey picture, fed row by row: quality.md, sections 1 and 2.
 *
 * All sums are integers, so the values do not depend on the instruction set. Memory is proportional to the
 * picture's width, and a value of four bytes for each 16x16 block of it.
 */
#ifndef DG_IMAGE_QUALITY_H
#define DG_IMAGE_QUALITY_H

#include "image.h"
#include "size.h"

typedef struct dg_quality dg_quality;

/* Prepares for a picture of at least 1 x 1. `metrics`: bit 1 << metric for those to work out; others may be
 * left out. On failure *quality is NULL. */
enum dg_code dg_quality_open(dg_quality **quality, dg_size size, unsigned metrics, dg_err *err);

/* The picture's next row, size.width samples. To be called size.height times. */
void dg_quality_take(dg_quality *quality, const uint8_t *row);

/*
 * After the last row: the metrics asked for, and in *null bit 1 << metric for those that the picture has not.
 * `jpeg_quality` is 0 where there is none. May be called once.
 */
void dg_quality_finish(dg_quality *quality, int jpeg_quality, double metric[DG_METRICS], unsigned *null);

/* NULL is allowed. */
void dg_quality_close(dg_quality *quality);

#endif
