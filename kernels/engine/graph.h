/*
 * The graph behind groups, without its edges, and the cutting of it into stars or cliques.
 *
 * A node is a distinct row of a column, by the numbers of dg_join_rows. Edges are never kept: degrees are
 * counted when a join hands out the pairs, and where neighbours are needed again, they are found again.
 */
#ifndef DG_ENGINE_GRAPH_H
#define DG_ENGINE_GRAPH_H

#include "join.h"

typedef struct dg_graph {
    dg_join_rows nodes;
    uint32_t words, threshold;
    uint32_t *node_of;    /* of each row of the column */
    uint32_t *degree;     /* of each node: rows of the column within the threshold, but itself */
    uint32_t *neighbours; /* of each node: nodes within the threshold */
    uint32_t *component;  /* of each node: a node of its component, the same for all */
    uint32_t *size;       /* nodes of the component, for the node that `component` names */
    uint32_t *leader;     /* of each node: the representative of its group */
} dg_graph;

/* The smallest row that the node stands for. */
static inline uint32_t dg_graph_row(const dg_graph *graph, uint32_t node)
{
    return graph->nodes.of ? graph->nodes.of[graph->nodes.first[node]] : node;
}

/* How many rows it stands for. */
static inline uint32_t dg_graph_weight(const dg_graph *graph, uint32_t node)
{
    return graph->nodes.of ? graph->nodes.first[node + 1] - graph->nodes.first[node] : 1;
}

uint32_t dg_graph_distance(const dg_graph *graph, uint32_t a, uint32_t b);

/* The node's place in the order of choice: the smaller comes first. */
static inline uint64_t dg_graph_key(const dg_graph *graph, uint32_t node)
{
    return (uint64_t)(UINT32_MAX - graph->degree[node]) << 32 | dg_graph_row(graph, node);
}

/*
 * Fills in the leaders; everything else is given. `clique`: members must be within the threshold of one
 * another, not only of the leader. `join` is the spec of the join that counted, for finding neighbours again;
 * what such joins did is added to `report`.
 */
enum dg_code dg_graph_cut(const dg_graph *graph, int clique, const dg_join_spec *join, dg_report *report,
                          dg_err *err);

#endif
