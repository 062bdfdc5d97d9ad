#include "line_pen.h"

#include "functions.h"
#include "hashvalue.h"
#include "interrupt.h"

#include <stdlib.h>
#include <string.h>

enum { KEPT_BYTES = 8 << 20 }; /* of a canvas, and of a sequence */

/* The canvas is what the rest says something about. */
static void forget(dg_line_pen *pen)
{
    dg_line_close(pen->line);
    free(pen->json);
    pen->line = NULL;
    pen->json = NULL;
}

void dg_line_pen_free(dg_line_pen *pen)
{
    forget(pen);
    dg_sequence_free(&pen->sequence);
}

static int is_set(const dg_line_pen *pen, const char *json, size_t length)
{
    if (!pen->line || !pen->json != !json) return 0;
    return !json || (pen->length == length && memcmp(pen->json, json, length) == 0);
}

enum dg_code dg_line_pen_set(dg_line_pen *pen, const char *json, size_t length, dg_err *err)
{
    if (is_set(pen, json, length)) return DG_OK;
    forget(pen);
    if (dg_line_options_parse(json, length, &pen->request, err) != DG_OK) return err->code;
    if (json) {
        pen->json = malloc(length + 1);
        if (!pen->json) return dg_fail_nomem(err, "options");
        memcpy(pen->json, json, length);
        pen->length = length;
    }
    return dg_line_open(&pen->line, &pen->request.options, err);
}

enum dg_code dg_line_pen_read(dg_line_pen *pen, sqlite3_value *value, dg_line_values *values, dg_err *err)
{
    const int type = sqlite3_value_type(value);
    const int is_text = type == SQLITE_TEXT;
    if (!is_text && type != SQLITE_BLOB)
        return dg_fail(err, DG_ERROR,
                       "the sequence is %s; it takes a JSON array as TEXT, or a BLOB of numbers",
                       dg_value_type_name(value));
    const void *bytes = is_text ? (const void *)sqlite3_value_text(value) : sqlite3_value_blob(value);
    const size_t count = (size_t)sqlite3_value_bytes(value);
    if (!bytes && count) return dg_fail_nomem(err, "a sequence");
    if (is_text) {
        if (dg_sequence_parse(&pen->sequence, bytes, count, err) != DG_OK) return err->code;
        *values = (dg_line_values){pen->sequence.numbers, pen->sequence.count, 0};
        return DG_OK;
    }
    return dg_line_values_of_blob(bytes, count, pen->request.single, values, err);
}

void dg_line_pen_result(dg_line_pen *pen, const dg_line_values *values, sqlite3_context *context,
                        const char *function)
{
    sqlite3 *db = sqlite3_context_db_handle(context);
    const sqlite3_uint64 most = (sqlite3_uint64)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, -1);
    uint8_t *picture;
    size_t bytes;
    dg_err err = {0};
    dg_probe probe;
    dg_probe_start(&probe, db);
    const dg_poll poll = dg_probe_poll(&probe);
    if (dg_line_bytes(&pen->request.options) > most)
        sqlite3_result_error_toobig(context);
    else if (dg_line_picture(pen->line, values, &poll, &picture, &bytes, &err) != DG_OK)
        dg_function_fail(context, function, &err);
    else
        sqlite3_result_blob64(context, picture, bytes, free);
    dg_probe_finish(&probe);
    if (dg_line_footprint(pen->line) > KEPT_BYTES) forget(pen);
    if (pen->sequence.capacity > KEPT_BYTES / sizeof *pen->sequence.numbers) dg_sequence_free(&pen->sequence);
}
