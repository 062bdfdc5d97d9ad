/*
 * A hash_index as the source of table functions: its rows are taken from its blocks, without SQL.
 */
#ifndef DG_VTAB_HASH_INDEX_SOURCE_H
#define DG_VTAB_HASH_INDEX_SOURCE_H

#include "column.h"

struct dg_hash_index;

/*
 * The index that the source names, or NULL where it names something else than the hashes of an index by their
 * rowids. A statement that reads the source has been prepared before, so that SQLite knows the table.
 * *number: of its database.
 */
struct dg_hash_index *dg_index_of_source(const dg_connection *connection, const dg_column_source *source,
                                         int *number);

/* Reads the index's rows into a column, which is empty. As dg_column_scan. */
int dg_index_column(struct dg_hash_index *index, const dg_column_source *source, dg_column *column,
                    char **error);

/* Rows of a column that an index calls newer than a mark. */
typedef struct dg_newer {
    int known;
    int64_t mark;
    uint32_t *rows; /* their numbers, ascending */
    uint32_t count;
    uint8_t *is; /* of each row of the column: 1 if it is one of them */
} dg_newer;

/* Finds the rows of the source, which has been read into `column`, that were written after the mark was
 * given. An SQLite code and *error as above; a source that is no index is an error. `newer` is empty before.
 */
int dg_newer_find(const dg_connection *connection, const dg_column_source *source, const dg_column *column,
                  int64_t mark, dg_newer *newer, char **error);

/* Registers the function hash_index_mark(name [, schema]): the mark given last. */
int dg_index_mark_register(dg_connection *connection);

/* Empties it; may be repeated. */
void dg_newer_free(dg_newer *newer);

#endif
