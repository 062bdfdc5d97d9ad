/*
 * Nearest rows against the oracle: every shape of data, width and size, k up to more than there are rows,
 * every instruction set, any number of threads and of queries at once.
 */
#include "../../kernels/cpu/cpu.h"
#include "../../kernels/engine/nearest.h"
#include "../../kernels/reference/ref_nearest.h"
#include "columns.h"
#include "dg_test.h"

#include <stdlib.h>

static dg_nearest_spec spec_of(const uint64_t *column, uint32_t rows, uint32_t bits)
{
    return (dg_nearest_spec){.hashes = column, .rows = rows, .bits = bits, .place.backend = "cpu"};
}

/* All rows of a few queries in order, judged. */
typedef struct judged {
    uint64_t *column, *queries;
    uint32_t rows, bits, words, count;
    dg_ref_neighbour *all; /* `rows` for each query */
    const char *name;
} judged;

/* Every query is a row of the column or a stranger. */
static judged judge(enum column_shape shape, uint32_t rows, uint32_t bits, uint32_t count)
{
    const uint32_t words = (bits + 63) / 64;
    judged j = {.column = make_column(shape, rows, bits, 7),
                .queries = make_column(UNIFORM, count, bits, 8),
                .rows = rows,
                .bits = bits,
                .words = words,
                .count = count,
                .all = malloc(((size_t)count * rows + 1) * sizeof *j.all),
                .name = column_shape_names[shape]};
    assert_non_null(j.all);
    for (uint32_t q = 0; q < count; q++) {
        uint64_t *query = j.queries + (size_t)q * words;
        if (q % 3 && rows) memcpy(query, j.column + (size_t)(q * 31 % rows) * words, words * sizeof *query);
        dg_ref_nearest(j.column, rows, words, query, rows, UINT32_MAX, j.all + (size_t)q * rows);
    }
    return j;
}

static void dismiss(judged *j)
{
    free(j->column);
    free(j->queries);
    free(j->all);
}

/* found and neighbours are the first k of those within the limit. */
static void assert_nearest(const judged *j, uint32_t first, uint32_t count, uint32_t k, uint32_t limit,
                           const uint32_t *found, const dg_neighbour *neighbours, const char *what)
{
    for (uint32_t q = 0; q < count; q++) {
        const dg_ref_neighbour *expected = j->all + (size_t)(first + q) * j->rows;
        uint32_t n = 0;
        for (; n < j->rows && n < k && expected[n].distance <= limit; n++) {
            const dg_neighbour *got = &neighbours[(size_t)q * k + n];
            if (n < found[q] && (got->row != expected[n].row || got->distance != expected[n].distance))
                fail_msg("%s %s rows=%u bits=%u k=%u limit=%u: neighbour %u of query %u is (%u, %u), not "
                         "(%u, %u)",
                         what, j->name, j->rows, j->bits, k, limit, n, first + q, got->row, got->distance,
                         expected[n].row, expected[n].distance);
        }
        if (n != found[q])
            fail_msg("%s %s rows=%u bits=%u k=%u limit=%u: query %u has %u neighbours, not %u", what, j->name,
                     j->rows, j->bits, k, limit, first + q, found[q], n);
    }
}

static void find(dg_nearest *search, const judged *j, uint32_t first, uint32_t count, uint32_t k,
                 uint32_t limit, const char *what)
{
    dg_err err = {DG_OK, ""};
    uint32_t *found = malloc((count + 1) * sizeof *found);
    dg_neighbour *neighbours = malloc(((size_t)count * k + 1) * sizeof *neighbours);
    assert_true(found && neighbours);
    assert_int_equal(dg_nearest_find(search, j->queries + (size_t)first * j->words, count, k, limit, found,
                                     neighbours, &err),
                     DG_OK);
    assert_nearest(j, first, count, k, limit, found, neighbours, what);
    free(found);
    free(neighbours);
}

/* Every instruction set, with different numbers of threads and memory limits; a search is asked many times.
 */
static void check(const judged *j, uint32_t limit)
{
    static const uint64_t limits[] = {0, 1, 30000};
    const uint32_t n = j->rows;
    const uint32_t ks[] = {1, 2, 10, n > 1 ? n - 1 : 1, n ? n : 1, n + 5, 100000};
    for (uint32_t i = 0; dg_cpu_isas[i]; i++) {
        if (!dg_cpu_isas[i]->supported()) continue;
        for (uint32_t l = 0; l < 3; l++) {
            char what[80];
            dg_err err = {DG_OK, ""};
            dg_nearest *search;
            dg_report report;
            dg_nearest_spec spec = spec_of(j->column, n, j->bits);
            spec.place.isa = dg_cpu_isas[i]->name;
            spec.place.threads = 1 + (i + l) % 3;
            spec.place.memory_limit = limits[l];
            snprintf(what, sizeof what, "isa=%s threads=%u limit=%llu", spec.place.isa, spec.place.threads,
                     (unsigned long long)limits[l]);
            assert_int_equal(dg_nearest_open(&spec, &search, &err), DG_OK);
            for (size_t k = 0; k < sizeof ks / sizeof *ks; k++) {
                uint32_t few = ks[k] == 100000 ? 3 : j->count;
                find(search, j, 0, few < j->count ? few : j->count, ks[k], limit, what);
            }
            if (j->count > 2) find(search, j, 1, 1, 10, limit, what);
            find(search, j, 0, 0, 10, limit, what);
            dg_nearest_report_get(search, &report);
            assert_true(report.rows == n && (n == 0 || j->count == 0 || report.candidates > 0));
            dg_nearest_close(search);
        }
    }
}

static void matches_oracle_all_widths(void **state)
{
    (void)state;
    static const uint32_t widths[] = {1,   8,   12,  32,  60,  64,   65,   128,
                                      136, 192, 256, 320, 512, 1000, 2048, 8192};
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
        for (int shape = 0; shape < COLUMN_SHAPES; shape++) {
            const uint32_t bits = widths[w];
            judged j = judge((enum column_shape)shape, bits > 2048 ? 60 : 300, bits, 7);
            check(&j, UINT32_MAX);
            check(&j, bits / 4);
            check(&j, 0);
            dismiss(&j);
        }
}

static void matches_oracle_hard_sizes(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {0,  1,  2,  7,   8,    9,    31,   32,   33,
                                     63, 64, 65, 255, 1023, 1025, 3071, 3072, 3073};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (uint32_t bits = 64; bits <= 192; bits += 64) {
            judged j = judge(PLANTED, sizes[i], bits, sizes[i] > 1000 ? 3 : 11);
            check(&j, UINT32_MAX);
            check(&j, 20);
            dismiss(&j);
        }
}

/* Blocks of queries and parts of the table, and more rows than are kept while they are ordered. */
static void agrees_on_larger_tables(void **state)
{
    (void)state;
    static const uint32_t counts[] = {1, 2, 5, 300, 700}, ks[] = {1, 100, 5000};
    for (int shape = 0; shape < COLUMN_SHAPES; shape++) {
        judged j = judge((enum column_shape)shape, 140000, 64, 1);
        for (uint32_t threads = 1; threads <= 3; threads++) {
            dg_err err = {DG_OK, ""};
            dg_nearest *search;
            dg_nearest_spec spec = spec_of(j.column, j.rows, 64);
            spec.place.threads = threads;
            spec.place.memory_limit = threads == 2 ? 1 : 0; /* one query at a time */
            assert_int_equal(dg_nearest_open(&spec, &search, &err), DG_OK);
            for (int k = 0; k < 3; k++) find(search, &j, 0, 1, ks[k], UINT32_MAX, "larger");
            dg_nearest_close(search);
        }
        dismiss(&j);
    }
    judged j = judge(SKEWED, 20000, 64, 700);
    for (uint32_t threads = 1; threads <= 3; threads++) {
        dg_err err = {DG_OK, ""};
        dg_nearest *search;
        dg_nearest_spec spec = spec_of(j.column, j.rows, 64);
        spec.place.threads = threads;
        spec.place.memory_limit = threads == 2 ? 16000 : 0;
        assert_int_equal(dg_nearest_open(&spec, &search, &err), DG_OK);
        for (int c = 0; c < 5; c++)
            find(search, &j, 0, counts[c], ks[c % 2 + 1] / 2, UINT32_MAX, "many queries");
        dg_nearest_close(search);
    }
    dismiss(&j);
}

/* Rows found before compete with the table's, and win ties. */
static void takes_up_what_was_found_before(void **state)
{
    (void)state;
    static const uint32_t ks[] = {1, 3, 20, 700};
    for (uint32_t bits = 64; bits <= 192; bits += 64) {
        judged j = judge(TEMPLATES, 600, bits, 9);
        for (uint32_t i = 0; dg_cpu_isas[i]; i++)
            for (uint32_t threads = 1; threads <= 3 && dg_cpu_isas[i]->supported(); threads++)
                for (size_t k = 0; k < sizeof ks / sizeof *ks; k++) {
                    dg_err err = {DG_OK, ""};
                    dg_device *device;
                    const dg_open_options options = {threads, dg_cpu_isas[i]->name};
                    const dg_poll poll = {0};
                    uint32_t found[9] = {0};
                    static dg_neighbour neighbours[9 * 700];
                    dg_index rows = {.words = j.words}, queries = {.words = j.words, .count = j.count};
                    rows.hashes = (dg_buffer){NULL, j.column, 600 * j.words * 8};
                    queries.hashes = (dg_buffer){NULL, j.queries, j.count * j.words * 8};
                    dg_op_nearest op = {&rows, &queries, ks[k], bits / 3, found, neighbours};
                    assert_int_equal(dg_backend_cpu.open(0, &options, &device, &err), DG_OK);
                    for (uint32_t piece = 0; piece < 3; piece++) {
                        rows.begin = 200 * piece;
                        rows.count = 200;
                        assert_int_equal(dg_backend_cpu.run(device, DG_OP_NEAREST, &op, &poll, &err), DG_OK);
                        assert_int_equal(dg_backend_cpu.wait(device, &poll, &err), DG_OK);
                    }
                    dg_backend_cpu.close(device);
                    assert_nearest(&j, 0, j.count, ks[k], bits / 3, found, neighbours, "pieces");
                }
        dismiss(&j);
    }
}

/* Parts of the table for threads, with rows found before. */
static void takes_up_what_was_found_before_in_parts(void **state)
{
    (void)state;
    judged j = judge(SKEWED, 4400000, 64, 1);
    const dg_open_options options = {3, NULL};
    const dg_poll poll = {0};
    dg_err err = {DG_OK, ""};
    dg_device *device;
    uint32_t found[1] = {0};
    dg_neighbour neighbours[50];
    dg_index rows = {.words = 1}, queries = {.words = 1, .count = 1};
    rows.hashes = (dg_buffer){NULL, j.column, 4400000 * 8};
    queries.hashes = (dg_buffer){NULL, j.queries, 8};
    assert_int_equal(dg_backend_cpu.open(0, &options, &device, &err), DG_OK);
    dg_op_nearest op = {&rows, &queries, 50, 64, found, neighbours};
    for (uint32_t piece = 0; piece < 2; piece++) {
        rows.begin = 2200000 * piece;
        rows.count = 2200000;
        assert_int_equal(dg_backend_cpu.run(device, DG_OP_NEAREST, &op, &poll, &err), DG_OK);
    }
    dg_backend_cpu.close(device);
    assert_nearest(&j, 0, 1, 50, 64, found, neighbours, "parts");
    dismiss(&j);
}

/* As many queries as rows, all equal: a query is done once it has k rows at distance 0. */
static void is_linear_in_equal_rows(void **state)
{
    (void)state;
    enum { ROWS = 1000000, K = 10 };
    uint64_t *column = make_column(EQUAL, ROWS, 64, 1);
    uint32_t *found = malloc(ROWS * sizeof *found);
    dg_neighbour *neighbours = malloc((size_t)ROWS * K * sizeof *neighbours);
    dg_err err = {DG_OK, ""};
    dg_nearest *search;
    dg_nearest_spec spec = spec_of(column, ROWS, 64);
    assert_true(found && neighbours);
    assert_int_equal(dg_nearest_open(&spec, &search, &err), DG_OK);
    assert_int_equal(dg_nearest_find(search, column, ROWS, K, UINT32_MAX, found, neighbours, &err), DG_OK);
    for (uint32_t q = 0; q < ROWS; q++)
        for (uint32_t i = 0; i < K; i++)
            assert_true(found[q] == K && neighbours[(size_t)q * K + i].row == i &&
                        neighbours[(size_t)q * K + i].distance == 0);
    dg_nearest_close(search);
    free(column);
    free(found);
    free(neighbours);
}

static int countdown(void *arg)
{
    int *left = arg;
    return --*left < 0;
}

static void stops_when_asked(void **state)
{
    (void)state;
    enum { ROWS = 60000 };
    uint64_t *column = make_column(PLANTED, ROWS, 64, 1);
    uint32_t *found = malloc(ROWS * sizeof *found);
    dg_neighbour *neighbours = malloc(ROWS * sizeof *neighbours);
    assert_true(found && neighbours);
    for (int calls = 0; calls < 100; calls = 2 * calls + 1) {
        int left = calls;
        dg_err err = {DG_OK, ""};
        dg_nearest *search = NULL;
        dg_nearest_spec spec = spec_of(column, ROWS, 64);
        spec.poll = (dg_poll){countdown, &left};
        if (dg_nearest_open(&spec, &search, &err) == DG_OK)
            dg_nearest_find(search, column, ROWS, 1, 64, found, neighbours, &err);
        assert_int_equal(err.code, DG_INTERRUPT);
        dg_nearest_close(search);
    }
    free(column);
    free(found);
    free(neighbours);
}

static void refuses_what_it_cannot_do(void **state)
{
    (void)state;
    uint64_t row[1] = {0};
    dg_nearest *search = (dg_nearest *)1;
    dg_err err = {DG_OK, ""};
    dg_nearest_spec spec = spec_of(row, 1, 64);
    spec.bits = 8193;
    assert_int_equal(dg_nearest_open(&spec, &search, &err), DG_ERROR);
    assert_null(search);
    assert_non_null(strstr(err.text, "8193"));
    err = (dg_err){DG_OK, ""};
    spec = spec_of(row, 1, 64);
    spec.place.isa = "mmx";
    assert_int_equal(dg_nearest_open(&spec, &search, &err), DG_ERROR);
    assert_non_null(strstr(err.text, "mmx"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(matches_oracle_all_widths),
    cmocka_unit_test(matches_oracle_hard_sizes),
    cmocka_unit_test(agrees_on_larger_tables),
    cmocka_unit_test(takes_up_what_was_found_before),
    cmocka_unit_test(takes_up_what_was_found_before_in_parts),
    cmocka_unit_test(is_linear_in_equal_rows),
    cmocka_unit_test(stops_when_asked),
    cmocka_unit_test(refuses_what_it_cannot_do),
};

DG_TEST_MAIN(tests)
