/*
 * The last operations of a connection, for the table dupgpu_stats: a ring that keeps the newest
 * DG_STATS_KEPT.
 *
 * Every operation has a number that counts up from 1; reading by number lets a scan go on while operations
 * are added.
 */
#ifndef DG_EXT_STATS_H
#define DG_EXT_STATS_H

#include "../kernels/engine/report.h"

enum { DG_STATS_KEPT = 64 };

typedef struct dg_stats_row {
    const char *op;     /* static: the table's name */
    const char *source; /* static: where the column came from, "read" or "cached" */
    dg_report report;
} dg_stats_row;

typedef struct dg_stats {
    uint64_t added;
    dg_stats_row ring[DG_STATS_KEPT];
} dg_stats;

static inline void dg_stats_add(dg_stats *stats, const char *op, const char *source, const dg_report *report)
{
    stats->ring[stats->added++ % DG_STATS_KEPT] = (dg_stats_row){op, source, *report};
}

/* The number of the oldest row that is kept; stats->added is the newest. */
static inline uint64_t dg_stats_oldest(const dg_stats *stats)
{
    return stats->added > DG_STATS_KEPT ? stats->added - DG_STATS_KEPT + 1 : 1;
}

/* The operation with that number; NULL once a newer one has taken its place. */
static inline const dg_stats_row *dg_stats_get(const dg_stats *stats, uint64_t number)
{
    if (number < dg_stats_oldest(stats) || number > stats->added) return NULL;
    return &stats->ring[(number - 1) % DG_STATS_KEPT];
}

#endif
