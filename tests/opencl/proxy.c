#include "proxy.h"

#include "../../kernels/opencl/api.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#pragma GCC visibility push(default)
#define X(name, result, parameters) result name parameters;
DG_OPENCL_FUNCTIONS(X)
#undef X
#pragma GCC visibility pop

enum kind { CONTEXT, QUEUE, PROGRAM, KERNEL, BUFFER, EVENT, MAPPING, KINDS };
static const char *const kind_names[KINDS] = {"context", "queue", "program", "kernel",
                                              "buffer",  "event", "mapping"};

enum function {
#define X(name, result, parameters) F_##name,
    DG_OPENCL_FUNCTIONS(X)
#undef X
        FUNCTIONS
};
static const char *const function_names[FUNCTIONS] = {
#define X(name, result, parameters) #name,
    DG_OPENCL_FUNCTIONS(X)
#undef X
};

/* X(name, value when not told) */
#define ORDERS(X)                                                                                            \
    X(fail, 0)                                                                                               \
    X(sticky, 0)                                                                                             \
    X(code, -5)                                                                                              \
    X(event, 0)                                                                                              \
    X(devices, -1)                                                                                           \
    X(platforms, -1)                                                                                         \
    X(gpu, 0)                                                                                                \
    X(memory, 0)                                                                                             \
    X(mapping, 1)                                                                                            \
    X(calm, 0)                                                                                               \
    X(flip, 0)                                                                                               \
    X(amd, 0)                                                                                                \
    X(doubles, 1)                                                                                            \
    X(broken, 0)                                                                                             \
    X(available, 1)                                                                                          \
    X(compiler, 1)                                                                                           \
    X(little, 1)                                                                                             \
    X(version, 0)                                                                                            \
    X(group, 0)                                                                                              \
    X(local, 0)

typedef struct orders {
#define X(name, value) long name;
    ORDERS(X)
#undef X
} orders;

static const orders defaults = {
#define X(name, value) .name = value,
    ORDERS(X)
#undef X
};

/* Something alive. */
typedef struct entry {
    enum kind kind;
    void *handle;
    size_t bytes; /* of a buffer; of an event: whether it is doomed to tell `code` */
    struct entry *next;
} entry;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static dg_opencl_functions real;
static orders told = defaults;
static unsigned long calls, commands, calls_of[FUNCTIONS], released_twice;
static size_t allocated;
static entry *alive;

/* --- orders --- */

static int obey(const char *words)
{
    told = defaults;
    calls = commands = 0;
    while (*(words += strspn(words, " "))) {
        char name[16];
        long value;
        int length;
        if (sscanf(words, "%15[a-z]=%ld%n", name, &value, &length) != 2) return -1;
        words += length;
#define X(known, unused)                                                                                     \
    if (strcmp(name, #known) == 0)                                                                           \
        told.known = value;                                                                                  \
    else
        ORDERS(X) return -1;
#undef X
    }
    return 0;
}

static void start(void)
{
    void *library = dlopen(DG_REAL_OPENCL, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fprintf(stderr, "proxy: %s\n", dlerror());
        exit(3);
    }
#define X(name, result, parameters) *(void **)&real.name = dlsym(library, #name);
    DG_OPENCL_FUNCTIONS(X)
#undef X
    const char *words = getenv("DUPGPU_PROXY");
    if (words && obey(words)) {
        fprintf(stderr, "proxy: cannot make sense of DUPGPU_PROXY=%s\n", words);
        exit(3);
    }
}

/* Counts a call. Returns 0, or the status with which it is to fail. */
static int32_t turn(enum function function)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start);
    pthread_mutex_lock(&lock);
    unsigned long n = ++calls, doomed = (unsigned long)told.fail;
    calls_of[function]++;
    int32_t status = doomed && (n == doomed || (told.sticky && n > doomed)) ? (int32_t)told.code : 0;
    pthread_mutex_unlock(&lock);
    return status;
}

#pragma GCC visibility push(default)
int dg_proxy(const char *words)
{
    pthread_mutex_lock(&lock);
    int result = obey(words);
    pthread_mutex_unlock(&lock);
    return result;
}

unsigned long dg_proxy_calls(void)
{
    return calls;
}

unsigned long dg_proxy_commands(void)
{
    return commands;
}

unsigned long dg_proxy_calls_of(const char *function)
{
    for (int i = 0; i < FUNCTIONS; i++)
        if (strcmp(function, function_names[i]) == 0) return calls_of[i];
    return 0;
}

const char *dg_proxy_ledger(void)
{
    static char text[400];
    unsigned count[KINDS] = {0};
    size_t used = 0;
    pthread_mutex_lock(&lock);
    for (const entry *e = alive; e; e = e->next) count[e->kind]++;
    text[0] = 0;
    for (int k = 0; k < KINDS; k++)
        if (count[k])
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%u %s%s", used ? ", " : "", count[k],
                                     kind_names[k], count[k] == 1 ? "" : "s");
    if (released_twice) snprintf(text + used, sizeof text - used, ", %lu released twice", released_twice);
    pthread_mutex_unlock(&lock);
    return text;
}
#pragma GCC visibility pop

/* --- the ledger --- */

static void *enter(enum kind kind, void *handle, size_t bytes)
{
    entry *e = malloc(sizeof *e);
    if (!e) abort();
    pthread_mutex_lock(&lock);
    *e = (entry){kind, handle, bytes, alive};
    alive = e;
    if (kind == BUFFER) allocated += bytes;
    pthread_mutex_unlock(&lock);
    return handle;
}

static void leave(enum kind kind, void *handle)
{
    pthread_mutex_lock(&lock);
    entry **link = &alive;
    while (*link && ((*link)->kind != kind || (*link)->handle != handle)) link = &(*link)->next;
    entry *gone = *link;
    if (gone) {
        *link = gone->next;
        if (kind == BUFFER) allocated -= gone->bytes;
    } else {
        released_twice++;
    }
    pthread_mutex_unlock(&lock);
    free(gone);
}

static int is_doomed(dg_cl_event event)
{
    int doomed = 0;
    pthread_mutex_lock(&lock);
    for (const entry *e = alive; e; e = e->next)
        if (e->kind == EVENT && e->handle == event) doomed = e->bytes != 0;
    pthread_mutex_unlock(&lock);
    return doomed;
}

/* An event that a command has made; `counts`: it is one of those that may be doomed. */
static void enter_event(dg_cl_event *event, int counts)
{
    pthread_mutex_lock(&lock);
    int doomed = counts && ++commands == (unsigned long)told.event;
    pthread_mutex_unlock(&lock);
    if (event) enter(EVENT, *event, (size_t)doomed);
}

/* --- the functions --- */

#define FAIL_IF_TOLD(name)                                                                                   \
    int32_t told_status = turn(F_##name);                                                                    \
    if (told_status) return told_status
#define FAIL_MAKING_IF_TOLD(name)                                                                            \
    int32_t told_status = turn(F_##name), status_here;                                                       \
    if (!status) status = &status_here;                                                                      \
    if (told_status) {                                                                                       \
        *status = told_status;                                                                               \
        return NULL;                                                                                         \
    }

int32_t clGetPlatformIDs(uint32_t room, dg_cl_platform *out, uint32_t *count)
{
    FAIL_IF_TOLD(clGetPlatformIDs);
    if (told.platforms == 0) {
        if (count) *count = 0;
        return DG_CL_PLATFORM_NOT_FOUND_KHR;
    }
    return real.clGetPlatformIDs(room, out, count);
}

int32_t clGetPlatformInfo(dg_cl_platform platform, uint32_t what, size_t bytes, void *value, size_t *needed)
{
    FAIL_IF_TOLD(clGetPlatformInfo);
    return real.clGetPlatformInfo(platform, what, bytes, value, needed);
}

int32_t clGetDeviceIDs(dg_cl_platform platform, uint64_t type, uint32_t room, dg_cl_device *out,
                       uint32_t *count)
{
    FAIL_IF_TOLD(clGetDeviceIDs);
    if (told.gpu)
        type = type == DG_CL_DEVICE_TYPE_GPU ? DG_CL_DEVICE_TYPE_CPU : DG_CL_DEVICE_TYPE_ACCELERATOR;
    if (told.devices == 0) return DG_CL_DEVICE_NOT_FOUND;
    return real.clGetDeviceIDs(platform, type, room, out, count);
}

static int32_t answer(const void *from, size_t size, size_t bytes, void *value, size_t *needed)
{
    if (needed) *needed = size;
    if (value && bytes < size) return DG_CL_INVALID_VALUE;
    if (value) memcpy(value, from, size);
    return 0;
}

int32_t clGetDeviceInfo(dg_cl_device device, uint32_t what, size_t bytes, void *value, size_t *needed)
{
    static const uint32_t no = 0;
    static const char amd_extensions[] = "cl_khr_fp64 cl_amd_device_attribute_query ";
    static const char amd_board[] = "Proxy Radeon";
    static const size_t amd_free[2] = {1000, 900};
    char version[64];
    size_t size = 0;
    uint64_t number = 0;
    FAIL_IF_TOLD(clGetDeviceInfo);
    switch (what) {
    case DG_CL_DEVICE_AVAILABLE:
        if (!told.available) return answer(&no, sizeof no, bytes, value, needed);
        break;
    case DG_CL_DEVICE_COMPILER_AVAILABLE:
        if (!told.compiler) return answer(&no, sizeof no, bytes, value, needed);
        break;
    case DG_CL_DEVICE_ENDIAN_LITTLE:
        if (!told.little) return answer(&no, sizeof no, bytes, value, needed);
        break;
    case DG_CL_DEVICE_VERSION:
        snprintf(version, sizeof version, "OpenCL %ld.%ld proxy ", told.version / 100, told.version % 100);
        if (told.version) return answer(version, strlen(version) + 1, bytes, value, needed);
        break;
    case DG_CL_DEVICE_MAX_WORK_GROUP_SIZE:
        size = (size_t)told.group;
        if (size) return answer(&size, sizeof size, bytes, value, needed);
        break;
    case DG_CL_DEVICE_LOCAL_MEM_SIZE:
        number = (uint64_t)told.local;
        if (number) return answer(&number, sizeof number, bytes, value, needed);
        break;
    case DG_CL_DEVICE_EXTENSIONS:
        if (told.amd) return answer(amd_extensions, sizeof amd_extensions, bytes, value, needed);
        if (!told.doubles) return answer("", 1, bytes, value, needed);
        break;
    case DG_CL_DEVICE_BOARD_NAME_AMD:
        if (told.amd) return answer(amd_board, sizeof amd_board, bytes, value, needed);
        break;
    case DG_CL_DEVICE_GLOBAL_FREE_MEMORY_AMD:
        if (told.amd) return answer(amd_free, sizeof amd_free, bytes, value, needed);
        break;
    case DG_CL_DEVICE_GLOBAL_MEM_SIZE:
    case DG_CL_DEVICE_MAX_MEM_ALLOC_SIZE:
        number = (uint64_t)told.memory;
        if (number) return answer(&number, sizeof number, bytes, value, needed);
    }
    return real.clGetDeviceInfo(device, what, bytes, value, needed);
}

dg_cl_context clCreateContext(const intptr_t *properties, uint32_t count, const dg_cl_device *devices,
                              dg_cl_context_notify *notify, void *data, int32_t *status)
{
    FAIL_MAKING_IF_TOLD(clCreateContext);
    dg_cl_context made = real.clCreateContext(properties, count, devices, notify, data, status);
    return *status ? NULL : enter(CONTEXT, made, 0);
}

dg_cl_queue clCreateCommandQueue(dg_cl_context context, dg_cl_device device, uint64_t properties,
                                 int32_t *status)
{
    FAIL_MAKING_IF_TOLD(clCreateCommandQueue);
    dg_cl_queue made = real.clCreateCommandQueue(context, device, properties, status);
    return *status ? NULL : enter(QUEUE, made, 0);
}

dg_cl_program clCreateProgramWithSource(dg_cl_context context, uint32_t count, const char **texts,
                                        const size_t *lengths, int32_t *status)
{
    static const char *broken[] = {"#error this source is broken\n"};
    FAIL_MAKING_IF_TOLD(clCreateProgramWithSource);
    dg_cl_program made = told.broken ? real.clCreateProgramWithSource(context, 1, broken, NULL, status)
                                     : real.clCreateProgramWithSource(context, count, texts, lengths, status);
    return *status ? NULL : enter(PROGRAM, made, 0);
}

dg_cl_program clCreateProgramWithBinary(dg_cl_context context, uint32_t count, const dg_cl_device *devices,
                                        const size_t *lengths, const unsigned char **binaries, int32_t *each,
                                        int32_t *status)
{
    FAIL_MAKING_IF_TOLD(clCreateProgramWithBinary);
    dg_cl_program made =
        real.clCreateProgramWithBinary(context, count, devices, lengths, binaries, each, status);
    return *status ? NULL : enter(PROGRAM, made, 0);
}

int32_t clBuildProgram(dg_cl_program program, uint32_t count, const dg_cl_device *devices,
                       const char *options, dg_cl_build_notify *notify, void *data)
{
    FAIL_IF_TOLD(clBuildProgram);
    return real.clBuildProgram(program, count, devices, options, notify, data);
}

int32_t clGetProgramBuildInfo(dg_cl_program program, dg_cl_device device, uint32_t what, size_t bytes,
                              void *value, size_t *needed)
{
    FAIL_IF_TOLD(clGetProgramBuildInfo);
    return real.clGetProgramBuildInfo(program, device, what, bytes, value, needed);
}

int32_t clGetProgramInfo(dg_cl_program program, uint32_t what, size_t bytes, void *value, size_t *needed)
{
    FAIL_IF_TOLD(clGetProgramInfo);
    return real.clGetProgramInfo(program, what, bytes, value, needed);
}

dg_cl_kernel clCreateKernel(dg_cl_program program, const char *name, int32_t *status)
{
    FAIL_MAKING_IF_TOLD(clCreateKernel);
    dg_cl_kernel made = real.clCreateKernel(program, name, status);
    return *status ? NULL : enter(KERNEL, made, 0);
}

int32_t clSetKernelArg(dg_cl_kernel kernel, uint32_t number, size_t bytes, const void *value)
{
    FAIL_IF_TOLD(clSetKernelArg);
    return real.clSetKernelArg(kernel, number, bytes, value);
}

dg_cl_mem clCreateBuffer(dg_cl_context context, uint64_t flags, size_t bytes, void *host, int32_t *status)
{
    FAIL_MAKING_IF_TOLD(clCreateBuffer);
    size_t limit = (size_t)told.memory, counted = flags & DG_CL_MEM_ALLOC_HOST_PTR ? 0 : bytes;
    if (limit && counted > limit) {
        *status = DG_CL_INVALID_BUFFER_SIZE;
        return NULL;
    }
    if (limit && allocated + counted > limit) {
        *status = DG_CL_MEM_OBJECT_ALLOCATION_FAILURE;
        return NULL;
    }
    dg_cl_mem made = real.clCreateBuffer(context, flags, bytes, host, status);
    return *status ? NULL : enter(BUFFER, made, counted);
}

void *clEnqueueMapBuffer(dg_cl_queue queue, dg_cl_mem memory, uint32_t blocking, uint64_t flags,
                         size_t offset, size_t bytes, uint32_t count, const dg_cl_event *events,
                         dg_cl_event *event, int32_t *status)
{
    FAIL_MAKING_IF_TOLD(clEnqueueMapBuffer);
    if (!told.mapping) {
        *status = DG_CL_MAP_FAILURE;
        return NULL;
    }
    void *made =
        real.clEnqueueMapBuffer(queue, memory, blocking, flags, offset, bytes, count, events, event, status);
    if (*status) return NULL;
    if (event) enter_event(event, 0);
    return enter(MAPPING, made, 0);
}

int32_t clEnqueueUnmapMemObject(dg_cl_queue queue, dg_cl_mem memory, void *host, uint32_t count,
                                const dg_cl_event *events, dg_cl_event *event)
{
    int32_t told_status = turn(F_clEnqueueUnmapMemObject);
    int32_t status = real.clEnqueueUnmapMemObject(queue, memory, host, count, events, event);
    if (status) return status;
    if (event) enter_event(event, 0);
    leave(MAPPING, host);
    return told_status;
}

int32_t clEnqueueWriteBuffer(dg_cl_queue queue, dg_cl_mem memory, uint32_t blocking, size_t offset,
                             size_t bytes, const void *from, uint32_t count, const dg_cl_event *events,
                             dg_cl_event *event)
{
    FAIL_IF_TOLD(clEnqueueWriteBuffer);
    int32_t status =
        real.clEnqueueWriteBuffer(queue, memory, blocking, offset, bytes, from, count, events, event);
    if (status == 0) enter_event(event, 1);
    return status;
}

int32_t clEnqueueReadBuffer(dg_cl_queue queue, dg_cl_mem memory, uint32_t blocking, size_t offset,
                            size_t bytes, void *to, uint32_t count, const dg_cl_event *events,
                            dg_cl_event *event)
{
    FAIL_IF_TOLD(clEnqueueReadBuffer);
    if (told.flip) blocking = DG_CL_TRUE;
    int32_t status =
        real.clEnqueueReadBuffer(queue, memory, blocking, offset, bytes, to, count, events, event);
    if (status) return status;
    for (size_t i = 0; told.flip && i < bytes; i += 64) ((unsigned char *)to)[i] ^= 1;
    enter_event(event, 1);
    return 0;
}

int32_t clEnqueueNDRangeKernel(dg_cl_queue queue, dg_cl_kernel kernel, uint32_t dimensions,
                               const size_t *offset, const size_t *lanes, const size_t *group, uint32_t count,
                               const dg_cl_event *events, dg_cl_event *event)
{
    FAIL_IF_TOLD(clEnqueueNDRangeKernel);
    int32_t status =
        real.clEnqueueNDRangeKernel(queue, kernel, dimensions, offset, lanes, group, count, events, event);
    if (status == 0) enter_event(event, 1);
    return status;
}

int32_t clEnqueueMarkerWithWaitList(dg_cl_queue queue, uint32_t count, const dg_cl_event *events,
                                    dg_cl_event *event)
{
    FAIL_IF_TOLD(clEnqueueMarkerWithWaitList);
    int32_t status = real.clEnqueueMarkerWithWaitList(queue, count, events, event);
    if (status == 0 && event) enter_event(event, 0);
    return status;
}

int32_t clEnqueueBarrierWithWaitList(dg_cl_queue queue, uint32_t count, const dg_cl_event *events,
                                     dg_cl_event *event)
{
    FAIL_IF_TOLD(clEnqueueBarrierWithWaitList);
    int32_t status = real.clEnqueueBarrierWithWaitList(queue, count, events, event);
    if (status == 0 && event) enter_event(event, 0);
    return status;
}

int32_t clGetEventInfo(dg_cl_event event, uint32_t what, size_t bytes, void *value, size_t *needed)
{
    FAIL_IF_TOLD(clGetEventInfo);
    int32_t status = real.clGetEventInfo(event, what, bytes, value, needed), *state = value;
    for (int i = 0; told.calm && i < 50000 && status == 0 && *state > DG_CL_COMPLETE; i++) {
        usleep(20);
        status = real.clGetEventInfo(event, what, bytes, value, needed);
    }
    if (status == 0 && what == DG_CL_EVENT_COMMAND_EXECUTION_STATUS && *state == DG_CL_COMPLETE &&
        is_doomed(event))
        *state = (int32_t)told.code;
    return status;
}

int32_t clFlush(dg_cl_queue queue)
{
    FAIL_IF_TOLD(clFlush);
    return real.clFlush(queue);
}

int32_t clFinish(dg_cl_queue queue)
{
    int32_t told_status = turn(F_clFinish), status = real.clFinish(queue);
    return told_status ? told_status : status;
}

#define RELEASE(name, type, kind)                                                                            \
    int32_t name(type gone)                                                                                  \
    {                                                                                                        \
        int32_t told_status = turn(F_##name);                                                                \
        leave(kind, gone);                                                                                   \
        int32_t status = real.name(gone);                                                                    \
        return told_status ? told_status : status;                                                           \
    }
RELEASE(clReleaseContext, dg_cl_context, CONTEXT)
RELEASE(clReleaseCommandQueue, dg_cl_queue, QUEUE)
RELEASE(clReleaseProgram, dg_cl_program, PROGRAM)
RELEASE(clReleaseKernel, dg_cl_kernel, KERNEL)
RELEASE(clReleaseMemObject, dg_cl_mem, BUFFER)
RELEASE(clReleaseEvent, dg_cl_event, EVENT)
