/*
 * NumPy's median.
 */
#ifndef DG_IMAGE_MEDIAN_H
#define DG_IMAGE_MEDIAN_H

#include <stddef.h>

enum { DG_MEDIAN_MAX = 1024 };

/* The mean of the two middle values of an even `count` <= DG_MEDIAN_MAX of values, none of them NaN. */
double dg_median(const double *values, size_t count);

#endif
