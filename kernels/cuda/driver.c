/*
 * dg_driver on CUDA's driver library.
 *
 * All sessions of a device share its primary context and one module, kept in a record with a count: made by
 * the first session, given back by the last. A session has streams and events of its own. The context is the
 * thread's between enter and leave only, on top of whatever the host has there.
 *
 * In a process forked after CUDA was started the driver is not touched at all, not even to clean up.
 */
#include "cuda.h"

#include "../targets.h"
#include "api.h"
#include "image.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUFFERS_MAX = 16 };

#define X(name, buffers, type) _Static_assert(buffers <= BUFFERS_MAX, "too many buffers: " #name);
DG_KERNEL_LIST(X)
#undef X

/* What the sessions of a device share. */
typedef struct record {
    struct record *next;
    dg_cuda_device device;
    dg_cuda_context context;
    dg_cuda_module module;
    dg_cuda_function functions[DG_KERNELS];
    uint32_t sessions;
} record;

struct dg_session {
    const dg_cuda_api *cu;
    record *shared;
    dg_cuda_stream streams[DG_QUEUES];
    dg_cuda_event events[DG_MARKS];
    uint32_t depth; /* of enter */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of the records */
static record *records;

/* Calls a function of the driver; needs `cu` and `err` in scope. */
#define TRY(name, ...) dg_cuda_check(cu, cu->name(__VA_ARGS__), #name, err)

/* --- what a device is --- */

static enum dg_code attribute(const dg_cuda_api *cu, unsigned int which, dg_cuda_device device, int *out,
                              dg_err *err)
{
    return TRY(cuDeviceGetAttribute, out, which, device);
}

static enum dg_code capability(const dg_cuda_api *cu, dg_cuda_device device, int *major, int *minor,
                               dg_err *err)
{
    if (attribute(cu, DG_CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device, major, err)) return err->code;
    return attribute(cu, DG_CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, device, minor, err);
}

/* "CUDA 13.0": the newest version the driver supports. */
static void name_version(const dg_cuda_api *cu, char *out, size_t size)
{
    snprintf(out, size, "CUDA %d.%d", cu->version / 1000, cu->version % 1000 / 10);
}

static enum dg_code find_device(const dg_cuda_api *cu, int number, dg_cuda_device *out, dg_err *err)
{
    if (number < 0 || number >= cu->devices)
        return dg_fail(err, DG_DEVICE_ERROR, "cuda: no device %d, devices are 0 to %d", number,
                       cu->devices - 1);
    return TRY(cuDeviceGet, out, number);
}

static enum dg_code identify(const dg_cuda_api *cu, dg_cuda_device device, dg_device_info *out, dg_err *err)
{
    int major, minor, units;
    size_t bytes;
    *out = (dg_device_info){.kind = DG_DEVICE_GPU, .doubles = 1, .vendor = "NVIDIA"};
    if (TRY(cuDeviceGetName, out->name, (int)sizeof out->name, device) ||
        capability(cu, device, &major, &minor, err) ||
        attribute(cu, DG_CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, device, &units, err) ||
        TRY(cuDeviceTotalMem, &bytes, device)) {
        *out = (dg_device_info){0};
        return err->code;
    }
    out->name[sizeof out->name - 1] = '\0';
    name_version(cu, out->driver, sizeof out->driver);
    snprintf(out->capability, sizeof out->capability, "%d.%d", major, minor);
    out->units = (uint32_t)units;
    out->memory_total = bytes;
    return DG_OK;
}

enum dg_code dg_cuda_probe(int number, dg_device_info *out, dg_err *err)
{
    dg_cuda_device device;
    *out = (dg_device_info){0};
    const dg_cuda_api *cu = dg_cuda_start(err);
    if (!cu || find_device(cu, number, &device, err)) return err->code;
    return identify(cu, device, out, err);
}

static enum dg_code describe(dg_session *session, dg_device_info *out, dg_err *err)
{
    const dg_cuda_api *cu = session->cu;
    size_t unused, total;
    if (identify(cu, session->shared->device, out, err)) return err->code;
    if (TRY(cuMemGetInfo, &unused, &total)) {
        *out = (dg_device_info){0};
        return err->code;
    }
    out->memory_free = unused;
    return DG_OK;
}

/* --- records --- */

static int cannot_run_image(dg_cuda_result result)
{
    switch (result) {
    case DG_CUDA_ERROR_INVALID_IMAGE:
    case DG_CUDA_ERROR_NO_BINARY_FOR_GPU:
    case DG_CUDA_ERROR_INVALID_PTX:
    case DG_CUDA_ERROR_JIT_COMPILER_NOT_FOUND:
    case DG_CUDA_ERROR_UNSUPPORTED_PTX_VERSION:
    case DG_CUDA_ERROR_JIT_COMPILATION_DISABLED:
    case DG_CUDA_ERROR_INVALID_SOURCE: return 1;
    default: return 0;
    }
}

/* Loads the image into the current context. A card newer than the build and a driver older than it are the
 * usual troubles, so the text names both. */
static enum dg_code load_module(const dg_cuda_api *cu, record *shared, dg_err *err)
{
    dg_cuda_result result = cu->cuModuleLoadData(&shared->module, dg_cuda_image());
    if (result != DG_CUDA_SUCCESS) {
        int major = 0, minor = 0;
        char version[32];
        dg_err cause = {DG_OK, ""}, ignored = {DG_OK, ""};
        shared->module = NULL;
        if (!cannot_run_image(result)) return dg_cuda_check(cu, result, "cuModuleLoadData", err);
        dg_cuda_check(cu, result, "cuModuleLoadData", &cause);
        capability(cu, shared->device, &major, &minor, &ignored);
        name_version(cu, version, sizeof version);
        return dg_fail(err, cause.code,
                       "%s; the device is an sm_%d%d, the driver supports %s, this build has code for %s",
                       cause.text, major, minor, version, dg_cuda_targets());
    }
    for (int k = 0; k < DG_KERNELS; k++)
        if (TRY(cuModuleGetFunction, &shared->functions[k], shared->module, dg_kernels[k].name))
            return err->code;
    return DG_OK;
}

/* For clean-up: twice, for a fault that passes must not leave anything behind. */
static int pushed(const dg_cuda_api *cu, dg_cuda_context context)
{
    return cu->cuCtxPushCurrent(context) == DG_CUDA_SUCCESS ||
           cu->cuCtxPushCurrent(context) == DG_CUDA_SUCCESS;
}

/* Takes one session off; the last gives context and module back. Called with the lock. */
static void drop_record(const dg_cuda_api *cu, record *shared)
{
    if (--shared->sessions > 0) return;
    for (record **link = &records; *link; link = &(*link)->next)
        if (*link == shared) {
            *link = shared->next;
            break;
        }
    if (shared->module && pushed(cu, shared->context)) {
        dg_cuda_context popped;
        cu->cuModuleUnload(shared->module);
        cu->cuCtxPopCurrent(&popped);
    }
    if (shared->context) cu->cuDevicePrimaryCtxRelease(shared->device);
    free(shared);
}

/* The record of a device, with one session more. Called with the lock. */
static record *take_record(const dg_cuda_api *cu, dg_cuda_device device, dg_err *err)
{
    dg_cuda_context popped;
    for (record *known = records; known; known = known->next)
        if (known->device == device) {
            known->sessions++;
            return known;
        }
    record *shared = calloc(1, sizeof *shared);
    if (!shared) {
        dg_fail_nomem(err, "a device");
        return NULL;
    }
    shared->device = device;
    shared->sessions = 1;
    shared->next = records;
    records = shared;
    if (TRY(cuDevicePrimaryCtxRetain, &shared->context, device)) {
        shared->context = NULL;
    } else if (TRY(cuCtxPushCurrent, shared->context) == DG_OK) {
        load_module(cu, shared, err);
        TRY(cuCtxPopCurrent, &popped);
    }
    if (err->code == DG_OK) return shared;
    drop_record(cu, shared);
    return NULL;
}

/* --- sessions --- */

static enum dg_code enter_session(dg_session *session, dg_err *err)
{
    const dg_cuda_api *cu = session->cu;
    if (dg_cuda_forked()) return dg_cuda_fail_forked(err);
    if (TRY(cuCtxPushCurrent, session->shared->context)) return err->code;
    session->depth++;
    return DG_OK;
}

static void leave_session(dg_session *session)
{
    dg_cuda_context popped;
    if (dg_cuda_forked() || session->depth == 0) return;
    session->depth--;
    session->cu->cuCtxPopCurrent(&popped);
}

/* For what clean-up calls, also where enter has failed: whether the driver may be called. Paired with
 * leave_cleanup. */
static int enter_cleanup(dg_session *session, int *entered, dg_err *err)
{
    *entered = 0;
    if (dg_cuda_forked()) {
        dg_cuda_fail_forked(err);
        return 0;
    }
    *entered = session->depth == 0 && enter_session(session, err) == DG_OK;
    return session->depth > 0;
}

static void leave_cleanup(dg_session *session, int entered)
{
    if (entered) leave_session(session);
}

/* Waits until nothing runs, as far as the device still answers. */
static void drain(dg_session *session)
{
    for (int q = 0; q < DG_QUEUES; q++)
        if (session->streams[q]) session->cu->cuStreamSynchronize(session->streams[q]);
}

static void close_session(dg_session *session)
{
    dg_err ignored = {DG_OK, ""};
    int entered;
    if (!session) return;
    if (dg_cuda_forked()) { /* the record is the parent's */
        free(session);
        return;
    }
    const dg_cuda_api *cu = session->cu;
    if (enter_cleanup(session, &entered, &ignored)) drain(session);
    for (int m = 0; m < DG_MARKS; m++)
        if (session->events[m]) cu->cuEventDestroy(session->events[m]);
    for (int q = 0; q < DG_QUEUES; q++)
        if (session->streams[q]) cu->cuStreamDestroy(session->streams[q]);
    leave_cleanup(session, entered);
    pthread_mutex_lock(&lock);
    drop_record(cu, session->shared);
    pthread_mutex_unlock(&lock);
    free(session);
}

static enum dg_code make_streams(dg_session *session, dg_err *err)
{
    const dg_cuda_api *cu = session->cu;
    for (int q = 0; q < DG_QUEUES; q++)
        if (TRY(cuStreamCreate, &session->streams[q], DG_CU_STREAM_NON_BLOCKING)) {
            session->streams[q] = NULL;
            return err->code;
        }
    for (int m = 0; m < DG_MARKS; m++)
        if (TRY(cuEventCreate, &session->events[m], DG_CU_EVENT_DISABLE_TIMING)) {
            session->events[m] = NULL;
            return err->code;
        }
    return DG_OK;
}

static enum dg_code open_session(int number, dg_session **out, dg_err *err)
{
    dg_cuda_device device;
    *out = NULL;
    const dg_cuda_api *cu = dg_cuda_start(err);
    if (!cu || find_device(cu, number, &device, err)) return err->code;
    dg_session *session = calloc(1, sizeof *session);
    if (!session) return dg_fail_nomem(err, "a session of a device");
    session->cu = cu;
    pthread_mutex_lock(&lock);
    session->shared = take_record(cu, device, err);
    pthread_mutex_unlock(&lock);
    if (!session->shared) {
        free(session);
        return err->code;
    }
    if (enter_session(session, err) == DG_OK) {
        make_streams(session, err);
        leave_session(session);
    }
    if (err->code) {
        close_session(session);
        return err->code;
    }
    *out = session;
    return DG_OK;
}

struct CUstream_st *dg_cuda_session_stream(const dg_session *session, enum dg_queue queue)
{
    return session->streams[queue];
}

/* --- memory and copies --- */

static dg_cuda_memory address(const void *memory)
{
    return (dg_cuda_memory)(uintptr_t)memory;
}

static enum dg_code allocate(dg_session *session, size_t bytes, void **memory, dg_err *err)
{
    const dg_cuda_api *cu = session->cu;
    dg_cuda_memory got;
    *memory = NULL;
    if (TRY(cuMemAlloc, &got, bytes)) return err->code;
    *memory = (void *)(uintptr_t)got;
    return DG_OK;
}

static void release(dg_session *session, void *memory)
{
    dg_err ignored = {DG_OK, ""};
    int entered;
    if (!memory) return;
    if (enter_cleanup(session, &entered, &ignored)) session->cu->cuMemFree(address(memory));
    leave_cleanup(session, entered);
}

static enum dg_code lock_memory(dg_session *session, size_t bytes, void **host, dg_err *err)
{
    const dg_cuda_api *cu = session->cu;
    *host = NULL;
    if (TRY(cuMemHostAlloc, host, bytes, DG_CU_MEMHOSTALLOC_PORTABLE)) {
        *host = NULL;
        return err->code;
    }
    return DG_OK;
}

/* After a failure copies may still be on their way into this memory. */
static void unlock_memory(dg_session *session, void *host)
{
    dg_err ignored = {DG_OK, ""};
    int entered;
    if (!host) return;
    if (enter_cleanup(session, &entered, &ignored)) {
        drain(session);
        session->cu->cuMemFreeHost(host);
    }
    leave_cleanup(session, entered);
}

static enum dg_code copy_in(dg_session *session, enum dg_queue queue, void *memory, size_t offset,
                            const void *host, size_t bytes, dg_err *err)
{
    const dg_cuda_api *cu = session->cu;
    if (bytes == 0) return DG_OK;
    return TRY(cuMemcpyHtoDAsync, address(memory) + offset, host, bytes, session->streams[queue]);
}

static enum dg_code copy_out(dg_session *session, enum dg_queue queue, const void *memory, size_t offset,
                             void *host, size_t bytes, dg_err *err)
{
    const dg_cuda_api *cu = session->cu;
    if (bytes == 0) return DG_OK;
    return TRY(cuMemcpyDtoHAsync, host, address(memory) + offset, bytes, session->streams[queue]);
}

/* --- work --- */

static enum dg_code launch(dg_session *session, enum dg_queue queue, enum dg_kernel kernel, uint32_t groups,
                           void *const *memory, const void *arguments, dg_err *err)
{
    const dg_cuda_api *cu = session->cu;
    uint32_t buffers = dg_kernels[kernel].buffers;
    dg_cuda_memory addresses[BUFFERS_MAX];
    void *parameters[BUFFERS_MAX + 1];
    for (uint32_t b = 0; b < buffers; b++) {
        addresses[b] = address(memory[b]);
        parameters[b] = &addresses[b];
    }
    parameters[buffers] = (void *)(uintptr_t)arguments;
    return TRY(cuLaunchKernel, session->shared->functions[kernel], groups, 1, 1, DG_GROUP, 1, 1, 0,
               session->streams[queue], parameters, NULL);
}

static enum dg_code mark(dg_session *session, enum dg_queue queue, uint32_t number, dg_err *err)
{
    const dg_cuda_api *cu = session->cu;
    int entered;
    if (!enter_cleanup(session, &entered, err)) return err->code;
    enum dg_code code = TRY(cuEventRecord, session->events[number], session->streams[queue]);
    leave_cleanup(session, entered);
    return code;
}

static enum dg_code after(dg_session *session, enum dg_queue queue, uint32_t number, dg_err *err)
{
    const dg_cuda_api *cu = session->cu;
    return TRY(cuStreamWaitEvent, session->streams[queue], session->events[number], 0);
}

static enum dg_code reached(dg_session *session, uint32_t number, int *out, dg_err *err)
{
    const dg_cuda_api *cu = session->cu;
    int entered;
    *out = 0;
    if (!enter_cleanup(session, &entered, err)) return err->code;
    dg_cuda_result result = cu->cuEventQuery(session->events[number]);
    leave_cleanup(session, entered);
    *out = result == DG_CUDA_SUCCESS;
    return result == DG_CUDA_ERROR_NOT_READY ? DG_OK : dg_cuda_check(cu, result, "cuEventQuery", err);
}

const dg_driver dg_cuda_driver = {
    .name = "cuda",
    .open = open_session,
    .close = close_session,
    .describe = describe,
    .enter = enter_session,
    .leave = leave_session,
    .allocate = allocate,
    .release = release,
    .lock = lock_memory,
    .unlock = unlock_memory,
    .copy_in = copy_in,
    .copy_out = copy_out,
    .launch = launch,
    .mark = mark,
    .after = after,
    .reached = reached,
};
