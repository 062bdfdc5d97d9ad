/*
 * What the sieves (sieve.inc.h) and their caller (compare.c) share.
 *
 * A sieve finds *survivors*: position pairs whose sieve words differ in at most `threshold` bits. That never
 * loses a pair, since part of a distance never exceeds the whole. Survivors are verified on whole rows and
 * become hits.
 */
#ifndef DG_CPU_SIEVES_H
#define DG_CPU_SIEVES_H

#include "cpu.h"

enum { SURVIVORS = 1024 }; /* that wait to be verified together */

typedef struct dg_survivor {
    uint32_t a, b; /* positions in the two indexes */
} dg_survivor;

/* The sieve words of one table, by position; `half` instead of word[0] where the sieve is 32 bits. */
typedef struct dg_view {
    const uint64_t *word[DG_SIEVE_WORDS_MAX];
    const uint32_t *half;
} dg_view;

/* A thread's work space. */
struct dg_scratch {
    dg_team *team;
    uint64_t *tile[2]; /* DG_TILE_MAX rows of sieve words for each side of a tile, where the rows must be
                          rearranged */
    uint32_t survivor_count;
    dg_survivor survivor[SURVIVORS];
    int swapped;        /* survivors come as (b, a) */
    uint32_t origin[2]; /* the positions survivors count from */
    dg_hit *hits;
    uint32_t capacity, hit_count; /* hit_count stops at capacity + 1 */
    uint64_t candidates;
    uint64_t since_poll; /* pairs compared since the poll was asked */
};

extern const dg_cpu_isa dg_cpu_isa_portable;
#if defined(__x86_64__)
extern const dg_cpu_isa dg_cpu_isa_popcnt, dg_cpu_isa_avx2, dg_cpu_isa_avx512;
#elif defined(__aarch64__)
extern const dg_cpu_isa dg_cpu_isa_neon;
#endif

#endif
