/*
 * The door's functions for a GPU: memory, copies through locked staging memory, and the loop that moves an
 * operation on.
 *
 * Copies: two pieces of locked memory take turns, so that the host fills one while the other travels. A copy
 * to the device may still be on its way when put returns; operations wait for it in their queues, and freeing
 * memory waits for it on the host.
 */
#include "internal.h"

#include "../clock.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Marks: of the two pieces of staging memory, and of the two sides. */
enum { MARK_STAGING, MARK_SIDE = MARK_STAGING + 2 };

#define STEP_SECONDS 0.012
#define SPIN_SECONDS 100e-6  /* a step's end is looked for without a pause so long, */
#define PAUSE_SECONDS 60e-6  /* and then every so often */
#define ASK_SECONDS 0.010    /* between questions to the poll */
#define FIRST_GROUPS 8       /* a compute unit's share of the first step of a kind */
#define GROUPS_MAX (1 << 24) /* of a step */

/* --- waiting --- */

/* Asks the poll, unless it was asked a moment ago. */
static enum dg_code ask(dg_device *device, const dg_poll *poll, double time, dg_err *err)
{
    if (!poll || time - device->asked < ASK_SECONDS) return DG_OK;
    device->asked = time;
    return dg_poll_stop(poll) ? dg_fail(err, DG_INTERRUPT, "interrupted") : DG_OK;
}

/* Waits for a mark. */
static enum dg_code await(dg_device *device, uint32_t mark, const dg_poll *poll, dg_err *err)
{
    const double begin = dg_clock();
    for (int reached = 0;;) {
        if (device->driver->reached(device->session, mark, &reached, err)) return err->code;
        if (reached) return DG_OK;
        double time = dg_clock();
        if (ask(device, poll, time, err)) return err->code;
        if (time - begin < SPIN_SECONDS) continue;
        struct timespec pause = {0, (long)(PAUSE_SECONDS * 1e9)};
        nanosleep(&pause, NULL);
    }
}

/* enter, for clean-up, with a second attempt for a fault that passes. Without it memory can be given back,
 * but nothing can be waited for. */
static int enter_anyhow(dg_device *device)
{
    for (int attempt = 0; attempt < 2; attempt++) {
        dg_err ignored = {DG_OK, ""};
        if (device->driver->enter(device->session, &ignored) == DG_OK) return 1;
    }
    return 0;
}

/* Waits until a queue is empty, as far as the device still answers. */
static void drain(dg_device *device, enum dg_queue queue, uint32_t mark)
{
    for (int attempt = 0; attempt < 2; attempt++) { /* a second one, for a fault that passes */
        dg_err ignored = {DG_OK, ""};
        if (device->driver->mark(device->session, queue, mark, &ignored) == DG_OK &&
            await(device, mark, NULL, &ignored) == DG_OK)
            return;
    }
}

static enum dg_code await_staging(dg_device *device, uint32_t piece, dg_err *err)
{
    if (device->filling[piece] && await(device, MARK_STAGING + piece, NULL, err)) return err->code;
    device->filling[piece] = 0;
    return DG_OK;
}

static void drain_copies(dg_device *device, int entered)
{
    if (entered && (device->filling[0] || device->filling[1])) drain(device, DG_QUEUE_COPY, MARK_STAGING);
    device->filling[0] = device->filling[1] = 0;
}

/* --- copies --- */

/* One piece to the device. */
static enum dg_code send(dg_device *device, void *to, size_t offset, const char *from, size_t bytes,
                         dg_err *err)
{
    const dg_driver *driver = device->driver;
    uint32_t piece = device->next;
    if (await_staging(device, piece, err)) return err->code;
    memcpy(device->staging[piece], from, bytes);
    device->filling[piece] = 1;
    device->next ^= 1;
    if (driver->copy_in(device->session, DG_QUEUE_COPY, to, offset, device->staging[piece], bytes, err))
        return err->code;
    return driver->mark(device->session, DG_QUEUE_COPY, MARK_STAGING + piece, err);
}

enum dg_code dg_gpu_upload(dg_device *device, void *to, size_t offset, const void *from, size_t bytes,
                           dg_err *err)
{
    for (size_t done = 0; done < bytes; done += STAGING) {
        size_t piece = bytes - done < STAGING ? bytes - done : STAGING;
        if (send(device, to, offset + done, (const char *)from + done, piece, err)) {
            drain_copies(device, 1);
            return err->code;
        }
    }
    return DG_OK;
}

static enum dg_code download(dg_device *device, const void *from, size_t offset, char *to, size_t bytes,
                             dg_err *err)
{
    const dg_driver *driver = device->driver;
    size_t asked = 0, done = 0;
    if (await_staging(device, 0, err) || await_staging(device, 1, err)) return err->code;
    while (done < bytes) {
        for (; asked < bytes && asked - done < 2 * (size_t)STAGING && !device->filling[device->next];
             asked += STAGING) {
            size_t piece = bytes - asked < STAGING ? bytes - asked : STAGING;
            uint32_t number = device->next;
            device->filling[number] = 1;
            device->next ^= 1;
            if (driver->copy_out(device->session, DG_QUEUE_COPY, from, offset + asked,
                                 device->staging[number], piece, err) ||
                driver->mark(device->session, DG_QUEUE_COPY, MARK_STAGING + number, err))
                return err->code;
        }
        uint32_t oldest = device->filling[device->next] ? device->next : device->next ^ 1;
        size_t piece = bytes - done < STAGING ? bytes - done : STAGING;
        if (await_staging(device, oldest, err)) return err->code;
        memcpy(to + done, device->staging[oldest], piece);
        done += piece;
    }
    return DG_OK;
}

/* --- memory --- */

void dg_gpu_drop(dg_device *device, dg_kept *kept)
{
    if (kept->memory) device->driver->release(device->session, kept->memory);
    *kept = (dg_kept){NULL, 0};
}

enum dg_code dg_gpu_keep(dg_device *device, dg_kept *kept, size_t bytes, dg_err *err)
{
    if (kept->memory && kept->bytes >= bytes) return DG_OK;
    dg_gpu_drop(device, kept);
    if (device->driver->allocate(device->session, bytes ? bytes : 1, &kept->memory, err)) {
        kept->memory = NULL;
        return err->code;
    }
    kept->bytes = bytes;
    return DG_OK;
}

int dg_gpu_leave_to_other(const dg_device *device, dg_err *err)
{
    int others = 0; /* a side is not busy while it is asked for its next step */
    for (int i = 0; i < SIDES; i++) others |= device->side[i].busy;
    if (err->code != DG_DEVICE_NOMEM || !others) return 0;
    *err = (dg_err){DG_OK, ""};
    return 1;
}

/* --- steps --- */

enum dg_code dg_gpu_launch(dg_device *device, dg_side *side, enum dg_pace pace, enum dg_kernel kernel,
                           void *const *memory, void *arguments, uint32_t *done, uint32_t total, dg_err *err)
{
    if (*done >= total || side->share <= 0) return DG_OK;
    double most = device->groups[pace] * side->share;
    uint32_t groups = total - *done;
    if (groups > most) groups = most < 1 ? 1 : (uint32_t)most;
    memcpy(arguments, done, sizeof *done);
    *done += groups;
    side->share -= groups / device->groups[pace];
    side->paces |= 1u << pace;
    return device->driver->launch(device->session, side->queue, kernel, groups, memory, arguments, err);
}

/* What a step took tells how large the next ones of its kinds should be. */
static void learn(dg_device *device, const dg_side *side, double seconds)
{
    const double used = 1 - side->share;
    double wanted = seconds > 0 ? STEP_SECONDS * used / seconds : 2;
    if (used < 0.5 && wanted > 1) return; /* a small step says little about large ones */
    wanted = wanted > 2 ? 2 : wanted < 0.125 ? 0.125 : wanted;
    for (int p = 0; p < DG_PACES; p++) {
        double groups = device->groups[p] * (side->paces >> p & 1 ? wanted : 1);
        device->groups[p] = groups < 1 ? 1 : groups > GROUPS_MAX ? GROUPS_MAX : groups;
    }
}

enum dg_code dg_gpu_sort(dg_device *device, const dg_side *side, void *keys, void *counts, uint32_t segments,
                         uint32_t stride, uint32_t most, dg_err *err)
{
    const dg_driver *driver = device->driver;
    void *memory[] = {keys, counts};
    dg_bitonic_arguments a = {.stride = stride, .capacity = stride};
    const uint32_t blocks = dg_gpu_ceil(most, DG_BITONIC_KEYS);
    a.blocks = blocks;
    if (driver->launch(device->session, side->queue, DG_KERNEL_bitonic_block, segments * blocks, memory, &a,
                       err))
        return err->code;
    for (uint64_t length = 2 * DG_BITONIC_KEYS; length / 2 < most; length *= 2) {
        a.length = (uint32_t)length;
        a.blocks = dg_gpu_ceil(dg_gpu_ceil(most, a.length) * (length / 2), DG_BITONIC_PAIRS);
        for (a.distance = 0;; a.distance = a.distance ? a.distance / 2 : a.length / 4) {
            if (a.distance && a.distance < DG_BITONIC_KEYS) break;
            if (driver->launch(device->session, side->queue, DG_KERNEL_bitonic_step, segments * a.blocks,
                               memory, &a, err))
                return err->code;
        }
        a = (dg_bitonic_arguments){.stride = stride, .capacity = stride, .blocks = blocks, .length = 1};
        if (driver->launch(device->session, side->queue, DG_KERNEL_bitonic_block, segments * blocks, memory,
                           &a, err))
            return err->code;
    }
    return DG_OK;
}

dg_table dg_gpu_table(const dg_index *index)
{
    dg_table t = {.words = index->words,
                  .begin = index->begin,
                  .count = index->count,
                  .start = index->chunk.start,
                  .width = index->chunk.width,
                  .has_sieve = !dg_buffer_empty(&index->sieve),
                  .has_index = !dg_buffer_empty(&index->index)};
    memcpy(t.sieve_word, index->sieve_word, sizeof t.sieve_word);
    return t;
}

/* --- operations --- */

static void finish(dg_device *device)
{
    for (int i = 0; i < SIDES; i++) device->side[i].busy = 0;
    if (device->operation) device->operation->end(device);
    device->operation = NULL;
    device->state = NULL;
}

/* After an error or an interrupt: nothing runs any more. */
static void stop(dg_device *device, int entered)
{
    for (int i = 0; i < SIDES && entered; i++) drain(device, device->side[i].queue, device->side[i].mark);
    drain_copies(device, entered);
    finish(device);
}

static enum dg_code advance(dg_device *device, dg_side *side, dg_err *err)
{
    int busy = 0;
    side->busy = 0;
    side->share = 1;
    side->paces = 0;
    if (device->operation->advance(device, side, &busy, err)) return err->code;
    side->busy = busy;
    if (!busy) return DG_OK;
    side->turn = device->turns++;
    side->since = dg_clock();
    return device->driver->mark(device->session, side->queue, side->mark, err);
}

static enum dg_code begin(dg_device *device, void *arguments, dg_err *err)
{
    if (device->operation->begin(device, arguments, err)) return err->code;
    for (int i = 0; i < SIDES; i++) {
        dg_side *side = &device->side[i];
        /* Copies are in order: the last one's mark stands for all. */
        uint32_t last = device->next ^ 1;
        if (device->filling[last] &&
            device->driver->after(device->session, side->queue, MARK_STAGING + last, err))
            return err->code;
        if (advance(device, side, err)) return err->code;
    }
    return DG_OK;
}

enum dg_code dg_gpu_run(dg_device *device, enum dg_op op, void *arguments, const dg_poll *poll, dg_err *err)
{
    static const dg_operation *const operations[] = {
        [DG_OP_PARTITION] = &dg_gpu_partition, [DG_OP_COMPARE] = &dg_gpu_compare,
        [DG_OP_HISTOGRAM] = &dg_gpu_histogram, [DG_OP_NEAREST] = &dg_gpu_nearest,
        [DG_OP_RESIZE] = &dg_gpu_resize,       [DG_OP_PHASH] = &dg_gpu_phash,
        [DG_OP_BLOCKS] = &dg_gpu_blocks,       [DG_OP_RENDER] = &dg_gpu_render,
        [DG_OP_QUALITY] = &dg_gpu_quality};
    const char *name = device->driver->name;
    if (device->operation) return dg_fail(err, DG_ERROR, "%s: an operation is running", name);
    if ((size_t)op >= sizeof operations / sizeof *operations || !operations[op])
        return dg_fail(err, DG_ERROR, "%s: operation %d is the host's", name, (int)op);
    if (dg_poll_stop(poll)) return dg_fail(err, DG_INTERRUPT, "interrupted");
    device->asked = dg_clock();
    if (device->driver->enter(device->session, err)) return err->code;
    device->operation = operations[op];
    if (begin(device, arguments, err)) stop(device, 1);
    device->driver->leave(device->session);
    return err->code;
}

/* The side whose step was started first, or NULL where none is in flight. */
static dg_side *oldest(dg_device *device)
{
    dg_side *first = NULL;
    for (int i = 0; i < SIDES; i++) {
        dg_side *side = &device->side[i];
        if (side->busy && (!first || side->turn < first->turn)) first = side;
    }
    return first;
}

static enum dg_code to_the_end(dg_device *device, const dg_poll *poll, dg_err *err)
{
    for (dg_side *side; (side = oldest(device));) {
        if (await(device, side->mark, poll, err)) return err->code;
        double time = dg_clock();
        learn(device, side, time - side->since);
        for (int i = 0; i < SIDES; i++) device->side[i].since = time;
        if (ask(device, poll, time, err)) return err->code;
        if (advance(device, side, err)) return err->code;
    }
    return DG_OK;
}

enum dg_code dg_gpu_wait(dg_device *device, const dg_poll *poll, dg_err *err)
{
    if (!device->operation) return DG_OK;
    if (device->driver->enter(device->session, err)) {
        int entered = enter_anyhow(device);
        stop(device, entered);
        if (entered) device->driver->leave(device->session);
        return err->code;
    }
    if (to_the_end(device, poll, err))
        stop(device, 1);
    else
        finish(device);
    device->driver->leave(device->session);
    return err->code;
}

/* --- the door --- */

static enum dg_code prepare(dg_device *device, dg_err *err)
{
    const dg_driver *driver = device->driver;
    if (driver->describe(device->session, &device->info, err)) return err->code;
    for (int p = 0; p < DG_PACES; p++) device->groups[p] = FIRST_GROUPS * (device->info.units + 1);
    for (int i = 0; i < SIDES; i++) {
        device->side[i].queue = i == 0 ? DG_QUEUE_A : DG_QUEUE_B;
        device->side[i].mark = MARK_SIDE + (uint32_t)i;
        if (driver->lock(device->session, STAGING, (void **)&device->side[i].staging, err)) return err->code;
        if (driver->lock(device->session, STAGING, (void **)&device->staging[i], err)) return err->code;
    }
    return DG_OK;
}

enum dg_code dg_gpu_open(const dg_driver *driver, int number, dg_device **out, dg_err *err)
{
    *out = NULL;
    dg_device *device = calloc(1, sizeof *device);
    if (!device) return dg_fail_nomem(err, "a device");
    device->driver = driver;
    if (driver->open(number, &device->session, err)) {
        free(device);
        return err->code;
    }
    if (driver->enter(device->session, err) == DG_OK) {
        prepare(device, err);
        driver->leave(device->session);
    }
    if (err->code) {
        dg_gpu_close(device);
        return err->code;
    }
    *out = device;
    return DG_OK;
}

void dg_gpu_close(dg_device *device)
{
    const dg_driver *driver = device->driver;
    int entered = enter_anyhow(device);
    if (device->operation) stop(device, entered);
    drain_copies(device, entered);
    for (int i = 0; i < SIDES; i++) {
        for (int k = 0; k < KEPT; k++) dg_gpu_drop(device, &device->side[i].kept[k]);
        if (device->side[i].staging) driver->unlock(device->session, device->side[i].staging);
        if (device->staging[i]) driver->unlock(device->session, device->staging[i]);
    }
    dg_gpu_drop(device, &device->masks);
    dg_gpu_drop(device, &device->seen);
    if (entered) driver->leave(device->session);
    driver->close(device->session);
    free(device);
}

enum dg_code dg_gpu_describe(dg_device *device, dg_device_info *out, dg_err *err)
{
    if (device->driver->enter(device->session, err)) return err->code;
    device->driver->describe(device->session, out, err);
    device->driver->leave(device->session);
    return err->code;
}

enum dg_code dg_gpu_alloc(dg_device *device, size_t bytes, void *host, dg_buffer *out, dg_err *err)
{
    const dg_driver *driver = device->driver;
    *out = (dg_buffer){NULL, NULL, 0};
    if (driver->enter(device->session, err)) return err->code;
    void *memory = NULL;
    if (driver->allocate(device->session, bytes ? bytes : 1, &memory, err) == DG_OK) {
        if (host && dg_gpu_upload(device, memory, 0, host, bytes, err))
            driver->release(device->session, memory);
        else
            *out = (dg_buffer){memory, NULL, bytes};
    }
    driver->leave(device->session);
    return err->code;
}

void dg_gpu_free(dg_device *device, dg_buffer *buffer)
{
    if (buffer->handle) {
        int entered = enter_anyhow(device);
        drain_copies(device, entered);
        device->driver->release(device->session, buffer->handle);
        if (entered) device->driver->leave(device->session);
    }
    *buffer = (dg_buffer){NULL, NULL, 0};
}

enum dg_code dg_gpu_put(dg_device *device, dg_buffer *to, size_t offset, const void *from, size_t bytes,
                        dg_err *err)
{
    if (device->driver->enter(device->session, err)) return err->code;
    dg_gpu_upload(device, to->handle, offset, from, bytes, err);
    device->driver->leave(device->session);
    return err->code;
}

enum dg_code dg_gpu_get(dg_device *device, const dg_buffer *from, size_t offset, void *to, size_t bytes,
                        dg_err *err)
{
    if (device->driver->enter(device->session, err)) return err->code;
    if (download(device, from->handle, offset, to, bytes, err)) drain_copies(device, 1);
    device->driver->leave(device->session);
    return err->code;
}
