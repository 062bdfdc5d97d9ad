#define _GNU_SOURCE /* qsort_r */
#include "feed.h"

#include <stdlib.h>
#include <string.h>

/*
 * A window that took more steps of the virtual machine than STEPS_AT_LEAST and STEPS_PER_ROW for each of its
 * rows was searched for in the whole source; then the next one has SEARCHED_ROWS.
 */
enum { FIRST_CAPACITY = 256, STEPS_PER_ROW = 64, STEPS_AT_LEAST = 4096, SEARCHED_ROWS = 8192 };

struct row {
    union {
        sqlite3_int64 integer;
        sqlite3_value *value;
    } key;
    uint64_t bytes; /* of its BLOB */
};

struct dg_feed {
    dg_connection *connection;
    const dg_column_source *source;
    dg_feed_use use;
    struct row *rows;
    uint64_t count, capacity;
    int integers; /* all keys are; else all are values */
    int sorted;

    sqlite3_stmt *range, *all; /* the values of a window's rows; of all rows */
    int range_misses;          /* some rows are not found by the range of their keys */
    int searches;              /* a window costs a search through the source */
    uint64_t windows;          /* read so far */
    uint64_t next;             /* row number of the next item */
    uint64_t begin, end;       /* the window; items[i] is that of row begin + i */
    void **items;
    uint64_t room;
};

/* --- statements --- */

static void append_column(const dg_column_source *source, const char *column, sqlite3_str *sql)
{
    sqlite3_str_appendf(sql, "\"%w\".\"%w\"", source->table, column);
}

/* typeof() and length() of a column read a BLOB's header only. */
static void keys_text(const dg_column_source *source, const char *key, sqlite3_str *sql)
{
    sqlite3_str_appendall(sql, "SELECT ");
    append_column(source, key, sql);
    sqlite3_str_appendall(sql, ", CASE typeof(");
    append_column(source, source->column, sql);
    sqlite3_str_appendall(sql, ") WHEN 'blob' THEN length(");
    append_column(source, source->column, sql);
    sqlite3_str_appendall(sql, ") ELSE 0 END FROM ");
    dg_source_append(source, sql);
}

static void one_key_text(const dg_column_source *source, const char *key, sqlite3_str *sql)
{
    keys_text(source, key, sql);
    sqlite3_str_appendall(sql, " WHERE ");
    append_column(source, key, sql);
    sqlite3_str_appendall(sql, " IN (?1, CAST(?1 AS TEXT), CAST(?1 AS NUMERIC))");
}

static void values_text(const dg_column_source *source, const char *key, sqlite3_str *sql)
{
    sqlite3_str_appendall(sql, "SELECT ");
    append_column(source, key, sql);
    sqlite3_str_appendall(sql, ", ");
    append_column(source, source->column, sql);
    sqlite3_str_appendall(sql, " FROM ");
    dg_source_append(source, sql);
}

static void range_text(const dg_column_source *source, const char *key, sqlite3_str *sql)
{
    values_text(source, key, sql);
    sqlite3_str_appendall(sql, " WHERE ");
    append_column(source, key, sql);
    sqlite3_str_appendall(sql, " COLLATE BINARY BETWEEN ?1 AND ?2");
}

/* --- keys --- */

static int compare_keys(const dg_feed *f, const struct row *a, const struct row *b)
{
    if (f->integers) return (a->key.integer > b->key.integer) - (a->key.integer < b->key.integer);
    return dg_value_compare(a->key.value, b->key.value);
}

static int compare_rows(const void *a, const void *b, void *feed)
{
    return compare_keys(feed, a, b);
}

static void free_keys(dg_feed *f)
{
    for (uint64_t i = 0; !f->integers && i < f->count; i++) sqlite3_value_free(f->rows[i].key.value);
    f->count = 0;
}

static int grow(dg_feed *f)
{
    uint64_t capacity = f->capacity ? f->capacity * 2 : FIRST_CAPACITY;
    struct row *rows = realloc(f->rows, (size_t)capacity * sizeof *rows);
    if (!rows) return SQLITE_NOMEM;
    f->rows = rows;
    f->capacity = capacity;
    return SQLITE_OK;
}

/* Keys are integers until one is not; then the scan starts again with keys as values. */
enum { RESTART = -1 };

static int take_row(dg_feed *f, sqlite3_value *key, uint64_t bytes)
{
    int rc = f->count == f->capacity ? grow(f) : SQLITE_OK;
    if (rc != SQLITE_OK) return rc;
    struct row *row = &f->rows[f->count];
    row->bytes = bytes;
    if (f->integers) {
        if (sqlite3_value_type(key) != SQLITE_INTEGER) return RESTART;
        row->key.integer = sqlite3_value_int64(key);
    } else {
        row->key.value = sqlite3_value_dup(key);
        if (!row->key.value) return SQLITE_NOMEM;
    }
    if (f->count && f->sorted && compare_keys(f, row - 1, row) > 0) f->sorted = 0;
    f->count++;
    return SQLITE_OK;
}

/* A table's callbacks run under the connection's mutex, so that what sqlite3_column_value gives is protected.
 */
static int scan_keys(dg_feed *f, sqlite3_stmt *statement, int integers)
{
    int rc = SQLITE_OK, step = SQLITE_DONE;
    free_keys(f);
    f->integers = integers;
    f->sorted = 1;
    while (rc == SQLITE_OK && (step = sqlite3_step(statement)) == SQLITE_ROW)
        rc = take_row(f, sqlite3_column_value(statement, 0), (uint64_t)sqlite3_column_int64(statement, 1));
    int end = sqlite3_reset(statement);
    return rc == SQLITE_OK ? end : rc;
}

static int read_keys(dg_feed *f, sqlite3_value *only, char **error)
{
    sqlite3_stmt *statement;
    int rc = dg_source_prepare(f->connection, f->source, only ? one_key_text : keys_text, &statement, error);
    if (rc != SQLITE_OK) return rc;
    if (only) rc = sqlite3_bind_value(statement, 1, only);
    if (rc == SQLITE_OK) rc = dg_source_enter(f->connection, f->source, error);
    if (rc == SQLITE_OK) {
        rc = scan_keys(f, statement, 1);
        if (rc == RESTART) rc = scan_keys(f, statement, 0);
        dg_source_leave(f->connection);
    }
    if (rc != SQLITE_OK && !*error) dg_source_fail(f->connection, f->source, rc, error);
    sqlite3_finalize(statement);
    if (rc == SQLITE_OK && !f->sorted) qsort_r(f->rows, f->count, sizeof *f->rows, compare_rows, f);
    return rc;
}

int dg_feed_open(dg_connection *connection, const dg_column_source *source, const dg_feed_use *use,
                 sqlite3_value *only, dg_feed **feed, char **error)
{
    dg_feed *f = calloc(1, sizeof *f);
    *feed = NULL;
    *error = NULL;
    if (!f) return SQLITE_NOMEM;
    f->connection = connection;
    f->source = source;
    f->use = *use;
    int rc = read_keys(f, only, error);
    if (rc == SQLITE_OK)
        *feed = f;
    else
        dg_feed_close(f);
    return rc;
}

void dg_feed_keep(dg_feed *f, int (*keeps)(void *arg, int64_t key), void *arg)
{
    uint64_t kept = 0;
    if (!f->integers) return;
    for (uint64_t i = 0; i < f->count; i++)
        if (keeps(arg, f->rows[i].key.integer)) f->rows[kept++] = f->rows[i];
    f->count = kept;
}

uint64_t dg_feed_rows(const dg_feed *f)
{
    return f->count;
}

uint64_t dg_feed_bytes(const dg_feed *f)
{
    enum { VALUE_BYTES = 80 }; /* an sqlite3_value from sqlite3_value_dup, besides a text */
    return f->capacity * sizeof *f->rows + (f->integers ? 0 : f->count * VALUE_BYTES);
}

uint64_t dg_feed_windows(const dg_feed *f)
{
    return f->windows;
}

uint64_t dg_feed_peek(const dg_feed *f)
{
    return f->rows[f->next].bytes;
}

void dg_feed_result_key(const dg_feed *f, sqlite3_context *context, uint64_t row)
{
    if (f->integers)
        sqlite3_result_int64(context, f->rows[row].key.integer);
    else
        sqlite3_result_value(context, f->rows[row].key.value);
}

char *dg_feed_key_text(const dg_feed *f, uint64_t row)
{
    if (f->integers) return sqlite3_mprintf("%lld", (long long)f->rows[row].key.integer);
    const char *text = (const char *)sqlite3_value_text(f->rows[row].key.value);
    return sqlite3_mprintf("%s", text ? text : "NULL");
}

/* FNV-1a; the constants are Fowler's, Noll's and Vo's. */
static uint64_t add_to_hash(uint64_t hash, const void *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) hash = (hash ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3;
    return hash;
}

static uint64_t hash_of_key(sqlite3_value *key)
{
    const int type = sqlite3_value_type(key);
    uint64_t hash = add_to_hash(0xcbf29ce484222325, &type, sizeof type);
    if (type == SQLITE_FLOAT) {
        const double number = sqlite3_value_double(key);
        return add_to_hash(hash, &number, sizeof number);
    }
    const void *bytes = type == SQLITE_BLOB ? sqlite3_value_blob(key) : (const void *)sqlite3_value_text(key);
    return bytes ? add_to_hash(hash, bytes, (size_t)sqlite3_value_bytes(key)) : hash;
}

/* How many rows before the row have its key. */
static uint64_t rows_before(const dg_feed *f, uint64_t row)
{
    uint64_t i = row;
    while (i > 0 && compare_keys(f, &f->rows[i - 1], &f->rows[row]) == 0) i--;
    return row - i;
}

int64_t dg_feed_number(const dg_feed *f, uint64_t row)
{
    const uint64_t before = rows_before(f, row);
    const int integer = f->integers || sqlite3_value_type(f->rows[row].key.value) == SQLITE_INTEGER;
    const int64_t key = f->integers ? f->rows[row].key.integer
                        : integer   ? sqlite3_value_int64(f->rows[row].key.value)
                                    : 0;
    if (integer && !before) return key;
    const uint64_t hash = integer ? add_to_hash(0, &key, sizeof key) : hash_of_key(f->rows[row].key.value);
    return (int64_t)add_to_hash(hash, &before, sizeof before);
}

/* --- windows --- */

/* Drops the items that wait, from the window's row `from` on. */
static void drop_items(dg_feed *f, uint64_t from)
{
    for (uint64_t i = from; i < f->end; i++) {
        if (f->items[i - f->begin]) f->use.drop(f->items[i - f->begin]);
        f->items[i - f->begin] = NULL;
    }
}

static int open_window(dg_feed *f, uint64_t rows, uint64_t bytes)
{
    uint64_t sum = f->rows[f->next].bytes;
    if (f->searches && rows < SEARCHED_ROWS) rows = SEARCHED_ROWS;
    f->begin = f->next;
    f->end = f->next + 1;
    while (f->end < f->count && f->end - f->begin < rows && sum + f->rows[f->end].bytes <= bytes)
        sum += f->rows[f->end++].bytes;
    uint64_t size = f->end - f->begin;
    if (size > f->room) {
        void **items = realloc(f->items, (size_t)size * sizeof *items);
        if (!items) {
            f->end = f->begin;
            return SQLITE_NOMEM;
        }
        f->items = items;
        f->room = size;
    }
    memset(f->items, 0, (size_t)size * sizeof *f->items);
    return SQLITE_OK;
}

/* Compares the key of row i with a value. */
static int compare_key(const dg_feed *f, uint64_t i, sqlite3_value *key)
{
    if (!f->integers) return dg_value_compare(f->rows[i].key.value, key);
    if (sqlite3_value_type(key) != SQLITE_INTEGER) return -1;
    sqlite3_int64 have = f->rows[i].key.integer, value = sqlite3_value_int64(key);
    return (have > value) - (have < value);
}

/* The first row of the window with this key that has no item yet; f->end if there is none. */
static uint64_t find_row(const dg_feed *f, sqlite3_value *key)
{
    uint64_t low = f->begin, high = f->end;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (compare_key(f, middle, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    while (low < f->end && f->items[low - f->begin] && compare_key(f, low, key) == 0) low++;
    return low < f->end && compare_key(f, low, key) == 0 ? low : f->end;
}

/* Makes the items of the window's rows that the statement gives; *missing counts the others. */
static int scan_window(dg_feed *f, sqlite3_stmt *statement, uint64_t *missing)
{
    uint64_t skip = rows_before(f, f->begin); /* of the first row's key, handed out already */
    int rc = SQLITE_OK;
    *missing = f->end - f->begin;
    while (rc == SQLITE_OK && *missing && sqlite3_step(statement) == SQLITE_ROW) {
        sqlite3_value *key = sqlite3_column_value(statement, 0);
        if (skip && compare_key(f, f->begin, key) == 0) {
            skip--;
            continue;
        }
        uint64_t i = find_row(f, key);
        if (i == f->end) continue;
        void *item = f->use.make(f->use.arg, sqlite3_column_value(statement, 1));
        f->items[i - f->begin] = item;
        if (item)
            --*missing;
        else
            rc = SQLITE_NOMEM;
    }
    int end = sqlite3_reset(statement);
    return rc == SQLITE_OK ? end : rc;
}

static int scan_all(dg_feed *f, uint64_t *missing, char **error)
{
    int rc = f->all ? SQLITE_OK : dg_source_prepare(f->connection, f->source, values_text, &f->all, error);
    f->searches = 1;
    return rc == SQLITE_OK ? scan_window(f, f->all, missing) : rc;
}

static int bind_key(const dg_feed *f, int number, uint64_t i)
{
    const struct row *row = &f->rows[i];
    return f->integers ? sqlite3_bind_int64(f->range, number, row->key.integer)
                       : sqlite3_bind_value(f->range, number, row->key.value);
}

static int scan_range(dg_feed *f, uint64_t *missing, char **error)
{
    int rc = f->range ? SQLITE_OK : dg_source_prepare(f->connection, f->source, range_text, &f->range, error);
    if (rc == SQLITE_OK) rc = bind_key(f, 1, f->begin);
    if (rc == SQLITE_OK) rc = bind_key(f, 2, f->end - 1);
    if (rc == SQLITE_OK) rc = scan_window(f, f->range, missing);
    if (rc != SQLITE_OK) return rc;
    sqlite3_clear_bindings(f->range);
    int steps = sqlite3_stmt_status(f->range, SQLITE_STMTSTATUS_VM_STEP, 1);
    f->searches = (uint64_t)steps > STEPS_AT_LEAST + STEPS_PER_ROW * (f->end - f->begin);
    return rc;
}

static int is_null_key(const dg_feed *f, uint64_t i)
{
    return !f->integers && sqlite3_value_type(f->rows[i].key.value) == SQLITE_NULL;
}

/*
 * Reads the window by the range of its keys. Where rows are missing then, it is read again without a range,
 * for the source may order keys in another way than this file: in another encoding, or by an affinity.
 */
static int scan(dg_feed *f, char **error)
{
    uint64_t missing = 0;
    int rc = SQLITE_OK, by_range = !f->range_misses && !is_null_key(f, f->begin);
    if (by_range) rc = scan_range(f, &missing, error);
    if (rc != SQLITE_OK || (by_range && (!missing || f->integers))) return rc;
    const uint64_t before = missing;
    drop_items(f, f->begin);
    rc = scan_all(f, &missing, error);
    if (by_range && missing < before) f->range_misses = 1;
    return rc;
}

/* Rows that were not found are gone. */
static int make_missing(dg_feed *f)
{
    for (uint64_t i = 0; i < f->end - f->begin; i++) {
        if (!f->items[i]) f->items[i] = f->use.make(f->use.arg, NULL);
        if (!f->items[i]) return SQLITE_NOMEM;
    }
    return SQLITE_OK;
}

static int read_window(dg_feed *f, uint64_t rows, uint64_t bytes, char **error)
{
    int rc = open_window(f, rows, bytes);
    if (rc == SQLITE_OK) rc = dg_source_enter(f->connection, f->source, error);
    if (rc != SQLITE_OK) return rc;
    f->windows++;
    rc = scan(f, error);
    dg_source_leave(f->connection);
    if (rc != SQLITE_OK && !*error) dg_source_fail(f->connection, f->source, rc, error);
    return rc == SQLITE_OK ? make_missing(f) : rc;
}

int dg_feed_next(dg_feed *f, uint64_t rows, uint64_t bytes, void **item, char **error)
{
    *item = NULL;
    *error = NULL;
    if (f->next == f->count) return SQLITE_OK;
    int rc = f->next == f->end ? read_window(f, rows, bytes, error) : SQLITE_OK;
    if (rc != SQLITE_OK) {
        drop_items(f, f->begin);
        f->end = f->begin;
        return rc;
    }
    *item = f->items[f->next - f->begin];
    f->items[f->next++ - f->begin] = NULL;
    return SQLITE_OK;
}

void dg_feed_close(dg_feed *f)
{
    if (!f) return;
    drop_items(f, f->next);
    sqlite3_finalize(f->range);
    sqlite3_finalize(f->all);
    free_keys(f);
    free(f->items);
    free(f->rows);
    free(f);
}
