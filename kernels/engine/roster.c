#include "roster.h"

#include "calibrate.h"
#include "selftest.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum {
    KNOWN_MAX = 32, /* devices; more than any machine has */
    IDLE_MAX = 4,   /* open devices kept for each */
};

typedef struct known {
    const dg_backend *backend;
    int number;
    int proven;
    dg_device_info info; /* of a proven device, with its costs */
    dg_err refused;      /* why it is not used; code 0: it may be */
    dg_device *idle[IDLE_MAX];
    uint32_t idle_count;
} known;

/* The one state of the process beside the drivers' tables. The lock is held across fork, so that a child
 * never finds it taken by a thread it does not have. */
static pthread_once_t watch_once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static known roster[KNOWN_MAX];
static uint32_t roster_count, holds;

static void take_lock(void)
{
    pthread_mutex_lock(&lock);
}

static void leave_lock(void)
{
    pthread_mutex_unlock(&lock);
}

static void watch_forks(void)
{
    pthread_atfork(take_lock, leave_lock, leave_lock);
}

void dg_roster_hold(void)
{
    pthread_once(&watch_once, watch_forks);
    take_lock();
    holds++;
    leave_lock();
}

static void close_idle(known *k)
{
    while (k->idle_count > 0) k->backend->close(k->idle[--k->idle_count]);
}

void dg_roster_drop(void)
{
    take_lock();
    if (--holds == 0) {
        for (uint32_t i = 0; i < roster_count; i++) close_idle(&roster[i]);
        roster_count = 0;
    }
    leave_lock();
}

/* The entry of a device; NULL where there is none. */
static known *find(const dg_backend *backend, int number)
{
    for (uint32_t i = 0; i < roster_count; i++)
        if (roster[i].backend == backend && roster[i].number == number) return &roster[i];
    return NULL;
}

int dg_roster_is_warm(const dg_backend *backend, int number)
{
    take_lock();
    const known *k = find(backend, number);
    int warm = k && k->proven && !k->refused.code;
    leave_lock();
    return warm;
}

/* Tests and measures a device that is new here. */
static enum dg_code prove(known *k, dg_device *device, const dg_poll *poll, dg_err *err)
{
    if (dg_selftest(k->backend, device, poll, err)) return err->code;
    if (k->backend->describe(device, &k->info, err)) return err->code;
    if (dg_calibrate(k->backend, device, poll, &k->info, err)) return err->code;
    k->proven = 1;
    return DG_OK;
}

static enum dg_code take(known *k, const dg_poll *poll, dg_device **out, dg_device_info *info, dg_err *err)
{
    const dg_open_options options = {0};
    if (k->refused.code) {
        *err = k->refused;
        return err->code;
    }
    if (k->idle_count > 0)
        *out = k->idle[--k->idle_count];
    else if (k->backend->open(k->number, &options, out, err))
        goto fail;
    if (!k->proven && prove(k, *out, poll, err)) goto fail;
    if (k->backend->describe(*out, info, err)) goto fail;
    info->costs = k->info.costs;
    return DG_OK;
fail:
    if (*out) k->backend->close(*out);
    *out = NULL;
    if (err->code == DG_DEVICE_ERROR) k->refused = *err;
    return err->code;
}

enum dg_code dg_roster_take(const dg_backend *backend, int number, const dg_poll *poll, dg_device **out,
                            dg_device_info *info, dg_err *err)
{
    *out = NULL;
    if (backend->load(err)) return err->code;
    if (number < 0 || number >= backend->count())
        return dg_fail(err, DG_DEVICE_ERROR, "%s: no device %d, there %s %d", backend->name, number,
                       backend->count() == 1 ? "is" : "are", backend->count());
    take_lock();
    known *k = find(backend, number);
    if (!k && roster_count < KNOWN_MAX) {
        k = &roster[roster_count++];
        *k = (known){.backend = backend, .number = number};
    }
    if (k)
        take(k, poll, out, info, err);
    else
        dg_fail(err, DG_DEVICE_ERROR, "%s: more than %d devices", backend->name, KNOWN_MAX);
    leave_lock();
    return err->code;
}

void dg_roster_give_back(const dg_backend *backend, int number, dg_device *device, const dg_err *failure)
{
    take_lock();
    known *k = find(backend, number);
    int broken = failure && failure->code == DG_DEVICE_ERROR;
    if (k && broken) {
        if (!k->refused.code) k->refused = *failure;
        close_idle(k);
    }
    if (k && !broken && k->idle_count < IDLE_MAX)
        k->idle[k->idle_count++] = device;
    else
        backend->close(device);
    leave_lock();
}
