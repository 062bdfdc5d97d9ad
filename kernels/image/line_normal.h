/*
 * The unit vector across a segment, as the picture is defined by it: whole numbers of 2^-16.
 */
#ifndef DG_IMAGE_LINE_NORMAL_H
#define DG_IMAGE_LINE_NORMAL_H

#include <math.h>
#include <stdint.h>

typedef struct dg_line_normal {
    int64_t x, y;
} dg_line_normal;

static inline int64_t dg_line_root(int64_t square)
{
    int64_t root = (int64_t)sqrt((double)square);
    while (root * root > square) root--;
    while ((root + 1) * (root + 1) <= square) root++;
    return root;
}

/*
 * size*2^24/length rounded, halves up; size < 2^22 and the result is no more than 2^16. The quotient of whole
 * numbers is 2^-31 or more below the next whole number it does not reach, and rounding it to binary64 moves
 * it by less than 2^-36.
 */
static inline int64_t dg_line_share(int64_t size, int64_t length)
{
    return (int64_t)((double)(size * (1 << 25) + length) / (double)(2 * length));
}

/* For dx, dy that are not both 0, below 2^22 in size; dx is not negative. */
static inline dg_line_normal dg_line_normal_of(int64_t dx, int64_t dy)
{
    const int64_t length = dg_line_root((dx * dx + dy * dy) * (1 << 16));
    const int64_t across = dg_line_share(dy < 0 ? -dy : dy, length);
    return (dg_line_normal){dy < 0 ? -across : across, -dg_line_share(dx, length)};
}

#endif
