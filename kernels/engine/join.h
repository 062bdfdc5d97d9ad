/*
 * Exact Hamming joins: every pair of rows whose hashes differ in at most `threshold` bits, each once; of one
 * column with itself or of two columns.
 *
 * A join is opened over columns of hashes, read in batches and closed. Opening collapses identical rows and
 * decides the plan; reading computes work units on demand and hands out row pairs, so memory is bounded by
 * the column and not by the number of pairs, and a caller who stops early pays only for what was read.
 *
 * Order: the same column, threshold and plan give the same pairs in the same order on every backend,
 * instruction set and number of threads. There is no global order.
 */
#ifndef DG_ENGINE_JOIN_H
#define DG_ENGINE_JOIN_H

#include "../error.h"
#include "../ops.h"
#include "../poll.h"
#include "place.h"

#include <stddef.h>
#include <stdint.h>

enum {
    DG_JOIN_MAX_BITS = 8192, /* widest hash accepted: 1024 bytes */
};

enum dg_join_plan {
    DG_PLAN_AUTO,
    DG_PLAN_BRUTE,       /* compare all pairs of distinct rows */
    DG_PLAN_MULTI_INDEX, /* general pigeonhole over chunks of the bits */
};

/* Which rows may be the first of a pair. */
enum dg_join_focus {
    DG_FOCUS_NONE,   /* all pairs */
    DG_FOCUS_FIRST,  /* pairs (focus_row, j), of one column j > focus_row */
    DG_FOCUS_SECOND, /* pairs (i, focus_row), of one column i < focus_row */
};

typedef struct dg_join_spec {
    /*
     * The column: rows * words uint64, row-major, words = ceil(bits/64). Word 0 holds the first eight bytes
     * of the hash, most significant first; the unused low bits of the last word are zero. Allocated with
     * malloc. dg_join_open takes ownership, also when it fails.
     */
    uint64_t *hashes;
    uint32_t rows;
    uint32_t bits; /* 1..DG_JOIN_MAX_BITS */

    /* Another column, on the same terms, for pairs of a row here with a row there; NULL: pairs of rows here.
     */
    uint64_t *right;
    uint32_t right_rows;

    uint32_t threshold; /* pairs with distance <= threshold */
    enum dg_join_focus focus;
    uint32_t focus_row;

    /*
     * A part of the work, for several processes or machines that share it: with shards > 1 the pairs of the
     * units whose number leaves the rest `shard` by `shards`. All parts together are all pairs, each once.
     * The plan is then made without regard to the device, so that every part has the same one.
     */
    uint32_t shard, shards; /* 0 shards: everything */

    enum dg_join_plan plan;
    dg_place_spec place;
    uint32_t chunks;      /* 0: the planner's choice; else the number of multi-index chunks, for tests */
    uint32_t batch_units; /* most work units run at once; 0: as many as suit the device */
    dg_poll poll;         /* must stay valid until the join is closed */
} dg_join_spec;

typedef struct dg_pair {
    uint32_t a, b; /* row numbers; of one column a < b, of two b is a row of `right` */
    uint32_t distance;
} dg_pair;

typedef struct dg_join dg_join;

/* Opens a join. On failure *out is NULL. */
enum dg_code dg_join_open(const dg_join_spec *spec, dg_join **out, dg_err *err);

/*
 * Writes up to `capacity` pairs and their number to *count; 0 means the join is at its end.
 * After a failure only dg_join_report_get and dg_join_close may be called.
 */
enum dg_code dg_join_read(dg_join *join, dg_pair *pairs, size_t capacity, size_t *count, dg_err *err);

/*
 * In place of dg_join_read, for a join of one column without focus whose reader counts rows himself: the next
 * pairs of distinct rows within the threshold, by their numbers in dg_join_rows; *count 0 at the end. Pairs
 * of equal rows are left out. The hits stay valid until the next call.
 */
enum dg_code dg_join_read_distinct(dg_join *join, const dg_hit **hits, uint32_t *count, dg_err *err);

/*
 * The distinct rows of one column, in an order of their own and with their bits in any one order: number u
 * stands for the rows of the column of[first[u]] .. of[first[u + 1] - 1], ascending. `of` and `first` are
 * NULL where equal rows could not be collapsed: then number u is row u, and equal rows are hits at distance
 * 0.
 */
typedef struct dg_join_rows {
    const uint64_t *hashes;
    const uint32_t *of, *first;
    uint32_t count;
} dg_join_rows;

/* Valid until the join is closed; the order of bits, until it is read on. */
dg_join_rows dg_join_rows_get(const dg_join *join);

void dg_join_report_get(const dg_join *join, dg_report *report);

/* Frees everything; NULL is allowed. */
void dg_join_close(dg_join *join);

#endif
