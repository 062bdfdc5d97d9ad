/* What an operation did, for dupgpu_stats. */
#ifndef DG_ENGINE_REPORT_H
#define DG_ENGINE_REPORT_H

#include <stdint.h>

typedef struct dg_report {
    const char *backend;
    char device[64];
    char plan[240];     /* in words, with the reason */
    char fallback[240]; /* empty: none */
    uint64_t rows, unique_rows;
    uint64_t batches;    /* work units run */
    uint64_t candidates; /* pairs of rows compared */
    uint64_t results;    /* rows handed out */
    uint64_t bytes;      /* peak work space, hashes included */
    double seconds;      /* inside the engine */
} dg_report;

#endif
