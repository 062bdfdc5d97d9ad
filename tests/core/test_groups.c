/*
 * Groups against the definitions of groups.h followed row by row: every method, shape of data, width and
 * threshold, every plan, any number of threads, memory for all neighbours at once or for few.
 */
#include "../../kernels/engine/groups.h"
#include "../../kernels/reference/ref_join.h"
#include "columns.h"
#include "dg_test.h"

#include <stdlib.h>

static const char *const method_names[] = {"star", "complete", "components"};

/* The distances of all rows of a column. */
typedef struct judged {
    const uint64_t *column;
    uint32_t rows, bits;
    const char *name;
    uint32_t *distance; /* rows * rows */
} judged;

static judged judge(const uint64_t *column, uint32_t rows, uint32_t bits, const char *name)
{
    const uint32_t words = (bits + 63) / 64;
    judged j = {column, rows, bits, name, malloc(((size_t)rows * rows + 1) * sizeof *j.distance)};
    assert_non_null(j.distance);
    for (uint32_t a = 0; a < rows; a++)
        for (uint32_t b = 0; b < rows; b++)
            j.distance[(size_t)a * rows + b] =
                dg_ref_distance(column + (size_t)a * words, column + (size_t)b * words, words);
    return j;
}

static int near(const judged *j, uint32_t a, uint32_t b, uint32_t threshold)
{
    return j->distance[(size_t)a * j->rows + b] <= threshold;
}

static const uint32_t NONE = UINT32_MAX; /* no group yet */

/* Whether the row may join the group of the founder. */
static int may_join(const judged *j, uint32_t threshold, enum dg_groups_method method,
                    const uint32_t *founder_of, uint32_t founder, uint32_t row)
{
    int some = 0, all = 1;
    for (uint32_t m = 0; m < j->rows; m++) {
        if (founder_of[m] != founder) continue;
        some |= near(j, m, row, threshold);
        all &= near(j, m, row, threshold);
    }
    return method == DG_GROUPS_STAR       ? near(j, founder, row, threshold)
           : method == DG_GROUPS_COMPLETE ? all
                                          : some;
}

/* founder_of[row] by the definition. Rows come in order, founders too. */
static void reference(const judged *j, uint32_t threshold, enum dg_groups_method method, uint32_t *founder_of)
{
    const uint32_t n = j->rows;
    uint32_t *degree = calloc(n + 1, sizeof *degree), *order = malloc((n + 1) * sizeof *order);
    assert_true(degree && order);
    for (uint32_t a = 0; a < n; a++) {
        founder_of[a] = NONE;
        for (uint32_t b = 0; b < n; b++) degree[a] += a != b && near(j, a, b, threshold);
    }
    for (uint32_t a = 0; a < n; a++) { /* insertion keeps rows of equal degree in order */
        uint32_t i = a;
        for (; i > 0 && degree[order[i - 1]] < degree[a]; i--) order[i] = order[i - 1];
        order[i] = a;
    }
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t founder = order[i];
        if (founder_of[founder] != NONE) continue;
        founder_of[founder] = founder;
        for (int grown = 1; grown;) {
            grown = 0;
            for (uint32_t k = i + 1; k < n; k++)
                if (founder_of[order[k]] == NONE &&
                    may_join(j, threshold, method, founder_of, founder, order[k])) {
                    founder_of[order[k]] = founder;
                    grown = method == DG_GROUPS_COMPONENTS;
                }
        }
    }
    free(degree);
    free(order);
}

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

/* What holds whatever the groups are. */
static void assert_well_formed(const dg_groups *groups, uint32_t rows)
{
    uint32_t last = 0;
    for (uint32_t g = 0; g < groups->count; g++) {
        const uint32_t begin = groups->first[g], end = groups->first[g + 1];
        assert_true(end >= begin + 2 && (g == 0 || groups->rows[begin] > last));
        last = groups->rows[begin];
        for (uint32_t i = begin + 1; i < end; i++) assert_true(groups->rows[i - 1] < groups->rows[i]);
        assert_true(groups->rows[end - 1] < rows);
    }
}

static void assert_groups(const judged *j, const dg_join_spec *spec, enum dg_groups_method method,
                          const uint32_t *founder_of, const char *what)
{
    dg_err err = {DG_OK, ""};
    dg_report report;
    dg_groups groups;
    if (dg_groups_find(spec, method, &groups, &report, &err)) fail_msg("%s: %s", what, err.text);
    assert_well_formed(&groups, j->rows);
    uint32_t *got = malloc((j->rows + 1) * sizeof *got), *size = calloc(j->rows + 1, sizeof *size);
    assert_true(got && size);
    for (uint32_t r = 0; r < j->rows; r++) got[r] = r;
    for (uint32_t g = 0; g < groups.count; g++)
        for (uint32_t i = groups.first[g]; i < groups.first[g + 1]; i++) {
            const uint32_t row = groups.rows[i], leader = groups.representatives[g];
            got[row] = leader;
            if (groups.distances[i] != j->distance[(size_t)row * j->rows + leader])
                fail_msg("%s: row %u at %u of row %u", what, row, groups.distances[i], leader);
        }
    for (uint32_t r = 0; r < j->rows; r++) {
        size[founder_of[r]]++;
        if (got[r] != founder_of[r])
            fail_msg("%s: row %u is led by %u, not %u; %s", what, r, got[r], founder_of[r], report.plan);
    }
    uint32_t members = 0;
    for (uint32_t r = 0; r < j->rows; r++) members += size[r] > 1 ? size[r] : 0;
    assert_int_equal(groups.first[groups.count], members);
    assert_true(report.rows == j->rows && report.results == members && report.seconds >= 0);
    free(got);
    free(size);
    dg_groups_free(&groups);
    dg_groups_free(&groups);
}

/* Every method and plan, with different numbers of threads and memory limits. */
static void check(const judged *j, uint32_t threshold)
{
    /* Little more than collapsing takes, so that there is room for few neighbours; nothing to collapse. */
    const uint64_t limits[] = {0, 1000 + (uint64_t)j->rows * 24, 1};
    uint32_t *founder_of = malloc((j->rows + 1) * sizeof *founder_of);
    char what[160];
    assert_non_null(founder_of);
    for (int method = 0; method < 3; method++) {
        reference(j, threshold, (enum dg_groups_method)method, founder_of);
        for (int plan = DG_PLAN_AUTO; plan <= DG_PLAN_MULTI_INDEX; plan++)
            for (uint32_t l = 0; l < 3; l++) {
                dg_join_spec spec = spec_of(j->column, j->rows, j->bits, threshold);
                spec.plan = (enum dg_join_plan)plan;
                spec.place.threads = 1 + ((uint32_t)plan + l) % 3;
                spec.place.memory_limit = limits[l];
                snprintf(what, sizeof what, "%s rows=%u bits=%u t=%u %s plan=%d limit=%llu", j->name, j->rows,
                         j->bits, threshold, method_names[method], plan, (unsigned long long)limits[l]);
                assert_groups(j, &spec, (enum dg_groups_method)method, founder_of, what);
            }
    }
    free(founder_of);
}

static void check_column(uint64_t *column, uint32_t rows, uint32_t bits, const char *name)
{
    static const uint32_t thresholds[] = {0, 1, 2, 3, 5, 8, 16, 31};
    judged j = judge(column, rows, bits, name);
    for (size_t t = 0; t < sizeof thresholds / sizeof *thresholds; t++)
        if (thresholds[t] < bits) check(&j, thresholds[t]);
    check(&j, bits - 1);
    check(&j, bits);
    check(&j, bits + 7);
    free(j.distance);
    free(column);
}

static void matches_the_definition_all_shapes_and_widths(void **state)
{
    (void)state;
    static const uint32_t widths[] = {1, 8, 12, 63, 64, 128, 256};
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
        for (int shape = 0; shape < COLUMN_SHAPES; shape++)
            check_column(make_column((enum column_shape)shape, 90, widths[w], 5), 90, widths[w],
                         column_shape_names[shape]);
}

static void matches_the_definition_hard_sizes(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {0, 1, 2, 3, 63, 64, 65, 66, 129};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int shape = TEMPLATES; shape < COLUMN_SHAPES; shape++)
            check_column(make_column((enum column_shape)shape, sizes[i], 64, 6), sizes[i], 64,
                         column_shape_names[shape]);
}

/* Components of many rows, whose neighbours take several joins where memory is short. */
static void matches_the_definition_large_components(void **state)
{
    (void)state;
    static const enum column_shape shapes[] = {SKEWED, TEMPLATES, SUBCUBE};
    for (int s = 0; s < 3; s++) {
        uint64_t *column = make_column(shapes[s], 1000, 64, 7);
        judged j = judge(column, 1000, 64, column_shape_names[shapes[s]]);
        for (uint32_t threshold = 1; threshold < 5; threshold++) check(&j, threshold);
        free(j.distance);
        free(column);
    }
}

/* Row i differs from row i - 1 in one bit and from row i - k in k bits: one chain. */
static void chains(void **state)
{
    (void)state;
    enum { ROWS = 200, WORDS = 4 };
    uint64_t *column = calloc(ROWS * WORDS, sizeof *column);
    assert_non_null(column);
    for (uint32_t i = 0; i < ROWS; i++)
        for (uint32_t bit = 0; bit < i; bit++) column[i * WORDS + bit / 64] |= (uint64_t)1 << (63 - bit % 64);
    judged j = judge(column, ROWS, 64 * WORDS, "chain");
    for (uint32_t threshold = 0; threshold < 9; threshold++) check(&j, threshold);
    dg_err err = {DG_OK, ""};
    dg_report report;
    dg_groups groups;
    dg_join_spec spec = spec_of(column, ROWS, 64 * WORDS, 1);
    assert_int_equal(dg_groups_find(&spec, DG_GROUPS_COMPONENTS, &groups, &report, &err), DG_OK);
    assert_int_equal(groups.count, 1);
    assert_int_equal(groups.first[1], ROWS);
    dg_groups_free(&groups);
    free(j.distance);
    free(column);
}

static int by_members(const void *a, const void *b)
{
    return (*(const uint32_t *)a > *(const uint32_t *)b) - (*(const uint32_t *)a < *(const uint32_t *)b);
}

/* Sizes of the groups, ascending. */
static uint32_t *sizes_of(const uint64_t *column, uint32_t rows, enum dg_groups_method method,
                          uint32_t *count)
{
    dg_err err = {DG_OK, ""};
    dg_report report;
    dg_groups groups;
    dg_join_spec spec = spec_of(column, rows, 64, 3);
    assert_int_equal(dg_groups_find(&spec, method, &groups, &report, &err), DG_OK);
    uint32_t *sizes = malloc((groups.count + 1) * sizeof *sizes);
    assert_non_null(sizes);
    for (uint32_t g = 0; g < groups.count; g++) sizes[g] = groups.first[g + 1] - groups.first[g];
    *count = groups.count;
    qsort(sizes, *count, sizeof *sizes, by_members);
    dg_groups_free(&groups);
    return sizes;
}

/* The order of rows decides between equal degrees only, so components are the same sets in any order. */
static void components_do_not_depend_on_the_order_of_rows(void **state)
{
    (void)state;
    enum { ROWS = 3000 };
    uint64_t *column = make_column(SKEWED, ROWS, 64, 8);
    uint32_t count, reversed_count, *sizes = sizes_of(column, ROWS, DG_GROUPS_COMPONENTS, &count);
    for (uint32_t i = 0; i < ROWS / 2; i++) {
        uint64_t row = column[i];
        column[i] = column[ROWS - 1 - i];
        column[ROWS - 1 - i] = row;
    }
    uint32_t *reversed = sizes_of(column, ROWS, DG_GROUPS_COMPONENTS, &reversed_count);
    assert_int_equal(count, reversed_count);
    assert_memory_equal(sizes, reversed, count * sizeof *sizes);
    free(sizes);
    free(reversed);
    free(column);
}

static void a_million_equal_rows_are_one_group(void **state)
{
    (void)state;
    enum { ROWS = 1000000 };
    uint64_t *column = make_column(EQUAL, ROWS, 64, 1);
    for (int method = 0; method < 3; method++) {
        dg_err err = {DG_OK, ""};
        dg_report report;
        dg_groups groups;
        dg_join_spec spec = spec_of(column, ROWS, 64, 5);
        assert_int_equal(dg_groups_find(&spec, (enum dg_groups_method)method, &groups, &report, &err), DG_OK);
        assert_int_equal(groups.count, 1);
        assert_int_equal(groups.first[1], ROWS);
        assert_int_equal(groups.representatives[0], 0);
        assert_int_equal(report.candidates, 0);
        dg_groups_free(&groups);
    }
    free(column);
}

static int countdown(void *arg)
{
    int *left = arg;
    return --*left < 0;
}

/* Wherever the caller asks to stop, it ends with that and nothing else. */
static void stops_when_asked(void **state)
{
    (void)state;
    uint64_t *column = make_column(SUBCUBE, 30000, 64, 1);
    for (int method = 0; method < 3; method++) {
        int done = 0;
        for (int calls = 0; !done; calls = calls + 1 + calls / 2) {
            int left = calls;
            dg_err err = {DG_OK, ""};
            dg_report report;
            dg_groups groups;
            dg_join_spec spec = spec_of(column, 30000, 64, 3);
            spec.poll = (dg_poll){countdown, &left};
            done = dg_groups_find(&spec, (enum dg_groups_method)method, &groups, &report, &err) == DG_OK;
            assert_true(done || (err.code == DG_INTERRUPT && groups.count == 0 && !groups.rows));
            dg_groups_free(&groups);
        }
    }
    free(column);
}

static void refuses_what_it_cannot_do(void **state)
{
    (void)state;
    uint64_t row[1] = {0};
    dg_report report;
    dg_groups groups;
    dg_err err = {DG_OK, ""};
    dg_join_spec spec = spec_of(row, 1, 64, 1);
    spec.bits = DG_JOIN_MAX_BITS + 1;
    assert_int_equal(dg_groups_find(&spec, DG_GROUPS_STAR, &groups, &report, &err), DG_ERROR);
    assert_non_null(strstr(err.text, "8193"));
    assert_null(groups.rows);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(matches_the_definition_all_shapes_and_widths),
    cmocka_unit_test(matches_the_definition_hard_sizes),
    cmocka_unit_test(matches_the_definition_large_components),
    cmocka_unit_test(chains),
    cmocka_unit_test(components_do_not_depend_on_the_order_of_rows),
    cmocka_unit_test(a_million_equal_rows_are_one_group),
    cmocka_unit_test(stops_when_asked),
    cmocka_unit_test(refuses_what_it_cannot_do),
};

DG_TEST_MAIN(tests)
