/*
 * Which quality setting a JPEG was saved with, as far as its quantisation tables tell.
 */
#ifndef DG_IMAGE_JPEG_QUALITY_H
#define DG_IMAGE_JPEG_QUALITY_H

#include <stdint.h>

/*
 * The setting 1..100 of libjpeg's encoder whose tables differ least (sum of absolute differences; ties: the
 * higher setting) from the file's table 0, `luma`, and table 1, `chroma`: 64 entries each in natural order.
 * NULL stands for a table the file has not; without table 0 the answer is 0.
 */
int dg_jpeg_quality(const uint16_t *luma, const uint16_t *chroma);

#endif
