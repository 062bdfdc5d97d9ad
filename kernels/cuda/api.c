#include "api.h"

#include "image.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define LIBRARY "libcuda.so.1"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static dg_cuda_api api;
static dg_err verdict;
static atomic_int started_by; /* process that called cuInit; 0: none */

/* Fills in the table; the library is never unloaded. */
static enum dg_code find_functions(dg_err *err)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char *words = dlerror();
        return dg_fail(err, DG_DEVICE_ERROR, "cuda: %s", words ? words : LIBRARY " cannot be opened");
    }
#define X(name, version, parameters)                                                                         \
    *(void **)&api.name = dlsym(library, #name #version);                                                    \
    if (!api.name)                                                                                           \
        return dg_fail(err, DG_DEVICE_ERROR,                                                                 \
                       "cuda: " LIBRARY " has no " #name #version ": the NVIDIA driver is too old");
    DG_CUDA_FUNCTIONS(X)
#undef X
    return DG_OK;
}

static void start(void)
{
    const dg_cuda_api *cu = &api;
    dg_err *err = &verdict;
    if (!dg_cuda_image()) {
        dg_fail(err, DG_DEVICE_ERROR, "cuda: built without CUDA kernels, for want of nvcc and clang");
        return;
    }
    if (find_functions(err)) return;
    atomic_store(&started_by, getpid());
    if (dg_cuda_check(cu, cu->cuInit(0), "cuInit", err)) return;
    if (dg_cuda_check(cu, cu->cuDriverGetVersion(&api.version), "cuDriverGetVersion", err)) return;
    if (dg_cuda_check(cu, cu->cuDeviceGetCount(&api.devices), "cuDeviceGetCount", err)) return;
    if (api.devices <= 0) dg_cuda_check(cu, DG_CUDA_ERROR_NO_DEVICE, "cuDeviceGetCount", err);
}

const dg_cuda_api *dg_cuda_start(dg_err *err)
{
    if (dg_cuda_forked()) {
        dg_cuda_fail_forked(err);
        return NULL;
    }
    pthread_once(&once, start);
    if (verdict.code) {
        dg_fail(err, verdict.code, "%s", verdict.text);
        return NULL;
    }
    return &api;
}

int dg_cuda_forked(void)
{
    int process = atomic_load(&started_by);
    return process && process != getpid();
}

enum dg_code dg_cuda_fail_forked(dg_err *err)
{
    return dg_fail(err, DG_DEVICE_ERROR, "cuda: not usable in a process forked after CUDA was started");
}

enum dg_code dg_cuda_check(const dg_cuda_api *cu, dg_cuda_result result, const char *call, dg_err *err)
{
    const char *name = NULL, *words = NULL;
    if (result == DG_CUDA_SUCCESS) return DG_OK;
    if (cu->cuGetErrorName(result, &name) || !name) name = "an error this driver has no name for";
    if (cu->cuGetErrorString(result, &words) || !words) words = "no words either";
    return dg_fail(err, result == DG_CUDA_ERROR_OUT_OF_MEMORY ? DG_DEVICE_NOMEM : DG_DEVICE_ERROR,
                   "cuda: %s: %s (%u): %s", call, name, result, words);
}
