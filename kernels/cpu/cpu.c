/* The CPU backend's side of the door: device memory is host memory, an operation is finished when run
 * returns. */
#include "cpu.h"

#include "../memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct dg_device {
    const dg_cpu_isa *isa;
    uint32_t threads;
};

static enum dg_code cpu_load(dg_err *err)
{
    (void)err;
    return DG_OK;
}

static int cpu_count(void)
{
    return 1;
}

static enum dg_code cpu_open(int number, const dg_open_options *options, dg_device **out, dg_err *err)
{
    *out = NULL;
    if (number != 0) return dg_fail(err, DG_ERROR, "cpu: no device %d, there is one: 0", number);
    const dg_cpu_isa *isa = dg_cpu_isa_find(options->isa, err);
    if (!isa) return err->code;
    dg_device *device = malloc(sizeof *device);
    if (!device) return dg_fail_nomem(err, "a device");
    *device = (dg_device){isa, dg_cpu_threads(options->threads)};
    *out = device;
    return DG_OK;
}

static void cpu_close(dg_device *device)
{
    free(device);
}

static void describe(const dg_cpu_isa *isa, uint32_t threads, dg_device_info *out)
{
    *out = (dg_device_info){.kind = DG_DEVICE_CPU,
                            .shares_memory = 1,
                            .units = threads,
                            .memory_total = dg_memory_total(),
                            .costs = isa->costs};
    out->memory_free = dg_memory_free();
    snprintf(out->name, sizeof out->name, "CPU, %u thread%s", threads, threads == 1 ? "" : "s");
    snprintf(out->capability, sizeof out->capability, "%s", isa->name);
}

static enum dg_code cpu_probe(int number, dg_device_info *out, dg_err *err)
{
    (void)number;
    const dg_cpu_isa *isa = dg_cpu_isa_find(NULL, err);
    if (isa) describe(isa, dg_cpu_threads(0), out);
    return err->code;
}

static enum dg_code cpu_describe(dg_device *device, dg_device_info *out, dg_err *err)
{
    (void)err;
    describe(device->isa, device->threads, out);
    return DG_OK;
}

static enum dg_code cpu_alloc(dg_device *device, size_t bytes, void *host, dg_buffer *out, dg_err *err)
{
    (void)device;
    *out = (dg_buffer){NULL, host, bytes};
    if (!host) {
        out->handle = out->host = malloc(bytes ? bytes : 1);
        if (!out->host) {
            *out = (dg_buffer){NULL, NULL, 0};
            return dg_fail(err, DG_NOMEM, "out of memory for %zu bytes of work space", bytes);
        }
    }
    return DG_OK;
}

static void cpu_free(dg_device *device, dg_buffer *buffer)
{
    (void)device;
    free(buffer->handle);
    *buffer = (dg_buffer){NULL, NULL, 0};
}

static enum dg_code cpu_put(dg_device *device, dg_buffer *to, size_t offset, const void *from, size_t bytes,
                            dg_err *err)
{
    (void)device, (void)err;
    memcpy((char *)to->host + offset, from, bytes);
    return DG_OK;
}

static enum dg_code cpu_get(dg_device *device, const dg_buffer *from, size_t offset, void *to, size_t bytes,
                            dg_err *err)
{
    (void)device, (void)err;
    memcpy(to, (const char *)from->host + offset, bytes);
    return DG_OK;
}

static enum dg_code cpu_run(dg_device *device, enum dg_op op, void *arguments, const dg_poll *poll,
                            dg_err *err)
{
    dg_team team = {.threads = device->threads, .poll = poll, .stop = DG_OK};
    switch (op) {
    case DG_OP_COLLAPSE: return dg_cpu_collapse(arguments, &team, err);
    case DG_OP_PARTITION: return dg_cpu_partition(arguments, &team, err);
    case DG_OP_COMPARE: return dg_cpu_compare(arguments, device->isa, &team, err);
    case DG_OP_HISTOGRAM: return dg_cpu_histogram(arguments, device->isa, &team, err);
    case DG_OP_NEAREST: return dg_cpu_nearest(arguments, device->isa, &team, err);
    case DG_OP_RESIZE:
    case DG_OP_PHASH:
    case DG_OP_BLOCKS:
    case DG_OP_RENDER:
    case DG_OP_QUALITY: break;
    }
    return dg_fail(err, DG_ERROR, "cpu: no operation %d", (int)op);
}

static enum dg_code cpu_wait(dg_device *device, const dg_poll *poll, dg_err *err)
{
    (void)device, (void)poll, (void)err;
    return DG_OK;
}

const dg_backend dg_backend_cpu = {
    .name = "cpu",
    .load = cpu_load,
    .count = cpu_count,
    .probe = cpu_probe,
    .open = cpu_open,
    .close = cpu_close,
    .describe = cpu_describe,
    .alloc = cpu_alloc,
    .free = cpu_free,
    .put = cpu_put,
    .get = cpu_get,
    .run = cpu_run,
    .wait = cpu_wait,
};
