/*
 * Every call of a device failed in turn, once and for good, by a fault and for want of memory: with a
 * fallback the answer is always the CPU's, without one it is that or the device's error, and nothing is left
 * allocated. On the CPU, every allocation failed in turn in the same way.
 */
#include "../../kernels/engine/groups.h"
#include "../../kernels/engine/histogram.h"
#include "../../kernels/engine/join.h"
#include "../../kernels/engine/nearest.h"
#include "../../kernels/engine/roster.h"
#include "../core/columns.h"
#include "../core/dg_test.h"
#include "faulty.h"
#include "../fault/memory.h"

#include <stdlib.h>

enum { ROWS = 4000, QUERIES = 150, K_MAX = 1500, PAIRS_MAX = 100000 };

/* What a piece of work gives. */
typedef struct answer {
    dg_err err;
    dg_report report;
    size_t count;
    uint32_t found[QUERIES];
    union {
        uint64_t counts[193];
        dg_neighbour neighbours[QUERIES * K_MAX];
        dg_pair pairs[PAIRS_MAX];
    } as;
} answer;

typedef struct job {
    void (*work)(const struct job *job, uint64_t *hashes, const dg_place_spec *place, answer *out);
    const char *name;
    uint64_t *column, *queries;
    uint32_t rows, bits, threshold, k;
    enum dg_join_plan plan;
} job;

static uint64_t *copy_of(const job *j)
{
    const size_t bytes = (size_t)j->rows * ((j->bits + 63) / 64) * sizeof *j->column;
    uint64_t *copy = malloc(bytes + 1);
    assert_non_null(copy);
    memcpy(copy, j->column, bytes);
    return copy;
}

static void search_rows(const job *j, const uint64_t *hashes, const dg_place_spec *place, answer *out)
{
    const dg_nearest_spec spec = {
        .hashes = hashes, .rows = j->rows, .bits = j->bits, .queries = QUERIES, .place = *place};
    const uint32_t words = (j->bits + 63) / 64, half = QUERIES / 2;
    dg_nearest *nearest;
    if (dg_nearest_open(&spec, &nearest, &out->err)) return;
    if (dg_nearest_find(nearest, j->queries, half, j->k, j->threshold, out->found, out->as.neighbours,
                        &out->err) == DG_OK)
        dg_nearest_find(nearest, j->queries + (size_t)half * words, QUERIES - half, j->k, j->threshold,
                        out->found + half, out->as.neighbours + half * j->k, &out->err);
    dg_nearest_report_get(nearest, &out->report);
    dg_nearest_close(nearest);
    /* Beyond those found, the caller's memory may hold anything. */
    for (uint32_t q = 0; q < QUERIES && !out->err.code; q++)
        memset(&out->as.neighbours[q * j->k + out->found[q]], 0,
               (j->k - out->found[q]) * sizeof(dg_neighbour));
    out->count = QUERIES * j->k * sizeof(dg_neighbour);
}

static void search(const job *j, uint64_t *hashes, const dg_place_spec *place, answer *out)
{
    search_rows(j, hashes, place, out);
    free(hashes);
}

static void count(const job *j, uint64_t *hashes, const dg_place_spec *place, answer *out)
{
    const dg_histogram_spec spec = {.hashes = hashes, .rows = j->rows, .bits = j->bits, .place = *place};
    dg_histogram_run(&spec, out->as.counts, &out->report, &out->err);
    out->count = (j->bits + 1) * sizeof *out->as.counts;
}

static void join(const job *j, uint64_t *hashes, const dg_place_spec *place, answer *out)
{
    const dg_join_spec spec = {.hashes = hashes,
                               .rows = j->rows,
                               .bits = j->bits,
                               .threshold = j->threshold,
                               .plan = j->plan,
                               .place = *place};
    dg_join *opened;
    size_t n = 1, pairs = 0;
    if (dg_join_open(&spec, &opened, &out->err)) return;
    while (n > 0 && dg_join_read(opened, out->as.pairs + pairs, 100, &n, &out->err) == DG_OK) {
        pairs += n;
        assert_true(pairs + 100 <= PAIRS_MAX);
    }
    dg_join_report_get(opened, &out->report);
    dg_join_close(opened);
    out->count = pairs * sizeof *out->as.pairs;
}

/* Members as pairs of row and representative. */
static void group(const job *j, uint64_t *hashes, const dg_place_spec *place, answer *out)
{
    const dg_join_spec spec = {.hashes = hashes,
                               .rows = j->rows,
                               .bits = j->bits,
                               .threshold = j->threshold,
                               .plan = j->plan,
                               .place = *place};
    dg_groups groups;
    if (dg_groups_find(&spec, DG_GROUPS_COMPLETE, &groups, &out->report, &out->err)) return;
    for (uint32_t g = 0; g < groups.count; g++)
        for (uint32_t i = groups.first[g]; i < groups.first[g + 1]; i++)
            out->as.pairs[i] = (dg_pair){groups.rows[i], groups.representatives[g], groups.distances[i]};
    out->count = groups.first[groups.count] * sizeof *out->as.pairs;
    dg_groups_free(&groups);
}

/* The device opened, so that counting calls begins with the work. */
static void warm_up(void)
{
    const dg_place_spec spec = {.backend = "faulty", .no_fallback = 1};
    const dg_poll never = {0};
    dg_place place;
    dg_err err = {0};
    if (dg_place_open(&spec, &never, &place, &err)) fail_msg("%s", err.text);
    dg_place_close(&place, NULL);
}

static void run(const job *j, const char *backend, uint64_t limit, int no_fallback, answer *out)
{
    const dg_place_spec place = {
        .backend = backend, .memory_limit = limit, .no_fallback = no_fallback, .threads = 1};
    memset(out, 0, sizeof *out);
    j->work(j, copy_of(j), &place, out);
}

static void assert_same(const answer *x, const answer *y, const char *what)
{
    if (x->err.code) fail_msg("%s: %s", what, x->err.text);
    if (x->count != y->count || memcmp(x->found, y->found, sizeof x->found) ||
        memcmp(&x->as, &y->as, x->count))
        fail_msg("%s: the answer differs from the CPU's; %s; fallback: %s", what, x->report.plan,
                 x->report.fallback);
}

static void assert_nothing_left(const char *what)
{
    if (faulty.devices || faulty.buffers || faulty.allocated)
        fail_msg("%s: %ld devices and %ld buffers are left", what, faulty.devices, faulty.buffers);
}

/* Fails call number n of the work, for n = 1, 2, 3 ... until no call is left to fail. */
static void sweep(const job *j, uint64_t limit)
{
    static const enum dg_code codes[] = {DG_DEVICE_ERROR, DG_DEVICE_NOMEM};
    answer *expected = malloc(sizeof *expected), *got = malloc(sizeof *got);
    assert_true(expected && got);
    run(j, "cpu", limit, 0, expected);
    assert_int_equal(expected->err.code, DG_OK);
    for (int variant = 0; variant < 8; variant++) {
        const int no_fallback = variant & 1, and_after = variant >> 1 & 1;
        for (long n = 1, failed = 1; failed; n += DG_TEST_STRIDE) {
            char what[160];
            snprintf(what, sizeof what, "%s, call %ld%s fails with code %d%s", j->name, n,
                     and_after ? " and all later ones" : "", codes[variant >> 2],
                     no_fallback ? ", no fallback" : "");
            faulty = (faulty_state){.present = 1};
            dg_roster_hold();
            warm_up();
            faulty.calls = 0;
            faulty.fail_at = n;
            faulty.and_after = and_after;
            faulty.code = codes[variant >> 2];
            run(j, "faulty", limit, no_fallback, got);
            failed = faulty.failed;
            dg_roster_drop();
            assert_nothing_left(what);
            if (no_fallback && got->err.code)
                assert_true(got->err.code == faulty.code && failed && strstr(got->err.text, "faulty: "));
            else
                assert_same(got, expected, what);
            if (failed && !got->err.code && !got->report.fallback[0])
                fail_msg("%s: the report does not say so", what);
            if (!failed) assert_string_equal(got->report.backend, "faulty");
        }
    }
    free(expected);
    free(got);
}

/* Fails allocation number n of the work on the CPU, for n = 1, 2, 3 ... until none is left to fail. */
static void sweep_memory(const job *j, uint64_t limit)
{
    const dg_place_spec place = {.backend = "cpu", .memory_limit = limit, .threads = 1};
    answer *expected = malloc(sizeof *expected), *got = malloc(sizeof *got);
    assert_true(expected && got);
    run(j, "cpu", limit, 0, expected);
    for (int and_after = 0; and_after < 2; and_after++)
        for (long n = 1, failed = 1; failed; n += DG_TEST_STRIDE) {
            char what[160];
            snprintf(what, sizeof what, "%s, allocation %ld%s fails", j->name, n,
                     and_after ? " and all later ones" : "");
            const long living = memory.living;
            memset(got, 0, sizeof *got);
            uint64_t *hashes = copy_of(j);
            memory_arm(n, and_after);
            j->work(j, hashes, &place, got);
            failed = memory_disarm();
            if (memory.living != living) fail_msg("%s: %ld are left", what, memory.living - living);
            if (got->err.code)
                assert_true(failed && got->err.code == DG_NOMEM);
            else
                assert_same(got, expected, what);
        }
    free(expected);
    free(got);
}

/* A device that has less memory than it claims. */
static void shrink(const job *j, uint64_t bytes, int may_fall_back)
{
    answer *expected = malloc(sizeof *expected), *got = malloc(sizeof *got);
    assert_true(expected && got);
    run(j, "cpu", 0, 0, expected);
    faulty = (faulty_state){.present = 1};
    dg_roster_hold();
    warm_up();
    faulty.memory = bytes;
    run(j, "faulty", 0, !may_fall_back, got);
    dg_roster_drop();
    assert_nothing_left(j->name);
    assert_same(got, expected, j->name);
    assert_true(got->report.fallback[0]);
    assert_string_equal(got->report.backend, may_fall_back ? "cpu" : "faulty");
    free(expected);
    free(got);
}

static job job_of(void (*work)(const job *, uint64_t *, const dg_place_spec *, answer *), const char *name,
                  enum column_shape shape, uint32_t bits)
{
    job j = {.work = work,
             .name = name,
             .column = make_column(shape, ROWS, bits, 5),
             .queries = make_column(UNIFORM, QUERIES, bits, 6),
             .rows = ROWS,
             .bits = bits,
             .threshold = bits,
             .k = 12};
    memcpy(j.queries, j.column, QUERIES / 2 * ((bits + 63) / 64) * sizeof *j.column);
    return j;
}

static void dismiss(job *j)
{
    free(j->column);
    free(j->queries);
}

/* Tables many times larger than the device: pieces of the table, windows of rows. */
static void works_in_pieces(void **state)
{
    (void)state;
    static const uint64_t limits[] = {1, 14000, 40000, 100000};
    static const uint32_t ks[] = {1, 12, K_MAX};
    answer *expected = malloc(sizeof *expected), *got = malloc(sizeof *got);
    assert_true(expected && got);
    faulty = (faulty_state){.present = 1};
    dg_roster_hold();
    for (int shape = 0; shape < COLUMN_SHAPES; shape++)
        for (uint32_t bits = 64; bits <= 192; bits += 128) {
            job j = job_of(count, column_shape_names[shape], (enum column_shape)shape, bits);
            run(&j, "cpu", 0, 0, expected);
            for (size_t l = 0; l < sizeof limits / sizeof *limits; l++) {
                run(&j, "faulty", limits[l], 1, got);
                assert_same(got, expected, "histogram");
            }
            j.work = search;
            for (uint32_t variant = 0; variant < 6; variant++) {
                j.k = ks[variant % 3];
                j.threshold = variant < 3 ? bits : bits / 4;
                run(&j, "cpu", 0, 0, expected);
                for (size_t l = 0; l < sizeof limits / sizeof *limits; l++) {
                    run(&j, "faulty", limits[l], 1, got);
                    assert_same(got, expected, "nearest");
                }
            }
            dismiss(&j);
        }
    dg_roster_drop();
    assert_nothing_left("pieces");
    free(expected);
    free(got);
}

static void nearest_survives_any_failing_call(void **state)
{
    (void)state;
    job j = job_of(search, "nearest", TEMPLATES, 64);
    sweep(&j, 0);
    sweep(&j, 14000); /* three pieces */
    dismiss(&j);
}

static void histogram_survives_any_failing_call(void **state)
{
    (void)state;
    job j = job_of(count, "histogram", PLANTED, 192);
    sweep(&j, 0);
    sweep(&j, 60000); /* less than collapsing takes, and windows of rows */
    sweep(&j, 30000);
    dismiss(&j);
    j = job_of(count, "histogram of equal rows", TEMPLATES, 64);
    sweep(&j, 0);
    dismiss(&j);
}

static void join_survives_any_failing_call(void **state)
{
    (void)state;
    job j = job_of(join, "join", PLANTED, 64);
    j.threshold = 8;
    for (int plan = DG_PLAN_BRUTE; plan <= DG_PLAN_MULTI_INDEX; plan++) {
        j.plan = (enum dg_join_plan)plan;
        sweep(&j, 0);
    }
    dismiss(&j);
}

static void groups_survive_any_failing_call(void **state)
{
    (void)state;
    job j = job_of(group, "groups", TEMPLATES, 64); /* several joins */
    j.threshold = 1;
    for (int plan = DG_PLAN_BRUTE; plan <= DG_PLAN_MULTI_INDEX; plan++) {
        j.plan = (enum dg_join_plan)plan;
        sweep(&j, 0);
    }
    dismiss(&j);
}

static void survives_any_failing_allocation(void **state)
{
    (void)state;
    job j = job_of(search, "nearest", TEMPLATES, 64);
    sweep_memory(&j, 0);
    sweep_memory(&j, 14000);
    dismiss(&j);
    j = job_of(count, "histogram", TEMPLATES, 128);
    sweep_memory(&j, 0);
    sweep_memory(&j, 30000);
    dismiss(&j);
    j = job_of(join, "join", PLANTED, 64);
    j.threshold = 8;
    j.plan = DG_PLAN_MULTI_INDEX;
    sweep_memory(&j, 0);
    dismiss(&j);
    j = job_of(group, "groups", TEMPLATES, 64);
    j.threshold = 1;
    sweep_memory(&j, 0);
    dismiss(&j);
}

static void makes_do_with_less_memory_than_promised(void **state)
{
    (void)state;
    job j = job_of(search, "nearest", SKEWED, 128);
    shrink(&j, ROWS * 16 / 2, 0);
    shrink(&j, 20000, 0);
    shrink(&j, 100, 1);
    dismiss(&j);
    j = job_of(count, "histogram", SKEWED, 128);
    shrink(&j, ROWS * 16 / 2, 0);
    shrink(&j, 20000, 0);
    shrink(&j, 100, 1);
    dismiss(&j);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(works_in_pieces),
    cmocka_unit_test(nearest_survives_any_failing_call),
    cmocka_unit_test(histogram_survives_any_failing_call),
    cmocka_unit_test(join_survives_any_failing_call),
    cmocka_unit_test(groups_survive_any_failing_call),
    cmocka_unit_test(survives_any_failing_allocation),
    cmocka_unit_test(makes_do_with_less_memory_than_promised),
};

DG_TEST_MAIN(tests)
