/*
 * A join from end to end: collapse equal rows of each column, decide the plan, run the stages, turn hits on
 * distinct rows into pairs of rows.
 *
 * Of one column, pairs of equal rows come first, without comparing anything. Then the stages. The distinct
 * rows of two columns stand one after the other in one table, and a stage joins two ranges of it. Distances
 * have the parity of the two popcounts' sum: where nearly all rows have one parity (perceptual hashes that
 * set half their bits) and the threshold is odd, rows are split by parity, and the large part is joined with
 * the next smaller threshold, at no loss.
 */
#include "join.h"

#include "../clock.h"
#include "collapse.h"
#include "join_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS_MAX = 0xffff0000, /* row numbers are uint32, with room for sums of a tile */
    STAGES_MAX = 3,
    AHEAD = 16, /* hits whose rows are on their way from memory */
};

static const double MOSTLY = 0.95; /* share of rows of one parity from which the split pays */

typedef struct stage_range {
    uint32_t begin_a, count_a, begin_b, count_b, threshold;
} stage_range;

struct dg_join {
    dg_join_spec spec;
    uint32_t words;
    dg_place place;
    uint64_t collapse_bytes; /* taken beside the columns */
    uint64_t host_limit;     /* bytes of work space in host memory */
    dg_err failure;          /* what the join ended with */

    dg_collapsed side[2]; /* the columns; empty: every row stands for itself */
    uint32_t unique[2];   /* distinct rows of each, one side after the other in spec.hashes */
    int two;              /* columns */
    dg_buffer hashes, work;

    stage_range range[STAGES_MAX];
    uint32_t stages, next_stage;
    dg_stage *stage;
    dg_prospect prospect; /* of one of the stages, or empty */
    uint32_t prospect_of;

    uint32_t equal;     /* next distinct row whose equal rows are paired */
    const dg_hit *hits; /* being turned into pairs */
    uint32_t hit_count, hit;
    uint32_t i, j; /* next rows of the hit, or of the distinct row */

    dg_report report;
};

/* --- opening --- */

/* Puts the rows of the right column behind the first `count` of the left one. */
static enum dg_code append_right(dg_join *join, uint32_t count, dg_err *err)
{
    dg_join_spec *spec = &join->spec;
    size_t row = join->words * sizeof *spec->hashes;
    uint64_t *table = realloc(spec->hashes, ((size_t)count + spec->right_rows + 1) * row);
    if (!table) return dg_fail_nomem(err, "the two columns of a join");
    memcpy(table + (size_t)count * join->words, spec->right, spec->right_rows * row);
    free(spec->right);
    spec->hashes = table;
    spec->right = NULL;
    return DG_OK;
}

static enum dg_code collapse_one(dg_join *join, dg_err *err)
{
    const dg_join_spec *spec = &join->spec;
    dg_collapsed *c = &join->side[0];
    dg_sample sample = {0};
    int split = 0;
    if (spec->threshold % 2 == 1 && join->words == 1 && spec->rows > 1) {
        if (dg_sample_take(spec->hashes, spec->rows, join->words, dg_sample_size(spec->rows), &sample, err))
            return err->code;
        double even = dg_sample_even(&sample);
        split = even >= MOSTLY || even <= 1 - MOSTLY;
        free(sample.rows);
    }
    if (dg_collapse(spec->hashes, spec->rows, join->words, split, spec->place.threads, &spec->poll, c, err))
        return err->code;
    join->unique[0] = c->unique;
    uint32_t odd = c->unique - c->even, t = spec->threshold;
    if (split && c->even && odd) {
        join->range[0] = (stage_range){0, c->even, 0, c->even, t - 1};
        join->range[1] = (stage_range){c->even, odd, c->even, odd, t - 1};
        join->range[2] = (stage_range){0, c->even, c->even, odd, t};
        join->stages = 3;
    } else {
        join->range[0] = (stage_range){0, c->unique, 0, c->unique, split ? t - 1 : t};
        join->stages = t == 0 ? 0 : 1; /* distinct rows differ */
    }
    return DG_OK;
}

static enum dg_code collapse_two(dg_join *join, dg_err *err)
{
    const dg_join_spec *spec = &join->spec;
    dg_collapsed *left = &join->side[0], *right = &join->side[1];
    if (dg_collapse(spec->hashes, spec->rows, join->words, 0, spec->place.threads, &spec->poll, left, err) ||
        append_right(join, left->unique, err) ||
        dg_collapse(spec->hashes + (size_t)left->unique * join->words, spec->right_rows, join->words, 0,
                    spec->place.threads, &spec->poll, right, err))
        return err->code;
    join->unique[0] = join->equal = left->unique;
    join->unique[1] = right->unique;
    join->range[0] = (stage_range){0, left->unique, left->unique, right->unique, spec->threshold};
    join->stages = 1;
    return DG_OK;
}

/* Every row stands for itself: one of them against the others, or all by brute force. */
static enum dg_code take_rows_as_they_are(dg_join *join, dg_err *err)
{
    const dg_join_spec *spec = &join->spec;
    const uint32_t rows = spec->rows, r = spec->focus_row, t = spec->threshold;
    if (join->two && append_right(join, rows, err)) return err->code;
    switch (spec->focus) {
    case DG_FOCUS_NONE:
        join->spec.plan = DG_PLAN_BRUTE;
        join->range[0] = join->two ? (stage_range){0, rows, rows, spec->right_rows, t}
                                   : (stage_range){0, rows, 0, rows, t};
        break;
    case DG_FOCUS_FIRST:
        join->range[0] = join->two ? (stage_range){r, 1, rows, spec->right_rows, t}
                                   : (stage_range){r, 1, r + 1, rows - r - 1, t};
        break;
    case DG_FOCUS_SECOND:
        join->range[0] = join->two ? (stage_range){rows + r, 1, 0, rows, t} : (stage_range){r, 1, 0, r, t};
        break;
    }
    join->stages = 1;
    join->unique[0] = join->equal = rows;
    join->unique[1] = join->two ? spec->right_rows : 0;
    return DG_OK;
}

/* Rows in spec.hashes once the join is open. */
static uint32_t distinct_rows(const dg_join *join)
{
    return join->unique[0] + join->unique[1];
}

/* What can be said of a stage before a device is chosen. */
static enum dg_code look_at(const dg_join *join, uint32_t stage, dg_prospect *out, dg_err *err)
{
    const stage_range *range = &join->range[stage];
    const dg_plan_question question = {
        .hashes = join->spec.hashes,
        .words = join->words,
        .extent = {.rows_a = range->count_a,
                   .rows_b = range->count_b,
                   .self = range->begin_a == range->begin_b && range->count_a == range->count_b,
                   .bits = join->spec.bits,
                   .words = join->words,
                   .threshold = range->threshold,
                   .sorted = join->side[0].rows && join->words == 1},
        .begin_a = range->begin_a,
        .begin_b = range->begin_b,
        .wanted = join->spec.plan,
        .chunks = join->spec.chunks,
        .one_row = join->spec.focus != DG_FOCUS_NONE,
        .split = join->stages > 1};
    return dg_prospect_make(&question, out, err);
}

/* The widest stage decides which device the join is for. */
static enum dg_code choose_device(dg_join *join, dg_err *err)
{
    uint32_t widest = 0;
    double most = 0;
    for (uint32_t i = 0; i < join->stages; i++) {
        double pairs = (double)join->range[i].count_a * join->range[i].count_b;
        if (pairs > most) most = pairs, widest = i;
    }
    if (most == 0) return DG_OK;
    if (look_at(join, widest, &join->prospect, err)) return err->code;
    join->prospect_of = widest;
    return dg_place_choose(&join->place, dg_prospect_seconds, &join->prospect, &join->spec.poll, err);
}

/* How much work space the join may take in host memory. */
static enum dg_code find_host_limit(dg_join *join, dg_err *err)
{
    dg_place_spec cpu = join->spec.place;
    dg_place beside;
    join->host_limit = join->place.memory_limit;
    if (dg_place_is_cpu(&join->place)) return DG_OK;
    cpu.backend = "cpu";
    if (dg_place_open(&cpu, &join->spec.poll, &beside, err)) return err->code;
    join->host_limit = beside.memory_limit;
    dg_place_close(&beside, NULL);
    return DG_OK;
}

/* Finds the distinct rows, on the CPU, and lays out the stages. */
static enum dg_code prepare(dg_join *join, dg_err *err)
{
    const dg_join_spec *spec = &join->spec;
    uint64_t bytes = dg_collapse_bytes(spec->rows, join->words);
    if (join->two) bytes += dg_collapse_bytes(spec->right_rows, join->words);
    if (find_host_limit(join, err)) return err->code;
    if (spec->focus != DG_FOCUS_NONE) return take_rows_as_they_are(join, err);
    if (bytes > join->host_limit && spec->shards > 1)
        return dg_fail(err, DG_ERROR, "a shard takes %llu bytes of work space, the limit is %llu",
                       (unsigned long long)bytes, (unsigned long long)join->host_limit);
    if (bytes > join->host_limit) {
        dg_place_note(
            &join->place,
            "equal rows not collapsed, rows compared by brute force: %llu bytes of work space are over "
            "the limit of %llu",
            (unsigned long long)bytes, (unsigned long long)join->host_limit);
        return take_rows_as_they_are(join, err);
    }
    join->collapse_bytes = bytes;
    join->report.bytes += bytes;
    return join->two ? collapse_two(join, err) : collapse_one(join, err);
}

enum dg_code dg_join_open(const dg_join_spec *spec, dg_join **out, dg_err *err)
{
    double begun = dg_clock();
    dg_join *join = calloc(1, sizeof *join);
    *out = NULL;
    if (!join) {
        free(spec->hashes);
        free(spec->right);
        return dg_fail_nomem(err, "a join");
    }
    join->spec = *spec;
    join->words = (spec->bits + 63) / 64;
    join->two = spec->right != NULL;
    join->report.rows = spec->rows + (join->two ? (uint64_t)spec->right_rows : 0);
    join->report.bytes = join->report.rows * join->words * sizeof(uint64_t);
    if (join->report.rows > ROWS_MAX) {
        dg_fail(err, DG_ERROR, "%llu rows are more than a join takes, %u",
                (unsigned long long)join->report.rows, (uint32_t)ROWS_MAX);
        goto fail;
    }
    if (spec->bits < 1 || spec->bits > DG_JOIN_MAX_BITS) {
        dg_fail(err, DG_ERROR, "hashes of %u bits cannot be joined, only 1 to %d", spec->bits,
                DG_JOIN_MAX_BITS);
        goto fail;
    }
    if (dg_place_open(&spec->place, &spec->poll, &join->place, err) || prepare(join, err)) goto fail;
    join->report.unique_rows = distinct_rows(join);
    if (join->side[0].rows)
        join->work = (dg_buffer){NULL, join->side[0].scratch, spec->rows * sizeof *join->side[0].scratch};
    if (choose_device(join, err)) goto fail;
    join->report.seconds += dg_clock() - begun;
    *out = join;
    return DG_OK;
fail:
    dg_join_close(join);
    return err->code;
}

/* --- reading --- */

/* Brings the table to the device. */
static enum dg_code upload(dg_join *join, dg_err *err)
{
    size_t bytes = (size_t)distinct_rows(join) * join->words * sizeof *join->spec.hashes;
    return join->place.backend->alloc(join->place.device, bytes, join->spec.hashes, &join->hashes, err);
}

static enum dg_code open_stage(dg_join *join, dg_err *err)
{
    const stage_range *range = &join->range[join->next_stage];
    dg_stage_spec stage = {.place = &join->place,
                           .poll = &join->spec.poll,
                           .rows = join->spec.hashes,
                           .words = join->words,
                           .bits = join->spec.bits,
                           .threshold = range->threshold,
                           .begin_a = range->begin_a,
                           .count_a = range->count_a,
                           .begin_b = range->begin_b,
                           .count_b = range->count_b,
                           .memory_limit = join->host_limit,
                           .shard = join->spec.shard,
                           .shards = join->spec.shards,
                           .batch_units = join->spec.batch_units,
                           .work = join->work};
    char words[sizeof join->report.plan];
    if (join->prospect_of != join->next_stage || !join->prospect.sample.rows) {
        dg_prospect_free(&join->prospect);
        if (look_at(join, join->next_stage, &join->prospect, err)) return err->code;
    }
    const dg_prospect *prospect = &join->prospect;
    const dg_device_info *info = &join->place.info;
    const uint64_t limit = join->place.memory_limit;
    if (join->spec.shards > 1) { /* as on any device */
        dg_prospect_decide(prospect, &dg_standard_device, UINT64_MAX, &stage, words, sizeof words);
        stage.windowed = !stage.layout.chunks && dg_prospect_windowed(prospect, info, limit);
    } else {
        dg_prospect_decide(prospect, info, limit, &stage, words, sizeof words);
    }
    if (join->next_stage == 0)
        snprintf(join->report.plan, sizeof join->report.plan, "%.180s%s%.50s", words,
                 join->place.reason[0] ? "; " : "", join->place.reason);
    if (stage.layout.chunks && prospect->reordered)
        dg_reorder_bits(join->spec.hashes, distinct_rows(join), join->words, join->spec.bits, prospect->from,
                        &join->spec.poll, err);
    dg_prospect_free(&join->prospect);
    if (err->code) return err->code;
    if (dg_buffer_empty(&join->hashes) && !stage.windowed && upload(join, err)) return err->code;
    stage.hashes = join->hashes;
    return dg_stage_open(&stage, &join->stage, err);
}

static void close_stage(dg_join *join)
{
    if (!join->stage) return;
    dg_stage_counts counts = dg_stage_count(join->stage);
    join->report.batches += counts.units;
    join->report.candidates += counts.candidates;
    if (counts.chunks_left)
        dg_place_note(&join->place,
                      "the last %u chunks by brute force: their buckets are larger than a sample foretold",
                      counts.chunks_left);
    uint64_t bytes = join->report.rows * join->words * sizeof(uint64_t) + join->collapse_bytes + counts.bytes;
    if (bytes > join->report.bytes) join->report.bytes = bytes;
    dg_stage_close(join->stage);
    join->stage = NULL;
}

/*
 * After a failure of the device: the CPU goes on where it stopped, or, while nothing has been handed out,
 * starts over with a plan of its own. Returns 0 where that may not be.
 */
static int recover(dg_join *join, dg_err *err)
{
    if (!dg_err_of_device(err)) return 0;
    if (join->stage) dg_stage_leave(join->stage);
    join->place.backend->free(join->place.device, &join->hashes);
    if (!dg_place_fall_back(&join->place, err)) return 0;
    if (join->report.results == 0) {
        close_stage(join);
        join->next_stage = 0;
        return 1;
    }
    if (upload(join, err)) return 0;
    if (join->stage) dg_stage_enter(join->stage, join->hashes);
    return 1;
}

/* Brings the next hits; join->hit_count is 0 at the end of the join. */
static enum dg_code next_hits(dg_join *join, dg_err *err)
{
    join->hit = join->hit_count = 0;
    while (join->next_stage < join->stages) {
        const stage_range *range = &join->range[join->next_stage];
        if (range->count_a > 0 && range->count_b > 0) {
            if ((!join->stage && open_stage(join, err)) ||
                dg_stage_next(join->stage, &join->hits, &join->hit_count, err)) {
                if (recover(join, err)) continue;
                return err->code;
            }
            if (join->hit_count > 0) return DG_OK;
            close_stage(join);
        }
        join->next_stage++;
    }
    return DG_OK;
}

/* The side of the second row of a hit, and the number of its first row. */
static const dg_collapsed *second_side(const dg_join *join)
{
    return &join->side[join->two];
}

static uint32_t second_base(const dg_join *join)
{
    return join->two ? join->unique[0] : 0;
}

/* The pair of two rows by their places in the lists of rows of the two sides, or by their numbers. */
static inline dg_pair pair_of(const dg_join *join, uint32_t x, uint32_t y, uint32_t distance)
{
    if (join->side[0].rows) x = join->side[0].rows[x], y = second_side(join)->rows[y];
    return x < y || join->two ? (dg_pair){x, y, distance} : (dg_pair){y, x, distance};
}

/* Pairs of equal rows, from join->equal on. */
static size_t read_equal(dg_join *join, dg_pair *pairs, size_t capacity)
{
    size_t n = 0;
    for (; join->equal < join->unique[0]; join->equal++, join->i = join->j = 0) {
        uint32_t begin = join->side[0].first[join->equal], end = join->side[0].first[join->equal + 1];
        if (end - begin < 2) continue;
        for (uint32_t rows = end - begin; join->i + 1 < rows; join->i++, join->j = 0) {
            if (join->spec.shards > 1 && (begin + join->i) % join->spec.shards != join->spec.shard) continue;
            if (join->j <= join->i) join->j = join->i + 1;
            for (; join->j < rows; join->j++) {
                if (n == capacity) return n;
                pairs[n++] =
                    (dg_pair){join->side[0].rows[begin + join->i], join->side[0].rows[begin + join->j], 0};
            }
        }
    }
    return n;
}

/* Pairs of the hits at hand where no two rows of a column are equal: one each. */
static size_t read_single(dg_join *join, dg_pair *pairs, size_t capacity)
{
    size_t n = join->hit_count - join->hit;
    if (n > capacity) n = capacity;
    const dg_hit *hit = &join->hits[join->hit];
    const uint32_t *rows_a = join->side[0].rows, *rows_b = second_side(join)->rows, base = second_base(join);
    size_t ahead = rows_a && n > AHEAD ? n - AHEAD : 0;
    for (size_t k = 0; k < n; k++) {
        if (k < ahead) {
            __builtin_prefetch(&rows_a[hit[k + AHEAD].a]);
            __builtin_prefetch(&rows_b[hit[k + AHEAD].b - base]);
        }
        /* Only one row of the second column against the first comes the other way round. */
        uint32_t a = hit[k].a < hit[k].b ? hit[k].a : hit[k].b, b = hit[k].a ^ hit[k].b ^ a;
        pairs[k] = pair_of(join, a, b - base, hit[k].distance);
    }
    join->hit += (uint32_t)n;
    return n;
}

/* Pairs of the hits at hand: every row of the one side with every row of the other. */
static size_t read_hits(dg_join *join, dg_pair *pairs, size_t capacity)
{
    if (distinct_rows(join) == join->report.rows) return read_single(join, pairs, capacity);
    const dg_collapsed *a = &join->side[0], *b = second_side(join);
    const uint32_t base = second_base(join);
    size_t n = 0;
    for (; join->hit < join->hit_count; join->hit++, join->i = join->j = 0) {
        const dg_hit *hit = &join->hits[join->hit];
        if (join->hit + AHEAD < join->hit_count) {
            __builtin_prefetch(&a->first[hit[AHEAD].a]);
            __builtin_prefetch(&b->first[hit[AHEAD].b - base]);
            __builtin_prefetch(&a->rows[hit[AHEAD].a]); /* near enough where few rows are equal */
            __builtin_prefetch(&b->rows[hit[AHEAD].b - base]);
        }
        uint32_t begin_a = a->first[hit->a], end_a = a->first[hit->a + 1];
        uint32_t begin_b = b->first[hit->b - base], end_b = b->first[hit->b - base + 1];
        for (; begin_a + join->i < end_a; join->i++, join->j = 0)
            for (; begin_b + join->j < end_b; join->j++) {
                if (n == capacity) return n;
                pairs[n++] = pair_of(join, begin_a + join->i, begin_b + join->j, hit->distance);
            }
    }
    return n;
}

enum dg_code dg_join_read(dg_join *join, dg_pair *pairs, size_t capacity, size_t *count, dg_err *err)
{
    double begun = dg_clock();
    size_t n = 0;
    *count = 0;
    if (dg_poll_stop(&join->spec.poll)) return dg_fail(err, DG_INTERRUPT, "interrupted");
    if (join->equal < join->unique[0] && join->unique[0] < join->spec.rows)
        n = read_equal(join, pairs, capacity);
    while (n == 0) {
        if (join->hit == join->hit_count) {
            if (next_hits(join, err)) break;
            if (join->hit_count == 0) break;
        }
        n = read_hits(join, pairs, capacity);
    }
    join->report.seconds += dg_clock() - begun;
    join->report.results += n;
    *count = n;
    if (err->code) join->failure = *err;
    return err->code;
}

enum dg_code dg_join_read_distinct(dg_join *join, const dg_hit **hits, uint32_t *count, dg_err *err)
{
    double begun = dg_clock();
    *count = 0;
    if (dg_poll_stop(&join->spec.poll)) return dg_fail(err, DG_INTERRUPT, "interrupted");
    if (next_hits(join, err) == DG_OK) {
        *hits = join->hits;
        *count = join->hit = join->hit_count;
    }
    join->report.seconds += dg_clock() - begun;
    join->report.results += *count;
    if (err->code) join->failure = *err;
    return err->code;
}

dg_join_rows dg_join_rows_get(const dg_join *join)
{
    return (dg_join_rows){join->spec.hashes, join->side[0].rows, join->side[0].first, join->unique[0]};
}

void dg_join_report_get(const dg_join *join, dg_report *report)
{
    *report = join->report;
    dg_place_report(&join->place, report);
    if (join->stage) {
        dg_stage_counts counts = dg_stage_count(join->stage);
        report->batches += counts.units;
        report->candidates += counts.candidates;
    }
}

void dg_join_close(dg_join *join)
{
    if (!join) return;
    dg_stage_close(join->stage);
    dg_prospect_free(&join->prospect);
    if (join->place.device) join->place.backend->free(join->place.device, &join->hashes);
    dg_place_close(&join->place, join->failure.code ? &join->failure : NULL);
    free(join->spec.hashes);
    free(join->spec.right);
    dg_collapsed_free(&join->side[0]);
    dg_collapsed_free(&join->side[1]);
    free(join);
}
