/*
 * Pictures hashed and graded on a device that has little memory, fails at any call or is not there; and every
 * allocation failing in turn. Whatever happens, a hash or metric that is handed out is the CPU's.
 */
#include "../../kernels/engine/hashing.h"
#include "../core/dg_test.h"
#include "../emulator/driver.h"
#include "../fault/memory.h"

#include <stdlib.h>

enum { PICTURES = 6, SAMPLES = 60 * 45, SIZE = 4 };
enum { GROUPS = 3 }; /* of pictures whose planes are of the same sizes: of 4, 8 and 32 samples for whash */

typedef dg_hashing_item found[PICTURES];

static const dg_poll never = {0};
static uint8_t samples[SAMPLES], flat[SAMPLES], striped[SAMPLES];
static found pictures; /* with the right answers */
static const unsigned all = DG_HASHING_KINDS, few = 1u << DG_PHASH | 1u << DG_AHASH | 1u << DG_WHASH;
static const unsigned metrics = (1u << DG_METRICS) - 1;

static int make_pictures(void **state)
{
    /* In flat and in striped ones the sums in the middle are equal, and the planes decide on whash. */
    static const struct {
        const uint8_t *samples;
        dg_size size;
    } made[PICTURES] = {{samples, {60, 45}}, {samples, {1, 1}}, {striped, {64, 34}},
                        {samples, {8, 200}}, {flat, {9, 15}},   {samples, {43, 61}}};
    uint64_t random = 7;
    dg_err err = {0};
    (void)state;
    for (int i = 0; i < SAMPLES; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        samples[i] = (uint8_t)(random >> 60 << 4 | (unsigned)i % 13);
        flat[i] = 200;
        striped[i] = i / 4 % 2 ? 30 : 90;
    }
    for (int i = 0; i < PICTURES; i++) {
        dg_hashing_item *item = &pictures[i];
        item->picture = (dg_grey){made[i].samples, made[i].size};
        item->jpeg_quality = 15 * i;
        if (dg_grey_hash(&item->picture, all, SIZE, item->hash, &err) ||
            dg_grey_metrics(&item->picture, metrics, item->jpeg_quality, item->grade.metric,
                            &item->grade.null, &err))
            return 1;
    }
    return 0;
}

static dg_hashing_spec spec_of(const char *backend, int no_fallback)
{
    return (dg_hashing_spec){.place = {.backend = backend, .no_fallback = no_fallback, .threads = 1},
                             .hashes = all,
                             .hash_size = SIZE,
                             .metrics = metrics,
                             .expected = SAMPLES};
}

/* Hashes and grades the pictures twice. */
static enum dg_code work(const dg_hashing_spec *spec, found out, dg_report *report, dg_err *err)
{
    dg_hashing *hashing;
    memset(out, 0, sizeof(found));
    for (int i = 0; i < PICTURES; i++) {
        out[i].picture = pictures[i].picture;
        out[i].jpeg_quality = pictures[i].jpeg_quality;
    }
    *report = (dg_report){0};
    if (dg_hashing_open(spec, &never, &hashing, err)) return err->code;
    for (int i = 0; i < 2 && !err->code; i++) dg_hashing_run(hashing, out, PICTURES, &never, err);
    dg_hashing_report(hashing, report);
    dg_hashing_close(hashing, err->code ? err : NULL);
    return err->code;
}

/* What was not asked for is as it was before: zero. */
static void assert_right(const found out, const dg_hashing_spec *spec)
{
    static const uint8_t none[sizeof out[0].hash[0]];
    static const dg_grade ungraded;
    for (int i = 0; i < PICTURES; i++) {
        const dg_grade *grade = spec->metrics ? &pictures[i].grade : &ungraded;
        for (int kind = 0; kind < DG_HASH_KINDS; kind++)
            assert_memory_equal(out[i].hash[kind], spec->hashes >> kind & 1 ? pictures[i].hash[kind] : none,
                                sizeof none);
        assert_memory_equal(out[i].grade.metric, grade->metric, sizeof grade->metric);
        assert_int_equal(out[i].grade.null, grade->null);
    }
}

static void assert_clean(void)
{
    assert_null(dg_emulator_misuse());
    assert_int_equal(dg_emulator_live(), 0);
}

static void on_the_device(void **state)
{
    (void)state;
    found out;
    dg_report report;
    for (int wanted = 1; wanted < 4; wanted++) {
        dg_hashing_spec spec = spec_of("emulator", 1);
        dg_err err = {0};
        if (!(wanted & 1)) spec.hashes = 0;
        if (!(wanted & 2)) spec.metrics = 0;
        dg_emulator_reset(&(dg_emulator_settings){0});
        assert_int_equal(work(&spec, out, &report, &err), DG_OK);
        assert_right(out, &spec);
        assert_string_equal(report.backend, "emulator");
        assert_int_equal(report.batches, spec.hashes ? 2 * GROUPS : 2);
        assert_clean();
    }
}

static void batches_that_are_too_large_are_cut(void **state)
{
    (void)state;
    found out;
    dg_report report;
    for (int by_limit = 0; by_limit < 2; by_limit++) {
        dg_hashing_spec spec = spec_of("emulator", 0);
        dg_err err = {0};
        if (by_limit) spec.place.memory_limit = 6000;
        dg_emulator_reset(&(dg_emulator_settings){.memory = by_limit ? 0 : 30000});
        assert_int_equal(work(&spec, out, &report, &err), DG_OK);
        assert_right(out, &spec);
        assert_true(report.batches > 2 * GROUPS);
        assert_string_equal(report.backend, "emulator");
        assert_clean();
    }
}

/* Of a picture that is black but for one sample in each quarter. */
static void large_planes_are_made_here(void **state)
{
    enum { SIDE = 4 * DG_BLOCK_SIDE_MAX };
    (void)state;
    dg_hashing_spec spec = spec_of("emulator", 1);
    uint8_t *black = calloc(SIDE, SIDE);
    dg_hashing_item item = {.picture = {black, {SIDE, SIDE}}};
    dg_hashing *hashing;
    dg_report report = {0};
    dg_err err = {0};
    assert_non_null(black);
    black[0] = 1;
    black[SIDE / 2] = 9;
    black[(size_t)SIDE * SIDE / 2] = 3;
    black[(size_t)SIDE * SIDE - 1] = 7;
    spec.hashes = 1u << DG_WHASH;
    spec.hash_size = 2;
    spec.metrics = 0;
    dg_emulator_reset(&(dg_emulator_settings){0});
    assert_int_equal(dg_hashing_open(&spec, &never, &hashing, &err), DG_OK);
    assert_int_equal(dg_hashing_run(hashing, &item, 1, &never, &err), DG_OK);
    assert_int_equal(item.hash[DG_WHASH][0], 5); /* 0101 */
    assert_true(dg_hashing_on_device(hashing));
    dg_hashing_report(hashing, &report);
    assert_int_equal(report.batches, 0);
    dg_hashing_close(hashing, NULL);
    free(black);
    assert_clean();
}

static void auto_compares_the_costs(void **state)
{
    (void)state;
    found out;
    dg_report report;
    dg_err err = {0};
    dg_emulator_reset(&(dg_emulator_settings){0});
    dg_hashing_spec spec = spec_of("auto", 0);
    assert_int_equal(work(&spec, out, &report, &err), DG_OK);
    assert_string_equal(report.backend, "cpu"); /* there is too little to do */
    spec.expected = (uint64_t)1 << 40;
    assert_int_equal(work(&spec, out, &report, &err), DG_OK);
    assert_string_equal(report.backend, "emulator"); /* which costs nothing */
    assert_non_null(strstr(report.plan, "emulator"));
    assert_right(out, &spec);
    spec.place.threads = 8;
    assert_int_equal(work(&spec, out, &report, &err), DG_OK);
    assert_string_equal(report.backend, "cpu"); /* eight threads are faster than keeping the pictures */
    assert_clean();
}

static int at_once(void *asked)
{
    ++*(int *)asked;
    return 1;
}

static void stops_when_told(void **state)
{
    (void)state;
    static const char *const backends[] = {"emulator", "cpu"};
    for (int i = 0; i < 2; i++) {
        const dg_hashing_spec spec = spec_of(backends[i], 0);
        int asked = 0;
        found out;
        memcpy(out, pictures, sizeof out);
        dg_hashing *hashing;
        dg_err err = {0};
        dg_emulator_reset(&(dg_emulator_settings){0});
        assert_int_equal(dg_hashing_open(&spec, &never, &hashing, &err), DG_OK);
        assert_int_equal(dg_hashing_run(hashing, out, PICTURES, &(dg_poll){at_once, &asked}, &err),
                         DG_INTERRUPT);
        assert_int_equal(asked, 1);
        dg_hashing_close(hashing, &err);
        assert_clean();
    }
}

static void every_call_of_the_device_may_fail(void **state)
{
    (void)state;
    found out;
    dg_report report;
    dg_err none = {0};
    dg_hashing_spec clean = spec_of("emulator", 1);
    clean.hashes = few;
    dg_emulator_reset(&(dg_emulator_settings){0});
    assert_int_equal(work(&clean, out, &report, &none), DG_OK);
    const uint64_t calls = dg_emulator_calls();
    for (uint64_t n = 1; n <= calls; n += DG_TEST_STRIDE)
        for (int way = 0; way < 4; way++) {
            dg_hashing_spec spec = spec_of("emulator", way & 1);
            const dg_emulator_settings settings = {.fail_at = n,
                                                   .sticky = way >> 1 & 1,
                                                   .code = (n + (uint64_t)way) % 2 ? DG_DEVICE_ERROR
                                                                                   : DG_DEVICE_NOMEM};
            dg_err err = {0};
            spec.hashes = few;
            dg_emulator_reset(&settings);
            work(&spec, out, &report, &err);
            if (err.code == DG_OK)
                assert_right(out, &spec);
            else
                assert_true((way & 1) && dg_err_of_device(&err));
            assert_clean();
        }
    assert_true(calls > 100);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    found out;
    dg_report report;
    for (long n = 1;; n += DG_TEST_STRIDE)
        for (int way = 0; way < 4; way++) {
            dg_hashing_spec spec = spec_of(way & 2 ? "cpu" : "emulator", 0);
            dg_err err = {0};
            spec.hashes = few;
            dg_emulator_reset(&(dg_emulator_settings){.eager = 1});
            const long living = memory.living;
            memory_arm(n, way & 1);
            work(&spec, out, &report, &err);
            const long failed = memory_disarm();
            assert_int_equal(memory.living, living);
            if (err.code == DG_OK)
                assert_right(out, &spec);
            else
                assert_int_equal(err.code, DG_NOMEM);
            if (way == 0 && failed == 0) return;
        }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(on_the_device),
    cmocka_unit_test(batches_that_are_too_large_are_cut),
    cmocka_unit_test(large_planes_are_made_here),
    cmocka_unit_test(auto_compares_the_costs),
    cmocka_unit_test(stops_when_told),
    cmocka_unit_test(every_call_of_the_device_may_fail),
    cmocka_unit_test(every_allocation_may_fail),
};

int main(int argc, char **argv)
{
    if (make_pictures(NULL)) return 1;
    int status = dg_test_select(tests, sizeof tests / sizeof *tests, argc, argv);
    return status >= 0 ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
