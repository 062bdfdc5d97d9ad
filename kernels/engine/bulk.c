#define _GNU_SOURCE /* sched_getaffinity */
#include "bulk.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    DEPTH_PER_THREAD = 16, /* one item that takes 15 times as long as its neighbours holds nobody up */
    POLL_NS = 10000000,
};

struct slot {
    void *item;
    uint64_t bytes;
    int done;
};

struct lane {
    dg_bulk_lane face;
    uint64_t reserved; /* of the item being worked on; under the lock */
    pthread_t thread;
};

/* Item number n is in slot n % depth. taken <= claimed <= given, and all of them only count up. */
struct dg_bulk {
    dg_bulk_spec spec;
    pid_t process;          /* that opened it */
    uint32_t lanes, living; /* lanes there are; threads that run, 0 where the calling thread works */
    struct lane *lane;
    struct slot *slots;
    atomic_int stop;
    const dg_poll *poll; /* the caller's, while it works itself */

    pthread_mutex_t lock; /* over all that follows */
    pthread_cond_t work;  /* there is something to claim, or to stop for */
    pthread_cond_t done;  /* the oldest item is done */
    pthread_cond_t space; /* work space was given back */
    uint64_t given, claimed, taken;
    uint64_t items, reserved, peak; /* bytes */
    int caller_waits;
};

uint32_t dg_bulk_cores(void)
{
    cpu_set_t set;
    long count =
        sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (uint32_t)count : 1;
}

/* --- the budget --- */

static void note_peak(dg_bulk *b)
{
    if (b->items + b->reserved > b->peak) b->peak = b->items + b->reserved;
}

/* The share of items; the rest is work space, for a decoded picture is many times as large as its file. */
static uint64_t items_share(const dg_bulk *b)
{
    return b->spec.budget ? b->spec.budget / 8 : UINT64_MAX;
}

static uint64_t space_share(const dg_bulk *b)
{
    return b->spec.budget ? b->spec.budget - b->spec.budget / 8 : UINT64_MAX;
}

static int fits(uint64_t share, uint64_t used, uint64_t more)
{
    return used <= share && more <= share - used;
}

/* With the lock held. */
static void add_reservation(dg_bulk *b, struct lane *lane, uint64_t bytes)
{
    lane->reserved += bytes;
    b->reserved += bytes;
    note_peak(b);
}

/* With the lock held, or where there are no workers. */
static void give_back(dg_bulk *b, struct lane *lane)
{
    if (!lane->reserved) return;
    b->reserved -= lane->reserved;
    lane->reserved = 0;
    pthread_cond_broadcast(&b->space);
}

enum dg_code dg_bulk_reserve(dg_bulk_lane *face, uint64_t bytes, dg_err *err)
{
    dg_bulk *b = face->bulk;
    struct lane *lane = (struct lane *)face;
    const uint64_t share = space_share(b);
    if (bytes > share)
        return dg_fail(err, DG_ERROR, "needs %llu MiB of work space; the memory limit leaves it %llu",
                       (unsigned long long)(bytes >> 20) + 1, (unsigned long long)(share >> 20));
    pthread_mutex_lock(&b->lock);
    give_back(b, lane);
    while (!fits(share, b->reserved, bytes) && !atomic_load(&b->stop)) pthread_cond_wait(&b->space, &b->lock);
    add_reservation(b, lane, bytes);
    pthread_mutex_unlock(&b->lock);
    return atomic_load(&b->stop) ? dg_fail(err, DG_INTERRUPT, "interrupted") : DG_OK;
}

int dg_bulk_reserve_more(dg_bulk_lane *face, uint64_t bytes)
{
    dg_bulk *b = face->bulk;
    pthread_mutex_lock(&b->lock);
    int room = fits(space_share(b), b->reserved, bytes);
    if (room) add_reservation(b, (struct lane *)face, bytes);
    pthread_mutex_unlock(&b->lock);
    return room;
}

/* --- work --- */

static int stop_asked(void *arg)
{
    return atomic_load_explicit(&((dg_bulk *)arg)->stop, memory_order_relaxed);
}

/* The poll of work that the calling thread does itself. */
static int caller_stops(void *arg)
{
    dg_bulk *b = arg;
    if (!atomic_load(&b->stop) && dg_poll_stop(b->poll)) atomic_store(&b->stop, 1);
    return atomic_load(&b->stop);
}

/* Waits for an item and returns its slot, or NULL when it is time to stop. With the lock held. */
static struct slot *claim(dg_bulk *b)
{
    while (b->claimed == b->given && !atomic_load(&b->stop)) pthread_cond_wait(&b->work, &b->lock);
    return atomic_load(&b->stop) ? NULL : &b->slots[b->claimed++ % b->spec.depth];
}

/* With the lock held. */
static void finish(dg_bulk *b, struct lane *lane, struct slot *slot)
{
    slot->done = 1;
    give_back(b, lane);
    if (b->caller_waits && slot == &b->slots[b->taken % b->spec.depth]) pthread_cond_signal(&b->done);
}

static void *run_worker(void *arg)
{
    struct lane *lane = arg;
    dg_bulk *b = lane->face.bulk;
    struct slot *slot;
    pthread_mutex_lock(&b->lock);
    while ((slot = claim(b)) != NULL) {
        pthread_mutex_unlock(&b->lock);
        b->spec.work(slot->item, &lane->face);
        pthread_mutex_lock(&b->lock);
        finish(b, lane, slot);
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

/* --- opening and closing --- */

/* Starts as many workers as can be had. One alone would leave the caller waiting for it. */
static void start_workers(dg_bulk *b)
{
    sigset_t all, before;
    if (b->lanes == 1) return;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (b->living < b->lanes &&
           pthread_create(&b->lane[b->living].thread, NULL, run_worker, &b->lane[b->living]) == 0)
        b->living++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void open_locks(dg_bulk *b)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->work, NULL);
    pthread_cond_init(&b->done, &monotonic);
    pthread_cond_init(&b->space, NULL);
    pthread_condattr_destroy(&monotonic);
}

/* What the threads that a forked process does not have were working on is left alone: it may be half done. */
static void free_bulk(dg_bulk *b)
{
    const int here = b->process == getpid();
    for (uint64_t n = b->taken; n < b->given; n++) {
        const struct slot *slot = &b->slots[n % b->spec.depth];
        if (here || n >= b->claimed || slot->done) b->spec.drop(slot->item);
    }
    for (uint32_t i = 0; b->lane && i < b->lanes; i++) {
        if (here && b->lane[i].face.scratch && b->spec.clear_scratch)
            b->spec.clear_scratch(b->lane[i].face.scratch);
        if (here) free(b->lane[i].face.scratch);
    }
    free(b->lane);
    free(b->slots);
    free(b);
}

static enum dg_code open_lanes(dg_bulk *b, dg_err *err)
{
    b->slots = calloc(b->spec.depth, sizeof *b->slots);
    b->lane = calloc(b->lanes, sizeof *b->lane);
    if (!b->slots || !b->lane) return dg_fail_nomem(err, "a pipeline");
    for (uint32_t i = 0; i < b->lanes; i++) {
        void *scratch = calloc(1, b->spec.scratch_bytes ? b->spec.scratch_bytes : 1);
        b->lane[i].face = (dg_bulk_lane){scratch, b->spec.context, {stop_asked, b}, b};
        if (!scratch) return dg_fail_nomem(err, "a pipeline's work space");
    }
    return DG_OK;
}

enum dg_code dg_bulk_open(const dg_bulk_spec *spec, dg_bulk **bulk, dg_err *err)
{
    dg_bulk *b = calloc(1, sizeof *b);
    *bulk = NULL;
    if (!b) return dg_fail_nomem(err, "a pipeline");
    b->spec = *spec;
    b->process = getpid();
    b->lanes = spec->threads ? spec->threads : dg_bulk_cores();
    if (spec->expected && spec->expected < b->lanes) b->lanes = (uint32_t)spec->expected;
    if (!spec->depth) b->spec.depth = b->lanes * DEPTH_PER_THREAD;
    if (open_lanes(b, err) != DG_OK) {
        free_bulk(b);
        return err->code;
    }
    open_locks(b);
    start_workers(b);
    if (b->living == 0) b->lane[0].face.poll.stop = caller_stops;
    *bulk = b;
    return DG_OK;
}

uint32_t dg_bulk_threads(const dg_bulk *b)
{
    return b->living ? b->living : 1;
}

static void stop_workers(dg_bulk *b)
{
    pthread_mutex_lock(&b->lock);
    atomic_store(&b->stop, 1);
    pthread_cond_broadcast(&b->work);
    pthread_cond_broadcast(&b->space);
    pthread_mutex_unlock(&b->lock);
    for (uint32_t i = 0; i < b->living; i++) pthread_join(b->lane[i].thread, NULL);
    pthread_mutex_destroy(&b->lock);
    pthread_cond_destroy(&b->work);
    pthread_cond_destroy(&b->done);
    pthread_cond_destroy(&b->space);
}

void dg_bulk_close(dg_bulk *b)
{
    if (!b) return;
    /* In a forked process the lock may be held, and be waited for, by threads that are not there. */
    if (b->process == getpid()) stop_workers(b);
    free_bulk(b);
}

/* --- the caller's side --- */

uint64_t dg_bulk_largest_item(const dg_bulk *b)
{
    return items_share(b);
}

int dg_bulk_has_room(const dg_bulk *b, uint64_t bytes)
{
    if (b->given == b->taken) return 1;
    return b->given - b->taken < b->spec.depth && fits(items_share(b), b->items, bytes);
}

void dg_bulk_give(dg_bulk *b, void *item, uint64_t bytes)
{
    int here = b->process == getpid();
    if (here) pthread_mutex_lock(&b->lock);
    b->slots[b->given++ % b->spec.depth] = (struct slot){item, bytes, 0};
    b->items += bytes;
    note_peak(b);
    if (!here) return;
    pthread_cond_signal(&b->work);
    pthread_mutex_unlock(&b->lock);
}

/* A moment from now; longer than this the caller's poll is not left alone. */
static struct timespec next_poll(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += POLL_NS;
    if (t.tv_nsec >= 1000000000) t.tv_sec++, t.tv_nsec -= 1000000000;
    return t;
}

/* Waits for the slot's work to end. The poll, which may run SQL, is asked without the lock. */
static enum dg_code wait_for(dg_bulk *b, struct slot *slot, const dg_poll *poll, dg_err *err)
{
    pthread_mutex_lock(&b->lock);
    while (!slot->done && !err->code) {
        struct timespec until = next_poll();
        b->caller_waits = 1;
        pthread_cond_timedwait(&b->done, &b->lock, &until);
        b->caller_waits = 0;
        if (slot->done) break;
        pthread_mutex_unlock(&b->lock);
        if (dg_poll_stop(poll)) dg_fail(err, DG_INTERRUPT, "interrupted");
        pthread_mutex_lock(&b->lock);
    }
    pthread_mutex_unlock(&b->lock);
    return err->code;
}

/* Does the work of the slot on the calling thread. */
static enum dg_code work_here(dg_bulk *b, struct slot *slot, const dg_poll *poll, dg_err *err)
{
    struct lane *lane = &b->lane[0];
    b->poll = poll;
    if (!caller_stops(b)) {
        b->claimed++;
        b->spec.work(slot->item, &lane->face);
        finish(b, lane, slot);
    }
    b->poll = NULL;
    return atomic_load(&b->stop) ? dg_fail(err, DG_INTERRUPT, "interrupted") : DG_OK;
}

enum dg_code dg_bulk_take(dg_bulk *b, const dg_poll *poll, void **item, dg_err *err)
{
    struct slot *slot = &b->slots[b->taken % b->spec.depth];
    *item = NULL;
    if (b->process != getpid()) return dg_fail(err, DG_ERROR, "the process has forked since the work began");
    if (b->taken == b->given) return DG_OK;
    enum dg_code code = b->living ? wait_for(b, slot, poll, err) : work_here(b, slot, poll, err);
    if (code) return code;
    if (b->living) pthread_mutex_lock(&b->lock);
    *item = slot->item;
    b->items -= slot->bytes;
    b->taken++;
    if (b->living) pthread_mutex_unlock(&b->lock);
    return DG_OK;
}

int dg_bulk_ready(dg_bulk *b)
{
    if (b->taken == b->given || b->process != getpid()) return 1;
    if (!b->living) return 0;
    pthread_mutex_lock(&b->lock);
    int done = b->slots[b->taken % b->spec.depth].done;
    pthread_mutex_unlock(&b->lock);
    return done;
}

uint64_t dg_bulk_peak(dg_bulk *b)
{
    if (b->process != getpid()) return b->peak;
    pthread_mutex_lock(&b->lock);
    uint64_t peak = b->peak;
    pthread_mutex_unlock(&b->lock);
    return peak;
}
