/*
 * What a look at some of the rows tells: how uneven chunks are, how many pairs pass a sieve, and an order of
 * the bits that makes chunks more even.
 *
 * Samples are taken at fixed pseudo-random places, so the same data always give the same plan.
 */
#ifndef DG_ENGINE_SAMPLE_H
#define DG_ENGINE_SAMPLE_H

#include "layout.h"

typedef struct dg_sample {
    uint64_t *rows; /* count * words, distinct places of the table */
    uint32_t count, words;
} dg_sample;

/* How many of so many rows make a sample: 4,096 of a large table, of a smaller one an eighth. */
uint32_t dg_sample_size(uint32_t rows);

/* Copies up to `wanted` of the rows. Freed with free(sample->rows), which is NULL after a failure. */
enum dg_code dg_sample_take(const uint64_t *rows, uint32_t count, uint32_t words, uint32_t wanted,
                            dg_sample *out, dg_err *err);

/* The share of sampled rows whose popcount is even. */
double dg_sample_even(const dg_sample *sample);

/* Fills in the skew of each chunk of the layout; at least 1. */
enum dg_code dg_sample_skew(const dg_sample *sample, dg_layout *layout, dg_err *err);

/*
 * The share of sampled row pairs whose first word differs in at most `threshold` of its low 32 bits ([0]),
 * whose first 1, 2, 4 words do ([1..3]), and of those whose whole rows do ([4]).
 */
void dg_sample_pass_rates(const dg_sample *sample, uint32_t threshold, double rates[5]);

/*
 * An order of the first `bits` bits in which each chunk of the layout holds bits that vary independently:
 * bits are taken by falling total squared correlation and go to the chunk with room whose members they
 * correlate with least. from[i] is the old place of the bit that comes to place i.
 */
enum dg_code dg_sample_bit_order(const dg_sample *sample, const dg_layout *layout, uint32_t bits,
                                 uint16_t *from, dg_err *err);

/* Puts the bits of `count` rows in that order. */
enum dg_code dg_reorder_bits(uint64_t *rows, uint32_t count, uint32_t words, uint32_t bits,
                             const uint16_t *from, const dg_poll *poll, dg_err *err);

#endif
