/*
 * Line pictures: a sequence of numbers as an antialiased polyline, defined in integers, so that every
 * instruction set and every device gives the same bytes.
 *
 * A dg_line holds the canvas, the points and the writer for pictures of one kind, so that drawing the next
 * one allocates nothing but its result. It belongs to one thread at a time. Only the blocks of 32 pixels of a
 * row that a stroke has touched are cleared, read and written one by one: a few of a hundred.
 */
#ifndef DG_IMAGE_LINE_H
#define DG_IMAGE_LINE_H

#include "../error.h"
#include "../poll.h"

#include <stddef.h>
#include <stdint.h>

enum {
    DG_LINE_SIDE_MAX = 8192,
    DG_LINE_VALUES_MAX = 1 << 27,
    DG_LINE_ONE = 256 /* a pixel in fixed point */
};

enum dg_line_format { DG_LINE_PNG, DG_LINE_RAW, DG_LINE_PGM };

/* What a picture looks like. Lengths are 24.8 fixed point. */
typedef struct dg_line_options {
    uint32_t width, height;      /* 1..DG_LINE_SIDE_MAX */
    int32_t line_width, padding; /* 64..16384; 0..DG_LINE_SIDE_MAX*256 */
    double lo, hi;               /* range of values; NaN: of the finite values drawn. Not lo > hi */
    int antialias;
    int bits;                        /* 1, 2, 4 or 8: of coverage */
    int transparent;                 /* instead of the background; PNG only */
    uint8_t color[3], background[3]; /* red, green, blue; all equal unless PNG */
    enum dg_line_format format;
} dg_line_options;

/* A length in pixels as fixed point, rounded; 0 <= pixels, and no more than DG_LINE_SIDE_MAX counts. */
int32_t dg_line_fixed(double pixels);

/* Numbers at any address: binary64, or binary32 where `single`. One that is not finite is a gap. */
typedef struct dg_line_values {
    const void *numbers;
    size_t count; /* up to DG_LINE_VALUES_MAX */
    int single;
} dg_line_values;

/* The numbers of a BLOB of `bytes` bytes; DG_ERROR where they are no whole numbers of its kind. */
enum dg_code dg_line_values_of_blob(const void *blob, size_t bytes, int single, dg_line_values *values,
                                    dg_err *err);

typedef struct dg_line dg_line;

/* On failure *line is NULL. The options are copied. */
enum dg_code dg_line_open(dg_line **line, const dg_line_options *options, dg_err *err);

/* Draws with these loops (line_loops.h) instead of the best, for tests. They must be usable. */
struct dg_line_loops;
void dg_line_use(dg_line *line, const struct dg_line_loops *loops);

/* NULL is allowed. */
void dg_line_close(dg_line *line);

/* Bytes that an open line holds between pictures. */
size_t dg_line_footprint(const dg_line *line);

/*
 * Draws the values into a picture of options.format: *picture is to be freed by the caller and has *bytes
 * bytes. Without a finite value it is blank. The poll is asked at least every 20 ms. DG_ERROR: more values
 * than DG_LINE_VALUES_MAX.
 */
enum dg_code dg_line_picture(dg_line *line, const dg_line_values *values, const dg_poll *poll,
                             uint8_t **picture, size_t *bytes, dg_err *err);

/* The phash of eight by eight bits of the picture that dg_line_picture would draw as a PNG file; transparency
 * counts as the colour, as in the file. */
enum { DG_LINE_HASH_BYTES = 8 };
enum dg_code dg_line_hash(dg_line *line, const dg_line_values *values, const dg_poll *poll,
                          uint8_t hash[DG_LINE_HASH_BYTES], dg_err *err);

/*
 * For drawing elsewhere. dg_line_strokes gives the points of the values, with 2^16 times the unit vector
 * across the segment that leads to each from the one before (0, 0: none does); they belong to the line until
 * its next use. dg_line_samples gives the grey of each of the 256 coverages, as it counts in a hash; and
 * dg_line_write makes the picture of a plane of width*height coverages.
 */
typedef struct dg_line_stroke {
    int32_t x, y, nx, ny;
} dg_line_stroke;

enum dg_code dg_line_strokes(dg_line *line, const dg_line_values *values, const dg_poll *poll,
                             const dg_line_stroke **strokes, size_t *count, dg_err *err);
const uint8_t *dg_line_samples(const dg_line *line);
enum dg_code dg_line_write(dg_line *line, const uint8_t *coverage, const dg_poll *poll, uint8_t **picture,
                           size_t *bytes, dg_err *err);

/* The distance from a line of this width, in units of 1/256 pixel, at which coverage ends. */
static inline int32_t dg_line_reach(const dg_line_options *options)
{
    return options->line_width / 2 + DG_LINE_ONE / 2;
}

/* Bytes of a picture, exactly where raw or pgm, at least where png: to refuse a picture before drawing it. */
size_t dg_line_bytes(const dg_line_options *options);

#endif
