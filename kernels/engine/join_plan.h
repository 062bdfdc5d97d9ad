/*
 * Planning one stage of a join: brute force or which multi-index layout, and what either costs on a device.
 *
 * A look at a sample of the rows gives what holds on every device: the layout, and an order of the bits.
 * Weighing it against brute force takes a device's costs, so the same look serves to choose among devices.
 */
#ifndef DG_ENGINE_JOIN_PLAN_H
#define DG_ENGINE_JOIN_PLAN_H

#include "join.h"
#include "sample.h"
#include "stage.h"

enum {
    DG_ORDERED_BITS_MAX = 1024, /* wider hashes keep the order of their bits */
};

/* What is to be planned. */
typedef struct dg_plan_question {
    const uint64_t *hashes; /* all rows of the join */
    uint32_t words;
    dg_extent extent;
    uint32_t begin_a, begin_b; /* first rows of the two tables */
    enum dg_join_plan wanted;
    uint32_t chunks; /* 0: any number */
    int one_row;     /* one row against the others: brute force, whatever is wanted */
    int split;       /* one of several stages, whose rows keep the order of their bits */
} dg_plan_question;

typedef struct dg_prospect {
    dg_plan_question question;
    dg_sample sample;
    dg_layout layout; /* of the rows as they are, or with their bits reordered; 0 chunks: none is possible */
    int reordered;
    uint16_t from[DG_ORDERED_BITS_MAX]; /* where `reordered`: the order, as dg_reorder_bits takes it */
} dg_prospect;

/* Takes the look. On failure *out is empty. */
enum dg_code dg_prospect_make(const dg_plan_question *question, dg_prospect *out, dg_err *err);

/* Frees; idempotent. */
void dg_prospect_free(dg_prospect *prospect);

/* Predicted seconds on a device with that much memory for work, upload included: a dg_place_cost. */
double dg_prospect_seconds(const dg_device_info *info, uint64_t memory_limit, const void *prospect);

/*
 * Decides for a device: fills in layout (with 0 chunks for brute force), keep_layout, sieve_bits, tile,
 * sorted and windowed of the stage, and says in words what was decided and why.
 */
void dg_prospect_decide(const dg_prospect *prospect, const dg_device_info *info, uint64_t memory_limit,
                        dg_stage_spec *stage, char *words, size_t words_size);

/* Whether brute force takes the table to that device in windows. */
int dg_prospect_windowed(const dg_prospect *prospect, const dg_device_info *info, uint64_t memory_limit);

#endif
