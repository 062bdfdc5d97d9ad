#include "join_plan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ORDER_BYTES = 12, /* a row takes while a device orders rows: two keys and a row number */
};

static const double SKEWED = 2; /* skew of a chunk from which a new order of the bits is tried */

/* --- the look --- */

/*
 * The best layout for the rows as they are. Skew only adds to what uniform rows would cost, so layouts are
 * tried from the one cheapest on uniform rows up, until none left could be cheaper than the best with its
 * skew.
 */
static enum dg_code best_layout(const dg_plan_question *q, const dg_sample *sample, dg_layout *best,
                                dg_err *err)
{
    double uniform[DG_CHUNKS_MAX + 1];
    dg_layout layout;
    *best = (dg_layout){.seconds = INFINITY};
    for (uint32_t chunks = 0; chunks <= DG_CHUNKS_MAX; chunks++) {
        uniform[chunks] = INFINITY;
        if ((q->chunks && chunks != q->chunks) || !dg_layout_make(&q->extent, chunks, &layout)) continue;
        dg_layout_predict(&q->extent, &dg_standard_device, &layout);
        uniform[chunks] = layout.seconds;
    }
    for (;;) {
        uint32_t next = 0;
        for (uint32_t chunks = 1; chunks <= DG_CHUNKS_MAX; chunks++)
            if (uniform[chunks] < uniform[next]) next = chunks;
        if (uniform[next] >= best->seconds) return DG_OK; /* also where no layout is left */
        uniform[next] = INFINITY;
        dg_layout_make(&q->extent, next, &layout);
        if (dg_sample_skew(sample, &layout, err)) return err->code;
        dg_layout_predict(&q->extent, &dg_standard_device, &layout);
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

/* Tries a new order of the bits for the layout, on the sample, and keeps it if that makes the join cheaper.
 */
static enum dg_code try_bit_order(dg_prospect *p, dg_err *err)
{
    const dg_poll never = {0};
    const dg_plan_question *q = &p->question;
    dg_layout changed = p->layout;
    dg_extent shuffled = q->extent;
    shuffled.sorted = 0;
    if (dg_sample_bit_order(&p->sample, &p->layout, q->extent.bits, p->from, err)) return err->code;
    size_t bytes = (size_t)p->sample.count * q->words * sizeof *p->sample.rows;
    dg_sample moved = p->sample;
    moved.rows = malloc(bytes);
    if (!moved.rows) return dg_fail_nomem(err, "a sample of hashes");
    memcpy(moved.rows, p->sample.rows, bytes);
    if (dg_reorder_bits(moved.rows, moved.count, q->words, q->extent.bits, p->from, &never, err) ||
        dg_sample_skew(&moved, &changed, err)) {
        free(moved.rows);
        return err->code;
    }
    dg_layout_predict(&shuffled, &dg_standard_device, &changed);
    /* Moving the bits costs about as much as ordering the rows once. */
    changed.seconds += (double)(q->extent.rows_a + (q->extent.self ? 0 : q->extent.rows_b)) *
                       dg_standard_device.costs.partition_row;
    p->reordered = changed.seconds < p->layout.seconds;
    if (p->reordered) p->layout = changed;
    free(moved.rows);
    return DG_OK;
}

enum dg_code dg_prospect_make(const dg_plan_question *question, dg_prospect *out, dg_err *err)
{
    const dg_extent *extent = &question->extent;
    int a_larger = extent->rows_a >= extent->rows_b;
    uint32_t begin = a_larger ? question->begin_a : question->begin_b;
    uint32_t count = (uint32_t)(a_larger ? extent->rows_a : extent->rows_b);
    out->question = *question;
    out->layout.chunks = 0;
    out->reordered = 0;
    if (dg_sample_take(question->hashes + (size_t)begin * question->words, count, question->words,
                       dg_sample_size(count), &out->sample, err))
        return err->code;
    if (question->wanted == DG_PLAN_BRUTE || question->one_row) return DG_OK;
    if (best_layout(question, &out->sample, &out->layout, err)) goto fail;
    if (!isfinite(out->layout.seconds))
        out->layout.chunks = 0;
    else if (worst_skew(&out->layout) > SKEWED && extent->bits <= DG_ORDERED_BITS_MAX && !question->split &&
             try_bit_order(out, err))
        goto fail;
    return DG_OK;
fail:
    dg_prospect_free(out);
    return err->code;
}

void dg_prospect_free(dg_prospect *prospect)
{
    free(prospect->sample.rows);
    prospect->sample = (dg_sample){0};
}

/* --- weighing --- */

/* Seconds of brute force with the widest sieve, and that sieve: right for any data. */
static double safe_brute(const dg_plan_question *q, const dg_device_info *info, dg_stage_spec *stage)
{
    stage->sieve_bits = dg_widest_sieve(q->words);
    stage->tile = DG_TILE_MAX / 4;
    return dg_brute_seconds(&q->extent, info, stage->sieve_bits);
}

/*
 * The sieve that makes brute force fastest on the rows of the sample, and a tile that few hits fill.
 * Verifying costs far more than comparing, so a narrow sieve pays only where few pairs pass it.
 */
static double fitted_brute(const dg_prospect *p, const dg_device_info *info, dg_stage_spec *stage)
{
    static const uint32_t sieve_bits[4] = {32, 64, 128, 256};
    const dg_plan_question *q = &p->question;
    const dg_extent *extent = &q->extent;
    double rates[5], best = safe_brute(q, info, stage), pairs = dg_extent_pairs(extent);
    uint64_t rows = extent->rows_a > extent->rows_b ? extent->rows_a : extent->rows_b;
    uint32_t widest = stage->sieve_bits;
    dg_sample_pass_rates(&p->sample, extent->threshold, rates);
    for (uint32_t k = 0; k < 4 && sieve_bits[k] < widest; k++) {
        double seconds = dg_brute_seconds(extent, info, sieve_bits[k]);
        seconds += pairs * rates[k] * info->costs.survivor / info->units;
        if (seconds >= best) continue;
        best = seconds;
        stage->sieve_bits = sieve_bits[k];
    }
    if (rows >= 65536 && q->words == 1) stage->tile = DG_TILE_MAX;
    while (stage->tile > 256 && rates[4] * stage->tile * stage->tile > 32768) stage->tile /= 2;
    return best;
}

static uint64_t table_bytes(const dg_plan_question *q)
{
    uint64_t rows = q->extent.rows_a + (q->extent.self ? 0 : q->extent.rows_b);
    return rows * q->words * sizeof(uint64_t);
}

static uint64_t layout_bytes(const dg_prospect *p, const dg_device_info *info)
{
    const dg_plan_question *q = &p->question;
    uint64_t rows = q->extent.rows_a + (q->extent.self ? 0 : q->extent.rows_b), widest = 0;
    uint64_t row = sizeof(uint32_t) + (q->words == 1 ? 8 : 16);
    for (uint32_t c = 0; c < p->layout.chunks; c++)
        if (p->layout.chunk[c].width > widest) widest = p->layout.chunk[c].width;
    if (!info->shares_memory) row += q->words * sizeof(uint64_t) + ORDER_BYTES;
    return rows * row + ((uint64_t)4 << widest);
}

/* Whether the table does not fit into the device and must go there in windows, again and again. Half the
 * memory is for hits. */
static int windowed(const dg_plan_question *q, const dg_device_info *info, uint64_t memory_limit)
{
    return !info->shares_memory && table_bytes(q) > memory_limit / 2;
}

typedef struct verdict {
    int multi;
    double multi_seconds, brute_seconds; /* INFINITY: not possible, or not looked at */
    const char *why;
} verdict;

static verdict weigh(const dg_prospect *p, const dg_device_info *info, uint64_t memory_limit,
                     dg_stage_spec *stage)
{
    const dg_plan_question *q = &p->question;
    dg_layout layout = p->layout;
    dg_extent extent = q->extent;
    verdict v = {0, INFINITY, safe_brute(q, info, stage), "the only plan for this threshold"};
    if (q->wanted == DG_PLAN_BRUTE) v.why = "asked for";
    if (q->one_row) v.why = "one row against the others";
    if (layout.chunks && layout_bytes(p, info) > memory_limit) {
        layout.chunks = 0;
        v.why = "memory limit";
    }
    if (layout.chunks) {
        if (p->reordered) extent.sorted = 0;
        dg_layout_predict(&extent, info, &layout);
        v.multi_seconds = layout.seconds;
        v.multi = q->wanted == DG_PLAN_MULTI_INDEX;
        v.why = v.multi ? "asked for" : "predicted cheaper than brute force";
        /* A closer look at brute force is worth its time only where it may change the answer. */
        v.multi = v.multi || layout.seconds < v.brute_seconds / 8;
    }
    if (v.multi) return v;
    v.brute_seconds = fitted_brute(p, info, stage);
    if (windowed(q, info, memory_limit)) {
        double copies = (double)extent.rows_a / stage->tile / (extent.self ? 2 : 1);
        v.brute_seconds += copies * (double)table_bytes(q) * info->costs.upload;
    }
    v.multi = v.multi_seconds < v.brute_seconds;
    if (layout.chunks && !v.multi) v.why = "predicted cheaper than multi_index";
    return v;
}

double dg_prospect_seconds(const dg_device_info *info, uint64_t memory_limit, const void *prospect)
{
    const dg_prospect *p = prospect;
    dg_stage_spec unused = {0};
    verdict v = weigh(p, info, memory_limit, &unused);
    return (v.multi ? v.multi_seconds : v.brute_seconds) +
           (double)table_bytes(&p->question) * info->costs.upload;
}

void dg_prospect_decide(const dg_prospect *prospect, const dg_device_info *info, uint64_t memory_limit,
                        dg_stage_spec *stage, char *words, size_t words_size)
{
    const dg_plan_question *q = &prospect->question;
    verdict v = weigh(prospect, info, memory_limit, stage);
    stage->layout = v.multi ? prospect->layout : (dg_layout){0};
    stage->keep_layout = q->wanted == DG_PLAN_MULTI_INDEX;
    stage->sorted = q->extent.sorted && !(v.multi && prospect->reordered);
    stage->windowed = !v.multi && windowed(q, info, memory_limit);
    if (v.multi)
        snprintf(words, words_size, "multi_index, %u chunks of %u bits%s%s: %s (%.2g s, brute %.2g s)",
                 prospect->layout.chunks, prospect->layout.chunk[0].width,
                 prospect->reordered ? ", bits reordered" : "", q->split ? ", rows split by parity" : "",
                 v.why, v.multi_seconds, v.brute_seconds);
    else
        snprintf(words, words_size, "brute, sieve of %u bits%s: %s (%.2g s)", stage->sieve_bits,
                 stage->windowed ? ", table uploaded in windows" : "", v.why, v.brute_seconds);
}

int dg_prospect_windowed(const dg_prospect *prospect, const dg_device_info *info, uint64_t memory_limit)
{
    return windowed(&prospect->question, info, memory_limit);
}
