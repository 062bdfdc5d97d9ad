/*
 * The functions of NVIDIA's library nvJPEG that are used, found by dlopen when they are first asked for:
 * nothing of it is needed to build.
 *
 * Names, prototypes and numbers are those of nvjpeg.h, 64-bit, of CUDA 11 to 13; tests/nvjpeg/test_nvjpeg.c
 * compares them with that header where there is one.
 */
#ifndef DG_CUDA_NVJPEG_API_H
#define DG_CUDA_NVJPEG_API_H

#include "api.h"

typedef unsigned int dg_nvjpeg_status;
typedef struct nvjpegHandle *dg_nvjpeg_handle;
typedef struct nvjpegJpegState *dg_nvjpeg_state;

enum { DG_NVJPEG_COMPONENTS = 4 };

/* Planes in device memory and the bytes from one row to the next. */
typedef struct dg_nvjpeg_image {
    unsigned char *channel[DG_NVJPEG_COMPONENTS];
    size_t pitch[DG_NVJPEG_COMPONENTS];
} dg_nvjpeg_image;

/* X(name, parameters) */
#define DG_NVJPEG_FUNCTIONS(X)                                                                               \
    X(nvjpegGetProperty, (unsigned int, int *))                                                              \
    X(nvjpegCreateSimple, (dg_nvjpeg_handle *))                                                              \
    X(nvjpegDestroy, (dg_nvjpeg_handle))                                                                     \
    X(nvjpegJpegStateCreate, (dg_nvjpeg_handle, dg_nvjpeg_state *))                                          \
    X(nvjpegJpegStateDestroy, (dg_nvjpeg_state))                                                             \
    X(nvjpegGetImageInfo, (dg_nvjpeg_handle, const unsigned char *, size_t, int *, int *, int *, int *))     \
    X(nvjpegDecode, (dg_nvjpeg_handle, dg_nvjpeg_state, const unsigned char *, size_t, unsigned int,         \
                     dg_nvjpeg_image *, dg_cuda_stream))

/* X(name in nvjpeg.h, number); here with DG_ before it. */
#define DG_NVJPEG_STATUSES(X)                                                                                \
    X(NVJPEG_STATUS_SUCCESS, 0)                                                                              \
    X(NVJPEG_STATUS_NOT_INITIALIZED, 1)                                                                      \
    X(NVJPEG_STATUS_INVALID_PARAMETER, 2)                                                                    \
    X(NVJPEG_STATUS_BAD_JPEG, 3)                                                                             \
    X(NVJPEG_STATUS_JPEG_NOT_SUPPORTED, 4)                                                                   \
    X(NVJPEG_STATUS_ALLOCATOR_FAILURE, 5)                                                                    \
    X(NVJPEG_STATUS_EXECUTION_FAILED, 6)                                                                     \
    X(NVJPEG_STATUS_ARCH_MISMATCH, 7)                                                                        \
    X(NVJPEG_STATUS_INTERNAL_ERROR, 8)                                                                       \
    X(NVJPEG_STATUS_IMPLEMENTATION_NOT_SUPPORTED, 9)                                                         \
    X(NVJPEG_STATUS_INCOMPLETE_BITSTREAM, 10)
#define DG_NVJPEG_NUMBERS(X)                                                                                 \
    DG_NVJPEG_STATUSES(X)                                                                                    \
    X(NVJPEG_OUTPUT_Y, 2)                                                                                    \
    X(NVJPEG_OUTPUT_RGBI, 5)                                                                                 \
    X(MAJOR_VERSION, 0)                                                                                      \
    X(MINOR_VERSION, 1)                                                                                      \
    X(PATCH_LEVEL, 2)

enum {
#define X(name, number) DG_##name = number,
    DG_NVJPEG_NUMBERS(X)
#undef X
};

typedef struct dg_nvjpeg_api {
#define X(name, parameters) dg_nvjpeg_status(*name) parameters;
    DG_NVJPEG_FUNCTIONS(X)
#undef X
} dg_nvjpeg_api;

/* The library, or NULL and DG_DEVICE_ERROR with the loader's words. The first call decides for the process;
 * any thread may call. The answer stays valid. */
const dg_nvjpeg_api *dg_nvjpeg_start(dg_err *err);

/* DG_OK for success, else "nvjpeg: CALL: NAME (NUMBER)", DG_DEVICE_NOMEM or DG_DEVICE_ERROR. */
enum dg_code dg_nvjpeg_check(dg_nvjpeg_status status, const char *call, dg_err *err);

#endif
