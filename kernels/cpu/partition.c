/*
 * PARTITION: order rows by the value of one chunk of their bits, stably.
 *
 * A chunk of up to 24 bits has up to 16 million buckets, too many to scatter into at once. Rows go first to
 * the buckets of the chunk's high bits, which are few, and then, one such group at a time and inside the
 * cache, to those of its low bits. What moves is the sieve and the row number, not the row.
 */
#include "cpu.h"
#include "radix.h"

#include <stdlib.h>
#include <string.h>

enum {
    GROUP_BITS_MAX = 11,  /* groups a row is scattered to at once, as in collapse.c */
    PIECE_ROWS = 1 << 18, /* rows between two questions to the poll */
};

/* Everything the passes share. Arrays are those of the index; a row's position in all of them is the same. */
typedef struct pass {
    const uint64_t *hashes; /* the first row of the index */
    uint32_t words, n, base;
    uint32_t start, width;
    uint32_t group_bits, low_bits;
    uint32_t sieve_words;
    const uint32_t *sieve_word;
    int half;
    uint64_t *sieve64;
    uint32_t *sieve32, *index, *offsets;
    uint16_t *low; /* the low bits of the row at a position, between the passes */
} pass;

static inline uint32_t value_at(const pass *p, uint32_t i)
{
    return dg_chunk_value(p->hashes + (size_t)i * p->words, p->start, p->width);
}

/* Rows are in order already: only the offsets are missing. */
static void fill_offsets(const pass *p, dg_team *team)
{
    uint32_t next = 0;
    for (uint32_t i = 0; i < p->n; i++) {
        if (i % PIECE_ROWS == 0 && dg_team_stop(team)) return;
        for (uint32_t v = value_at(p, i); next <= v; next++) p->offsets[next] = i;
    }
    for (; next <= 1u << p->width; next++) p->offsets[next] = p->n;
}

/* Stores row i at position `to`. */
static inline void store(const pass *p, uint32_t i, uint32_t to)
{
    const uint64_t *row = p->hashes + (size_t)i * p->words;
    if (p->half)
        p->sieve32[to] = (uint32_t)row[p->sieve_word[0]];
    else
        for (uint32_t s = 0; s < p->sieve_words; s++)
            p->sieve64[(size_t)s * p->n + to] = row[p->sieve_word[s]];
    p->index[to] = p->base + i;
}

/*
 * Orders one group, positions [begin, end), by the low bits and writes its offsets. `value` and `spare` are
 * work space for the group's rows.
 */
static void order_group(const pass *p, uint32_t group, uint32_t begin, uint32_t end, uint32_t *value,
                        uint64_t *spare)
{
    uint32_t lows = 1u << p->low_bits, n = end - begin;
    uint32_t *offset = p->offsets + ((size_t)group << p->low_bits);
    memset(offset, 0, lows * sizeof *offset);
    for (uint32_t i = 0; i < n; i++) offset[value[i] = p->low[begin + i]]++;
    uint32_t sum = begin;
    for (uint32_t v = 0; v < lows; v++) {
        uint32_t count = offset[v];
        offset[v] = sum;
        sum += count;
    }
    /* value[i] becomes the target of row i; offsets move to the bucket's end and are put back below. */
    for (uint32_t i = 0; i < n; i++) value[i] = offset[value[i]]++;
    memmove(offset + 1, offset, (lows - 1) * sizeof *offset);
    offset[0] = begin;

    uint32_t *spare32 = (uint32_t *)spare;
    memcpy(spare32, p->index + begin, n * sizeof *spare32);
    for (uint32_t i = 0; i < n; i++) p->index[value[i]] = spare32[i];
    if (p->half) {
        memcpy(spare32, p->sieve32 + begin, n * sizeof *spare32);
        for (uint32_t i = 0; i < n; i++) p->sieve32[value[i]] = spare32[i];
    }
    for (uint32_t s = 0; !p->half && s < p->sieve_words; s++) {
        uint64_t *sieve = p->sieve64 + (size_t)s * p->n;
        memcpy(spare, sieve + begin, n * sizeof *spare);
        for (uint32_t i = 0; i < n; i++) sieve[value[i]] = spare[i];
    }
}

/* Rows to the groups of the high bits. group_begin has groups + 1 entries. */
static enum dg_code scatter(const pass *p, uint32_t *group_begin, uint32_t threads, dg_team *team,
                            dg_err *err)
{
    uint32_t groups = 1u << p->group_bits;
    uint32_t *position = calloc((size_t)threads * groups, sizeof *position);
    if (!position) return dg_fail_nomem(err, "ordering hashes");
#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(static, 1)
    for (uint32_t part = 0; part < threads; part++) {
        uint32_t *count = position + (size_t)part * groups;
        for (uint32_t i = dg_part_begin(p->n, part, threads); i < dg_part_begin(p->n, part + 1, threads); i++)
            count[value_at(p, i) >> p->low_bits]++;
    }
    dg_counts_to_positions(position, threads, groups, group_begin);
#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(static, 1)
    for (uint32_t part = 0; part < threads; part++) {
        uint32_t *to = position + (size_t)part * groups, begin = dg_part_begin(p->n, part, threads);
        for (uint32_t i = begin; i < dg_part_begin(p->n, part + 1, threads); i++) {
            if ((i - begin) % PIECE_ROWS == 0 && dg_team_stop(team)) break;
            uint32_t v = value_at(p, i), at = to[v >> p->low_bits]++;
            store(p, i, at);
            if (p->low) p->low[at] = (uint16_t)(v & ((1u << p->low_bits) - 1));
        }
    }
    free(position);
    return DG_OK;
}

static enum dg_code order_groups(const pass *p, const uint32_t *group_begin, uint32_t threads, dg_team *team,
                                 dg_err *err)
{
    uint32_t groups = 1u << p->group_bits, largest = 0;
    for (uint32_t g = 0; g < groups; g++)
        if (group_begin[g + 1] - group_begin[g] > largest) largest = group_begin[g + 1] - group_begin[g];
    int failed = 0;
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
        uint32_t *value = malloc(((size_t)largest + 1) * sizeof *value);
        uint64_t *spare = malloc(((size_t)largest + 1) * sizeof *spare);
        if (!value || !spare) {
#pragma omp atomic write
            failed = 1;
        }
#pragma omp for schedule(dynamic, 8)
        for (uint32_t g = 0; g < groups; g++)
            if (value && spare && !dg_team_stop(team))
                order_group(p, g, group_begin[g], group_begin[g + 1], value, spare);
        free(value);
        free(spare);
    }
    return failed ? dg_fail_nomem(err, "ordering hashes") : DG_OK;
}

enum dg_code dg_cpu_partition(dg_op_partition *op, dg_team *team, dg_err *err)
{
    dg_index *index = op->index;
    const uint64_t *hashes = index->hashes.host;
    pass p = {
        .hashes = hashes + (size_t)index->begin * index->words,
        .words = index->words,
        .n = index->count,
        .base = index->begin,
        .start = index->chunk.start,
        .width = index->chunk.width,
        .sieve_words = dg_sieve_words(index),
        .sieve_word = index->sieve_word,
        .half = index->sieve_bits == 32,
        .sieve64 = index->sieve.host,
        .sieve32 = index->sieve.host,
        .index = index->index.host,
        .offsets = index->offsets.host,
    };
    if (op->sorted) {
        fill_offsets(&p, team);
        return team->stop == DG_OK ? DG_OK : dg_fail(err, DG_INTERRUPT, "interrupted");
    }
    p.group_bits = p.width <= GROUP_BITS_MAX      ? p.width
                   : p.width / 2 > GROUP_BITS_MAX ? GROUP_BITS_MAX
                                                  : (p.width + 1) / 2;
    p.low_bits = p.width - p.group_bits;
    uint32_t threads = p.n < DG_SERIAL_ROWS ? 1 : team->threads;
    if (p.low_bits == 0) { /* the groups are the buckets */
        scatter(&p, p.offsets, threads, team, err);
    } else {
        uint32_t *group_begin = malloc(((1u << p.group_bits) + 1) * sizeof *group_begin);
        p.low = malloc(((size_t)p.n + 1) * sizeof *p.low);
        if (!group_begin || !p.low)
            dg_fail_nomem(err, "ordering hashes");
        else if (scatter(&p, group_begin, threads, team, err) == DG_OK && team->stop == DG_OK)
            order_groups(&p, group_begin, threads, team, err);
        p.offsets[1u << p.width] = p.n;
        free(group_begin);
        free(p.low);
    }
    if (err->code == DG_OK && team->stop != DG_OK) dg_fail(err, DG_INTERRUPT, "interrupted");
    return err->code;
}
