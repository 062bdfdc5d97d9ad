#include "hash_index_source.h"

#include "hash_index.h"
#include "vtab.h"

#include "../ext/hashvalue.h"

#include <stdlib.h>
#include <string.h>

/* --- names --- */

/* Whether the schema has a table or view of that name; -1: that cannot be told. */
static int has_table(sqlite3 *db, const char *schema, const char *name)
{
    sqlite3_stmt *statement = NULL;
    char *sql = sqlite3_mprintf("SELECT 1 FROM \"%w\".sqlite_schema WHERE type IN ('table', 'view') "
                                "AND name = '%q' COLLATE NOCASE",
                                schema, name);
    int rc = sql ? sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_FROM_DDL, &statement, NULL) : SQLITE_NOMEM;
    if (rc == SQLITE_OK) rc = sqlite3_step(statement);
    sqlite3_finalize(statement);
    sqlite3_free(sql);
    return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : -1;
}

/* The schema that a bare name is found in, for sqlite3_free: temp, then main, then as they were attached.
 * NULL where that cannot be told. *number: of its database. */
static char *resolve(sqlite3 *db, const char *schema, const char *name, int *number)
{
    sqlite3_stmt *list = NULL;
    char *found = NULL;
    int here = schema ? 0 : has_table(db, "temp", name);
    if (here > 0) schema = "temp";
    int rc = here < 0 ? SQLITE_ERROR : sqlite3_prepare_v2(db, "PRAGMA database_list", -1, &list, NULL);
    while (rc == SQLITE_OK && !found && sqlite3_step(list) == SQLITE_ROW) {
        const char *one = (const char *)sqlite3_column_text(list, 1);
        if (!one) break;
        here = schema ? sqlite3_stricmp(one, schema) == 0 : has_table(db, one, name);
        if (here < 0) break;
        *number = sqlite3_column_int(list, 0);
        if (here) found = sqlite3_mprintf("%s", one);
    }
    sqlite3_finalize(list);
    return found;
}

static int is_rowid(const char *name)
{
    return !name || sqlite3_stricmp(name, "rowid") == 0 || sqlite3_stricmp(name, "_rowid_") == 0 ||
           sqlite3_stricmp(name, "oid") == 0;
}

static dg_hash_index *first_named(const dg_connection *connection, const char *schema, const char *name)
{
    dg_hash_index *index = connection->indexes;
    while (index && (sqlite3_stricmp(index->name, name) != 0 ||
                     (schema && sqlite3_stricmp(index->schema, schema) != 0)))
        index = index->next;
    return index;
}

struct dg_hash_index *dg_index_of_source(const dg_connection *connection, const dg_column_source *source,
                                         int *number)
{
    if (!first_named(connection, source->schema, source->table)) return NULL;
    if (sqlite3_stricmp(source->column, "hash") != 0 || !is_rowid(source->id_column)) return NULL;
    char *schema = resolve(connection->db, source->schema, source->table, number);
    dg_hash_index *index = schema ? first_named(connection, schema, source->table) : NULL;
    sqlite3_free(schema);
    return index;
}

/* The index's own text behind the reader's name. */
static int pass_on(dg_hash_index *index, const char *reader, int rc, char **error)
{
    if (rc != SQLITE_OK && index->base.zErrMsg)
        *error = sqlite3_mprintf("%s: %s", reader, index->base.zErrMsg);
    dg_vtab_fail(&index->base, rc, NULL);
    return rc;
}

/* --- the column --- */

struct filling {
    dg_column *column;
    size_t capacity;
};

static int grow(struct filling *f, uint32_t more)
{
    dg_column *c = f->column;
    size_t wanted = (size_t)c->rows + more, capacity = f->capacity + f->capacity / 2;
    if (wanted <= f->capacity) return SQLITE_OK;
    if (wanted > UINT32_MAX - 1) return SQLITE_TOOBIG;
    if (capacity < wanted) capacity = wanted;
    uint64_t *hashes = realloc(c->hashes, capacity * c->words * sizeof *hashes);
    if (hashes) c->hashes = hashes;
    int64_t *integers = hashes ? realloc(c->integers, capacity * sizeof *integers) : NULL;
    if (!integers) return SQLITE_NOMEM;
    c->integers = integers;
    f->capacity = capacity;
    return SQLITE_OK;
}

static int fill(void *state, dg_hash_index *index, const dg_index_rows *rows)
{
    struct filling *f = state;
    dg_column *c = f->column;
    const size_t bytes = index->shape.bytes;
    int rc = grow(f, rows->count);
    if (rc != SQLITE_OK) return rc;
    memcpy(c->integers + c->rows, rows->ids, rows->count * sizeof *rows->ids);
    for (uint32_t i = 0; i < rows->count; i++)
        dg_hash_to_words(rows->hashes + i * bytes, bytes, c->hashes + (size_t)(c->rows + i) * c->words);
    c->rows += rows->count;
    c->bits = (uint32_t)bytes * 8;
    return SQLITE_OK;
}

int dg_index_column(struct dg_hash_index *index, const dg_column_source *source, dg_column *column,
                    char **error)
{
    struct filling f = {column, 1};
    column->words = (index->shape.bytes + 7) / 8;
    column->hashes = malloc(column->words * sizeof *column->hashes);
    column->integers = malloc(sizeof *column->integers);
    int rc = column->hashes && column->integers ? dg_index_each(index, fill, &f) : SQLITE_NOMEM;
    if (rc == SQLITE_OK) return rc;
    dg_column_free(column);
    return pass_on(index, source->reader, rc, error);
}

/* --- newer rows --- */

struct seeking {
    const dg_column *column;
    dg_newer *newer;
    uint32_t at, capacity; /* the row of the column that is next; room in newer->rows */
};

static int add_newer(struct seeking *s, uint32_t row)
{
    dg_newer *newer = s->newer;
    if (newer->count == s->capacity) {
        const uint32_t capacity = s->capacity < UINT32_MAX / 2 ? s->capacity * 2 : UINT32_MAX;
        uint32_t *rows = realloc(newer->rows, capacity * sizeof *rows);
        if (!rows) return SQLITE_NOMEM;
        newer->rows = rows;
        s->capacity = capacity;
    }
    newer->rows[newer->count++] = row;
    newer->is[row] = 1;
    return SQLITE_OK;
}

/* Index and column hold the same rows in the same order. */
static int seek(void *state, dg_hash_index *index, const dg_index_rows *rows)
{
    struct seeking *s = state;
    int rc = SQLITE_OK;
    if (rows->count > s->column->rows - s->at)
        return dg_index_fail(index, SQLITE_ERROR, "it has changed meanwhile");
    for (uint32_t i = 0; i < rows->count && rc == SQLITE_OK; i++, s->at++)
        if (rows->marks[i] > s->newer->mark) rc = add_newer(s, s->at);
    return rc;
}

int dg_newer_find(const dg_connection *connection, const dg_column_source *source, const dg_column *column,
                  int64_t mark, dg_newer *newer, char **error)
{
    int number;
    dg_hash_index *index = dg_index_of_source(connection, source, &number);
    struct seeking s = {.column = column, .newer = newer, .capacity = 1024};
    if (!index) {
        *error = sqlite3_mprintf("%s: newer_than is for the column hash of a hash_index; %s.%s is none",
                                 source->reader, source->table, source->column);
        return SQLITE_ERROR;
    }
    newer->mark = mark;
    newer->rows = malloc(s.capacity * sizeof *newer->rows);
    newer->is = calloc(column->rows ? column->rows : 1, 1);
    int rc = newer->rows && newer->is ? dg_index_each(index, seek, &s) : SQLITE_NOMEM;
    newer->known = rc == SQLITE_OK;
    if (rc == SQLITE_OK) return rc;
    dg_newer_free(newer);
    return pass_on(index, source->reader, rc, error);
}

void dg_newer_free(dg_newer *newer)
{
    free(newer->rows);
    free(newer->is);
    *newer = (dg_newer){0};
}

/* --- hash_index_mark(name [, schema]) --- */

/* Has SQLite open the table, if it is one, as it does for any statement that reads it. */
static int open_table(sqlite3 *db, const char *schema, const char *name)
{
    sqlite3_stmt *statement = NULL;
    char *sql = schema ? sqlite3_mprintf("SELECT rowid, hash FROM \"%w\".\"%w\"", schema, name)
                       : sqlite3_mprintf("SELECT rowid, hash FROM \"%w\"", name);
    int rc = sql ? sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_FROM_DDL, &statement, NULL) : SQLITE_NOMEM;
    sqlite3_finalize(statement);
    sqlite3_free(sql);
    return rc;
}

static void fail(sqlite3_context *context, int rc, char *text)
{
    if (rc == SQLITE_NOMEM || !text)
        sqlite3_result_error_nomem(context);
    else
        sqlite3_result_error(context, text, -1);
    sqlite3_free(text);
}

static void mark(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    static const char reader[] = "hash_index_mark";
    const dg_connection *connection = sqlite3_user_data(context);
    int64_t value, rows;
    int number;
    char *error = NULL;
    for (int i = 0; i < argc; i++)
        if (sqlite3_value_type(argv[i]) == SQLITE_NULL) return;
    const dg_column_source source = {reader, (const char *)sqlite3_value_text(argv[0]), "hash",
                                     argc > 1 ? (const char *)sqlite3_value_text(argv[1]) : NULL, NULL};
    int rc = source.table && (argc == 1 || source.schema)
                 ? open_table(connection->db, source.schema, source.table)
                 : SQLITE_NOMEM;
    dg_hash_index *index = rc == SQLITE_OK ? dg_index_of_source(connection, &source, &number) : NULL;
    if (!index) {
        fail(context, rc, sqlite3_mprintf("%s: '%s' is no hash_index", reader, source.table));
        return;
    }
    rc = dg_index_check_version(index, &rows);
    if (rc == SQLITE_OK) rc = dg_index_mark(index, &value);
    if (rc == SQLITE_OK)
        sqlite3_result_int64(context, value);
    else if (pass_on(index, reader, rc, &error))
        fail(context, rc, error ? error : sqlite3_mprintf("%s: %s", reader, sqlite3_errstr(rc)));
}

int dg_index_mark_register(dg_connection *connection)
{
    int rc = SQLITE_OK;
    for (int arguments = 1; arguments <= 2 && rc == SQLITE_OK; arguments++)
        rc = sqlite3_create_function_v2(connection->db, "hash_index_mark", arguments, SQLITE_UTF8,
                                        dg_connection_hold(connection), mark, NULL, NULL, dg_connection_drop);
    return rc;
}
