/* RENDER on the OpenCL device. */
#include "../core/dg_test.h"
#include "../device/line_check.h"

#include "../../kernels/opencl/opencl.h"
#include "home.h"
#include "proxy.h"

static void lines_of_every_shape(void **state)
{
    (void)state;
    static const dg_open_options options = {.threads = 0};
    dg_device *device;
    dg_err err = {0};
    opencl_settle();
    if (dg_proxy("gpu=1") || dg_backend_opencl.load(&err) ||
        dg_backend_opencl.open(0, &options, &device, &err))
        fail_msg("%s", err.text);
    check_all_lines(&dg_backend_opencl, device, 1);
    dg_backend_opencl.close(device);
    assert_string_equal(dg_proxy_ledger(), "");
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(lines_of_every_shape)};

DG_TEST_MAIN(tests)
