/*
 * What the inner loops of HISTOGRAM (histogram.inc.h) and NEAREST (nearest.inc.h) share with their callers.
 *
 * Both take one side of the work as a strip: rows turned so that word w of all of them is one array, which
 * vectors read as it is. The other side is read row by row, each word broadcast to all lanes.
 */
#ifndef DG_CPU_DISTANCES_H
#define DG_CPU_DISTANCES_H

#include "cpu.h"

enum {
    DG_STRIP_WORDS = 3072,     /* 24 KB: half of a first-level cache */
    DG_LINE_WORDS = 8,         /* of a cache line */
    DG_WORTH_COPYING = 16,     /* times to read a strip before vectors within cache lines repay a copy */
    DG_THREAD_WORDS = 1 << 21, /* fewest words compared worth a thread: waking it takes as long */
    DG_ASKING = 256, /* queries that share one look at a strip: turning it costs little beside them */
};

/* Word w of row i is word[w * stride + i]. */
struct dg_strip {
    const uint64_t *word;
    size_t stride;
    uint32_t count, words;
};

/* The most rows a strip of DG_STRIP_WORDS holds: whole cache lines of each word. */
static inline uint32_t dg_strip_rows(uint32_t words)
{
    return DG_STRIP_WORDS / words / DG_LINE_WORDS * DG_LINE_WORDS;
}

/* Room for a strip and for beginning it where a cache line does, so that no vector lies across two. */
typedef struct dg_strip_space {
    uint64_t words[DG_STRIP_WORDS + DG_LINE_WORDS];
} dg_strip_space;

/* The strip of `count` rows, at most dg_strip_rows, that will be read `times` times. */
static inline dg_strip dg_strip_of(const uint64_t *rows, uint32_t words, uint32_t count, uint32_t times,
                                   dg_strip_space *space)
{
    const size_t stride = dg_strip_rows(words), line = DG_LINE_WORDS * sizeof(uint64_t);
    const size_t beyond = (uintptr_t)space->words % line / sizeof(uint64_t);
    uint64_t *word = space->words + (DG_LINE_WORDS - beyond);
    if (words == 1 && times < DG_WORTH_COPYING) return (dg_strip){rows, stride, count, words};
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t w = 0; w < words; w++) word[w * stride + i] = rows[(size_t)i * words + w];
    return (dg_strip){word, stride, count, words};
}

/* --- HISTOGRAM --- */

enum {
    DG_TALLY_LANES = 8,
    DG_TALLY_LEVELS = 30, /* numbers below 2^30: each lane may see that many pairs, a tile has 2^26 */
    DG_TALLY_PARTS = 4,
};

/*
 * The pairs of a unit by distance, on their way to dg_op_histogram's counts.
 *
 * Plainly: part[i] counts, for distances 0..bits, any share of the pairs; neighbouring pairs use different
 * parts, so that one increment need not wait for the last.
 *
 * Or bit by bit (where rows have one word): bit d of plane[l][lane] is bit l of the number of pairs at
 * distance d that the lane has seen. sixteens numbers carried into level 4; carried[4 + i], where bit i of it
 * is set, is a number of weight 2^(4 + i) still to be added. Pairs at distance 64 are in no plane.
 */
struct dg_tally {
    uint32_t *part[DG_TALLY_PARTS];
    uint64_t pairs; /* counted bit by bit */
    uint32_t sixteens;
    uint64_t plane[DG_TALLY_LEVELS][DG_TALLY_LANES], carried[DG_TALLY_LEVELS][DG_TALLY_LANES];
};

/* --- NEAREST --- */

/* The best rows a query has met. */
typedef struct dg_asked {
    dg_neighbour *entry; /* rows of equal distance in row order; the k best are among them */
    uint32_t used, capacity;
    uint32_t open;   /* a row enters if its distance is less */
    uint32_t within; /* entries among these, fewer than k */
    uint32_t *at;    /* at[d], d < open: entries at distance d */
    int dense;       /* most groups of vectors held a row that entered, so that testing them does not pay */
} dg_asked;

/* Queries being answered together. Those not open any more are taken off the front. */
struct dg_asking {
    uint32_t k, words;
    uint32_t active;
    dg_asked *asked[DG_ASKING];
    const uint64_t *row[DG_ASKING];
    uint64_t limit[DG_ASKING]; /* asked->open - 1 */
};

/*
 * Keeps the entries that may be among the k best: all at a distance below open, of those at distance `open`
 * the first, up to k in all.
 */
void dg_asked_tidy(dg_asked *asked, uint32_t k);

/* A row that may be among the k best of a query. Rows of equal distance must come in row order. */
static inline void dg_asked_offer(dg_asked *asked, uint32_t k, uint32_t row, uint32_t distance)
{
    if (distance >= asked->open) return;
    asked->entry[asked->used++] = (dg_neighbour){row, distance};
    asked->at[distance]++;
    asked->within++;
    while (asked->within >= k) asked->within -= asked->at[--asked->open];
    if (asked->used == asked->capacity) dg_asked_tidy(asked, k);
}

#endif
