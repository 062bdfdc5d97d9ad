/*
 * The CUDA backend against the libcuda.so.1 of this folder, through the door: answers as the CPU's, in every
 * order streams may work in; life in a host process; and every call of the driver failed in turn.
 *
 * The tests that fork before CUDA is started come first: a child may start it for itself, and what it changes
 * stays with it.
 */
#include "../../kernels/cpu/cpu.h"
#include "../../kernels/cuda/api.h"
#include "../../kernels/cuda/cuda.h"
#include "../../kernels/gpu/gpu.h"
#include "../../kernels/targets.h"
#include "../core/dg_test.h"
#include "../gpu/work.h"
#include "fake_cuda.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const dg_open_options options = {.threads = 1};

static const work works[] = {
    {.name = "partition",
     .op = DG_OP_PARTITION,
     .shape = SKEWED,
     .rows = 700,
     .bits = 64,
     .chunk = {5, 9, 1}},
    {.name = "tiles", .op = DG_OP_COMPARE, .shape = TEMPLATES, .rows = 700, .bits = 64, .threshold = 5},
    {.name = "buckets",
     .op = DG_OP_COMPARE,
     .shape = PLANTED,
     .rows = 700,
     .bits = 128,
     .threshold = 20,
     .chunk = {60, 8, 1},
     .seen = {3, 8, 1}},
    {.name = "two tables",
     .op = DG_OP_COMPARE,
     .shape = SKEWED,
     .rows = 700,
     .bits = 64,
     .other = 300,
     .threshold = 10,
     .chunk = {0, 7, 0}},
    {.name = "overflow",
     .op = DG_OP_COMPARE,
     .shape = SUBCUBE,
     .rows = 500,
     .bits = 64,
     .threshold = 7,
     .capacity = 50},
    {.name = "histogram", .op = DG_OP_HISTOGRAM, .shape = SKEWED, .rows = 600, .bits = 100},
    {.name = "nearest",
     .op = DG_OP_NEAREST,
     .shape = PLANTED,
     .rows = 600,
     .bits = 64,
     .other = 70,
     .threshold = 30,
     .k = 7},
};
enum { WORKS = sizeof works / sizeof *works };

/* --- helpers --- */

static void assert_nothing_is_left(const char *what)
{
    const char *first;
    if (fake_cuda_violations(&first)) fail_msg("%s: %s", what, first);
    if (fake_cuda_entries()) {
        fake_ledger l = fake_cuda_ledger();
        fail_msg(
            "%s: left are %ld contexts, %ld pushed, %ld modules, %ld streams, %ld events, %ld device and "
            "%ld pinned",
            what, l.contexts, l.pushed, l.modules, l.streams, l.events, l.device, l.pinned);
    }
    if (fake_cuda_ledger().abandoned) fail_msg("%s: things went with their context", what);
}

static answer cpu_answer(const work *w)
{
    answer a;
    dg_err err = {DG_OK, ""};
    if (open_and_do_work(&dg_backend_cpu, 0, w, &a, &err)) fail_msg("%s: %s", w->name, err.text);
    return a;
}

static int set_up(void **state)
{
    (void)state;
    fake_cuda_reset();
    return 0;
}

static dg_device *open_device(int number)
{
    dg_err err = {DG_OK, ""};
    dg_device *device = NULL;
    if (dg_backend_cuda.load(&err) || dg_backend_cuda.open(number, &options, &device, &err))
        fail_msg("%s", err.text);
    return device;
}

/* Whether a forked child, in which assertions must not be used, is content. */
static void assert_child(int (*content)(void))
{
    pid_t child = fork();
    int status;
    assert_true(child >= 0);
    if (child == 0) _exit(content() ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* --- before CUDA is started --- */

static int several_devices(void)
{
    dg_err err = {DG_OK, ""};
    dg_device_info info;
    fake_cuda_set_devices(3);
    if (dg_backend_cuda.load(&err) || dg_backend_cuda.count() != 3) return 0;
    if (dg_backend_cuda.probe(2, &info, &err)) return 0;
    if (strcmp(info.name, "Fake GPU 2") || strcmp(info.vendor, "NVIDIA") ||
        strcmp(info.driver, "CUDA 12.2") || strcmp(info.capability, "9.0") || info.units != 4 ||
        info.memory_total != (size_t)1 << 30 || info.memory_free || info.kind != DG_DEVICE_GPU)
        return 0;
    if (dg_backend_cuda.probe(3, &info, &err) != DG_DEVICE_ERROR || info.name[0]) return 0;
    return strcmp(err.text, "cuda: no device 3, devices are 0 to 2") == 0;
}

static void finds_several_devices(void **state)
{
    (void)state;
    assert_child(several_devices);
}

static atomic_int starts_failed;

static void *start_once(void *unused)
{
    dg_err err = {DG_OK, ""};
    (void)unused;
    if (dg_backend_cuda.load(&err) || dg_backend_cuda.count() != 1) atomic_fetch_add(&starts_failed, 1);
    return NULL;
}

static int many_threads(void)
{
    pthread_t threads[8];
    for (int i = 0; i < 8; i++)
        if (pthread_create(&threads[i], NULL, start_once, NULL)) return 0;
    for (int i = 0; i < 8; i++) pthread_join(threads[i], NULL);
    return atomic_load(&starts_failed) == 0 && fake_cuda_calls() == 3;
}

static void starts_once_for_many_threads(void **state)
{
    (void)state;
    assert_child(many_threads);
}

static int works_well(void)
{
    dg_err err = {DG_OK, ""};
    answer a;
    if (open_and_do_work(&dg_backend_cuda, 0, &works[1], &a, &err)) return 0;
    drop_answer(&a);
    return fake_cuda_entries() == 0;
}

static void a_child_forked_before_may_use_it(void **state)
{
    (void)state;
    assert_child(works_well);
    assert_child(works_well);
}

/* --- answers --- */

static void describes_the_device(void **state)
{
    (void)state;
    dg_device *device = open_device(0);
    dg_device_info info;
    dg_err err = {DG_OK, ""};
    assert_int_equal(dg_backend_cuda.describe(device, &info, &err), DG_OK);
    assert_string_equal(info.name, "Fake GPU 0");
    assert_true(info.memory_free > 0 && info.memory_free <= info.memory_total);
    dg_backend_cuda.close(device);
    assert_nothing_is_left("describe");
}

static void answers_as_the_cpu_in_any_order(void **state)
{
    (void)state;
    for (int i = 0; i < WORKS; i++) {
        answer expected = cpu_answer(&works[i]);
        for (unsigned seed = 0; seed < 12; seed++) {
            answer a;
            dg_err err = {DG_OK, ""};
            fake_cuda_set_seed(seed);
            if (open_and_do_work(&dg_backend_cuda, 0, &works[i], &a, &err))
                fail_msg("%s: %s", works[i].name, err.text);
            if (!same_answer(&a, &expected)) fail_msg("%s: another answer, seed %u", works[i].name, seed);
            drop_answer(&a);
            assert_nothing_is_left(works[i].name);
        }
        drop_answer(&expected);
    }
}

static void sees_wrong_answers(void **state)
{
    (void)state;
    answer a, expected = cpu_answer(&works[2]);
    dg_err err = {DG_OK, ""};
    fake_cuda_corrupt(1);
    if (open_and_do_work(&dg_backend_cuda, 0, &works[2], &a, &err) == DG_OK)
        assert_false(same_answer(&a, &expected));
    drop_answer(&a);
    drop_answer(&expected);
    assert_nothing_is_left("corrupt");
}

static void says_when_memory_is_too_small(void **state)
{
    (void)state;
    int failures = 0;
    answer expected = cpu_answer(&works[2]);
    for (size_t memory = 1024; memory <= (size_t)64 << 20; memory *= 2) {
        answer a;
        dg_err err = {DG_OK, ""};
        fake_cuda_set_memory(memory);
        if (open_and_do_work(&dg_backend_cuda, 0, &works[2], &a, &err) == DG_OK) {
            assert_true(same_answer(&a, &expected));
        } else {
            assert_int_equal(err.code, DG_DEVICE_NOMEM);
            assert_non_null(
                strstr(err.text, "cuda: cuMemAlloc: CUDA_ERROR_OUT_OF_MEMORY (2): out of memory"));
            failures++;
        }
        drop_answer(&a);
        assert_nothing_is_left("small memory");
    }
    assert_true(failures > 2 && failures < 15);
    drop_answer(&expected);
}

/* --- life in a host process --- */

static void opens_and_closes_200_times(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        dg_device *first = open_device(0), *second = open_device(0);
        assert_int_equal(fake_cuda_ledger().modules, 1);
        assert_int_equal(fake_cuda_ledger().contexts, 1);
        dg_backend_cuda.close(first);
        assert_int_equal(fake_cuda_ledger().modules, 1);
        dg_backend_cuda.close(second);
        assert_nothing_is_left("open and close");
    }
}

static answer thread_expected[2];
static atomic_int thread_failures;

static void *work_repeatedly(void *number)
{
    const work *w = &works[1 + *(int *)number];
    for (int i = 0; i < 20; i++) {
        answer a;
        dg_err err = {DG_OK, ""};
        if (open_and_do_work(&dg_backend_cuda, 0, w, &a, &err) ||
            !same_answer(&a, &thread_expected[*(int *)number]))
            atomic_fetch_add(&thread_failures, 1);
        drop_answer(&a);
    }
    return NULL;
}

static void two_threads_use_one_device(void **state)
{
    (void)state;
    pthread_t threads[2];
    int numbers[2] = {0, 1};
    for (int i = 0; i < 2; i++) thread_expected[i] = cpu_answer(&works[1 + i]);
    fake_cuda_set_seed(5);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work_repeatedly, &numbers[i]), 0);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < 2; i++) drop_answer(&thread_expected[i]);
    assert_int_equal(atomic_load(&thread_failures), 0);
    assert_nothing_is_left("two threads");
}

/* The functions themselves, for the host's own use of CUDA. */
#define X(name, version, parameters) dg_cuda_result name##version parameters;
DG_CUDA_FUNCTIONS(X)
#undef X

static void leaves_the_hosts_context_as_it_was(void **state)
{
    (void)state;
    dg_cuda_context host, popped;
    answer a;
    dg_err err = {DG_OK, ""};
    assert_int_equal(dg_backend_cuda.load(&err), DG_OK);
    assert_int_equal(cuDevicePrimaryCtxRetain(&host, 0), 0);
    assert_int_equal(cuCtxPushCurrent_v2(host), 0);
    for (int i = 0; i < WORKS; i++) {
        assert_int_equal(open_and_do_work(&dg_backend_cuda, 0, &works[i], &a, &err), DG_OK);
        drop_answer(&a);
        assert_int_equal(fake_cuda_ledger().pushed, 1);
        assert_int_equal(fake_cuda_entries(), 2);
    }
    assert_int_equal(cuCtxPopCurrent_v2(&popped), 0);
    assert_ptr_equal(popped, host);
    assert_int_equal(cuDevicePrimaryCtxRelease_v2(0), 0);
    assert_nothing_is_left("the host's context");
}

static dg_device *parents;
static dg_buffer parents_buffer;

static int refuses_in_child(void)
{
    static const char words[] = "cuda: not usable in a process forked after CUDA was started";
    long calls = fake_cuda_calls();
    dg_device *device = NULL;
    dg_device_info info;
    dg_buffer buffer = {0};
    char byte = 0;
    dg_err err[6] = {{DG_OK, ""}};
    int refused = dg_backend_cuda.load(&err[0]) && dg_backend_cuda.open(0, &options, &device, &err[1]) &&
                  dg_backend_cuda.probe(0, &info, &err[2]) &&
                  dg_backend_cuda.describe(parents, &info, &err[3]) &&
                  dg_backend_cuda.alloc(parents, 100, NULL, &buffer, &err[4]) &&
                  dg_backend_cuda.get(parents, &parents_buffer, 0, &byte, 1, &err[5]);
    for (int i = 0; i < 6; i++)
        refused = refused && err[i].code == DG_DEVICE_ERROR && !strcmp(err[i].text, words);
    refused = refused && !device && dg_backend_cuda.count() == 0;
    dg_backend_cuda.free(parents, &parents_buffer);
    dg_backend_cuda.close(parents);
    return refused && fake_cuda_calls() == calls;
}

static void a_child_forked_after_must_not_touch_it(void **state)
{
    (void)state;
    dg_err err = {DG_OK, ""};
    parents = open_device(0);
    assert_int_equal(dg_backend_cuda.alloc(parents, 1000, NULL, &parents_buffer, &err), DG_OK);
    assert_child(refuses_in_child);
    dg_backend_cuda.free(parents, &parents_buffer);
    dg_backend_cuda.close(parents);
    assert_nothing_is_left("fork");
    assert_true(works_well());
}

static void says_which_image_the_device_cannot_run(void **state)
{
    (void)state;
    static const unsigned codes[] = {200, 209, 218, 221, 222, 223, 300};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        dg_device *device;
        char expected[300];
        dg_err err = {DG_OK, ""};
        fake_cuda_set_image(codes[i]);
        assert_int_equal(dg_backend_cuda.load(&err), DG_OK);
        assert_int_equal(dg_backend_cuda.open(0, &options, &device, &err), DG_DEVICE_ERROR);
        assert_null(device);
        snprintf(expected, sizeof expected,
                 "; the device is an sm_90, the driver supports CUDA 12.2, this build has code for %s",
                 dg_cuda_targets());
        assert_non_null(strstr(err.text, "cuda: cuModuleLoadData: "));
        assert_non_null(strstr(err.text, expected));
        assert_nothing_is_left("image");
    }
    fake_cuda_set_image(0);
    assert_true(works_well());
}

static int countdown(void *left)
{
    return --*(int *)left < 0;
}

/* Interrupted at any question: an error or the answer, and the device is as good as before. */
static void stops_when_asked(void **state)
{
    (void)state;
    uint64_t *column = make_column(TEMPLATES, 3000, 64, 1);
    static dg_hit hits[4][4096];
    uint32_t counts[4], slots[4] = {0, 1, 2, 3};
    uint64_t candidates[4];
    int stopped = 0;
    for (int calls = 0; calls < 40; calls++) {
        dg_device *device = open_device(0);
        dg_err err = {DG_OK, ""};
        int left = calls;
        const dg_poll poll = {countdown, &left};
        dg_index index = {.words = 1, .count = 3000, .sieve_bits = 64};
        const dg_unit units[4] = {{DG_UNIT_TILE, 0, 1500, 0, 1500},
                                  {DG_UNIT_TILE, 0, 1500, 1500, 3000},
                                  {DG_UNIT_TILE, 1500, 3000, 1500, 3000},
                                  {DG_UNIT_TILE, 0, 10, 20, 30}};
        dg_op_compare op = {.a = &index,
                            .b = &index,
                            .threshold = 1,
                            .units = units,
                            .unit_count = 4,
                            .slots = slots,
                            .hits = hits[0],
                            .capacity = 4096,
                            .counts = counts,
                            .candidates = candidates};
        fake_cuda_set_seed((unsigned)calls);
        assert_int_equal(dg_backend_cuda.alloc(device, 3000 * sizeof *column, column, &index.hashes, &err),
                         DG_OK);
        if (dg_backend_cuda.run(device, DG_OP_COMPARE, &op, &poll, &err) == DG_OK)
            dg_backend_cuda.wait(device, &poll, &err);
        if (err.code) {
            assert_int_equal(err.code, DG_INTERRUPT);
            stopped++;
        }
        dg_backend_cuda.free(device, &index.hashes);
        dg_backend_cuda.close(device);
        assert_nothing_is_left("interrupt");
    }
    assert_true(stopped > 0);
    free(column);
}

/* --- faults --- */

static void sweep(const work *w, unsigned code, int sticky)
{
    char what[120];
    answer expected = cpu_answer(w);
    long n = 1;
    for (int struck = 1; struck; n += DG_TEST_STRIDE) {
        answer a;
        dg_err err = {DG_OK, ""};
        fake_cuda_reset();
        fake_cuda_set_seed((unsigned)n % 5);
        fake_cuda_fail(n, code, sticky);
        open_and_do_work(&dg_backend_cuda, 0, w, &a, &err);
        struck = fake_cuda_failed();
        fake_cuda_fail(0, 0, 0);
        snprintf(what, sizeof what, "%s, call %ld %s %u", w->name, n,
                 sticky ? "and all later fail with" : "fails with", code);
        const char *first;
        if (fake_cuda_violations(&first)) fail_msg("%s: %s", what, first);
        if (fake_cuda_entries()) fail_msg("%s: %ld things are left", what, fake_cuda_entries());
        if (!sticky && fake_cuda_ledger().abandoned) fail_msg("%s: things went with their context", what);
        if (err.code == DG_OK && !same_answer(&a, &expected)) fail_msg("%s: another answer", what);
        if (err.code && err.code != DG_DEVICE_ERROR && err.code != DG_DEVICE_NOMEM)
            fail_msg("%s: %s", what, err.text);
        if (err.code && (!struck || strncmp(err.text, "cuda: cu", 8) || !strstr(err.text, "CUDA_ERROR_")))
            fail_msg("%s: %s", what, err.text);
        if (err.code == DG_DEVICE_NOMEM) assert_int_equal(code, DG_CUDA_ERROR_OUT_OF_MEMORY);
        drop_answer(&a);
    }
    drop_answer(&expected);
    print_message("%s: calls up to %ld failed in turn, %s\n", w->name, n, sticky ? "sticky" : "once");
}

static void sweep_all(unsigned code, int sticky)
{
    dg_err err = {DG_OK, ""};
    assert_int_equal(dg_backend_cuda.load(&err), DG_OK);
    for (int i = 0; i < WORKS; i++) sweep(&works[i], code, sticky);
}

static void out_of_memory_once(void **state)
{
    (void)state;
    sweep_all(2, 0);
}

static void out_of_memory_from_there_on(void **state)
{
    (void)state;
    sweep_all(2, 1);
}

static void failed_launch_once(void **state)
{
    (void)state;
    sweep_all(719, 0);
}

static void lost_device(void **state)
{
    (void)state;
    sweep_all(719, 1);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)
static const struct CMUnitTest tests[] = {
    TEST(finds_several_devices),
    TEST(starts_once_for_many_threads),
    TEST(a_child_forked_before_may_use_it),
    TEST(describes_the_device),
    TEST(answers_as_the_cpu_in_any_order),
    TEST(sees_wrong_answers),
    TEST(says_when_memory_is_too_small),
    TEST(opens_and_closes_200_times),
    TEST(two_threads_use_one_device),
    TEST(leaves_the_hosts_context_as_it_was),
    TEST(a_child_forked_after_must_not_touch_it),
    TEST(says_which_image_the_device_cannot_run),
    TEST(stops_when_asked),
    TEST(out_of_memory_once),
    TEST(out_of_memory_from_there_on),
    TEST(failed_launch_once),
    TEST(lost_device),
};

/* Built without CUDA kernels there is nothing to be tested. */
int main(int argc, char **argv)
{
    if (strcmp(dg_cuda_targets(), "none") == 0) return 0;
    int status = dg_test_select(tests, sizeof tests / sizeof *tests, argc, argv);
    return status >= 0 ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
