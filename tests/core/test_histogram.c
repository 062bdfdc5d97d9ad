/*
 * Histograms of distances against the oracle: every shape of data, width and size, every instruction set, any
 * number of threads, with and without the memory to collapse equal rows.
 */
#include "../../kernels/cpu/cpu.h"
#include "../../kernels/engine/histogram.h"
#include "../../kernels/reference/ref_nearest.h"
#include "columns.h"
#include "dg_test.h"

#include <stdlib.h>

enum { BITS_MAX = 8192 };

static dg_histogram_spec spec_of(const uint64_t *column, uint32_t rows, uint32_t bits)
{
    size_t bytes = (size_t)rows * ((bits + 63) / 64) * sizeof *column;
    dg_histogram_spec spec = {
        .hashes = malloc(bytes + 1), .rows = rows, .bits = bits, .place.backend = "cpu"};
    assert_non_null(spec.hashes);
    memcpy(spec.hashes, column, bytes);
    return spec;
}

static void assert_counts(const dg_histogram_spec *spec, const uint64_t *expected, const char *name)
{
    static uint64_t counts[BITS_MAX + 1];
    dg_err err = {DG_OK, ""};
    dg_report report;
    const uint64_t rows = spec->rows;
    memset(counts, 0xff, sizeof counts);
    assert_int_equal(dg_histogram_run(spec, counts, &report, &err), DG_OK);
    uint64_t sum = 0;
    for (uint32_t d = 0; d <= spec->bits; d++) {
        if (counts[d] != expected[d])
            fail_msg("%s rows=%u bits=%u isa=%s threads=%u limit=%llu: %llu pairs at %u, not %llu; %s", name,
                     spec->rows, spec->bits, spec->place.isa ? spec->place.isa : "best", spec->place.threads,
                     (unsigned long long)spec->place.memory_limit, (unsigned long long)counts[d], d,
                     (unsigned long long)expected[d], report.plan);
        sum += counts[d];
    }
    assert_true(rows == 0 || sum == rows * (rows - 1) / 2);
    assert_true(report.rows == rows && report.unique_rows <= rows && report.results == spec->bits + 1);
}

/* Every instruction set, with different numbers of threads and memory limits. */
static void check(const uint64_t *column, uint32_t rows, uint32_t bits, const char *name)
{
    static uint64_t expected[BITS_MAX + 1];
    static const uint64_t limits[] = {0, 1, 40000, 100000};
    memset(expected, 0, sizeof expected);
    dg_ref_histogram(column, rows, (bits + 63) / 64, expected);
    for (uint32_t i = 0; dg_cpu_isas[i]; i++) {
        if (!dg_cpu_isas[i]->supported()) continue;
        for (uint32_t l = 0; l < 4; l++) {
            dg_histogram_spec spec = spec_of(column, rows, bits);
            spec.place.isa = dg_cpu_isas[i]->name;
            spec.place.threads = 1 + (i + l) % 3;
            spec.place.memory_limit = limits[l];
            assert_counts(&spec, expected, name);
        }
    }
}

static void matches_oracle_all_widths(void **state)
{
    (void)state;
    static const uint32_t widths[] = {1, 8, 12, 32, 60, 63, 64, 65, 128, 136, 192, 256, 320, 512, 1000, 2048};
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
        for (int shape = 0; shape < COLUMN_SHAPES; shape++) {
            uint64_t *column = make_column((enum column_shape)shape, 300, widths[w], 4);
            check(column, 300, widths[w], column_shape_names[shape]);
            free(column);
        }
    uint64_t *column = make_column(PLANTED, 70, BITS_MAX, 4);
    check(column, 70, BITS_MAX, "widest");
    free(column);
}

static void matches_oracle_hard_sizes(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {0,  1,  2,   3,   7,   8,   9,   15,  16,   17,  31,
                                     32, 33, 127, 128, 129, 511, 512, 513, 1025, 2600};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (uint32_t bits = 64; bits <= 192; bits += 64) {
            uint64_t *column = make_column(PLANTED, sizes[i], bits, 3);
            check(column, sizes[i], bits, "planted");
            free(column);
        }
}

/* Row i as often as its weight says. */
static uint64_t *repeat_rows(const uint64_t *distinct, const uint32_t *weights, uint32_t n, uint32_t *rows)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < n; i++) sum += weights[i];
    uint64_t *column = malloc((sum + 1) * sizeof *column);
    assert_non_null(column);
    *rows = 0;
    for (uint32_t round = 0; *rows < sum; round++)
        for (uint32_t i = 0; i < n; i++)
            if (round < weights[i]) column[(*rows)++] = distinct[i];
    return column;
}

/* Common weights and rare ones, which are cut into powers of two. */
static void counts_equal_rows_by_weight(void **state)
{
    (void)state;
    uint64_t *distinct = make_column(UNIFORM, 150, 64, 6);
    uint32_t weights[150], rows;
    for (uint32_t kind = 0; kind < 3; kind++) {
        for (uint32_t i = 0; i < 150; i++) weights[i] = kind == 0 ? 1 + i % 3 : kind == 1 ? 1 + i % 40 : 7;
        uint64_t *column = repeat_rows(distinct, weights, 150, &rows);
        check(column, rows, 64, "weights");
        free(column);
    }
    free(distinct);
}

/* Many tiles, where one of them fills 64-bit sums of the bitwise counters' upper levels. */
static void agrees_on_larger_columns(void **state)
{
    (void)state;
    static uint64_t expected[65];
    uint64_t *column = make_column(SKEWED, 40000, 64, 11);
    uint64_t constant[2] = {0, ~(uint64_t)0};
    memset(expected, 0, sizeof expected);
    for (uint32_t a = 0; a < 40000; a++)
        for (uint32_t b = a + 1; b < 40000; b++) expected[__builtin_popcountll(column[a] ^ column[b])]++;
    for (uint32_t threads = 1; threads <= 3; threads++) {
        dg_histogram_spec spec = spec_of(column, 40000, 64);
        spec.place.threads = threads;
        spec.place.memory_limit = threads == 3 ? 32000 : 0; /* too little to collapse */
        assert_counts(&spec, expected, "larger");
    }
    /* Without memory to collapse, all pairs of a tile are at one distance. */
    memset(expected, 0, sizeof expected);
    for (uint32_t i = 0; i < 40000; i++) column[i] = constant[i % 2];
    expected[0] = (uint64_t)20000 * 19999;
    expected[64] = (uint64_t)20000 * 20000;
    dg_histogram_spec spec = spec_of(column, 40000, 64);
    spec.place.memory_limit = 1000;
    assert_counts(&spec, expected, "two values");
    free(column);
}

static void counts_a_million_equal_rows_at_once(void **state)
{
    (void)state;
    uint64_t expected[65] = {(uint64_t)1000000 * 999999 / 2};
    uint64_t *column = make_column(EQUAL, 1000000, 64, 1);
    dg_histogram_spec spec = spec_of(column, 1000000, 64);
    assert_counts(&spec, expected, "equal");
    free(column);
}

static int countdown(void *arg)
{
    int *left = arg;
    return --*left < 0;
}

static void stops_when_asked(void **state)
{
    (void)state;
    static uint64_t counts[65];
    uint64_t *column = make_column(PLANTED, 60000, 64, 1);
    for (int calls = 0; calls < 100; calls = 2 * calls + 1) {
        int left = calls;
        dg_err err = {DG_OK, ""};
        dg_report report;
        dg_histogram_spec spec = spec_of(column, 60000, 64);
        spec.poll = (dg_poll){countdown, &left};
        assert_int_equal(dg_histogram_run(&spec, counts, &report, &err), DG_INTERRUPT);
    }
    free(column);
}

static void refuses_what_it_cannot_do(void **state)
{
    (void)state;
    uint64_t row[1] = {0}, counts[65];
    dg_report report;
    dg_err err = {DG_OK, ""};
    dg_histogram_spec spec = spec_of(row, 1, 64);
    spec.bits = BITS_MAX + 1;
    assert_int_equal(dg_histogram_run(&spec, counts, &report, &err), DG_ERROR);
    assert_non_null(strstr(err.text, "8193"));
    err = (dg_err){DG_OK, ""};
    spec = spec_of(row, 1, 64);
    spec.place.isa = "mmx";
    assert_int_equal(dg_histogram_run(&spec, counts, &report, &err), DG_ERROR);
    assert_non_null(strstr(err.text, "mmx"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(matches_oracle_all_widths),           cmocka_unit_test(matches_oracle_hard_sizes),
    cmocka_unit_test(counts_equal_rows_by_weight),         cmocka_unit_test(agrees_on_larger_columns),
    cmocka_unit_test(counts_a_million_equal_rows_at_once), cmocka_unit_test(stops_when_asked),
    cmocka_unit_test(refuses_what_it_cannot_do),
};

DG_TEST_MAIN(tests)
