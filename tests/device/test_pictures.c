/*
 * RESIZE, PHASH, BLOCKS and QUALITY on a GPU whose device is the emulator, against kernels/image; and what
 * happens when it is interrupted, or fails at any call.
 */
#include "../core/dg_test.h"
#include "emulated.h"
#include "picture_check.h"

static void pictures_of_every_shape(void **state)
{
    (void)state;
    emulated_checks(check_all_pictures);
}

static void metrics_of_every_shape(void **state)
{
    (void)state;
    emulated_checks(check_all_metrics);
}

enum { PICTURES = 3, HASH = 8, ALONG = 2, SUMS = PICTURES * ALONG * ALONG };

/* One batch of three pictures, resized, hashed and added up. */
static enum dg_code errand(dg_device *device, const dg_poll *poll, uint8_t *out, dg_err *err)
{
    uint32_t sums[SUMS] = {0};
    static uint8_t samples[64 * 48];
    const dg_grey pictures[PICTURES] = {{samples, {64, 48}}, {samples, {48, 64}}, {samples, {20, 100}}};
    dg_shrink shrink;
    for (size_t i = 0; i < sizeof samples; i++) samples[i] = (uint8_t)(i * i / 7);
    if (dg_shrink_open(&shrink, &dg_backend_emulator, device, pictures, PICTURES, err) == DG_OK &&
        dg_shrink_resize(&shrink, (dg_size){4 * HASH, 4 * HASH}, poll, err) == DG_OK)
        dg_shrink_phash(&shrink, HASH, out, poll, err);
    if (!err->code) dg_shrink_blocks(&shrink, ALONG, sums, poll, err);
    dg_shrink_close(&shrink);
    memcpy(out + PICTURES * HASH, sums, sizeof sums);
    return err->code;
}

static void stops_when_told(void **state)
{
    (void)state;
    emulated_stops(errand);
}

static void every_call_may_fail(void **state)
{
    (void)state;
    emulated_fails(errand, PICTURES * HASH + SUMS * sizeof(uint32_t), 30);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(pictures_of_every_shape),
    cmocka_unit_test(metrics_of_every_shape),
    cmocka_unit_test(stops_when_told),
    cmocka_unit_test(every_call_may_fail),
};

DG_TEST_MAIN(tests)
