/*
 * Grey pictures that are held whole, upright: what a decode leaves for those who hash on a device.
 */
#ifndef DG_IMAGE_GREY_H
#define DG_IMAGE_GREY_H

#include "image.h"
#include "size.h"

typedef struct dg_grey {
    const uint8_t *samples; /* size.width * size.height of them, row by row */
    dg_size size;
} dg_grey;

/* The wanted hashes, bit 1 << kind for each, into hash[kind]: what dg_image_measure gives for the file. */
enum dg_code dg_grey_hash(const dg_grey *picture, unsigned hashes, int hash_size,
                          uint8_t hash[DG_HASH_KINDS][DG_HASH_BYTES_MAX], dg_err *err);

/* The metrics, as dg_quality_finish gives them for the picture's rows. */
enum dg_code dg_grey_metrics(const dg_grey *picture, unsigned metrics, int jpeg_quality,
                             double metric[DG_METRICS], unsigned *null, dg_err *err);

#endif
