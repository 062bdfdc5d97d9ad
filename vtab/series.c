#include "series.h"

#include "../ext/hashvalue.h"

#include <math.h>
#include <stdlib.h>

enum {
    FIRST_CAPACITY = 1024,
    VALUE_BYTES = 80, /* an sqlite3_value from sqlite3_value_dup, besides a text */
    RESTART = -1,     /* a key is no integer: the scan starts again with keys as values */
};

union key {
    sqlite3_int64 integer;
    sqlite3_value *value;
};

struct part {
    uint64_t begin, end; /* rows */
};

struct dg_series {
    const dg_series_spec *spec; /* while reading */
    dg_connection *connection;
    uint64_t window, stride;
    double *values;
    uint64_t rows, row_room;
    union key *keys; /* of the last row of each window */
    uint64_t windows, window_room;
    int integers; /* all keys are; else all are values */
    struct part *parts;
    uint64_t part_count, part_room;
    sqlite3_value *partition; /* of the rows before */
    uint64_t part, next;      /* the next window: its part and its first row */
};

/* --- the statement --- */

static void append_column(const dg_column_source *source, const char *column, sqlite3_str *sql)
{
    sqlite3_str_appendf(sql, "\"%w\".\"%w\"", source->table, column);
}

/* The source is the first member of a dg_series_spec. */
static void series_text(const dg_column_source *source, const char *key, sqlite3_str *sql)
{
    const dg_series_spec *spec = (const dg_series_spec *)source;
    sqlite3_str_appendall(sql, "SELECT ");
    append_column(source, key, sql);
    sqlite3_str_appendall(sql, ", ");
    append_column(source, source->column, sql);
    if (spec->partition_by) {
        sqlite3_str_appendall(sql, ", ");
        append_column(source, spec->partition_by, sql);
    }
    sqlite3_str_appendall(sql, " FROM ");
    dg_source_append(source, sql);
    sqlite3_str_appendall(sql, " ORDER BY ");
    if (spec->partition_by) {
        append_column(source, spec->partition_by, sql);
        sqlite3_str_appendall(sql, " COLLATE BINARY, ");
    }
    if (spec->order_by) {
        append_column(source, spec->order_by, sql);
        sqlite3_str_appendall(sql, ", ");
    }
    append_column(source, key, sql);
    sqlite3_str_appendall(sql, " COLLATE BINARY");
}

/* --- rows --- */

static int refuse_value(dg_series *s, sqlite3_value *key, sqlite3_value *value, char **error)
{
    const dg_column_source *source = &s->spec->source;
    const char *text = (const char *)sqlite3_value_text(key);
    *error = sqlite3_mprintf(
        "%s: %s.%s, row %s: the value is %s; with window it takes a number, or NULL for a "
        "gap",
        source->reader, source->table, source->column, text ? text : "NULL", dg_value_type_name(value));
    return SQLITE_ERROR;
}

/* Room for one more of `count` things of `size` bytes. */
static int make_room(void **things, uint64_t count, uint64_t *room, size_t size)
{
    if (count < *room) return SQLITE_OK;
    uint64_t more = *room ? 2 * *room : FIRST_CAPACITY;
    void *grown = realloc(*things, (size_t)more * size);
    if (!grown) return SQLITE_NOMEM;
    *things = grown;
    *room = more;
    return SQLITE_OK;
}

static int refuse_size(const dg_series *s, char **error)
{
    const dg_column_source *source = &s->spec->source;
    *error = sqlite3_mprintf("%s: %s.%s has more than %llu rows; the memory limit leaves no room for more",
                             source->reader, source->table, source->column, (unsigned long long)s->rows);
    return SQLITE_ERROR;
}

/* Begins a new partition where the row's differs from the one before. */
static int take_partition(dg_series *s, sqlite3_value *partition)
{
    int is_new = s->rows == 0;
    if (!is_new && partition) is_new = dg_value_compare(s->partition, partition) != 0;
    if (!is_new) return SQLITE_OK;
    if (partition) {
        sqlite3_value_free(s->partition);
        s->partition = sqlite3_value_dup(partition);
        if (!s->partition) return SQLITE_NOMEM;
    }
    int rc = make_room((void **)&s->parts, s->part_count, &s->part_room, sizeof *s->parts);
    if (rc == SQLITE_OK) s->parts[s->part_count++] = (struct part){s->rows, s->rows};
    return rc;
}

static int ends_window(const dg_series *s, uint64_t rows)
{
    return rows >= s->window && (rows - s->window) % s->stride == 0;
}

static int take_key(dg_series *s, sqlite3_value *key)
{
    int rc = make_room((void **)&s->keys, s->windows, &s->window_room, sizeof *s->keys);
    if (rc != SQLITE_OK) return rc;
    union key *kept = &s->keys[s->windows];
    if (s->integers) {
        if (sqlite3_value_type(key) != SQLITE_INTEGER) return RESTART;
        kept->integer = sqlite3_value_int64(key);
    } else {
        kept->value = sqlite3_value_dup(key);
        if (!kept->value) return SQLITE_NOMEM;
    }
    s->windows++;
    return SQLITE_OK;
}

static int take_row(dg_series *s, sqlite3_value *key, sqlite3_value *value, sqlite3_value *partition,
                    char **error)
{
    const int type = sqlite3_value_type(value);
    if (type == SQLITE_TEXT || type == SQLITE_BLOB) return refuse_value(s, key, value, error);
    int rc = take_partition(s, partition);
    if (rc == SQLITE_OK) rc = make_room((void **)&s->values, s->rows, &s->row_room, sizeof *s->values);
    if (rc != SQLITE_OK) return rc;
    s->values[s->rows++] = type == SQLITE_NULL ? NAN : sqlite3_value_double(value);
    struct part *part = &s->parts[s->part_count - 1];
    part->end = s->rows;
    if (ends_window(s, part->end - part->begin)) rc = take_key(s, key);
    if (rc == SQLITE_OK && s->rows % FIRST_CAPACITY == 0 && dg_series_bytes(s) > s->spec->memory)
        rc = refuse_size(s, error);
    return rc;
}

static void forget_rows(dg_series *s)
{
    for (uint64_t i = 0; !s->integers && i < s->windows; i++) sqlite3_value_free(s->keys[i].value);
    sqlite3_value_free(s->partition);
    s->partition = NULL;
    s->rows = s->windows = s->part_count = 0;
}

static int scan(dg_series *s, sqlite3_stmt *statement, int integers, char **error)
{
    const int has_partition = s->spec->partition_by != NULL;
    int rc = SQLITE_OK;
    forget_rows(s);
    s->integers = integers;
    while (rc == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
        rc = take_row(s, sqlite3_column_value(statement, 0), sqlite3_column_value(statement, 1),
                      has_partition ? sqlite3_column_value(statement, 2) : NULL, error);
    int end = sqlite3_reset(statement);
    return rc == SQLITE_OK ? end : rc;
}

static int read_series(dg_series *s, char **error)
{
    const dg_column_source *source = &s->spec->source;
    sqlite3_stmt *statement;
    int rc = dg_source_prepare(s->connection, source, series_text, &statement, error);
    if (rc != SQLITE_OK) return rc;
    rc = dg_source_enter(s->connection, source, error);
    if (rc == SQLITE_OK) {
        rc = scan(s, statement, 1, error);
        if (rc == RESTART) rc = scan(s, statement, 0, error);
        dg_source_leave(s->connection);
    }
    if (rc != SQLITE_OK && !*error) dg_source_fail(s->connection, source, rc, error);
    sqlite3_finalize(statement);
    return rc;
}

int dg_series_read(dg_connection *connection, const dg_series_spec *spec, dg_series **series, char **error)
{
    dg_series *s = calloc(1, sizeof *s);
    *series = NULL;
    *error = NULL;
    if (!s) return SQLITE_NOMEM;
    s->connection = connection;
    s->spec = spec;
    s->window = spec->window;
    s->stride = spec->stride;
    s->integers = 1;
    int rc = read_series(s, error);
    s->spec = NULL;
    if (rc == SQLITE_OK)
        *series = s;
    else
        dg_series_free(s);
    return rc;
}

/* --- windows --- */

uint64_t dg_series_windows(const dg_series *s)
{
    return s->windows;
}

uint64_t dg_series_rows(const dg_series *s)
{
    return s->rows;
}

uint64_t dg_series_bytes(const dg_series *s)
{
    return s->row_room * sizeof *s->values + s->window_room * sizeof *s->keys +
           s->part_room * sizeof *s->parts + (s->integers ? 0 : s->windows * VALUE_BYTES);
}

const double *dg_series_next(dg_series *s)
{
    while (s->next + s->window > s->parts[s->part].end) s->next = s->parts[++s->part].begin;
    const double *values = s->values + s->next;
    s->next += s->stride;
    return values;
}

void dg_series_result_key(const dg_series *s, sqlite3_context *context, uint64_t window)
{
    if (s->integers)
        sqlite3_result_int64(context, s->keys[window].integer);
    else
        sqlite3_result_value(context, s->keys[window].value);
}

void dg_series_free(dg_series *s)
{
    if (!s) return;
    forget_rows(s);
    free(s->values);
    free(s->keys);
    free(s->parts);
    free(s);
}
