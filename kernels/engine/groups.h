/*
 * Groups of similar rows, from the pairs of a join that are counted and forgotten as they come.
 *
 * The graph is that of the distinct rows, joined where they differ in at most `threshold` bits; its connected
 * components are found by union-find. A row's degree is the number of other rows within the threshold, equal
 * ones included. All choices follow one total order: higher degree first, then smaller row number. So groups
 * are the same for the same data whatever device, plan and number of threads found the pairs; and equal rows,
 * which have the same neighbours, share a group.
 *
 * Memory: about 40 bytes a row beside what the join takes, and the neighbours of as many rows as fit into
 * 64 MiB (or a sixteenth of the memory limit), whatever the number of pairs.
 */
#ifndef DG_ENGINE_GROUPS_H
#define DG_ENGINE_GROUPS_H

#include "join.h"

enum dg_groups_method {
    /* The first row by the order takes its neighbours, then the first row left takes those of its neighbours
     * that are left: each member is within the threshold of its representative. */
    DG_GROUPS_STAR,
    /* In the same order a row joins the first group in which it is within the threshold of all members, or
     * founds one: all members are within the threshold of one another. */
    DG_GROUPS_COMPLETE,
    /* Connected components: whoever is reached from neighbour to neighbour. */
    DG_GROUPS_COMPONENTS,
};

/*
 * Groups of two rows or more, in the order of their first rows. The representative of a group is its first
 * row by the order above. All arrays are allocated with malloc.
 */
typedef struct dg_groups {
    uint32_t count;
    uint32_t *first;           /* group g has the members first[g] .. first[g + 1] - 1 */
    uint32_t *rows;            /* of each member, ascending within a group */
    uint32_t *distances;       /* of each member to its representative */
    uint32_t *representatives; /* a row of each group */
} dg_groups;

/*
 * Groups the rows of a column. `join` says which rows are neighbours and how they are found: one column, no
 * focus; ownership of its hashes as in dg_join_open. `report` is filled in as far as the work came, also on
 * failure; then *out is empty.
 */
enum dg_code dg_groups_find(const dg_join_spec *join, enum dg_groups_method method, dg_groups *out,
                            dg_report *report, dg_err *err);

/* Idempotent; leaves it empty. */
void dg_groups_free(dg_groups *groups);

#endif
