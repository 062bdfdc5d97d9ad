/*
 * A stage: one self join of a table, or one join of two, at one threshold; a join has one to three of them.
 *
 * A stage runs passes. In a multi-index layout pass c orders the rows by chunk c and compares bucket with
 * bucket, leaving out pairs an earlier chunk has brought together (the first-matching-chunk rule: each pair
 * once, with no set of seen pairs). A brute pass compares everything with everything; it may stand for all
 * the chunks not yet done where those turn out more expensive than foreseen, and the same rule keeps its
 * pairs apart from earlier ones.
 *
 * A stage whose device failed can go on on another one, from the first unit whose hits are not known yet:
 * units and their order do not depend on the device.
 *
 * A pass is cut into units by the data alone. Units run in batches, and their hits are delivered in the order
 * of the units, so neither the number of threads nor the device changes the order of results. A unit with
 * more hits than fit is cut in two and run again.
 */
#ifndef DG_ENGINE_STAGE_H
#define DG_ENGINE_STAGE_H

#include "../backend.h"
#include "layout.h"
#include "place.h"

typedef struct dg_stage_spec {
    dg_place *place;
    const dg_poll *poll;
    const uint64_t *rows; /* the table in host memory */
    dg_buffer hashes;     /* the same on the device; empty where windowed */
    uint32_t words, bits, threshold;
    uint32_t begin_a, count_a, begin_b, count_b; /* row ranges; the same range twice: a self join */
    int sorted;                                  /* rows of the range are in the order of their first bits */
    dg_layout layout;
    int keep_layout;        /* do not let a brute pass stand in for chunks */
    uint32_t sieve_bits;    /* of brute passes */
    uint32_t tile;          /* side of a tile of brute passes */
    int windowed;           /* brute passes only: the table goes to the device piece by piece */
    uint64_t memory_limit;  /* bytes of host memory; a quarter of it goes to hits on their way */
    uint32_t shard, shards; /* with more than one shard: only every shards-th unit, from number shard on */
    uint32_t batch_units;   /* most units run at once; 0: as many as suit the device */
    dg_buffer work;         /* work space in host memory that may be used, or empty */
} dg_stage_spec;

typedef struct dg_stage dg_stage;

enum dg_code dg_stage_open(const dg_stage_spec *spec, dg_stage **out, dg_err *err);

/*
 * The next hits, in order; *count 0 at the end. They stay valid until the next call.
 * In a join of two tables hit.a is a row of the first, in a self join a < b.
 */
enum dg_code dg_stage_next(dg_stage *stage, const dg_hit **hits, uint32_t *count, dg_err *err);

/*
 * After dg_stage_next failed for the sake of the device: leave frees all that is on it; enter, once the place
 * holds another device, goes on there. `hashes` is the table on the new device.
 */
void dg_stage_leave(dg_stage *stage);
void dg_stage_enter(dg_stage *stage, dg_buffer hashes);

typedef struct dg_stage_counts {
    uint64_t units, candidates, bytes;
    uint32_t chunks_left; /* chunks that a brute pass stood in for */
} dg_stage_counts;

dg_stage_counts dg_stage_count(const dg_stage *stage);

void dg_stage_close(dg_stage *stage);

#endif
