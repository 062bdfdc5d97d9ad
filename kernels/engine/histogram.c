/*
 * A histogram from end to end: collapse equal rows, order the distinct ones by weight, cut them into blocks
 * of one weight each, count every pair of blocks.
 *
 * What is left to do is a stack of rectangles of block pairs. A rectangle whose rows do not fit the device is
 * cut into smaller ones; one whose counting fails half way leaves on the stack exactly what was not counted.
 * So any amount of device memory, and a device that fails at any moment, give the same counts.
 */
#include "histogram.h"

#include "../clock.h"
#include "collapse.h"
#include "join.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS_MAX = 0xffff0000, /* row numbers are uint32, with room for sums of a tile */
    FEW = 32, /* rows of one weight that are no class of their own: counting a unit costs as much as
                 comparing their pairs with others' cut into powers of two */
    SIDE_MIN = 512,
    BLOCKS_WANTED = 32,     /* so that several hundred units keep every part of a device busy */
    UNITS_MAX = 4096,       /* in one batch */
    COUNTS_BYTES = 8 << 20, /* of the counts of a batch */
    TODO_MAX = 512,         /* cutting leaves at most two more on the stack each time, halving block numbers
                               below 2^32 twice over; a failure leaves two, and halves what fits */
};

static const double BATCH_SECONDS = 0.05;

typedef struct block {
    uint32_t begin, count, weight;
} block;

/* Blocks [a0, a1) with [b0, b1). The same range twice: each pair once, blocks with themselves included;
 * otherwise the ranges are disjoint. */
typedef struct rectangle {
    uint32_t a0, a1, b0, b1;
} rectangle;

/* Rows [begin, end) on the device. */
typedef struct window {
    dg_buffer buffer;
    uint32_t begin, end;
} window;

typedef struct counting {
    const dg_histogram_spec *spec;
    uint32_t words;
    uint64_t *rows; /* of all blocks */
    uint32_t row_count;
    block *blocks;
    uint32_t block_count;
    dg_place place;
    window window[2];
    uint64_t fit; /* bytes of rows that may be on the device */
    int shrunk;   /* that is less than the place promised */
    uint32_t side, batch;
    dg_unit *units;        /* room for UNITS_MAX */
    uint64_t *multiplier;  /* of each unit: the product of its weights */
    uint32_t *unit_counts; /* bits + 1 for each of batch_max */
    uint32_t batch_max;
    rectangle todo[TODO_MAX];
    uint32_t depth;
    uint64_t *counts;
    dg_report *report;
} counting;

double dg_histogram_seconds(const dg_device_info *info, uint64_t memory_limit, const void *work)
{
    const dg_histogram_work *w = work;
    double rows = (double)w->rows, bytes = rows * w->words * sizeof(uint64_t), limit = (double)memory_limit;
    double compute = rows * rows / 2 * w->words * info->costs.bin / info->units;
    /* Pieces of half the memory, each to be met by every other one. */
    double pieces = bytes <= limit ? 1 : 2 * bytes / limit;
    return compute + (pieces + 1) / 2 * bytes * info->costs.upload +
           (1 + compute / BATCH_SECONDS) * info->costs.start;
}

/* --- rows, classes, blocks --- */

/* A weight that rows keep; others are cut into powers of two. */
static int keeps_weight(uint32_t weight, uint32_t rows)
{
    return rows >= FEW || (weight & (weight - 1)) == 0;
}

static uint32_t side_for(uint32_t rows, uint32_t words)
{
    uint32_t side = DG_TILE_MAX;
    for (uint32_t w = words; w > 1 && side > SIDE_MIN; w = (w + 3) / 4)
        side /= 2; /* as much work in a tile */
    while (side > SIDE_MIN && rows / side < BLOCKS_WANTED) side /= 2;
    return side;
}

/* Cuts the rows of each class into blocks. Class i has rows ends[i-1] .. ends[i]-1 and weight i, or with
 * `ends` NULL all rows have weight 1. */
static enum dg_code make_blocks(counting *c, const uint32_t *ends, uint32_t classes, dg_err *err)
{
    uint32_t room = c->row_count / c->side + (ends ? classes : 1) + 1;
    c->blocks = malloc(room * sizeof *c->blocks);
    if (!c->blocks) return dg_fail_nomem(err, "the blocks of a histogram");
    for (uint32_t weight = 1, begin = 0; begin < c->row_count; weight++) {
        uint32_t end = ends ? ends[weight] : c->row_count;
        for (uint32_t n; begin < end; begin += n) {
            n = end - begin < c->side ? end - begin : c->side;
            c->blocks[c->block_count++] = (block){begin, n, weight};
            c->counts[0] += (uint64_t)n * weight * (weight - 1) / 2;
        }
    }
    return DG_OK;
}

/* Orders the distinct rows by weight into a column of their own, cutting those of rare weights. */
static enum dg_code order_by_weight(counting *c, const dg_collapsed *collapsed, dg_err *err)
{
    const uint32_t *first = collapsed->first, unique = collapsed->unique;
    const size_t row_bytes = c->words * sizeof *c->rows;
    uint32_t heaviest = 0, classes = 0, sum = 0;
    for (uint32_t u = 0; u < unique; u++)
        if (first[u + 1] - first[u] > heaviest) heaviest = first[u + 1] - first[u];
    /* Both fit the scratch space: heaviest is at most the number of rows. */
    uint32_t *of_weight = (uint32_t *)collapsed->scratch, *next = of_weight + heaviest + 1;
    memset(of_weight, 0, 2 * ((size_t)heaviest + 1) * sizeof *of_weight);
    for (uint32_t u = 0; u < unique; u++) of_weight[first[u + 1] - first[u]]++;
    for (uint32_t weight = 1; weight <= heaviest; weight++) {
        if (of_weight[weight] == 0) continue;
        if (keeps_weight(weight, of_weight[weight]))
            next[weight] += of_weight[weight];
        else
            for (uint32_t rest = weight; rest; rest &= rest - 1) next[rest & -rest] += of_weight[weight];
    }
    for (uint32_t weight = 1; weight <= heaviest; weight++) {
        uint32_t count = next[weight];
        classes += count > 0;
        next[weight] = sum;
        sum += count;
    }
    c->row_count = sum; /* no more than there were rows: a weight has no more set bits than its value */
    c->side = side_for(sum, c->words);
    uint64_t *ordered = malloc((size_t)sum * row_bytes);
    if (!ordered) return dg_fail_nomem(err, "the distinct hashes");
    for (uint32_t u = 0; u < unique; u++) {
        const uint64_t *row = c->rows + (size_t)u * c->words;
        uint32_t weight = first[u + 1] - first[u];
        if (keeps_weight(weight, of_weight[weight]))
            memcpy(ordered + (size_t)next[weight]++ * c->words, row, row_bytes);
        else
            for (uint32_t rest = weight; rest; rest &= rest - 1)
                memcpy(ordered + (size_t)next[rest & -rest]++ * c->words, row, row_bytes);
    }
    free(c->rows);
    c->rows = ordered;
    snprintf(c->report->plan, sizeof c->report->plan, "all pairs of %u distinct rows of %u weights", unique,
             classes);
    return make_blocks(c, next, classes, err); /* each class's next row is now where the class ends */
}

/* The bytes the host may take for work space. */
static uint64_t host_limit(const dg_place_spec *place)
{
    dg_device_info info;
    dg_err ignored = {0};
    const dg_backend *cpu = dg_backend_find("cpu", &ignored);
    if (place->memory_limit) return place->memory_limit;
    if (!cpu || cpu->probe(0, &info, &ignored)) return UINT64_MAX;
    return info.memory_free / 5 * 4;
}

static enum dg_code prepare(counting *c, dg_err *err)
{
    const dg_histogram_spec *spec = c->spec;
    const uint64_t column = (uint64_t)spec->rows * c->words * sizeof *c->rows;
    const uint64_t bytes = dg_collapse_bytes(spec->rows, c->words) + column;
    c->row_count = spec->rows;
    c->side = side_for(spec->rows, c->words);
    c->report->unique_rows = spec->rows;
    c->report->bytes = column;
    snprintf(c->report->plan, sizeof c->report->plan, "all pairs of %u rows", spec->rows);
    if (bytes > host_limit(&spec->place)) {
        dg_place_note(&c->place, "equal rows not collapsed: %llu bytes of work space are over the limit",
                      (unsigned long long)bytes);
        return make_blocks(c, NULL, 1, err);
    }
    dg_collapsed collapsed;
    if (dg_collapse(c->rows, spec->rows, c->words, 0, spec->place.threads, &spec->poll, &collapsed, err))
        return err->code;
    c->report->unique_rows = collapsed.unique;
    c->report->bytes += bytes;
    if (collapsed.unique == spec->rows)
        make_blocks(c, NULL, 1, err);
    else
        order_by_weight(c, &collapsed, err);
    dg_collapsed_free(&collapsed);
    return err->code;
}

/* --- the device --- */

static void free_windows(counting *c)
{
    for (int i = 0; i < 2; i++) {
        if (c->place.device) c->place.backend->free(c->place.device, &c->window[i].buffer);
        c->window[i] = (window){0};
    }
}

/* Brings rows [begin, end) to the device, unless the window has them. */
static enum dg_code load(counting *c, window *w, uint32_t begin, uint32_t end, dg_err *err)
{
    if (begin >= w->begin && end <= w->end) return DG_OK;
    const size_t row_bytes = c->words * sizeof *c->rows;
    c->place.backend->free(c->place.device, &w->buffer);
    w->begin = w->end = 0;
    if (c->place.backend->alloc(c->place.device, (end - begin) * row_bytes,
                                c->rows + (size_t)begin * c->words, &w->buffer, err))
        return err->code;
    w->begin = begin;
    w->end = end;
    return DG_OK;
}

static dg_index index_of(const counting *c, const window *w)
{
    return (dg_index){
        .hashes = w->buffer, .words = c->words, .count = w->end - w->begin, .sieve_bits = 64, .begin = 0};
}

/* Sets what follows from the place. */
static void settle(counting *c)
{
    const dg_device_info *info = &c->place.info;
    double unit = (double)c->side * c->side * c->words * info->costs.bin;
    double batch = unit > 0 ? BATCH_SECONDS * info->units / unit : info->units;
    if (batch < info->units) batch = info->units;
    c->batch = batch < c->batch_max ? (uint32_t)batch : c->batch_max;
    c->fit = info->shares_memory ? UINT64_MAX : c->place.memory_limit;
    c->shrunk = 0;
}

static uint32_t block_end(const counting *c, uint32_t b)
{
    return c->blocks[b - 1].begin + c->blocks[b - 1].count;
}

static int is_triangle(const rectangle *r)
{
    return r->a0 == r->b0 && r->a1 == r->b1;
}

static uint64_t bytes_of(const counting *c, const rectangle *r)
{
    uint64_t rows = block_end(c, r->a1) - c->blocks[r->a0].begin;
    if (!is_triangle(r)) rows += block_end(c, r->b1) - c->blocks[r->b0].begin;
    return rows * c->words * sizeof *c->rows;
}

static void push(counting *c, rectangle r)
{
    if (r.a0 < r.a1 && r.b0 < r.b1) c->todo[c->depth++] = r;
}

/* Puts parts of r on the stack instead of it; 0: it is one pair of blocks. */
static int split(counting *c, const rectangle *r)
{
    uint32_t rows = r->a1 - r->a0, columns = r->b1 - r->b0;
    uint32_t ma = r->a0 + rows / 2, mb = r->b0 + columns / 2;
    if (rows == 1 && columns == 1) return 0;
    if (is_triangle(r)) {
        push(c, (rectangle){ma, r->a1, ma, r->a1});
        push(c, (rectangle){r->a0, ma, ma, r->a1});
        push(c, (rectangle){r->a0, ma, r->a0, ma});
    } else if (rows >= columns) {
        push(c, (rectangle){ma, r->a1, r->b0, r->b1});
        push(c, (rectangle){r->a0, ma, r->b0, r->b1});
    } else {
        push(c, (rectangle){r->a0, r->a1, mb, r->b1});
        push(c, (rectangle){r->a0, r->a1, r->b0, mb});
    }
    return 1;
}

/* Puts on the stack what is left of r from the pair of blocks (a, b) on, in row order. */
static void push_rest(counting *c, const rectangle *r, uint32_t a, uint32_t b)
{
    if (!is_triangle(r)) {
        push(c, (rectangle){a + 1, r->a1, r->b0, r->b1});
        push(c, (rectangle){a, a + 1, b, r->b1});
    } else if (a == b) {
        push(c, (rectangle){a, r->a1, a, r->a1});
    } else {
        push(c, (rectangle){a + 1, r->a1, a + 1, r->a1});
        push(c, (rectangle){a, a + 1, b, r->b1});
    }
}

/* Runs the first n units and adds what they count. */
static enum dg_code run_batch(counting *c, const dg_index *a, const dg_index *b, uint32_t n, dg_err *err)
{
    const uint32_t bins = c->spec->bits + 1;
    dg_op_histogram op = {
        .a = a, .b = b, .bits = c->spec->bits, .units = c->units, .unit_count = n, .counts = c->unit_counts};
    if (dg_poll_stop(&c->spec->poll)) return dg_fail(err, DG_INTERRUPT, "interrupted");
    if (c->place.backend->run(c->place.device, DG_OP_HISTOGRAM, &op, &c->spec->poll, err)) return err->code;
    if (c->place.backend->wait(c->place.device, &c->spec->poll, err)) return err->code;
    for (uint32_t u = 0; u < n; u++)
        for (uint32_t d = 0; d < bins; d++) {
            c->counts[d] += c->multiplier[u] * c->unit_counts[(size_t)u * bins + d];
            c->report->candidates += c->unit_counts[(size_t)u * bins + d];
        }
    c->report->batches += n;
    return DG_OK;
}

/* Counts a rectangle that fits the device. After a failure what is left is on the stack. */
static enum dg_code count(counting *c, const rectangle *r, dg_err *err)
{
    const int triangle = is_triangle(r);
    const uint32_t a_begin = c->blocks[r->a0].begin, a_end = block_end(c, r->a1);
    const uint32_t b_begin = c->blocks[r->b0].begin, b_end = block_end(c, r->b1);
    window *wa = &c->window[0], *wb = wa;
    uint32_t a = r->a0, b = r->b0;
    if (!triangle && !(a_begin >= wa->begin && a_end <= wa->end && b_begin >= wa->begin && b_end <= wa->end))
        wb = &c->window[1];
    if (load(c, wa, a_begin, a_end, err) || load(c, wb, b_begin, b_end, err)) {
        push(c, *r);
        return err->code;
    }
    const dg_index index_a = index_of(c, wa), index_b = index_of(c, wb);
    while (a < r->a1) {
        const uint32_t from_a = a, from_b = b;
        uint32_t n = 0;
        for (; a < r->a1 && n < c->batch; n++) {
            const block *x = &c->blocks[a], *y = &c->blocks[b];
            c->units[n] = (dg_unit){DG_UNIT_TILE, x->begin - wa->begin, x->begin - wa->begin + x->count,
                                    y->begin - wb->begin, y->begin - wb->begin + y->count};
            c->multiplier[n] = (uint64_t)x->weight * y->weight;
            if (++b == r->b1) b = triangle ? ++a : (++a, r->b0);
        }
        if (run_batch(c, &index_a, wa == wb ? &index_a : &index_b, n, err)) {
            push_rest(c, r, from_a, from_b);
            return err->code;
        }
    }
    return DG_OK;
}

/* After a failure with rectangle r: 1 where the work can go on, with less memory or in another place. */
static int recover(counting *c, const rectangle *r, dg_err *err)
{
    const int smaller = c->batch > 1 || r->a1 - r->a0 > 1 || r->b1 - r->b0 > 1;
    free_windows(c);
    if (err->code == DG_DEVICE_NOMEM && smaller) {
        if (!c->shrunk) dg_place_note(&c->place, "%s; in smaller pieces", err->text);
        c->shrunk = 1;
        c->fit = bytes_of(c, r) / 2;
        c->batch = (c->batch + 1) / 2;
        *err = (dg_err){0};
        return 1;
    }
    if (!dg_place_fall_back(&c->place, err)) return 0;
    settle(c);
    return 1;
}

static enum dg_code count_all(counting *c, dg_err *err)
{
    const uint32_t bins = c->spec->bits + 1;
    const dg_histogram_work work = {c->row_count, c->words};
    c->batch_max = COUNTS_BYTES / (bins * sizeof *c->unit_counts);
    if (c->batch_max > UNITS_MAX) c->batch_max = UNITS_MAX;
    c->units = malloc(c->batch_max * sizeof *c->units);
    c->multiplier = malloc(c->batch_max * sizeof *c->multiplier);
    c->unit_counts = malloc((size_t)c->batch_max * bins * sizeof *c->unit_counts);
    if (!c->units || !c->multiplier || !c->unit_counts)
        return dg_fail_nomem(err, "the counts of a histogram");
    if (dg_place_choose(&c->place, dg_histogram_seconds, &work, &c->spec->poll, err)) return err->code;
    settle(c);
    push(c, (rectangle){0, c->block_count, 0, c->block_count});
    while (c->depth > 0) {
        const rectangle r = c->todo[--c->depth];
        if (bytes_of(c, &r) > c->fit && split(c, &r)) continue;
        if (count(c, &r, err) && !recover(c, &r, err)) return err->code;
    }
    return DG_OK;
}

enum dg_code dg_histogram_run(const dg_histogram_spec *spec, uint64_t *counts, dg_report *report, dg_err *err)
{
    const double begun = dg_clock();
    *report = (dg_report){.rows = spec->rows};
    counting *c = calloc(1, sizeof *c);
    if (!c) {
        free(spec->hashes);
        return dg_fail_nomem(err, "a histogram");
    }
    c->spec = spec;
    c->rows = spec->hashes;
    c->words = (spec->bits + 63) / 64;
    c->counts = counts;
    c->report = report;
    if (spec->rows > ROWS_MAX)
        dg_fail(err, DG_ERROR, "%u rows are more than a histogram takes, %u", spec->rows, (uint32_t)ROWS_MAX);
    else if (spec->bits < 1 || spec->bits > DG_JOIN_MAX_BITS)
        dg_fail(err, DG_ERROR, "hashes of %u bits cannot be compared, only 1 to %d", spec->bits,
                DG_JOIN_MAX_BITS);
    else {
        memset(counts, 0, ((size_t)spec->bits + 1) * sizeof *counts);
        if (dg_place_open(&spec->place, &spec->poll, &c->place, err) == DG_OK && prepare(c, err) == DG_OK &&
            count_all(c, err) == DG_OK)
            report->results = spec->bits + 1;
    }
    free_windows(c);
    dg_place_report(&c->place, report);
    dg_place_close(&c->place, err->code ? err : NULL);
    free(c->rows);
    free(c->blocks);
    free(c->units);
    free(c->multiplier);
    free(c->unit_counts);
    free(c);
    report->seconds = dg_clock() - begun;
    return err->code;
}
