/*
 * Joins against the oracle: the same pairs and distances for every shape of data, width, threshold, plan,
 * number of chunks, instruction set and number of threads, and the same order for all of the last two.
 */
#include "../../kernels/cpu/cpu.h"
#include "../../kernels/engine/join.h"
#include "../../kernels/reference/ref_join.h"
#include "columns.h"
#include "dg_test.h"

#include <stdlib.h>

/* Under a sanitizer fewer widths and rows will do. */
#ifdef __SANITIZE_ADDRESS__
enum { WIDTH_STEP = 4, LARGER_COLUMN = 20000 };
#else
enum { WIDTH_STEP = 1, LARGER_COLUMN = 60000 };
#endif

typedef struct result {
    dg_pair *pairs;
    size_t count;
    dg_report report;
} result;

static dg_join_spec spec_of(const uint64_t *column, uint32_t rows, uint32_t bits, uint32_t threshold)
{
    size_t bytes = (size_t)rows * ((bits + 63) / 64) * sizeof *column;
    dg_join_spec spec = {.hashes = malloc(bytes + 1),
                         .rows = rows,
                         .bits = bits,
                         .threshold = threshold,
                         .place.backend = "cpu"};
    assert_non_null(spec.hashes);
    memcpy(spec.hashes, column, bytes);
    return spec;
}

/* Reads a join to its end, `capacity` pairs at a time. */
static result run(const dg_join_spec *spec, size_t capacity)
{
    result r = {0};
    dg_err err = {DG_OK, ""};
    dg_join *join;
    size_t room = 1024, n;
    assert_int_equal(dg_join_open(spec, &join, &err), DG_OK);
    r.pairs = malloc(room * sizeof *r.pairs);
    assert_non_null(r.pairs);
    do {
        if (r.count + capacity > room) {
            room = 2 * (r.count + capacity);
            r.pairs = realloc(r.pairs, room * sizeof *r.pairs);
            assert_non_null(r.pairs);
        }
        assert_int_equal(dg_join_read(join, r.pairs + r.count, capacity, &n, &err), DG_OK);
        r.count += n;
    } while (n > 0);
    dg_join_report_get(join, &r.report);
    assert_int_equal(r.report.results, r.count);
    dg_join_close(join);
    return r;
}

static int by_rows(const void *a, const void *b)
{
    const dg_pair *x = a, *y = b;
    if (x->a != y->a) return x->a < y->a ? -1 : 1;
    return (x->b > y->b) - (x->b < y->b);
}

static void assert_same_order(const result *x, const result *y)
{
    assert_int_equal(x->count, y->count);
    assert_memory_equal(x->pairs, y->pairs, x->count * sizeof *x->pairs);
}

static void assert_equals_oracle(const result *r, const dg_ref_pair *expected, size_t count, const char *what)
{
    dg_pair *sorted = malloc((r->count + 1) * sizeof *sorted);
    assert_non_null(sorted);
    if (r->count) memcpy(sorted, r->pairs, r->count * sizeof *sorted);
    qsort(sorted, r->count, sizeof *sorted, by_rows);
    if (r->count != count) fail_msg("%s: %zu pairs, not %zu; %s", what, r->count, count, r->report.plan);
    for (size_t i = 0; i < count; i++)
        if (sorted[i].a != expected[i].a || sorted[i].b != expected[i].b ||
            sorted[i].distance != expected[i].distance)
            fail_msg("%s: pair %zu is (%u, %u, %u), not (%u, %u, %u); %s", what, i, sorted[i].a, sorted[i].b,
                     sorted[i].distance, expected[i].a, expected[i].b, expected[i].distance, r->report.plan);
    free(sorted);
}

/* A column with the distances of all its pairs. */
typedef struct judged {
    uint64_t *column;
    uint32_t rows, bits;
    const char *name;
    dg_ref_pair *all;
    size_t count;
} judged;

static judged judge(enum column_shape shape, uint32_t rows, uint32_t bits, uint64_t seed)
{
    judged j = {make_column(shape, rows, bits, seed), rows, bits, column_shape_names[shape], NULL, 0};
    j.count = dg_ref_join(j.column, rows, (bits + 63) / 64, bits, &j.all);
    assert_non_null(j.all);
    return j;
}

static void dismiss(judged *j)
{
    free(j->column);
    free(j->all);
}

/* One column at one threshold: every plan against the oracle; every instruction set and thread count in one
 * order. */
static void check(const judged *j, uint32_t threshold, const uint32_t *chunk_counts)
{
    const uint64_t *column = j->column;
    const uint32_t rows = j->rows, bits = j->bits;
    const char *name = j->name;
    char what[120];
    size_t count = 0;
    dg_ref_pair *expected = malloc((j->count + 1) * sizeof *expected);
    assert_non_null(expected);
    for (size_t i = 0; i < j->count; i++)
        if (j->all[i].distance <= threshold) expected[count++] = j->all[i];
    for (int plan = DG_PLAN_AUTO; plan <= DG_PLAN_MULTI_INDEX; plan++)
        for (const uint32_t *chunks = chunk_counts; *chunks != UINT32_MAX; chunks++) {
            if (*chunks && plan != DG_PLAN_MULTI_INDEX) continue;
            result first = {0};
            for (size_t i = 0; dg_cpu_isas[i]; i++) {
                if (!dg_cpu_isas[i]->supported()) continue;
                dg_join_spec spec = spec_of(column, rows, bits, threshold);
                spec.plan = (enum dg_join_plan)plan;
                spec.chunks = *chunks;
                spec.place.isa = dg_cpu_isas[i]->name;
                spec.place.threads = 1 + (uint32_t)i % 3;
                /* Costs, and with them the automatic plan, differ between instruction sets; a plan asked for
                 * does not. */
                result r = run(&spec, i % 2 ? 7 : 4096);
                snprintf(what, sizeof what, "%s rows=%u bits=%u t=%u plan=%d chunks=%u isa=%s threads=%u",
                         name, rows, bits, threshold, plan, *chunks, spec.place.isa, spec.place.threads);
                assert_equals_oracle(&r, expected, count, what);
                if (plan != DG_PLAN_AUTO && first.pairs) assert_same_order(&first, &r);
                if (plan != DG_PLAN_AUTO && !first.pairs)
                    first = r;
                else
                    free(r.pairs);
            }
            free(first.pairs);
        }
    free(expected);
}

static const uint32_t any_chunks[] = {0, UINT32_MAX};

static void matches_oracle_64_bits(void **state)
{
    (void)state;
    static const uint32_t every_count[] = {0, 2, 3, 4, 5, 6, 8, 11, UINT32_MAX};
    for (int shape = 0; shape < COLUMN_SHAPES; shape++) {
        judged j = judge((enum column_shape)shape, 500, 64, 5);
        for (uint32_t t = 0; t <= 20; t += DG_TEST_STRIDE)
            check(&j, t, t % 5 == 0 ? every_count : any_chunks);
        dismiss(&j);
        j = judge((enum column_shape)shape, 200, 64, 6);
        check(&j, 40, any_chunks);
        check(&j, 63, any_chunks);
        check(&j, 64, any_chunks);
        check(&j, 1000, any_chunks);
        dismiss(&j);
    }
}

static void matches_oracle_all_widths(void **state)
{
    (void)state;
    static const uint32_t widths[] = {8, 12, 32, 60, 65, 128, 136, 256, 320, 1000, 2048};
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w += WIDTH_STEP)
        for (int shape = 0; shape < COLUMN_SHAPES; shape++) {
            uint32_t bits = widths[w];
            judged j = judge((enum column_shape)shape, bits <= 256 ? 170 : 90, bits, 9);
            const uint32_t thresholds[] = {0, 2, bits / 8, bits / 2, bits - 1, bits};
            for (size_t t = 0; t < sizeof thresholds / sizeof *thresholds; t++)
                check(&j, thresholds[t], any_chunks);
            dismiss(&j);
        }
}

static void matches_oracle_hard_sizes(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {0, 1, 2, 3, 7, 8, 9, 63, 64, 65, 255, 256, 257, 1023};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (uint32_t bits = 64; bits <= 256; bits *= 2) {
            judged j = judge(PLANTED, sizes[i], bits, 3);
            check(&j, 6, any_chunks);
            dismiss(&j);
        }
}

/* Enough pairs that units overflow and are cut, in tiles, buckets and single buckets. */
static void splits_units_with_too_many_hits(void **state)
{
    (void)state;
    static const uint32_t two[] = {0, 2, UINT32_MAX};
    judged j = judge(SUBCUBE, 1200, 64, 4);
    check(&j, 7, two);
    check(&j, 64, any_chunks);
    dismiss(&j);
    j = judge(TEMPLATES, 1200, 64, 4);
    check(&j, 4, two);
    check(&j, 60, two);
    dismiss(&j);
}

/* A larger column, several tiles and parallel passes: all plans and instruction sets agree, in one order
 * each. */
static void agrees_on_larger_columns(void **state)
{
    (void)state;
    for (int shape = 0; shape <= EVEN; shape++) {
        uint64_t *column = make_column((enum column_shape)shape, LARGER_COLUMN, 64, 11);
        result brute = {0}, multi = {0};
        for (size_t i = 0; dg_cpu_isas[i]; i++) {
            if (!dg_cpu_isas[i]->supported()) continue;
            for (uint32_t threads = 1; threads <= 3; threads++) {
                dg_join_spec spec = spec_of(column, LARGER_COLUMN, 64, 5);
                spec.place.isa = dg_cpu_isas[i]->name;
                spec.place.threads = threads;
                spec.plan = DG_PLAN_MULTI_INDEX;
                spec.chunks = 4;
                result r = run(&spec, 4096);
                if (multi.pairs) {
                    assert_same_order(&multi, &r);
                    free(r.pairs);
                } else {
                    multi = r;
                }
                if (threads == 2) continue;
                if (threads == 1 && i > 1) continue; /* scalar brute force once is enough */
                spec = spec_of(column, LARGER_COLUMN, 64, 5);
                spec.place.isa = dg_cpu_isas[i]->name;
                spec.place.threads = threads;
                spec.plan = DG_PLAN_BRUTE;
                r = run(&spec, 4096);
                if (brute.pairs) {
                    assert_same_order(&brute, &r);
                    free(r.pairs);
                } else {
                    brute = r;
                }
            }
        }
        qsort(brute.pairs, brute.count, sizeof *brute.pairs, by_rows);
        qsort(multi.pairs, multi.count, sizeof *multi.pairs, by_rows);
        assert_same_order(&brute, &multi);
        free(brute.pairs);
        free(multi.pairs);
        free(column);
    }
}

static void focuses_on_one_row(void **state)
{
    (void)state;
    for (uint32_t bits = 64; bits <= 192; bits += 128) {
        uint64_t *column = make_column(TEMPLATES, 500, bits, 2);
        dg_ref_pair *expected;
        size_t count = dg_ref_join(column, 500, bits / 64, 4, &expected);
        for (uint32_t row = 0; row < 500; row += 499 / 7)
            for (int focus = DG_FOCUS_FIRST; focus <= DG_FOCUS_SECOND; focus++) {
                dg_join_spec spec = spec_of(column, 500, bits, 4);
                spec.focus = (enum dg_join_focus)focus;
                spec.focus_row = row;
                result r = run(&spec, 100);
                dg_ref_pair *chosen = malloc((count + 1) * sizeof *chosen);
                size_t n = 0;
                assert_non_null(chosen);
                for (size_t i = 0; i < count; i++)
                    if ((focus == DG_FOCUS_FIRST ? expected[i].a : expected[i].b) == row)
                        chosen[n++] = expected[i];
                assert_equals_oracle(&r, chosen, n, "focus");
                free(chosen);
                free(r.pairs);
            }
        free(expected);
        free(column);
    }
}

/* The pairs of two columns by the oracle: those of both put together that have a row on each side. */
static dg_ref_pair *judge_two(const uint64_t *left, uint32_t rows, const uint64_t *right, uint32_t right_rows,
                              uint32_t bits, uint32_t threshold, size_t *count)
{
    const size_t words = (bits + 63) / 64;
    uint64_t *both = malloc(((size_t)rows + right_rows + 1) * words * sizeof *both);
    dg_ref_pair *pairs;
    assert_non_null(both);
    memcpy(both, left, rows * words * sizeof *both);
    memcpy(both + rows * words, right, right_rows * words * sizeof *both);
    size_t all = dg_ref_join(both, rows + right_rows, (uint32_t)words, threshold, &pairs);
    assert_non_null(pairs);
    *count = 0;
    for (size_t i = 0; i < all; i++)
        if (pairs[i].a < rows && pairs[i].b >= rows) {
            pairs[*count] = pairs[i];
            pairs[(*count)++].b -= rows;
        }
    free(both);
    return pairs;
}

static dg_join_spec spec_of_two(const uint64_t *left, uint32_t rows, const uint64_t *right,
                                uint32_t right_rows, uint32_t bits, uint32_t threshold)
{
    dg_join_spec spec = spec_of(left, rows, bits, threshold),
                 other = spec_of(right, right_rows, bits, threshold);
    spec.right = other.hashes;
    spec.right_rows = right_rows;
    return spec;
}

/* Both columns hold rows of the other, so that there are pairs at distance 0, and rows several times. */
static void joins_two_columns(void **state)
{
    (void)state;
    static const uint32_t widths[] = {40, 64, 256},
                          sizes[][2] = {{400, 90}, {90, 400}, {1, 300}, {300, 0}, {0, 5}};
    char what[100];
    for (int shape = 0; shape < COLUMN_SHAPES; shape++)
        for (size_t w = 0; w < 3; w++)
            for (size_t n = 0; n < sizeof sizes / sizeof *sizes; n++) {
                const uint32_t bits = widths[w], rows = sizes[n][0], right_rows = sizes[n][1];
                uint64_t *column = make_column((enum column_shape)shape, 500, bits, 21);
                const uint64_t *left = column, *right = column + (size_t)80 * ((bits + 63) / 64);
                const uint32_t thresholds[] = {0, 1, 3, 12, bits / 3, bits};
                for (size_t t = 0; t < sizeof thresholds / sizeof *thresholds; t++) {
                    size_t count;
                    dg_ref_pair *expected =
                        judge_two(left, rows, right, right_rows, bits, thresholds[t], &count);
                    for (int plan = DG_PLAN_AUTO; plan <= DG_PLAN_MULTI_INDEX; plan++)
                        for (int limited = 0; limited < 2; limited++) {
                            dg_join_spec spec =
                                spec_of_two(left, rows, right, right_rows, bits, thresholds[t]);
                            spec.plan = (enum dg_join_plan)plan;
                            spec.place.memory_limit = limited ? 1000 : 0;
                            spec.place.threads = 1 + (uint32_t)plan;
                            snprintf(what, sizeof what, "%s %u x %u rows, %u bits, t=%u, plan %d, limited %d",
                                     column_shape_names[shape], rows, right_rows, bits, thresholds[t], plan,
                                     limited);
                            result r = run(&spec, 100);
                            assert_equals_oracle(&r, expected, count, what);
                            free(r.pairs);
                        }
                    free(expected);
                }
                free(column);
            }
}

static void focuses_on_one_row_of_two_columns(void **state)
{
    (void)state;
    uint64_t *column = make_column(TEMPLATES, 400, 64, 3);
    size_t count;
    dg_ref_pair *expected = judge_two(column, 250, column + 150, 200, 64, 5, &count);
    for (uint32_t row = 0; row < 200; row += 33)
        for (int focus = DG_FOCUS_FIRST; focus <= DG_FOCUS_SECOND; focus++) {
            dg_join_spec spec = spec_of_two(column, 250, column + 150, 200, 64, 5);
            spec.focus = (enum dg_join_focus)focus;
            spec.focus_row = row;
            result r = run(&spec, 50);
            size_t n = 0;
            dg_ref_pair *chosen = malloc((count + 1) * sizeof *chosen);
            assert_non_null(chosen);
            for (size_t i = 0; i < count; i++)
                if ((focus == DG_FOCUS_FIRST ? expected[i].a : expected[i].b) == row)
                    chosen[n++] = expected[i];
            assert_equals_oracle(&r, chosen, n, "focus in two columns");
            free(chosen);
            free(r.pairs);
        }
    free(expected);
    free(column);
}

/* The parts of a join that is shared out: together everything, each pair once, whatever runs each of them. */
static void shards_make_up_the_whole(void **state)
{
    (void)state;
    static const uint32_t parts[] = {1, 2, 7, 64};
    for (int shape = 0; shape < COLUMN_SHAPES; shape++)
        for (int two = 0; two < 2; two++)
            for (int plan = DG_PLAN_AUTO; plan <= DG_PLAN_MULTI_INDEX; plan++)
                for (size_t p = 0; p < sizeof parts / sizeof *parts; p++) {
                    const uint32_t rows = shape == EQUAL ? 300 : 900;
                    uint64_t *column = make_column((enum column_shape)shape, rows + 500, 64, 31);
                    size_t count;
                    dg_ref_pair *expected = NULL;
                    result all = {0};
                    if (two)
                        expected = judge_two(column, rows, column + rows, 400, 64, 5, &count);
                    else
                        count = dg_ref_join(column, rows, 1, 5, &expected);
                    assert_non_null(expected);
                    for (uint32_t shard = 0; shard < parts[p]; shard++) {
                        dg_join_spec spec = two ? spec_of_two(column, rows, column + rows, 400, 64, 5)
                                                : spec_of(column, rows, 64, 5);
                        spec.plan = (enum dg_join_plan)plan;
                        spec.shard = shard;
                        spec.shards = parts[p];
                        spec.place.threads = 1 + shard % 2;
                        spec.place.isa = shard % 3 ? NULL : "portable";
                        result r = run(&spec, 1000);
                        all.pairs = realloc(all.pairs, (all.count + r.count + 1) * sizeof *all.pairs);
                        assert_non_null(all.pairs);
                        if (r.count) memcpy(all.pairs + all.count, r.pairs, r.count * sizeof *r.pairs);
                        all.count += r.count;
                        free(r.pairs);
                    }
                    assert_equals_oracle(&all, expected, count, "shards");
                    free(all.pairs);
                    free(expected);
                    free(column);
                }
}

static int countdown(void *arg)
{
    int *left = arg;
    return --*left < 0;
}

static void stops_when_asked(void **state)
{
    (void)state;
    uint64_t *column = make_column(PLANTED, 120000, 64, 1);
    static dg_pair pairs[64];
    for (int plan = DG_PLAN_BRUTE; plan <= DG_PLAN_MULTI_INDEX; plan++)
        for (int calls = 0; calls < 300; calls = 2 * calls + 1) {
            int left = calls;
            size_t n = 1;
            dg_err err = {DG_OK, ""};
            dg_join *join;
            dg_join_spec spec = spec_of(column, 120000, 64, 12);
            spec.plan = (enum dg_join_plan)plan;
            spec.poll = (dg_poll){countdown, &left};
            if (dg_join_open(&spec, &join, &err) == DG_OK)
                while (dg_join_read(join, pairs, 64, &n, &err) == DG_OK && n > 0) continue;
            assert_int_equal(err.code, DG_INTERRUPT);
            dg_join_close(join);
        }
    free(column);
}

/* Without work space rows are compared as they are; the pairs stay the same, and the report says so. */
static void keeps_to_the_memory_limit(void **state)
{
    (void)state;
    uint64_t *column = make_column(PLANTED, 2000, 64, 8);
    dg_ref_pair *expected;
    size_t count = dg_ref_join(column, 2000, 1, 5, &expected);
    const uint64_t limits[] = {1, 20000, 40000};
    for (size_t i = 0; i < 3; i++) {
        dg_join_spec spec = spec_of(column, 2000, 64, 5);
        spec.place.memory_limit = limits[i];
        result r = run(&spec, 4096);
        assert_equals_oracle(&r, expected, count, "memory limit");
        if (i == 0) assert_true(r.report.fallback[0] != '\0');
        free(r.pairs);
    }
    free(expected);
    free(column);
}

/* A million equal rows cost no more than reading them; their pairs come one after the other without being
 * stored. */
static void streams_equal_rows(void **state)
{
    (void)state;
    uint64_t *column = make_column(EQUAL, 1000000, 64, 1);
    static dg_pair pairs[4096];
    size_t n, seen = 0;
    dg_err err = {DG_OK, ""};
    dg_join *join;
    dg_report report;
    dg_join_spec spec = spec_of(column, 1000000, 64, 5);
    assert_int_equal(dg_join_open(&spec, &join, &err), DG_OK);
    while (seen < 3000000) {
        assert_int_equal(dg_join_read(join, pairs, 4096, &n, &err), DG_OK);
        for (size_t i = 0; i < n; i++, seen++) {
            uint32_t a = (uint32_t)(seen / 999999), b = (uint32_t)(seen % 999999) + 1;
            if (a == 0) assert_true(pairs[i].a == 0 && pairs[i].b == b && pairs[i].distance == 0);
            assert_true(pairs[i].a < pairs[i].b);
        }
    }
    dg_join_report_get(join, &report);
    assert_int_equal(report.unique_rows, 1);
    dg_join_close(join);
    free(column);
}

static void refuses_what_it_cannot_do(void **state)
{
    (void)state;
    uint64_t row[1] = {0};
    dg_join *join = (dg_join *)1;
    dg_err err = {DG_OK, ""};
    dg_join_spec spec = spec_of(row, 1, 64, 0);
    spec.place.backend = "abacus";
    assert_int_equal(dg_join_open(&spec, &join, &err), DG_ERROR);
    assert_null(join);
    assert_non_null(strstr(err.text, "abacus"));
    err = (dg_err){DG_OK, ""};
    spec = spec_of(row, 1, 64, 0);
    spec.bits = DG_JOIN_MAX_BITS + 1;
    assert_int_equal(dg_join_open(&spec, &join, &err), DG_ERROR);
    err = (dg_err){DG_OK, ""};
    spec = spec_of(row, 1, 64, 0);
    spec.place.isa = "mmx";
    assert_int_equal(dg_join_open(&spec, &join, &err), DG_ERROR);
    assert_non_null(strstr(err.text, "mmx"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(matches_oracle_64_bits),    cmocka_unit_test(matches_oracle_all_widths),
    cmocka_unit_test(matches_oracle_hard_sizes), cmocka_unit_test(splits_units_with_too_many_hits),
    cmocka_unit_test(agrees_on_larger_columns),  cmocka_unit_test(focuses_on_one_row),
    cmocka_unit_test(joins_two_columns),         cmocka_unit_test(focuses_on_one_row_of_two_columns),
    cmocka_unit_test(shards_make_up_the_whole),  cmocka_unit_test(stops_when_asked),
    cmocka_unit_test(keeps_to_the_memory_limit), cmocka_unit_test(streams_equal_rows),
    cmocka_unit_test(refuses_what_it_cannot_do),
};

DG_TEST_MAIN(tests)
