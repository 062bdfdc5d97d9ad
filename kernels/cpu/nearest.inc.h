/*
 * The inner loop of NEAREST, written once and instantiated for each instruction set by sieve_*.c, which
 * define what sieve.inc.h lists.
 *
 * The strip stays in the first-level cache while one query after the other passes over it. Rows that enter
 * are rare once a query has k, so one test of the least distance answers for a group of vectors.
 */
#include "distances.h"

/* Distances of rows [at, at + n) of the strip to a query. `words` is strip->words, or 0 where that is no
 * constant; then `same` is not used. */
INLINE vec distances_to(const uint64_t *query, const vec *same, const dg_strip *strip, uint32_t at,
                        unsigned n, const int words)
{
    const uint64_t *word = strip->word + at;
    if (words == 0) {
        vec sum = differ64(same64(query[0]), load64(word, n));
        for (uint32_t w = 1; w < strip->words; w++)
            sum = plus(sum, differ64(same64(query[w]), load64(word + w * strip->stride, n)));
        return sum;
    }
    vec sum = differ64(same[0], load64(word, n));
#pragma GCC unroll 4
    for (int w = 1; w < words; w++)
        sum = plus(sum, differ64(same[w], load64(word + (size_t)w * strip->stride, n)));
    return sum;
}

/* Writes those of the first n lanes that are within the limit; lane 0 is row `row`. Returns their number.
 * Without a branch, since which lanes these are is anybody's guess. */
#ifndef KEEP_LANES
INLINE uint32_t keep_lanes(vec distance, unsigned n, uint64_t limit, uint32_t row, dg_neighbour *out)
{
    uint64_t lane[LANES];
    uint32_t kept = 0;
    memcpy(lane, &distance, sizeof lane);
    for (unsigned i = 0; i < n; i++) {
        out[kept] = (dg_neighbour){row + i, (uint32_t)lane[i]};
        kept += lane[i] <= limit;
    }
    return kept;
}
#endif

enum {
    GROUP = 4, /* vectors tested together */
    STEP = GROUP * LANES,
    STRETCH = 16 * STEP, /* rows by which it is decided whether to test at all */
    DENSE = 5, /* rows entering in a stretch from which a mispredicted test costs more than doing without */
    WAITING = 64, /* rows that enter together, against a limit that is somewhat old by then */
};

/* One query. `words` is as in distances_to. */
INLINE void offer_of(const dg_strip *strip, uint32_t row, const uint64_t *query, uint32_t k, const int words,
                     dg_asked *asked)
{
    dg_neighbour waiting[WAITING + STEP + LANES]; /* keep_lanes may write a vector more than it keeps */
    uint32_t count = 0, at = 0, met = 0;
    uint64_t limit = asked->open - 1;
    int dense = asked->dense;
    vec same[4];
#pragma GCC unroll 4
    for (int w = 0; w < words; w++) same[w] = same64(query[w]);
    while (at < strip->count) {
        if (at + STEP <= strip->count) {
            vec distance[GROUP];
#pragma GCC unroll 4
            for (int g = 0; g < GROUP; g++)
                distance[g] = distances_to(query, same, strip, at + (uint32_t)g * LANES, LANES, words);
            vec best = least(least(distance[0], distance[1]), least(distance[2], distance[3]));
            at += STEP;
            if (!dense && at % STRETCH && !within64(best, limit)) continue;
            met -= count;
#pragma GCC unroll 4
            for (uint32_t g = 0; g < GROUP; g++)
                count += keep_lanes(distance[g], LANES, limit, row + at - STEP + g * LANES, waiting + count);
            met += count;
            if (at % STRETCH == 0) {
                dense = met >= DENSE;
                met = 0;
            }
        } else {
            unsigned n = strip->count - at < LANES ? strip->count - at : LANES;
            vec distance = distances_to(query, same, strip, at, n, words);
            count += keep_lanes(distance, n, limit, row + at, waiting + count);
            at += n;
        }
        if (count < WAITING) continue;
        for (uint32_t i = 0; i < count; i++) dg_asked_offer(asked, k, waiting[i].row, waiting[i].distance);
        if (asked->open == 0) return;
        limit = asked->open - 1;
        count = 0;
    }
    for (uint32_t i = 0; i < count; i++) dg_asked_offer(asked, k, waiting[i].row, waiting[i].distance);
    asked->dense = dense;
}

/* Offers the rows of the strip, whose first has number `row`, to every query; all of them are open. */
TARGET static void offer_strip(const dg_strip *strip, uint32_t row, dg_asking *asking)
{
    for (uint32_t q = 0; q < asking->active; q++) {
        const uint64_t *query = asking->row[q];
        switch (strip->words) {
        case 1: offer_of(strip, row, query, asking->k, 1, asking->asked[q]); break;
        case 2: offer_of(strip, row, query, asking->k, 2, asking->asked[q]); break;
        case 4: offer_of(strip, row, query, asking->k, 4, asking->asked[q]); break;
        default: offer_of(strip, row, query, asking->k, 0, asking->asked[q]);
        }
    }
}
