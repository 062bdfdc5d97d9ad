/*
 * dg_driver for OpenCL. A session has queues, kernels and marks of its own, since a kernel holds the
 * arguments it was given last; context and program are those of its device (devices.h).
 *
 * A mark that is reached says nothing about what came before it: a command that failed does not stop those
 * behind it in every driver. So each copy and each launch leaves its event behind until its status is known.
 */
#include "opencl.h"

#include "devices.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE = 4096 };

/* Device memory. */
typedef struct block {
    dg_cl_mem memory;
    size_t bytes;
} block;

/* Host memory for copies: the driver's, mapped from `memory`, or malloc's where that is NULL. */
typedef struct area {
    void *host;
    dg_cl_mem memory;
    struct area *next;
} area;

/* Events of the commands of a queue whose status is not known yet, oldest first. */
typedef struct pending {
    dg_cl_event *events;
    uint32_t count, room;
} pending;

struct dg_session {
    dg_opencl_device *device;
    dg_cl_queue queue[DG_QUEUES];
    dg_cl_kernel kernel[DG_KERNELS];
    dg_cl_event mark[DG_MARKS];
    pending pending[DG_QUEUES];
    area *areas;
};

/* --- sessions --- */

/* Waits for everything that was queued. What fails here has no one left to care. */
static void finish(dg_session *s)
{
    for (int q = 0; q < DG_QUEUES; q++)
        if (s->queue[q]) dg_opencl.clFinish(s->queue[q]);
}

static void free_area(dg_session *s, area *gone, int usable)
{
    if (!gone->memory) {
        free(gone->host);
    } else if (usable) {
        dg_opencl.clEnqueueUnmapMemObject(s->queue[DG_QUEUE_COPY], gone->memory, gone->host, 0, NULL, NULL);
        dg_opencl.clReleaseMemObject(gone->memory);
    }
    free(gone);
}

/* In a forked process the driver's objects are the parent's: only the host's memory is freed. */
static void opencl_close(dg_session *s)
{
    if (!s) return;
    dg_err ignored = {0};
    int usable = dg_opencl_usable(&ignored) == DG_OK;
    if (usable) finish(s);
    for (area *next; s->areas; s->areas = next) {
        next = s->areas->next;
        free_area(s, s->areas, usable);
    }
    if (usable) {
        finish(s);
        for (int m = 0; m < DG_MARKS; m++)
            if (s->mark[m]) dg_opencl.clReleaseEvent(s->mark[m]);
        for (int q = 0; q < DG_QUEUES; q++)
            for (uint32_t i = 0; i < s->pending[q].count; i++)
                dg_opencl.clReleaseEvent(s->pending[q].events[i]);
        for (int k = 0; k < DG_KERNELS; k++)
            if (s->kernel[k]) dg_opencl.clReleaseKernel(s->kernel[k]);
        for (int q = 0; q < DG_QUEUES; q++)
            if (s->queue[q]) dg_opencl.clReleaseCommandQueue(s->queue[q]);
        if (s->device) dg_opencl_release(s->device);
    }
    for (int q = 0; q < DG_QUEUES; q++) free(s->pending[q].events);
    free(s);
}

static enum dg_code open_session(dg_session *s, int number, dg_err *err)
{
    int32_t status = 0;
    if (dg_opencl_acquire(number, &s->device, err)) return err->code;
    for (int q = 0; q < DG_QUEUES; q++) {
        dg_cl_queue queue = dg_opencl.clCreateCommandQueue(s->device->context, s->device->id, 0, &status);
        if (dg_opencl_result(status, "clCreateCommandQueue", err)) return err->code;
        s->queue[q] = queue;
    }
    for (int k = 0; k < DG_KERNELS; k++) {
        dg_cl_kernel kernel = dg_opencl.clCreateKernel(s->device->program, dg_kernels[k].name, &status);
        if (dg_opencl_result(status, "clCreateKernel", err)) return err->code;
        s->kernel[k] = kernel;
    }
    return DG_OK;
}

static enum dg_code opencl_open(int number, dg_session **out, dg_err *err)
{
    *out = NULL;
    if (dg_opencl_usable(err)) return err->code;
    dg_session *s = calloc(1, sizeof *s);
    if (!s) return dg_fail_nomem(err, "an OpenCL session");
    if (open_session(s, number, err)) {
        opencl_close(s);
        return err->code;
    }
    *out = s;
    return DG_OK;
}

static enum dg_code opencl_describe(dg_session *s, dg_device_info *out, dg_err *err)
{
    *out = (dg_device_info){0};
    if (dg_opencl_usable(err)) return err->code;
    return dg_opencl_describe(s->device, out, err);
}

/* OpenCL knows no current context: there is only the process to be looked at. */
static enum dg_code opencl_enter(dg_session *s, dg_err *err)
{
    (void)s;
    return dg_opencl_usable(err);
}

static void opencl_leave(dg_session *s)
{
    (void)s;
}

/* --- memory --- */

static enum dg_code opencl_allocate(dg_session *s, size_t bytes, void **memory, dg_err *err)
{
    int32_t status = 0;
    *memory = NULL;
    if (dg_opencl_usable(err)) return err->code;
    block *made = malloc(sizeof *made);
    if (!made) return dg_fail_nomem(err, "a device buffer");
    made->bytes = bytes;
    made->memory = dg_opencl.clCreateBuffer(s->device->context, DG_CL_MEM_READ_WRITE, bytes, NULL, &status);
    if (dg_opencl_result(status, "clCreateBuffer", err)) {
        free(made);
        return err->code;
    }
    atomic_fetch_add(&s->device->allocated, bytes);
    *memory = made;
    return DG_OK;
}

static void opencl_release(dg_session *s, void *memory)
{
    block *gone = memory;
    dg_err ignored = {0};
    if (!gone) return;
    atomic_fetch_sub(&s->device->allocated, gone->bytes);
    if (dg_opencl_usable(&ignored) == DG_OK) dg_opencl.clReleaseMemObject(gone->memory);
    free(gone);
}

/* Maps memory that the driver chose for copies; NULL where it does not want to. */
static void *map_area(dg_session *s, size_t bytes, dg_cl_mem *memory)
{
    const uint64_t flags = DG_CL_MEM_READ_WRITE | DG_CL_MEM_ALLOC_HOST_PTR;
    int32_t status = 0;
    *memory = NULL;
    dg_cl_mem made = dg_opencl.clCreateBuffer(s->device->context, flags, bytes, NULL, &status);
    if (status) return NULL;
    void *host =
        dg_opencl.clEnqueueMapBuffer(s->queue[DG_QUEUE_COPY], made, DG_CL_TRUE,
                                     DG_CL_MAP_READ | DG_CL_MAP_WRITE, 0, bytes, 0, NULL, NULL, &status);
    if (status) {
        dg_opencl.clReleaseMemObject(made);
        return NULL;
    }
    *memory = made;
    return host;
}

static enum dg_code opencl_lock(dg_session *s, size_t bytes, void **host, dg_err *err)
{
    *host = NULL;
    if (dg_opencl_usable(err)) return err->code;
    area *made = malloc(sizeof *made);
    if (!made) return dg_fail_nomem(err, "a staging buffer");
    made->host = map_area(s, bytes, &made->memory);
    if (!made->host && posix_memalign(&made->host, PAGE, bytes)) {
        free(made);
        return dg_fail(err, DG_NOMEM, "out of memory for %zu bytes to copy through", bytes);
    }
    made->next = s->areas;
    s->areas = made;
    *host = made->host;
    return DG_OK;
}

static void opencl_unlock(dg_session *s, void *host)
{
    dg_err ignored = {0};
    area **link = &s->areas;
    while (*link && (*link)->host != host) link = &(*link)->next;
    area *gone = *link;
    if (!gone) return;
    int usable = dg_opencl_usable(&ignored) == DG_OK;
    if (usable) finish(s);
    *link = gone->next;
    free_area(s, gone, usable);
}

/* --- commands --- */

/* Where the event of the queue's next command goes; NULL with an error. The caller counts it in. */
static dg_cl_event *next_event(dg_session *s, enum dg_queue queue, dg_err *err)
{
    pending *p = &s->pending[queue];
    if (dg_opencl_usable(err)) return NULL;
    if (p->count == p->room) {
        uint32_t room = p->room ? 2 * p->room : 64;
        dg_cl_event *events = realloc(p->events, room * sizeof *events);
        if (!events) {
            dg_fail_nomem(err, "the events of a queue");
            return NULL;
        }
        p->events = events;
        p->room = room;
    }
    return &p->events[p->count];
}

/* Forgets the commands that are done. An error where one of them failed. */
static enum dg_code settle(dg_session *s, enum dg_queue queue, dg_err *err)
{
    pending *p = &s->pending[queue];
    uint32_t done = 0;
    int32_t status = DG_CL_COMPLETE;
    enum dg_code code = DG_OK;
    while (done < p->count && code == DG_OK) {
        code = DG_OPENCL(err, clGetEventInfo, p->events[done], DG_CL_EVENT_COMMAND_EXECUTION_STATUS,
                         sizeof status, &status, NULL);
        if (code || status > DG_CL_COMPLETE) break;
        dg_opencl.clReleaseEvent(p->events[done++]);
        code = dg_opencl_result(status, "a queued command", err);
    }
    p->count -= done;
    if (done) memmove(p->events, p->events + done, p->count * sizeof *p->events);
    return code;
}

static enum dg_code opencl_copy_in(dg_session *s, enum dg_queue queue, void *memory, size_t offset,
                                   const void *host, size_t bytes, dg_err *err)
{
    if (bytes == 0) return DG_OK;
    dg_cl_event *event = next_event(s, queue, err);
    if (!event) return err->code;
    enum dg_code code = DG_OPENCL(err, clEnqueueWriteBuffer, s->queue[queue], ((block *)memory)->memory,
                                  DG_CL_FALSE, offset, bytes, host, 0, NULL, event);
    if (code == DG_OK) s->pending[queue].count++;
    return code;
}

static enum dg_code opencl_copy_out(dg_session *s, enum dg_queue queue, const void *memory, size_t offset,
                                    void *host, size_t bytes, dg_err *err)
{
    if (bytes == 0) return DG_OK;
    dg_cl_event *event = next_event(s, queue, err);
    if (!event) return err->code;
    enum dg_code code = DG_OPENCL(err, clEnqueueReadBuffer, s->queue[queue], ((const block *)memory)->memory,
                                  DG_CL_FALSE, offset, bytes, host, 0, NULL, event);
    if (code == DG_OK) s->pending[queue].count++;
    return code;
}

static enum dg_code opencl_launch(dg_session *s, enum dg_queue queue, enum dg_kernel kernel, uint32_t groups,
                                  void *const *memory, const void *arguments, dg_err *err)
{
    const dg_kernel_row *row = &dg_kernels[kernel];
    const size_t group = DG_GROUP, lanes = (size_t)groups * DG_GROUP;
    dg_cl_event *event = next_event(s, queue, err);
    if (!event) return err->code;
    for (uint32_t i = 0; i < row->buffers; i++) {
        dg_cl_mem buffer = memory[i] ? ((const block *)memory[i])->memory : NULL;
        if (DG_OPENCL(err, clSetKernelArg, s->kernel[kernel], i, sizeof buffer, &buffer)) return err->code;
    }
    if (DG_OPENCL(err, clSetKernelArg, s->kernel[kernel], row->buffers, row->argument_bytes, arguments))
        return err->code;
    enum dg_code code = DG_OPENCL(err, clEnqueueNDRangeKernel, s->queue[queue], s->kernel[kernel], 1, NULL,
                                  &lanes, &group, 0, NULL, event);
    if (code == DG_OK) s->pending[queue].count++;
    return code;
}

/* --- marks --- */

static enum dg_code opencl_mark(dg_session *s, enum dg_queue queue, uint32_t mark, dg_err *err)
{
    if (dg_opencl_usable(err)) return err->code;
    if (s->mark[mark]) dg_opencl.clReleaseEvent(s->mark[mark]);
    s->mark[mark] = NULL;
    dg_cl_event event = NULL;
    if (DG_OPENCL(err, clEnqueueMarkerWithWaitList, s->queue[queue], 0, NULL, &event)) return err->code;
    s->mark[mark] = event;
    return DG_OPENCL(err, clFlush, s->queue[queue]);
}

static enum dg_code opencl_after(dg_session *s, enum dg_queue queue, uint32_t mark, dg_err *err)
{
    if (dg_opencl_usable(err)) return err->code;
    if (!s->mark[mark]) return DG_OK;
    return DG_OPENCL(err, clEnqueueBarrierWithWaitList, s->queue[queue], 1, &s->mark[mark], NULL);
}

/* All queues are looked at: what came before the mark may be in another one that it waited for. */
static enum dg_code opencl_reached(dg_session *s, uint32_t mark, int *reached, dg_err *err)
{
    int32_t status = DG_CL_COMPLETE;
    *reached = 0;
    if (dg_opencl_usable(err)) return err->code;
    if (s->mark[mark] && DG_OPENCL(err, clGetEventInfo, s->mark[mark], DG_CL_EVENT_COMMAND_EXECUTION_STATUS,
                                   sizeof status, &status, NULL))
        return err->code;
    for (int q = 0; q < DG_QUEUES; q++)
        if (settle(s, (enum dg_queue)q, err)) return err->code;
    *reached = status == DG_CL_COMPLETE;
    return status < 0 ? dg_opencl_result(status, "a queued marker", err) : DG_OK;
}

const dg_driver dg_opencl_driver = {
    .name = "opencl",
    .open = opencl_open,
    .close = opencl_close,
    .describe = opencl_describe,
    .enter = opencl_enter,
    .leave = opencl_leave,
    .allocate = opencl_allocate,
    .release = opencl_release,
    .lock = opencl_lock,
    .unlock = opencl_unlock,
    .copy_in = opencl_copy_in,
    .copy_out = opencl_copy_out,
    .launch = opencl_launch,
    .mark = opencl_mark,
    .after = opencl_after,
    .reached = opencl_reached,
};
