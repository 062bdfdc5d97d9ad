/*
 * From the values of a sequence to the points that are drawn: their places in units of 1/256 pixel, and which
 * of them hang together. The only floating point of a line picture is here; every operation is rounded to
 * binary64 by itself, so that all machines place the points alike.
 *
 * Up to 16 values a pixel column are all drawn. Of longer sequences the first, smallest, largest and last of
 * each quarter column are, so no spike is lost.
 */
#ifndef DG_IMAGE_LINE_POINTS_H
#define DG_IMAGE_LINE_POINTS_H

#include "line.h"

enum {
    DG_LINE_VALUES_A_COLUMN = 16, /* that are all drawn */
    DG_LINE_BINS_A_COLUMN = 4,    /* of longer sequences; four points of each */
};

typedef struct dg_line_points {
    int32_t *x, *y;
    uint8_t *joined; /* 1: a segment leads to the point from the one before */
    size_t count;
} dg_line_points;

/*
 * Places the values of a sequence. x, y and joined have room for as many points as there are values, or for
 * 16*width where there are more. Returns 0 if the poll said stop.
 */
int dg_line_place(const dg_line_options *options, const dg_line_values *values, const dg_poll *poll,
                  dg_line_points *points);

#endif
