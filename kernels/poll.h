/*
 * A question long work asks its caller: shall I stop?
 *
 * `stop` is called only on the thread that entered the kernels, at least every 50 ms of work, and returns
 * nonzero to end the work with DG_INTERRUPT. It may be called from inside a parallel region's master thread.
 */
#ifndef DG_POLL_H
#define DG_POLL_H

typedef struct dg_poll {
    int (*stop)(void *arg); /* NULL: never stop */
    void *arg;
} dg_poll;

static inline int dg_poll_stop(const dg_poll *poll)
{
    return poll->stop && poll->stop(poll->arg);
}

#endif
