/*
 * How many pairs of rows there are at each distance, by looking at all of them.
 *
 * Equal rows are collapsed first: a distinct row that stands for w rows has weight w, a pair of distinct rows
 * counts w_a * w_b times. The device counts without weights, so rows of equal weight stand together as a
 * class, a unit of work lies within one pair of classes, and the host multiplies its counts. A row may be
 * cut into several whose weights add up to its own: where few rows share a weight they become rows of weights
 * that are powers of two, so that there are few classes and no tiny units, whatever the weights are.
 */
#ifndef DG_ENGINE_HISTOGRAM_H
#define DG_ENGINE_HISTOGRAM_H

#include "../error.h"
#include "../poll.h"
#include "place.h"

#include <stdint.h>

typedef struct dg_histogram_spec {
    uint64_t *hashes; /* as in dg_join_spec; dg_histogram_run takes ownership, also when it fails */
    uint32_t rows;
    uint32_t bits; /* 1..DG_JOIN_MAX_BITS */
    dg_place_spec place;
    dg_poll poll;
} dg_histogram_spec;

/* What dg_histogram_seconds is asked about. */
typedef struct dg_histogram_work {
    uint64_t rows; /* distinct */
    uint32_t words;
} dg_histogram_work;

/* Predicted seconds: a dg_place_cost, `work` being a dg_histogram_work. */
double dg_histogram_seconds(const dg_device_info *info, uint64_t memory_limit, const void *work);

/*
 * Writes the number of unordered pairs of rows at each distance to counts[0 .. bits]. `report` is filled in
 * as far as the work came, also on failure; then the counts mean nothing.
 */
enum dg_code dg_histogram_run(const dg_histogram_spec *spec, uint64_t *counts, dg_report *report,
                              dg_err *err);

#endif
