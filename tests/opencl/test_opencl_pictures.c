/* RESIZE, PHASH, BLOCKS and QUALITY on the OpenCL device, and what a device without doubles is told. */
#include "../core/dg_test.h"
#include "../device/picture_check.h"

#include "../../kernels/opencl/opencl.h"
#include "home.h"
#include "proxy.h"

static dg_device *open_device(const char *orders)
{
    static const dg_open_options options = {.threads = 0};
    dg_device *device;
    dg_err err = {0};
    opencl_settle();
    if (dg_proxy(orders) || dg_backend_opencl.load(&err) ||
        dg_backend_opencl.open(0, &options, &device, &err))
        fail_msg("%s", err.text);
    return device;
}

static void close_device(dg_device *device)
{
    dg_backend_opencl.close(device);
    assert_string_equal(dg_proxy_ledger(), "");
}

static void pictures_of_every_shape(void **state)
{
    (void)state;
    dg_device *device = open_device("gpu=1");
    check_all_pictures(&dg_backend_opencl, device, 1);
    close_device(device);
}

static void metrics_of_every_shape(void **state)
{
    (void)state;
    dg_device *device = open_device("gpu=1");
    check_all_metrics(&dg_backend_opencl, device, 1);
    close_device(device);
}

static void without_doubles_there_is_no_phash(void **state)
{
    (void)state;
    static const dg_size size = {50, 40};
    static const dg_poll never = {0};
    uint8_t samples[50 * 40] = {1, 2, 3}, hash[8];
    const dg_grey picture = {samples, size};
    dg_device_info info;
    dg_shrink shrink;
    dg_err err = {0};
    dg_device *device = open_device("gpu=1 doubles=0");
    assert_int_equal(dg_backend_opencl.describe(device, &info, &err), DG_OK);
    assert_false(info.doubles);
    check_pictures(&dg_backend_opencl, device, NOISE, &size, 1, (dg_size){32, 32}, 0);
    assert_int_equal(dg_shrink_open(&shrink, &dg_backend_opencl, device, &picture, 1, &err), DG_OK);
    assert_int_equal(dg_shrink_resize(&shrink, (dg_size){32, 32}, &never, &err), DG_OK);
    assert_int_equal(dg_shrink_phash(&shrink, 8, hash, &never, &err), DG_DEVICE_ERROR);
    assert_non_null(strstr(err.text, "no doubles"));
    dg_shrink_close(&shrink);
    close_device(device);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(pictures_of_every_shape),
    cmocka_unit_test(metrics_of_every_shape),
    cmocka_unit_test(without_doubles_there_is_no_phash),
};

DG_TEST_MAIN(tests)
