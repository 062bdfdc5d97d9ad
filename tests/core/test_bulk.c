/*
 * The pipeline of kernels/engine/bulk.h: order, bounds, stopping, closing at any moment, forks, machines that
 * give no thread. Work is sleeping or counting, so that what is tested is the handing over.
 */
#define _GNU_SOURCE /* pthread_setattr_default_np */
#include "dg_test.h"

#include "../../kernels/engine/bulk.h"
#include "../../kernels/clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_LANES = 64 };

struct scratch {
    int used;
    void *owned;
};

/* What all lanes share in a test. */
struct shared {
    unsigned microseconds; /* an item takes */
    int forever;           /* an item ends only when it is told to stop */
    uint64_t reserve;      /* bytes for each item */
    uint64_t more;         /* bytes beside them */
    atomic_int working, most_working, scratches, living;
    atomic_ullong reserved, most_reserved;
    pthread_t caller;
    atomic_int on_caller;
};

struct item {
    uint64_t number, square;
    struct shared *shared;
    enum dg_code reserved;
    int more; /* had more than that */
};

static void pause_for(unsigned microseconds)
{
    struct timespec t = {0, (long)microseconds * 1000};
    nanosleep(&t, NULL);
}

static void note_most(atomic_int *most, int now)
{
    int seen = atomic_load(most);
    while (now > seen && !atomic_compare_exchange_weak(most, &seen, now)) continue;
}

static void note_reserved(struct shared *s, uint64_t bytes)
{
    unsigned long long now = atomic_fetch_add(&s->reserved, bytes) + bytes,
                       seen = atomic_load(&s->most_reserved);
    while (now > seen && !atomic_compare_exchange_weak(&s->most_reserved, &seen, now)) continue;
}

static void work(void *arg, dg_bulk_lane *lane)
{
    struct item *item = arg;
    struct shared *s = item->shared;
    struct scratch *scratch = lane->scratch;
    dg_err err = {0};
    note_most(&s->most_working, atomic_fetch_add(&s->working, 1) + 1);
    if (pthread_equal(pthread_self(), s->caller)) atomic_store(&s->on_caller, 1);
    if (!scratch->used++) {
        atomic_fetch_add(&s->scratches, 1);
        scratch->owned = malloc(16);
    }
    if (s->reserve) item->reserved = dg_bulk_reserve(lane, s->reserve, &err);
    if (s->reserve && item->reserved == DG_OK) note_reserved(s, s->reserve);
    item->more = s->more && dg_bulk_reserve_more(lane, s->more);
    if (item->more) note_reserved(s, s->more);
    while (s->forever && !dg_poll_stop(&lane->poll)) pause_for(1000);
    if (s->microseconds) pause_for(item->number % 7 == 3 ? 5 * s->microseconds : s->microseconds);
    item->square = item->number * item->number;
    if (s->reserve && item->reserved == DG_OK) atomic_fetch_sub(&s->reserved, s->reserve);
    if (item->more) atomic_fetch_sub(&s->reserved, s->more);
    atomic_fetch_sub(&s->working, 1);
}

static void drop(void *arg)
{
    struct item *item = arg;
    atomic_fetch_sub(&item->shared->living, 1);
    free(item);
}

static void clear_scratch(void *arg)
{
    free(((struct scratch *)arg)->owned);
}

static void *new_item(struct shared *s, uint64_t number)
{
    struct item *item = malloc(sizeof *item);
    assert_non_null(item);
    *item = (struct item){.number = number, .shared = s};
    atomic_fetch_add(&s->living, 1);
    return item;
}

static dg_bulk *open_bulk(uint32_t threads, uint64_t budget, uint32_t depth)
{
    const dg_bulk_spec spec = {.threads = threads,
                               .depth = depth,
                               .budget = budget,
                               .scratch_bytes = sizeof(struct scratch),
                               .work = work,
                               .drop = drop,
                               .clear_scratch = clear_scratch};
    dg_bulk *bulk;
    dg_err err = {0};
    assert_int_equal(dg_bulk_open(&spec, &bulk, &err), DG_OK);
    return bulk;
}

static const dg_poll never = {0};

/* Takes one item, which must be number `number`, and frees it. Returns 0 when there was none. */
static int take(dg_bulk *bulk, uint64_t number)
{
    void *taken;
    dg_err err = {0};
    assert_int_equal(dg_bulk_take(bulk, &never, &taken, &err), DG_OK);
    if (!taken) return 0;
    const struct item *item = taken;
    assert_int_equal(item->number, number);
    assert_int_equal(item->square, number * number);
    drop(taken);
    return 1;
}

/* Passes `count` items of `bytes` each; returns the most that were in flight. */
static uint64_t pass(dg_bulk *bulk, struct shared *s, uint64_t count, uint64_t bytes)
{
    uint64_t given = 0, taken = 0, most = 0;
    while (taken < count) {
        while (given < count && dg_bulk_has_room(bulk, bytes))
            dg_bulk_give(bulk, new_item(s, given++), bytes);
        if (given - taken > most) most = given - taken;
        assert_true(take(bulk, taken));
        taken++;
    }
    assert_false(take(bulk, taken));
    return most;
}

static void keeps_order(void **state)
{
    (void)state;
    static const uint32_t threads[] = {1, 2, 3, 8, MAX_LANES};
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
        struct shared s = {.caller = pthread_self()};
        dg_bulk *bulk = open_bulk(threads[t], 0, 0);
        assert_int_equal(dg_bulk_threads(bulk), threads[t]);
        pass(bulk, &s, 20000, 1);
        s.microseconds = 200;
        pass(bulk, &s, 300, 1);
        dg_bulk_close(bulk);
        assert_int_equal(s.living, 0);
        assert_int_equal(s.on_caller, threads[t] == 1);
        assert_true(s.scratches >= 1 && s.scratches <= (int)threads[t]);
        if (threads[t] > 1) assert_true(s.most_working > 1);
    }
}

static void all_cores_by_default(void **state)
{
    (void)state;
    dg_bulk *bulk = open_bulk(0, 0, 0);
    assert_int_equal(dg_bulk_threads(bulk), dg_bulk_cores());
    assert_true(dg_bulk_cores() >= 1);
    dg_bulk_close(bulk);
    const dg_bulk_spec few = {.threads = 8, .expected = 3, .work = work, .drop = drop};
    dg_err err = {0};
    assert_int_equal(dg_bulk_open(&few, &bulk, &err), DG_OK);
    assert_int_equal(dg_bulk_threads(bulk), 3);
    dg_bulk_close(bulk);
    dg_bulk_close(NULL);
}

static void bounds_what_is_in_flight(void **state)
{
    (void)state;
    struct shared s = {.caller = pthread_self(), .microseconds = 100};
    dg_bulk *bulk = open_bulk(4, 8000, 0);
    assert_int_equal(dg_bulk_largest_item(bulk), 1000);
    assert_int_equal(pass(bulk, &s, 200, 250), 4);
    assert_int_equal(pass(bulk, &s, 20, 900), 1);
    assert_int_equal(pass(bulk, &s, 5, 100000), 1); /* too large, so alone */
    dg_bulk_close(bulk);
    bulk = open_bulk(4, 0, 6);
    assert_int_equal(pass(bulk, &s, 200, UINT64_MAX / 8), 6);
    dg_bulk_close(bulk);
    assert_int_equal(s.living, 0);
}

static void bounds_work_space(void **state)
{
    (void)state;
    static const uint32_t threads[] = {1, 8};
    for (size_t t = 0; t < 2; t++) {
        struct shared s = {.caller = pthread_self(), .microseconds = 300, .reserve = 1000};
        dg_bulk *bulk = open_bulk(threads[t], 8000, 0);
        pass(bulk, &s, 200, 10);
        assert_true(s.most_reserved <= 7000);
        if (threads[t] > 1) assert_true(s.most_reserved > 1000);
        assert_true(dg_bulk_peak(bulk) > 1000 && dg_bulk_peak(bulk) <= 8000);

        s.reserve = 7001;
        void *taken;
        dg_err err = {0};
        dg_bulk_give(bulk, new_item(&s, 1), 1);
        assert_int_equal(dg_bulk_take(bulk, &never, &taken, &err), DG_OK);
        assert_int_equal(((struct item *)taken)->reserved, DG_ERROR);
        drop(taken);
        dg_bulk_close(bulk);
        assert_int_equal(s.living, 0);
    }
}

/* What is asked for without waiting is had where there is room, and never beyond the bound. */
static void more_work_space_without_waiting(void **state)
{
    (void)state;
    static const uint32_t threads[] = {1, 8};
    for (size_t t = 0; t < 2; t++) {
        struct shared s = {.caller = pthread_self(), .microseconds = 300, .reserve = 700, .more = 1900};
        dg_bulk *bulk = open_bulk(threads[t], 8000, 100);
        int had = 0, missed = 0;
        for (uint64_t n = 0; n < 100; n++) dg_bulk_give(bulk, new_item(&s, n), 1);
        for (void *taken = NULL;; drop(taken)) {
            dg_err err = {0};
            assert_int_equal(dg_bulk_take(bulk, &never, &taken, &err), DG_OK);
            if (!taken) break;
            *(((struct item *)taken)->more ? &had : &missed) += 1;
        }
        assert_true(s.most_reserved <= 7000 && had > 0);
        assert_int_equal(missed > 0, threads[t] > 1);
        dg_bulk_close(bulk);
        assert_int_equal(s.living, 0);
    }
}

static void closes_at_any_moment(void **state)
{
    (void)state;
    for (uint32_t threads = 1; threads <= 4; threads += 3) {
        for (int round = 0; round < 60; round++) {
            struct shared s = {.caller = pthread_self(),
                               .microseconds = (unsigned)round * 7,
                               .reserve = round % 3 ? 700 : 0};
            dg_bulk *bulk = open_bulk(threads, 8000, 0);
            for (int n = 0; n < round && dg_bulk_has_room(bulk, 1); n++)
                dg_bulk_give(bulk, new_item(&s, (uint64_t)n), 1);
            for (int n = 0; n < round / 2; n++) take(bulk, (uint64_t)n);
            dg_bulk_close(bulk);
            assert_int_equal(s.living, 0);
        }
    }
}

struct patience {
    double until;
};

static int out_of_patience(void *arg)
{
    return dg_clock() > ((struct patience *)arg)->until;
}

/* An item that never ends by itself: the caller's poll ends the waiting, the lane's poll the work. */
static void stops_in_the_middle_of_an_item(void **state)
{
    (void)state;
    for (uint32_t threads = 1; threads <= 4; threads += 3) {
        struct shared s = {.caller = pthread_self(), .forever = 1};
        struct patience patience = {dg_clock() + 0.05};
        const dg_poll poll = {out_of_patience, &patience};
        dg_bulk *bulk = open_bulk(threads, 0, 0);
        void *taken;
        dg_err err = {0};
        for (uint64_t n = 0; n < 10; n++) dg_bulk_give(bulk, new_item(&s, n), 1);
        assert_false(dg_bulk_ready(bulk) && threads > 1);
        assert_int_equal(dg_bulk_take(bulk, &poll, &taken, &err), DG_INTERRUPT);
        assert_null(taken);
        assert_true(dg_clock() - patience.until < 0.1);
        double start = dg_clock();
        dg_bulk_close(bulk);
        assert_true(dg_clock() - start < 0.1);
        assert_int_equal(s.living, 0);
    }
}

/* The child's status must be 0, within some seconds. */
static void wait_for_child(pid_t child)
{
    int status = -1;
    for (int i = 0; i < 2000 && waitpid(child, &status, WNOHANG) == 0; i++) pause_for(5000);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int child_of_open_pipeline(dg_bulk *bulk)
{
    void *taken;
    dg_err err = {0};
    if (dg_bulk_take(bulk, &never, &taken, &err) != DG_ERROR) return 1;
    dg_bulk_close(bulk);
    return 0;
}

static int child_opens_its_own(void)
{
    struct shared s = {.caller = pthread_self(), .microseconds = 100};
    dg_bulk *bulk = open_bulk(3, 0, 0);
    pass(bulk, &s, 100, 1);
    dg_bulk_close(bulk);
    return s.living;
}

static void survives_a_fork(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* gcc 12's allocator takes no locks at a fork: the child waits for those that other threads held
             */
#endif
    struct shared s = {.caller = pthread_self(), .microseconds = 2000};
    dg_bulk *bulk = open_bulk(4, 0, 0);
    for (uint64_t n = 0; n < 40; n++) dg_bulk_give(bulk, new_item(&s, n), 1);
    pid_t child = fork();
    if (child == 0) _exit(child_of_open_pipeline(bulk) || child_opens_its_own());
    wait_for_child(child);
    for (uint64_t n = 0; n < 40; n++) assert_true(take(bulk, n));
    dg_bulk_close(bulk);
    assert_int_equal(s.living, 0);
}

/* RLIMIT_NPROC does not bind root, so the threads are denied the address space for their stacks. */
static int without_threads(void)
{
    struct rlimit limit = {512u << 20, 512u << 20};
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, (size_t)1 << 40);
    if (pthread_setattr_default_np(&attributes) != 0 || setrlimit(RLIMIT_AS, &limit) != 0) return 2;
    struct shared s = {.caller = pthread_self()};
    dg_bulk *bulk = open_bulk(4, 0, 0);
    if (dg_bulk_threads(bulk) != 1) return 3;
    pass(bulk, &s, 100, 1);
    dg_bulk_close(bulk);
    return !s.on_caller;
}

static void works_where_no_thread_can_be_had(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* its shadow memory is larger than any limit */
#endif
    pid_t child = fork();
    if (child == 0) _exit(without_threads());
    wait_for_child(child);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(keeps_order),
    cmocka_unit_test(all_cores_by_default),
    cmocka_unit_test(bounds_what_is_in_flight),
    cmocka_unit_test(bounds_work_space),
    cmocka_unit_test(more_work_space_without_waiting),
    cmocka_unit_test(closes_at_any_moment),
    cmocka_unit_test(stops_in_the_middle_of_an_item),
    cmocka_unit_test(survives_a_fork),
    cmocka_unit_test(works_where_no_thread_can_be_had),
};
DG_TEST_MAIN(tests)
