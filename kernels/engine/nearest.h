/*
 * The k nearest rows of a table for each of a batch of queries, by looking at all rows.
 *
 * A search is opened over a table once and asked as often as wanted: what is on the device stays there. A
 * table that does not fit goes through the device in pieces, first rows first; a device that fails hands the
 * rest of the work to the CPU. The answer is the same: the first k rows by (distance, row number).
 */
#ifndef DG_ENGINE_NEAREST_H
#define DG_ENGINE_NEAREST_H

#include "../error.h"
#include "../ops.h"
#include "../poll.h"
#include "place.h"

#include <stdint.h>

typedef struct dg_nearest_spec {
    const uint64_t *hashes; /* as in dg_join_spec; the caller's, unchanged until the search is closed */
    uint32_t rows;          /* in the order that breaks ties */
    uint32_t bits;          /* 1..DG_JOIN_MAX_BITS */
    uint64_t queries; /* how many are to be expected in all: decides, with backend "auto", where to search */
    dg_place_spec place;
    dg_poll poll; /* must stay valid until the search is closed */
} dg_nearest_spec;

/* What dg_nearest_seconds is asked about. */
typedef struct dg_nearest_work {
    uint64_t rows, queries;
    uint32_t words;
} dg_nearest_work;

/* Predicted seconds: a dg_place_cost, `work` being a dg_nearest_work. */
double dg_nearest_seconds(const dg_device_info *info, uint64_t memory_limit, const void *work);

typedef struct dg_nearest dg_nearest;

/* Opens a search. On failure *out is NULL. */
enum dg_code dg_nearest_open(const dg_nearest_spec *spec, dg_nearest **out, dg_err *err);

/*
 * For each of `count` queries, rows * words as the table's, the rows that come first by (distance, row
 * number) among those with distance <= limit: found[i] of them, at most k, in that order at
 * neighbours[i * k]. k is 1 or more; where it is larger than the table, found[i] is what there is.
 * After a failure only dg_nearest_report_get and dg_nearest_close may be called.
 */
enum dg_code dg_nearest_find(dg_nearest *nearest, const uint64_t *queries, uint32_t count, uint32_t k,
                             uint32_t limit, uint32_t *found, dg_neighbour *neighbours, dg_err *err);

void dg_nearest_report_get(const dg_nearest *nearest, dg_report *report);

/* Frees everything but the caller's rows; NULL is allowed. */
void dg_nearest_close(dg_nearest *nearest);

#endif
