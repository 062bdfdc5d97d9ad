/* The driver's functions. Each takes the lock, counts, strikes where a fault is due, and else does its work.
 */
#include "fake.h"

#include "../../kernels/device/kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define X(name, version, parameters) EXPORT dg_cuda_result name##version parameters;
DG_CUDA_FUNCTIONS(X)
#undef X

enum {
    STACK = 64,
    POISON = 0xa5,
    POISONED = 1 << 16, /* bytes at the front of new memory */
};

static const uint64_t tag = (uint64_t)0xd6 << 56; /* makes an address that no processor takes */

static _Thread_local object *stack[STACK]; /* this thread's contexts */
static _Thread_local int depth;

/* --- frame of a call --- */

/* Enters a call: DG_CUDA_SUCCESS, or the fault that strikes it. */
static dg_cuda_result begin(const char *call)
{
    fake_lock();
    fake.calls++;
    if (!fake.initialized && strcmp(call, "cuInit") != 0 && strcmp(call, "cuDriverGetVersion") != 0) {
        fake_violation("%s before cuInit", call);
        return NOT_INITIALIZED;
    }
    if (fake.fail_at == 0 || fake.calls < fake.fail_at || (fake.calls > fake.fail_at && !fake.fail_sticky))
        return DG_CUDA_SUCCESS;
    fake.failed = 1;
    return fake.fail_code;
}

static dg_cuda_result end(dg_cuda_result result)
{
    fake_unlock();
    return result;
}

/* A call that does nothing when a fault strikes. */
#define CALL(work)                                                                                           \
    do {                                                                                                     \
        dg_cuda_result struck = begin(__func__);                                                             \
        return end(struck ? struck : (work));                                                                \
    } while (0)

/* One that gives something back all the same. */
#define GIVE_BACK(work)                                                                                      \
    do {                                                                                                     \
        dg_cuda_result struck = begin(__func__), result = (work);                                            \
        return end(struck ? struck : result);                                                                \
    } while (0)

static object *current(const char *call)
{
    if (depth > 0 && fake_find(CONTEXT, stack[depth - 1])) return stack[depth - 1];
    fake_violation("%s without a current context", call);
    return NULL;
}

/* The object behind a handle, of the current context. */
static object *known(kind what, const void *handle, const char *call)
{
    object *context = current(call);
    object *thing = context ? fake_find(what, handle) : NULL;
    if (context && !thing) fake_violation(handle ? "%s with a handle of nothing" : "%s with no handle", call);
    if (thing && thing->context != context) {
        fake_violation("%s with a thing of another context", call);
        return NULL;
    }
    return thing;
}

/* --- words --- */

static const struct {
    dg_cuda_result code;
    const char *name, *words;
} errors[] = {
    {DG_CUDA_SUCCESS, "CUDA_SUCCESS", "no error"},
    {INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {DG_CUDA_ERROR_OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {DG_CUDA_ERROR_NO_DEVICE, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {DG_CUDA_ERROR_INVALID_IMAGE, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {DG_CUDA_ERROR_NO_BINARY_FOR_GPU, "CUDA_ERROR_NO_BINARY_FOR_GPU",
     "no kernel image is available for execution on the device"},
    {DG_CUDA_ERROR_INVALID_PTX, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"},
    {DG_CUDA_ERROR_UNSUPPORTED_PTX_VERSION, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION",
     "the provided PTX was compiled with an unsupported toolchain."},
    {INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {DG_CUDA_ERROR_NOT_READY, "CUDA_ERROR_NOT_READY", "device not ready"},
    {LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {999, "CUDA_ERROR_UNKNOWN", "unknown error"},
};

dg_cuda_result cuGetErrorName(dg_cuda_result code, const char **out)
{
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].code == code) {
            *out = errors[i].name;
            return DG_CUDA_SUCCESS;
        }
    *out = NULL;
    return INVALID_VALUE;
}

dg_cuda_result cuGetErrorString(dg_cuda_result code, const char **out)
{
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].code == code) {
            *out = errors[i].words;
            return DG_CUDA_SUCCESS;
        }
    *out = NULL;
    return INVALID_VALUE;
}

/* --- driver and devices --- */

static dg_cuda_result initialize(unsigned int flags)
{
    if (flags) return INVALID_VALUE;
    if (fake.devices == 0) return DG_CUDA_ERROR_NO_DEVICE;
    fake.initialized = 1;
    return DG_CUDA_SUCCESS;
}

dg_cuda_result cuInit(unsigned int flags)
{
    CALL(initialize(flags));
}

dg_cuda_result cuDriverGetVersion(int *out)
{
    CALL((*out = 12020, DG_CUDA_SUCCESS));
}

dg_cuda_result cuDeviceGetCount(int *out)
{
    CALL((*out = fake.devices, DG_CUDA_SUCCESS));
}

static int is_device(dg_cuda_device device)
{
    return device >= 0 && device < fake.devices;
}

dg_cuda_result cuDeviceGet(dg_cuda_device *out, int number)
{
    CALL(is_device(number) ? (*out = number, DG_CUDA_SUCCESS) : INVALID_DEVICE);
}

static dg_cuda_result name_device(char *out, int size, dg_cuda_device device)
{
    if (!is_device(device)) return INVALID_DEVICE;
    snprintf(out, (size_t)size, "Fake GPU %d", device);
    return DG_CUDA_SUCCESS;
}

dg_cuda_result cuDeviceGetName(char *out, int size, dg_cuda_device device)
{
    CALL(name_device(out, size, device));
}

static dg_cuda_result attribute(int *out, unsigned int which, dg_cuda_device device)
{
    if (!is_device(device)) return INVALID_DEVICE;
    switch (which) {
    case DG_CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: *out = 4; break;
    case DG_CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: *out = 9; break;
    case DG_CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *out = 0; break;
    default:
        fake_violation("attribute %u is not one this driver was asked to know", which);
        return INVALID_VALUE;
    }
    return DG_CUDA_SUCCESS;
}

dg_cuda_result cuDeviceGetAttribute(int *out, unsigned int which, dg_cuda_device device)
{
    CALL(attribute(out, which, device));
}

dg_cuda_result cuDeviceTotalMem_v2(size_t *out, dg_cuda_device device)
{
    CALL(is_device(device) ? (*out = fake.memory, DG_CUDA_SUCCESS) : INVALID_DEVICE);
}

/* --- contexts --- */

static object *context_of(dg_cuda_device device)
{
    for (object *thing = fake.objects; thing; thing = thing->next)
        if (thing->what == CONTEXT && thing->device == device) return thing;
    return NULL;
}

static dg_cuda_result retain(dg_cuda_context *out, dg_cuda_device device)
{
    if (!is_device(device)) return INVALID_DEVICE;
    object *context = context_of(device);
    if (!context) context = fake_add(CONTEXT, NULL);
    context->device = device;
    context->retained++;
    *out = (dg_cuda_context)context;
    return DG_CUDA_SUCCESS;
}

dg_cuda_result cuDevicePrimaryCtxRetain(dg_cuda_context *out, dg_cuda_device device)
{
    CALL(retain(out, device));
}

/* The last release takes all with it that belongs to the context. */
static dg_cuda_result release(dg_cuda_device device)
{
    object *context = context_of(device);
    if (!context) {
        fake_violation("release of a primary context that nobody retains");
        return INVALID_CONTEXT;
    }
    if (--context->retained > 0) return DG_CUDA_SUCCESS;
    for (object *thing = fake.objects, *next; thing; thing = next) {
        next = thing->next;
        if (thing->context != context) continue;
        if (thing->what != FUNCTION) fake.abandoned++;
        fake_remove(thing);
    }
    fake_remove(context);
    return DG_CUDA_SUCCESS;
}

dg_cuda_result cuDevicePrimaryCtxRelease_v2(dg_cuda_device device)
{
    GIVE_BACK(release(device));
}

static dg_cuda_result push(dg_cuda_context context)
{
    if (!fake_find(CONTEXT, context)) {
        fake_violation("push of a context that is not");
        return INVALID_CONTEXT;
    }
    if (depth == STACK) {
        fake_violation("contexts are pushed and not popped");
        return INVALID_VALUE;
    }
    stack[depth++] = (object *)context;
    fake.pushed++;
    return DG_CUDA_SUCCESS;
}

dg_cuda_result cuCtxPushCurrent_v2(dg_cuda_context context)
{
    CALL(push(context));
}

static dg_cuda_result pop(dg_cuda_context *out)
{
    if (depth == 0) {
        fake_violation("pop without a context");
        return INVALID_CONTEXT;
    }
    *out = (dg_cuda_context)stack[--depth];
    fake.pushed--;
    return DG_CUDA_SUCCESS;
}

dg_cuda_result cuCtxPopCurrent_v2(dg_cuda_context *out)
{
    GIVE_BACK(pop(out));
}

/* --- modules --- */

static dg_cuda_result load(dg_cuda_module *out, const void *image)
{
    static const unsigned char fatbin[4] = {0x50, 0xed, 0x55, 0xba};
    object *context = current("cuModuleLoadData");
    if (!context) return INVALID_CONTEXT;
    if (fake.image) return fake.image;
    if (memcmp(image, fatbin, sizeof fatbin) != 0 && !strstr(image, ".version"))
        return DG_CUDA_ERROR_INVALID_IMAGE;
    *out = (dg_cuda_module)fake_add(MODULE, context);
    return DG_CUDA_SUCCESS;
}

dg_cuda_result cuModuleLoadData(dg_cuda_module *out, const void *image)
{
    CALL(load(out, image));
}

static dg_cuda_result unload(dg_cuda_module handle)
{
    object *module = known(MODULE, handle, "cuModuleUnload");
    if (!module) return INVALID_HANDLE;
    fake_drain_context(module->context);
    for (object *thing = fake.objects, *next; thing; thing = next) {
        next = thing->next;
        if (thing->what == FUNCTION && thing->module == module) fake_remove(thing);
    }
    fake_remove(module);
    return DG_CUDA_SUCCESS;
}

dg_cuda_result cuModuleUnload(dg_cuda_module handle)
{
    GIVE_BACK(unload(handle));
}

static dg_cuda_result find_function(dg_cuda_function *out, dg_cuda_module handle, const char *name)
{
    object *module = known(MODULE, handle, "cuModuleGetFunction");
    if (!module) return INVALID_HANDLE;
    for (int k = 0; k < DG_KERNELS; k++)
        if (strcmp(name, dg_kernels[k].name) == 0) {
            object *function = fake_add(FUNCTION, module->context);
            function->module = module;
            function->kernel = k;
            *out = (dg_cuda_function)function;
            return DG_CUDA_SUCCESS;
        }
    return NOT_FOUND;
}

dg_cuda_result cuModuleGetFunction(dg_cuda_function *out, dg_cuda_module module, const char *name)
{
    CALL(find_function(out, module, name));
}

/* --- memory --- */

static size_t memory_used(const object *context)
{
    size_t used = 0;
    for (const object *thing = fake.objects; thing; thing = thing->next)
        if (thing->what == DEVICE_MEMORY && thing->context == context) used += thing->bytes;
    return used;
}

static dg_cuda_result memory_info(size_t *unused, size_t *total)
{
    object *context = current("cuMemGetInfo");
    if (!context) return INVALID_CONTEXT;
    size_t used = memory_used(context);
    *total = fake.memory;
    *unused = used < fake.memory ? fake.memory - used : 0;
    return DG_CUDA_SUCCESS;
}

dg_cuda_result cuMemGetInfo_v2(size_t *unused, size_t *total)
{
    CALL(memory_info(unused, total));
}

/* New memory, full of what nobody should read. */
static object *allocate(kind what, size_t bytes, const char *call)
{
    object *context = current(call);
    if (!context) return NULL;
    if (bytes == 0) fake_violation("%s of nothing", call);
    char *host = malloc(bytes ? bytes : 1);
    if (!host) return NULL;
    memset(host, POISON, bytes < POISONED ? bytes : POISONED);
    object *memory = fake_add(what, context);
    memory->host = host;
    memory->bytes = bytes;
    memory->address = (uint64_t)(uintptr_t)host ^ (what == DEVICE_MEMORY ? tag : 0);
    return memory;
}

static dg_cuda_result allocate_device(dg_cuda_memory *out, size_t bytes)
{
    object *context = depth > 0 ? stack[depth - 1] : NULL;
    if (memory_used(context) + bytes > fake.memory) return DG_CUDA_ERROR_OUT_OF_MEMORY;
    object *memory = allocate(DEVICE_MEMORY, bytes, "cuMemAlloc");
    if (!memory) return DG_CUDA_ERROR_OUT_OF_MEMORY;
    *out = memory->address;
    return DG_CUDA_SUCCESS;
}

dg_cuda_result cuMemAlloc_v2(dg_cuda_memory *out, size_t bytes)
{
    CALL(allocate_device(out, bytes));
}

static dg_cuda_result free_memory(kind what, uint64_t address, const char *call)
{
    object *context = current(call), *memory = fake_find_memory(what, address, 0);
    if (!context) return INVALID_CONTEXT;
    if (!memory || memory->address != address || memory->context != context) {
        fake_violation("%s of what is no such memory of this context", call);
        return INVALID_VALUE;
    }
    if (what == DEVICE_MEMORY) fake_drain_context(context);
    fake_remove(memory);
    return DG_CUDA_SUCCESS;
}

dg_cuda_result cuMemFree_v2(dg_cuda_memory address)
{
    GIVE_BACK(free_memory(DEVICE_MEMORY, address, "cuMemFree"));
}

static dg_cuda_result allocate_pinned(void **out, size_t bytes)
{
    object *memory = allocate(PINNED_MEMORY, bytes, "cuMemHostAlloc");
    if (!memory) return DG_CUDA_ERROR_OUT_OF_MEMORY;
    *out = memory->host;
    return DG_CUDA_SUCCESS;
}

dg_cuda_result cuMemHostAlloc(void **out, size_t bytes, unsigned int flags)
{
    CALL(flags & ~7u ? INVALID_VALUE : allocate_pinned(out, bytes));
}

dg_cuda_result cuMemFreeHost(void *host)
{
    GIVE_BACK(free_memory(PINNED_MEMORY, (uint64_t)(uintptr_t)host, "cuMemFreeHost"));
}

/* --- streams --- */

static operation *new_operation(void)
{
    operation *work = calloc(1, sizeof *work);
    if (!work) abort();
    return work;
}

/* The stream and the device memory of a copy, or NULL. */
static object *check_copy(dg_cuda_stream handle, uint64_t address, size_t bytes, const char *call)
{
    object *stream = known(STREAM, handle, call), *memory = fake_find_memory(DEVICE_MEMORY, address, bytes);
    if (!stream) return NULL;
    if (memory && memory->context == stream->context) return stream;
    fake_violation("%s of %zu bytes at 0x%llx, which is no device memory of this context", call, bytes,
                   (unsigned long long)address);
    return NULL;
}

/* 1: pinned; 0: not; a violation where it is so in part only. */
static int is_pinned(const void *host, size_t bytes, const char *call)
{
    uint64_t address = (uint64_t)(uintptr_t)host;
    if (fake_find_memory(PINNED_MEMORY, address, bytes)) return 1;
    if (fake_find_memory(PINNED_MEMORY, address, 1)) fake_violation("%s leaves its pinned memory", call);
    return 0;
}

static dg_cuda_result copy_in(dg_cuda_memory to, const void *from, size_t bytes, dg_cuda_stream handle)
{
    object *stream = check_copy(handle, to, bytes, "cuMemcpyHtoDAsync");
    if (!stream) return INVALID_VALUE;
    operation *work = new_operation();
    work->what = COPY_IN;
    work->address = to;
    work->host = (char *)(uintptr_t)from;
    work->bytes = bytes;
    if (!is_pinned(from, bytes, "cuMemcpyHtoDAsync")) {
        work->snapshot = malloc(bytes);
        if (!work->snapshot) abort();
        memcpy(work->snapshot, from, bytes);
    }
    fake_queue(stream, work);
    return DG_CUDA_SUCCESS;
}

dg_cuda_result cuMemcpyHtoDAsync_v2(dg_cuda_memory to, const void *from, size_t bytes, dg_cuda_stream stream)
{
    CALL(copy_in(to, from, bytes, stream));
}

/* To memory that is not pinned the copy is done when the call returns. */
static dg_cuda_result copy_out(void *to, dg_cuda_memory from, size_t bytes, dg_cuda_stream handle)
{
    object *stream = check_copy(handle, from, bytes, "cuMemcpyDtoHAsync");
    if (!stream) return INVALID_VALUE;
    if (!is_pinned(to, bytes, "cuMemcpyDtoHAsync")) {
        object *memory = fake_find_memory(DEVICE_MEMORY, from, bytes);
        fake_drain(stream);
        memcpy(to, memory->host + (from - memory->address), bytes);
        return DG_CUDA_SUCCESS;
    }
    operation *work = new_operation();
    work->what = COPY_OUT;
    work->address = from;
    work->host = to;
    work->bytes = bytes;
    fake_queue(stream, work);
    return DG_CUDA_SUCCESS;
}

dg_cuda_result cuMemcpyDtoHAsync_v2(void *to, dg_cuda_memory from, size_t bytes, dg_cuda_stream stream)
{
    CALL(copy_out(to, from, bytes, stream));
}

static dg_cuda_result create(kind what, void *out, unsigned int flags, unsigned int expected,
                             const char *call)
{
    object *context = current(call);
    if (!context) return INVALID_CONTEXT;
    if (flags != expected) fake_violation("%s with flags %u", call, flags);
    object *thing = fake_add(what, context);
    memcpy(out, &thing, sizeof thing);
    return DG_CUDA_SUCCESS;
}

dg_cuda_result cuStreamCreate(dg_cuda_stream *out, unsigned int flags)
{
    CALL(create(STREAM, out, flags, DG_CU_STREAM_NON_BLOCKING, "cuStreamCreate"));
}

dg_cuda_result cuEventCreate(dg_cuda_event *out, unsigned int flags)
{
    CALL(create(EVENT, out, flags, DG_CU_EVENT_DISABLE_TIMING, "cuEventCreate"));
}

/* Needs no current context. */
static dg_cuda_result destroy(kind what, const void *handle, const char *call)
{
    object *thing = fake_find(what, handle);
    if (!thing) {
        fake_violation("%s of a handle of nothing", call);
        return INVALID_HANDLE;
    }
    if (what == STREAM) fake_drain(thing);
    fake_remove(thing);
    return DG_CUDA_SUCCESS;
}

dg_cuda_result cuStreamDestroy_v2(dg_cuda_stream stream)
{
    GIVE_BACK(destroy(STREAM, stream, "cuStreamDestroy"));
}

dg_cuda_result cuEventDestroy_v2(dg_cuda_event event)
{
    GIVE_BACK(destroy(EVENT, event, "cuEventDestroy"));
}

static dg_cuda_result synchronize(dg_cuda_stream handle)
{
    object *stream = known(STREAM, handle, "cuStreamSynchronize");
    if (!stream) return INVALID_HANDLE;
    fake_drain(stream);
    return DG_CUDA_SUCCESS;
}

dg_cuda_result cuStreamSynchronize(dg_cuda_stream stream)
{
    CALL(synchronize(stream));
}

static dg_cuda_result record(dg_cuda_event event_handle, dg_cuda_stream stream_handle)
{
    object *stream = known(STREAM, stream_handle, "cuEventRecord");
    object *event = known(EVENT, event_handle, "cuEventRecord");
    if (!stream || !event) return INVALID_HANDLE;
    operation *work = new_operation();
    work->what = RECORD;
    work->at = fake_point(stream);
    fake_drop_point(event->last);
    event->last = work->at;
    event->last->holders++;
    fake_queue(stream, work);
    return DG_CUDA_SUCCESS;
}

dg_cuda_result cuEventRecord(dg_cuda_event event, dg_cuda_stream stream)
{
    CALL(record(event, stream));
}

static dg_cuda_result wait_event(dg_cuda_stream stream_handle, dg_cuda_event event_handle, unsigned int flags)
{
    object *stream = known(STREAM, stream_handle, "cuStreamWaitEvent");
    object *event = known(EVENT, event_handle, "cuStreamWaitEvent");
    if (!stream || !event) return INVALID_HANDLE;
    if (flags) return INVALID_VALUE;
    if (!event->last) return DG_CUDA_SUCCESS;
    operation *work = new_operation();
    work->what = WAIT;
    work->at = event->last;
    fake_queue(stream, work);
    return DG_CUDA_SUCCESS;
}

dg_cuda_result cuStreamWaitEvent(dg_cuda_stream stream, dg_cuda_event event, unsigned int flags)
{
    CALL(wait_event(stream, event, flags));
}

static dg_cuda_result query(dg_cuda_event handle)
{
    object *event = known(EVENT, handle, "cuEventQuery");
    if (!event) return INVALID_HANDLE;
    return fake_ask(event->last) ? DG_CUDA_SUCCESS : DG_CUDA_ERROR_NOT_READY;
}

dg_cuda_result cuEventQuery(dg_cuda_event event)
{
    CALL(query(event));
}

static dg_cuda_result launch(dg_cuda_function handle, const unsigned int *grid, const unsigned int *block,
                             unsigned int shared, dg_cuda_stream stream_handle, void **parameters,
                             void **extra)
{
    object *function = known(FUNCTION, handle, "cuLaunchKernel");
    object *stream = known(STREAM, stream_handle, "cuLaunchKernel");
    if (!function || !stream) return INVALID_HANDLE;
    if (grid[0] == 0 || grid[0] > 0x7fffffffu || grid[1] != 1 || grid[2] != 1 || block[0] != DG_GROUP ||
        block[1] != 1 || block[2] != 1 || shared || extra || !parameters) {
        fake_violation("cuLaunchKernel of %u x %u x %u groups of %u x %u x %u lanes", grid[0], grid[1],
                       grid[2], block[0], block[1], block[2]);
        return INVALID_VALUE;
    }
    const dg_kernel_row *kernel = &dg_kernels[function->kernel];
    operation *work = new_operation();
    work->what = LAUNCH;
    work->kernel = function->kernel;
    work->groups = grid[0];
    for (uint32_t b = 0; b < kernel->buffers; b++) {
        memcpy(&work->buffers[b], parameters[b], sizeof work->buffers[b]);
        object *memory = fake_find_memory(DEVICE_MEMORY, work->buffers[b], 1);
        if (work->buffers[b] && (!memory || memory->context != stream->context))
            fake_violation("%s with buffer %u at 0x%llx, which is no device memory of this context",
                           kernel->name, b, (unsigned long long)work->buffers[b]);
    }
    work->arguments = malloc(kernel->argument_bytes);
    if (!work->arguments) abort();
    memcpy(work->arguments, parameters[kernel->buffers], kernel->argument_bytes);
    fake_queue(stream, work);
    return DG_CUDA_SUCCESS;
}

dg_cuda_result cuLaunchKernel(dg_cuda_function function, unsigned int grid_x, unsigned int grid_y,
                              unsigned int grid_z, unsigned int block_x, unsigned int block_y,
                              unsigned int block_z, unsigned int shared, dg_cuda_stream stream,
                              void **parameters, void **extra)
{
    const unsigned int grid[3] = {grid_x, grid_y, grid_z}, block[3] = {block_x, block_y, block_z};
    CALL(launch(function, grid, block, shared, stream, parameters, extra));
}
