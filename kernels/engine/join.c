/*
 * A join from end to end: collapse equal rows, decide the plan, run the stages, turn hits on distinct rows
 * into pairs of rows.
 *
 * Pairs of equal rows come first, without comparing anything. Then the stages. Distances have the parity of
 * the two popcounts' sum: where nearly all rows have one parity (perceptual hashes that set half their bits)
 * and the threshold is odd, rows are split by parity, and the large part is joined with the next smaller
 * threshold, at no loss.
 */
#include "join.h"

#include "layout.h"
#include "sample.h"
#include "stage.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    ROWS_MAX = 0xffff0000,   /* row numbers are uint32, with room for sums of a tile */
    SAMPLE_ROWS = 4096,      /* of a large table; of a smaller one an eighth of the rows */
    ORDERED_BITS_MAX = 1024, /* wider hashes keep the order of their bits */
    STAGES_MAX = 3,
    AHEAD = 16, /* hits whose rows are on their way from memory */
};

static const double MOSTLY = 0.95; /* share of rows of one parity from which the split pays */
static const double SKEWED = 2;    /* skew of a chunk from which a new order of the bits is tried */

typedef struct stage_range {
    uint32_t begin_a, count_a, begin_b, count_b, threshold;
} stage_range;

struct dg_join {
    dg_join_spec spec;
    uint32_t words;
    dg_place place;

    uint64_t *scratch;      /* spec.rows words */
    uint32_t *rows, *first; /* see dg_op_collapse; NULL: every row stands for itself */
    uint32_t unique;
    dg_buffer hashes, work;

    stage_range range[STAGES_MAX];
    uint32_t stages, next_stage;
    dg_stage *stage;

    uint32_t equal;     /* next distinct row whose equal rows are paired */
    const dg_hit *hits; /* being turned into pairs */
    uint32_t hit_count, hit;
    uint32_t i, j; /* next rows of the hit, or of the distinct row */

    dg_report report;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* --- planning --- */

static uint32_t sample_rows(uint32_t rows)
{
    return rows / 8 < 256 ? 256 : rows / 8 < SAMPLE_ROWS ? rows / 8 : SAMPLE_ROWS;
}

/* Seconds of brute force with the widest sieve, and that sieve: right for any data. */
static double safe_brute(const dg_join *join, const dg_extent *extent, dg_stage_spec *stage)
{
    stage->sieve_bits = dg_widest_sieve(join->words);
    stage->tile = DG_TILE_MAX / 4;
    return dg_brute_seconds(extent, &join->place.info, stage->sieve_bits);
}

/*
 * The sieve that makes brute force fastest on the rows of the sample, and a tile that few hits fill.
 * Verifying costs far more than comparing, so a narrow sieve pays only where few pairs pass it.
 */
static double fitted_brute(const dg_join *join, const dg_extent *extent, const dg_sample *sample,
                           dg_stage_spec *stage)
{
    static const uint32_t sieve_bits[4] = {32, 64, 128, 256};
    double rates[5], best = safe_brute(join, extent, stage), pairs = dg_extent_pairs(extent);
    uint32_t widest = stage->sieve_bits,
             rows = extent->rows_a > extent->rows_b ? extent->rows_a : extent->rows_b;
    dg_sample_pass_rates(sample, extent->threshold, rates);
    for (uint32_t k = 0; k < 4 && sieve_bits[k] < widest; k++) {
        double seconds = dg_brute_seconds(extent, &join->place.info, sieve_bits[k]);
        seconds += pairs * rates[k] * join->place.info.costs.survivor / join->place.info.units;
        if (seconds >= best) continue;
        best = seconds;
        stage->sieve_bits = sieve_bits[k];
    }
    if (rows >= 65536 && join->words == 1) stage->tile = DG_TILE_MAX;
    while (stage->tile > 256 && rates[4] * stage->tile * stage->tile > 32768) stage->tile /= 2;
    return best;
}

/*
 * The best layout for the rows as they are. Skew only adds to what uniform rows would cost, so layouts are
 * tried from the one cheapest on uniform rows up, until none left could be cheaper than the best with its
 * skew.
 */
static enum dg_code best_layout(const dg_join *join, const dg_extent *extent, const dg_sample *sample,
                                dg_layout *best, dg_err *err)
{
    double uniform[DG_CHUNKS_MAX + 1];
    dg_layout layout;
    *best = (dg_layout){.seconds = INFINITY};
    for (uint32_t chunks = 0; chunks <= DG_CHUNKS_MAX; chunks++) {
        uniform[chunks] = INFINITY;
        if ((join->spec.chunks && chunks != join->spec.chunks) || !dg_layout_make(extent, chunks, &layout))
            continue;
        dg_layout_predict(extent, &dg_standard_device, &layout);
        uniform[chunks] = layout.seconds;
    }
    for (;;) {
        uint32_t next = 0;
        for (uint32_t chunks = 1; chunks <= DG_CHUNKS_MAX; chunks++)
            if (uniform[chunks] < uniform[next]) next = chunks;
        if (uniform[next] >= best->seconds) return DG_OK; /* also where no layout is left */
        uniform[next] = INFINITY;
        dg_layout_make(extent, next, &layout);
        if (dg_sample_skew(sample, &layout, err)) return err->code;
        dg_layout_predict(extent, &dg_standard_device, &layout);
        if (layout.seconds < best->seconds) *best = layout;
    }
}

static double worst_skew(const dg_layout *layout)
{
    double worst = 1;
    for (uint32_t c = 0; c < layout->chunks; c++)
        if (layout->skew[c] > worst) worst = layout->skew[c];
    return worst;
}

/* Tries a new order of the bits for the layout, and keeps it if that makes the join cheaper. */
static enum dg_code reorder_bits(dg_join *join, dg_extent *extent, dg_sample *sample, dg_layout *layout,
                                 int *reordered, dg_err *err)
{
    uint16_t from[ORDERED_BITS_MAX];
    const dg_poll never = {0};
    dg_layout changed = *layout;
    dg_extent shuffled = *extent;
    shuffled.sorted = 0;
    if (dg_sample_bit_order(sample, layout, extent->bits, from, err)) return err->code;
    if (dg_reorder_bits(sample->rows, sample->count, join->words, extent->bits, from, &never, err))
        return err->code;
    if (dg_sample_skew(sample, &changed, err)) return err->code;
    dg_layout_predict(&shuffled, &dg_standard_device, &changed);
    /* Moving the bits costs about as much as ordering the rows once. */
    changed.seconds += join->unique * dg_standard_device.costs.partition_row;
    if (changed.seconds >= layout->seconds) return DG_OK;
    if (dg_reorder_bits(join->spec.hashes, join->unique, join->words, extent->bits, from, &join->spec.poll,
                        err))
        return err->code;
    if (join->hashes.host != join->spec.hashes) {
        size_t bytes = (size_t)join->unique * join->words * sizeof *join->spec.hashes;
        if (join->place.backend->put(join->place.device, &join->hashes, 0, join->spec.hashes, bytes, err))
            return err->code;
    }
    *layout = changed;
    *extent = shuffled;
    *reordered = 1;
    return DG_OK;
}

static uint64_t layout_bytes(const dg_join *join, const dg_layout *layout)
{
    uint64_t row = sizeof(uint32_t) + (join->words == 1 ? 8 : 16), widest = 0;
    for (uint32_t c = 0; c < layout->chunks; c++)
        if (layout->chunk[c].width > widest) widest = layout->chunk[c].width;
    return join->unique * row + ((uint64_t)4 << widest);
}

/* Decides how the next stage runs. */
static enum dg_code plan_stage(dg_join *join, dg_stage_spec *stage, dg_err *err)
{
    const stage_range *range = &join->range[join->next_stage];
    int self = range->begin_a == range->begin_b && range->count_a == range->count_b;
    dg_extent extent = {.rows_a = range->count_a,
                        .rows_b = range->count_b,
                        .self = self,
                        .bits = join->spec.bits,
                        .words = join->words,
                        .threshold = range->threshold,
                        .sorted = stage->sorted};
    dg_sample sample;
    dg_layout layout;
    char plan[sizeof join->report.plan];
    int reordered = 0, wanted = join->spec.plan, multi = 0;
    uint32_t begin = range->count_a >= range->count_b ? range->begin_a : range->begin_b;
    uint32_t count = range->count_a >= range->count_b ? range->count_a : range->count_b;
    if (dg_sample_take(join->spec.hashes + (size_t)begin * join->words, count, join->words,
                       sample_rows(count), &sample, err))
        return err->code;
    double brute = safe_brute(join, &extent, stage);
    const char *why = "the only plan for this threshold";
    if (wanted != DG_PLAN_BRUTE && join->spec.focus == DG_FOCUS_NONE) {
        if (best_layout(join, &extent, &sample, &layout, err)) goto done;
        int possible = isfinite(layout.seconds);
        if (possible && worst_skew(&layout) > SKEWED && self && extent.bits <= ORDERED_BITS_MAX &&
            join->stages == 1 && reorder_bits(join, &extent, &sample, &layout, &reordered, err))
            goto done;
        if (possible) dg_layout_predict(&extent, &join->place.info, &layout);
        /* A closer look at brute force is worth its time only where it may change the answer. */
        multi = possible && (wanted == DG_PLAN_MULTI_INDEX || layout.seconds < brute / 8);
        if (!multi) brute = fitted_brute(join, &extent, &sample, stage);
        multi = multi || (possible && layout.seconds < brute);
        if (possible && !multi) why = "predicted cheaper than multi_index";
        if (multi) why = wanted == DG_PLAN_MULTI_INDEX ? "asked for" : "predicted cheaper than brute force";
        if (multi && layout_bytes(join, &layout) > join->place.memory_limit) {
            multi = 0;
            why = "memory limit";
            brute = fitted_brute(join, &extent, &sample, stage);
        }
    } else {
        brute = fitted_brute(join, &extent, &sample, stage);
    }
    if (wanted == DG_PLAN_BRUTE) why = "asked for";
    if (join->spec.focus != DG_FOCUS_NONE) why = "one row against the others";
    stage->sorted = extent.sorted;
    stage->keep_layout = wanted == DG_PLAN_MULTI_INDEX;
    if (multi)
        snprintf(plan, sizeof plan, "multi_index, %u chunks of %u bits%s%s: %s (%.2g s, brute %.2g s)",
                 layout.chunks, layout.chunk[0].width, reordered ? ", bits reordered" : "",
                 join->stages > 1 ? ", rows split by parity" : "", why, layout.seconds, brute);
    else
        snprintf(plan, sizeof plan, "brute, sieve of %u bits: %s (%.2g s)", stage->sieve_bits, why, brute);
    if (join->next_stage == 0) memcpy(join->report.plan, plan, sizeof plan);
    stage->layout = multi ? layout : (dg_layout){0};
done:
    free(sample.rows);
    return err->code;
}

/* --- opening --- */

/* Bytes that collapsing takes beside the column. */
static uint64_t collapse_bytes(const dg_join *join)
{
    uint64_t wide = join->words > 1 ? 8 : 0;
    return join->spec.rows * (16 + wide) + sizeof(uint32_t);
}

static enum dg_code collapse(dg_join *join, dg_err *err)
{
    const dg_join_spec *spec = &join->spec;
    dg_device *host = NULL;
    dg_sample sample = {0};
    int split = 0;
    if (spec->threshold % 2 == 1 && join->words == 1 && spec->rows > 1) {
        if (dg_sample_take(spec->hashes, spec->rows, join->words, sample_rows(spec->rows), &sample, err))
            return err->code;
        double even = dg_sample_even(&sample);
        split = even >= MOSTLY || even <= 1 - MOSTLY;
        free(sample.rows);
    }
    size_t rows = spec->rows;
    join->scratch = malloc((rows + 1) * sizeof *join->scratch);
    join->rows = malloc((rows + 1) * sizeof *join->rows);
    join->first = malloc((rows + 1) * sizeof *join->first);
    if (!join->scratch || !join->rows || !join->first)
        return dg_fail(err, DG_NOMEM, "out of memory for the work space of %u hashes", spec->rows);
    dg_op_collapse op = {.hashes = spec->hashes,
                         .scratch = join->scratch,
                         .rows = join->rows,
                         .first = join->first,
                         .n = spec->rows,
                         .words = join->words,
                         .split_parity = split};
    const dg_open_options options = {spec->place.threads, NULL};
    const dg_backend *cpu = dg_backend_find("cpu", err);
    if (!cpu || cpu->open(0, &options, &host, err)) return err->code;
    cpu->run(host, DG_OP_COLLAPSE, &op, &spec->poll, err);
    cpu->close(host);
    if (err->code) return err->code;
    join->unique = op.unique;
    uint32_t odd = op.unique - op.even, t = spec->threshold;
    if (split && op.even && odd) {
        join->range[0] = (stage_range){0, op.even, 0, op.even, t - 1};
        join->range[1] = (stage_range){op.even, odd, op.even, odd, t - 1};
        join->range[2] = (stage_range){0, op.even, op.even, odd, t};
        join->stages = 3;
    } else {
        join->range[0] = (stage_range){0, op.unique, 0, op.unique, split ? t - 1 : t};
        join->stages = 1;
    }
    return DG_OK;
}

static void focus_one_row(dg_join *join)
{
    const dg_join_spec *spec = &join->spec;
    uint32_t r = spec->focus_row;
    join->range[0] = spec->focus == DG_FOCUS_FIRST
                         ? (stage_range){r, 1, r + 1, spec->rows - r - 1, spec->threshold}
                         : (stage_range){r, 1, 0, r, spec->threshold};
    join->stages = 1;
    join->unique = spec->rows;
    join->equal = spec->rows;
}

enum dg_code dg_join_open(const dg_join_spec *spec, dg_join **out, dg_err *err)
{
    double begun = now();
    dg_join *join = calloc(1, sizeof *join);
    *out = NULL;
    if (!join) {
        free(spec->hashes);
        return dg_fail_nomem(err, "a join");
    }
    join->spec = *spec;
    join->words = (spec->bits + 63) / 64;
    if (spec->rows > ROWS_MAX) {
        dg_fail(err, DG_ERROR, "%u rows are more than a join takes, %u", spec->rows, (uint32_t)ROWS_MAX);
        goto fail;
    }
    if (spec->bits < 1 || spec->bits > DG_JOIN_MAX_BITS) {
        dg_fail(err, DG_ERROR, "hashes of %u bits cannot be joined, only 1 to %d", spec->bits,
                DG_JOIN_MAX_BITS);
        goto fail;
    }
    if (dg_place_open(&spec->place, NULL, NULL, &spec->poll, &join->place, err)) goto fail;
    join->report.rows = spec->rows;

    uint64_t column = (uint64_t)spec->rows * join->words * sizeof(uint64_t);
    join->report.bytes = column;
    if (spec->focus != DG_FOCUS_NONE) {
        focus_one_row(join);
    } else if (collapse_bytes(join) > join->place.memory_limit) {
        /* Without the space to collapse, rows stand for themselves and are compared as they are. */
        join->spec.plan = DG_PLAN_BRUTE;
        join->unique = join->equal = spec->rows;
        join->range[0] = (stage_range){0, spec->rows, 0, spec->rows, spec->threshold};
        join->stages = 1;
        dg_place_note(
            &join->place,
            "equal rows not collapsed, rows compared by brute force: %llu bytes of work space are over "
            "the limit of %llu",
            (unsigned long long)collapse_bytes(join), (unsigned long long)join->place.memory_limit);
    } else {
        if (collapse(join, err)) goto fail;
        join->report.bytes += collapse_bytes(join);
    }
    if (join->spec.threshold == 0 && join->rows) join->stages = 0; /* distinct rows differ */
    join->report.unique_rows = join->unique;
    size_t bytes = (size_t)join->unique * join->words * sizeof(uint64_t);
    if (join->place.backend->alloc(join->place.device, bytes, join->spec.hashes, &join->hashes, err))
        goto fail;
    if (join->scratch) join->work = (dg_buffer){NULL, join->scratch, spec->rows * sizeof *join->scratch};
    join->report.seconds += now() - begun;
    *out = join;
    return DG_OK;
fail:
    dg_join_close(join);
    return err->code;
}

/* --- reading --- */

static enum dg_code open_stage(dg_join *join, dg_err *err)
{
    const stage_range *range = &join->range[join->next_stage];
    dg_stage_spec stage = {.backend = join->place.backend,
                           .device = join->place.device,
                           .info = &join->place.info,
                           .poll = &join->spec.poll,
                           .hashes = join->hashes,
                           .words = join->words,
                           .bits = join->spec.bits,
                           .threshold = range->threshold,
                           .begin_a = range->begin_a,
                           .count_a = range->count_a,
                           .begin_b = range->begin_b,
                           .count_b = range->count_b,
                           .sorted = join->rows && join->words == 1,
                           .memory_limit = join->place.memory_limit,
                           .work = join->work};
    if (plan_stage(join, &stage, err)) return err->code;
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
    uint64_t column = (uint64_t)join->spec.rows * join->words * sizeof(uint64_t);
    uint64_t bytes = column + (join->rows ? collapse_bytes(join) : 0) + counts.bytes;
    if (bytes > join->report.bytes) join->report.bytes = bytes;
    dg_stage_close(join->stage);
    join->stage = NULL;
}

/* Brings the next hits; join->hit_count is 0 at the end of the join. */
static enum dg_code next_hits(dg_join *join, dg_err *err)
{
    join->hit = join->hit_count = 0;
    while (join->next_stage < join->stages) {
        const stage_range *range = &join->range[join->next_stage];
        if (range->count_a > 0 && range->count_b > 0) {
            if (!join->stage && open_stage(join, err)) return err->code;
            if (dg_stage_next(join->stage, &join->hits, &join->hit_count, err)) return err->code;
            if (join->hit_count > 0) return DG_OK;
            close_stage(join);
        }
        join->next_stage++;
    }
    return DG_OK;
}

/* The pair of two rows by their places in join->rows, or by their numbers. */
static inline dg_pair ordered(const dg_join *join, uint32_t x, uint32_t y, uint32_t distance)
{
    if (join->rows) x = join->rows[x], y = join->rows[y];
    return x < y ? (dg_pair){x, y, distance} : (dg_pair){y, x, distance};
}

/* Pairs of equal rows, from join->equal on. */
static size_t read_equal(dg_join *join, dg_pair *pairs, size_t capacity)
{
    size_t n = 0;
    for (; join->equal < join->unique; join->equal++, join->i = join->j = 0) {
        uint32_t begin = join->first[join->equal], end = join->first[join->equal + 1];
        if (end - begin < 2) continue;
        for (uint32_t rows = end - begin; join->i + 1 < rows; join->i++, join->j = 0) {
            if (join->j <= join->i) join->j = join->i + 1;
            for (; join->j < rows; join->j++) {
                if (n == capacity) return n;
                pairs[n++] = (dg_pair){join->rows[begin + join->i], join->rows[begin + join->j], 0};
            }
        }
    }
    return n;
}

/* Pairs of the hits at hand where no two rows are equal: one each. */
static size_t read_single(dg_join *join, dg_pair *pairs, size_t capacity)
{
    size_t n = join->hit_count - join->hit;
    if (n > capacity) n = capacity;
    const dg_hit *hit = &join->hits[join->hit];
    size_t ahead = join->rows && n > AHEAD ? n - AHEAD : 0;
    for (size_t k = 0; k < n; k++) {
        if (k < ahead) {
            __builtin_prefetch(&join->rows[hit[k + AHEAD].a]);
            __builtin_prefetch(&join->rows[hit[k + AHEAD].b]);
        }
        pairs[k] = ordered(join, hit[k].a, hit[k].b, hit[k].distance);
    }
    join->hit += (uint32_t)n;
    return n;
}

/* Pairs of the hits at hand: every row of the one side with every row of the other. */
static size_t read_hits(dg_join *join, dg_pair *pairs, size_t capacity)
{
    if (join->unique == join->spec.rows) return read_single(join, pairs, capacity);
    size_t n = 0;
    for (; join->hit < join->hit_count; join->hit++, join->i = join->j = 0) {
        const dg_hit *hit = &join->hits[join->hit];
        if (join->hit + AHEAD < join->hit_count) {
            __builtin_prefetch(&join->first[hit[AHEAD].a]);
            __builtin_prefetch(&join->first[hit[AHEAD].b]);
            __builtin_prefetch(&join->rows[hit[AHEAD].a]); /* near enough where few rows are equal */
            __builtin_prefetch(&join->rows[hit[AHEAD].b]);
        }
        uint32_t begin_a = join->first[hit->a], end_a = join->first[hit->a + 1];
        uint32_t begin_b = join->first[hit->b], end_b = join->first[hit->b + 1];
        for (; begin_a + join->i < end_a; join->i++, join->j = 0)
            for (; begin_b + join->j < end_b; join->j++) {
                if (n == capacity) return n;
                pairs[n++] = ordered(join, begin_a + join->i, begin_b + join->j, hit->distance);
            }
    }
    return n;
}

enum dg_code dg_join_read(dg_join *join, dg_pair *pairs, size_t capacity, size_t *count, dg_err *err)
{
    double begun = now();
    size_t n = 0;
    *count = 0;
    if (dg_poll_stop(&join->spec.poll)) return dg_fail(err, DG_INTERRUPT, "interrupted");
    if (join->equal < join->unique && join->unique < join->spec.rows) n = read_equal(join, pairs, capacity);
    while (n == 0) {
        if (join->hit == join->hit_count) {
            if (next_hits(join, err)) break;
            if (join->hit_count == 0) break;
        }
        n = read_hits(join, pairs, capacity);
    }
    join->report.seconds += now() - begun;
    join->report.results += n;
    *count = n;
    return err->code;
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
    if (join->place.device) join->place.backend->free(join->place.device, &join->hashes);
    dg_place_close(&join->place);
    free(join->spec.hashes);
    free(join->scratch);
    free(join->rows);
    free(join->first);
    free(join);
}
