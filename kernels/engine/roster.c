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

/*
 * The one state of the process beside the drivers' tables. `lock` guards it and is held for moments only;
 * `opening` is held by whoever opens a device, which may take seconds, so that it is done once. A child of
 * fork never finds either taken by a thread it does not have: the first is held across fork, the second made
 * anew.
 */
static pthread_once_t watch_once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER, opening = PTHREAD_MUTEX_INITIALIZER;
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

static void begin_in_child(void)
{
    opening = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    leave_lock();
}

static void watch_forks(void)
{
    pthread_atfork(take_lock, leave_lock, begin_in_child);
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

/* The entry of a device, made if need be; NULL where there is no room. */
static known *find_or_add(const dg_backend *backend, int number)
{
    known *k = find(backend, number);
    if (k || roster_count == KNOWN_MAX) return k;
    k = &roster[roster_count++];
    *k = (known){.backend = backend, .number = number};
    return k;
}

/* Opens a device, and tests and measures it if it is new here. Holds `opening`, not `lock`. */
static enum dg_code open_device(known *k, const dg_poll *poll, dg_device **out, dg_err *err)
{
    const dg_open_options options = {0};
    dg_device_info info;
    if (k->backend->open(k->number, &options, out, err)) return err->code;
    if (k->proven) return DG_OK;
    if (dg_selftest(k->backend, *out, poll, err) || k->backend->describe(*out, &info, err) ||
        dg_calibrate(k->backend, *out, poll, &info, err))
        return err->code;
    take_lock();
    k->info = info;
    k->proven = 1;
    leave_lock();
    return DG_OK;
}

/* An open device that nobody uses; NULL where there is none, or it is refused. */
static dg_device *take_idle(known *k, dg_err *err)
{
    take_lock();
    dg_device *device = NULL;
    if (k->refused.code)
        *err = k->refused;
    else if (k->idle_count > 0)
        device = k->idle[--k->idle_count];
    leave_lock();
    return device;
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
    known *k = find_or_add(backend, number);
    leave_lock();
    if (!k) return dg_fail(err, DG_DEVICE_ERROR, "%s: more than %d devices", backend->name, KNOWN_MAX);
    *out = take_idle(k, err);
    if (!*out && !err->code) {
        pthread_mutex_lock(&opening);
        *out = take_idle(k, err); /* another thread may have opened it meanwhile, or found it wanting */
        if (!*out && !err->code) open_device(k, poll, out, err);
        pthread_mutex_unlock(&opening);
    }
    if (err->code == DG_OK && backend->describe(*out, info, err) == DG_OK) {
        info->costs = k->info.costs;
        return DG_OK;
    }
    if (*out) backend->close(*out);
    *out = NULL;
    take_lock();
    if (err->code == DG_DEVICE_ERROR) k->refused = *err;
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
