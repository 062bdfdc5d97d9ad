/*
 * The CPU backend: every operation of ops.h on the cores of this machine.
 *
 * Its parts: cpu.c the door; threads.c how many threads and when not; isa.c which instruction set;
 * collapse.c, partition.c, compare.c, histogram.c and nearest.c one operation each; radix.h what the first
 * two share; sieve.inc.h, histogram.inc.h and nearest.inc.h the inner loops of the other three, instantiated
 * once for each instruction set by sieve_*.c. Device memory is host memory.
 */
#ifndef DG_CPU_H
#define DG_CPU_H

#include "../backend.h"

#include <stdatomic.h>

extern const dg_backend dg_backend_cpu;

/* --- for the files of this room --- */

/* Work of one operation on several threads: who asks to stop, and who was told. */
typedef struct dg_team {
    uint32_t threads;
    const dg_poll *poll;
    atomic_int stop; /* a dg_code; DG_OK goes on */
} dg_team;

/* Asks the caller's poll where this is the calling thread. True when the work must end. Call at least every
 * 20 ms. */
int dg_team_stop(dg_team *team);

/* Threads a parallel region may use here and now, at most `wanted` (0: all processors). At least 1. */
uint32_t dg_cpu_threads(uint32_t wanted);

/* The thread's number inside a parallel region; 0 is the calling thread. */
uint32_t dg_cpu_thread(void);

/* One instruction set's inner loops. */
typedef struct dg_scratch dg_scratch;
typedef struct dg_strip dg_strip;
typedef struct dg_tally dg_tally;
typedef struct dg_asking dg_asking;
typedef struct dg_cpu_isa {
    const char *name;
    int (*supported)(void);
    /* Runs unit number `unit` of `op`, storing hits unsorted. See compare.c. */
    void (*unit)(const dg_op_compare *op, uint32_t unit, dg_scratch *scratch);
    /* Counts the pairs of `count` rows with the rows of a strip. See histogram.c. */
    void (*count)(const uint64_t *rows, uint32_t count, const dg_strip *strip, dg_tally *tally);
    /* Offers the rows of a strip, numbered from `row` on, to queries. See nearest.c. */
    void (*offer)(const dg_strip *strip, uint32_t row, dg_asking *asking);
    dg_costs costs;
} dg_cpu_isa;

/* Those compiled for this architecture, the best first, ending with NULL. */
extern const dg_cpu_isa *const dg_cpu_isas[];

/* The instruction set of that name, or the best supported one for NULL. */
const dg_cpu_isa *dg_cpu_isa_find(const char *name, dg_err *err);

enum dg_code dg_cpu_collapse(dg_op_collapse *op, dg_team *team, dg_err *err);
enum dg_code dg_cpu_partition(dg_op_partition *op, dg_team *team, dg_err *err);
enum dg_code dg_cpu_compare(dg_op_compare *op, const dg_cpu_isa *isa, dg_team *team, dg_err *err);
enum dg_code dg_cpu_histogram(dg_op_histogram *op, const dg_cpu_isa *isa, dg_team *team, dg_err *err);
enum dg_code dg_cpu_nearest(dg_op_nearest *op, const dg_cpu_isa *isa, dg_team *team, dg_err *err);

#endif
