/*
 * The pairs of one source, as a stream: reads the column, runs the join, and hands out one pair after
 * another.
 *
 * A dg_pairs belongs to one cursor and serves it again and again, for SQLite may filter a cursor once for
 * every row of an outer table. So it remembers: the column that was read, as long as this connection changed
 * nothing since (other connections cannot, while the statement that owns the cursor runs and holds its read
 * lock), and the whole result if it was short. The same request is then answered from memory, and another
 * threshold or row costs no second read. What is kept is bounded by the column and CACHED_PAIRS, and goes
 * with the cursor.
 */
#ifndef DG_VTAB_PAIRS_H
#define DG_VTAB_PAIRS_H

#include "column.h"
#include "plan.h"

#include "../ext/interrupt.h"

typedef struct dg_pairs_request {
    dg_column_source source;
    dg_range distances;       /* low..high, both in */
    enum dg_join_focus focus; /* DG_FOCUS_NONE, or which key of a pair must be able to equal `key` */
    sqlite3_value *key;
} dg_pairs_request;

typedef struct dg_pairs {
    dg_connection *connection;
    const char *op; /* for dupgpu_stats */

    /* The column in memory: its names, the changes counted when it was read, and its keys; hashes may be
     * gone. */
    char *names[4];
    sqlite3_int64 changes;
    dg_column column;
    int filters; /* requests answered so far */

    /* The run, and what it was asked. */
    dg_join *join;
    dg_probe probe;
    dg_range distances;
    enum dg_join_focus focus;
    uint32_t focus_row;

    /* Pairs read but not handed out, or all of them while `whole`. */
    dg_pair *pairs;
    size_t capacity, count, at;
    int whole; /* pairs[0..count) are everything the run has given so far */
    int ended; /* the run has no more */
} dg_pairs;

void dg_pairs_init(dg_pairs *pairs, dg_connection *connection, const char *op);
void dg_pairs_free(dg_pairs *pairs);

/*
 * Answers a request from its first pair on. Returns an SQLite code; *error is a text for sqlite3_free or NULL
 * where the code says it all.
 */
int dg_pairs_filter(dg_pairs *pairs, const dg_pairs_request *request, char **error);

/* Reads on when the buffer is empty; use dg_pairs_next. */
int dg_pairs_refill(dg_pairs *pairs, char **error);

static inline int dg_pairs_next(dg_pairs *pairs, char **error)
{
    pairs->at++;
    return pairs->at < pairs->count || pairs->ended ? SQLITE_OK : dg_pairs_refill(pairs, error);
}

static inline int dg_pairs_eof(const dg_pairs *pairs)
{
    return pairs->at >= pairs->count;
}

/* The current pair. */
static inline const dg_pair *dg_pairs_get(const dg_pairs *pairs)
{
    return &pairs->pairs[pairs->at];
}

#endif
