/*
 * RENDER on a GPU whose device is the emulator, against kernels/image; and what happens when it is
 * interrupted, or fails at any call.
 */
#include "../core/dg_test.h"
#include "emulated.h"
#include "line_check.h"

static void lines_of_every_shape(void **state)
{
    (void)state;
    emulated_checks(check_all_lines);
}

static enum dg_code errand(dg_device *device, const dg_poll *poll, uint8_t *out, dg_err *err)
{
    return line_errand(&dg_backend_emulator, device, poll, out, err);
}

static void stops_when_told(void **state)
{
    (void)state;
    emulated_stops(errand);
}

static void every_call_may_fail(void **state)
{
    (void)state;
    emulated_fails(errand, LINE_ERRAND_BYTES, 10);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(lines_of_every_shape),
    cmocka_unit_test(stops_when_told),
    cmocka_unit_test(every_call_may_fail),
};

DG_TEST_MAIN(tests)
