/*
 * PARTITION on a GPU: keys, a radix sort of (key, row), the offsets of buckets in the sorted keys, and the
 * sieve gathered by row number. All on one side, one launch after another.
 */
#include "internal.h"

#include <stdlib.h>

enum {
    PASSES_MAX = 32 / DG_DIGIT_BITS,
    STAGES_MAX = 3 + 3 * PASSES_MAX,
};

/* A kernel over so many groups. */
typedef struct stage {
    enum dg_kernel kernel;
    uint32_t groups;
    enum dg_pace pace;
    void *memory[6];
    union {
        dg_keys_arguments keys;
        dg_digit_arguments digit;
        dg_bounds_arguments bounds;
        dg_gather_arguments gather;
    } arguments;
} stage;

enum { KEYS, KEYS_TOO, ROWS, COUNTS, TOTALS, SCRATCH };

typedef struct partition {
    dg_kept scratch[SCRATCH];
    stage stages[STAGES_MAX];
    uint32_t stage_count, stage; /* the one to launch next */
    uint32_t done;               /* groups of it */
} partition;

static stage *add(partition *p, enum dg_kernel kernel, uint32_t groups, enum dg_pace pace)
{
    stage *s = &p->stages[p->stage_count++];
    *s = (stage){.kernel = kernel, .groups = groups, .pace = pace};
    return s;
}

/* The sort: from keys and rows to sorted keys and the index. Returns the sorted keys. */
static void *add_sort(partition *p, const dg_index *index, const dg_keys_arguments *rows)
{
    const uint32_t n = index->count, groups = dg_gpu_ceil(n, DG_SORT_ROWS);
    const uint32_t passes = dg_gpu_ceil(index->chunk.width, DG_DIGIT_BITS);
    void *keys[2] = {p->scratch[KEYS].memory, p->scratch[KEYS_TOO].memory};
    void *order[2] = {p->scratch[ROWS].memory, index->index.handle};
    uint32_t at = passes % 2 == 0; /* so that the last pass writes the index */
    stage *s = add(p, DG_KERNEL_keys, dg_gpu_ceil(n, DG_GROUP), DG_PACE_ROWS);
    s->memory[0] = index->hashes.handle;
    s->memory[1] = keys[at];
    s->memory[2] = order[at];
    s->arguments.keys = *rows;
    for (uint32_t pass = 0; pass < passes; pass++, at ^= 1) {
        const dg_digit_arguments digit = {.count = n, .shift = pass * DG_DIGIT_BITS, .groups = groups};
        s = add(p, DG_KERNEL_digit_count, groups, DG_PACE_SORT);
        s->memory[0] = keys[at];
        s->memory[1] = p->scratch[COUNTS].memory;
        s->arguments.digit = digit;
        s = add(p, DG_KERNEL_digit_scan, DG_DIGITS, DG_PACE_SORT);
        s->memory[0] = p->scratch[COUNTS].memory;
        s->memory[1] = p->scratch[TOTALS].memory;
        s->arguments.digit = digit;
        s = add(p, DG_KERNEL_digit_scatter, groups, DG_PACE_SORT);
        s->memory[0] = keys[at];
        s->memory[1] = order[at];
        s->memory[2] = p->scratch[COUNTS].memory;
        s->memory[3] = p->scratch[TOTALS].memory;
        s->memory[4] = keys[at ^ 1];
        s->memory[5] = order[at ^ 1];
        s->arguments.digit = digit;
    }
    return keys[at];
}

static enum dg_code partition_begin(dg_device *device, void *arguments, dg_err *err)
{
    const dg_op_partition *op = arguments;
    const dg_index *index = op->index;
    const uint32_t n = index->count, width = index->chunk.width;
    const int sort = !op->sorted && n > 0;
    partition *p = device->state = calloc(1, sizeof *p);
    if (!p) return dg_fail_nomem(err, "ordering hashes");
    const dg_keys_arguments rows = {.words = index->words,
                                    .begin = index->begin,
                                    .count = n,
                                    .start = index->chunk.start,
                                    .width = width};
    void *keys = NULL;
    if (sort) {
        const size_t bytes = (size_t)n * sizeof(uint32_t);
        const size_t counters = (size_t)dg_gpu_ceil(n, DG_SORT_ROWS) * DG_DIGITS * sizeof(uint32_t);
        if (dg_gpu_keep(device, &p->scratch[KEYS], bytes, err) ||
            dg_gpu_keep(device, &p->scratch[KEYS_TOO], bytes, err) ||
            dg_gpu_keep(device, &p->scratch[ROWS], bytes, err) ||
            dg_gpu_keep(device, &p->scratch[COUNTS], counters, err) ||
            dg_gpu_keep(device, &p->scratch[TOTALS], DG_DIGITS * sizeof(uint32_t), err))
            return err->code;
        keys = add_sort(p, index, &rows);
    }
    stage *s = add(p, DG_KERNEL_bounds, dg_gpu_ceil(((uint64_t)1 << width) + 1, DG_GROUP), DG_PACE_ROWS);
    s->memory[0] = index->hashes.handle;
    s->memory[1] = keys;
    s->memory[2] = index->offsets.handle;
    s->arguments.bounds = (dg_bounds_arguments){.rows = rows, .from_rows = !keys};
    if (sort) {
        s = add(p, DG_KERNEL_gather, dg_gpu_ceil(n, DG_GROUP), DG_PACE_ROWS);
        s->memory[0] = index->hashes.handle;
        s->memory[1] = index->index.handle;
        s->memory[2] = index->sieve.handle;
        dg_gather_arguments *gather = &s->arguments.gather;
        *gather = (dg_gather_arguments){.words = index->words, .count = n, .sieve_bits = index->sieve_bits};
        for (uint32_t w = 0; w < DG_SIEVE_WORDS_MAX; w++) gather->sieve_word[w] = index->sieve_word[w];
    }
    return DG_OK;
}

static enum dg_code partition_advance(dg_device *device, dg_side *side, int *busy, dg_err *err)
{
    partition *p = device->state;
    if (side != &device->side[0]) return DG_OK;
    while (p->stage < p->stage_count && side->share > 0) {
        stage *s = &p->stages[p->stage];
        *busy = 1;
        if (dg_gpu_launch(device, side, s->pace, s->kernel, s->memory, &s->arguments, &p->done, s->groups,
                          err))
            return err->code;
        if (p->done < s->groups) break;
        p->stage++;
        p->done = 0;
    }
    return DG_OK;
}

static void partition_end(dg_device *device)
{
    partition *p = device->state;
    if (!p) return;
    for (int i = 0; i < SCRATCH; i++) dg_gpu_drop(device, &p->scratch[i]);
    free(p);
}

const dg_operation dg_gpu_partition = {partition_begin, partition_advance, partition_end};
