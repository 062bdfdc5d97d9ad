/*
 * Groups from end to end: count the pairs of a join into a graph, give every node a leader, write down the
 * groups of two rows or more.
 */
#include "groups.h"

#include "../clock.h"
#include "graph.h"

#include <stdlib.h>
#include <string.h>

enum { PIECE = 1 << 20 }; /* hits or rows between two questions to the poll */

static const uint32_t NOWHERE = UINT32_MAX;

static enum dg_code ask(const dg_join_spec *spec, dg_err *err)
{
    return dg_poll_stop(&spec->poll) ? dg_fail(err, DG_INTERRUPT, "interrupted") : DG_OK;
}

/* --- the graph --- */

static void free_graph(dg_graph *graph)
{
    free(graph->node_of);
    free(graph->degree);
    free(graph->neighbours);
    free(graph->component);
    free(graph->size);
    free(graph->leader);
    *graph = (dg_graph){0};
}

/* A graph of nodes without neighbours. */
static enum dg_code open_graph(const dg_join_spec *spec, const dg_join *join, dg_graph *graph, dg_err *err)
{
    const dg_join_rows nodes = dg_join_rows_get(join);
    const size_t room = (size_t)nodes.count + 1;
    *graph = (dg_graph){.nodes = nodes,
                        .words = (spec->bits + 63) / 64,
                        .threshold = spec->threshold,
                        .node_of = malloc(((size_t)spec->rows + 1) * sizeof *graph->node_of),
                        .degree = malloc(room * sizeof *graph->degree),
                        .neighbours = calloc(room, sizeof *graph->neighbours),
                        .component = malloc(room * sizeof *graph->component),
                        .size = malloc(room * sizeof *graph->size),
                        .leader = malloc(room * sizeof *graph->leader)};
    if (!graph->node_of || !graph->degree || !graph->neighbours || !graph->component || !graph->size ||
        !graph->leader)
        return dg_fail_nomem(err, "the graph of similar rows");
    for (uint32_t u = 0; u < nodes.count; u++) {
        const uint32_t weight = dg_graph_weight(graph, u);
        const uint32_t *rows = nodes.of ? nodes.of + nodes.first[u] : &u;
        if (u % PIECE == 0 && ask(spec, err)) return err->code;
        graph->degree[u] = weight - 1;
        graph->component[u] = u;
        graph->size[u] = 1;
        for (uint32_t i = 0; i < weight; i++) graph->node_of[rows[i]] = u;
    }
    return DG_OK;
}

static uint32_t root_of(uint32_t *parent, uint32_t u)
{
    for (; parent[u] != u; u = parent[u]) parent[u] = parent[parent[u]];
    return u;
}

static void connect(dg_graph *graph, uint32_t a, uint32_t b)
{
    a = root_of(graph->component, a);
    b = root_of(graph->component, b);
    if (a == b) return;
    const uint32_t large = graph->size[a] >= graph->size[b] ? a : b, small = a ^ b ^ large;
    graph->component[small] = large;
    graph->size[large] += graph->size[small];
}

/* Counts all edges. */
static enum dg_code count_edges(const dg_join_spec *spec, dg_join *join, dg_graph *graph, dg_err *err)
{
    const dg_hit *hits;
    uint32_t count;
    do {
        if (dg_join_read_distinct(join, &hits, &count, err)) return err->code;
        for (uint32_t i = 0; i < count; i++) {
            const uint32_t a = hits[i].a, b = hits[i].b;
            if (i % PIECE == PIECE - 1 && ask(spec, err)) return err->code;
            graph->degree[a] += dg_graph_weight(graph, b);
            graph->degree[b] += dg_graph_weight(graph, a);
            graph->neighbours[a]++;
            graph->neighbours[b]++;
            connect(graph, a, b);
        }
    } while (count > 0);
    for (uint32_t u = 0; u < graph->nodes.count; u++) graph->component[u] = root_of(graph->component, u);
    return DG_OK;
}

/* --- leaders --- */

/* Where every row is within the threshold of every other one, the first leads. */
static void lead_all(const dg_graph *graph)
{
    for (uint32_t u = 0; u < graph->nodes.count; u++) graph->leader[u] = graph->node_of[0];
}

static void lead_components(const dg_graph *graph)
{
    uint32_t *leader = graph->leader;
    for (uint32_t u = 0; u < graph->nodes.count; u++) leader[u] = u;
    for (uint32_t u = 0; u < graph->nodes.count; u++) {
        const uint32_t root = graph->component[u];
        if (dg_graph_key(graph, u) < dg_graph_key(graph, leader[root])) leader[root] = u;
    }
    /* A root's entry is its leader already, and stays. */
    for (uint32_t u = 0; u < graph->nodes.count; u++)
        if (graph->component[u] != u) leader[u] = leader[graph->component[u]];
}

static enum dg_code find_leaders(const dg_join_spec *spec, enum dg_groups_method method, dg_join *join,
                                 dg_graph *graph, dg_report *report, dg_err *err)
{
    if (spec->threshold >= spec->bits) {
        lead_all(graph);
        return DG_OK;
    }
    count_edges(spec, join, graph, err);
    dg_join_report_get(join, report);
    if (err->code) return err->code;
    if (method != DG_GROUPS_COMPONENTS)
        return dg_graph_cut(graph, method == DG_GROUPS_COMPLETE, spec, report, err);
    lead_components(graph);
    return DG_OK;
}

/* --- the groups --- */

/* Writes down the groups of two rows or more, by one walk over the rows. rows_in[leader]: rows of its group;
 * next[leader]: where the next of them goes, or NOWHERE before the first. */
static enum dg_code walk(const dg_join_spec *spec, const dg_graph *graph, const uint32_t *rows_in,
                         uint32_t *next, dg_groups *out, dg_err *err)
{
    out->first[0] = 0;
    for (uint32_t row = 0; row < spec->rows; row++) {
        const uint32_t node = graph->node_of[row], leader = graph->leader[node];
        if (row % PIECE == 0 && ask(spec, err)) return err->code;
        if (rows_in[leader] < 2) continue;
        if (next[leader] == NOWHERE) {
            next[leader] = out->first[out->count];
            out->representatives[out->count] = dg_graph_row(graph, leader);
            out->first[++out->count] = next[leader] + rows_in[leader];
        }
        out->rows[next[leader]] = row;
        out->distances[next[leader]++] = dg_graph_distance(graph, node, leader);
    }
    return DG_OK;
}

static enum dg_code write_groups(const dg_join_spec *spec, const dg_graph *graph, dg_groups *out, dg_err *err)
{
    const size_t nodes = graph->nodes.count;
    uint32_t *rows_in = calloc(nodes + 1, sizeof *rows_in), *next = malloc((nodes + 1) * sizeof *next);
    size_t groups = 0, members = 0;
    if (rows_in && next) {
        for (uint32_t u = 0; u < nodes; u++) {
            rows_in[graph->leader[u]] += dg_graph_weight(graph, u);
            next[u] = NOWHERE;
        }
        for (uint32_t u = 0; u < nodes; u++) {
            groups += rows_in[u] > 1;
            members += rows_in[u] > 1 ? rows_in[u] : 0;
        }
        out->first = malloc((groups + 1) * sizeof *out->first);
        out->representatives = malloc((groups + 1) * sizeof *out->representatives);
        out->rows = malloc((members + 1) * sizeof *out->rows);
        out->distances = malloc((members + 1) * sizeof *out->distances);
    }
    if (out->first && out->representatives && out->rows && out->distances)
        walk(spec, graph, rows_in, next, out, err);
    else
        dg_fail_nomem(err, "the groups of rows");
    free(rows_in);
    free(next);
    return err->code;
}

/* Bytes that grouping takes beside the join. */
static uint64_t bytes_of(const dg_join_spec *spec, const dg_graph *graph, const dg_groups *out)
{
    uint64_t each = sizeof *graph->degree + sizeof *graph->neighbours + sizeof *graph->component +
                    sizeof *graph->size + sizeof *graph->leader;
    return spec->rows * sizeof *graph->node_of + graph->nodes.count * each +
           out->first[out->count] * (sizeof *out->rows + sizeof *out->distances) +
           out->count * (sizeof *out->first + sizeof *out->representatives);
}

enum dg_code dg_groups_find(const dg_join_spec *spec, enum dg_groups_method method, dg_groups *out,
                            dg_report *report, dg_err *err)
{
    const double begun = dg_clock();
    dg_join_spec counting = *spec;
    dg_graph graph = {0};
    dg_join *join;
    *out = (dg_groups){0};
    *report = (dg_report){.rows = spec->rows};
    /* All pairs are neighbours: nobody needs to hear of them. */
    if (spec->threshold >= spec->bits) counting.threshold = 0;
    if (dg_join_open(&counting, &join, err)) return err->code;
    dg_join_report_get(join, report);
    if (open_graph(spec, join, &graph, err) == DG_OK &&
        find_leaders(spec, method, join, &graph, report, err) == DG_OK &&
        write_groups(spec, &graph, out, err) == DG_OK) {
        report->bytes += bytes_of(spec, &graph, out);
        report->results = out->first[out->count];
    } else {
        dg_groups_free(out);
        report->results = 0;
    }
    report->seconds = dg_clock() - begun;
    free_graph(&graph);
    dg_join_close(join);
    return err->code;
}

void dg_groups_free(dg_groups *groups)
{
    free(groups->first);
    free(groups->rows);
    free(groups->distances);
    free(groups->representatives);
    *groups = (dg_groups){0};
}
