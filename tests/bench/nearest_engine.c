/*
 * The search for nearest rows and the histogram of distances without SQLite: billions of distances a second,
 * median of several runs.
 *
 *     nearest_engine nearest rows queries k [bits [shape [isa [threads [runs]]]]]
 *     nearest_engine histogram rows [bits [shape [isa [threads [runs]]]]]
 *
 * Queries are the first rows of the table; 0: all of them. shape: see tests/core/columns.c, or @FILE with the
 * rows' words; isa "best"; threads 0: all. Prints one line; `sum` is that of all distances found.
 */
#include "../../kernels/engine/histogram.h"
#include "../../kernels/engine/nearest.h"
#include "../core/columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

typedef struct job {
    uint64_t *column;
    size_t bytes;
    uint32_t rows, queries, k, bits;
    dg_place_spec place;
    unsigned long long sum;
} job;

static uint64_t *copy_of(const job *j)
{
    uint64_t *copy = malloc(j->bytes + 1);
    if (copy) memcpy(copy, j->column, j->bytes);
    return copy;
}

/* Seconds of one run; below 0 where it failed. Opening counts, as it does for a statement. */
static double search(job *j, dg_report *report, dg_err *err)
{
    const dg_nearest_spec spec = {
        .hashes = j->column, .rows = j->rows, .bits = j->bits, .queries = j->queries, .place = j->place};
    uint32_t *found = malloc(j->queries * sizeof *found);
    dg_neighbour *neighbours = malloc((size_t)j->queries * j->k * sizeof *neighbours);
    dg_nearest *nearest = NULL;
    const double begun = now();
    if (!found || !neighbours)
        dg_fail_nomem(err, "the benchmark");
    else if (dg_nearest_open(&spec, &nearest, err) == DG_OK)
        dg_nearest_find(nearest, j->column, j->queries, j->k, UINT32_MAX, found, neighbours, err);
    const double seconds = now() - begun;
    if (nearest) dg_nearest_report_get(nearest, report);
    dg_nearest_close(nearest);
    j->sum = 0;
    for (uint32_t q = 0; q < j->queries && !err->code; q++)
        for (uint32_t i = 0; i < found[q]; i++) j->sum += neighbours[(size_t)q * j->k + i].distance;
    free(found);
    free(neighbours);
    return err->code ? -1 : seconds;
}

static double count(const job *j, dg_report *report, dg_err *err)
{
    const dg_histogram_spec spec = {
        .hashes = copy_of(j), .rows = j->rows, .bits = j->bits, .place = j->place};
    uint64_t *counts = malloc((j->bits + 1) * sizeof *counts);
    const double begun = now();
    if (!spec.hashes || !counts)
        dg_fail_nomem(err, "the benchmark");
    else
        dg_histogram_run(&spec, counts, report, err);
    const double seconds = now() - begun;
    free(counts);
    return err->code ? -1 : seconds;
}

static uint64_t *read_column(const char *path, size_t bytes)
{
    uint64_t *column = malloc(bytes + 1);
    FILE *file = fopen(path, "rb");
    if (column && (!file || fread(column, 1, bytes, file) != bytes)) {
        free(column);
        column = NULL;
    }
    if (file) fclose(file);
    return column;
}

static const char *argument(int argc, char **argv, int i, const char *otherwise)
{
    return i < argc ? argv[i] : otherwise;
}

int main(int argc, char **argv)
{
    const int nearest = argc > 1 && strcmp(argv[1], "nearest") == 0, rest = nearest ? 5 : 3;
    if (argc < rest || (!nearest && strcmp(argv[1], "histogram") != 0)) {
        fprintf(stderr, "usage: nearest_engine nearest rows queries k [bits [shape [isa [threads [runs]]]]]\n"
                        "       nearest_engine histogram rows [bits [shape [isa [threads [runs]]]]]\n");
        return 2;
    }
    const char *shape_name = argument(argc, argv, rest + 1, "planted");
    const char *isa = argument(argc, argv, rest + 2, "best");
    const int runs = atoi(argument(argc, argv, rest + 4, "5"));
    job j = {.rows = (uint32_t)atof(argv[2]), .bits = (uint32_t)atoi(argument(argc, argv, rest, "64"))};
    j.queries = nearest ? (uint32_t)atof(argv[3]) : 0;
    if (j.queries == 0 || j.queries > j.rows) j.queries = j.rows;
    j.k = nearest ? (uint32_t)atoi(argv[4]) : 0;
    j.place = (dg_place_spec){.backend = "cpu",
                              .isa = strcmp(isa, "best") == 0 ? NULL : isa,
                              .threads = (uint32_t)atoi(argument(argc, argv, rest + 3, "0"))};
    j.bytes = (size_t)j.rows * ((j.bits + 63) / 64) * sizeof *j.column;
    int shape = 0;
    const int from_file = shape_name[0] == '@';
    while (shape < COLUMN_SHAPES && strcmp(shape_name, column_shape_names[shape])) shape++;
    if ((shape == COLUMN_SHAPES && !from_file) || runs < 1 || runs > 100 || (nearest && j.k < 1)) {
        fprintf(stderr, "nearest_engine: no shape '%s', or runs not 1..100, or k not 1 or more\n",
                shape_name);
        return 2;
    }
    j.column = from_file ? read_column(shape_name + 1, j.bytes)
                         : make_column((enum column_shape)shape, j.rows, j.bits, 1);
    if (!j.column) {
        fprintf(stderr, "nearest_engine: %s: cannot be read, or has fewer than %zu bytes\n", shape_name + 1,
                j.bytes);
        return 1;
    }
    double seconds[100];
    dg_report report = {0};
    for (int r = 0; r < runs; r++) {
        dg_err err = {DG_OK, ""};
        seconds[r] = nearest ? search(&j, &report, &err) : count(&j, &report, &err);
        if (err.code) {
            fprintf(stderr, "nearest_engine: %s\n", err.text);
            return 1;
        }
    }
    qsort(seconds, (size_t)runs, sizeof *seconds, by_value);
    const double median = seconds[runs / 2];
    printf("%-9s %9u rows %4u bits", argv[1], j.rows, j.bits);
    if (nearest) printf(" %u queries k=%u sum=%llu", j.queries, j.k, j.sum);
    printf(" %-9s %10.3f ms  %8.3f G/s  %s; %s\n", shape_name, 1e3 * median,
           1e-9 * (double)report.candidates / median, report.device, report.plan);
    free(j.column);
    return 0;
}
