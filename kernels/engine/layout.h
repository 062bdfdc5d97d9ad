/*
 * Layouts: which chunks a multi-index join indexes, what that will cost, and how that compares with brute
 * force.
 *
 * The general pigeonhole: with disjoint chunks of radii r_c and sum(r_c) = t - m + 1, two rows within
 * distance t differ by at most r_c in at least one chunk c. (If every chunk differed by r_c + 1 or more, the
 * rows would differ by at least t + 1.) Chunks need not cover all bits.
 */
#ifndef DG_ENGINE_LAYOUT_H
#define DG_ENGINE_LAYOUT_H

#include "../backend.h"

enum {
    DG_CHUNKS_MAX = 64,
    DG_CHUNK_WIDTH_MAX = 24, /* 16 M buckets; wider ones would be mostly empty */
};

typedef struct dg_layout {
    uint32_t chunks; /* 0: brute force */
    dg_chunk chunk[DG_CHUNKS_MAX];
    /* How many times more often two random rows share the chunk's value than uniform rows would. */
    double skew[DG_CHUNKS_MAX];
    double seconds;    /* predicted, on all units of the device */
    double candidates; /* predicted */
} dg_layout;

/*
 * The device layouts are chosen for, whatever device runs them: a layout decides the order of results, and
 * that must be the same everywhere. One thread with AVX-512. Which of brute force and the layout runs is
 * decided by the costs of the device at hand.
 */
extern const dg_device_info dg_standard_device;

/* The tables a layout is for. For a self join `rows_b` is `rows_a`. */
typedef struct dg_extent {
    uint64_t rows_a, rows_b;
    int self;
    uint32_t bits, words, threshold;
    int sorted; /* rows are in the order of their first bits, so that the first chunk needs no partition */
} dg_extent;

/* Pairs of rows to compare by brute force. */
double dg_extent_pairs(const dg_extent *extent);

/* Number of values of `width` bits with at most `radius` bits set. */
double dg_values_within(uint32_t width, uint32_t radius);

/* The probability that two uniform rows differ in at most `threshold` of `bits` bits. */
double dg_pass_probability(uint32_t bits, uint32_t threshold);

/* Words of a row to sieve by inside buckets: as few as let few uniform rows pass. */
uint32_t dg_sieve_words_for(uint32_t words, uint32_t threshold);

/* The layout of `chunks` chunks as equal as can be, with no skew. Returns 0 where there is none. */
int dg_layout_make(const dg_extent *extent, uint32_t chunks, dg_layout *out);

/* Fills in candidates and seconds. */
void dg_layout_predict(const dg_extent *extent, const dg_device_info *device, dg_layout *layout);

/* The widest sieve a row of that many words allows, in bits: right for any data. */
uint32_t dg_widest_sieve(uint32_t words);

/* Seconds to compare a pair in a tile by a sieve of `bits`. */
double dg_brute_pair(const dg_costs *costs, uint32_t sieve_bits);

/* Seconds of brute force with a sieve of `bits`. */
double dg_brute_seconds(const dg_extent *extent, const dg_device_info *device, uint32_t sieve_bits);

/* Writes the numbers of up to `radius` set bits among `width`, by weight, then value, to masks; returns how
 * many. */
uint32_t dg_masks_list(uint32_t width, uint32_t radius, uint32_t *masks);

#endif
