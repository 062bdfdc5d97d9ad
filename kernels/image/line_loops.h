/*
 * Drawing into coverage: the loops that line pictures spend their time in, once for each instruction set. All
 * give the same bytes, for they compute in integers; floating point only bounds what they look at, or is
 * exact.
 *
 * A pixel's coverage is clamp(reach - D, 0, 255), D being its distance to the nearest point or segment in
 * units of 1/256 pixel; so a stroke raises the pixels it covers to its own coverage, and the order of strokes
 * does not matter.
 */
#ifndef DG_IMAGE_LINE_LOOPS_H
#define DG_IMAGE_LINE_LOOPS_H

#include "line_points.h"

#include <stddef.h>
#include <stdint.h>

enum {
    DG_LINE_BLOCK = 32,      /* pixels of a row that are marked as touched together */
    DG_LINE_OVERHANG = 64,   /* bytes that may be read and written unchanged behind the last row */
    DG_LINE_REACH_MAX = 8320 /* of a line 64 pixels wide */
};

/* A plane of coverages. Rows are `stride` bytes apart, a multiple of DG_LINE_BLOCK; behind the width is 0. */
typedef struct dg_line_canvas {
    int32_t width, height;
    size_t stride;
    uint8_t *coverage;
    uint64_t *touched; /* `words` for each row; the lowest bit of the first is the leftmost block */
    size_t words;
} dg_line_canvas;

typedef struct dg_line_loops {
    const char *name; /* "plain", "avx2", "avx512" */
    int (*usable)(void);

    /* Draws points from..end - 1, each with the segment that leads to it if it is joined; coordinates are
     * 0..2^21. */
    void (*draw)(const dg_line_canvas *canvas, const dg_line_points *points, size_t from, size_t end,
                 int32_t reach);

    /* Levels 0..15 of 32 coverages, floor((15*a + 127)/255), two in a byte, the first in the high bits;
     * `flip` is 0, or 0xff for 15 - level. Bit i of the result: packed[i] differs from packed[i - 1], which
     * is there for the first as well. */
    uint32_t (*pack4)(const uint8_t *coverage, uint8_t flip, uint8_t *packed);

    /* out[i] = floor((background*(255 - a) + color*a + 127) / 255) of `count` coverages. */
    void (*blend)(const uint8_t *coverage, size_t count, uint8_t color, uint8_t background, uint8_t *out);
} dg_line_loops;

/* Every variant that was compiled in, the preferred last. The first is plain C. */
extern const dg_line_loops *const dg_line_loops_all[];
extern const int dg_line_loops_count;

/* The last usable one. */
const dg_line_loops *dg_line_loops_best(void);

#endif
