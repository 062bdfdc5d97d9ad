/*
 * Sorting a copy is quick enough for the few hundred values of a hash.
 */
#include "median.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double dg_median(const double *values, size_t count)
{
    double sorted[DG_MEDIAN_MAX];

    memcpy(sorted, values, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare);
    return (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}
