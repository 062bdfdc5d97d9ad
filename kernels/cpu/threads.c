/*
 * How many threads a parallel region may have.
 *
 * OpenMP in a plugin has two ways to hurt its host, and both are closed here. A region entered in a forked
 * child waits for threads that do not exist there: a fork handler marks the child, which then runs serially.
 * libgomp ends the process when a thread cannot be created: before the first region, and whenever more
 * threads are wanted than ever before, as many are created by hand, and the answer is what could be had.
 */
#include "cpu.h"

#include <omp.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

static pthread_once_t watch_once = PTHREAD_ONCE_INIT;
static pthread_mutex_t trial_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int forked;
static uint32_t proven = 1; /* this many threads have run at once; under trial_lock */

static void note_fork(void)
{
    atomic_store(&forked, 1);
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, note_fork);
}

/* Threads that wait until all of them exist, so that as many were alive at once. */
struct trial {
    pthread_mutex_t gate;
};

static void *wait_at_gate(void *arg)
{
    struct trial *trial = arg;
    pthread_mutex_lock(&trial->gate);
    pthread_mutex_unlock(&trial->gate);
    return NULL;
}

/* The number of threads, the caller included, that could be had of `wanted`. */
static uint32_t try_threads(uint32_t wanted)
{
    struct trial trial = {PTHREAD_MUTEX_INITIALIZER};
    pthread_t *ids = malloc(wanted * sizeof *ids);
    uint32_t made = 0;
    if (!ids) return 1;
    pthread_mutex_lock(&trial.gate);
    while (made + 1 < wanted && pthread_create(&ids[made], NULL, wait_at_gate, &trial) == 0) made++;
    pthread_mutex_unlock(&trial.gate);
    for (uint32_t i = 0; i < made; i++) pthread_join(ids[i], NULL);
    free(ids);
    return made + 1;
}

uint32_t dg_cpu_threads(uint32_t wanted)
{
    pthread_once(&watch_once, watch_forks);
    if (atomic_load(&forked)) return 1;
    if (wanted == 0) {
        wanted = (uint32_t)omp_get_num_procs();
        uint32_t limit = (uint32_t)omp_get_thread_limit();
        if (wanted > limit) wanted = limit;
    }
    if (wanted <= 1) return 1;
    pthread_mutex_lock(&trial_lock);
    if (wanted > proven) proven = try_threads(wanted);
    if (wanted > proven) wanted = proven;
    pthread_mutex_unlock(&trial_lock);
    return wanted;
}

uint32_t dg_cpu_thread(void)
{
    return (uint32_t)omp_get_thread_num();
}

int dg_team_stop(dg_team *team)
{
    if (dg_cpu_thread() == 0 && dg_poll_stop(team->poll)) {
        int none = DG_OK;
        atomic_compare_exchange_strong(&team->stop, &none, DG_INTERRUPT);
    }
    return atomic_load_explicit(&team->stop, memory_order_relaxed) != DG_OK;
}
