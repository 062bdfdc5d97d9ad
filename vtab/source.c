#include "source.h"

#include <string.h>

enum {
    MAX_DEPTH = 8
}; /* reads inside one another; a view of a view of a table function needs two or three */

int dg_source_fail(dg_connection *connection, const dg_column_source *source, int rc, char **error)
{
    const char *text = sqlite3_errmsg(connection->db), *name = source->reader;
    if (rc == SQLITE_NOMEM || rc == SQLITE_INTERRUPT) return rc;
    int named = strncmp(text, name, strlen(name)) == 0;
    *error = named ? sqlite3_mprintf("%s", text) : sqlite3_mprintf("%s: %s", name, text);
    return rc;
}

/*
 * The name under which the table's rowid can be read, or NULL where it has none. A user's column may take one
 * of the three names; the rowid is the one that SQLite describes as an INTEGER primary key.
 */
static const char *rowid_name(dg_connection *connection, const dg_column_source *source)
{
    static const char *const names[] = {"_rowid_", "rowid", "oid"};
    for (int i = 0; i < 3; i++) {
        const char *type = NULL;
        int primary = 0;
        if (sqlite3_table_column_metadata(connection->db, source->schema, source->table, names[i], &type,
                                          NULL, NULL, &primary, NULL) == SQLITE_OK &&
            primary && type && sqlite3_stricmp(type, "INTEGER") == 0)
            return names[i];
    }
    return NULL;
}

void dg_source_append(const dg_column_source *source, sqlite3_str *sql)
{
    if (source->schema) sqlite3_str_appendf(sql, "\"%w\".", source->schema);
    sqlite3_str_appendf(sql, "\"%w\"", source->table);
}

static int prepare_with_key(dg_connection *connection, const dg_column_source *source, const char *key,
                            dg_source_text *text, sqlite3_stmt **statement)
{
    sqlite3_str *builder = sqlite3_str_new(connection->db);
    text(source, key, builder);
    char *sql = sqlite3_str_finish(builder);
    if (!sql) return SQLITE_NOMEM;
    int rc = sqlite3_prepare_v3(connection->db, sql, -1, SQLITE_PREPARE_FROM_DDL, statement, NULL);
    sqlite3_free(sql);
    return rc;
}

int dg_source_prepare(dg_connection *connection, const dg_column_source *source, dg_source_text *text,
                      sqlite3_stmt **statement, char **error)
{
    const char *key = source->id_column ? source->id_column : rowid_name(connection, source);
    *error = NULL;
    *statement = NULL;
    int rc = prepare_with_key(connection, source, key ? key : "id", text, statement);
    if (rc == SQLITE_OK) return rc;
    sqlite3_finalize(*statement);
    *statement = NULL;

    char *expected = sqlite3_mprintf("no such column: %s.id", source->table);
    if (!key && rc == SQLITE_ERROR && expected && strcmp(sqlite3_errmsg(connection->db), expected) == 0)
        *error = sqlite3_mprintf("%s: %s has neither a rowid nor a column id; name its key with id_column",
                                 source->reader, source->table);
    else
        dg_source_fail(connection, source, rc, error);
    sqlite3_free(expected);
    return rc;
}

int dg_source_enter(dg_connection *connection, const dg_column_source *source, char **error)
{
    if (connection->depth >= MAX_DEPTH) {
        *error = sqlite3_mprintf("%s: %s leads back to itself: it uses table functions %d deep",
                                 source->reader, source->table, MAX_DEPTH);
        return SQLITE_ERROR;
    }
    connection->depth++;
    return SQLITE_OK;
}

void dg_source_leave(dg_connection *connection)
{
    connection->depth--;
}

int dg_value_compare(sqlite3_value *a, sqlite3_value *b)
{
    static const int rank[] = {
        [SQLITE_NULL] = 0, [SQLITE_INTEGER] = 1, [SQLITE_FLOAT] = 1, [SQLITE_TEXT] = 2, [SQLITE_BLOB] = 3};
    int type_a = sqlite3_value_type(a), type_b = sqlite3_value_type(b);
    if (rank[type_a] != rank[type_b]) return rank[type_a] < rank[type_b] ? -1 : 1;
    if (type_a == SQLITE_NULL) return 0;
    if (rank[type_a] == 1) {
        if (type_a == SQLITE_INTEGER && type_b == SQLITE_INTEGER) {
            int64_t x = sqlite3_value_int64(a), y = sqlite3_value_int64(b);
            return (x > y) - (x < y);
        }
        double x = sqlite3_value_double(a), y = sqlite3_value_double(b);
        return (x > y) - (x < y);
    }
    const void *x = type_a == SQLITE_TEXT ? (const void *)sqlite3_value_text(a) : sqlite3_value_blob(a);
    const void *y = type_a == SQLITE_TEXT ? (const void *)sqlite3_value_text(b) : sqlite3_value_blob(b);
    int size_x = x ? sqlite3_value_bytes(a) : 0, size_y = y ? sqlite3_value_bytes(b) : 0;
    int size = size_x < size_y ? size_x : size_y, order = size ? memcmp(x, y, (size_t)size) : 0;
    return order ? order : (size_x > size_y) - (size_x < size_y);
}
