/*
 * render_line(seq [, options]): a sequence of numbers as a line picture; render_line_agg(y [, options]): of
 * the numbers of a group's rows, or of a window's.
 *
 * The aggregate keeps its numbers one after the other in memory. Those that leave a window are stepped over,
 * and moved over when the room behind them is used up, so a step of the window costs the same whatever its
 * width.
 */
#include "functions.h"
#include "hashvalue.h"
#include "line_pen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char scalar_name[] = "render_line", aggregate_name[] = "render_line_agg";

static enum dg_code read_options(sqlite3_value *value, const char **json, size_t *length, dg_err *err)
{
    if (sqlite3_value_type(value) != SQLITE_TEXT)
        return dg_fail(err, DG_ERROR, "options is %s; it takes a JSON object as TEXT",
                       dg_value_type_name(value));
    *json = (const char *)sqlite3_value_text(value);
    *length = (size_t)sqlite3_value_bytes(value);
    return *json ? DG_OK : dg_fail_nomem(err, "options");
}

void dg_fn_render_line(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    dg_line_pen *pen = &((dg_connection *)sqlite3_user_data(context))->pen;
    dg_line_values values;
    const char *json = NULL;
    size_t length = 0;
    dg_err err = {0};
    if (dg_function_null(argc, argv)) return;
    if ((argc == 2 && read_options(argv[1], &json, &length, &err) != DG_OK) ||
        dg_line_pen_set(pen, json, length, &err) != DG_OK ||
        dg_line_pen_read(pen, argv[0], &values, &err) != DG_OK)
        dg_function_fail(context, scalar_name, &err);
    else
        dg_line_pen_result(pen, &values, context, scalar_name);
}

/* A group, or a window, in memory that SQLite clears and frees. */
struct group {
    dg_sequence sequence;
    size_t first; /* number still in the window */
    char *json;   /* options; NULL: none were given */
    size_t length;
    int seen; /* rows have been: the options are known */
};

static enum dg_code set_options(struct group *g, int argc, sqlite3_value **argv, dg_err *err)
{
    const char *json = NULL;
    size_t length = 0;
    if (argc < 2) return DG_OK;
    if (read_options(argv[1], &json, &length, err) != DG_OK) return err->code;
    if (g->seen) {
        if (g->length == length && memcmp(g->json, json, length) == 0) return DG_OK;
        return dg_fail(err, DG_ERROR, "options differ within a group: %.60s, then %.60s", g->json, json);
    }
    g->json = malloc(length + 1);
    if (!g->json) return dg_fail_nomem(err, "options");
    memcpy(g->json, json, length + 1);
    g->length = length;
    return DG_OK;
}

static enum dg_code read_number(sqlite3_value *value, double *number, dg_err *err)
{
    switch (sqlite3_value_type(value)) {
    case SQLITE_NULL: *number = NAN; return DG_OK;
    case SQLITE_INTEGER:
    case SQLITE_FLOAT: *number = sqlite3_value_double(value); return DG_OK;
    default:
        return dg_fail(err, DG_ERROR, "the value is %s; it takes a number, or NULL for a gap",
                       dg_value_type_name(value));
    }
}

/* Appends a number; where there is no room behind the last but as much before the first, moves them there. */
static enum dg_code append(struct group *g, double number, dg_err *err)
{
    dg_sequence *s = &g->sequence;
    if (s->count - g->first == DG_LINE_VALUES_MAX)
        return dg_fail(err, DG_ERROR, "more than %d rows; it takes no more", DG_LINE_VALUES_MAX);
    if (s->count == s->capacity && g->first && g->first >= s->capacity / 2) {
        s->count -= g->first;
        memmove(s->numbers, s->numbers + g->first, s->count * sizeof *s->numbers);
        g->first = 0;
    }
    return dg_sequence_add(s, number, err);
}

void dg_fn_render_line_step(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    struct group *g = sqlite3_aggregate_context(context, sizeof *g);
    double number = 0;
    dg_err err = {0};
    if (!g) {
        sqlite3_result_error_nomem(context);
        return;
    }
    if (set_options(g, argc, argv, &err) == DG_OK && read_number(argv[0], &number, &err) == DG_OK)
        append(g, number, &err);
    g->seen = 1;
    if (err.code != DG_OK) dg_function_fail(context, aggregate_name, &err);
}

void dg_fn_render_line_inverse(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc, (void)argv;
    struct group *g = sqlite3_aggregate_context(context, sizeof *g);
    if (g && g->first < g->sequence.count) g->first++;
}

void dg_fn_render_line_value(sqlite3_context *context)
{
    dg_line_pen *pen = &((dg_connection *)sqlite3_user_data(context))->pen;
    const struct group *g = sqlite3_aggregate_context(context, 0);
    dg_line_values values = {0};
    dg_err err = {0};
    if (g) values = (dg_line_values){g->sequence.numbers + g->first, g->sequence.count - g->first, 0};
    if (dg_line_pen_set(pen, g ? g->json : NULL, g ? g->length : 0, &err) != DG_OK)
        dg_function_fail(context, aggregate_name, &err);
    else
        dg_line_pen_result(pen, &values, context, aggregate_name);
}

void dg_fn_render_line_final(sqlite3_context *context)
{
    struct group *g = sqlite3_aggregate_context(context, 0);
    dg_fn_render_line_value(context);
    if (!g) return;
    dg_sequence_free(&g->sequence);
    free(g->json);
    g->json = NULL;
}
