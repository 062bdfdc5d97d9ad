/*
 * The index that stays: what lies in its shadow tables, and how the parts of hash_index work on it.
 *
 * An index named i, of hashes of b bytes, has four shadow tables:
 *
 *     i_config(key TEXT PRIMARY KEY, value)       version, bits, mark, rows, delta
 *     i_delta(id INTEGER PRIMARY KEY, mark, hash) what was written last, hash NULL for a row that is gone
 *     i_rows(id INTEGER PRIMARY KEY, block)       the other rows, in blocks (kernels/engine/index_block.h)
 *     i_bands(code INTEGER PRIMARY KEY, block)    four sorted copies of i_rows, one a band
 *
 * A row of i_delta replaces the row of that id in i_rows and i_bands. INSERT, UPDATE and DELETE write into
 * i_delta alone; when it has grown past config's `delta` rows, at the end of the transaction or in a long one
 * earlier, it is merged into the blocks. A long one that asks no questions may have as many rows there as in
 * i_rows. So everything is in ordinary tables at any time, and transactions, savepoints, journals and other
 * connections see to themselves.
 *
 * A block of i_rows has the key `id`: no id in it is smaller, and every id in it is smaller than the next
 * block's key. A block of i_bands has the key band << 32 | prefix on the same terms for the prefixes of its
 * entries; entries of equal prefix lie in one block, so that a column of equal hashes makes one long block.
 * In config `rows` is the number of rows in i_rows, and of entries in each band.
 *
 * Marks: each row bears the number of the change that wrote it last. Numbers ascend and are never given
 * twice; the highest given lies in config's `mark` once its transaction ends, in memory before. Those in
 * i_delta are higher than those in i_rows.
 *
 * Size of a row with hashes of 8 bytes, once merged: 8 bytes and at most 2 packed in i_rows, and in each band
 * 6 bytes of its tail and its id packed to as many bits as the ids in a block need: 24 among 10 million. The
 * bits of the bucket are in the key and directory of the block. Blocks fill 97 % of a page: 46 bytes a row in
 * all, of 100 million rows 48. Of b bytes: b in i_rows, and four tails of b / 2 + 2 bytes, at most 16.
 *
 * Version 1 is this. A later version reads it or says that it cannot.
 */
#ifndef DG_VTAB_HASH_INDEX_H
#define DG_VTAB_HASH_INDEX_H

#include "../ext/connection.h"
#include "../kernels/engine/index_block.h"

enum {
    DG_INDEX_VERSION = 1,
    DG_INDEX_DELTA = 4096, /* rows, where config has no `delta`: a query looks at each of them, 0.1 ms */
};

enum dg_index_statement {
    DG_INDEX_CONFIG_GET,
    DG_INDEX_CONFIG_PUT,
    DG_INDEX_DELTA_GET,
    DG_INDEX_DELTA_PUT,
    DG_INDEX_DELTA_ALL,
    DG_INDEX_DELTA_COUNT,
    DG_INDEX_DELTA_LAST,
    DG_INDEX_DELTA_CLEAR,
    DG_INDEX_ROWS_AT,
    DG_INDEX_ROWS_AFTER,
    DG_INDEX_ROWS_FIRST,
    DG_INDEX_ROWS_FROM,
    DG_INDEX_ROWS_LAST,
    DG_INDEX_ROWS_ALL,
    DG_INDEX_ROWS_PUT,
    DG_INDEX_ROWS_DELETE,
    DG_INDEX_ROWS_CLEAR,
    DG_INDEX_BANDS_AT,
    DG_INDEX_BANDS_AFTER,
    DG_INDEX_BANDS_RANGE,
    DG_INDEX_BANDS_ALL,
    DG_INDEX_BANDS_PUT,
    DG_INDEX_BANDS_DELETE,
    DG_INDEX_BANDS_CLEAR,
    DG_INDEX_STATEMENTS
};

/* The rows of i_delta in memory, by id. */
typedef struct dg_index_delta {
    uint32_t count, capacity;
    int64_t *ids, *marks;
    uint8_t *present; /* 0: the row is gone, and its hash means nothing */
    uint8_t *hashes;
} dg_index_delta;

/* What tells whether i_delta in memory is still what it was. */
typedef struct dg_index_stamp {
    sqlite3_int64 changes; /* of this connection */
    unsigned version;      /* of the database, which every commit changes */
    uint64_t generation;
} dg_index_stamp;

typedef struct dg_hash_index {
    sqlite3_vtab base;
    dg_connection *connection;
    sqlite3 *db;
    char *schema, *name;
    char *content, *content_column, *content_rowid; /* NULL where there is no content table */
    dg_index_shape shape;
    sqlite3_stmt *statements[DG_INDEX_STATEMENTS]; /* reset after each use */

    /* The transaction that writes. */
    int writing;
    int64_t mark;    /* given last; -1: nothing is known of the transaction yet */
    int64_t highest; /* no id in i_rows or i_delta is higher */
    int64_t merged;  /* rows in i_rows when it began */
    int64_t pending; /* rows in i_delta, or more than there are */
    int64_t most;    /* that may wait there */
    int asked;       /* a question had to look through i_delta since it was merged last */

    uint64_t generation;  /* of the blocks, as far as this connection changes them: merges and rollbacks */
    dg_index_delta delta; /* as of `stamp`, while delta_known */
    dg_index_stamp stamp;
    int delta_known;

    /* When a question was answered last that had better been one to rows in memory. */
    dg_index_stamp laboured;
    int laboured_known;

    struct dg_hash_index *next; /* of this connection */
} dg_hash_index;

/* --- errors; texts go to base.zErrMsg, all return the code --- */

/* "<name>: <text>". */
int dg_index_fail(dg_hash_index *index, int rc, const char *format, ...);

/* SQLite's own text, where the code does not say it all. */
int dg_index_fail_sqlite(dg_hash_index *index, int rc);

/* A shadow table does not hold what it must. */
int dg_index_damaged(dg_hash_index *index, const char *suffix, int64_t key);

/* --- statements (hash_index_store.c) --- */

/* Prepares the statement if need be. */
int dg_index_statement_get(dg_hash_index *index, enum dg_index_statement which, sqlite3_stmt **statement);

/* Runs a statement that gives no rows, and resets it. */
int dg_index_run(dg_hash_index *index, sqlite3_stmt *statement);

/* Ends a statement after its last step: resets it; `rc` is what the step gave, rows and the end being fine.
 */
int dg_index_end(dg_hash_index *index, sqlite3_stmt *statement, int rc);

/* Finalizes them all. */
void dg_index_statements_free(dg_hash_index *index);

/* Runs SQL in which %w is the schema and the name in turn, four times at most. */
int dg_index_exec(dg_hash_index *index, const char *format);

/* --- state (hash_index_store.c) --- */

/* Makes the shadow tables that are not there. */
int dg_index_mend(dg_hash_index *index);

/* Makes all four, of an empty index. */
int dg_index_create(dg_hash_index *index);

/* Whether the shadow tables are of this version and width; how many rows are merged. */
int dg_index_check_version(dg_hash_index *index, int64_t *rows);

int dg_index_config_get(dg_hash_index *index, const char *key, int64_t *value, int *found);
int dg_index_config_put(dg_hash_index *index, const char *key, int64_t value);

/* The row as it is now. `hash` has room for the shape's bytes. */
int dg_index_get(dg_hash_index *index, int64_t id, int *found, uint8_t *hash);

/* The row in i_rows, whatever i_delta says. */
int dg_index_get_merged(dg_hash_index *index, int64_t id, int *found, uint8_t *hash);

/* Checks the tables and learns what the first write of a transaction needs to know; later calls do nothing.
 */
int dg_index_begin_writing(dg_hash_index *index);

/* The highest mark given, by what this connection sees. */
int dg_index_mark(dg_hash_index *index, int64_t *mark);

/* Writes a row, hash NULL: deletes it; and merges if there is much to merge. */
int dg_index_write(dg_hash_index *index, int64_t id, const uint8_t *hash);

/* i_delta in memory, until the next call. */
int dg_index_delta_get(dg_hash_index *index, const dg_index_delta **delta);

/* The place of the id in the delta, or -1. */
int64_t dg_index_delta_find(const dg_index_delta *delta, int64_t id);

/* i_delta may have changed in ways that leave no trace. */
void dg_index_delta_forget(dg_hash_index *index);

/* --- merging (hash_index_merge.c) --- */

/* Merges i_delta into the blocks. */
int dg_index_merge(dg_hash_index *index);

/* Replaces all blocks by those of the rows, which ascend by id; i_delta is emptied. */
int dg_index_build(dg_hash_index *index, const dg_index_rows *rows);

/* Makes all blocks anew, as full as can be, of the rows that there are. */
int dg_index_pack(dg_hash_index *index);

/* The highest mark that these rows or the index bear; one that is damaged bears what there is. */
int dg_index_highest_mark(dg_hash_index *index, const dg_index_rows *rows, int64_t *mark);

/* Removes all rows. */
int dg_index_clear(dg_hash_index *index);

/* --- reading (hash_index_read.c) --- */

/* Is given rows, ascending by id from call to call; returns an SQLite code, SQLITE_OK to go on. */
typedef int dg_index_taker(void *state, dg_hash_index *index, const dg_index_rows *rows);

/* Gives all rows as they are now, some hundred at a time. `take` must not use the database. */
int dg_index_each(dg_hash_index *index, dg_index_taker *take, void *state);

/* A scan of all rows that leaves no statement open between its steps. */
typedef struct dg_index_scan {
    dg_index_rows rows; /* at hand, the current one at `at` */
    uint32_t at;
    int64_t key, after;  /* while begun: of the block read last, and the highest id in it */
    uint64_t generation; /* of the index, when it was read */
    int begun, ended;
} dg_index_scan;

/* Begins at the first row. */
int dg_index_scan_begin(dg_index_scan *scan, dg_hash_index *index);
int dg_index_scan_next(dg_index_scan *scan, dg_hash_index *index);

static inline int dg_index_scan_eof(const dg_index_scan *scan)
{
    return scan->at >= scan->rows.count;
}

/* May be repeated. */
void dg_index_scan_free(dg_index_scan *scan);

/* --- queries (hash_index_query.c) --- */

typedef struct dg_index_hit {
    int64_t id;
    uint32_t distance;
} dg_index_hit;

typedef struct dg_index_question {
    const uint8_t *hash;
    uint32_t radius; /* distance <= radius */
    uint64_t k;      /* the first k by (distance, id); UINT64_MAX: all */
} dg_index_question;

typedef struct dg_index_hits {
    dg_index_hit *list; /* by (distance, id); from malloc */
    size_t count, capacity;
} dg_index_hits;

/* The state of the index's tables; 0: it cannot be told. Equal states mean equal rows. */
int dg_index_stamp_get(dg_hash_index *index, dg_index_stamp *stamp);
int dg_index_stamp_equal(const dg_index_stamp *a, const dg_index_stamp *b);

/* Answers from all rows in memory, which are kept as a column is (column_cache.h) (hash_index_image.c). */
int dg_index_find_in_image(dg_hash_index *index, const dg_index_question *question, dg_index_hits *hits);

/* Room for so many hits in all. Returns 0 without memory. */
int dg_index_hits_reserve(dg_index_hits *hits, size_t count);

/* Answers in place of what `hits` held. */
int dg_index_find(dg_hash_index *index, const dg_index_question *question, dg_index_hits *hits);

/* --- commands (hash_index_command.c, hash_index_check.c) --- */

/* All rows, ascending by id, appended to `rows`. */
int dg_index_read(dg_hash_index *index, dg_index_rows *rows);

/* A statement that gives the content's rows with a hash, ascending by id, and one of its rows. */
int dg_index_content_prepare(dg_hash_index *index, sqlite3_stmt **statement);
int dg_index_content_row(dg_hash_index *index, sqlite3_stmt *row, int64_t *id, uint8_t *hash);

/* Does what INSERT INTO i(i [, k]) VALUES('...' [, number]) asks. */
int dg_index_command(dg_hash_index *index, sqlite3_value *value, sqlite3_value *number);

/*
 * Looks for damage. SQLITE_OK with *fault a text for sqlite3_free where there is some, NULL where there is
 * none. `content`: compares with the content table too.
 */
int dg_index_integrity(dg_hash_index *index, int content, char **fault);

#endif
