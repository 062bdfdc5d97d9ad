/*
 * What a connection keeps for line pictures, so that the next picture of the same kind costs no set-up: the
 * options last used, the canvas for them and room for a sequence. Large ones are given back after use.
 */
#ifndef DG_EXT_LINE_PEN_H
#define DG_EXT_LINE_PEN_H

#include "line_options.h"
#include "sqlite.h"

#include "../kernels/image/sequence.h"

typedef struct dg_line_pen {
    char *json; /* the text of the options; NULL: none were given */
    size_t length;
    dg_line_request request;
    dg_line *line; /* NULL: the other members say nothing */
    dg_sequence sequence;
} dg_line_pen;

/* Readies the pen for pictures with these options; NULL: the defaults. */
enum dg_code dg_line_pen_set(dg_line_pen *pen, const char *json, size_t length, dg_err *err);

/*
 * A sequence argument that is not NULL: TEXT, a JSON array, or a BLOB of numbers. What `values` points to is
 * valid until the value or the pen changes.
 */
enum dg_code dg_line_pen_read(dg_line_pen *pen, sqlite3_value *value, dg_line_values *values, dg_err *err);

/* Draws the values and makes the picture the result of `function`, or the failure. */
void dg_line_pen_result(dg_line_pen *pen, const dg_line_values *values, sqlite3_context *context,
                        const char *function);

/* Frees what the pen holds; it is then as a new one. */
void dg_line_pen_free(dg_line_pen *pen);

#endif
