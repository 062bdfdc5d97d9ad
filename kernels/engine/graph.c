/*
 * Nodes are taken in order of their keys. Each that has no leader yet becomes one, and the later ones of its
 * neighbours that have none are its candidates: earlier ones without a leader there are not.
 *
 * Small components are cut one by one, comparing the leader with each node that is left: that is less work
 * than finding neighbours by a join. All larger ones are cut together: a join finds the neighbours of the
 * next nodes of each, as many as have room for their neighbours, among all nodes that are left. The room is
 * small at first and grows: the first nodes have the most neighbours, and whom they lead need not be asked
 * again.
 */
#include "graph.h"

#include "../bits.h"

#include <stdlib.h>
#include <string.h>

enum {
    SMALL = 64,           /* nodes of a component whose distances are all taken */
    ROOM = 1 << 24,       /* most neighbours kept at once: 64 MiB */
    ROOM_SHARE = 64,      /* or fewer: one for so many bytes of the memory limit */
    ROOM_GROWTH = 8,      /* of a component from one block to the next, from as many as it has nodes */
    WORK_PIECE = 1 << 20, /* words compared between two questions to the poll */
    SORT_PIECE = 1 << 20, /* keys moved between two questions */
    DIGIT_BITS = 11,
    DIGITS = 1 << DIGIT_BITS,
    INSERTION_MAX = 256, /* fewer keys are sorted by insertion */
    PAIRS = 4096,        /* read from a join at once */
};

static const uint32_t NO_LEADER = UINT32_MAX;

typedef struct cutting {
    const dg_graph *graph;
    int clique;
    const dg_join_spec *join;
    dg_report *report;
    uint64_t *keys, *spare; /* one for each node that has neighbours */
    uint32_t *candidates;   /* as many */
    uint64_t work;          /* words compared since the last question */
} cutting;

uint32_t dg_graph_distance(const dg_graph *graph, uint32_t a, uint32_t b)
{
    const uint64_t *x = graph->nodes.hashes + (size_t)a * graph->words;
    const uint64_t *y = graph->nodes.hashes + (size_t)b * graph->words;
    uint32_t distance = 0;
    for (uint32_t w = 0; w < graph->words; w++) distance += dg_bits_set(x[w] ^ y[w]);
    return distance;
}

static uint32_t node_of(const cutting *c, uint64_t key)
{
    return c->graph->node_of[(uint32_t)key];
}

/* DG_INTERRUPT if the caller wants to stop; asked now and then. */
static enum dg_code ask(cutting *c, uint64_t compared, dg_err *err)
{
    c->work += compared * c->graph->words;
    if (c->work < WORK_PIECE) return DG_OK;
    c->work = 0;
    return dg_poll_stop(&c->join->poll) ? dg_fail(err, DG_INTERRUPT, "interrupted") : DG_OK;
}

/* --- order --- */

static void sort_few(uint64_t *keys, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        uint64_t key = keys[i];
        uint32_t j = i;
        for (; j > 0 && keys[j - 1] > key; j--) keys[j] = keys[j - 1];
        keys[j] = key;
    }
}

/* One pass of a radix sort, by the digit at `shift`. */
static enum dg_code sort_by_digit(const cutting *c, const uint64_t *from, uint64_t *to, uint32_t n,
                                  uint32_t shift, dg_err *err)
{
    uint32_t next[DIGITS] = {0}, sum = 0;
    for (uint32_t i = 0; i < n; i++) next[from[i] >> shift & (DIGITS - 1)]++;
    for (uint32_t d = 0; d < DIGITS; d++) {
        uint32_t count = next[d];
        next[d] = sum;
        sum += count;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (i % SORT_PIECE == 0 && dg_poll_stop(&c->join->poll))
            return dg_fail(err, DG_INTERRUPT, "interrupted");
        to[next[from[i] >> shift & (DIGITS - 1)]++] = from[i];
    }
    return DG_OK;
}

/* Sorts keys, n of those from c->keys on, with the same part of c->spare as work space. */
static enum dg_code sort(const cutting *c, uint64_t *keys, uint32_t n, dg_err *err)
{
    uint64_t *from = keys, *to = c->spare + (keys - c->keys), varying = 0;
    if (n <= INSERTION_MAX) {
        sort_few(keys, n);
        return DG_OK;
    }
    for (uint32_t i = 1; i < n; i++) varying |= keys[i] ^ keys[0];
    for (uint32_t shift = 0; shift < 64; shift += DIGIT_BITS) {
        if ((varying >> shift & (DIGITS - 1)) == 0) continue;
        if (sort_by_digit(c, from, to, n, shift, err)) return err->code;
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != keys) memcpy(keys, from, n * sizeof *keys);
    return DG_OK;
}

/* --- groups --- */

/* Gives the leader those of its n candidates, neighbours in order, that may join its group. */
static enum dg_code lead(cutting *c, uint32_t leader, uint32_t *candidates, uint32_t n, dg_err *err)
{
    const dg_graph *graph = c->graph;
    uint32_t members = 0;
    graph->leader[leader] = leader;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t node = candidates[i];
        uint32_t met = 0;
        while (c->clique && met < members &&
               dg_graph_distance(graph, candidates[met], node) <= graph->threshold)
            met++;
        if (c->clique) {
            if (ask(c, met + 1, err)) return err->code;
            if (met < members) continue;
        }
        candidates[members++] = node; /* members are at the front */
        graph->leader[node] = leader;
    }
    return DG_OK;
}

/* Cuts one component of n nodes, in order. */
static enum dg_code cut_small(cutting *c, const uint64_t *keys, uint32_t n, dg_err *err)
{
    const dg_graph *graph = c->graph;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t leader = node_of(c, keys[i]);
        uint32_t found = 0;
        if (graph->leader[leader] != NO_LEADER) continue;
        for (uint32_t j = i + 1; j < n; j++) {
            const uint32_t node = node_of(c, keys[j]);
            if (graph->leader[node] == NO_LEADER &&
                dg_graph_distance(graph, leader, node) <= graph->threshold)
                c->candidates[found++] = node;
        }
        if (ask(c, n - i, err) || lead(c, leader, c->candidates, found, err)) return err->code;
    }
    return DG_OK;
}

/* --- large components --- */

/* The next nodes that may lead, with room for their neighbours. Places are those among the nodes left. */
typedef struct block {
    uint32_t count;
    uint32_t *place;     /* of each, ascending */
    uint32_t *start;     /* count + 1: the room of each */
    uint32_t *found;     /* how much of it is taken */
    uint32_t *neighbour; /* places */
} block;

static void free_block(block *b)
{
    free(b->place);
    free(b->start);
    free(b->found);
    free(b->neighbour);
    *b = (block){0};
}

static uint32_t component_of(const cutting *c, uint64_t key)
{
    return c->graph->component[node_of(c, key)];
}

/*
 * Chooses the first nodes of each component that have no more than `share` neighbours for each node that is
 * left of it, but one at least; with no more than `most` neighbours in all, but one node at least. The nodes
 * left are n, component by component.
 */
static void choose(const cutting *c, const uint64_t *keys, uint32_t n, uint64_t share, uint64_t most,
                   block *b)
{
    b->count = b->start[0] = 0;
    for (uint32_t begin = 0, end; begin < n; begin = end) {
        const uint32_t component = component_of(c, keys[begin]);
        for (end = begin + 1; end < n && component_of(c, keys[end]) == component;) end++;
        const uint32_t from = b->start[b->count];
        for (uint32_t i = begin; i < end; i++) {
            const uint64_t room = (uint64_t)b->start[b->count] + c->graph->neighbours[node_of(c, keys[i])];
            if (room > most && b->count > 0) return;
            if (room - from > share * (end - begin) && i > begin) break;
            b->place[b->count] = i;
            b->start[++b->count] = (uint32_t)room;
        }
    }
}

static enum dg_code open_block(const cutting *c, const uint64_t *keys, uint32_t n, uint64_t share,
                               uint64_t most, block *out, dg_err *err)
{
    *out = (block){.place = malloc(n * sizeof *out->place),
                   .start = malloc(((size_t)n + 1) * sizeof *out->start),
                   .found = calloc(n, sizeof *out->found)};
    if (out->place && out->start && out->found) {
        choose(c, keys, n, share, most, out);
        out->neighbour = malloc(((size_t)out->start[out->count] + 1) * sizeof *out->neighbour);
    }
    if (out->neighbour) return DG_OK;
    free_block(out);
    return dg_fail_nomem(err, "the neighbours of rows");
}

/* The hashes of n nodes, those at the places or with NULL the first, as a join takes them; NULL without
 * memory.
 */
static uint64_t *copy_hashes(const cutting *c, const uint64_t *keys, const uint32_t *place, uint32_t n)
{
    const uint32_t words = c->graph->words;
    uint64_t *hashes = malloc((size_t)n * words * sizeof *hashes);
    for (uint32_t i = 0; hashes && i < n; i++) {
        const uint32_t node = node_of(c, keys[place ? place[i] : i]);
        memcpy(hashes + (size_t)i * words, c->graph->nodes.hashes + (size_t)node * words,
               words * sizeof *hashes);
    }
    return hashes;
}

static void add_report(dg_report *sum, const dg_report *more)
{
    sum->batches += more->batches;
    sum->candidates += more->candidates;
    if (!sum->fallback[0]) memcpy(sum->fallback, more->fallback, sizeof sum->fallback);
}

/* Finds the neighbours of the block's nodes that come after them. */
static enum dg_code find_neighbours(cutting *c, const uint64_t *keys, uint32_t n, block *b, dg_err *err)
{
    static const char what[] = "the hashes of a component";
    const int all = b->count == n;
    dg_join_spec spec = *c->join;
    dg_pair *pairs = malloc(PAIRS * sizeof *pairs);
    dg_join *join = NULL;
    dg_report report;
    size_t count;
    spec.rows = b->count;
    spec.right_rows = all ? 0 : n;
    spec.hashes = copy_hashes(c, keys, b->place, spec.rows);
    spec.right = all ? NULL : copy_hashes(c, keys, NULL, n);
    if (!pairs || !spec.hashes || (!all && !spec.right)) {
        free(pairs);
        free(spec.hashes);
        free(spec.right);
        return dg_fail_nomem(err, what);
    }
    if (dg_join_open(&spec, &join, err) == DG_OK) {
        while (dg_join_read(join, pairs, PAIRS, &count, err) == DG_OK && count > 0)
            for (size_t i = 0; i < count; i++) {
                const uint32_t a = pairs[i].a;
                if (b->place[a] < pairs[i].b) b->neighbour[b->start[a] + b->found[a]++] = pairs[i].b;
            }
        dg_join_report_get(join, &report);
        add_report(c->report, &report);
        dg_join_close(join);
    }
    free(pairs);
    return err->code;
}

static int by_place(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Cuts n nodes, component by component and each in order. */
static enum dg_code cut_large(cutting *c, uint64_t *keys, uint32_t n, dg_err *err)
{
    const dg_graph *graph = c->graph;
    const uint64_t limit = c->join->place.memory_limit / ROOM_SHARE;
    const uint64_t most = limit && limit < ROOM ? limit : ROOM;
    for (uint64_t share = 1; n > 0; share = share < most ? share * ROOM_GROWTH : share) {
        block b;
        if (open_block(c, keys, n, share, most, &b, err)) return err->code;
        find_neighbours(c, keys, n, &b, err);
        for (uint32_t i = 0; i < b.count && !err->code; i++) {
            const uint32_t leader = node_of(c, keys[b.place[i]]);
            uint32_t *near = b.neighbour + b.start[i], left = 0;
            if (graph->leader[leader] != NO_LEADER) continue;
            /* The order in which pairs came matters to cliques only. */
            if (c->clique) qsort(near, b.found[i], sizeof *near, by_place);
            for (uint32_t k = 0; k < b.found[i]; k++) {
                const uint32_t node = node_of(c, keys[near[k]]);
                if (graph->leader[node] == NO_LEADER) near[left++] = node;
            }
            if (ask(c, b.found[i] + 1, err) == DG_OK) lead(c, leader, near, left, err);
        }
        free_block(&b);
        if (err->code) return err->code;
        uint32_t left = 0;
        for (uint32_t i = 0; i < n; i++)
            if (graph->leader[node_of(c, keys[i])] == NO_LEADER) keys[left++] = keys[i];
        n = left;
    }
    return DG_OK;
}

/* --- everything --- */

/*
 * Lists the keys of all nodes that have neighbours, component by component, the small ones first. Returns how
 * many are in small ones. `next` is as long as the graph.
 */
static uint32_t arrange(const cutting *c, uint32_t *next)
{
    const dg_graph *graph = c->graph;
    uint32_t small = 0, end = 0;
    for (int large = 0; large < 2; large++) {
        for (uint32_t u = 0; u < graph->nodes.count; u++) {
            if (graph->component[u] != u || graph->size[u] == 1 || (graph->size[u] > SMALL) != large)
                continue;
            next[u] = end;
            end += graph->size[u];
        }
        if (!large) small = end;
    }
    for (uint32_t u = 0; u < graph->nodes.count; u++)
        if (graph->neighbours[u] > 0) c->keys[next[graph->component[u]]++] = dg_graph_key(graph, u);
    return small;
}

static enum dg_code cut_all(cutting *c, uint32_t *next, uint32_t connected, dg_err *err)
{
    const uint32_t small = arrange(c, next);
    for (uint32_t i = 0, size; i < connected; i += size) {
        size = c->graph->size[component_of(c, c->keys[i])];
        if (sort(c, c->keys + i, size, err)) return err->code;
        if (i < small && cut_small(c, c->keys + i, size, err)) return err->code;
    }
    return cut_large(c, c->keys + small, connected - small, err);
}

enum dg_code dg_graph_cut(const dg_graph *graph, int clique, const dg_join_spec *join, dg_report *report,
                          dg_err *err)
{
    uint32_t connected = 0;
    for (uint32_t u = 0; u < graph->nodes.count; u++) {
        const int alone = graph->neighbours[u] == 0;
        connected += !alone;
        graph->leader[u] = alone ? u : NO_LEADER;
    }
    if (connected == 0) return DG_OK;
    cutting c = {.graph = graph,
                 .clique = clique,
                 .join = join,
                 .report = report,
                 .keys = malloc(connected * sizeof *c.keys),
                 .spare = malloc(connected * sizeof *c.spare),
                 .candidates = malloc(SMALL * sizeof *c.candidates)};
    uint32_t *next = malloc(graph->nodes.count * sizeof *next);
    if (c.keys && c.spare && c.candidates && next)
        cut_all(&c, next, connected, err);
    else
        dg_fail_nomem(err, "the order of rows");
    free(c.keys);
    free(c.spare);
    free(c.candidates);
    free(next);
    return err->code;
}
