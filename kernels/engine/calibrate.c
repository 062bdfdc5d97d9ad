#include "calibrate.h"

#include "../clock.h"
#include "grade.h"
#include "render.h"

#include <stdlib.h>

enum {
    ROWS = 1 << 17, /* of 256 bits: 4 MB, read as any width */
    WORDS = 4,
    SIDE = 1024, /* of the smallest tile */
    UNITS_MAX = 256,
    CAPACITY = 64, /* hits of a unit; thresholds are so low that there are hardly any */
    QUERIES_MAX = 4096,
};

static const double LONG_ENOUGH =
    2e-3; /* seconds from which a run tells its cost; a launch takes some 1e-5 */

typedef struct gauge {
    const dg_backend *backend;
    dg_device *device;
    const dg_poll *poll;
    uint64_t *rows;
    dg_buffer table;
    dg_hit *hits;
    dg_unit units[UNITS_MAX];
    uint32_t slots[UNITS_MAX], counts[UNITS_MAX];
    uint64_t candidates[UNITS_MAX];
    uint32_t *found;
    dg_neighbour *neighbours;
    double start;
} gauge;

/* Seconds of one operation; below 0 where it failed. */
static double time_of(gauge *g, enum dg_op op, void *arguments, dg_err *err)
{
    double begun = dg_clock();
    if (g->backend->run(g->device, op, arguments, g->poll, err)) return -1;
    if (g->backend->wait(g->device, g->poll, err)) return -1;
    return dg_clock() - begun;
}

/* What lasted `seconds` beyond the start of an operation, for each of `pieces`. */
static double each(const gauge *g, double seconds, double pieces)
{
    double rest = seconds - g->start;
    return (rest > seconds / 10 ? rest : seconds / 10) / pieces;
}

/* A table of rows of that many words over the random bits, with the whole row as sieve. */
static dg_index table_of(const gauge *g, uint32_t words)
{
    dg_index index = {.hashes = g->table, .words = words, .count = ROWS, .sieve_bits = 64 * words};
    for (uint32_t w = 0; w < words; w++) index.sieve_word[w] = w;
    return index;
}

/* Tiles of `side`, taken in turn from a band of the table below its first rows. */
static void lay_tiles(gauge *g, uint32_t count, uint32_t side)
{
    uint32_t places = ROWS / side - 1;
    for (uint32_t u = 0; u < count; u++) {
        uint32_t b = (1 + u % places) * side;
        g->units[u] = (dg_unit){DG_UNIT_TILE, 0, side, b, b + side};
    }
}

/* Runs `op` over more and more tiles until it takes long enough; gives seconds for each pair. */
static double tile_cost(gauge *g, enum dg_op op, void *arguments, uint32_t *unit_count, dg_err *err)
{
    for (uint32_t count = 1, side = SIDE;; count = count * 4 < UNITS_MAX ? count * 4 : UNITS_MAX) {
        if (count == UNITS_MAX) side = DG_TILE_MAX;
        lay_tiles(g, count, side);
        *unit_count = count;
        double seconds = time_of(g, op, arguments, err);
        if (seconds < 0) return 0;
        if (seconds >= LONG_ENOUGH || side == DG_TILE_MAX)
            return each(g, seconds, (double)count * side * side);
    }
}

static dg_op_compare compare_of(gauge *g, const dg_index *index)
{
    return (dg_op_compare){.a = index,
                           .b = index,
                           .units = g->units,
                           .slots = g->slots,
                           .hits = g->hits,
                           .capacity = CAPACITY,
                           .counts = g->counts,
                           .candidates = g->candidates};
}

static enum dg_code measure_tiles(gauge *g, dg_costs *costs, dg_err *err)
{
    static const struct {
        uint32_t words, sieve_bits;
    } forms[4] = {{1, 32}, {1, 64}, {2, 128}, {4, 256}};
    for (int i = 0; i < 4 && !err->code; i++) {
        dg_index index = table_of(g, forms[i].words);
        index.sieve_bits = forms[i].sieve_bits;
        dg_op_compare op = compare_of(g, &index);
        costs->brute[i] = tile_cost(g, DG_OP_COMPARE, &op, &op.unit_count, err);
    }
    dg_index index = table_of(g, 1);
    uint32_t *counts = malloc(UNITS_MAX * 65 * sizeof *counts);
    if (!counts) return dg_fail_nomem(err, "the calibration of a device");
    dg_op_histogram op = {&index, &index, 64, g->units, 0, counts};
    if (!err->code) costs->bin = tile_cost(g, DG_OP_HISTOGRAM, &op, &op.unit_count, err);
    free(counts);
    return err->code;
}

static enum dg_code measure_nearest(gauge *g, dg_costs *costs, dg_err *err)
{
    dg_index rows = table_of(g, 1), queries = rows;
    rows.count = ROWS / 4;
    for (queries.count = 4; !err->code; queries.count *= 4) {
        dg_op_nearest op = {&rows, &queries, 1, 64, g->found, g->neighbours};
        for (uint32_t q = 0; q < queries.count; q++) g->found[q] = 0;
        double seconds = time_of(g, DG_OP_NEAREST, &op, err);
        costs->near = each(g, seconds, (double)queries.count * rows.count);
        if (seconds >= LONG_ENOUGH || queries.count * 4 > QUERIES_MAX) break;
    }
    return err->code;
}

/* Orders `rows` rows by a chunk and compares them in its buckets. */
typedef struct bucket_run {
    double ordering, comparing; /* seconds */
    double pairs;               /* looked at */
} bucket_run;

static enum dg_code run_buckets(gauge *g, uint32_t rows, uint32_t width, bucket_run *out, dg_err *err)
{
    uint32_t masks[33] = {0};
    dg_index index = table_of(g, 1);
    const uint32_t buckets = 1u << width;
    index.count = rows;
    index.chunk = (dg_chunk){3, width, 1};
    for (uint32_t bit = 0; bit < width; bit++) masks[bit + 1] = 1u << bit;
    if (g->backend->alloc(g->device, rows * sizeof(uint64_t), NULL, &index.sieve, err) ||
        g->backend->alloc(g->device, rows * sizeof(uint32_t), NULL, &index.index, err) ||
        g->backend->alloc(g->device, ((size_t)buckets + 1) * sizeof(uint32_t), NULL, &index.offsets, err))
        goto done;
    dg_op_partition partition = {&index, 0};
    out->ordering = time_of(g, DG_OP_PARTITION, &partition, err);
    if (err->code) goto done;
    dg_op_compare op = compare_of(g, &index);
    op.masks = masks;
    op.mask_count = width + 1;
    op.unit_count = buckets < UNITS_MAX ? buckets : UNITS_MAX;
    for (uint32_t u = 0; u < op.unit_count; u++) {
        uint64_t begin = (uint64_t)buckets * u / op.unit_count,
                 end = (uint64_t)buckets * (u + 1) / op.unit_count;
        g->units[u] = (dg_unit){DG_UNIT_BUCKETS, (uint32_t)begin, (uint32_t)end, 0, 0};
    }
    out->comparing = time_of(g, DG_OP_COMPARE, &op, err);
    out->pairs = 0;
    for (uint32_t u = 0; u < op.unit_count; u++) out->pairs += (double)g->candidates[u];
done:
    g->backend->free(g->device, &index.offsets);
    g->backend->free(g->device, &index.index);
    g->backend->free(g->device, &index.sieve);
    return err->code;
}

/*
 * Ordering rows, and comparing in buckets. A device works row by row: a row looks up each near bucket and
 * compares itself with the rows there. In the planner's terms that is one vector of `lanes` rows a pair of
 * buckets more, so lanes is twice what a look costs in pairs compared. Few large buckets tell the cost of a
 * pair, many small ones that of a look.
 */
static enum dg_code measure_buckets(gauge *g, dg_costs *costs, dg_err *err)
{
    enum { LARGE = 8, SMALL = 2 }; /* binary logarithm of the rows in a bucket */
    const uint32_t most = 19;      /* ROWS * WORDS rows of one word */
    uint32_t log_rows = 12;
    bucket_run large, small;
    for (;; log_rows = log_rows + 3 < most ? log_rows + 3 : most) {
        if (run_buckets(g, 1u << log_rows, log_rows - LARGE, &large, err)) return err->code;
        if (large.comparing >= LONG_ENOUGH || log_rows == most) break;
    }
    const double rows = (double)(1u << log_rows), pair = each(g, large.comparing, large.pairs);
    if (run_buckets(g, 1u << log_rows, log_rows - SMALL, &small, err)) return err->code;
    const double looks = rows * ((log_rows - SMALL) / 2.0 + 1);
    const double look = (small.comparing - g->start - small.pairs * pair) / looks;
    costs->partition_row = each(g, small.ordering, rows);
    costs->lanes = look > pair ? 2 * look / pair : 2;
    costs->vector = costs->lanes * pair;
    return DG_OK;
}

static enum dg_code measure_start(gauge *g, dg_costs *costs, dg_err *err)
{
    dg_index index = table_of(g, 1);
    dg_op_compare op = compare_of(g, &index);
    op.unit_count = 1;
    g->units[0] = (dg_unit){DG_UNIT_TILE, 0, 1, 1, 2};
    for (int i = 0; i < 4; i++) { /* the first may load code */
        double seconds = time_of(g, DG_OP_COMPARE, &op, err);
        if (seconds < 0) return err->code;
        if (i == 1 || (i > 1 && seconds < g->start)) g->start = seconds;
    }
    costs->start = g->start;
    double begun = dg_clock();
    if (g->backend->put(g->device, &g->table, 0, g->rows, ROWS * WORDS * sizeof *g->rows, err))
        return err->code;
    if (time_of(g, DG_OP_COMPARE, &op, err) < 0) return err->code; /* waits for the copy */
    costs->upload = each(g, dg_clock() - begun, ROWS * WORDS * sizeof *g->rows);
    return DG_OK;
}

/* What pictures are measured with: a size, and a second time, for the first may load code, then larger ones
 * until it takes long enough. */
static const uint32_t picture_counts[] = {1, 1, 8, 64};
enum { PICTURE_COUNTS = sizeof picture_counts / sizeof *picture_counts };

/* Taking in a sample of a large picture, and adding it up. */
static enum dg_code measure_samples(gauge *g, dg_costs *costs, dg_err *err)
{
    enum { WIDTH = 2048, BAND = ROWS * WORDS * 8 / 64 / WIDTH }; /* the whole table is 64 bands */
    double seconds = 0;
    for (int i = 0; i < PICTURE_COUNTS && !err->code && seconds < LONG_ENOUGH; i++) {
        const dg_grey picture = {(const uint8_t *)g->rows, {WIDTH, BAND * picture_counts[i]}};
        const double samples = (double)WIDTH * picture.size.height, begun = dg_clock();
        dg_shrink shrink;
        if (dg_shrink_open(&shrink, g->backend, g->device, &picture, 1, err) == DG_OK)
            dg_shrink_resize(&shrink, (dg_size){32, 32}, g->poll, err);
        const double there = dg_clock();
        if (!err->code)
            dg_grade_pictures(&shrink, 1u << DG_METRIC_OVERALL, &(int){0}, &(dg_grade){.null = 0}, g->poll,
                              err);
        dg_shrink_close(&shrink);
        if (i == 0) continue;
        seconds = dg_clock() - begun;
        costs->sample = each(g, there - begun, samples);
        costs->grade = each(g, begun + seconds - there, samples);
    }
    return err->code;
}

enum { CANVAS = 256, POINTS = 100 };

/* A zigzag across the middle of each picture. */
static void lay_strokes(dg_line_stroke *strokes, uint32_t count)
{
    const int32_t step = (CANVAS - 1) * DG_LINE_ONE / POINTS, slope = 46341; /* 2^16 / sqrt(2) */
    for (uint32_t i = 0; i < count; i++) {
        const int32_t at = i % POINTS, up = at % 2;
        strokes[i] = (dg_line_stroke){at * step, CANVAS / 2 * DG_LINE_ONE + up * step, 0, 0};
        if (at) strokes[i].nx = up ? slope : -slope, strokes[i].ny = -slope;
    }
}

/* Draws the pictures and makes the planes of their hashes. */
static enum dg_code draw_and_shrink(gauge *g, const dg_render_spec *spec, dg_err *err)
{
    dg_buffer pixels;
    dg_shrink shrink = {0};
    if (dg_render(g->backend, g->device, spec, &pixels, g->poll, err) == DG_OK &&
        dg_shrink_adopt(&shrink, g->backend, g->device, &pixels, (dg_size){CANVAS, CANVAS}, spec->count,
                        err) == DG_OK)
        dg_shrink_resize(&shrink, (dg_size){32, 32}, g->poll, err);
    dg_shrink_close(&shrink);
    g->backend->free(g->device, &pixels);
    return err->code;
}

/* Drawing a line through a hundred points and hashing the picture, for each sample of the picture. */
static enum dg_code measure_drawing(gauge *g, dg_costs *costs, dg_err *err)
{
    static const dg_line_options options = {
        .width = CANVAS, .height = CANVAS, .line_width = 3 * DG_LINE_ONE, .antialias = 1, .bits = 8};
    const uint32_t most = picture_counts[PICTURE_COUNTS - 1];
    dg_line_stroke *strokes = malloc((size_t)most * POINTS * sizeof *strokes);
    uint32_t *first = malloc((most + 1) * sizeof *first);
    double seconds = 0;
    if (!strokes || !first) dg_fail_nomem(err, "the calibration of a device");
    if (!err->code) lay_strokes(strokes, most * POINTS);
    for (uint32_t i = 0; i <= most && !err->code; i++) first[i] = i * POINTS;
    for (int i = 0; i < PICTURE_COUNTS && !err->code && seconds < LONG_ENOUGH; i++) {
        const dg_render_spec spec = {
            .options = &options, .strokes = strokes, .first = first, .count = picture_counts[i]};
        const double begun = dg_clock();
        draw_and_shrink(g, &spec, err);
        if (i == 0) continue;
        seconds = dg_clock() - begun;
        costs->draw = each(g, seconds, (double)CANVAS * CANVAS * spec.count);
    }
    free(strokes);
    free(first);
    return err->code;
}

enum dg_code dg_calibrate(const dg_backend *backend, dg_device *device, const dg_poll *poll,
                          dg_device_info *info, dg_err *err)
{
    dg_costs costs = {0};
    gauge *g = calloc(1, sizeof *g);
    if (!g) return dg_fail_nomem(err, "the calibration of a device");
    *g = (gauge){.backend = backend, .device = device, .poll = poll};
    g->rows = malloc(ROWS * WORDS * sizeof *g->rows);
    g->hits = malloc(UNITS_MAX * CAPACITY * sizeof *g->hits);
    g->found = malloc(QUERIES_MAX * sizeof *g->found);
    g->neighbours = malloc(QUERIES_MAX * sizeof *g->neighbours);
    if (!g->rows || !g->hits || !g->found || !g->neighbours) {
        dg_fail_nomem(err, "the calibration of a device");
        goto done;
    }
    uint64_t state = 1;
    for (size_t i = 0; i < ROWS * WORDS; i++) { /* Knuth's MMIX generator, its high half twice */
        state = state * 6364136223846793005u + 1442695040888963407u;
        g->rows[i] = state >> 32;
        state = state * 6364136223846793005u + 1442695040888963407u;
        g->rows[i] |= state >> 32 << 32;
    }
    for (uint32_t u = 0; u < UNITS_MAX; u++) g->slots[u] = u;
    if (backend->alloc(device, ROWS * WORDS * sizeof *g->rows, g->rows, &g->table, err) ||
        measure_start(g, &costs, err) || measure_tiles(g, &costs, err) || measure_buckets(g, &costs, err) ||
        measure_nearest(g, &costs, err) || measure_samples(g, &costs, err) || measure_drawing(g, &costs, err))
        goto done;
    /* The planner divides by the units of a device what was measured on all of them. */
    double *const shared[] = {&costs.partition_row, &costs.vector,   &costs.bin,      &costs.near,
                              &costs.brute[0],      &costs.brute[1], &costs.brute[2], &costs.brute[3]};
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) *shared[i] *= info->units;
    /* Lanes beside the one that verifies wait for it, for about two reads of memory. */
    costs.survivor = 100 * costs.brute[1];
    info->costs = costs;
done:
    backend->free(device, &g->table);
    free(g->rows);
    free(g->hits);
    free(g->found);
    free(g->neighbours);
    free(g);
    return err->code;
}
