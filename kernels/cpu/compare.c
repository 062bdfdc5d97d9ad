/*
 * COMPARE: units are shared out among the threads, and the hits of each are put in order.
 *
 * Order by (a, b) makes the result independent of the instruction set, whose loops meet pairs in different
 * orders.
 */
#include "sieves.h"

#include <stdlib.h>
#include <string.h>

enum { INSERTION_MAX = 24, DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS };

static inline uint64_t order_of(const dg_hit *h)
{
    return (uint64_t)h->a << 32 | h->b;
}

static void insertion_sort(dg_hit *hit, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        dg_hit moving = hit[i];
        uint32_t j = i;
        for (; j > 0 && order_of(&hit[j - 1]) > order_of(&moving); j--) hit[j] = hit[j - 1];
        hit[j] = moving;
    }
}

/* Sorts by (a, b): radix sort from the least significant digit, skipping digits that are the same in all
 * hits. */
static void sort_hits(dg_hit *hit, dg_hit *spare, uint32_t n)
{
    if (n <= INSERTION_MAX) {
        insertion_sort(hit, n);
        return;
    }
    uint64_t varying = 0;
    for (uint32_t i = 1; i < n; i++) varying |= order_of(&hit[i]) ^ order_of(&hit[0]);
    dg_hit *from = hit, *to = spare;
    for (uint32_t shift = 0; shift < 64 && varying >> shift;) {
        if (!(varying >> shift & 1)) {
            shift++;
            continue;
        }
        uint32_t position[DIGITS] = {0};
        for (uint32_t i = 0; i < n; i++) position[order_of(&from[i]) >> shift & (DIGITS - 1)]++;
        for (uint32_t d = 0, sum = 0; d < DIGITS; d++) {
            uint32_t count = position[d];
            position[d] = sum;
            sum += count;
        }
        for (uint32_t i = 0; i < n; i++) to[position[order_of(&from[i]) >> shift & (DIGITS - 1)]++] = from[i];
        dg_hit *swap = from;
        from = to;
        to = swap;
        shift += DIGIT_BITS;
    }
    if (from != hit) memcpy(hit, from, n * sizeof *hit);
}

static void run_one(const dg_op_compare *op, const dg_cpu_isa *isa, uint32_t unit, dg_scratch *scratch,
                    dg_hit *spare)
{
    scratch->survivor_count = 0;
    scratch->swapped = 0;
    scratch->origin[0] = scratch->origin[1] = 0;
    scratch->hits = op->hits + (size_t)op->slots[unit] * op->capacity;
    scratch->hit_count = 0;
    scratch->candidates = 0;
    isa->unit(op, unit, scratch);
    op->counts[unit] = scratch->hit_count;
    op->candidates[unit] = scratch->candidates;
    if (scratch->hit_count <= op->capacity) sort_hits(scratch->hits, spare, scratch->hit_count);
}

enum dg_code dg_cpu_compare(dg_op_compare *op, const dg_cpu_isa *isa, dg_team *team, dg_err *err)
{
    uint32_t threads = team->threads < op->unit_count ? team->threads : op->unit_count;
    int failed = 0;
    const int rearranged = dg_buffer_empty(&op->a->sieve) && (op->a->words > 1 || op->a->sieve_bits != 64);
    const size_t tile_bytes = rearranged ? DG_TILE_MAX * dg_sieve_words(op->a) * sizeof(uint64_t) : 1;
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
        dg_scratch *scratch = malloc(sizeof *scratch);
        dg_hit *spare = malloc(op->capacity * sizeof *spare);
        uint64_t *tile = malloc(2 * tile_bytes);
        if (scratch && spare && tile) {
            scratch->team = team;
            scratch->since_poll = 0;
            scratch->capacity = op->capacity;
            scratch->tile[0] = tile;
            scratch->tile[1] = tile + tile_bytes / sizeof *tile;
        } else {
#pragma omp atomic write
            failed = 1;
        }
#pragma omp for schedule(dynamic, 1)
        for (uint32_t unit = 0; unit < op->unit_count; unit++)
            if (scratch && spare && tile && !dg_team_stop(team)) run_one(op, isa, unit, scratch, spare);
        free(scratch);
        free(spare);
        free(tile);
    }
    if (failed) return dg_fail_nomem(err, "comparing hashes");
    return team->stop == DG_OK ? DG_OK : dg_fail(err, DG_INTERRUPT, "interrupted");
}
