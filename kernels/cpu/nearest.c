/*
 * NEAREST: queries are shared out among the threads in blocks that look at the table together; where there
 * are fewer queries than threads, each thread searches a part of the table, and the parts are brought
 * together.
 *
 * For each query `open` falls as rows come in: once k rows at a distance below it are known, later rows at
 * such a distance lose every tie and only nearer ones matter. So the rows that enter become rare, and a query
 * with k rows at distance 0 is done.
 */
#include "distances.h"

#include <stdlib.h>
#include <string.h>

enum {
    SLACK = 64,             /* entries beyond k, at least, between two times of tidying */
    BLOCK_BYTES = 32 << 20, /* entries of a block's queries, unless one needs more */
    PART_ROWS = 1 << 16,    /* fewest rows worth a thread */
    POLL_WORDS = 1 << 22,   /* words compared between two questions to the poll */
};

/* How the work is cut: blocks of `block` queries, each against `parts` parts of the rows. */
typedef struct cutting {
    uint32_t k; /* no more than there are rows and given neighbours */
    uint32_t capacity, bins, block, blocks, parts;
} cutting;

/* A thread's work space. */
typedef struct searcher {
    dg_strip_space strip;
    dg_asking asking;
    dg_asked asked[DG_ASKING];
    uint64_t since_poll;
    dg_neighbour *entries; /* capacity for each query of a block */
    uint32_t *at;          /* bins for each */
} searcher;

void dg_asked_tidy(dg_asked *asked, uint32_t k)
{
    uint32_t kept = 0, last = k - asked->within;
    for (uint32_t i = 0; i < asked->used; i++) {
        dg_neighbour n = asked->entry[i];
        uint32_t tied = n.distance == asked->open && last > 0;
        last -= tied;
        asked->entry[kept] = n;
        kept += tied || n.distance < asked->open;
    }
    asked->used = kept;
}

/* The k best in order to `out`; returns their number. The counts in asked->at are used up. */
static uint32_t finish(dg_asked *asked, uint32_t k, uint32_t bins, dg_neighbour *out)
{
    dg_asked_tidy(asked, k);
    memset(asked->at, 0, bins * sizeof *asked->at);
    for (uint32_t i = 0; i < asked->used; i++) asked->at[asked->entry[i].distance]++;
    for (uint32_t d = 0, sum = 0; d < bins; d++) {
        uint32_t count = asked->at[d];
        asked->at[d] = sum;
        sum += count;
    }
    for (uint32_t i = 0; i < asked->used; i++) out[asked->at[asked->entry[i].distance]++] = asked->entry[i];
    return asked->used;
}

/* Makes the searcher ready for queries [begin, end), with nothing found yet. */
static void begin_block(const dg_op_nearest *op, const cutting *cut, uint32_t begin, uint32_t end,
                        searcher *s)
{
    const uint32_t words = op->rows->words, furthest = cut->bins - 1;
    const uint64_t *queries = (const uint64_t *)op->queries->hashes.host;
    s->asking = (dg_asking){.k = cut->k, .words = words, .active = end - begin};
    memset(s->at, 0, (size_t)(end - begin) * cut->bins * sizeof *s->at);
    for (uint32_t i = 0; i < end - begin; i++) {
        s->asked[i] = (dg_asked){.entry = s->entries + (size_t)i * cut->capacity,
                                 .capacity = cut->capacity,
                                 .open = op->limit < furthest ? op->limit + 1 : furthest + 1,
                                 .at = s->at + (size_t)i * cut->bins,
                                 .dense = 1};
        s->asking.asked[i] = &s->asked[i];
        s->asking.row[i] = queries + ((size_t)op->queries->begin + begin + i) * words;
    }
}

static void take(dg_asked *asked, uint32_t k, const dg_neighbour *found, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) dg_asked_offer(asked, k, found[i].row, found[i].distance);
}

/* Leaves only queries that further rows can still enter. */
static void drop_closed(dg_asking *asking)
{
    uint32_t kept = 0;
    for (uint32_t q = 0; q < asking->active; q++) {
        if (asking->asked[q]->open == 0) continue;
        asking->asked[kept] = asking->asked[q];
        asking->row[kept] = asking->row[q];
        asking->limit[kept++] = asking->asked[q]->open - 1;
    }
    asking->active = kept;
}

/* Offers rows [begin, end) of the table to the block. */
static void search(const dg_op_nearest *op, const dg_cpu_isa *isa, uint32_t begin, uint32_t end, searcher *s,
                   dg_team *team)
{
    const uint32_t words = op->rows->words, most = dg_strip_rows(words);
    const uint64_t *rows = (const uint64_t *)op->rows->hashes.host + (size_t)op->rows->begin * words;
    drop_closed(&s->asking);
    for (uint32_t at = begin; at < end && s->asking.active > 0; at += most) {
        uint32_t count = end - at < most ? end - at : most;
        dg_strip strip = dg_strip_of(rows + (size_t)at * words, words, count, s->asking.active, &s->strip);
        isa->offer(&strip, op->rows->begin + at, &s->asking);
        s->since_poll += (uint64_t)count * s->asking.active * words;
        drop_closed(&s->asking);
        if (s->since_poll < POLL_WORDS) continue;
        s->since_poll = 0;
        if (dg_team_stop(team)) return;
    }
}

/* Block `number`, whole. */
static void search_block(const dg_op_nearest *op, const dg_cpu_isa *isa, const cutting *cut, uint32_t number,
                         searcher *s, dg_team *team)
{
    uint32_t begin = number * cut->block, end = begin + cut->block;
    if (end > op->queries->count) end = op->queries->count;
    begin_block(op, cut, begin, end, s);
    for (uint32_t i = begin; i < end; i++)
        take(&s->asked[i - begin], cut->k, op->neighbours + (size_t)i * op->k, op->found[i]);
    search(op, isa, 0, op->rows->count, s, team);
    if (team->stop != DG_OK) return;
    for (uint32_t i = begin; i < end; i++)
        op->found[i] = finish(&s->asked[i - begin], cut->k, cut->bins, op->neighbours + (size_t)i * op->k);
}

/* Part `part` of the table for the one query of block `number`; the best of it to `out`. */
static uint32_t search_part(const dg_op_nearest *op, const dg_cpu_isa *isa, const cutting *cut,
                            uint32_t number, uint32_t part, dg_neighbour *out, searcher *s, dg_team *team)
{
    uint32_t begin = (uint32_t)((uint64_t)op->rows->count * part / cut->parts);
    uint32_t end = (uint32_t)((uint64_t)op->rows->count * (part + 1) / cut->parts);
    begin_block(op, cut, number, number + 1, s);
    search(op, isa, begin, end, s, team);
    return finish(s->asked, cut->k, cut->bins, out);
}

static searcher *new_searcher(const cutting *cut)
{
    searcher *s = malloc(sizeof *s);
    if (!s) return NULL;
    s->since_poll = 0;
    s->entries = malloc((size_t)cut->block * cut->capacity * sizeof *s->entries);
    s->at = malloc((size_t)cut->block * cut->bins * sizeof *s->at);
    if (s->entries && s->at) return s;
    free(s->entries);
    free(s->at);
    free(s);
    return NULL;
}

static void free_searcher(searcher *s)
{
    if (!s) return;
    free(s->entries);
    free(s->at);
    free(s);
}

/* How many queries fit into BLOCK_BYTES, and how that goes with the threads. */
static cutting cut_work(const dg_op_nearest *op, uint32_t threads)
{
    uint32_t given = 0, queries = op->queries->count;
    for (uint32_t i = 0; i < queries; i++)
        if (op->found[i] > given) given = op->found[i];
    uint64_t all = (uint64_t)op->rows->count + given;
    cutting c = {.k = op->k < all ? op->k : (uint32_t)all, .bins = 64 * op->rows->words + 1, .parts = 1};
    uint64_t capacity = c.k + (c.k > SLACK ? (uint64_t)3 * c.k : SLACK);
    if (capacity > all) capacity = all + 1;
    c.capacity = capacity < UINT32_MAX ? (uint32_t)capacity : UINT32_MAX;
    uint64_t bytes = c.capacity * sizeof(dg_neighbour) + c.bins * sizeof(uint32_t);
    uint64_t block = BLOCK_BYTES / bytes;
    block = block < 1 ? 1 : block > DG_ASKING ? DG_ASKING : block;
    uint64_t blocks = (queries + block - 1) / block;
    blocks = (blocks + threads - 1) / threads * threads; /* as much for every thread */
    c.block = (uint32_t)((queries + blocks - 1) / blocks);
    c.blocks = (queries + c.block - 1) / c.block;
    if (c.blocks < threads && c.block == 1) {
        uint32_t most = op->rows->count / PART_ROWS;
        c.parts = threads / c.blocks < most ? threads / c.blocks : most;
        if (c.parts < 1) c.parts = 1;
    }
    return c;
}

/* Brings the parts' best together with those that were given. */
static void merge_parts(const dg_op_nearest *op, const cutting *cut, const dg_neighbour *best,
                        const uint32_t *count, searcher *s)
{
    for (uint32_t q = 0; q < cut->blocks; q++) {
        dg_neighbour *out = op->neighbours + (size_t)q * op->k;
        begin_block(op, cut, q, q + 1, s);
        take(s->asked, cut->k, out, op->found[q]);
        for (uint32_t task = q * cut->parts; task < (q + 1) * cut->parts; task++)
            take(s->asked, cut->k, best + (size_t)task * cut->k, count[task]);
        op->found[q] = finish(s->asked, cut->k, cut->bins, out);
    }
}

enum dg_code dg_cpu_nearest(dg_op_nearest *op, const dg_cpu_isa *isa, dg_team *team, dg_err *err)
{
    if (op->queries->count == 0 || op->rows->count == 0) return DG_OK;
    const uint64_t worth =
        (uint64_t)op->queries->count * op->rows->count * op->rows->words / DG_THREAD_WORDS + 1;
    const uint32_t most = team->threads < worth ? team->threads : (uint32_t)worth;
    const cutting cut = cut_work(op, most);
    const uint32_t tasks = cut.blocks * cut.parts, threads = most < tasks ? most : tasks;
    dg_neighbour *best = NULL;
    uint32_t *count = NULL;
    int failed = 0;
    if (cut.parts > 1) {
        best = malloc((size_t)tasks * cut.k * sizeof *best);
        count = malloc(tasks * sizeof *count);
        failed = !best || !count;
    }
#pragma omp parallel num_threads(threads) if (threads > 1 && !failed)
    {
        searcher *s = failed ? NULL : new_searcher(&cut);
        if (!s) {
#pragma omp atomic write
            failed = 1;
        }
#pragma omp for schedule(dynamic, 1)
        for (uint32_t task = 0; task < tasks; task++) {
            if (!s || dg_team_stop(team)) continue;
            if (cut.parts == 1)
                search_block(op, isa, &cut, task, s, team);
            else
                count[task] = search_part(op, isa, &cut, task / cut.parts, task % cut.parts,
                                          best + (size_t)task * cut.k, s, team);
        }
#pragma omp single
        if (cut.parts > 1 && s && !failed && team->stop == DG_OK) merge_parts(op, &cut, best, count, s);
        free_searcher(s);
    }
    free(best);
    free(count);
    if (failed) return dg_fail_nomem(err, "the nearest rows");
    return team->stop == DG_OK ? DG_OK : dg_fail(err, DG_INTERRUPT, "interrupted");
}
