/* Where line pictures are drawn: auto compares the costs for hashes, and leaves pictures to the CPU. */
#include "../../kernels/engine/drawing.h"
#include "../core/dg_test.h"
#include "../emulator/driver.h"

#include <math.h>
#include <stdlib.h>

enum { JOBS = 3, VALUES = 40 };

static const dg_poll never = {0};

static dg_lines lines_for(int hash)
{
    return (dg_lines){.options = {.width = 64,
                                  .height = 48,
                                  .line_width = 2 * DG_LINE_ONE,
                                  .padding = DG_LINE_ONE,
                                  .lo = NAN,
                                  .hi = NAN,
                                  .antialias = 1,
                                  .bits = 8,
                                  .background = {255, 255, 255},
                                  .format = DG_LINE_RAW},
                      .hash = hash};
}

static dg_line_batch *make_batch(const double *values)
{
    dg_line_batch *batch = dg_line_batch_new(JOBS);
    assert_non_null(batch);
    batch->count = JOBS;
    for (int i = 0; i < JOBS; i++) {
        batch->jobs[i].input = DG_LINE_NUMBERS;
        batch->jobs[i].data = values + i;
        batch->jobs[i].bytes = (VALUES - JOBS) * sizeof *values;
    }
    return batch;
}

/* Draws with `threads` for an expectation of so many; returns whether a device did, and checks what it drew.
 */
static int draws_on_device(int hash, uint32_t threads, uint64_t expected)
{
    const dg_lines lines = lines_for(hash);
    const dg_place_spec spec = {.backend = "auto", .threads = threads};
    double values[VALUES];
    dg_lines_scratch scratch = {0};
    dg_drawing *drawing;
    dg_err err = {0};
    for (int i = 0; i < VALUES; i++) values[i] = i * i % 17;
    dg_emulator_reset(&(dg_emulator_settings){0});
    assert_int_equal(dg_drawing_open(&spec, &lines, expected, &never, &drawing, &err), DG_OK);
    const int device = dg_drawing_on_device(drawing);
    dg_line_batch *batch = make_batch(values), *other = make_batch(values);
    assert_int_equal(dg_drawing_run(drawing, batch, &never, &err), DG_OK);
    for (int i = 0; i < JOBS; i++) {
        assert_int_equal(dg_line_job_draw(&other->jobs[i], &lines, &scratch, &never, &err), DG_OK);
        assert_int_equal(batch->jobs[i].picture_bytes, other->jobs[i].picture_bytes);
        assert_memory_equal(batch->jobs[i].picture, other->jobs[i].picture, other->jobs[i].picture_bytes);
    }
    dg_line_batch_drop(batch);
    dg_line_batch_drop(other);
    dg_lines_clear_scratch(&scratch);
    dg_drawing_close(drawing, NULL);
    assert_null(dg_emulator_misuse());
    assert_int_equal(dg_emulator_live(), 0);
    return device;
}

static void auto_compares_the_costs_of_hashes(void **state)
{
    (void)state;
    assert_true(draws_on_device(1, 1, 1000000));   /* the emulator draws at no cost */
    assert_false(draws_on_device(1, 16, 1000000)); /* sixteen threads are faster than placing the points */
    assert_false(draws_on_device(1, 1, 100));      /* there is too little to do */
}

static void auto_leaves_pictures_to_the_cpu(void **state)
{
    (void)state;
    assert_false(draws_on_device(0, 1, 1000000));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(auto_compares_the_costs_of_hashes),
    cmocka_unit_test(auto_leaves_pictures_to_the_cpu),
};

DG_TEST_MAIN(tests)
