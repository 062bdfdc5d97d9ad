#include "driver.h"

#include "emulator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Set in addresses of device memory: no processor lets the host use such an address. */
#define TAG ((uintptr_t)1 << 62)

enum { BUFFERS_MAX = 14, ARGUMENTS_MAX = 256 };

enum what { COPY_IN, COPY_OUT, LAUNCH, AFTER };

/* Something queued. Copies: `host` and memory[0]. AFTER: a place in another queue. */
typedef struct command {
    enum what what;
    void *memory[BUFFERS_MAX];
    char *host;
    size_t offset, bytes;
    enum dg_kernel kernel;
    uint32_t groups;
    char arguments[ARGUMENTS_MAX];
    enum dg_queue queue;
    size_t place;
} command;

typedef struct queue {
    command *commands;
    size_t count, room, done;
} queue;

typedef struct piece {
    struct piece *next;
    char *real;
    size_t bytes;
    int locked;
} piece;

struct dg_session {
    int entered;
    queue queues[DG_QUEUES];
    struct {
        enum dg_queue queue;
        size_t place;
    } marks[DG_MARKS];
    uint32_t asked;
    piece *pieces;
    size_t used;
};

static dg_emulator_settings settings;
static uint64_t calls;
static uint32_t live;
static const char *misuse;

void dg_emulator_reset(const dg_emulator_settings *wanted)
{
    settings = *wanted;
    if (settings.memory == 0) settings.memory = (size_t)1 << 30;
    if (settings.units == 0) settings.units = 2;
    calls = 0;
    misuse = NULL;
}

uint64_t dg_emulator_calls(void)
{
    return calls;
}

uint32_t dg_emulator_live(void)
{
    return live;
}

const char *dg_emulator_misuse(void)
{
    return misuse;
}

static void against_the_rules(const char *what)
{
    if (!misuse) misuse = what;
}

/* Counts a call that may fail, and fails it where the settings want that. */
static enum dg_code call(const dg_session *session, const char *name, dg_err *err)
{
    calls++;
    if (session && !session->entered) against_the_rules("a call outside of enter and leave");
    int fails =
        settings.fail_at && (calls == settings.fail_at || (settings.sticky && calls > settings.fail_at));
    return fails ? dg_fail(err, settings.code, "emulator: %s: call %llu was to fail", name,
                           (unsigned long long)calls)
                 : DG_OK;
}

/* --- memory --- */

static piece *find(const dg_session *session, const void *address, int locked)
{
    const char *real = locked ? address : (const char *)((uintptr_t)address & ~TAG);
    for (piece *p = session->pieces; p; p = p->next)
        if (p->locked == locked && real >= p->real && real < p->real + p->bytes) return p;
    return NULL;
}

static enum dg_code make(dg_session *session, size_t bytes, int locked, void **out, dg_err *err)
{
    *out = NULL;
    if (bytes == 0) against_the_rules("an allocation of 0 bytes");
    if (!locked && session->used + bytes > settings.memory)
        return dg_fail(err, DG_DEVICE_NOMEM, "emulator: out of memory for %zu bytes", bytes);
    piece *p = malloc(sizeof *p);
    char *real = malloc(bytes);
    if (!p || !real) {
        free(p);
        free(real);
        return dg_fail_nomem(err, "the emulator");
    }
    memset(real, 0xa5, bytes);
    *p = (piece){session->pieces, real, bytes, locked};
    session->pieces = p;
    session->used += locked ? 0 : bytes;
    live++;
    *out = locked ? real : (void *)((uintptr_t)real | TAG);
    return DG_OK;
}

static void drop(dg_session *session, const void *address, int locked)
{
    const piece *wanted = find(session, address, locked);
    if (!wanted) {
        against_the_rules("memory freed that is not there");
        return;
    }
    for (int q = 0; q < DG_QUEUES; q++)
        for (size_t i = session->queues[q].done; i < session->queues[q].count; i++) {
            const command *c = &session->queues[q].commands[i];
            int used = locked && c->host && find(session, c->host, 1) == wanted;
            for (int k = 0; k < BUFFERS_MAX && !locked; k++)
                used |= c->memory[k] && find(session, c->memory[k], 0) == wanted;
            if (used && !settings.sticky) against_the_rules("memory freed that queued work uses");
        }
    for (piece **link = &session->pieces; *link; link = &(*link)->next)
        if (*link == wanted) {
            piece *p = *link;
            *link = p->next;
            session->used -= locked ? 0 : p->bytes;
            live--;
            free(p->real);
            free(p);
            return;
        }
}

static enum dg_code emulator_allocate(dg_session *session, size_t bytes, void **memory, dg_err *err)
{
    *memory = NULL;
    return call(session, "allocate", err) ? err->code : make(session, bytes, 0, memory, err);
}

static void emulator_release(dg_session *session, void *memory)
{
    drop(session, memory, 0);
}

static enum dg_code emulator_lock(dg_session *session, size_t bytes, void **host, dg_err *err)
{
    *host = NULL;
    return call(session, "lock", err) ? err->code : make(session, bytes, 1, host, err);
}

static void emulator_unlock(dg_session *session, void *host)
{
    drop(session, host, 1);
}

/* --- queues --- */

static void run_until(dg_session *session, enum dg_queue number, size_t place);

static void run_command(dg_session *session, const command *c)
{
    void *memory[BUFFERS_MAX] = {NULL};
    for (int k = 0; k < BUFFERS_MAX; k++) {
        if (!c->memory[k]) continue;
        piece *p = find(session, c->memory[k], 0);
        if (!p) {
            against_the_rules("work on memory that has been freed");
            return;
        }
        memory[k] = p->real;
    }
    switch (c->what) {
    case COPY_IN: memcpy((char *)memory[0] + c->offset, c->host, c->bytes); break;
    case COPY_OUT: memcpy(c->host, (char *)memory[0] + c->offset, c->bytes); break;
    case LAUNCH: dg_emulate(c->kernel, c->groups, memory, c->arguments); break;
    case AFTER: run_until(session, c->queue, c->place); break;
    }
}

static void run_until(dg_session *session, enum dg_queue number, size_t place)
{
    queue *q = &session->queues[number];
    while (q->done < place) run_command(session, &q->commands[q->done++]);
}

static enum dg_code put_in(dg_session *session, enum dg_queue number, const command *c, dg_err *err)
{
    queue *q = &session->queues[number];
    if (q->count == q->room) {
        size_t room = q->room ? 2 * q->room : 64;
        command *larger = realloc(q->commands, room * sizeof *larger);
        if (!larger) return dg_fail_nomem(err, "the emulator");
        q->commands = larger;
        q->room = room;
    }
    q->commands[q->count++] = *c;
    if (settings.eager) run_until(session, number, q->count);
    return DG_OK;
}

static enum dg_code copy(dg_session *session, enum dg_queue number, enum what what, const void *memory,
                         size_t offset, const void *host, size_t bytes, dg_err *err)
{
    const piece *device = find(session, memory, 0), *locked = find(session, host, 1);
    if (!device || offset + bytes > device->bytes || !locked ||
        (const char *)host + bytes > locked->real + locked->bytes || bytes == 0) {
        against_the_rules("a copy outside of memory");
        return dg_fail(err, DG_DEVICE_ERROR, "emulator: a copy outside of memory");
    }
    command c = {
        .what = what, .memory = {(void *)memory}, .offset = offset, .host = (char *)host, .bytes = bytes};
    return put_in(session, number, &c, err);
}

static enum dg_code emulator_copy_in(dg_session *session, enum dg_queue number, void *memory, size_t offset,
                                     const void *host, size_t bytes, dg_err *err)
{
    if (call(session, "copy_in", err)) return err->code;
    return copy(session, number, COPY_IN, memory, offset, host, bytes, err);
}

static enum dg_code emulator_copy_out(dg_session *session, enum dg_queue number, const void *memory,
                                      size_t offset, void *host, size_t bytes, dg_err *err)
{
    if (call(session, "copy_out", err)) return err->code;
    return copy(session, number, COPY_OUT, memory, offset, host, bytes, err);
}

static enum dg_code emulator_launch(dg_session *session, enum dg_queue number, enum dg_kernel kernel,
                                    uint32_t groups, void *const *memory, const void *arguments, dg_err *err)
{
    if (call(session, "launch", err)) return err->code;
    command c = {.what = LAUNCH, .kernel = kernel, .groups = groups};
    if (groups == 0) against_the_rules("a launch of no groups");
    memcpy(c.memory, memory, dg_kernels[kernel].buffers * sizeof *memory);
    memcpy(c.arguments, arguments, dg_kernels[kernel].argument_bytes);
    return put_in(session, number, &c, err);
}

static enum dg_code emulator_mark(dg_session *session, enum dg_queue number, uint32_t mark, dg_err *err)
{
    if (call(session, "mark", err)) return err->code;
    session->marks[mark].queue = number;
    session->marks[mark].place = session->queues[number].count;
    return DG_OK;
}

static enum dg_code emulator_after(dg_session *session, enum dg_queue number, uint32_t mark, dg_err *err)
{
    if (call(session, "after", err)) return err->code;
    command c = {.what = AFTER, .queue = session->marks[mark].queue, .place = session->marks[mark].place};
    return put_in(session, number, &c, err);
}

/* Every other time nothing has happened yet. */
static enum dg_code emulator_reached(dg_session *session, uint32_t mark, int *reached, dg_err *err)
{
    *reached = 0;
    if (call(session, "reached", err)) return err->code;
    if (session->asked++ % 2) return DG_OK;
    run_until(session, session->marks[mark].queue, session->marks[mark].place);
    *reached = 1;
    return DG_OK;
}

/* --- sessions --- */

static void fill_info(dg_device_info *out)
{
    *out = (dg_device_info){.kind = DG_DEVICE_GPU,
                            .doubles = 1,
                            .units = settings.units,
                            .memory_total = settings.memory,
                            .memory_free = settings.memory};
    snprintf(out->name, sizeof out->name, "Emulator");
}

static enum dg_code emulator_open(int number, dg_session **out, dg_err *err)
{
    *out = NULL;
    if (call(NULL, "open", err)) return err->code;
    if (number != 0) return dg_fail(err, DG_DEVICE_ERROR, "emulator: no device %d", number);
    *out = calloc(1, sizeof **out);
    if (!*out) return dg_fail_nomem(err, "the emulator");
    live++;
    return DG_OK;
}

static void emulator_close(dg_session *session)
{
    if (session->pieces) against_the_rules("memory left at close");
    if (session->entered) against_the_rules("close without leave");
    for (int q = 0; q < DG_QUEUES; q++) free(session->queues[q].commands);
    while (session->pieces) {
        piece *p = session->pieces;
        session->pieces = p->next;
        free(p->real);
        free(p);
    }
    live--;
    free(session);
}

static enum dg_code emulator_describe(dg_session *session, dg_device_info *out, dg_err *err)
{
    if (call(session, "describe", err)) return err->code;
    fill_info(out);
    out->memory_free -= session->used;
    return DG_OK;
}

static enum dg_code emulator_enter(dg_session *session, dg_err *err)
{
    if (call(NULL, "enter", err)) return err->code;
    if (session->entered) against_the_rules("enter twice");
    session->entered = 1;
    return DG_OK;
}

static void emulator_leave(dg_session *session)
{
    if (!session->entered) against_the_rules("leave without enter");
    session->entered = 0;
}

const dg_driver dg_driver_emulator = {
    .name = "emulator",
    .open = emulator_open,
    .close = emulator_close,
    .describe = emulator_describe,
    .enter = emulator_enter,
    .leave = emulator_leave,
    .allocate = emulator_allocate,
    .release = emulator_release,
    .lock = emulator_lock,
    .unlock = emulator_unlock,
    .copy_in = emulator_copy_in,
    .copy_out = emulator_copy_out,
    .launch = emulator_launch,
    .mark = emulator_mark,
    .after = emulator_after,
    .reached = emulator_reached,
};

/* --- the backend --- */

static enum dg_code backend_load(dg_err *err)
{
    (void)err;
    return DG_OK;
}

static int backend_count(void)
{
    return 1;
}

static enum dg_code backend_probe(int number, dg_device_info *out, dg_err *err)
{
    (void)number, (void)err;
    fill_info(out);
    return DG_OK;
}

static enum dg_code backend_open(int number, const dg_open_options *options, dg_device **out, dg_err *err)
{
    (void)options;
    return dg_gpu_open(&dg_driver_emulator, number, out, err);
}

const dg_backend dg_backend_emulator = {
    .name = "emulator",
    .load = backend_load,
    .count = backend_count,
    .probe = backend_probe,
    .open = backend_open,
    .close = dg_gpu_close,
    .describe = dg_gpu_describe,
    .alloc = dg_gpu_alloc,
    .free = dg_gpu_free,
    .put = dg_gpu_put,
    .get = dg_gpu_get,
    .run = dg_gpu_run,
    .wait = dg_gpu_wait,
};
