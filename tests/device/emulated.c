#include "emulated.h"

#include "../core/dg_test.h"

#include <stdlib.h>

static const dg_open_options options = {.threads = 1};

dg_device *emulated_open(const dg_emulator_settings *settings)
{
    dg_device *device;
    dg_err err = {0};
    dg_emulator_reset(settings);
    assert_int_equal(dg_backend_emulator.open(0, &options, &device, &err), DG_OK);
    return device;
}

static void assert_nothing_left(void)
{
    assert_null(dg_emulator_misuse());
    assert_int_equal(dg_emulator_live(), 0);
}

void emulated_close(dg_device *device)
{
    dg_backend_emulator.close(device);
    assert_nothing_left();
}

void emulated_checks(void (*check)(const dg_backend *backend, dg_device *device, int quick))
{
    for (int eager = 0; eager < 2; eager++) {
        dg_device *device = emulated_open(&(dg_emulator_settings){.eager = eager});
        check(&dg_backend_emulator, device, eager);
        emulated_close(device);
    }
}

static int stop_at_once(void *asked)
{
    return ++*(int *)asked;
}

void emulated_stops(emulated_errand *errand)
{
    int asked = 0;
    uint8_t *out = malloc(65536);
    dg_err err = {0};
    dg_device *device = emulated_open(&(dg_emulator_settings){0});
    assert_non_null(out);
    assert_int_equal(errand(device, &(dg_poll){stop_at_once, &asked}, out, &err), DG_INTERRUPT);
    assert_int_equal(asked, 1);
    emulated_close(device);
    free(out);
}

void emulated_fails(emulated_errand *errand, size_t bytes, uint64_t least)
{
    static const dg_poll never = {0};
    uint8_t *expected = malloc(bytes), *out = malloc(bytes);
    dg_err err = {0};
    assert_true(expected && out);
    dg_device *device = emulated_open(&(dg_emulator_settings){0});
    assert_int_equal(errand(device, &never, expected, &err), DG_OK);
    emulated_close(device);
    const uint64_t calls = dg_emulator_calls();
    assert_true(calls > least);
    for (uint64_t n = 1; n <= calls; n++)
        for (int sticky = 0; sticky < 2; sticky++) {
            const dg_emulator_settings settings = {
                .fail_at = n, .sticky = sticky, .code = n % 2 ? DG_DEVICE_ERROR : DG_DEVICE_NOMEM};
            err = (dg_err){0};
            dg_emulator_reset(&settings);
            if (dg_backend_emulator.open(0, &options, &device, &err) == DG_OK) {
                if (errand(device, &never, out, &err) == DG_OK) assert_memory_equal(out, expected, bytes);
                dg_backend_emulator.close(device);
            }
            assert_nothing_left();
        }
    free(expected);
    free(out);
}
