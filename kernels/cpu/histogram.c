/*
 * HISTOGRAM: units are shared out among the threads; a tile is cut into strips, a triangle into rectangles
 * first.
 */
#include "distances.h"

#include <stdlib.h>
#include <string.h>

enum {
    TRIANGLE_MIN = 32,    /* rows whose pairs are counted one by one */
    POLL_WORDS = 1 << 22, /* words compared between two questions to the poll */
};

/* A thread's work space. */
typedef struct counter {
    dg_strip_space strip;
    dg_tally tally;
    uint64_t since_poll;
} counter;

/* Rows [a0, a0 + na) with [b0, b0 + nb); true when the work must end. */
static int rectangle(const dg_op_histogram *op, const dg_cpu_isa *isa, uint32_t a0, uint32_t na, uint32_t b0,
                     uint32_t nb, counter *c, dg_team *team)
{
    const uint32_t words = op->a->words, most = dg_strip_rows(words);
    const uint64_t *a = (const uint64_t *)op->a->hashes.host + ((size_t)op->a->begin + a0) * words;
    const uint64_t *b = (const uint64_t *)op->b->hashes.host + ((size_t)op->b->begin + b0) * words;
    for (uint32_t j = 0; j < nb; j += most) {
        uint32_t columns = nb - j < most ? nb - j : most;
        dg_strip strip = dg_strip_of(b + (size_t)j * words, words, columns, na, &c->strip);
        for (uint32_t i = 0; i < na; i += most) {
            uint32_t rows = na - i < most ? na - i : most;
            isa->count(a + (size_t)i * words, rows, &strip, &c->tally);
            c->since_poll += (uint64_t)rows * columns * words;
            if (c->since_poll < POLL_WORDS) continue;
            c->since_poll = 0;
            if (dg_team_stop(team)) return 1;
        }
    }
    return 0;
}

/* Every pair within [begin, begin + n): halves of halves, so that nearly all of it is rectangles. */
static int triangle(const dg_op_histogram *op, const dg_cpu_isa *isa, uint32_t begin, uint32_t n, counter *c,
                    dg_team *team)
{
    uint32_t half = n / 2;
    if (n > TRIANGLE_MIN)
        return triangle(op, isa, begin, half, c, team) ||
               triangle(op, isa, begin + half, n - half, c, team) ||
               rectangle(op, isa, begin, half, begin + half, n - half, c, team);
    for (uint32_t i = 1; i < n; i++)
        if (rectangle(op, isa, begin, i, begin + i, 1, c, team)) return 1;
    return 0;
}

/* x += y, both numbers for each of 64 bit positions, bit l of them in word l. */
static void add_planes(uint64_t *x, const uint64_t *y, uint32_t levels)
{
    uint64_t carried = 0;
    for (uint32_t l = 0; l < levels; l++) {
        uint64_t either = x[l] ^ y[l], both = x[l] & y[l];
        x[l] = either ^ carried;
        carried = both | (either & carried);
    }
}

/* Adds what was counted bit by bit to `counts`. Pairs in none of the planes are at distance 64. */
static void count_planes(const dg_tally *tally, uint32_t bits, uint32_t *counts)
{
    uint64_t sum[DG_TALLY_LEVELS] = {0};
    uint32_t levels = 4, found = 0;
    while (tally->pairs >> levels) levels++;
    for (uint32_t lane = 0; lane < DG_TALLY_LANES; lane++) {
        uint64_t plane[DG_TALLY_LEVELS], carried[DG_TALLY_LEVELS] = {0};
        for (uint32_t l = 0; l < levels; l++) {
            plane[l] = tally->plane[l][lane];
            if (l >= 4 && tally->sixteens >> (l - 4) & 1) carried[l] = tally->carried[l][lane];
        }
        add_planes(sum, plane, levels);
        add_planes(sum, carried, levels);
    }
    for (uint32_t l = 0; l < levels; l++)
        for (uint64_t rest = sum[l]; rest; rest &= rest - 1) {
            counts[__builtin_ctzll(rest)] += 1u << l;
            found += 1u << l;
        }
    if (bits == 64) counts[64] += (uint32_t)tally->pairs - found;
}

static void run_one(const dg_op_histogram *op, const dg_cpu_isa *isa, uint32_t number, counter *c,
                    dg_team *team)
{
    const dg_unit *u = &op->units[number];
    uint32_t *counts = op->counts + (size_t)number * (op->bits + 1), bins = op->bits + 1;
    dg_tally *tally = &c->tally;
    memset(tally->part[0], 0, DG_TALLY_PARTS * bins * sizeof **tally->part);
    memset(tally->plane, 0, sizeof tally->plane);
    memset(tally->carried, 0, sizeof tally->carried);
    tally->pairs = tally->sixteens = 0;
    if (op->a == op->b && u->a0 == u->b0)
        triangle(op, isa, u->a0, u->a1 - u->a0, c, team);
    else
        rectangle(op, isa, u->a0, u->a1 - u->a0, u->b0, u->b1 - u->b0, c, team);
    for (uint32_t d = 0; d < bins; d++) {
        counts[d] = 0;
        for (int part = 0; part < DG_TALLY_PARTS; part++) counts[d] += tally->part[part][d];
    }
    if (tally->pairs) count_planes(tally, op->bits, counts);
}

enum dg_code dg_cpu_histogram(dg_op_histogram *op, const dg_cpu_isa *isa, dg_team *team, dg_err *err)
{
    uint64_t worth = 1, threads = team->threads < op->unit_count ? team->threads : op->unit_count;
    for (uint32_t u = 0; u < op->unit_count && worth < threads * DG_THREAD_WORDS; u++)
        worth += (uint64_t)(op->units[u].a1 - op->units[u].a0) * (op->units[u].b1 - op->units[u].b0) *
                 op->a->words;
    if (threads > worth / DG_THREAD_WORDS + 1) threads = worth / DG_THREAD_WORDS + 1;
    int failed = 0;
#pragma omp parallel num_threads((int)threads) if (threads > 1)
    {
        counter *c = malloc(sizeof *c);
        uint32_t *parts = malloc(DG_TALLY_PARTS * ((size_t)op->bits + 1) * sizeof *parts);
        if (c && parts) {
            c->since_poll = 0;
            for (size_t part = 0; part < DG_TALLY_PARTS; part++)
                c->tally.part[part] = parts + part * (op->bits + 1);
        } else {
#pragma omp atomic write
            failed = 1;
        }
#pragma omp for schedule(dynamic, 1)
        for (uint32_t unit = 0; unit < op->unit_count; unit++)
            if (c && parts && !dg_team_stop(team)) run_one(op, isa, unit, c, team);
        free(parts);
        free(c);
    }
    if (failed) return dg_fail_nomem(err, "counting distances");
    return team->stop == DG_OK ? DG_OK : dg_fail(err, DG_INTERRUPT, "interrupted");
}
