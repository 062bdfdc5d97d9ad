/* The time in seconds, for reports and for pieces of work that must not be long. */
#ifndef DG_CLOCK_H
#define DG_CLOCK_H

#include <time.h>

static inline double dg_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#endif
