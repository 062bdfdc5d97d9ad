#include "devices.h"

#include "../device/kernels.h"
#include "program.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PLATFORMS_MAX = 32, /* more than that are not looked at */
    DEVICES_MAX = 64,
    LOCAL_BYTES = 32768, /* shared memory that kernels may use: device/prelude.h */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static dg_opencl_device devices[DEVICES_MAX];
static int device_count; /* 0: the list has not been made */

/*
 * The process that looked for OpenCL first, 0 before. It is set before the lock is taken, so that a child
 * forked while another thread held the lock turns back before it would wait for ever. `missing` holds the
 * loader's words where there was nothing to start: they are the child's answer too.
 */
static _Atomic pid_t owner;
static atomic_int is_missing;
static dg_err missing;

enum dg_code dg_opencl_usable(dg_err *err)
{
    pid_t first = atomic_load(&owner);
    if (first == 0 || first == getpid()) return DG_OK;
    if (atomic_load(&is_missing)) return dg_fail(err, DG_DEVICE_ERROR, "%s", missing.text);
    return dg_fail(err, DG_DEVICE_ERROR, "opencl: not usable in a process forked after OpenCL was started");
}

/* --- the list --- */

static char *trimmed(char *text)
{
    size_t begin = strspn(text, " \t\n"), end = strlen(text);
    while (end > begin && strchr(" \t\n", text[end - 1])) end--;
    memmove(text, text + begin, end - begin);
    text[end - begin] = 0;
    return text;
}

/* A text of the device, or of the platform where `id` is NULL. */
static char *text_of(dg_cl_platform platform, dg_cl_device id, uint32_t what, dg_err *err)
{
    const char *function = id ? "clGetDeviceInfo" : "clGetPlatformInfo";
    size_t bytes = 0;
    int32_t status = id ? dg_opencl.clGetDeviceInfo(id, what, 0, NULL, &bytes)
                        : dg_opencl.clGetPlatformInfo(platform, what, 0, NULL, &bytes);
    if (dg_opencl_result(status, function, err)) return NULL;
    char *text = calloc(bytes + 1, 1);
    if (!text) {
        dg_fail_nomem(err, "the description of a device");
        return NULL;
    }
    status = id ? dg_opencl.clGetDeviceInfo(id, what, bytes, text, NULL)
                : dg_opencl.clGetPlatformInfo(platform, what, bytes, text, NULL);
    if (dg_opencl_result(status, function, err)) {
        free(text);
        return NULL;
    }
    return trimmed(text);
}

char *dg_opencl_device_text(dg_cl_device id, uint32_t what, dg_err *err)
{
    return text_of(NULL, id, what, err);
}

char *dg_opencl_platform_text(dg_cl_platform platform, uint32_t what, dg_err *err)
{
    return text_of(platform, NULL, what, err);
}

static int is_listed(dg_cl_device id)
{
    for (int i = 0; i < device_count; i++)
        if (devices[i].id == id) return 1;
    return 0;
}

/* Adds the platform's devices of one type to the list; a device may be of several types. */
static enum dg_code add_devices(dg_cl_platform platform, uint64_t type, enum dg_device_kind kind, dg_err *err)
{
    dg_cl_device ids[DEVICES_MAX];
    uint32_t there = 0, room = (uint32_t)(DEVICES_MAX - device_count);
    if (room == 0) return DG_OK;
    int32_t status = dg_opencl.clGetDeviceIDs(platform, type, room, ids, &there);
    if (status == DG_CL_DEVICE_NOT_FOUND) return DG_OK;
    if (dg_opencl_result(status, "clGetDeviceIDs", err)) return err->code;
    for (uint32_t i = 0; i < there && i < room; i++) {
        if (is_listed(ids[i])) continue;
        dg_opencl_device *device = &devices[device_count++];
        device->platform = platform;
        device->id = ids[i];
        device->kind = kind;
    }
    return DG_OK;
}

/* A platform that fails hides only its own devices. */
static enum dg_code find_devices(dg_err *err)
{
    static const struct {
        uint64_t type;
        enum dg_device_kind kind;
    } order[] = {{DG_CL_DEVICE_TYPE_GPU, DG_DEVICE_GPU},
                 {DG_CL_DEVICE_TYPE_ACCELERATOR, DG_DEVICE_ACCELERATOR},
                 {DG_CL_DEVICE_TYPE_CPU, DG_DEVICE_CPU}};
    dg_cl_platform platforms[PLATFORMS_MAX];
    uint32_t count = 0;
    int32_t status = dg_opencl.clGetPlatformIDs(PLATFORMS_MAX, platforms, &count);
    if (status == 0 && count == 0) status = DG_CL_PLATFORM_NOT_FOUND_KHR;
    if (status == DG_CL_PLATFORM_NOT_FOUND_KHR)
        return dg_fail(err, DG_DEVICE_ERROR,
                       "opencl: clGetPlatformIDs: %s (%d): the loader is there, but no driver",
                       dg_opencl_status_name(status), (int)status);
    if (dg_opencl_result(status, "clGetPlatformIDs", err)) return err->code;
    if (count > PLATFORMS_MAX) count = PLATFORMS_MAX;
    dg_err first = {0};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        for (uint32_t p = 0; p < count; p++) add_devices(platforms[p], order[i].type, order[i].kind, &first);
    if (device_count) return DG_OK;
    if (first.code) return dg_fail(err, DG_DEVICE_ERROR, "%s", first.text);
    return dg_opencl_result(DG_CL_DEVICE_NOT_FOUND, "clGetDeviceIDs", err);
}

enum dg_code dg_opencl_load(dg_err *err)
{
    if (dg_opencl_usable(err)) return err->code;
    atomic_store(&owner, getpid());
    pthread_mutex_lock(&lock);
    enum dg_code code = DG_OK;
    if (device_count == 0) {
        dg_err why = {0};
        atomic_store(&is_missing, 0);
        if (dg_opencl_library(&why)) {
            missing = why;
            atomic_store(&is_missing, 1);
        } else {
            find_devices(&why);
        }
        if (why.code) code = dg_fail(err, why.code, "%s", why.text);
    }
    pthread_mutex_unlock(&lock);
    return code;
}

int dg_opencl_count(void)
{
    return device_count;
}

static dg_opencl_device *find(int number, dg_err *err)
{
    if (dg_opencl_usable(err)) return NULL;
    if (number >= 0 && number < device_count) return &devices[number];
    dg_fail(err, DG_DEVICE_ERROR, "opencl: no device %d, there %s %d", number,
            device_count == 1 ? "is" : "are", device_count);
    return NULL;
}

/* --- what a device is --- */

static enum dg_code copy_text(const dg_opencl_device *device, uint32_t what, char *out, size_t room,
                              dg_err *err)
{
    char *text = dg_opencl_device_text(device->id, what, err);
    if (!text) return err->code;
    snprintf(out, room, "%s", text);
    free(text);
    return DG_OK;
}

static enum dg_code number_of(const dg_opencl_device *device, uint32_t what, void *out, size_t bytes,
                              dg_err *err)
{
    return DG_OPENCL(err, clGetDeviceInfo, device->id, what, bytes, out, NULL);
}

static int has_extension(const dg_opencl_device *device, const char *name)
{
    dg_err ignored = {0};
    char *extensions = dg_opencl_device_text(device->id, DG_CL_DEVICE_EXTENSIONS, &ignored);
    int has = extensions && strstr(extensions, name);
    free(extensions);
    return has;
}

/* AMD's name of a device is that of its instruction set, its board's is what people know. */
static void describe_amd(const dg_opencl_device *device, dg_device_info *out)
{
    dg_err ignored = {0};
    size_t free_kilobytes[2] = {0, 0}; /* in all, and in one piece */
    copy_text(device, DG_CL_DEVICE_BOARD_NAME_AMD, out->name, sizeof out->name, &ignored);
    if (number_of(device, DG_CL_DEVICE_GLOBAL_FREE_MEMORY_AMD, free_kilobytes, sizeof free_kilobytes,
                  &ignored) == DG_OK)
        out->memory_free = (uint64_t)free_kilobytes[0] * 1024;
}

/* OpenCL cannot tell what is free: it is taken to be all that this process has not allocated. */
enum dg_code dg_opencl_describe(dg_opencl_device *device, dg_device_info *out, dg_err *err)
{
    *out = (dg_device_info){.kind = device->kind};
    if (copy_text(device, DG_CL_DEVICE_NAME, out->name, sizeof out->name, err) ||
        copy_text(device, DG_CL_DEVICE_VENDOR, out->vendor, sizeof out->vendor, err) ||
        copy_text(device, DG_CL_DRIVER_VERSION, out->driver, sizeof out->driver, err) ||
        copy_text(device, DG_CL_DEVICE_VERSION, out->capability, sizeof out->capability, err) ||
        number_of(device, DG_CL_DEVICE_MAX_COMPUTE_UNITS, &out->units, sizeof out->units, err) ||
        number_of(device, DG_CL_DEVICE_GLOBAL_MEM_SIZE, &out->memory_total, sizeof out->memory_total, err)) {
        *out = (dg_device_info){0};
        return err->code;
    }
    uint64_t allocated = atomic_load(&device->allocated);
    out->memory_free = out->memory_total > allocated ? out->memory_total - allocated : 0;
    out->doubles = atomic_load(&device->doubles);
    if (has_extension(device, "cl_amd_device_attribute_query")) describe_amd(device, out);
    return DG_OK;
}

enum dg_code dg_opencl_probe(int number, dg_device_info *out, dg_err *err)
{
    *out = (dg_device_info){0};
    dg_opencl_device *device = find(number, err);
    if (!device || dg_opencl_describe(device, out, err)) return err->code;
    out->memory_free = 0;
    return DG_OK;
}

/* DG_OK where the device can run our code. */
static enum dg_code check_suitable(const dg_opencl_device *device, dg_err *err)
{
    char version[64];
    unsigned major = 0, minor = 0;
    uint32_t available = 0, compiler = 0, little = 0;
    size_t group = 0;
    uint64_t local = 0;
    if (copy_text(device, DG_CL_DEVICE_VERSION, version, sizeof version, err) ||
        number_of(device, DG_CL_DEVICE_AVAILABLE, &available, sizeof available, err) ||
        number_of(device, DG_CL_DEVICE_COMPILER_AVAILABLE, &compiler, sizeof compiler, err) ||
        number_of(device, DG_CL_DEVICE_ENDIAN_LITTLE, &little, sizeof little, err) ||
        number_of(device, DG_CL_DEVICE_MAX_WORK_GROUP_SIZE, &group, sizeof group, err) ||
        number_of(device, DG_CL_DEVICE_LOCAL_MEM_SIZE, &local, sizeof local, err))
        return err->code;
    if (!available) return dg_fail(err, DG_DEVICE_ERROR, "opencl: the device is not available");
    if (!compiler) return dg_fail(err, DG_DEVICE_ERROR, "opencl: the device has no compiler");
    if (!little) return dg_fail(err, DG_DEVICE_ERROR, "opencl: the device is big-endian");
    if (sscanf(version, "OpenCL %u.%u", &major, &minor) != 2 || major * 100 + minor < 102)
        return dg_fail(err, DG_DEVICE_ERROR, "opencl: the device has \"%s\", 1.2 is needed", version);
    if (group < DG_GROUP)
        return dg_fail(err, DG_DEVICE_ERROR, "opencl: the device has groups of at most %zu, %d are needed",
                       group, (int)DG_GROUP);
    if (local < LOCAL_BYTES)
        return dg_fail(err, DG_DEVICE_ERROR,
                       "opencl: the device has %llu bytes of local memory, %d are needed",
                       (unsigned long long)local, (int)LOCAL_BYTES);
    return DG_OK;
}

/* --- what sessions share --- */

static enum dg_code find_doubles(dg_opencl_device *device, dg_err *err)
{
    char *extensions = dg_opencl_device_text(device->id, DG_CL_DEVICE_EXTENSIONS, err);
    if (!extensions) return err->code;
    atomic_store(&device->doubles, strstr(extensions, "cl_khr_fp64") != NULL);
    free(extensions);
    return DG_OK;
}

static enum dg_code make_shared(dg_opencl_device *device, dg_err *err)
{
    const intptr_t properties[] = {DG_CL_CONTEXT_PLATFORM, (intptr_t)device->platform, 0};
    int32_t status = 0;
    if (check_suitable(device, err) || find_doubles(device, err)) return err->code;
    device->context = dg_opencl.clCreateContext(properties, 1, &device->id, NULL, NULL, &status);
    if (dg_opencl_result(status, "clCreateContext", err)) {
        device->context = NULL;
        return err->code;
    }
    device->program = dg_opencl_program(device, err);
    if (!device->program) {
        dg_opencl.clReleaseContext(device->context);
        device->context = NULL;
    }
    return err->code;
}

enum dg_code dg_opencl_acquire(int number, dg_opencl_device **out, dg_err *err)
{
    *out = NULL;
    dg_opencl_device *device = find(number, err);
    if (!device) return err->code;
    pthread_mutex_lock(&lock);
    if (device->sessions > 0 || make_shared(device, err) == DG_OK) {
        device->sessions++;
        *out = device;
    }
    pthread_mutex_unlock(&lock);
    return *out ? DG_OK : err->code;
}

void dg_opencl_release(dg_opencl_device *device)
{
    pthread_mutex_lock(&lock);
    if (--device->sessions == 0) {
        dg_opencl.clReleaseProgram(device->program);
        dg_opencl.clReleaseContext(device->context);
        device->program = NULL;
        device->context = NULL;
    }
    pthread_mutex_unlock(&lock);
}
