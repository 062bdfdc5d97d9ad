#include "cuda.h"

#include "../gpu/gpu.h"
#include "api.h"

static enum dg_code load(dg_err *err)
{
    return dg_cuda_start(err) ? DG_OK : err->code;
}

static int count(void)
{
    dg_err ignored = {DG_OK, ""};
    const dg_cuda_api *cu = dg_cuda_start(&ignored);
    return cu ? cu->devices : 0;
}

static enum dg_code open_device(int number, const dg_open_options *options, dg_device **out, dg_err *err)
{
    (void)options;
    return dg_gpu_open(&dg_cuda_driver, number, out, err);
}

const dg_backend dg_backend_cuda = {
    .name = "cuda",
    .load = load,
    .count = count,
    .probe = dg_cuda_probe,
    .open = open_device,
    .close = dg_gpu_close,
    .describe = dg_gpu_describe,
    .alloc = dg_gpu_alloc,
    .free = dg_gpu_free,
    .put = dg_gpu_put,
    .get = dg_gpu_get,
    .run = dg_gpu_run,
    .wait = dg_gpu_wait,
    .open_decoder = dg_nvjpeg_open,
};
