/*
 * The door of a GPU: copies of every size, interrupts, and every call of the driver failed in turn. Whatever
 * fails, the answer is right or an error, nothing is left behind, and nothing is touched that is in use.
 */
#include "../../kernels/bits.h"
#include "../../kernels/cpu/cpu.h"
#include "../core/columns.h"
#include "../core/dg_test.h"
#include "../emulator/driver.h"
#include "side_by_side.h"

#include <stdlib.h>

static const dg_poll never = {0};
static const dg_backend *const gpu = &dg_backend_emulator;

static void end_clean(void)
{
    assert_null(dg_emulator_misuse());
    assert_int_equal(dg_emulator_live(), 0);
}

/* --- copies --- */

static void copies_of_every_size(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 7, 4096, (4 << 20) - 1, 4 << 20, (4 << 20) + 1, (25 << 20) + 3};
    for (int eager = 0; eager < 2; eager++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            const size_t n = sizes[i];
            dg_emulator_reset(&(dg_emulator_settings){.eager = eager});
            dg_err err = {DG_OK, ""};
            dg_device *device;
            dg_buffer buffer;
            char *from = malloc(n + 1), *to = malloc(n + 1);
            assert_true(from && to);
            for (size_t k = 0; k < n; k++) from[k] = (char)(k * 7 + k / 251);
            assert_int_equal(gpu->open(0, NULL, &device, &err), DG_OK);
            assert_int_equal(gpu->alloc(device, n, from, &buffer, &err), DG_OK);
            assert_null(buffer.host);
            assert_int_equal(gpu->get(device, &buffer, 0, to, n, &err), DG_OK);
            assert_memory_equal(from, to, n);
            if (n > 2) { /* a part in the middle, overwritten at once */
                memset(from + 1, 0x33, n - 2);
                assert_int_equal(gpu->put(device, &buffer, 1, from + 1, n - 2, &err), DG_OK);
                memset(from + 1, 0x44, n - 2);
                assert_int_equal(gpu->get(device, &buffer, 1, to + 1, n - 2, &err), DG_OK);
                memset(from + 1, 0x33, n - 2);
                assert_memory_equal(from, to, n);
            }
            gpu->free(device, &buffer);
            gpu->free(device, &buffer);
            gpu->close(device);
            end_clean();
            free(from);
            free(to);
        }
}

static void leaves_host_operations_to_the_host(void **state)
{
    (void)state;
    dg_emulator_reset(&(dg_emulator_settings){0});
    dg_err err = {DG_OK, ""};
    dg_device *device;
    dg_op_collapse op = {0};
    assert_int_equal(gpu->open(0, NULL, &device, &err), DG_OK);
    assert_int_equal(gpu->run(device, DG_OP_COLLAPSE, &op, &never, &err), DG_ERROR);
    assert_non_null(strstr(err.text, "emulator: operation 0 is the host's"));
    assert_int_equal(gpu->wait(device, &never, &(dg_err){DG_OK, ""}), DG_OK);
    gpu->close(device);
    end_clean();
}

/* --- all operations in one life --- */

enum { ROWS = 300, BITS = 8, BINS = 65, K = 3, CAPACITY = 600, UNITS = 40 };

/* What came out of the operations. */
typedef struct results {
    uint32_t offsets[(1 << BITS) + 1];
    uint32_t counts[UNITS], slots[UNITS];
    uint64_t candidates[UNITS];
    dg_hit hits[UNITS * CAPACITY];
    uint32_t histogram[4 * BINS];
    uint32_t found[ROWS];
    dg_neighbour neighbours[ROWS * K];
} results;

/* 32 units of buckets, 8 tiles. */
static void make_units(dg_unit *units)
{
    for (uint32_t u = 0; u < 32; u++) units[u] = (dg_unit){DG_UNIT_BUCKETS, 8 * u, 8 * u + 8, 0, 0};
    for (uint32_t u = 0; u < 8; u++) units[32 + u] = (dg_unit){DG_UNIT_TILE, 25 * u, 25 * u + 25, 200, 300};
}

/* A column partitioned, compared, counted, and searched: 0 or the code of the first failure. */
static enum dg_code live(const uint64_t *column, results *r)
{
    static const uint32_t masks[] = {0, 1, 2, 4, 8, 16, 32, 64, 128};
    dg_unit units[UNITS], tiles[4];
    place p;
    const table_spec spec = {.count = ROWS, .chunk = {20, BITS, 1}}, plain = {.count = ROWS};
    memset(r, 0, sizeof *r);
    make_units(units);
    for (uint32_t u = 0; u < UNITS; u++) r->slots[u] = (7 * u) % UNITS;
    for (uint32_t u = 0; u < 4; u++)
        tiles[u] = (dg_unit){DG_UNIT_TILE, u / 2 * 150, u / 2 * 150 + 150, u % 2 * 150, u % 2 * 150 + 150};
    dg_op_compare compare = {.a = &p.a,
                             .b = &p.a,
                             .threshold = 22,
                             .masks = masks,
                             .mask_count = sizeof masks / sizeof *masks,
                             .units = units,
                             .unit_count = UNITS,
                             .slots = r->slots,
                             .hits = r->hits,
                             .capacity = CAPACITY,
                             .counts = r->counts,
                             .candidates = r->candidates};
    dg_op_histogram histogram = {
        .a = &p.b, .b = &p.b, .bits = BINS - 1, .units = tiles, .unit_count = 4, .counts = r->histogram};
    dg_op_nearest nearest = {
        .rows = &p.b, .queries = &p.b, .k = K, .limit = 30, .found = r->found, .neighbours = r->neighbours};
    if (place_open(&p, gpu, column, ROWS, 1) == DG_OK && place_table(&p, &p.a, &spec, 1, 64) == DG_OK &&
        gpu->get(p.device, &p.a.offsets, 0, r->offsets, sizeof r->offsets, &p.err) == DG_OK &&
        place_run(&p, DG_OP_COMPARE, &compare) == DG_OK && place_table(&p, &p.b, &plain, 1, 64) == DG_OK &&
        place_run(&p, DG_OP_HISTOGRAM, &histogram) == DG_OK)
        place_run(&p, DG_OP_NEAREST, &nearest);
    enum dg_code code = p.err.code;
    if (code) assert_true(p.err.text[0]);
    place_close(&p);
    return code;
}

static void fails_cleanly(int sticky, enum dg_code code, int eager)
{
    uint64_t *column = make_column(PLANTED, ROWS, 64, 5);
    results *expected = malloc(sizeof *expected), *r = malloc(sizeof *r);
    assert_true(expected && r);
    dg_emulator_reset(&(dg_emulator_settings){0});
    assert_int_equal(live(column, expected), DG_OK);
    end_clean();
    assert_true(expected->counts[0] + expected->counts[35] > 0 && expected->found[3] == K);
    uint32_t failures = 0, survived = 0;
    for (uint64_t n = 1;; n += DG_TEST_STRIDE) {
        dg_emulator_reset(&(dg_emulator_settings){
            .fail_at = n, .sticky = sticky, .code = code, .eager = eager, .units = 1});
        enum dg_code got = live(column, r);
        uint64_t calls = dg_emulator_calls();
        end_clean();
        if (got == DG_OK && memcmp(r, expected, sizeof *r) != 0)
            fail_msg("call %u failed: wrong", (unsigned)n);
        if (got != DG_OK && got != code) fail_msg("call %u failed: code %d, not %d", (unsigned)n, got, code);
        if (calls < n) break;
        failures += got != DG_OK;
        survived += got == DG_OK;
    }
    assert_true(failures > 50 / DG_TEST_STRIDE);
    if (sticky && code == DG_DEVICE_ERROR) assert_true(survived < 16); /* those after the last result */
    free(column);
    free(expected);
    free(r);
}

static void every_call_fails_once(void **state)
{
    (void)state;
    fails_cleanly(0, DG_DEVICE_ERROR, 0);
    fails_cleanly(0, DG_DEVICE_ERROR, 1);
}

static void every_call_fails_from_then_on(void **state)
{
    (void)state;
    fails_cleanly(1, DG_DEVICE_ERROR, 0);
}

static void memory_runs_out_once(void **state)
{
    (void)state;
    fails_cleanly(0, DG_DEVICE_NOMEM, 0);
}

static void memory_runs_out_for_good(void **state)
{
    (void)state;
    fails_cleanly(1, DG_DEVICE_NOMEM, 0);
}

/* --- interrupts --- */

typedef struct patience {
    int left;
} patience;

static int stop_when_out_of_patience(void *arg)
{
    patience *p = arg;
    return p->left-- <= 0;
}

/* Work of a second or so is left soon after the poll says so, and the device can be used again. */
static void stops_when_asked(void **state)
{
    (void)state;
    enum { MANY = 9000, TILES = 60 };
    uint64_t *column = make_column(UNIFORM, MANY, 1024, 5);
    static dg_unit units[TILES];
    static uint32_t counts[TILES * 1025];
    for (uint32_t u = 0; u < TILES; u++)
        units[u] = (dg_unit){DG_UNIT_TILE, 100 * u, 100 * u + 600, 6500, 9000};
    for (int patient = 0; patient < 6; patient++) {
        dg_emulator_reset(&(dg_emulator_settings){.eager = patient % 2});
        place p;
        patience arg = {patient};
        const dg_poll poll = {stop_when_out_of_patience, &arg};
        const table_spec plain = {.count = MANY};
        assert_int_equal(place_open(&p, gpu, column, MANY, 16), DG_OK);
        assert_int_equal(place_table(&p, &p.a, &plain, 16, 64), DG_OK);
        dg_op_histogram op = {
            .a = &p.a, .b = &p.a, .bits = 1024, .units = units, .unit_count = TILES, .counts = counts};
        if (gpu->run(p.device, DG_OP_HISTOGRAM, &op, &poll, &p.err) == DG_OK)
            gpu->wait(p.device, &poll, &p.err);
        assert_int_equal(p.err.code, DG_INTERRUPT);
        assert_int_equal(arg.left, -1); /* it was not asked again */
        p.err = (dg_err){DG_OK, ""};
        op.unit_count = 1;
        assert_int_equal(place_run(&p, DG_OP_HISTOGRAM, &op), DG_OK);
        place_close(&p);
        end_clean();
    }
    free(column);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(copies_of_every_size),  cmocka_unit_test(leaves_host_operations_to_the_host),
    cmocka_unit_test(every_call_fails_once), cmocka_unit_test(every_call_fails_from_then_on),
    cmocka_unit_test(memory_runs_out_once),  cmocka_unit_test(memory_runs_out_for_good),
    cmocka_unit_test(stops_when_asked),
};
DG_TEST_MAIN(tests)
