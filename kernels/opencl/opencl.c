/* The OpenCL backend: the driver's list of devices, and the operations of kernels/gpu on each. */
#include "opencl.h"

#include "../gpu/gpu.h"
#include "devices.h"

static enum dg_code opencl_open(int number, const dg_open_options *options, dg_device **out, dg_err *err)
{
    (void)options;
    return dg_gpu_open(&dg_opencl_driver, number, out, err);
}

const dg_backend dg_backend_opencl = {
    .name = "opencl",
    .load = dg_opencl_load,
    .count = dg_opencl_count,
    .probe = dg_opencl_probe,
    .open = opencl_open,
    .close = dg_gpu_close,
    .describe = dg_gpu_describe,
    .alloc = dg_gpu_alloc,
    .free = dg_gpu_free,
    .put = dg_gpu_put,
    .get = dg_gpu_get,
    .run = dg_gpu_run,
    .wait = dg_gpu_wait,
};
