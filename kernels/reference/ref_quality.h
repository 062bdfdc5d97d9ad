/*
 * The oracle of the quality metrics: from a whole grey plane by the definitions of quality.md, one after the
 * other. It shares nothing with the code it judges but the names of the metrics.
 */
#ifndef DG_REFERENCE_QUALITY_H
#define DG_REFERENCE_QUALITY_H

#include "../image/image.h"

/*
 * All metrics of a plane of samples, rows first to last, and in *null bit 1 << metric for those it has not;
 * `jpeg_quality` is 0 where there is none. Returns 0 where memory ran out, else 1.
 */
int dg_ref_quality(const uint8_t *plane, int width, int height, int jpeg_quality, double metric[DG_METRICS],
                   unsigned *null);

#endif
