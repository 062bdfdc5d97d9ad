#define _GNU_SOURCE /* qsort_r */
#include "column.h"

#include "hash_index_source.h"

#include "../ext/hashvalue.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/*
 * Rows reach the reader through an aggregate function of two columns, not through sqlite3_step: that saves
 * leaving and entering the virtual machine for each row, which is 40 % of the time. The function finds its
 * reader through a pointer bound to its first argument, so it does nothing for anybody else who calls it.
 */
#define POINTER_TYPE "dupgpu_reader"

enum {
    FIRST_CAPACITY = 1024,
    VALUE_BYTES = 80, /* an sqlite3_value from sqlite3_value_dup, besides a text or BLOB */
};

struct reader {
    dg_connection *connection;
    const dg_column_source *source;
    sqlite3_stmt *statement;
    dg_column *column;
    size_t capacity; /* rows */
    int type;        /* SQLITE_BLOB, _TEXT or _INTEGER, as the first hash is; 0 before it */
    int sorted;      /* keys ascend so far */
    int result;      /* why collecting stopped, or SQLITE_OK */
    char **error;
};

static const char *type_name(int type)
{
    switch (type) {
    case SQLITE_INTEGER: return "INTEGER";
    case SQLITE_TEXT: return "TEXT";
    default: return "BLOB";
    }
}

static int fail_row(struct reader *r, sqlite3_value *row, const char *format, ...)
{
    const char *key = (const char *)sqlite3_value_text(row);
    va_list args;
    va_start(args, format);
    char *what = sqlite3_vmprintf(format, args);
    va_end(args);
    if (!what) return SQLITE_NOMEM;
    *r->error = sqlite3_mprintf("%s: %s.%s, row %s: %s", r->source->reader, r->source->table,
                                r->source->column, key ? key : "NULL", what);
    sqlite3_free(what);
    return SQLITE_ERROR;
}

static void collecting(const dg_column_source *source, const char *key, sqlite3_str *sql)
{
    const char *table = source->table;
    sqlite3_str_appendf(sql, "SELECT " DG_COLUMN_COLLECT "(?1, \"%w\".\"%w\", \"%w\".\"%w\") FROM ", table,
                        key, table, source->column);
    dg_source_append(source, sql);
}

/* Room for twice the rows, or for as many as a join takes. */
static int grow(struct reader *r)
{
    dg_column *c = r->column;
    size_t key_size = c->integers ? sizeof *c->integers : sizeof *c->values;
    size_t capacity = r->capacity ? r->capacity * 2 : FIRST_CAPACITY;
    if (capacity > UINT32_MAX - 1) capacity = UINT32_MAX - 1;
    if (capacity <= c->rows) {
        *r->error = sqlite3_mprintf("%s: %s.%s has more rows than %u, which is all that a join takes",
                                    r->source->reader, r->source->table, r->source->column, c->rows);
        return SQLITE_ERROR;
    }
    uint64_t *hashes = realloc(c->hashes, capacity * c->words * sizeof *hashes);
    if (!hashes) return SQLITE_NOMEM;
    c->hashes = hashes;
    void *keys = realloc(c->integers ? (void *)c->integers : (void *)c->values, capacity * key_size);
    if (!keys) return SQLITE_NOMEM;
    if (c->integers)
        c->integers = keys;
    else
        c->values = keys;
    r->capacity = capacity;
    return SQLITE_OK;
}

/* Keys are integers until one is not; then the scan starts again with keys as values. */
enum { RESTART = -1 };

static int take_key(struct reader *r, sqlite3_value *key)
{
    dg_column *c = r->column;
    uint32_t row = c->rows;
    if (c->integers) {
        if (sqlite3_value_type(key) != SQLITE_INTEGER) return RESTART;
        c->integers[row] = sqlite3_value_int64(key);
        if (row && c->integers[row] < c->integers[row - 1]) r->sorted = 0;
        return SQLITE_OK;
    }
    c->values[row] = sqlite3_value_dup(key);
    if (!c->values[row]) return SQLITE_NOMEM;
    if (row && r->sorted && dg_value_compare(c->values[row], c->values[row - 1]) < 0) r->sorted = 0;
    return SQLITE_OK;
}

static int read_hash(struct reader *r, sqlite3_value *key, sqlite3_value *value, dg_hashvalue *hash)
{
    dg_err err = {0};
    if (dg_hashvalue_read(value, hash, &err) == DG_OK) return SQLITE_OK;
    return err.code == DG_NOMEM ? SQLITE_NOMEM : fail_row(r, key, "%s", err.text);
}

/* Any hash that the short way of take_row does not handle. The first decides type and width. */
static int take_hash(struct reader *r, sqlite3_value *key, sqlite3_value *value)
{
    dg_column *c = r->column;
    dg_hashvalue hash;
    int type = sqlite3_value_type(value);
    int rc = read_hash(r, key, value, &hash);
    if (rc != SQLITE_OK) return rc;
    uint32_t bits = (uint32_t)hash.count * 8;
    if (!r->type) {
        r->type = type;
        c->bits = bits;
        c->words = (bits + 63) / 64;
    } else if (type != r->type || bits != c->bits) {
        return fail_row(r, key, "%s of %u bits where the rows before hold %s of %u bits", type_name(type),
                        bits, type_name(r->type), c->bits);
    }
    if (c->rows == r->capacity && (rc = grow(r)) != SQLITE_OK) return rc;
    dg_hash_to_words(hash.bytes, hash.count, c->hashes + (size_t)c->rows * c->words);
    return SQLITE_OK;
}

static int take_row(struct reader *r, sqlite3_value *key, sqlite3_value *value)
{
    dg_column *c = r->column;
    int type = sqlite3_value_type(value), rc;
    const uint8_t *bytes;
    if (type == SQLITE_NULL) return SQLITE_OK;
    int is_short = type == r->type && c->bits == 64 && c->rows < r->capacity;
    if (is_short && type == SQLITE_BLOB && sqlite3_value_bytes(value) == 8 &&
        (bytes = sqlite3_value_blob(value)) != NULL)
        c->hashes[c->rows] = dg_hash_word(bytes);
    else if (is_short && type == SQLITE_INTEGER)
        c->hashes[c->rows] = (uint64_t)sqlite3_value_int64(value);
    else if ((rc = take_hash(r, key, value)) != SQLITE_OK)
        return rc;

    rc = take_key(r, key);
    if (rc == SQLITE_OK) c->rows++;
    return rc;
}

/* The reader, which sits in the aggregate's context from the first row on: asking for the bound pointer
 * compares its type's name each time, which is 4 % of reading. NULL: it was not bound. */
static struct reader *bound_reader(sqlite3_context *context, sqlite3_value *pointer)
{
    struct reader **kept = sqlite3_aggregate_context(context, sizeof(struct reader *));
    if (!kept) return sqlite3_value_pointer(pointer, POINTER_TYPE);
    if (!*kept) *kept = sqlite3_value_pointer(pointer, POINTER_TYPE);
    return *kept;
}

static void collect_step(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc;
    struct reader *r = bound_reader(context, argv[0]);
    if (!r) {
        sqlite3_result_error(context, DG_COLUMN_COLLECT ": for use by dupgpu's own tables only", -1);
    } else if (r->result == SQLITE_OK) {
        r->result = take_row(r, argv[1], argv[2]);
        if (r->result != SQLITE_OK) sqlite3_result_error(context, "", -1);
    }
}

static void collect_final(sqlite3_context *context)
{
    (void)context;
}

int dg_column_register(dg_connection *connection)
{
    return sqlite3_create_function_v2(connection->db, DG_COLUMN_COLLECT, 3, SQLITE_UTF8 | SQLITE_INNOCUOUS,
                                      NULL, NULL, collect_step, collect_final, NULL);
}

/* Makes the column empty, with keys of the kind given. */
static int start(struct reader *r, int integer_keys)
{
    dg_column *c = r->column;
    dg_column_free(c);
    r->capacity = 0;
    r->type = 0;
    r->sorted = 1;
    c->words = 1;
    c->hashes = malloc(sizeof *c->hashes);
    if (!c->hashes) return SQLITE_NOMEM;
    if (integer_keys) {
        c->integers = malloc(sizeof *c->integers);
        if (!c->integers) return SQLITE_NOMEM;
    }
    return SQLITE_OK;
}

static int scan(struct reader *r, int integer_keys)
{
    r->result = start(r, integer_keys);
    if (r->result != SQLITE_OK) return r->result;
    int rc = sqlite3_bind_pointer(r->statement, 1, r, POINTER_TYPE, NULL);
    if (rc != SQLITE_OK) return rc;
    rc = sqlite3_step(r->statement);
    if (r->result != SQLITE_OK) return r->result;
    return rc == SQLITE_ROW ? SQLITE_OK : dg_source_fail(r->connection, r->source, rc, r->error);
}

struct integer_key {
    int64_t key;
    uint32_t row;
};

static int compare_integer_keys(const void *a, const void *b)
{
    const struct integer_key *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static int compare_value_rows(const void *a, const void *b, void *values)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    sqlite3_value **keys = values;
    int order = dg_value_compare(keys[x], keys[y]);
    return order ? order : (x > y) - (x < y);
}

/* Sorts the integer keys and returns the order of the rows; NULL without memory. */
static uint32_t *sort_integers(dg_column *c)
{
    uint32_t *order = malloc(c->rows * sizeof *order);
    struct integer_key *keys = malloc(c->rows * sizeof *keys);
    if (!order || !keys) {
        free(order);
        free(keys);
        return NULL;
    }
    for (uint32_t i = 0; i < c->rows; i++) keys[i] = (struct integer_key){c->integers[i], i};
    qsort(keys, c->rows, sizeof *keys, compare_integer_keys);
    for (uint32_t i = 0; i < c->rows; i++) {
        c->integers[i] = keys[i].key;
        order[i] = keys[i].row;
    }
    free(keys);
    return order;
}

static uint32_t *sort_values(dg_column *c)
{
    uint32_t *order = malloc(c->rows * sizeof *order);
    sqlite3_value **values = malloc(c->rows * sizeof *values);
    if (!order || !values) {
        free(order);
        free(values);
        return NULL;
    }
    for (uint32_t i = 0; i < c->rows; i++) order[i] = i;
    qsort_r(order, c->rows, sizeof *order, compare_value_rows, c->values);
    for (uint32_t i = 0; i < c->rows; i++) values[i] = c->values[order[i]];
    free(c->values);
    c->values = values;
    return order;
}

static int sort(dg_column *c)
{
    uint64_t *hashes = malloc((size_t)c->rows * c->words * sizeof *hashes);
    uint32_t *order = hashes ? c->integers ? sort_integers(c) : sort_values(c) : NULL;
    if (!order) {
        free(hashes);
        return SQLITE_NOMEM;
    }
    for (uint32_t i = 0; i < c->rows; i++)
        memcpy(hashes + (size_t)i * c->words, c->hashes + (size_t)order[i] * c->words,
               c->words * sizeof *hashes);
    free(order);
    free(c->hashes);
    c->hashes = hashes;
    return SQLITE_OK;
}

int dg_column_prepare(dg_connection *connection, const dg_column_source *source, sqlite3_stmt **statement,
                      char **error)
{
    return dg_source_prepare(connection, source, collecting, statement, error);
}

int dg_column_scan(dg_connection *connection, const dg_column_source *source, sqlite3_stmt *statement,
                   dg_column *column, char **error)
{
    struct reader r = {
        .connection = connection, .source = source, .statement = statement, .column = column, .error = error};
    int number;
    struct dg_hash_index *index = dg_index_of_source(connection, source, &number);
    *error = NULL;
    if (index) {
        sqlite3_finalize(statement);
        return dg_index_column(index, source, column, error);
    }
    int rc = dg_source_enter(connection, source, error);
    if (rc != SQLITE_OK) {
        sqlite3_finalize(statement);
        return rc;
    }
    rc = scan(&r, 1);
    if (rc == RESTART) {
        sqlite3_reset(statement);
        rc = scan(&r, 0);
    }
    sqlite3_finalize(statement);
    dg_source_leave(connection);

    if (rc == SQLITE_OK && !r.sorted) rc = sort(column);
    if (rc != SQLITE_OK) dg_column_free(column);
    return rc;
}

int dg_column_read(dg_connection *connection, const dg_column_source *source, dg_column *column, char **error)
{
    sqlite3_stmt *statement;
    int rc = dg_column_prepare(connection, source, &statement, error);
    return rc == SQLITE_OK ? dg_column_scan(connection, source, statement, column, error) : rc;
}

void dg_column_free(dg_column *column)
{
    if (column->values)
        for (uint32_t i = 0; i < column->rows; i++) sqlite3_value_free(column->values[i]);
    free(column->values);
    free(column->integers);
    free(column->hashes);
    *column = (dg_column){0};
}

/* Gives back the room behind the rows. */
static void *shrink(void *memory, size_t bytes)
{
    void *smaller = bytes ? realloc(memory, bytes) : NULL;
    return smaller ? smaller : memory;
}

uint64_t dg_column_trim(dg_column *c)
{
    const uint64_t hashes = (uint64_t)c->rows * c->words * sizeof *c->hashes;
    uint64_t bytes = hashes;
    c->hashes = shrink(c->hashes, hashes);
    if (c->integers) {
        c->integers = shrink(c->integers, c->rows * sizeof *c->integers);
        return bytes + c->rows * sizeof *c->integers;
    }
    c->values = shrink(c->values, c->rows * sizeof *c->values);
    for (uint32_t i = 0; i < c->rows; i++) {
        const int type = sqlite3_value_type(c->values[i]);
        bytes += sizeof *c->values + VALUE_BYTES;
        if (type == SQLITE_TEXT || type == SQLITE_BLOB) bytes += (uint64_t)sqlite3_value_bytes(c->values[i]);
    }
    return bytes;
}

static int find_integer(const dg_column *c, int64_t key, uint32_t *row)
{
    uint32_t low = 0, high = c->rows;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (c->integers[middle] < key)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == c->rows || c->integers[low] != key) return 0;
    *row = low;
    return low + 1 < c->rows && c->integers[low + 1] == key ? 2 : 1;
}

/*
 * Whether the row's key could equal the one looked for under some affinity. Numeric affinity has been applied
 * to the latter; it is applied to a copy of the former, because it would change the text that the row shows.
 */
static int could_equal(sqlite3_value *value, sqlite3_value *key)
{
    int type = sqlite3_value_type(value), key_type = sqlite3_value_type(key);
    int key_is_number = key_type == SQLITE_INTEGER || key_type == SQLITE_FLOAT;
    if (!key_is_number || type != SQLITE_TEXT) return dg_value_compare(value, key) == 0;

    sqlite3_value *number = sqlite3_value_dup(value);
    if (!number) return 1;
    int equal = sqlite3_value_numeric_type(number) != SQLITE_TEXT && dg_value_compare(number, key) == 0;
    sqlite3_value_free(number);
    return equal;
}

int dg_column_find(const dg_column *c, sqlite3_value *key, uint32_t *row)
{
    int type = sqlite3_value_numeric_type(key);
    if (type == SQLITE_NULL) return 0;
    if (c->integers) {
        if (type == SQLITE_INTEGER) return find_integer(c, sqlite3_value_int64(key), row);
        double number = type == SQLITE_FLOAT ? sqlite3_value_double(key) : 0.5;
        if (!(number >= -9223372036854775808.0 && number < 9223372036854775808.0)) return 0;
        int64_t whole = (int64_t)number;
        return (double)whole == number ? find_integer(c, whole, row) : 0;
    }
    int found = 0;
    for (uint32_t i = 0; i < c->rows && found < 2; i++) {
        if (!could_equal(c->values[i], key)) continue;
        if (!found++) *row = i;
    }
    return found;
}
