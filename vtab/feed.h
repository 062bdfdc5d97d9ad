/*
 * The rows of a source for work that takes long and holds only some of them at a time: pictures, sequences.
 *
 * Opening reads the key of every row and the length of its BLOB, without its bytes. The values come later, a
 * window of rows at a time, each window by a statement of its own over the range of its keys. So between two
 * windows no statement is in the middle of a step: nothing is locked, and rows may be changed, by the
 * statement that reads the table function as well. Rows come in the order of their keys, as ORDER BY gives it
 * with BINARY collation. The rows are those that were there when the feed was opened; the value of each is
 * the one it has when its window is read. A row that is gone by then comes without a value. A key may occur
 * several times, or be NULL; each such row comes once, in any order among them.
 *
 * All functions are for the calling thread, inside callbacks of the connection.
 */
#ifndef DG_VTAB_FEED_H
#define DG_VTAB_FEED_H

#include "source.h"

typedef struct dg_feed dg_feed;

/* What becomes of rows. */
typedef struct dg_feed_use {
    /* Makes an item from a row's value, NULL for a row that is gone. Returns NULL without memory. */
    void *(*make)(void *arg, sqlite3_value *value);
    void (*drop)(void *item);
    void *arg;
} dg_feed_use;

/*
 * Reads the keys; `source` and its texts must outlive the feed. With `only` not NULL, only rows whose key
 * could equal that value under any affinity a comparison may apply: 5, 5.0 and '5' are alike. Returns an
 * SQLite code; *error is then a text for sqlite3_free, or NULL where the code says it all; likewise below.
 */
int dg_feed_open(dg_connection *connection, const dg_column_source *source, const dg_feed_use *use,
                 sqlite3_value *only, dg_feed **feed, char **error);

/* Leaves out the rows whose keys `keeps` does not want, provided that all keys are INTEGER. To be called
 * before the first item is asked for. */
void dg_feed_keep(dg_feed *feed, int (*keeps)(void *arg, int64_t key), void *arg);

/* The number of rows. */
uint64_t dg_feed_rows(const dg_feed *feed);

/* Bytes of memory that the keys take. */
uint64_t dg_feed_bytes(const dg_feed *feed);

/* A number for row `row` that is the same in every feed in which the row is found, and almost surely of no
 * other row: the key, if that is an INTEGER and the first of its kind, else a hash of it. */
int64_t dg_feed_number(const dg_feed *feed, uint64_t row);

/* How many windows have been read. */
uint64_t dg_feed_windows(const dg_feed *feed);

/* The length of the next row's BLOB when the feed was opened; 0 for another value. There is a next row. */
uint64_t dg_feed_peek(const dg_feed *feed);

/*
 * The next row's item, which is the caller's from then on; NULL after the last row. Where none is waiting, a
 * window is read: at least one row, with BLOBs of at most `bytes` bytes in all, and about `rows` rows; many
 * more of them where each window is a search through the whole source.
 */
int dg_feed_next(dg_feed *feed, uint64_t rows, uint64_t bytes, void **item, char **error);

/* The key of row number `row`, from 0, as the result of a table's column. */
void dg_feed_result_key(const dg_feed *feed, sqlite3_context *context, uint64_t row);

/* The same key for an error text, to be freed by sqlite3_free; NULL without memory. */
char *dg_feed_key_text(const dg_feed *feed, uint64_t row);

/* Frees everything. NULL is allowed. */
void dg_feed_close(dg_feed *feed);

#endif
