/*
 * The functions of NVIDIA's driver library that are used, found by dlopen: nothing of CUDA is needed to
 * build.
 *
 * Names, prototypes and numbers are those of cuda.h, 64-bit; tests/fake/test_cuda_header.c compares them with
 * the toolkit's where there is one. Where cuda.h maps a name to a newer version of it (cuMemAlloc to
 * cuMemAlloc_v2), the version is named here.
 */
#ifndef DG_CUDA_API_H
#define DG_CUDA_API_H

#include "../error.h"

#include <stddef.h>
#include <stdint.h>

typedef unsigned int dg_cuda_result;
typedef int dg_cuda_device;
typedef unsigned long long dg_cuda_memory;
typedef struct CUctx_st *dg_cuda_context;
typedef struct CUmod_st *dg_cuda_module;
typedef struct CUfunc_st *dg_cuda_function;
typedef struct CUstream_st *dg_cuda_stream;
typedef struct CUevent_st *dg_cuda_event;

/* X(name, version, parameters) */
#define DG_CUDA_FUNCTIONS(X)                                                                                 \
    X(cuGetErrorName, , (dg_cuda_result, const char **))                                                     \
    X(cuGetErrorString, , (dg_cuda_result, const char **))                                                   \
    X(cuInit, , (unsigned int))                                                                              \
    X(cuDriverGetVersion, , (int *))                                                                         \
    X(cuDeviceGetCount, , (int *))                                                                           \
    X(cuDeviceGet, , (dg_cuda_device *, int))                                                                \
    X(cuDeviceGetName, , (char *, int, dg_cuda_device))                                                      \
    X(cuDeviceGetAttribute, , (int *, unsigned int, dg_cuda_device))                                         \
    X(cuDeviceTotalMem, _v2, (size_t *, dg_cuda_device))                                                     \
    X(cuDevicePrimaryCtxRetain, , (dg_cuda_context *, dg_cuda_device))                                       \
    X(cuDevicePrimaryCtxRelease, _v2, (dg_cuda_device))                                                      \
    X(cuCtxPushCurrent, _v2, (dg_cuda_context))                                                              \
    X(cuCtxPopCurrent, _v2, (dg_cuda_context *))                                                             \
    X(cuModuleLoadData, , (dg_cuda_module *, const void *))                                                  \
    X(cuModuleUnload, , (dg_cuda_module))                                                                    \
    X(cuModuleGetFunction, , (dg_cuda_function *, dg_cuda_module, const char *))                             \
    X(cuMemGetInfo, _v2, (size_t *, size_t *))                                                               \
    X(cuMemAlloc, _v2, (dg_cuda_memory *, size_t))                                                           \
    X(cuMemFree, _v2, (dg_cuda_memory))                                                                      \
    X(cuMemHostAlloc, , (void **, size_t, unsigned int))                                                     \
    X(cuMemFreeHost, , (void *))                                                                             \
    X(cuMemcpyHtoDAsync, _v2, (dg_cuda_memory, const void *, size_t, dg_cuda_stream))                        \
    X(cuMemcpyDtoHAsync, _v2, (void *, dg_cuda_memory, size_t, dg_cuda_stream))                              \
    X(cuStreamCreate, , (dg_cuda_stream *, unsigned int))                                                    \
    X(cuStreamDestroy, _v2, (dg_cuda_stream))                                                                \
    X(cuStreamSynchronize, , (dg_cuda_stream))                                                               \
    X(cuStreamWaitEvent, , (dg_cuda_stream, dg_cuda_event, unsigned int))                                    \
    X(cuEventCreate, , (dg_cuda_event *, unsigned int))                                                      \
    X(cuEventDestroy, _v2, (dg_cuda_event))                                                                  \
    X(cuEventRecord, , (dg_cuda_event, dg_cuda_stream))                                                      \
    X(cuEventQuery, , (dg_cuda_event))                                                                       \
    X(cuLaunchKernel, ,                                                                                      \
      (dg_cuda_function, unsigned int, unsigned int, unsigned int, unsigned int, unsigned int, unsigned int, \
       unsigned int, dg_cuda_stream, void **, void **))

/* X(name in cuda.h, number); here with DG_ before it. */
#define DG_CUDA_NUMBERS(X)                                                                                   \
    X(CUDA_SUCCESS, 0)                                                                                       \
    X(CUDA_ERROR_OUT_OF_MEMORY, 2)                                                                           \
    X(CUDA_ERROR_NO_DEVICE, 100)                                                                             \
    X(CUDA_ERROR_INVALID_IMAGE, 200)                                                                         \
    X(CUDA_ERROR_NO_BINARY_FOR_GPU, 209)                                                                     \
    X(CUDA_ERROR_INVALID_PTX, 218)                                                                           \
    X(CUDA_ERROR_JIT_COMPILER_NOT_FOUND, 221)                                                                \
    X(CUDA_ERROR_UNSUPPORTED_PTX_VERSION, 222)                                                               \
    X(CUDA_ERROR_JIT_COMPILATION_DISABLED, 223)                                                              \
    X(CUDA_ERROR_INVALID_SOURCE, 300)                                                                        \
    X(CUDA_ERROR_NOT_READY, 600)                                                                             \
    X(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 16)                                                          \
    X(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 75)                                                      \
    X(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, 76)                                                      \
    X(CU_STREAM_NON_BLOCKING, 1)                                                                             \
    X(CU_EVENT_DISABLE_TIMING, 2)                                                                            \
    X(CU_MEMHOSTALLOC_PORTABLE, 1)

enum {
#define X(name, number) DG_##name = number,
    DG_CUDA_NUMBERS(X)
#undef X
};

typedef struct dg_cuda_api {
#define X(name, version, parameters) dg_cuda_result(*name) parameters;
    DG_CUDA_FUNCTIONS(X)
#undef X
    int version; /* of CUDA, as the driver supports it: 13000 is 13.0 */
    int devices;
} dg_cuda_api;

/*
 * The started driver, or NULL and DG_DEVICE_ERROR: no library, no device, or a process forked after CUDA was
 * started, in which the driver must not be touched. The first call decides for the process; any thread may
 * call. The answer stays valid.
 */
const dg_cuda_api *dg_cuda_start(dg_err *err);

/* Whether this process was forked from one in which CUDA had been started. */
int dg_cuda_forked(void);

/* Records dg_cuda_forked as an error. */
enum dg_code dg_cuda_fail_forked(dg_err *err);

/* DG_OK for DG_CUDA_SUCCESS, else "cuda: CALL: NAME (NUMBER): words", DG_DEVICE_NOMEM or DG_DEVICE_ERROR. */
enum dg_code dg_cuda_check(const dg_cuda_api *cu, dg_cuda_result result, const char *call, dg_err *err);

#endif
