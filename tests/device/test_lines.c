/*
 * RENDER on a GPU whose device is the emulator, against kernels/image; and what happens when it is
 * interrupted, or fails at any call.
 */
#include "../core/dg_test.h"
#include "../emulator/driver.h"
#include "line_check.h"

static dg_device *open_device(const dg_emulator_settings *settings)
{
    static const dg_open_options options = {.threads = 1};
    dg_device *device;
    dg_err err = {0};
    dg_emulator_reset(settings);
    assert_int_equal(dg_backend_emulator.open(0, &options, &device, &err), DG_OK);
    return device;
}

static void close_device(dg_device *device)
{
    dg_backend_emulator.close(device);
    assert_null(dg_emulator_misuse());
    assert_int_equal(dg_emulator_live(), 0);
}

static void lines_of_every_shape(void **state)
{
    (void)state;
    for (int eager = 0; eager < 2; eager++) {
        dg_device *device = open_device(&(dg_emulator_settings){.eager = eager});
        check_all_lines(&dg_backend_emulator, device, eager);
        close_device(device);
    }
}

static int stop_at_second(void *asked)
{
    return ++*(int *)asked >= 2;
}

static void stops_when_told(void **state)
{
    (void)state;
    int asked = 1;
    uint8_t pixels[LINE_ERRAND_BYTES];
    dg_err err = {0};
    dg_device *device = open_device(&(dg_emulator_settings){0});
    assert_int_equal(
        line_errand(&dg_backend_emulator, device, &(dg_poll){stop_at_second, &asked}, pixels, &err),
        DG_INTERRUPT);
    close_device(device);
}

static void every_call_may_fail(void **state)
{
    (void)state;
    static const dg_poll never = {0};
    static const dg_open_options options = {.threads = 1};
    uint8_t expected[LINE_ERRAND_BYTES], pixels[LINE_ERRAND_BYTES];
    dg_err err = {0};
    dg_device *device = open_device(&(dg_emulator_settings){0});
    assert_int_equal(line_errand(&dg_backend_emulator, device, &never, expected, &err), DG_OK);
    close_device(device);
    const uint64_t calls = dg_emulator_calls();
    assert_true(calls > 10);
    for (uint64_t n = 1; n <= calls; n++)
        for (int sticky = 0; sticky < 2; sticky++) {
            const dg_emulator_settings settings = {
                .fail_at = n, .sticky = sticky, .code = n % 2 ? DG_DEVICE_ERROR : DG_DEVICE_NOMEM};
            err = (dg_err){0};
            dg_emulator_reset(&settings);
            if (dg_backend_emulator.open(0, &options, &device, &err) == DG_OK) {
                if (line_errand(&dg_backend_emulator, device, &never, pixels, &err) == DG_OK)
                    assert_memory_equal(pixels, expected, LINE_ERRAND_BYTES);
                dg_backend_emulator.close(device);
            }
            assert_null(dg_emulator_misuse());
            assert_int_equal(dg_emulator_live(), 0);
        }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(lines_of_every_shape),
    cmocka_unit_test(stops_when_told),
    cmocka_unit_test(every_call_may_fail),
};

DG_TEST_MAIN(tests)
