/*
 * A column of a table or view named by the user, and statements over it.
 *
 * Names are identifiers and are quoted as such; they are never SQL. Statements run on the calling thread and
 * the caller's handle, so uncommitted rows are seen. A view that leads back to itself through a table
 * function is stopped by the connection's depth counter.
 *
 * A row's key is the rowid; where there is none (views, WITHOUT ROWID tables) the column `id`; or the column
 * asked for.
 */
#ifndef DG_VTAB_SOURCE_H
#define DG_VTAB_SOURCE_H

#include "../ext/connection.h"

typedef struct dg_column_source {
    const char *reader;    /* the table function, to start error texts */
    const char *table;     /* table or view */
    const char *column;    /* the column to read */
    const char *schema;    /* NULL: as SQLite resolves the name */
    const char *id_column; /* NULL: the rowid, or `id` */
} dg_column_source;

/* Appends a statement's text, given the name of the key. Columns are to be written "table"."column", never as
 * a lone "column": SQLite may take an unknown lone one for a text. */
typedef void dg_source_text(const dg_column_source *source, const char *key, sqlite3_str *sql);

/* Appends the source's name as it stands after FROM. */
void dg_source_append(const dg_column_source *source, sqlite3_str *sql);

/*
 * Prepares a statement, looking up the name of the key. Returns an SQLite code; *error is then a text for
 * sqlite3_free, or NULL where the code says it all.
 */
int dg_source_prepare(dg_connection *connection, const dg_column_source *source, dg_source_text *text,
                      sqlite3_stmt **statement, char **error);

/*
 * The failure of a statement over the source: returns rc, with SQLite's own text in *error. That may have
 * been started by an inner table function with the reader's name, which is not repeated.
 */
int dg_source_fail(dg_connection *connection, const dg_column_source *source, int rc, char **error);

/* To be called before and after a statement is stepped. SQLITE_ERROR where the source leads back to itself;
 * then it is not to be left. */
int dg_source_enter(dg_connection *connection, const dg_column_source *source, char **error);
void dg_source_leave(dg_connection *connection);

/* SQLite's order with BINARY collation: NULL, numbers, TEXT, BLOB; bytes decide inside the last two. */
int dg_value_compare(sqlite3_value *a, sqlite3_value *b);

#endif
