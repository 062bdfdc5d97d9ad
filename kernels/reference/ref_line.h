/*
 * The oracle of the line pictures: render.md section by section, every pixel against every point and every
 * segment, with no bounding box, no early exit and no helper of the code it judges. It is slow and stays so.
 */
#ifndef DG_REFERENCE_LINE_H
#define DG_REFERENCE_LINE_H

#include <stddef.h>
#include <stdint.h>

/* A point in units of 1/256 pixel. `joined`: a segment leads to it from the point before. */
typedef struct dg_ref_point {
    int64_t x, y;
    int joined;
} dg_ref_point;

/* Real options as given; lo and hi not finite: of the finite values. */
typedef struct dg_ref_picture {
    int64_t width, height;
    double line_width, padding, lo, hi;
} dg_ref_picture;

/* Sections 3 and 4: the points of a sequence. `points` has room for max(n, 16*width). Returns how many. */
size_t dg_ref_line_points(const dg_ref_picture *picture, const double *values, int64_t n,
                          dg_ref_point *points);

/* Section 5: width*height coverages of the points, top row first. */
void dg_ref_line_coverage(const dg_ref_picture *picture, const dg_ref_point *points, size_t count,
                          uint8_t *coverage);

/* Section 6: the level 0..2^bits-1 of a coverage, and the sample of a level in one channel. */
int dg_ref_line_level(int coverage, int bits, int antialias);
int dg_ref_line_sample(int level, int bits, int color, int background);

#endif
