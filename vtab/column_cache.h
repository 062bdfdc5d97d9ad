/*
 * Columns of hashes that a connection keeps in memory, so that an unchanged source is not read again for each
 * statement.
 *
 * A table function borrows a column and gives it back when its cursor ends. While it is borrowed it stays as
 * it is, whatever happens to the source: a statement works on what it read first. In a later statement, or
 * after this connection changed something, a kept column is used only if its source is as it was:
 *
 * - Permission and names are checked anew, by preparing the statement that would read it.
 * - No transaction of this connection writes, neither when it was read nor when it is used, and
 * read_uncommitted is off. So nothing uncommitted is ever kept, and a rollback has nothing to take back.
 * - For each attached database the name and the schema cookie are the same. For those that the statement
 * reads (a view may read several) the version is the same, which every commit changes, of this connection or
 * of another one; and the file is, by its number, size and time, because another file may have been attached
 * in the place of the first.
 *
 * Not kept is what could change without any of that: columns of virtual tables, but for hash_index, and of
 * views over them; views
 * that call functions not known to be deterministic, or those of date and time; other databases in memory
 * than main and temp, and main while it is deserialized.
 *
 * What is kept takes no more than the setting memory_limit_gb, or 80 % of the memory that is free; the
 * columns used longest ago go first. One that is borrowed is freed when it is given back.
 */
#ifndef DG_VTAB_COLUMN_CACHE_H
#define DG_VTAB_COLUMN_CACHE_H

#include "column.h"
#include "search.h"

typedef struct dg_cached_column dg_cached_column;

/* A column on loan to one cursor. All zero: none. */
typedef struct dg_borrowed {
    dg_cached_column *cached;
    sqlite3_int64 changes; /* total changes when it was borrowed */
    const char *from;      /* for dupgpu_stats: "read" or "cached" */
    int fresh;             /* the last call of dg_column_borrow borrowed it, rather than finding it there */
    dg_search *search;     /* of this loan, for many questions; closed when the column is given back */
} dg_borrowed;

/*
 * Borrows the column, in the place of the one on loan unless that is it and this connection changed nothing
 * since. Returns an SQLite code; *error is a text for sqlite3_free or NULL where the code says it all.
 * Nothing is on loan after a failure.
 */
int dg_column_borrow(dg_connection *connection, const dg_column_source *source, dg_borrowed *borrowed,
                     char **error);

/* dg_column_borrow of what is on loan already, for another cursor or another use. `borrowed` as there. */
void dg_column_share(const dg_borrowed *lender, dg_borrowed *borrowed);

/* Gives it back; may be repeated. */
void dg_column_return(dg_borrowed *borrowed);

/* The column; not to be changed. */
const dg_column *dg_borrowed_column(const dg_borrowed *borrowed);

/* The hashes for work that takes them for its own: rows * words in memory from malloc, NULL if there is none.
 */
uint64_t *dg_borrowed_hashes(const dg_borrowed *borrowed);

/* The search that is kept with the column, for single questions of whoever borrows it. */
dg_search **dg_borrowed_search(const dg_borrowed *borrowed);

#endif
