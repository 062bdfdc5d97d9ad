/*
 * The functions of an OpenCL library that are used, found by dlopen: nothing of OpenCL is needed to build.
 *
 * Names, prototypes and numbers are those of CL/cl.h, version 1.2; tests/opencl/test_opencl_header.c compares
 * them with the real ones. A library can be looked at from several threads, but never from a process forked
 * after it was first used: its threads and its connection to the device stay behind in the parent.
 */
#ifndef DG_OPENCL_API_H
#define DG_OPENCL_API_H

#include "../error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct _cl_platform_id *dg_cl_platform;
typedef struct _cl_device_id *dg_cl_device;
typedef struct _cl_context *dg_cl_context;
typedef struct _cl_command_queue *dg_cl_queue;
typedef struct _cl_mem *dg_cl_mem;
typedef struct _cl_program *dg_cl_program;
typedef struct _cl_kernel *dg_cl_kernel;
typedef struct _cl_event *dg_cl_event;

/* Told of errors of a context; never given. */
typedef void dg_cl_context_notify(const char *, const void *, size_t, void *);
typedef void dg_cl_build_notify(dg_cl_program, void *);

/* X(name, result, parameters) */
#define DG_OPENCL_FUNCTIONS(X)                                                                               \
    X(clGetPlatformIDs, int32_t, (uint32_t, dg_cl_platform *, uint32_t *))                                   \
    X(clGetPlatformInfo, int32_t, (dg_cl_platform, uint32_t, size_t, void *, size_t *))                      \
    X(clGetDeviceIDs, int32_t, (dg_cl_platform, uint64_t, uint32_t, dg_cl_device *, uint32_t *))             \
    X(clGetDeviceInfo, int32_t, (dg_cl_device, uint32_t, size_t, void *, size_t *))                          \
    X(clCreateContext, dg_cl_context,                                                                        \
      (const intptr_t *, uint32_t, const dg_cl_device *, dg_cl_context_notify *, void *, int32_t *))         \
    X(clReleaseContext, int32_t, (dg_cl_context))                                                            \
    X(clCreateCommandQueue, dg_cl_queue, (dg_cl_context, dg_cl_device, uint64_t, int32_t *))                 \
    X(clReleaseCommandQueue, int32_t, (dg_cl_queue))                                                         \
    X(clCreateProgramWithSource, dg_cl_program,                                                              \
      (dg_cl_context, uint32_t, const char **, const size_t *, int32_t *))                                   \
    X(clCreateProgramWithBinary, dg_cl_program,                                                              \
      (dg_cl_context, uint32_t, const dg_cl_device *, const size_t *, const unsigned char **, int32_t *,     \
       int32_t *))                                                                                           \
    X(clBuildProgram, int32_t,                                                                               \
      (dg_cl_program, uint32_t, const dg_cl_device *, const char *, dg_cl_build_notify *, void *))           \
    X(clGetProgramBuildInfo, int32_t, (dg_cl_program, dg_cl_device, uint32_t, size_t, void *, size_t *))     \
    X(clGetProgramInfo, int32_t, (dg_cl_program, uint32_t, size_t, void *, size_t *))                        \
    X(clReleaseProgram, int32_t, (dg_cl_program))                                                            \
    X(clCreateKernel, dg_cl_kernel, (dg_cl_program, const char *, int32_t *))                                \
    X(clSetKernelArg, int32_t, (dg_cl_kernel, uint32_t, size_t, const void *))                               \
    X(clReleaseKernel, int32_t, (dg_cl_kernel))                                                              \
    X(clCreateBuffer, dg_cl_mem, (dg_cl_context, uint64_t, size_t, void *, int32_t *))                       \
    X(clReleaseMemObject, int32_t, (dg_cl_mem))                                                              \
    X(clEnqueueMapBuffer, void *,                                                                            \
      (dg_cl_queue, dg_cl_mem, uint32_t, uint64_t, size_t, size_t, uint32_t, const dg_cl_event *,            \
       dg_cl_event *, int32_t *))                                                                            \
    X(clEnqueueUnmapMemObject, int32_t,                                                                      \
      (dg_cl_queue, dg_cl_mem, void *, uint32_t, const dg_cl_event *, dg_cl_event *))                        \
    X(clEnqueueWriteBuffer, int32_t,                                                                         \
      (dg_cl_queue, dg_cl_mem, uint32_t, size_t, size_t, const void *, uint32_t, const dg_cl_event *,        \
       dg_cl_event *))                                                                                       \
    X(clEnqueueReadBuffer, int32_t,                                                                          \
      (dg_cl_queue, dg_cl_mem, uint32_t, size_t, size_t, void *, uint32_t, const dg_cl_event *,              \
       dg_cl_event *))                                                                                       \
    X(clEnqueueNDRangeKernel, int32_t,                                                                       \
      (dg_cl_queue, dg_cl_kernel, uint32_t, const size_t *, const size_t *, const size_t *, uint32_t,        \
       const dg_cl_event *, dg_cl_event *))                                                                  \
    X(clEnqueueMarkerWithWaitList, int32_t, (dg_cl_queue, uint32_t, const dg_cl_event *, dg_cl_event *))     \
    X(clEnqueueBarrierWithWaitList, int32_t, (dg_cl_queue, uint32_t, const dg_cl_event *, dg_cl_event *))    \
    X(clGetEventInfo, int32_t, (dg_cl_event, uint32_t, size_t, void *, size_t *))                            \
    X(clReleaseEvent, int32_t, (dg_cl_event))                                                                \
    X(clFlush, int32_t, (dg_cl_queue))                                                                       \
    X(clFinish, int32_t, (dg_cl_queue))

/* X(name without CL_, value): the numbers of cl.h. */
#define DG_OPENCL_CONSTANTS(X)                                                                               \
    X(TRUE, 1)                                                                                               \
    X(FALSE, 0)                                                                                              \
    X(COMPLETE, 0)                                                                                           \
    X(DEVICE_TYPE_CPU, 2)                                                                                    \
    X(DEVICE_TYPE_GPU, 4)                                                                                    \
    X(DEVICE_TYPE_ACCELERATOR, 8)                                                                            \
    X(PLATFORM_VERSION, 0x0901)                                                                              \
    X(PLATFORM_NAME, 0x0902)                                                                                 \
    X(DEVICE_MAX_COMPUTE_UNITS, 0x1002)                                                                      \
    X(DEVICE_MAX_WORK_GROUP_SIZE, 0x1004)                                                                    \
    X(DEVICE_MAX_MEM_ALLOC_SIZE, 0x1010)                                                                     \
    X(DEVICE_GLOBAL_MEM_SIZE, 0x101F)                                                                        \
    X(DEVICE_LOCAL_MEM_SIZE, 0x1023)                                                                         \
    X(DEVICE_ENDIAN_LITTLE, 0x1026)                                                                          \
    X(DEVICE_AVAILABLE, 0x1027)                                                                              \
    X(DEVICE_COMPILER_AVAILABLE, 0x1028)                                                                     \
    X(DEVICE_NAME, 0x102B)                                                                                   \
    X(DEVICE_VENDOR, 0x102C)                                                                                 \
    X(DRIVER_VERSION, 0x102D)                                                                                \
    X(DEVICE_VERSION, 0x102F)                                                                                \
    X(DEVICE_EXTENSIONS, 0x1030)                                                                             \
    X(DEVICE_BOARD_NAME_AMD, 0x4038)                                                                         \
    X(DEVICE_GLOBAL_FREE_MEMORY_AMD, 0x4039)                                                                 \
    X(CONTEXT_PLATFORM, 0x1084)                                                                              \
    X(MEM_READ_WRITE, 1)                                                                                     \
    X(MEM_ALLOC_HOST_PTR, 16)                                                                                \
    X(MAP_READ, 1)                                                                                           \
    X(MAP_WRITE, 2)                                                                                          \
    X(PROGRAM_BINARY_SIZES, 0x1165)                                                                          \
    X(PROGRAM_BINARIES, 0x1166)                                                                              \
    X(PROGRAM_NUM_KERNELS, 0x1167)                                                                           \
    X(PROGRAM_BUILD_LOG, 0x1183)                                                                             \
    X(EVENT_COMMAND_EXECUTION_STATUS, 0x11D3)

enum {
#define X(name, value) DG_CL_##name = value,
    DG_OPENCL_CONSTANTS(X)
#undef X
};

/* X(name without CL_, value): what calls and commands answer when they fail. */
#define DG_OPENCL_ERRORS(X)                                                                                  \
    X(DEVICE_NOT_FOUND, -1)                                                                                  \
    X(DEVICE_NOT_AVAILABLE, -2)                                                                              \
    X(COMPILER_NOT_AVAILABLE, -3)                                                                            \
    X(MEM_OBJECT_ALLOCATION_FAILURE, -4)                                                                     \
    X(OUT_OF_RESOURCES, -5)                                                                                  \
    X(OUT_OF_HOST_MEMORY, -6)                                                                                \
    X(PROFILING_INFO_NOT_AVAILABLE, -7)                                                                      \
    X(MEM_COPY_OVERLAP, -8)                                                                                  \
    X(IMAGE_FORMAT_MISMATCH, -9)                                                                             \
    X(IMAGE_FORMAT_NOT_SUPPORTED, -10)                                                                       \
    X(BUILD_PROGRAM_FAILURE, -11)                                                                            \
    X(MAP_FAILURE, -12)                                                                                      \
    X(MISALIGNED_SUB_BUFFER_OFFSET, -13)                                                                     \
    X(EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST, -14)                                                        \
    X(COMPILE_PROGRAM_FAILURE, -15)                                                                          \
    X(LINKER_NOT_AVAILABLE, -16)                                                                             \
    X(LINK_PROGRAM_FAILURE, -17)                                                                             \
    X(DEVICE_PARTITION_FAILED, -18)                                                                          \
    X(KERNEL_ARG_INFO_NOT_AVAILABLE, -19)                                                                    \
    X(INVALID_VALUE, -30)                                                                                    \
    X(INVALID_DEVICE_TYPE, -31)                                                                              \
    X(INVALID_PLATFORM, -32)                                                                                 \
    X(INVALID_DEVICE, -33)                                                                                   \
    X(INVALID_CONTEXT, -34)                                                                                  \
    X(INVALID_QUEUE_PROPERTIES, -35)                                                                         \
    X(INVALID_COMMAND_QUEUE, -36)                                                                            \
    X(INVALID_HOST_PTR, -37)                                                                                 \
    X(INVALID_MEM_OBJECT, -38)                                                                               \
    X(INVALID_IMAGE_FORMAT_DESCRIPTOR, -39)                                                                  \
    X(INVALID_IMAGE_SIZE, -40)                                                                               \
    X(INVALID_SAMPLER, -41)                                                                                  \
    X(INVALID_BINARY, -42)                                                                                   \
    X(INVALID_BUILD_OPTIONS, -43)                                                                            \
    X(INVALID_PROGRAM, -44)                                                                                  \
    X(INVALID_PROGRAM_EXECUTABLE, -45)                                                                       \
    X(INVALID_KERNEL_NAME, -46)                                                                              \
    X(INVALID_KERNEL_DEFINITION, -47)                                                                        \
    X(INVALID_KERNEL, -48)                                                                                   \
    X(INVALID_ARG_INDEX, -49)                                                                                \
    X(INVALID_ARG_VALUE, -50)                                                                                \
    X(INVALID_ARG_SIZE, -51)                                                                                 \
    X(INVALID_KERNEL_ARGS, -52)                                                                              \
    X(INVALID_WORK_DIMENSION, -53)                                                                           \
    X(INVALID_WORK_GROUP_SIZE, -54)                                                                          \
    X(INVALID_WORK_ITEM_SIZE, -55)                                                                           \
    X(INVALID_GLOBAL_OFFSET, -56)                                                                            \
    X(INVALID_EVENT_WAIT_LIST, -57)                                                                          \
    X(INVALID_EVENT, -58)                                                                                    \
    X(INVALID_OPERATION, -59)                                                                                \
    X(INVALID_GL_OBJECT, -60)                                                                                \
    X(INVALID_BUFFER_SIZE, -61)                                                                              \
    X(INVALID_MIP_LEVEL, -62)                                                                                \
    X(INVALID_GLOBAL_WORK_SIZE, -63)                                                                         \
    X(INVALID_PROPERTY, -64)                                                                                 \
    X(INVALID_IMAGE_DESCRIPTOR, -65)                                                                         \
    X(INVALID_COMPILER_OPTIONS, -66)                                                                         \
    X(INVALID_LINKER_OPTIONS, -67)                                                                           \
    X(INVALID_DEVICE_PARTITION_COUNT, -68)                                                                   \
    X(INVALID_PIPE_SIZE, -69)                                                                                \
    X(INVALID_DEVICE_QUEUE, -70)                                                                             \
    X(INVALID_SPEC_ID, -71)                                                                                  \
    X(MAX_SIZE_RESTRICTION_EXCEEDED, -72)                                                                    \
    X(PLATFORM_NOT_FOUND_KHR, -1001)

enum {
#define X(name, value) DG_CL_##name = value,
    DG_OPENCL_ERRORS(X)
#undef X
};

/* The library's functions; filled in by dg_opencl_library. */
typedef struct dg_opencl_functions {
#define X(name, result, parameters) result(*name) parameters;
    DG_OPENCL_FUNCTIONS(X)
#undef X
} dg_opencl_functions;

extern dg_opencl_functions dg_opencl;

/* Opens the library and finds its functions. Done once; not from two threads at a time. DG_DEVICE_ERROR with
 * the loader's words. */
enum dg_code dg_opencl_library(dg_err *err);

/*
 * What `function` answered, as a code: DG_OK, DG_DEVICE_NOMEM where memory was too small, or DG_DEVICE_ERROR;
 * with the text "opencl: clCreateBuffer: CL_MEM_OBJECT_ALLOCATION_FAILURE (-4)".
 */
enum dg_code dg_opencl_result(int32_t status, const char *function, dg_err *err);

/* Calls a function that answers a status; an expression of type dg_code. */
#define DG_OPENCL(err, function, ...) dg_opencl_result(dg_opencl.function(__VA_ARGS__), #function, err)

/* "CL_OUT_OF_RESOURCES" for -5; "unknown status" where there is no name. */
const char *dg_opencl_status_name(int32_t status);

#endif
