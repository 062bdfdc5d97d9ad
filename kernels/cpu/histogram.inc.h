/*
 * The inner loop of HISTOGRAM, written once and instantiated for each instruction set by sieve_*.c, which
 * define what sieve.inc.h lists and, where vectors have several lanes,
 *   one_at     (x): in every lane the number 2^x, 0 where x is 64 or more
 *   odd, most  (x, y, z): the exclusive or, and the majority, of three bits
 *
 * Rows of one word are counted without a memory access a pair: a distance becomes a word with that one bit
 * set, and these words are added up bit by bit. Sixteen of them go through a tree of full adders in registers
 * (Klarqvist, Mula, Lemire: "Efficient computation of positional population counts", 2019), which leaves one
 * word of weight 16; the higher levels are a binary counter in memory. Other rows are counted by
 * incrementing.
 */
#include "distances.h"

/* Row x with the rows [from, count) of the strip; `words` is strip->words, or 0 where that is no constant. */
INLINE void count_plainly(const uint64_t *x, const dg_strip *strip, uint32_t from, const int words,
                          dg_tally *tally)
{
    const uint64_t *word = strip->word;
    uint32_t *part[DG_TALLY_PARTS] = {tally->part[0], tally->part[1], tally->part[2], tally->part[3]};
#pragma GCC unroll 4
    for (uint32_t i = from; i < strip->count; i++) {
        uint32_t distance = bits_of(x[0] ^ word[i]);
        for (uint32_t w = 1; words != 1 && w < strip->words; w++)
            distance += bits_of(x[w] ^ word[w * strip->stride + i]);
        part[i % DG_TALLY_PARTS][distance]++;
    }
}

#if LANES > 1
/* Adds two words of equal weight to *sum; what is carried has twice the weight. */
INLINE vec add(vec *sum, vec x, vec y)
{
    vec carried = most(*sum, x, y);
    *sum = odd(*sum, x, y);
    return carried;
}

/* Adds a word of weight 16 to the levels in memory. */
INLINE void carry_up(dg_tally *tally, vec carried)
{
    uint32_t level = 4, waiting = tally->sixteens++;
    for (; waiting & 1; waiting >>= 1, level++) {
        vec sum, other;
        memcpy(&sum, tally->plane[level], sizeof sum);
        memcpy(&other, tally->carried[level], sizeof other);
        carried = add(&sum, other, carried);
        memcpy(tally->plane[level], &sum, sizeof sum);
    }
    memcpy(tally->carried[level], &carried, sizeof carried);
}

/* The vector `held` of rows with each of the n rows x, 1 <= n <= 16. */
INLINE void count_sixteen(const uint64_t *x, vec held, const uint32_t n, vec sum[4], dg_tally *tally)
{
    const vec none = {0};
    vec two[2], four[2], eight[2];
#define ONE(i) ((i) < n ? one_at(differ64(same64(x[(i) < n ? (i) : 0]), held)) : none)
#pragma GCC unroll 2
    for (uint32_t e = 0; e < 2; e++) {
#pragma GCC unroll 2
        for (uint32_t f = 0; f < 2; f++) {
#pragma GCC unroll 2
            for (uint32_t t = 0; t < 2; t++)
                two[t] = add(&sum[0], ONE(8 * e + 4 * f + 2 * t), ONE(8 * e + 4 * f + 2 * t + 1));
            four[f] = add(&sum[1], two[0], two[1]);
        }
        eight[e] = add(&sum[2], four[0], four[1]);
    }
#undef ONE
    carry_up(tally, add(&sum[3], eight[0], eight[1]));
}

INLINE void count_bitwise(const uint64_t *x, uint32_t n, const dg_strip *strip, dg_tally *tally)
{
    vec sum[4];
    uint32_t whole = strip->count / LANES * LANES;
    for (int l = 0; l < 4; l++) memcpy(&sum[l], tally->plane[l], sizeof sum[l]);
    for (uint32_t at = 0; at < whole; at += LANES) {
        const vec held = load64(strip->word + at, LANES);
        uint32_t i = 0;
        for (; i + 16 <= n; i += 16) count_sixteen(x + i, held, 16, sum, tally);
        if (i < n) count_sixteen(x + i, held, n - i, sum, tally);
    }
    for (int l = 0; l < 4; l++) memcpy(tally->plane[l], &sum[l], sizeof sum[l]);
    tally->pairs += (uint64_t)n * whole;
    for (uint32_t i = 0; whole < strip->count && i < n; i++) count_plainly(x + i, strip, whole, 1, tally);
}

INLINE void count_lanes(const uint64_t *x, const dg_strip *strip, dg_tally *tally)
{
    uint32_t at = 0;
    for (; at + LANES <= strip->count; at += LANES) {
        vec distance = differ64(same64(x[0]), load64(strip->word + at, LANES));
        for (uint32_t w = 1; w < strip->words; w++)
            distance =
                plus(distance, differ64(same64(x[w]), load64(strip->word + w * strip->stride + at, LANES)));
        uint64_t lane[LANES];
        memcpy(lane, &distance, sizeof lane);
#pragma GCC unroll 8
        for (int i = 0; i < LANES; i++) tally->part[i % DG_TALLY_PARTS][lane[i]]++;
    }
    count_plainly(x, strip, at, 0, tally);
}
#endif

/* Counts the pairs of the n rows x with the rows of the strip. */
TARGET static void count_strip(const uint64_t *x, uint32_t n, const dg_strip *strip, dg_tally *tally)
{
#if LANES > 1
    if (strip->words == 1) {
        count_bitwise(x, n, strip, tally);
        return;
    }
    for (uint32_t i = 0; i < n; i++) count_lanes(x + (size_t)i * strip->words, strip, tally);
#else
    for (uint32_t i = 0; i < n; i++)
        if (strip->words == 1)
            count_plainly(x + i, strip, 0, 1, tally);
        else
            count_plainly(x + (size_t)i * strip->words, strip, 0, 0, tally);
#endif
}
