/*
 * The quality metrics of a batch of pictures that is on a device (shrink.h): the device adds up, the host
 * turns the sums into metrics (image/metrics.h), which are those of dg_image_measure bit for bit.
 */
#ifndef DG_ENGINE_GRADE_H
#define DG_ENGINE_GRADE_H

#include "shrink.h"

typedef struct dg_grade {
    double metric[DG_METRICS];
    unsigned null; /* bit 1 << metric for each that the picture has not */
} dg_grade;

/* Bytes of device memory it takes besides the pictures. */
uint64_t dg_grade_bytes(const dg_grey *pictures, uint32_t count);

/* The metrics asked for, bit 1 << metric each, of each picture of the batch as it is stored; jpeg_quality[i]
 * is 0 where there is none. */
enum dg_code dg_grade_pictures(const dg_shrink *batch, unsigned metrics, const int *jpeg_quality,
                               dg_grade *grades, const dg_poll *poll, dg_err *err);

#endif
