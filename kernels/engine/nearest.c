/*
 * A search: what is left to do is a stack of tasks, each a range of rows to be met by a range of queries. The
 * tasks of a query come in the order of their rows. A task too large for the device or for one operation is
 * cut; one that fails goes back as it was, since nothing of it is kept before the operation has ended well.
 *
 * The best of a piece of the table that does not begin with its first row are found by themselves and merged
 * with those of the rows before it.
 */
#include "nearest.h"

#include "../clock.h"
#include "join.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS_MAX = 0xffff0000, /* as in a join */
    BATCH_MIN = 64,        /* queries for each unit of the device, where there are so many */
    ROWS_MIN = 1024,       /* of a piece */
    TODO_MAX = 256,        /* cutting leaves one more on the stack, of rows or of queries, and what fits can
                              be halved some thirty times */
};

static const double RUN_SECONDS = 0.05; /* of one operation */

/* Rows [row, row_end) for queries [query, query_end). */
typedef struct task {
    uint32_t row, row_end, query, query_end;
} task;

/* What one call of dg_nearest_find asks. */
typedef struct question {
    const uint64_t *queries;
    uint32_t k, limit;
    uint32_t *found;
    dg_neighbour *neighbours;
} question;

struct dg_nearest {
    dg_nearest_spec spec;
    uint32_t words;
    dg_place place;
    dg_err failure; /* what the search ended with */

    dg_buffer rows; /* of rows [begin, end) */
    uint32_t begin, end;
    dg_buffer queries;
    uint64_t fit;       /* bytes of rows that may be on the device */
    uint32_t batch_max; /* queries in one operation */
    int shrunk;         /* fit or batch_max is less than the place promised */

    uint32_t *found; /* of a piece, with room for so many queries and neighbours of each */
    dg_neighbour *neighbours, *merged;
    uint32_t room_queries, room_k;

    task todo[TODO_MAX];
    uint32_t depth;
    dg_report report;
};

double dg_nearest_seconds(const dg_device_info *info, uint64_t memory_limit, const void *work)
{
    const dg_nearest_work *w = work;
    double pairs = (double)w->rows * (double)w->queries;
    double compute = pairs * w->words * info->costs.near / info->units;
    double bytes = ((double)w->rows + (double)w->queries) * w->words * sizeof(uint64_t);
    (void)memory_limit; /* each piece of the table goes to the device once, whether or not it can stay */
    return compute + bytes * info->costs.upload + (1 + compute / RUN_SECONDS) * info->costs.start;
}

/* --- the device --- */

static void free_buffers(dg_nearest *n)
{
    if (n->place.device) {
        n->place.backend->free(n->place.device, &n->rows);
        n->place.backend->free(n->place.device, &n->queries);
    }
    n->begin = n->end = 0;
}

/* Sets what follows from the place: three quarters of its memory are for rows, unless it uses them where they
 * are. */
static void settle(dg_nearest *n)
{
    n->fit = n->place.info.shares_memory ? UINT64_MAX : n->place.memory_limit / 4 * 3;
    n->batch_max = UINT32_MAX;
    n->shrunk = 0;
}

static size_t row_bytes(const dg_nearest *n)
{
    return n->words * sizeof(uint64_t);
}

/* Brings rows to the device from `row` on, as many as fit, unless that row is there. */
static enum dg_code load_rows(dg_nearest *n, uint32_t row, dg_err *err)
{
    if (row >= n->begin && row < n->end) return DG_OK;
    uint64_t fit = n->fit / row_bytes(n), left = n->spec.rows - row;
    uint32_t count = (uint32_t)(fit < ROWS_MIN ? ROWS_MIN : fit);
    if (fit > left || count > left) count = (uint32_t)left;
    n->place.backend->free(n->place.device, &n->rows);
    n->begin = n->end = 0;
    if (n->place.backend->alloc(n->place.device, count * row_bytes(n),
                                (void *)(n->spec.hashes + (size_t)row * n->words), &n->rows, err))
        return err->code;
    n->begin = row;
    n->end = row + count;
    return DG_OK;
}

static enum dg_code load_queries(dg_nearest *n, const uint64_t *queries, uint32_t count, dg_err *err)
{
    const dg_backend *backend = n->place.backend;
    const size_t bytes = count * row_bytes(n);
    if (n->queries.bytes < bytes) {
        backend->free(n->place.device, &n->queries);
        if (backend->alloc(n->place.device, bytes, NULL, &n->queries, err)) return err->code;
    }
    return backend->put(n->place.device, &n->queries, 0, queries, bytes, err);
}

/* --- one operation --- */

/* Seconds for a query to meet a row. */
static double pair_seconds(const dg_nearest *n)
{
    return n->words * n->place.info.costs.near / n->place.info.units;
}

/* Queries that may meet that many rows in one operation: bounded by time and by what they and their answers
 * take. */
static uint32_t batch_for(const dg_nearest *n, uint32_t rows, uint32_t k)
{
    const double seconds = pair_seconds(n) * rows;
    const uint64_t least = (uint64_t)BATCH_MIN * n->place.info.units;
    const uint64_t memory = n->place.memory_limit / 4 / (row_bytes(n) + (uint64_t)k * sizeof(dg_neighbour));
    uint64_t batch = seconds > 0 && RUN_SECONDS / seconds < 1e9 ? (uint64_t)(RUN_SECONDS / seconds) : least;
    if (batch < least) batch = least;
    if (batch > memory) batch = memory;
    if (batch > n->batch_max) batch = n->batch_max;
    return batch < 1 ? 1 : (uint32_t)batch;
}

/* Rows that one operation may look at with the fewest queries. */
static uint32_t rows_for(const dg_nearest *n, uint32_t queries)
{
    const double least = (double)BATCH_MIN * n->place.info.units;
    const double seconds = pair_seconds(n) * (queries < least ? queries : least);
    const double rows = seconds > 0 ? RUN_SECONDS / seconds : UINT32_MAX;
    return rows < ROWS_MIN ? ROWS_MIN : rows < UINT32_MAX ? (uint32_t)rows : UINT32_MAX;
}

/* Room for the answers of a piece. */
static enum dg_code make_room(dg_nearest *n, uint32_t queries, uint32_t k, dg_err *err)
{
    if (queries <= n->room_queries && k <= n->room_k) return DG_OK;
    free(n->found);
    free(n->neighbours);
    free(n->merged);
    n->room_queries = n->room_k = 0;
    n->found = malloc(queries * sizeof *n->found);
    n->neighbours = malloc((size_t)queries * k * sizeof *n->neighbours);
    n->merged = malloc(k * sizeof *n->merged);
    if (!n->found || !n->neighbours || !n->merged) return dg_fail_nomem(err, "the nearest rows");
    n->room_queries = queries;
    n->room_k = k;
    return DG_OK;
}

/* The first k by distance of x, whose rows come before all of y's, and y; to x. Returns their number. */
static uint32_t merge(dg_neighbour *x, uint32_t x_count, const dg_neighbour *y, uint32_t y_count, uint32_t k,
                      dg_neighbour *space)
{
    uint32_t i = 0, j = 0, count = 0;
    while (count < k && (i < x_count || j < y_count)) {
        int earlier = j == y_count || (i < x_count && x[i].distance <= y[j].distance);
        space[count++] = earlier ? x[i++] : y[j++];
    }
    memcpy(x, space, count * sizeof *x);
    return count;
}

/* All rows of the task meet its queries; they are on the device. */
static enum dg_code run(dg_nearest *n, const question *q, const task *t, dg_err *err)
{
    const dg_backend *backend = n->place.backend;
    const uint32_t count = t->query_end - t->query, k = q->k;
    const dg_index rows = {.hashes = n->rows,
                           .words = n->words,
                           .begin = t->row - n->begin,
                           .count = t->row_end - t->row,
                           .sieve_bits = 64};
    uint32_t *found = q->found + t->query;
    dg_neighbour *neighbours = q->neighbours + (size_t)t->query * k;
    const int first = t->row == 0;
    if (dg_poll_stop(&n->spec.poll)) return dg_fail(err, DG_INTERRUPT, "interrupted");
    if (load_queries(n, q->queries + (size_t)t->query * n->words, count, err)) return err->code;
    if (!first && make_room(n, count, k, err)) return err->code;
    const dg_index queries = {.hashes = n->queries, .words = n->words, .count = count, .sieve_bits = 64};
    dg_op_nearest op = {.rows = &rows,
                        .queries = &queries,
                        .k = k,
                        .limit = q->limit,
                        .found = first ? found : n->found,
                        .neighbours = first ? neighbours : n->neighbours};
    memset(op.found, 0, count * sizeof *op.found);
    if (backend->run(n->place.device, DG_OP_NEAREST, &op, &n->spec.poll, err)) return err->code;
    if (backend->wait(n->place.device, &n->spec.poll, err)) return err->code;
    for (uint32_t i = 0; i < count && n->begin > 0; i++) /* rows of the device's become rows of the table */
        for (uint32_t j = 0; j < op.found[i]; j++) op.neighbours[(size_t)i * k + j].row += n->begin;
    for (uint32_t i = 0; i < count && !first; i++)
        found[i] = merge(neighbours + (size_t)i * k, found[i], n->neighbours + (size_t)i * k, n->found[i], k,
                         n->merged);
    n->report.batches++;
    n->report.candidates += (uint64_t)rows.count * count;
    return DG_OK;
}

/* --- the whole --- */

static void push(dg_nearest *n, task t)
{
    if (t.row < t.row_end && t.query < t.query_end) n->todo[n->depth++] = t;
}

/* Does the first part of the task, and puts the rest back. */
static enum dg_code advance(dg_nearest *n, const question *q, task t, dg_err *err)
{
    const task whole = t;
    if (load_rows(n, t.row, err)) {
        push(n, whole);
        return err->code;
    }
    const uint32_t at_once = rows_for(n, t.query_end - t.query);
    uint32_t end = n->end < t.row_end ? n->end : t.row_end;
    if (end - t.row > at_once) end = t.row + at_once;
    push(n, (task){end, t.row_end, t.query, t.query_end});
    t.row_end = end;
    const uint32_t batch = batch_for(n, t.row_end - t.row, q->k);
    if (t.query_end - t.query > batch) {
        push(n, (task){t.row, t.row_end, t.query + batch, t.query_end});
        t.query_end = t.query + batch;
    }
    if (run(n, q, &t, err)) push(n, t);
    return err->code;
}

/* After a failure: 1 where the work can go on, with less memory or in another place. */
static int recover(dg_nearest *n, dg_err *err)
{
    const uint64_t rows = n->end - n->begin;
    const uint32_t batch = (uint32_t)(n->queries.bytes / row_bytes(n));
    free_buffers(n);
    if (err->code == DG_DEVICE_NOMEM && n->fit > ROWS_MIN * row_bytes(n)) {
        if (!n->shrunk) dg_place_note(&n->place, "%s; in smaller pieces", err->text);
        n->shrunk = 1;
        /* Rows that did not fit are not there to be counted. */
        uint64_t held = rows ? rows * row_bytes(n) : n->spec.rows * (uint64_t)row_bytes(n);
        n->fit = (held < n->fit ? held : n->fit) / 2;
        if (batch > 1) n->batch_max = batch / 2;
        *err = (dg_err){0};
        return 1;
    }
    if (!dg_place_fall_back(&n->place, err)) return 0;
    settle(n);
    return 1;
}

enum dg_code dg_nearest_open(const dg_nearest_spec *spec, dg_nearest **out, dg_err *err)
{
    const double begun = dg_clock();
    dg_nearest *n = calloc(1, sizeof *n);
    *out = NULL;
    if (!n) return dg_fail_nomem(err, "a search");
    n->spec = *spec;
    n->words = (spec->bits + 63) / 64;
    n->report.rows = n->report.unique_rows = spec->rows;
    n->report.bytes = (uint64_t)spec->rows * row_bytes(n);
    snprintf(n->report.plan, sizeof n->report.plan, "each query against all rows");
    const dg_nearest_work work = {spec->rows, spec->queries, n->words};
    if (spec->rows > ROWS_MAX)
        dg_fail(err, DG_ERROR, "%u rows are more than a search takes, %u", spec->rows, (uint32_t)ROWS_MAX);
    else if (spec->bits < 1 || spec->bits > DG_JOIN_MAX_BITS)
        dg_fail(err, DG_ERROR, "hashes of %u bits cannot be searched, only 1 to %d", spec->bits,
                DG_JOIN_MAX_BITS);
    else if (dg_place_open(&spec->place, &spec->poll, &n->place, err) == DG_OK &&
             dg_place_choose(&n->place, dg_nearest_seconds, &work, &spec->poll, err) == DG_OK) {
        settle(n);
        n->report.seconds = dg_clock() - begun;
        *out = n;
        return DG_OK;
    }
    dg_nearest_close(n);
    return err->code;
}

enum dg_code dg_nearest_find(dg_nearest *n, const uint64_t *queries, uint32_t count, uint32_t k,
                             uint32_t limit, uint32_t *found, dg_neighbour *neighbours, dg_err *err)
{
    const double begun = dg_clock();
    const question q = {queries, k, limit, found, neighbours};
    memset(found, 0, count * sizeof *found);
    n->depth = 0;
    push(n, (task){0, n->spec.rows, 0, count});
    while (n->depth > 0)
        if (advance(n, &q, n->todo[--n->depth], err) && !recover(n, err)) break;
    for (uint32_t i = 0; i < count && !err->code; i++) n->report.results += found[i];
    n->report.seconds += dg_clock() - begun;
    if (err->code) n->failure = *err;
    return err->code;
}

void dg_nearest_report_get(const dg_nearest *nearest, dg_report *report)
{
    *report = nearest->report;
    if (nearest->place.reason[0])
        snprintf(report->plan, sizeof report->plan, "each query against all rows; %.120s",
                 nearest->place.reason);
    dg_place_report(&nearest->place, report);
}

void dg_nearest_close(dg_nearest *nearest)
{
    if (!nearest) return;
    free_buffers(nearest);
    dg_place_close(&nearest->place, nearest->failure.code ? &nearest->failure : NULL);
    free(nearest->found);
    free(nearest->neighbours);
    free(nearest->merged);
    free(nearest);
}
