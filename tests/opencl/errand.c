#include "errand.h"

#include "../../kernels/cpu/cpu.h"
#include "../../kernels/engine/grade.h"
#include "../../kernels/engine/render.h"
#include "../../kernels/image/hash.h"
#include "../core/columns.h"
#include "../device/side_by_side.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RADIUS = 1, MASKS = ERRAND_WIDTH + 1 };

static const dg_chunk chunk = {61, ERRAND_WIDTH, RADIUS}; /* across two words */

/* COMPARE of all buckets, and of some tiles. Hits beyond the counted ones are set to zero. */
static enum dg_code compare(place *p, errand_found *out)
{
    static const dg_chunk seen[] = {{0, 7, 1}};
    static const dg_unit units[ERRAND_UNITS] = {{DG_UNIT_BUCKETS, 0, 13, 0, 0},
                                                {DG_UNIT_BUCKETS, 13, 1 << ERRAND_WIDTH, 0, 0},
                                                {DG_UNIT_TILE, 0, 70, 0, 70},
                                                {DG_UNIT_TILE, 0, 70, 70, 130}};
    uint32_t masks[MASKS] = {0}, slots[ERRAND_UNITS];
    uint64_t candidates[ERRAND_UNITS];
    for (uint32_t i = 1; i < MASKS; i++) masks[i] = 1u << (i - 1);
    for (uint32_t i = 0; i < ERRAND_UNITS; i++) slots[i] = i;
    dg_op_compare op = {.a = &p->a,
                        .b = &p->a,
                        .threshold = 110,
                        .masks = masks,
                        .mask_count = MASKS,
                        .seen = seen,
                        .seen_count = 1,
                        .units = units,
                        .unit_count = ERRAND_UNITS,
                        .slots = slots,
                        .hits = out->hits,
                        .capacity = ERRAND_CAPACITY,
                        .counts = out->counts,
                        .candidates = candidates};
    if (place_run(p, DG_OP_COMPARE, &op)) return p->err.code;
    for (uint32_t u = 0; u < ERRAND_UNITS; u++) {
        uint32_t count = out->counts[u] <= ERRAND_CAPACITY ? out->counts[u] : 0;
        memset(out->hits + u * ERRAND_CAPACITY + count, 0, (ERRAND_CAPACITY - count) * sizeof(dg_hit));
    }
    return DG_OK;
}

static enum dg_code count_distances(place *p, errand_found *out)
{
    static const dg_unit units[ERRAND_UNITS] = {{DG_UNIT_TILE, 0, 70, 0, 70},
                                                {DG_UNIT_TILE, 0, 70, 70, 130},
                                                {DG_UNIT_TILE, 70, 71, 0, 70},
                                                {DG_UNIT_TILE, 17, 18, 100, 101}};
    dg_op_histogram op = {.a = &p->b,
                          .b = &p->b,
                          .bits = ERRAND_BITS,
                          .units = units,
                          .unit_count = ERRAND_UNITS,
                          .counts = out->histogram};
    return place_run(p, DG_OP_HISTOGRAM, &op);
}

static enum dg_code find_nearest(place *p, errand_found *out)
{
    dg_index queries = p->b;
    queries.begin = 50;
    queries.count = ERRAND_QUERIES;
    dg_op_nearest op = {.rows = &p->b,
                        .queries = &queries,
                        .k = ERRAND_K,
                        .limit = 90,
                        .found = out->found,
                        .neighbours = out->neighbours};
    return place_run(p, DG_OP_NEAREST, &op);
}

/* Phashes, the whash of the first picture, whose plane is as large, and quality metrics; where the backend is
 * the CPU's, by kernels/image. */
static enum dg_code hash_pictures(place *p, errand_found *out)
{
    static const dg_poll never = {0};
    static uint8_t samples[80 * 40];
    const dg_grey pictures[ERRAND_PICTURES] = {{samples, {80, 40}}, {samples, {9, 70}}, {samples, {32, 30}}};
    uint8_t hash[DG_HASH_KINDS][DG_HASH_BYTES_MAX];
    uint32_t sums[ERRAND_PICTURES * 64];
    for (size_t i = 0; i < sizeof samples; i++) samples[i] = (uint8_t)(i * i / 11);
    const unsigned metrics = (1u << DG_METRICS) - 1;
    const int jpeg_quality[ERRAND_PICTURES] = {0, 50, 90};
    dg_grade grades[ERRAND_PICTURES];
    for (int i = 0; i < ERRAND_PICTURES && p->backend == &dg_backend_cpu; i++) {
        unsigned null;
        if (dg_grey_hash(&pictures[i], 1u << DG_PHASH | 1u << DG_WHASH, 8, hash, &p->err) ||
            dg_grey_metrics(&pictures[i], metrics, jpeg_quality[i], out->metrics[i], &null, &p->err))
            return p->err.code;
        memcpy(out->phashes[i], hash[DG_PHASH], sizeof out->phashes[i]);
        if (i == 0) memcpy(out->whash, hash[DG_WHASH], sizeof out->whash);
    }
    if (p->backend == &dg_backend_cpu) return DG_OK;
    dg_shrink shrink;
    if (dg_shrink_open(&shrink, p->backend, p->device, pictures, ERRAND_PICTURES, &p->err) == DG_OK &&
        dg_shrink_resize(&shrink, (dg_size){32, 32}, &never, &p->err) == DG_OK &&
        dg_shrink_phash(&shrink, 8, out->phashes[0], &never, &p->err) == DG_OK &&
        dg_shrink_blocks(&shrink, 8, sums, &never, &p->err) == DG_OK) {
        dg_hash_of_blocks(sums, 8, out->whash);
        dg_grade_pictures(&shrink, metrics, jpeg_quality, grades, &never, &p->err);
    }
    dg_shrink_close(&shrink);
    for (int i = 0; i < ERRAND_PICTURES && !p->err.code; i++)
        memcpy(out->metrics[i], grades[i].metric, sizeof out->metrics[i]);
    return p->err.code;
}

static void render_line(place *p, const dg_line_options *options, const dg_line_stroke *strokes, size_t count,
                        errand_found *out)
{
    static const dg_poll never = {0};
    const uint32_t first[] = {0, (uint32_t)count};
    const dg_render_spec spec = {.options = options, .strokes = strokes, .first = first, .count = 1};
    dg_buffer pixels;
    if (dg_render(p->backend, p->device, &spec, &pixels, &never, &p->err) == DG_OK)
        p->backend->get(p->device, &pixels, 0, out->line, sizeof out->line, &p->err);
    p->backend->free(p->device, &pixels);
}

/* The coverages of a line; where the backend is the CPU's, by kernels/image. */
static enum dg_code draw_line(place *p, errand_found *out)
{
    static const dg_poll never = {0};
    static const dg_line_options options = {.width = ERRAND_LINE_WIDTH,
                                            .height = ERRAND_LINE_HEIGHT,
                                            .line_width = 600,
                                            .padding = 200,
                                            .lo = NAN,
                                            .hi = NAN,
                                            .antialias = 1,
                                            .bits = 8,
                                            .color = {255, 255, 255},
                                            .format = DG_LINE_RAW};
    double numbers[300]; /* more than a group takes at a time */
    for (int i = 0; i < 300; i++) numbers[i] = i % 40 ? i * i % 71 : NAN;
    const dg_line_values values = {numbers, 300, 0};
    const dg_line_stroke *strokes;
    uint8_t *picture = NULL;
    size_t count;
    dg_line *line;
    if (dg_line_open(&line, &options, &p->err)) return p->err.code;
    if (p->backend == &dg_backend_cpu) {
        if (dg_line_picture(line, &values, &never, &picture, &count, &p->err) == DG_OK)
            memcpy(out->line, picture, sizeof out->line);
        free(picture);
    } else if (dg_line_strokes(line, &values, &never, &strokes, &count, &p->err) == DG_OK) {
        render_line(p, &options, strokes, count, out);
    }
    dg_line_close(line);
    return p->err.code;
}

static enum dg_code fetch_index(place *p, errand_found *out)
{
    const dg_backend *backend = p->backend;
    if (backend->get(p->device, &p->a.offsets, 0, out->offsets, sizeof out->offsets, &p->err))
        return p->err.code;
    return backend->get(p->device, &p->a.index, 0, out->index, sizeof out->index, &p->err);
}

static enum dg_code work(place *p, uint32_t sieve_bits, errand_found *out)
{
    const table_spec chunked = {.count = ERRAND_ROWS, .chunk = chunk}, plain = {.count = ERRAND_ROWS};
    if (place_table(p, &p->a, &chunked, ERRAND_WORDS, sieve_bits)) return p->err.code;
    if (compare(p, out) || sieve_bits != 64) return p->err.code;
    if (place_table(p, &p->b, &plain, ERRAND_WORDS, 64)) return p->err.code;
    if (fetch_index(p, out) || count_distances(p, out) || find_nearest(p, out) || hash_pictures(p, out) ||
        draw_line(p, out))
        return p->err.code;
    return DG_OK;
}

enum dg_code errand_run(const dg_backend *backend, uint32_t sieve_bits, errand_found *out, dg_err *err)
{
    memset(out, 0, sizeof *out);
    if (backend->load(err)) return err->code;
    uint64_t *column = make_column(TEMPLATES, ERRAND_ROWS, ERRAND_BITS, 5);
    if (!column) return dg_fail_nomem(err, "a column");
    place p;
    if (place_open(&p, backend, column, ERRAND_ROWS, ERRAND_WORDS) == DG_OK) work(&p, sieve_bits, out);
    place_close(&p);
    free(column);
    *err = p.err;
    return err->code;
}

int errand_same(const errand_found *a, const errand_found *b)
{
    uint32_t hits = 0;
    for (int i = 0; i < ERRAND_UNITS; i++) hits += a->counts[i];
    return hits > 50 && memcmp(a, b, sizeof *a) == 0;
}
