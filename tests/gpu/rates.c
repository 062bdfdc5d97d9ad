/*
 * How fast a device does each operation, as a table in Markdown.
 *
 *     rates backend [device [rows [seconds]]]
 *
 * Tiles of 8192 x 8192 over `rows` uniform rows (1,048,576) of which nearly none are near, each operation
 * repeated for at least `seconds` (0.5) after a first time that is not counted; bytes are in device memory
 * before. The limit of a GPU is 16 population counts of 32 bits a clock and multiprocessor, at the 1.98 GHz
 * of an H200: with the multiprocessors of that card, 2.1e12 pairs of 64 bits a second.
 */
#include "../../kernels/backend.h"
#include "../../kernels/engine/render.h"
#include "../../kernels/engine/grade.h"
#include "../core/columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { UNITS = 128, CAPACITY = 65536, QUERIES = 4096 };

static const dg_poll never = {NULL, NULL};
static const dg_backend *backend;
static dg_device *device;
static dg_device_info info;
static double least_seconds = 0.5;
static int failures;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds of one run, -1 after a failure. */
static double time_of(enum dg_op op, void *arguments, dg_err *err)
{
    double begun = 0;
    int runs = -1;
    do {
        if (backend->run(device, op, arguments, &never, err) || backend->wait(device, &never, err)) return -1;
        if (++runs == 0) begun = now();
    } while (runs == 0 || now() - begun < least_seconds);
    return (now() - begun) / runs;
}

/* `words` 32-bit words are counted for each piece of work; 0: no limit is known. */
static void row(const char *what, const char *unit, double amount, double seconds, uint32_t words,
                const dg_err *err)
{
    if (err->code) {
        printf("| %s | failed: %s | | |\n", what, err->text);
        failures++;
        return;
    }
    printf("| %s | %.3g %s | ", what, amount / seconds, unit);
    if (words && info.kind == DG_DEVICE_GPU && strcmp(backend->name, "cuda") == 0) {
        double limit = info.units * 16 * 1.98e9 / words;
        printf("%.3g | %.0f %% |\n", limit, 100 * amount / seconds / limit);
    } else {
        printf("| |\n");
    }
    fflush(stdout);
}

static dg_index index_of(uint32_t rows, uint32_t bits, uint32_t sieve_bits, dg_err *err)
{
    dg_index index = {.words = (bits + 63) / 64, .count = rows, .sieve_bits = sieve_bits};
    size_t bytes = (size_t)rows * index.words * sizeof(uint64_t);
    uint64_t *column = make_column(UNIFORM, rows, bits, 3);
    for (uint32_t w = 0; w < DG_SIEVE_WORDS_MAX; w++) index.sieve_word[w] = w;
    if (!column)
        dg_fail_nomem(err, "a column");
    else if (backend->alloc(device, bytes, NULL, &index.hashes, err) == DG_OK)
        backend->put(device, &index.hashes, 0, column, bytes, err);
    free(column);
    return index;
}

/* The first tiles of the triangle. */
static uint32_t tiles(uint32_t rows, dg_unit *units, double *pairs)
{
    uint32_t n = 0;
    *pairs = 0;
    for (uint32_t i = 0; i < rows; i += DG_TILE_MAX)
        for (uint32_t j = i; j < rows && n < UNITS; j += DG_TILE_MAX) {
            dg_unit *u = &units[n++];
            *u = (dg_unit){DG_UNIT_TILE, i, i + DG_TILE_MAX < rows ? i + DG_TILE_MAX : rows, j,
                           j + DG_TILE_MAX < rows ? j + DG_TILE_MAX : rows};
            double height = u->a1 - u->a0, width = u->b1 - u->b0;
            *pairs += i == j ? height * (height - 1) / 2 : height * width;
        }
    return n;
}

static void brute(uint32_t rows, uint32_t bits, uint32_t sieve_bits, uint32_t threshold)
{
    static dg_hit *hits;
    dg_unit units[UNITS];
    uint32_t slots[UNITS], counts[UNITS];
    uint64_t candidates[UNITS];
    double pairs, seconds = -1;
    char what[100];
    dg_err err = {DG_OK, ""};
    dg_index index = index_of(rows, bits, sieve_bits, &err);
    for (uint32_t u = 0; u < UNITS; u++) slots[u] = u;
    if (!hits) hits = malloc((size_t)UNITS * CAPACITY * sizeof *hits);
    if (!hits) dg_fail_nomem(&err, "hits");
    dg_op_compare op = {.a = &index,
                        .b = &index,
                        .threshold = threshold,
                        .units = units,
                        .unit_count = tiles(rows, units, &pairs),
                        .slots = slots,
                        .hits = hits,
                        .capacity = CAPACITY,
                        .counts = counts,
                        .candidates = candidates};
    if (!err.code) seconds = time_of(DG_OP_COMPARE, &op, &err);
    snprintf(what, sizeof what, "brute force, %u bits, sieve %u, t = %u", bits, sieve_bits, threshold);
    row(what, "pairs/s", pairs, seconds, sieve_bits / 32, &err);
    backend->free(device, &index.hashes);
}

static void histogram(uint32_t rows, uint32_t bits)
{
    dg_unit units[UNITS];
    double pairs, seconds = -1;
    char what[100];
    dg_err err = {DG_OK, ""};
    dg_index index = index_of(rows, bits, 64, &err);
    uint32_t *counts = malloc((size_t)UNITS * (bits + 1) * sizeof *counts);
    if (!counts) dg_fail_nomem(&err, "counts");
    dg_op_histogram op = {&index, &index, bits, units, tiles(rows, units, &pairs), counts};
    if (!err.code) seconds = time_of(DG_OP_HISTOGRAM, &op, &err);
    snprintf(what, sizeof what, "histogram, %u bits", bits);
    row(what, "pairs/s", pairs, seconds, bits / 32, &err);
    free(counts);
    backend->free(device, &index.hashes);
}

/* Each time from nothing found. */
static void nearest(uint32_t rows, uint32_t bits, uint32_t k)
{
    double seconds = 0;
    int runs = -1;
    char what[100];
    dg_err err = {DG_OK, ""};
    dg_index index = index_of(rows, bits, 64, &err), queries = index;
    uint32_t *found = calloc(QUERIES, sizeof *found);
    dg_neighbour *neighbours = malloc((size_t)QUERIES * k * sizeof *neighbours);
    queries.count = QUERIES < rows ? QUERIES : rows;
    if (!found || !neighbours) dg_fail_nomem(&err, "neighbours");
    dg_op_nearest op = {&index, &queries, k, bits, found, neighbours};
    while (!err.code && (runs < 1 || seconds < least_seconds)) {
        memset(found, 0, QUERIES * sizeof *found);
        double begun = now();
        if (backend->run(device, DG_OP_NEAREST, &op, &never, &err) == DG_OK)
            backend->wait(device, &never, &err);
        if (++runs > 0) seconds += now() - begun;
    }
    snprintf(what, sizeof what, "nearest, %u bits, k = %u, %u queries", bits, k, queries.count);
    row(what, "distances/s", (double)queries.count * rows, seconds / runs, bits / 32, &err);
    free(found);
    free(neighbours);
    backend->free(device, &index.hashes);
}

static void partition(uint32_t rows, uint32_t bits, uint32_t width)
{
    double seconds = -1;
    char what[100];
    dg_err err = {DG_OK, ""};
    dg_index index = index_of(rows, bits, 64, &err);
    index.chunk = (dg_chunk){bits / 2, width, 0};
    if (!err.code && backend->alloc(device, (size_t)rows * 8, NULL, &index.sieve, &err) == DG_OK &&
        backend->alloc(device, (size_t)rows * 4, NULL, &index.index, &err) == DG_OK &&
        backend->alloc(device, (((size_t)1 << width) + 1) * 4, NULL, &index.offsets, &err) == DG_OK) {
        dg_op_partition op = {&index, 0};
        seconds = time_of(DG_OP_PARTITION, &op, &err);
    }
    snprintf(what, sizeof what, "partition, %u bits, %u rows, chunk of %u", bits, rows, width);
    row(what, "rows/s", rows, seconds, 0, &err);
    backend->free(device, &index.sieve);
    backend->free(device, &index.index);
    backend->free(device, &index.offsets);
    backend->free(device, &index.hashes);
}

static void upload(size_t bytes)
{
    dg_err err = {DG_OK, ""};
    dg_buffer buffer = {0};
    void *from = calloc(1, bytes);
    double seconds[2] = {0};
    if (!from) dg_fail_nomem(&err, "bytes");
    if (!err.code && backend->alloc(device, bytes, NULL, &buffer, &err) == DG_OK)
        for (int i = 0; i < 6 && !err.code; i++) {
            double begun = now();
            if (i < 3)
                backend->put(device, &buffer, 0, from, bytes, &err);
            else
                backend->get(device, &buffer, 0, from, bytes, &err);
            seconds[i / 3] = now() - begun;
        }
    row("upload", "bytes/s", (double)bytes, seconds[0], 0, &err);
    row("download", "bytes/s", (double)bytes, seconds[1], 0, &err);
    backend->free(device, &buffer);
    free(from);
}

/* Planes of whash for pictures of these sides made on the device, and their blocks added up. */
static void planes(uint32_t side, uint32_t count)
{
    enum { ALONG = 8 };
    double seconds = -1;
    char what[100];
    dg_err err = {DG_OK, ""};
    uint8_t *sample = calloc(side, side);
    uint32_t *sums = malloc((size_t)count * ALONG * ALONG * sizeof *sums);
    dg_grey *all = malloc(count * sizeof *all);
    dg_shrink shrink = {0};
    if (!sample || !sums || !all) dg_fail_nomem(&err, "planes");
    for (uint32_t i = 0; i < count && !err.code; i++) all[i] = (dg_grey){sample, {side, side}};
    if (!err.code && dg_shrink_open(&shrink, backend, device, all, count, &err) == DG_OK &&
        dg_shrink_resize(&shrink, (dg_size){side, side}, &never, &err) == DG_OK) {
        dg_op_blocks op = {&shrink.planes, count, side, ALONG, sums};
        seconds = time_of(DG_OP_BLOCKS, &op, &err);
    }
    snprintf(what, sizeof what, "%u planes of %u x %u added up", count, side, side);
    row(what, "samples/s", (double)side * side * count, seconds, 0, &err);
    dg_shrink_close(&shrink);
    free(sample);
    free(sums);
    free(all);
}

/* A batch of pictures brought to the device and shrunk, the hashes of their planes, and quality metrics. */
static void pictures(uint32_t width, uint32_t height, uint32_t count)
{
    const double samples = (double)width * height * count;
    double begun = 0, seconds[3] = {0};
    char what[100];
    dg_err err = {DG_OK, ""};
    uint8_t *sample = calloc(width, height), *hashes = malloc((size_t)count * 8);
    dg_grey *all = malloc(count * sizeof *all);
    dg_grade *grades = malloc(count * sizeof *grades);
    int *jpeg_quality = calloc(count, sizeof *jpeg_quality);
    if (!sample || !hashes || !all || !grades || !jpeg_quality) dg_fail_nomem(&err, "pictures");
    for (uint32_t i = 0; i < count && !err.code; i++) all[i] = (dg_grey){sample, {width, height}};
    for (int i = 0; i < 3 && !err.code; i++) {
        dg_shrink shrink;
        begun = now();
        if (dg_shrink_open(&shrink, backend, device, all, count, &err) == DG_OK)
            dg_shrink_resize(&shrink, (dg_size){32, 32}, &never, &err);
        seconds[0] = now() - begun;
        begun = now();
        if (!err.code && info.doubles) dg_shrink_phash(&shrink, 8, hashes, &never, &err);
        seconds[1] = now() - begun;
        begun = now();
        if (!err.code)
            dg_grade_pictures(&shrink, 1u << DG_METRIC_OVERALL, jpeg_quality, grades, &never, &err);
        seconds[2] = now() - begun;
        dg_shrink_close(&shrink);
    }
    snprintf(what, sizeof what, "%u pictures of %u x %u brought there and shrunk", count, width, height);
    row(what, "samples/s", samples, seconds[0], 0, &err);
    snprintf(what, sizeof what, "phash of %u planes", count);
    if (info.doubles) row(what, "planes/s", count, seconds[1], 0, &err);
    snprintf(what, sizeof what, "quality metrics of %u pictures of %u x %u that are there", count, width,
             height);
    row(what, "samples/s", samples, seconds[2], 0, &err);
    free(grades);
    free(jpeg_quality);
    free(sample);
    free(hashes);
    free(all);
}

/* Lines through a hundred points drawn, and left on the device. */
static void drawings(uint32_t width, uint32_t height, uint32_t count)
{
    enum { POINTS = 100 };
    const dg_line_options options = {.width = width,
                                     .height = height,
                                     .line_width = 3 * DG_LINE_ONE,
                                     .antialias = 1,
                                     .bits = 8,
                                     .lo = 0,
                                     .hi = POINTS};
    double walk[POINTS], seconds = 0;
    char what[100];
    dg_err err = {DG_OK, ""};
    dg_line *line = NULL;
    const dg_line_stroke *one = NULL;
    size_t points = 0;
    for (int i = 0; i < POINTS; i++) walk[i] = i * 37 % 61;
    const dg_line_values values = {walk, POINTS, 0};
    if (dg_line_open(&line, &options, &err) == DG_OK)
        dg_line_strokes(line, &values, &never, &one, &points, &err);
    dg_line_stroke *strokes = malloc((size_t)count * POINTS * sizeof *strokes);
    uint32_t *first = malloc(((size_t)count + 1) * sizeof *first);
    if (!strokes || !first) dg_fail_nomem(&err, "strokes");
    for (uint32_t i = 0; i <= count && !err.code; i++) {
        first[i] = i * (uint32_t)points;
        if (i < count) memcpy(strokes + first[i], one, points * sizeof *one);
    }
    const dg_render_spec spec = {.options = &options, .strokes = strokes, .first = first, .count = count};
    for (int i = 0; i < 3 && !err.code; i++) {
        dg_buffer pixels;
        const double begun = now();
        dg_render(backend, device, &spec, &pixels, &never, &err);
        seconds = now() - begun;
        backend->free(device, &pixels);
    }
    snprintf(what, sizeof what, "%u line pictures of %u x %u drawn", count, width, height);
    row(what, "pictures/s", count, seconds, 0, &err);
    dg_line_close(line);
    free(strokes);
    free(first);
}

int main(int argc, char **argv)
{
    static const dg_open_options options = {.threads = 0};
    dg_err err = {DG_OK, ""};
    if (argc < 2) {
        fprintf(stderr, "usage: rates backend [device [rows [seconds]]]\n");
        return 2;
    }
    uint32_t rows = argc > 3 ? (uint32_t)atof(argv[3]) : 1u << 20;
    if (argc > 4) least_seconds = atof(argv[4]);
    backend = dg_backend_find(argv[1], &err);
    if (!backend || backend->load(&err) ||
        backend->open(argc > 2 ? atoi(argv[2]) : 0, &options, &device, &err) ||
        backend->describe(device, &info, &err)) {
        fprintf(stderr, "rates: %s\n", err.text);
        return 1;
    }
    printf("%s: %s, %s, %s, %u units, %.1f GB, %.1f GB free\n\n| operation | rate | limit | share |\n"
           "|---|---|---|---|\n",
           backend->name, info.name, info.driver, info.capability, info.units,
           1e-9 * (double)info.memory_total, 1e-9 * (double)info.memory_free);
    upload((size_t)rows * 64);
    brute(rows, 64, 32, 4);
    brute(rows, 64, 64, 8);
    brute(rows, 128, 128, 20);
    brute(rows, 256, 128, 31);
    brute(rows, 256, 256, 31);
    brute(rows, 1024, 256, 100);
    partition(rows, 64, 16);
    partition(8 * rows, 64, 20);
    histogram(rows, 64);
    histogram(rows, 256);
    nearest(rows, 64, 10);
    nearest(rows, 64, 100);
    nearest(rows, 256, 10);
    pictures(1000, 1000, rows / 16384 + 1);
    pictures(64, 64, rows / 64 + 1);
    planes(1024, rows / 16384 + 1);
    planes(64, rows / 64 + 1);
    drawings(800, 500, rows / 1024 + 1);
    drawings(64, 64, rows / 64 + 1);
    backend->close(device);
    return failures > 0;
}
