/*
 * The pairs of one source, or between two, as a stream: reads the columns, runs the join, and hands out one
 * pair after another.
 *
 * A dg_pairs belongs to one cursor and serves it again and again, for SQLite may filter a cursor once for
 * every row of an outer table. So beside the columns, which are on loan (column_cache.h), it remembers the
 * whole result if it was short, and, when single rows are asked for again and again, an index of all pairs.
 * All of it is good for one statement, as long as this connection changed nothing since (other connections
 * cannot change what a running statement sees), is bounded by CACHED_PAIRS and INDEXED_PAIRS, and goes with
 * the cursor. Where SQLite closes and opens a cursor for each row of the outer table, as it does for
 * correlated subqueries, dg_pairs_move hands everything on.
 */
#ifndef DG_VTAB_PAIRS_H
#define DG_VTAB_PAIRS_H

#include "column_cache.h"
#include "hash_index_source.h"
#include "pair_index.h"
#include "plan.h"
#include "table_function.h"

#include "../ext/interrupt.h"

typedef struct dg_pairs_request {
    dg_column_source source[2];
    int two; /* pairs of a row of the first source with one of the second; else of the first alone */
    dg_range distances;       /* low..high, both in */
    enum dg_join_focus focus; /* DG_FOCUS_NONE, or which key of a pair must be able to equal `key` */
    sqlite3_value *key;
    uint32_t shard, shards; /* the part of the pairs that is wanted; 0 shards: all */
    int newer;              /* of one source: only pairs in which a row is newer than the mark; no focus */
    int64_t newer_than;
    int views; /* rows hold eight hashes, and pictures may be turned (pair_views.h); no focus */
} dg_pairs_request;

typedef struct dg_pairs {
    dg_connection *connection;
    const char *op; /* for dupgpu_stats */

    /* The columns, on loan. */
    dg_borrowed borrowed[2];
    const dg_column *column[2];
    int two;
    int focus_runs; /* runs for one row so far */

    /* The run, and what it was asked. */
    dg_join *join;
    dg_probe probe;
    dg_range distances;
    enum dg_join_focus focus;
    uint32_t focus_row;
    uint32_t shard, shards;
    int views;
    dg_newer newer; /* if `known`, only pairs with one of these rows count */

    /* All pairs within `distances`, by one row; `index_refused`: there are too many. */
    dg_pair_index index;
    int index_refused;

    /* Pairs read but not handed out, or all of them while `whole`. */
    dg_pair *buffer;
    size_t capacity;
    int whole; /* the buffer holds everything the run has given so far */
    int ended; /* the run has no more */

    const dg_pair *out; /* the buffer or a part of the index */
    size_t count, at;
} dg_pairs;

void dg_pairs_init(dg_pairs *pairs, dg_connection *connection, const char *op);
void dg_pairs_free(dg_pairs *pairs);

/* Ends what `from` is doing and gives what it remembers to `to`, which has not been used. */
void dg_pairs_move(dg_pairs *to, dg_pairs *from);

/*
 * Answers a request from its first pair on. Returns an SQLite code; *error is a text for sqlite3_free or NULL
 * where the code says it all.
 */
int dg_pairs_filter(dg_pairs *pairs, const dg_pairs_request *request, char **error);

/* Reads on when the buffer is empty; use dg_pairs_next. */
int dg_pairs_refill(dg_pairs *pairs, char **error);

enum {
    DG_PAIRS_AHEAD = 8
}; /* pairs whose keys are on their way from memory: they lie anywhere in the column */

static inline int dg_pairs_next(dg_pairs *pairs, char **error)
{
    pairs->at++;
    const int64_t *keys_a = pairs->column[0]->integers, *keys_b = pairs->column[pairs->two]->integers;
    if (keys_a && keys_b && pairs->at + DG_PAIRS_AHEAD < pairs->count) {
        __builtin_prefetch(&keys_a[pairs->out[pairs->at + DG_PAIRS_AHEAD].a]);
        __builtin_prefetch(&keys_b[pairs->out[pairs->at + DG_PAIRS_AHEAD].b]);
    }
    return pairs->at < pairs->count || pairs->ended ? SQLITE_OK : dg_pairs_refill(pairs, error);
}

static inline int dg_pairs_eof(const dg_pairs *pairs)
{
    return pairs->at >= pairs->count;
}

/* The current pair. */
static inline const dg_pair *dg_pairs_get(const dg_pairs *pairs)
{
    return &pairs->out[pairs->at];
}

/* What a table shows of the current pair: its two keys, the distance and the similarity. */
enum { DG_PAIR_FIRST, DG_PAIR_SECOND, DG_PAIR_DISTANCE, DG_PAIR_SIMILARITY, DG_PAIR_COLUMNS };

/* The argument by which a table of pairs is told that pictures may be turned. */
#define DG_PAIRS_ORIENTATIONS                                                                                \
    {                                                                                                        \
        .name = "orientations", .kind = DG_ARGUMENT_NUMBER                                                   \
    }

/* What both tables of pairs filter by: the distance, and either of their keys. */
enum { DG_PAIRS_FIRST = DG_DISTANCE_SLOTS, DG_PAIRS_SECOND, DG_PAIRS_FILTERS };

#define DG_PAIRS_FILTER_LIST(first, second)                                                                  \
    {                                                                                                        \
        DG_DISTANCE_SLOT_LIST(DG_PAIR_DISTANCE),                                                             \
            [DG_PAIRS_FIRST] = {DG_SLOT_FILTER, DG_PAIR_FIRST, SQLITE_INDEX_CONSTRAINT_EQ, 0, first " ="},   \
            [DG_PAIRS_SECOND] = {DG_SLOT_FILTER, DG_PAIR_SECOND, SQLITE_INDEX_CONSTRAINT_EQ, 0,              \
                                 second " ="},                                                               \
    }

/*
 * Answers `request`, whose sources and distances are filled in, narrowed by these filters and by the
 * arguments number `shard`, `shards` and `orientations` in a row, the first of which is number `shard`. As
 * dg_pairs_filter.
 */
int dg_pairs_search(dg_pairs *pairs, dg_pairs_request *request, const dg_arguments *given, int shard,
                    sqlite3_value **filters, char **error);

/* Begins the words of a plan: which pairs, and the bounds on their distance. */
void dg_pairs_describe(const dg_planning *planning, int threshold, sqlite3_str *words);

/* What dg_table_function wants of a table of pairs, with a dg_pairs as state. */
void dg_pairs_release(void *state);
void dg_pairs_hand_over(void *to, void *from);
int dg_pairs_step(void *state, char **error);
int dg_pairs_done(const void *state);
void dg_pairs_column(const void *state, sqlite3_context *context, int column);
void dg_pairs_estimate(const dg_planning *planning);

/* The plan in words. */
const char *dg_pairs_plan(const dg_planning *planning);

#endif
