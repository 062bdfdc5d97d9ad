/*
 * Kernels of COMPARE. tiles_<bits> compares every row of one range with every row of another, buckets_<bits>
 * the rows of each bucket with those of all buckets a mask away; both are written in sieve.inc.h for a sieve
 * of 32, 64, 128 and 256 bits.
 *
 * Pairs whose sieve words are within the threshold are verified on whole rows and appended to the unit's
 * slot, as one number that orders them: row a in the high half, row b in the low one. A counter goes on
 * counting past the slot's capacity, until each lane has met it full: what is counted then means nothing
 * more.
 */

/* A table as a kernel has it. */
typedef struct dg_view {
    DG_GLOBAL const uint64_t *hashes;
    DG_GLOBAL const uint64_t *sieve;
    DG_GLOBAL const uint32_t *index;
    dg_table table;
} dg_view;

DG_INLINE dg_view dg_view_of(DG_GLOBAL const uint64_t *hashes, DG_GLOBAL const uint64_t *sieve,
                             DG_GLOBAL const uint32_t *index, dg_table table)
{
    dg_view v;
    v.hashes = hashes;
    v.sieve = sieve;
    v.index = index;
    v.table = table;
    return v;
}

DG_INLINE uint32_t dg_row_at(const dg_view *v, uint32_t position)
{
    return v->table.has_index ? v->index[position] : v->table.begin + position;
}

DG_INLINE DG_GLOBAL const uint64_t *dg_row_words(const dg_view *v, uint32_t row)
{
    return v->hashes + (uint64_t)row * v->table.words;
}

/* Sieve word w of a position; dg_sieve_half: its sieve of 32 bits. */
DG_INLINE uint64_t dg_sieve_word(const dg_view *v, uint32_t position, uint32_t w)
{
    if (v->table.has_sieve) return v->sieve[(uint64_t)w * v->table.count + position];
    return dg_row_words(v, dg_row_at(v, position))[v->table.sieve_word[w]];
}

DG_INLINE uint32_t dg_sieve_half(const dg_view *v, uint32_t position)
{
    if (v->table.has_sieve) return ((DG_GLOBAL const uint32_t *)v->sieve)[position];
    return (uint32_t)dg_row_words(v, dg_row_at(v, position))[v->table.sieve_word[0]];
}

/* Whether two rows are within the radius in one of the chunks (start, width, radius each). */
DG_INLINE int dg_seen(DG_GLOBAL const uint64_t *x, DG_GLOBAL const uint64_t *y,
                      DG_GLOBAL const uint32_t *chunks, uint32_t count)
{
    for (uint32_t c = 0; c < count; c++) {
        const uint32_t start = chunks[3 * c], width = chunks[3 * c + 1], radius = chunks[3 * c + 2];
        if (DG_BITS_32(dg_chunk_of(x, start, width) ^ dg_chunk_of(y, start, width)) <= radius) return 1;
    }
    return 0;
}

/* Verifies the rows at positions p of a and q of b, and appends them where they match. 1: the slot is full.
 */
DG_INLINE int dg_verify(const dg_view *a, const dg_view *b, uint32_t p, uint32_t q,
                        DG_GLOBAL const uint32_t *seen, const dg_compare_arguments *arguments,
                        DG_GLOBAL uint32_t *count, DG_GLOBAL uint64_t *keys)
{
    const uint32_t row_a = dg_row_at(a, p), row_b = dg_row_at(b, q);
    DG_GLOBAL const uint64_t *x = dg_row_words(a, row_a);
    DG_GLOBAL const uint64_t *y = dg_row_words(b, row_b);
    if (dg_distance(x, y, a->table.words) > arguments->threshold) return 0;
    if (dg_seen(x, y, seen, arguments->seen_count)) return 0;
    const int turn = arguments->self && row_a > row_b;
    const uint32_t at = DG_ATOMIC_ADD(count, 1u);
    if (at >= arguments->capacity) return 1;
    keys[at] = (uint64_t)(turn ? row_b : row_a) << 32 | (turn ? row_a : row_b);
    return 0;
}

#define DG_SIZED_NAME(name, bits) name##_##bits
#define DG_SIZED_OF(name, bits) DG_SIZED_NAME(name, bits)
#define DG_SIZED(name) DG_SIZED_OF(name, DG_SIEVE)
#define DG_SIZED_KERNEL_OF(name, ...) DG_KERNEL(name, __VA_ARGS__)
#define DG_SIZED_KERNEL_NAME(name, bits, ...) DG_SIZED_KERNEL_OF(name##_##bits, __VA_ARGS__)
#define DG_SIZED_KERNEL(name, bits, ...) DG_SIZED_KERNEL_NAME(name, bits, __VA_ARGS__)

#define DG_SIEVE 32
#include "sieve.inc.h"
#undef DG_SIEVE

#define DG_SIEVE 64
#include "sieve.inc.h"
#undef DG_SIEVE

#define DG_SIEVE 128
#include "sieve.inc.h"
#undef DG_SIEVE

#define DG_SIEVE 256
#include "sieve.inc.h"
#undef DG_SIEVE
