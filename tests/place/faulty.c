#include "faulty.h"

#include "../../kernels/cpu/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

faulty_state faulty;

/* An operation with the memory of its buffers in reach of the host. */
typedef union arguments {
    dg_op_partition partition;
    dg_op_compare compare;
    dg_op_histogram histogram;
    dg_op_nearest nearest;
} arguments;

struct dg_device {
    dg_device *cpu;
    int running;
    enum dg_op op;
    arguments arguments;
    dg_index index[2];
};

static void must(int condition, const char *what)
{
    if (condition) return;
    fprintf(stderr, "faulty: %s\n", what);
    abort();
}

/* Whether this call is one that fails. */
static int fails(const char *call, dg_err *err)
{
    long number = ++faulty.calls;
    if (!faulty.fail_at || !(number == faulty.fail_at || (faulty.and_after && number > faulty.fail_at)))
        return 0;
    faulty.failed++;
    dg_fail(err, faulty.code, "faulty: %s: call %ld failed", call, number);
    return 1;
}

static enum dg_code faulty_load(dg_err *err)
{
    return faulty.present ? DG_OK : dg_fail(err, DG_DEVICE_ERROR, "faulty: not there");
}

static int faulty_count(void)
{
    return 1;
}

static enum dg_code faulty_probe(int number, dg_device_info *out, dg_err *err)
{
    (void)err;
    must(number == 0, "there is one device");
    *out = (dg_device_info){.kind = DG_DEVICE_GPU,
                            .name = "Faulty",
                            .vendor = "tests",
                            .driver = "1",
                            .capability = "host",
                            .units = 1,
                            .memory_total = (uint64_t)1 << 30};
    return DG_OK;
}

static enum dg_code faulty_open(int number, const dg_open_options *options, dg_device **out, dg_err *err)
{
    const dg_open_options serial = {.threads = 1};
    (void)options;
    *out = NULL;
    if (fails("open", err)) return err->code;
    dg_device *device = calloc(1, sizeof *device);
    must(device != NULL, "out of memory");
    must(dg_backend_cpu.open(number, &serial, &device->cpu, err) == DG_OK, "no CPU");
    faulty.devices++;
    *out = device;
    return DG_OK;
}

static void faulty_close(dg_device *device)
{
    if (!device) return;
    must(!device->running, "closed while an operation runs");
    dg_backend_cpu.close(device->cpu);
    faulty.devices--;
    free(device);
}

static enum dg_code faulty_describe(dg_device *device, dg_device_info *out, dg_err *err)
{
    (void)device;
    if (fails("describe", err)) return err->code;
    faulty_probe(0, out, err);
    out->memory_free = out->memory_total;
    return DG_OK;
}

static enum dg_code faulty_alloc(dg_device *device, size_t bytes, void *host, dg_buffer *out, dg_err *err)
{
    (void)device;
    *out = (dg_buffer){NULL, NULL, 0};
    if (fails("alloc", err)) return err->code;
    if (faulty.memory && faulty.allocated + bytes > faulty.memory)
        return dg_fail(err, DG_DEVICE_NOMEM, "faulty: alloc: out of memory");
    out->handle = malloc(bytes ? bytes : 1);
    must(out->handle != NULL, "out of memory");
    out->bytes = bytes;
    faulty.buffers++;
    faulty.allocated += bytes;
    if (host)
        memcpy(out->handle, host, bytes);
    else
        memset(out->handle, 0xa5, bytes);
    return DG_OK;
}

static void faulty_free(dg_device *device, dg_buffer *buffer)
{
    if (buffer->handle) {
        must(!device->running, "memory freed while an operation runs");
        faulty.buffers--;
        faulty.allocated -= buffer->bytes;
        free(buffer->handle);
    }
    *buffer = (dg_buffer){NULL, NULL, 0};
}

static enum dg_code faulty_put(dg_device *device, dg_buffer *to, size_t offset, const void *from,
                               size_t bytes, dg_err *err)
{
    (void)device;
    must(offset + bytes <= to->bytes, "written past the end of a buffer");
    if (fails("put", err)) return err->code;
    memcpy((char *)to->handle + offset, from, bytes);
    return DG_OK;
}

static enum dg_code faulty_get(dg_device *device, const dg_buffer *from, size_t offset, void *to,
                               size_t bytes, dg_err *err)
{
    must(!device->running, "read while an operation runs");
    must(offset + bytes <= from->bytes, "read past the end of a buffer");
    if (fails("get", err)) return err->code;
    memcpy(to, (const char *)from->handle + offset, bytes);
    return DG_OK;
}

/* A copy of the index whose buffers the host may read. */
static const dg_index *reach(dg_device *device, int i, const dg_index *index)
{
    dg_index *copy = &device->index[i];
    *copy = *index;
    dg_buffer *buffers[] = {&copy->hashes, &copy->sieve, &copy->index, &copy->offsets};
    for (int b = 0; b < 4; b++) buffers[b]->host = buffers[b]->handle;
    /* Buckets of rows that are in order already: the CPU wants to be told that they are the sieve. */
    if (copy->chunk.width && dg_buffer_empty(&copy->sieve) && copy->words == 1)
        copy->sieve.host = (uint64_t *)copy->hashes.host + copy->begin;
    must((uint64_t)(copy->begin + copy->count) * copy->words * 8 <= copy->hashes.bytes,
         "a table that ends before its last row");
    return copy;
}

static enum dg_code faulty_run(dg_device *device, enum dg_op op, void *argument, const dg_poll *poll,
                               dg_err *err)
{
    arguments *a = &device->arguments;
    (void)poll;
    must(!device->running, "started while an operation runs");
    if (fails("run", err)) return err->code;
    switch (op) {
    case DG_OP_COLLAPSE: must(0, "COLLAPSE is the host's"); break;
    case DG_OP_PARTITION:
        a->partition = *(dg_op_partition *)argument;
        reach(device, 0, a->partition.index);
        a->partition.index = &device->index[0];
        break;
    case DG_OP_COMPARE: {
        dg_op_compare *o = &a->compare;
        *o = *(dg_op_compare *)argument;
        int self = o->a == o->b;
        o->a = reach(device, 0, o->a);
        o->b = self ? o->a : reach(device, 1, o->b);
        break;
    }
    case DG_OP_HISTOGRAM: {
        dg_op_histogram *o = &a->histogram;
        *o = *(dg_op_histogram *)argument;
        int self = o->a == o->b;
        o->a = reach(device, 0, o->a);
        o->b = self ? o->a : reach(device, 1, o->b);
        break;
    }
    case DG_OP_NEAREST:
        a->nearest = *(dg_op_nearest *)argument;
        a->nearest.rows = reach(device, 0, a->nearest.rows);
        a->nearest.queries = reach(device, 1, a->nearest.queries);
        break;
    case DG_OP_RESIZE:
    case DG_OP_PHASH:
    case DG_OP_BLOCKS:
    case DG_OP_RENDER:
    case DG_OP_QUALITY: must(0, "the operations of pictures, which the CPU behind this has not"); break;
    }
    device->op = op;
    device->running = 1;
    return DG_OK;
}

/* What an operation gives becomes nonsense. */
static void spoil(const dg_device *device)
{
    const arguments *a = &device->arguments;
    const dg_index *index = &device->index[0];
    switch (device->op) {
    case DG_OP_COLLAPSE: break;
    case DG_OP_PARTITION: memset(index->offsets.host, 0xff, index->offsets.bytes); break;
    case DG_OP_COMPARE:
        memset(a->compare.counts, 0xff, a->compare.unit_count * sizeof *a->compare.counts);
        memset(a->compare.candidates, 0xff, a->compare.unit_count * sizeof *a->compare.candidates);
        break;
    case DG_OP_HISTOGRAM:
        memset(a->histogram.counts, 0xff,
               (size_t)a->histogram.unit_count * (a->histogram.bits + 1) * sizeof *a->histogram.counts);
        break;
    case DG_OP_NEAREST:
        memset(a->nearest.found, 0xff, a->nearest.queries->count * sizeof *a->nearest.found);
        memset(a->nearest.neighbours, 0xff,
               (size_t)a->nearest.queries->count * a->nearest.k * sizeof *a->nearest.neighbours);
        break;
    case DG_OP_RESIZE:
    case DG_OP_PHASH:
    case DG_OP_BLOCKS:
    case DG_OP_RENDER:
    case DG_OP_QUALITY: break;
    }
}

static enum dg_code faulty_wait(dg_device *device, const dg_poll *poll, dg_err *err)
{
    if (!device->running) return DG_OK;
    device->running = 0;
    if (fails("wait", err)) {
        spoil(device);
        return err->code;
    }
    if (dg_backend_cpu.run(device->cpu, device->op, &device->arguments, poll, err)) return err->code;
    return dg_backend_cpu.wait(device->cpu, poll, err);
}

const dg_backend faulty_backend = {
    .name = "faulty",
    .load = faulty_load,
    .count = faulty_count,
    .probe = faulty_probe,
    .open = faulty_open,
    .close = faulty_close,
    .describe = faulty_describe,
    .alloc = faulty_alloc,
    .free = faulty_free,
    .put = faulty_put,
    .get = faulty_get,
    .run = faulty_run,
    .wait = faulty_wait,
};
