/*
 * The join engine alone: milliseconds from dg_join_open to the last pair, median of several runs, and the
 * processor time of that run on all threads, which a busy machine disturbs less.
 *
 *     join_engine rows bits threshold [shape [plan [isa [threads [runs [chunks [backend [megabytes]]]]]]]]
 *
 * shape: see tests/core/columns.c; plan: auto, brute, multi_index; isa "best"; threads 0: all. On another
 * backend than the CPU its failure is an error, and one run before the others makes it warm; megabytes: the
 * memory limit. Prints one line.
 */
#include "../../kernels/engine/join.h"
#include "../../kernels/engine/roster.h"
#include "../core/columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct timing {
    double wall, processor;
} timing;

static int by_wall(const void *a, const void *b)
{
    const timing *x = a, *y = b;
    return (x->wall > y->wall) - (x->wall < y->wall);
}

static const char *argument(int argc, char **argv, int i, const char *otherwise)
{
    return i < argc ? argv[i] : otherwise;
}

int main(int argc, char **argv)
{
    static dg_pair pairs[4096];
    timing seconds[100];
    dg_report report = {0};
    if (argc < 4) {
        fprintf(stderr,
                "usage: join_engine rows bits threshold [shape [plan [isa [threads [runs [chunks [backend "
                "[megabytes]]]]]]]]\n");
        return 2;
    }
    uint32_t rows = (uint32_t)atof(argv[1]), bits = (uint32_t)atoi(argv[2]),
             threshold = (uint32_t)atoi(argv[3]);
    const char *shape_name = argument(argc, argv, 4, "planted"), *plan = argument(argc, argv, 5, "auto");
    const char *isa = argument(argc, argv, 6, "best");
    uint32_t threads = (uint32_t)atoi(argument(argc, argv, 7, "0")),
             chunks = (uint32_t)atoi(argument(argc, argv, 9, "0"));
    const char *backend = argument(argc, argv, 10, "cpu");
    uint64_t memory_limit = (uint64_t)(0x1p20 * atof(argument(argc, argv, 11, "0")));
    int runs = atoi(argument(argc, argv, 8, "5")), shape = 0;
    while (shape < COLUMN_SHAPES && strcmp(shape_name, column_shape_names[shape])) shape++;
    if (shape == COLUMN_SHAPES || runs < 1 || runs > 100) {
        fprintf(stderr, "join_engine: no shape '%s', or runs not 1..100\n", shape_name);
        return 2;
    }
    uint64_t *column = make_column((enum column_shape)shape, rows, bits, 1);
    size_t column_bytes = (size_t)rows * ((bits + 63) / 64) * sizeof *column;
    unsigned long long found = 0;
    dg_roster_hold();
    for (int r = strcmp(backend, "cpu") == 0 ? 0 : -1; r < runs; r++) {
        dg_err err = {DG_OK, ""};
        dg_join *join;
        dg_join_spec spec = {.hashes = malloc(column_bytes + 1),
                             .rows = rows,
                             .bits = bits,
                             .threshold = threshold,
                             .plan = strcmp(plan, "brute") == 0         ? DG_PLAN_BRUTE
                                     : strcmp(plan, "multi_index") == 0 ? DG_PLAN_MULTI_INDEX
                                                                        : DG_PLAN_AUTO,
                             .place.backend = backend,
                             .place.no_fallback = 1,
                             .place.isa = strcmp(isa, "best") == 0 ? NULL : isa,
                             .place.threads = threads,
                             .place.memory_limit = memory_limit,
                             .chunks = chunks};
        if (!spec.hashes) return 1;
        memcpy(spec.hashes, column, column_bytes);
        found = 0;
        timing begun = {now(CLOCK_MONOTONIC), now(CLOCK_PROCESS_CPUTIME_ID)};
        size_t n = 0;
        if (dg_join_open(&spec, &join, &err) == DG_OK)
            while (dg_join_read(join, pairs, 4096, &n, &err) == DG_OK && n > 0) found += n;
        if (err.code != DG_OK) {
            fprintf(stderr, "join_engine: %s\n", err.text);
            return 1;
        }
        dg_join_report_get(join, &report);
        dg_join_close(join);
        if (r >= 0)
            seconds[r] =
                (timing){now(CLOCK_MONOTONIC) - begun.wall, now(CLOCK_PROCESS_CPUTIME_ID) - begun.processor};
    }
    dg_roster_drop();
    qsort(seconds, (size_t)runs, sizeof *seconds, by_wall);
    printf("%9u rows %4u bits t=%-3u %-9s %10.3f ms  %10.3f cpu  %llu pairs  %.3g candidates  %.1f B/row  "
           "%s; %s\n",
           rows, bits, threshold, shape_name, 1e3 * seconds[runs / 2].wall, 1e3 * seconds[runs / 2].processor,
           found, (double)report.candidates, rows ? (double)report.bytes / rows : 0, report.device,
           report.plan);
    free(column);
    return 0;
}
