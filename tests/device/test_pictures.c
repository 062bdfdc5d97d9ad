/*
 * RESIZE and PHASH on a GPU whose device is the emulator, against kernels/image; and what happens when it is
 * interrupted, has too little memory, or fails at any call.
 */
#include "../core/dg_test.h"
#include "../emulator/driver.h"
#include "picture_check.h"

#include <stdlib.h>

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

static void pictures_of_every_shape(void **state)
{
    (void)state;
    for (int eager = 0; eager < 2; eager++) {
        dg_device *device = open_device(&(dg_emulator_settings){.eager = eager});
        check_all_pictures(&dg_backend_emulator, device, eager);
        close_device(device);
    }
}

static int stop_at_third(void *asked)
{
    return ++*(int *)asked >= 3;
}

/* One batch of three pictures, resized and hashed. */
static enum dg_code errand(dg_device *device, const dg_poll *poll, uint8_t hashes[3][8], dg_err *err)
{
    static uint8_t samples[64 * 48];
    const dg_grey pictures[] = {{samples, {64, 48}}, {samples, {48, 64}}, {samples, {20, 100}}};
    dg_shrink shrink;
    for (size_t i = 0; i < sizeof samples; i++) samples[i] = (uint8_t)(i * i / 7);
    if (dg_shrink_open(&shrink, &dg_backend_emulator, device, pictures, 3, err) == DG_OK &&
        dg_shrink_resize(&shrink, (dg_size){32, 32}, poll, err) == DG_OK)
        dg_shrink_phash(&shrink, 8, hashes[0], poll, err);
    dg_shrink_close(&shrink);
    return err->code;
}

static void stops_when_told(void **state)
{
    (void)state;
    int asked = 2;
    uint8_t hashes[3][8];
    dg_err err = {0};
    dg_device *device = open_device(&(dg_emulator_settings){0});
    assert_int_equal(errand(device, &(dg_poll){stop_at_third, &asked}, hashes, &err), DG_INTERRUPT);
    close_device(device);
}

static void every_call_may_fail(void **state)
{
    (void)state;
    static const dg_poll never = {0};
    static const dg_open_options options = {.threads = 1};
    uint8_t expected[3][8], hashes[3][8];
    dg_err err = {0};
    dg_device *device = open_device(&(dg_emulator_settings){0});
    assert_int_equal(errand(device, &never, expected, &err), DG_OK);
    close_device(device);
    const uint64_t calls = dg_emulator_calls();
    assert_true(calls > 20);
    for (uint64_t n = 1; n <= calls; n++)
        for (int sticky = 0; sticky < 2; sticky++) {
            const dg_emulator_settings settings = {
                .fail_at = n, .sticky = sticky, .code = n % 2 ? DG_DEVICE_ERROR : DG_DEVICE_NOMEM};
            err = (dg_err){0};
            dg_emulator_reset(&settings);
            if (dg_backend_emulator.open(0, &options, &device, &err) == DG_OK) {
                if (errand(device, &never, hashes, &err) == DG_OK) assert_memory_equal(hashes, expected, 24);
                dg_backend_emulator.close(device);
            }
            assert_null(dg_emulator_misuse());
            assert_int_equal(dg_emulator_live(), 0);
        }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(pictures_of_every_shape),
    cmocka_unit_test(stops_when_told),
    cmocka_unit_test(every_call_may_fail),
};

DG_TEST_MAIN(tests)
