/*
 * What streams do, and when: nothing by themselves. Something that must be waited for is brought about by
 * doing the operations before it in its stream, and those that they wait for; with a seed, a few operations
 * of other streams come first.
 */
#include "fake.h"

#include "../../kernels/device/kernels.h"
#include "../emulator/emulator.h"

#include <stdlib.h>
#include <string.h>

enum { ASKED_MAX = 3 }; /* questions answered with no, at most */

static unsigned chance(unsigned below)
{
    fake.seed = fake.seed * 1664525u + 1013904223u;
    if (fake.seed == 0) fake.seed = 1;
    return (fake.seed >> 8) % below;
}

point *fake_point(object *stream)
{
    point *at = calloc(1, sizeof *at);
    if (!at) abort();
    at->stream = stream;
    return at;
}

void fake_drop_point(point *at)
{
    if (at && --at->holders == 0) free(at);
}

static void free_operation(operation *work)
{
    fake_drop_point(work->at);
    free(work->snapshot);
    free(work->arguments);
    free(work);
}

void fake_queue(object *stream, operation *work)
{
    if (work->at) work->at->holders++;
    if (stream->tail)
        stream->tail->next = work;
    else
        stream->head = work;
    stream->tail = work;
}

/* The host address of device memory, all of whose bytes must exist. */
static char *device_bytes(uint64_t address, size_t bytes, const char *what)
{
    object *memory = fake_find_memory(DEVICE_MEMORY, address, bytes);
    if (memory) return memory->host + (address - memory->address);
    fake_violation("%s of %zu bytes at 0x%llx, which is no device memory by now", what, bytes,
                   (unsigned long long)address);
    return NULL;
}

static void copy_out(const operation *work)
{
    char *from = device_bytes(work->address, work->bytes, "copy to the host");
    if (!from) return;
    if (!fake_find_memory(PINNED_MEMORY, (uint64_t)(uintptr_t)work->host, work->bytes)) {
        fake_violation("copy to host memory that was freed before the stream came to it");
        return;
    }
    memcpy(work->host, from, work->bytes);
    fake.copies_out++;
    if (fake.corrupt && fake.copies_out % fake.corrupt == 0) work->host[0] ^= 1;
}

static void copy_in(const operation *work)
{
    char *to = device_bytes(work->address, work->bytes, "copy to the device");
    if (!to) return;
    if (work->snapshot)
        memcpy(to, work->snapshot, work->bytes);
    else if (!fake_find_memory(PINNED_MEMORY, (uint64_t)(uintptr_t)work->host, work->bytes))
        fake_violation("copy from host memory that was freed before the stream came to it");
    else
        memcpy(to, work->host, work->bytes);
}

static void launch(const operation *work)
{
    void *buffers[16] = {NULL};
    for (uint32_t b = 0; b < dg_kernels[work->kernel].buffers; b++)
        if (work->buffers[b] && !(buffers[b] = device_bytes(work->buffers[b], 1, "launch with memory")))
            return;
    dg_emulate((enum dg_kernel)work->kernel, work->groups, buffers, work->arguments);
}

/* Does the first operation of a stream; 0 where there is none, or it must wait. */
static int step(object *stream)
{
    operation *work = stream->head;
    if (!work || (work->what == WAIT && !work->at->done)) return 0;
    stream->head = work->next;
    if (!stream->head) stream->tail = NULL;
    switch (work->what) {
    case COPY_IN: copy_in(work); break;
    case COPY_OUT: copy_out(work); break;
    case LAUNCH: launch(work); break;
    case RECORD: work->at->done = 1; break;
    case WAIT: break;
    }
    free_operation(work);
    return 1;
}

/* A point is only waited for after it was recorded, so that this comes to an end. */
static void bring_about(point *at);

static void advance(object *stream)
{
    if (stream->head->what == WAIT) bring_about(stream->head->at);
    step(stream);
}

static void bring_about(point *at)
{
    while (!at->done && at->stream->head) advance(at->stream);
}

/* A few operations of any stream. */
static void stir(void)
{
    if (fake.seed == 0) return;
    for (object *thing = fake.objects; thing; thing = thing->next)
        if (thing->what == STREAM)
            for (unsigned n = chance(6); n > 0 && step(thing); n--) continue;
}

int fake_ask(point *at)
{
    stir();
    if (!at || at->done) return 1;
    uint32_t patience = fake.seed ? chance(ASKED_MAX + 1) : 1;
    if (at->asked++ < patience) return 0;
    bring_about(at);
    return 1;
}

void fake_drain(object *stream)
{
    stir();
    while (stream->head) advance(stream);
}

void fake_drain_context(object *context)
{
    for (object *thing = fake.objects; thing; thing = thing->next)
        if (thing->what == STREAM && thing->context == context) fake_drain(thing);
}

void fake_discard(object *stream)
{
    while (stream->head) {
        operation *work = stream->head;
        stream->head = work->next;
        if (work->what == RECORD) work->at->done = 1;
        free_operation(work);
    }
    stream->tail = NULL;
}
