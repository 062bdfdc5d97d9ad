#include "program.h"

#include "../device/kernels.h"
#include "cache.h"

#include <stdlib.h>
#include <string.h>

#ifdef __APPLE__
#define SECTION ".const_data"
#define SECTION_BACK ".text"
#define SYMBOL(name) "_" name
#else
#define SECTION ".pushsection .rodata"
#define SECTION_BACK ".popsection"
#define SYMBOL(name) name
#endif

/* The flattened kernels, and a zero behind. */
__asm__(SECTION "\n" SYMBOL("dg_opencl_source") ":\n"
                                                ".incbin \"" DG_OPENCL_SOURCE "\"\n"
                                                ".byte 0\n" SECTION_BACK "\n");
extern const char dg_opencl_source[];

/* A fused multiply-add rounds once where the host rounds twice. */
static const char contraction[] = "#pragma OPENCL FP_CONTRACT OFF\n";

/* dg_real of device/prelude.h. What is built without doubles is not launched where it matters. */
static const char *options_for(const dg_opencl_device *device)
{
    return atomic_load(&device->doubles) ? "-cl-std=CL1.2 -Ddg_real=double" : "-cl-std=CL1.2 -Ddg_real=float";
}

/* --- the cache --- */

static uint64_t hash_text(uint64_t hash, const char *text)
{
    return dg_opencl_cache_hash(hash, text, strlen(text) + 1);
}

/* 0 where the driver does not tell what it is: then nothing is cached. */
static int make_key(const dg_opencl_device *device, dg_opencl_cache_key *key)
{
    dg_err ignored = {0};
    char *platform = dg_opencl_platform_text(device->platform, DG_CL_PLATFORM_NAME, &ignored);
    char *version = dg_opencl_platform_text(device->platform, DG_CL_PLATFORM_VERSION, &ignored);
    char *name = dg_opencl_device_text(device->id, DG_CL_DEVICE_NAME, &ignored);
    char *driver = dg_opencl_device_text(device->id, DG_CL_DRIVER_VERSION, &ignored);
    int known = platform && version && name && driver;
    if (known) {
        key->device = hash_text(hash_text(DG_OPENCL_CACHE_HASH, platform), name);
        key->build = hash_text(hash_text(key->device, version), driver);
        key->build =
            hash_text(hash_text(hash_text(key->build, options_for(device)), contraction), dg_opencl_source);
    }
    free(platform);
    free(version);
    free(name);
    free(driver);
    return known;
}

static dg_cl_program from_cache(const dg_opencl_device *device, const dg_opencl_cache_key *key)
{
    size_t bytes = 0, kernels = 0;
    unsigned char *binary = dg_opencl_cache_read(key, &bytes);
    if (!binary) return NULL;
    const unsigned char *binaries[] = {binary};
    int32_t status = 0;
    dg_cl_program program =
        dg_opencl.clCreateProgramWithBinary(device->context, 1, &device->id, &bytes, binaries, NULL, &status);
    free(binary);
    if (status) return NULL;
    if (dg_opencl.clBuildProgram(program, 1, &device->id, options_for(device), NULL, NULL) ||
        dg_opencl.clGetProgramInfo(program, DG_CL_PROGRAM_NUM_KERNELS, sizeof kernels, &kernels, NULL) ||
        kernels != DG_KERNELS) {
        dg_opencl.clReleaseProgram(program);
        return NULL;
    }
    return program;
}

static void into_cache(dg_cl_program program, const dg_opencl_cache_key *key)
{
    size_t bytes = 0;
    if (dg_opencl.clGetProgramInfo(program, DG_CL_PROGRAM_BINARY_SIZES, sizeof bytes, &bytes, NULL) ||
        bytes == 0)
        return;
    unsigned char *binary = malloc(bytes);
    if (!binary) return;
    unsigned char *binaries[] = {binary};
    if (dg_opencl.clGetProgramInfo(program, DG_CL_PROGRAM_BINARIES, sizeof binaries, binaries, NULL) == 0)
        dg_opencl_cache_write(key, binary, bytes);
    free(binary);
}

/* --- the source --- */

/* Records that the build failed, and what the compiler said, on one line. */
static void fail_build(const dg_opencl_device *device, dg_cl_program program, int32_t status, dg_err *err)
{
    size_t bytes = 0;
    char *log = NULL;
    if (dg_opencl.clGetProgramBuildInfo(program, device->id, DG_CL_PROGRAM_BUILD_LOG, 0, NULL, &bytes) == 0)
        log = calloc(bytes + 1, 1);
    if (log &&
        dg_opencl.clGetProgramBuildInfo(program, device->id, DG_CL_PROGRAM_BUILD_LOG, bytes, log, NULL) ==
            0 &&
        log[0]) {
        for (char *c = log; *c; c++)
            if (*c == '\n' || *c == '\r') *c = ' ';
        dg_fail(err, DG_DEVICE_ERROR, "opencl: clBuildProgram: %s (%d): %s", dg_opencl_status_name(status),
                (int)status, log);
    }
    dg_opencl_result(status, "clBuildProgram", err);
    free(log);
}

static dg_cl_program from_source(const dg_opencl_device *device, dg_err *err)
{
    const char *source[] = {contraction, dg_opencl_source};
    int32_t status = 0;
    dg_cl_program program = dg_opencl.clCreateProgramWithSource(device->context, 2, source, NULL, &status);
    if (dg_opencl_result(status, "clCreateProgramWithSource", err)) return NULL;
    status = dg_opencl.clBuildProgram(program, 1, &device->id, options_for(device), NULL, NULL);
    if (status) {
        fail_build(device, program, status, err);
        dg_opencl.clReleaseProgram(program);
        return NULL;
    }
    return program;
}

dg_cl_program dg_opencl_program(const dg_opencl_device *device, dg_err *err)
{
    dg_opencl_cache_key key;
    int cached = device->kind != DG_DEVICE_CPU && make_key(device, &key);
    dg_cl_program program = cached ? from_cache(device, &key) : NULL;
    if (program) return program;
    program = from_source(device, err);
    if (program && cached) into_cache(program, &key);
    return program;
}
