/*
 * An ordered, bounded pipeline: the calling thread hands items in, worker threads work on them side by side,
 * and the calling thread takes them back in the order in which it handed them in.
 *
 *     dg_bulk_open(&spec, &bulk, err);
 *     for each picture:
 *         while (!dg_bulk_has_room(bulk, bytes)) dg_bulk_take(bulk, &poll, &done, err), use and free done;
 *         dg_bulk_give(bulk, item, bytes);
 *     while dg_bulk_take(bulk, &poll, &done, err) == DG_OK && done: use and free done;
 *     dg_bulk_close(bulk);
 *
 * Items are plain memory. An item belongs to the caller until it is given, to the pipeline until it is taken,
 * and then to the caller again; the work function leaves its result in the item. Items never taken are handed
 * to `drop`. The pipeline may be closed at any moment, also with work under way: the workers' polls then
 * answer "stop", so that closing takes no longer than a work function leaves between two of them.
 *
 * Two things are bounded: the bytes of items given and not taken, as the caller states them, by an eighth of
 * `budget`, and by the rest of it the work space for which work functions ask with dg_bulk_reserve once they
 * know how much they need. What would never fit is refused, and what is reserved is given back without
 * waiting for anything else, so nothing stands still.
 *
 * A lock is held only to hand an item over, never during work. With one thread, and on a machine that gives
 * none, there are no workers: dg_bulk_take does the work itself. All functions but dg_bulk_reserve belong to
 * the thread that opened the pipeline. Workers block all signals, which are the host's affair. In a process
 * forked while the pipeline was open, where its workers do not exist, dg_bulk_take fails and the pipeline can
 * only be closed; one opened after a fork is like any other.
 */
#ifndef DG_ENGINE_BULK_H
#define DG_ENGINE_BULK_H

#include "../error.h"
#include "../poll.h"

#include <stddef.h>
#include <stdint.h>

typedef struct dg_bulk dg_bulk;

/* The place in which an item is worked on: a worker thread, or the calling thread where there is none. */
typedef struct dg_bulk_lane {
    void *scratch;       /* this lane's alone, kept from item to item; scratch_bytes zero bytes at first */
    const void *context; /* the spec's; shared by all lanes, so only to be read */
    dg_poll poll;        /* asks whether to stop; to be called at least every 50 ms of work */
    dg_bulk *bulk;
} dg_bulk_lane;

typedef struct dg_bulk_spec {
    uint32_t threads;  /* 0: the cores this process may use */
    uint32_t depth;    /* most items given and not taken; 0: as many as keep the threads busy */
    uint64_t expected; /* items there will be, so that no more threads are started; 0: not known */
    uint64_t budget;   /* bytes; 0: unlimited */
    size_t scratch_bytes;
    const void *context;
    /* Does the work on one item. It cannot fail but in the item; once its poll said stop, the result is not
     * looked at. */
    void (*work)(void *item, dg_bulk_lane *lane);
    void (*drop)(void *item);             /* frees an item that is not taken */
    void (*clear_scratch)(void *scratch); /* frees what the scratch owns; NULL: it owns nothing */
} dg_bulk_spec;

/* The number of cores this process may use, at least 1: what `threads` = 0 stands for. */
uint32_t dg_bulk_cores(void);

/* Opens a pipeline and starts its threads, as many of them as can be had. DG_NOMEM is the only failure. */
enum dg_code dg_bulk_open(const dg_bulk_spec *spec, dg_bulk **bulk, dg_err *err);

/* The threads that work: 1 where the calling thread does. */
uint32_t dg_bulk_threads(const dg_bulk *bulk);

/* Bytes of the largest item that leaves the budget whole. A larger one is let in when it is alone. */
uint64_t dg_bulk_largest_item(const dg_bulk *bulk);

/* Whether an item of that many bytes may be given now. Always true when nothing is in flight. */
int dg_bulk_has_room(const dg_bulk *bulk, uint64_t bytes);

/* Gives an item, for which there must be room. */
void dg_bulk_give(dg_bulk *bulk, void *item, uint64_t bytes);

/*
 * Takes the oldest item, waiting for its work to end; *item is NULL when none is in flight. While it waits,
 * the poll is asked every 10 ms. DG_INTERRUPT when it said stop, DG_ERROR in a forked process; the item then
 * stays.
 */
enum dg_code dg_bulk_take(dg_bulk *bulk, const dg_poll *poll, void **item, dg_err *err);

/* Whether dg_bulk_take would not have to wait. */
int dg_bulk_ready(dg_bulk *bulk);

/*
 * For a work function: waits until `bytes` of work space are free and reserves them until this item's work
 * ends. What it had reserved before is given back first, so nobody waits for space while holding some; the
 * memory itself must have been freed. DG_ERROR, naming the figures, where the budget has no room for so many;
 * DG_INTERRUPT if the pipeline is being closed.
 */
enum dg_code dg_bulk_reserve(dg_bulk_lane *lane, uint64_t bytes, dg_err *err);

/* For a work function: adds to what it has reserved, without waiting. Returns 0 if there is no room now. */
int dg_bulk_reserve_more(dg_bulk_lane *lane, uint64_t bytes);

/* The largest sum of items' bytes and reservations there was. */
uint64_t dg_bulk_peak(dg_bulk *bulk);

/* Stops the work, waits for the workers, drops the items and frees everything. NULL is allowed. */
void dg_bulk_close(dg_bulk *bulk);

#endif
