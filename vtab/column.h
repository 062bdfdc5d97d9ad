/*
 * Reads a column of hashes, with a key for each row, from a table or view named by the user.
 *
 * The column is read whole on the calling thread and the caller's handle, so uncommitted rows are seen, and
 * the statement is finished before the read returns, so nothing stays locked. Rows whose hash is NULL are
 * skipped; all others must have the type and width of the first.
 *
 * Rows end up in the order of their keys, as ORDER BY would give it with BINARY collation, whichever index
 * SQLite reads them from; rows with equal keys keep the order they were read in.
 *
 * A hash_index gives its rows without SQL, from its own blocks, in the same order.
 */
#ifndef DG_VTAB_COLUMN_H
#define DG_VTAB_COLUMN_H

#include "source.h"

/* The function through which rows are collected. */
#define DG_COLUMN_COLLECT "dupgpu_collect"

typedef struct dg_column {
    uint64_t *hashes; /* rows * words, as dg_join_spec wants them; allocated with malloc, never NULL */
    uint32_t rows, words;
    uint32_t bits;          /* 0 if there are no rows */
    int64_t *integers;      /* the keys, if all are INTEGER; else NULL */
    sqlite3_value **values; /* the keys otherwise */
} dg_column;

/* Registers the function through which rows are collected; returns an SQLite code. */
int dg_column_register(dg_connection *connection);

/*
 * Reads the column. Returns an SQLite code; *error is then a
 * text for sqlite3_free, or NULL where the code says it all. The column is empty after a failure.
 */
int dg_column_read(dg_connection *connection, const dg_column_source *source, dg_column *column,
                   char **error);

/*
 * The two halves of dg_column_read. The first looks the names up and asks the authorizer; the second reads,
 * and finalizes the statement in any case. The statement's text is for EXPLAIN.
 */
int dg_column_prepare(dg_connection *connection, const dg_column_source *source, sqlite3_stmt **statement,
                      char **error);
int dg_column_scan(dg_connection *connection, const dg_column_source *source, sqlite3_stmt *statement,
                   dg_column *column, char **error);

/* Gives back memory that the column does not need. Returns the bytes that it holds. */
uint64_t dg_column_trim(dg_column *column);

/* Frees what the column holds and empties it; may be repeated. */
void dg_column_free(dg_column *column);

/*
 * Looks for rows whose key could equal the value under any affinity a comparison may apply: 5, 5.0 and '5'
 * are alike. Returns how many there are: 0, 1 with *row set, or 2 for more than one.
 */
int dg_column_find(const dg_column *column, sqlite3_value *key, uint32_t *row);

/* The row's key as the result of a table's column. */
static inline void dg_column_result_key(const dg_column *column, sqlite3_context *context, uint32_t row)
{
    if (column->integers)
        sqlite3_result_int64(context, column->integers[row]);
    else
        sqlite3_result_value(context, column->values[row]);
}

#endif
