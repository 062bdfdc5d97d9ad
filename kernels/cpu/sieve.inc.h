/*
 * The inner loops of COMPARE, written once and instantiated for each instruction set by the file that
 * includes this.
 *
 * That file defines:
 *   TARGET                       the function attribute that enables the instructions
 *   vec                          a vector type
 *   LANES                        64-bit lanes of it (2 * LANES 32-bit lanes), or 1: both kinds have one lane
 *   load64, load32               (pointer, n): the first n lanes, 1 <= n <= all; no byte beyond them is
 * touched same64, same32               (x): the number in every lane differ64, differ32           (x, y): in
 * every lane, the number of bits that differ plus, least                  (x, y): sum and minimum of small
 * numbers in every lane within64, within32           (x, limit): bit i is set where lane i <= limit bits_of
 * (x): set bits of a uint64_t GROUP64, GROUP128, GROUP256  vectors that fit the registers beside the work,
 * for 1, 2 and 4 sieve words
 *
 * Shape of the work: a group of vectors of side b stays in registers, rows of side a are broadcast one by
 * one, and every lane keeps the least distance it met. Only when one is within the threshold is that block of
 * a looked at again, lane by lane: hits are rare, so the loop has no branch that depends on data.
 */
#include "sieves.h"

enum { SMALL_ROWS = 32, SMALL_VECTORS = 3 }; /* see scan_small */

#define INLINE static inline __attribute__((always_inline)) TARGET

/* Lanes of a vector for this width of sieve. */
INLINE unsigned lanes_of(const int bits)
{
    return bits == 32 && LANES > 1 ? 2 * LANES : LANES;
}

/* The sieve words of the n rows from position `at`, a row a lane. */
INLINE void load_rows(const dg_view *v, uint32_t at, unsigned n, const int bits, vec *out)
{
    if (bits == 32) out[0] = load32(v->half + at, n);
#pragma GCC unroll 4
    for (int w = 0; w < bits / 64; w++) out[w] = load64(v->word[w] + at, n);
}

INLINE vec same_lanes(const dg_view *v, const int bits, unsigned word, uint32_t at)
{
    return bits == 32 ? same32(v->half[at]) : same64(v->word[word][at]);
}

INLINE vec distances(const dg_view *a, uint32_t at, const vec *b, const int bits)
{
    if (bits == 32) return differ32(same_lanes(a, bits, 0, at), b[0]);
    vec sum = differ64(same_lanes(a, bits, 0, at), b[0]);
#pragma GCC unroll 4
    for (int w = 1; w < bits / 64; w++) sum = plus(sum, differ64(same_lanes(a, bits, (unsigned)w, at), b[w]));
    return sum;
}

INLINE unsigned within(vec x, uint32_t limit, const int bits)
{
    return bits == 32 ? within32(x, limit) : within64(x, limit);
}

enum { AHEAD = 8 }; /* survivors whose rows are on their way from memory while one is verified */

INLINE uint32_t row_at(const dg_index *index, uint32_t position)
{
    return index->index.host ? ((const uint32_t *)index->index.host)[position] : index->begin + position;
}

/* Survivor i as positions in the two indexes. */
INLINE dg_survivor survivor_at(const dg_scratch *s, uint32_t i)
{
    dg_survivor x = s->survivor[i];
    if (s->swapped) x = (dg_survivor){x.b, x.a};
    return (dg_survivor){x.a + s->origin[0], x.b + s->origin[1]};
}

/* A pair of rows that may match, as words or as what the sieve has of them. Stores it if it does. */
TARGET static void verify(const dg_op_compare *op, dg_scratch *s)
{
    const dg_index *a = op->a, *b = op->b;
    const uint64_t *rows_a = a->hashes.host, *rows_b = b->hashes.host;
    const uint32_t words = a->words;
    /* Where the sieve holds whole rows they are at hand, in the cache. */
    const uint64_t *whole_a = NULL, *whole_b = NULL;
    if (words == 1 && a->sieve_bits == 64 && a->sieve.host && b->sieve.host)
        whole_a = a->sieve.host, whole_b = b->sieve.host;

    for (uint32_t i = 0; i < s->survivor_count && s->hit_count <= s->capacity; i++) {
        if (!whole_a && i + AHEAD < s->survivor_count) {
            dg_survivor next = survivor_at(s, i + AHEAD);
            __builtin_prefetch(rows_a + (size_t)row_at(a, next.a) * words);
            __builtin_prefetch(rows_b + (size_t)row_at(b, next.b) * words);
        }
        dg_survivor at = survivor_at(s, i);
        uint32_t row_a = row_at(a, at.a), row_b = row_at(b, at.b);
        uint64_t apart[DG_WORDS_MAX];
        uint32_t distance = 0;
        if (whole_a) {
            apart[0] = whole_a[at.a] ^ whole_b[at.b];
            distance = bits_of(apart[0]);
        } else {
            const uint64_t *x = rows_a + (size_t)row_a * words, *y = rows_b + (size_t)row_b * words;
            for (uint32_t w = 0; w < words; w++) distance += bits_of(apart[w] = x[w] ^ y[w]);
        }
        if (distance > op->threshold) continue;
        int seen = 0;
        for (uint32_t c = 0; c < op->seen_count && !seen; c++)
            seen = bits_of(dg_chunk_value(apart, op->seen[c].start, op->seen[c].width)) <= op->seen[c].radius;
        if (seen) continue;
        if (s->hit_count < s->capacity) {
            int turn = a == b && row_a > row_b;
            s->hits[s->hit_count] = (dg_hit){turn ? row_b : row_a, turn ? row_a : row_b, distance};
        }
        s->hit_count++;
    }
    s->survivor_count = 0;
}

/* Looks again at rows [a0, a1) against one vector of b, whose first lane is position b0; only lanes in
 * `valid` count. */
INLINE void collect(const dg_op_compare *op, const dg_view *a, uint32_t a0, uint32_t a1, const vec *b,
                    uint32_t b0, unsigned valid, const int bits, dg_scratch *s)
{
    for (uint32_t i = a0; i < a1; i++) {
        unsigned hit = within(distances(a, i, b, bits), op->threshold, bits) & valid;
        if (!hit) continue;
        if (s->survivor_count + lanes_of(bits) > SURVIVORS) verify(op, s);
        for (; hit; hit &= hit - 1)
            s->survivor[s->survivor_count++] = (dg_survivor){i, b0 + (uint32_t)__builtin_ctz(hit)};
    }
}

/* Rows [a0, a0 + na) against `group` vectors from position b0, of which the last has `last` lanes. */
INLINE void scan_group(const dg_op_compare *op, const dg_view *a, uint32_t a0, uint32_t na, const dg_view *b,
                       uint32_t b0, const int group, unsigned last, const int bits, dg_scratch *s)
{
    const unsigned lanes = lanes_of(bits);
    /* Rows of a before a look at the minima: few enough that a random hit among them stays rare. */
    const uint32_t t = op->threshold, block = t <= 3 ? 64 : t <= 5 ? 32 : t <= 10 ? 16 : 8;
    vec held[8][DG_SIEVE_WORDS_MAX];
#pragma GCC unroll 8
    for (int g = 0; g < group; g++)
        load_rows(b, b0 + (uint32_t)g * lanes, g == group - 1 ? last : lanes, bits, held[g]);

    for (uint32_t i = a0, end = a0 + na; i < end && s->hit_count <= s->capacity;) {
        uint32_t stop = end - i < block ? end : i + block;
        vec best[8];
#pragma GCC unroll 8
        for (int g = 0; g < group; g++) best[g] = distances(a, i, held[g], bits);
        for (uint32_t k = i + 1; k < stop; k++)
#pragma GCC unroll 8
            for (int g = 0; g < group; g++) best[g] = least(best[g], distances(a, k, held[g], bits));
        for (int g = 0; g < group; g++) {
            unsigned valid =
                g == group - 1 ? (unsigned)((1ull << last) - 1) : (unsigned)((1ull << lanes) - 1);
            if (within(best[g], op->threshold, bits) & valid)
                collect(op, a, i, stop, held[g], b0 + (uint32_t)g * lanes, valid, bits, s);
        }
        i = stop;
    }
}

/* The same for few rows and vectors, without the care long runs need: most buckets are small. */
INLINE void scan_small(const dg_op_compare *op, const dg_view *a, uint32_t a0, uint32_t na, const dg_view *b,
                       uint32_t b0, uint32_t nb, const int group, const int bits, dg_scratch *s)
{
    const unsigned lanes = lanes_of(bits), last = nb - (unsigned)(group - 1) * lanes;
    vec held[SMALL_VECTORS][DG_SIEVE_WORDS_MAX], best[SMALL_VECTORS];
#pragma GCC unroll 3
    for (int g = 0; g < group; g++) {
        load_rows(b, b0 + (uint32_t)g * lanes, g == group - 1 ? last : lanes, bits, held[g]);
        best[g] = distances(a, a0, held[g], bits);
    }
    for (uint32_t k = 1; k < na; k++)
#pragma GCC unroll 3
        for (int g = 0; g < group; g++) best[g] = least(best[g], distances(a, a0 + k, held[g], bits));
#pragma GCC unroll 3
    for (int g = 0; g < group; g++) {
        unsigned valid = (unsigned)((1ull << (g == group - 1 ? last : lanes)) - 1);
        if (within(best[g], op->threshold, bits) & valid)
            collect(op, a, a0, a0 + na, held[g], b0 + (uint32_t)g * lanes, valid, bits, s);
    }
}

INLINE void cross_of(const dg_op_compare *op, const dg_view *a, uint32_t a0, uint32_t na, const dg_view *b,
                     uint32_t b0, uint32_t nb, const int bits, dg_scratch *s)
{
    const unsigned lanes = lanes_of(bits);
    const int most = bits <= 64 ? GROUP64 : bits == 128 ? GROUP128 : GROUP256;
    while (nb > 0) {
        uint32_t vectors = (nb + lanes - 1) / lanes;
        uint32_t group = vectors >= (uint32_t)most ? (uint32_t)most : vectors >= 4 ? 4 : vectors >= 2 ? 2 : 1;
        uint32_t covered = group * lanes < nb ? group * lanes : nb;
        unsigned last = covered - (group - 1) * lanes;
        if (group == (uint32_t)most)
            scan_group(op, a, a0, na, b, b0, most, last, bits, s);
        else if (group == 4)
            scan_group(op, a, a0, na, b, b0, 4, last, bits, s);
        else if (group == 2)
            scan_group(op, a, a0, na, b, b0, 2, last, bits, s);
        else
            scan_group(op, a, a0, na, b, b0, 1, last, bits, s);
        b0 += covered;
        nb -= covered;
    }
}

/* Positions [a0, a0 + na) with [b0, b0 + nb). One copy of this code serves every caller. */
TARGET static __attribute__((noinline)) void cross(const dg_op_compare *op, const dg_view *a, uint32_t a0,
                                                   uint32_t na, const dg_view *b, uint32_t b0, uint32_t nb,
                                                   const int bits, dg_scratch *s)
{
    switch (bits) {
    case 32: cross_of(op, a, a0, na, b, b0, nb, 32, s); break;
    case 64: cross_of(op, a, a0, na, b, b0, nb, 64, s); break;
    case 128: cross_of(op, a, a0, na, b, b0, nb, 128, s); break;
    default: cross_of(op, a, a0, na, b, b0, nb, 256, s);
    }
}

/* True when the unit should be left: it has too many hits, or somebody asked to stop. */
INLINE int leave(dg_scratch *s, uint64_t compared)
{
    s->since_poll += compared;
    if (s->since_poll >= 1u << 22) {
        s->since_poll = 0;
        if (dg_team_stop(s->team)) return 1;
    }
    return s->hit_count > s->capacity;
}

enum { STRIP = 1024 }; /* rows of side a that stay in the first-level cache while side b passes */

/* Cross, with side a cut into strips. True when the unit should be left. */
INLINE int cross_strips(const dg_op_compare *op, const dg_view *a, uint32_t a0, uint32_t na, const dg_view *b,
                        uint32_t b0, uint32_t nb, const int bits, dg_scratch *s)
{
    s->candidates += (uint64_t)na * nb;
    for (uint32_t done = 0; done < na; done += STRIP) {
        uint32_t n = na - done < STRIP ? na - done : STRIP;
        cross(op, a, a0 + done, n, b, b0, nb, bits, s);
        if (leave(s, (uint64_t)n * nb)) return 1;
    }
    return 0;
}

/* Every pair within positions [begin, begin + n): halves of halves, so that nearly all of it is rectangles.
 */
TARGET static int triangle(const dg_op_compare *op, const dg_view *v, uint32_t begin, uint32_t n,
                           const int bits, dg_scratch *s);

INLINE int triangle_of(const dg_op_compare *op, const dg_view *v, uint32_t begin, uint32_t n, const int bits,
                       dg_scratch *s)
{
    if (n > 64) {
        uint32_t half = n / 2;
        return triangle(op, v, begin, half, bits, s) || triangle(op, v, begin + half, n - half, bits, s) ||
               cross_strips(op, v, begin, half, v, begin + half, n - half, bits, s);
    }
    const unsigned lanes = lanes_of(bits);
    for (uint32_t at = 0; at < n; at += lanes) {
        /* One vector: the rows before it meet all its lanes, its own rows the lanes after themselves. */
        unsigned held = n - at < lanes ? n - at : lanes, valid = (unsigned)((1ull << held) - 1);
        if (at > 0) cross(op, v, begin, at, v, begin + at, held, bits, s);
        vec own[DG_SIEVE_WORDS_MAX];
        load_rows(v, begin + at, held, bits, own);
        for (uint32_t i = 0; i + 1 < held; i++)
            collect(op, v, begin + at + i, begin + at + i + 1, own, begin + at, valid & ~0u << (i + 1), bits,
                    s);
    }
    s->candidates += (uint64_t)n * (n - 1) / 2;
    return leave(s, (uint64_t)n * n / 2);
}

TARGET static int triangle(const dg_op_compare *op, const dg_view *v, uint32_t begin, uint32_t n,
                           const int bits, dg_scratch *s)
{
    switch (bits) {
    case 32: return triangle_of(op, v, begin, n, 32, s);
    case 64: return triangle_of(op, v, begin, n, 64, s);
    case 128: return triangle_of(op, v, begin, n, 128, s);
    default: return triangle_of(op, v, begin, n, 256, s);
    }
}

static dg_view view_of(const dg_index *index)
{
    dg_view v = {.half = index->sieve.host};
    for (uint32_t w = 0; w < dg_sieve_words(index); w++)
        v.word[w] = (const uint64_t *)index->sieve.host + (size_t)w * index->count;
    return v;
}

INLINE void run_buckets(const dg_op_compare *op, const dg_unit *unit, const int bits, dg_scratch *s)
{
    const dg_view va = view_of(op->a), vb = view_of(op->b);
    const uint32_t *begin_a = op->a->offsets.host, *begin_b = op->b->offsets.host;
    const int self = op->a == op->b;
    const unsigned lanes = lanes_of(bits);
    for (uint32_t m = 0; m < op->mask_count; m++) {
        const uint32_t mask = op->masks[m];
        /* In a self join v ^ mask > v is the same as: v lacks the highest bit of the mask. */
        const uint32_t high = self && mask ? 1u << (31 - __builtin_clz(mask)) : 0;
        if (leave(s, 16 * (uint64_t)(unit->a1 - unit->a0))) return;
        if (s->swapped) verify(op, s);
        s->swapped = 0;
        for (uint32_t v = unit->a0; v < unit->a1; v++) {
            if (v & high) {
                v |= high - 1;
                continue;
            }
            uint32_t a0 = begin_a[v], na = begin_a[v + 1] - a0;
            uint32_t b0 = begin_b[v ^ mask], nb = begin_b[(v ^ mask) + 1] - b0;
            if (na == 0 || nb == 0) continue;
            if (self && mask == 0) {
                if (na > 1 && triangle(op, &va, a0, na, bits, s)) return;
                continue;
            }
            uint32_t vectors = (nb + lanes - 1) / lanes;
            if (na <= SMALL_ROWS && vectors <= SMALL_VECTORS && !s->swapped) {
                s->candidates += na * nb;
                if (vectors == 1)
                    scan_small(op, &va, a0, na, &vb, b0, nb, 1, bits, s);
                else if (vectors == 2)
                    scan_small(op, &va, a0, na, &vb, b0, nb, 2, bits, s);
                else
                    scan_small(op, &va, a0, na, &vb, b0, nb, 3, bits, s);
                continue;
            }
            /* Broadcast the side that makes fewer steps of it. */
            int swap = (uint64_t)na * vectors > (uint64_t)nb * ((na + lanes - 1) / lanes);
            if (swap != s->swapped) {
                verify(op, s);
                s->swapped = swap;
            }
            if ((uint64_t)na * nb <= STRIP * 8) {
                s->candidates += na * nb;
                s->since_poll += na * nb;
                if (s->swapped)
                    cross(op, &vb, b0, nb, &va, a0, na, bits, s);
                else
                    cross(op, &va, a0, na, &vb, b0, nb, bits, s);
                if (s->hit_count > s->capacity) return;
            } else if (s->swapped ? cross_strips(op, &vb, b0, nb, &va, a0, na, bits, s)
                                  : cross_strips(op, &va, a0, na, &vb, b0, nb, bits, s)) {
                return;
            }
        }
    }
}

/*
 * The sieve words of positions [p0, p1), made into arrays in `space` unless they are there already. *origin
 * is the position the view calls 0.
 */
static dg_view tile_view(const dg_index *index, uint32_t p0, uint32_t p1, uint64_t *space, uint32_t *origin)
{
    const uint64_t *rows = index->hashes.host;
    dg_view v = {.half = NULL};
    *origin = 0;
    if (!dg_buffer_empty(&index->sieve)) return view_of(index);
    if (index->words == 1 && index->sieve_bits == 64) {
        v.word[0] = rows + index->begin;
        return v;
    }
    *origin = p0;
    rows += (size_t)(index->begin + p0) * index->words;
    if (index->sieve_bits == 32) {
        uint32_t *half = (uint32_t *)space;
        for (uint32_t i = 0; i < p1 - p0; i++)
            half[i] = (uint32_t)rows[(size_t)i * index->words + index->sieve_word[0]];
        v.half = half;
    }
    for (uint32_t w = 0; index->sieve_bits > 32 && w < dg_sieve_words(index); w++) {
        uint64_t *word = space + (size_t)w * DG_TILE_MAX;
        for (uint32_t i = 0; i < p1 - p0; i++)
            word[i] = rows[(size_t)i * index->words + index->sieve_word[w]];
        v.word[w] = word;
    }
    return v;
}

INLINE void run_tile(const dg_op_compare *op, const dg_unit *u, const int bits, dg_scratch *s)
{
    uint32_t *origin = s->origin;
    dg_view va = tile_view(op->a, u->a0, u->a1, s->tile[0], &origin[0]);
    if (op->a == op->b && u->a0 == u->b0) {
        origin[1] = origin[0];
        triangle(op, &va, u->a0 - origin[0], u->a1 - u->a0, bits, s);
        return;
    }
    dg_view vb = tile_view(op->b, u->b0, u->b1, s->tile[1], &origin[1]);
    cross_strips(op, &va, u->a0 - origin[0], u->a1 - u->a0, &vb, u->b0 - origin[1], u->b1 - u->b0, bits, s);
}

TARGET static void run_unit(const dg_op_compare *op, uint32_t number, dg_scratch *s)
{
    const dg_unit *u = &op->units[number];
#define RUN(bits) (u->kind == DG_UNIT_TILE ? run_tile(op, u, bits, s) : run_buckets(op, u, bits, s))
    switch (op->a->sieve_bits) {
    case 32: RUN(32); break;
    case 64: RUN(64); break;
    case 128: RUN(128); break;
    default: RUN(256); break;
    }
#undef RUN
    verify(op, s);
}
