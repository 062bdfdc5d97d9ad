/*
 * A device's answers against the CPU's, through the door: every operation, all widths and sieves, hard sizes.
 *
 * The device is number DUPGPU_TEST_DEVICE (0) of backend DUPGPU_TEST_BACKEND (cuda). Under `make test` that
 * is the libcuda.so.1 of tests/fake, which lies beside the program; where it does not, the machine's own.
 * DUPGPU_TEST_ROWS (600) sizes the columns.
 */
#include "../../kernels/cpu/cpu.h"
#include "../../kernels/engine/selftest.h"
#include "../../kernels/targets.h"
#include "../core/dg_test.h"
#include "../device/picture_check.h"
#include "work.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const dg_open_options options = {.threads = 0};
static const dg_backend *backend;
static int number;
static uint32_t rows;
static dg_device *device, *cpu;

static const char *variable(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value && value[0] ? value : otherwise;
}

static int open_both(void **state)
{
    dg_err err = {DG_OK, ""};
    (void)state;
    number = atoi(variable("DUPGPU_TEST_DEVICE", "0"));
    rows = (uint32_t)atoi(variable("DUPGPU_TEST_ROWS", "600"));
    backend = dg_backend_find(variable("DUPGPU_TEST_BACKEND", "cuda"), &err);
    if (!backend || backend->load(&err) || backend->open(number, &options, &device, &err) ||
        dg_backend_cpu.open(0, &options, &cpu, &err))
        print_error("%s\n", err.text);
    return err.code != DG_OK;
}

static int close_both(void **state)
{
    (void)state;
    if (device) backend->close(device);
    if (cpu) dg_backend_cpu.close(cpu);
    return 0;
}

static void check(const work *w)
{
    answer ours, theirs;
    dg_err err = {DG_OK, ""};
    char what[160];
    snprintf(what, sizeof what, "%s, %u bits, %u rows, other %u, t %u, sieve %u, chunk %u+%u~%u, k %u",
             column_shape_names[w->shape], w->bits, w->rows, w->other, w->threshold, w->sieve_bits,
             w->chunk.start, w->chunk.width, w->chunk.radius, w->k);
    if (do_work(&dg_backend_cpu, cpu, w, &theirs, &err)) fail_msg("%s: cpu: %s", what, err.text);
    if (do_work(backend, device, w, &ours, &err)) fail_msg("%s: %s", what, err.text);
    if (!same_answer(&ours, &theirs)) fail_msg("%s: not what the CPU answers", what);
    drop_answer(&ours);
    drop_answer(&theirs);
}

static const uint32_t widths[] = {8, 32, 64, 100, 128, 192, 256, 320, 512, 1000, 1024, 2048, 8192};
enum { WIDTHS = sizeof widths / sizeof *widths };

/* Fewer rows where they are wide, so that all widths take about as long. */
static uint32_t rows_of(uint32_t bits)
{
    uint32_t n = bits <= 256 ? rows : rows * 256 / bits;
    return n < 100 ? 100 : n;
}

static void passes_the_self_test(void **state)
{
    static const dg_poll never = {NULL, NULL};
    dg_err err = {DG_OK, ""};
    (void)state;
    if (dg_selftest(backend, device, &never, &err)) fail_msg("%s", err.text);
}

static void partitions(void **state)
{
    (void)state;
    for (int i = 0; i < WIDTHS; i++)
        for (uint32_t width = 1; width <= 12 && width <= widths[i]; width += i == 2 ? 1 : 5)
            check(&(work){.op = DG_OP_PARTITION,
                          .shape = i % 2 ? SKEWED : PLANTED,
                          .rows = rows_of(widths[i]),
                          .bits = widths[i],
                          .other = rows_of(widths[i]) / 3,
                          .chunk = {widths[i] - width, width, 0}});
    check(&(work){.op = DG_OP_PARTITION, .shape = EQUAL, .rows = 20 * rows, .bits = 64, .chunk = {8, 10, 0}});
    check(&(work){
        .op = DG_OP_PARTITION, .shape = UNIFORM, .rows = 20 * rows, .bits = 64, .chunk = {50, 14, 0}});
}

static void compares_tiles(void **state)
{
    (void)state;
    for (int i = 0; i < WIDTHS; i++)
        for (uint32_t sieve = 32; sieve <= 256; sieve *= 2) {
            uint32_t words = (widths[i] + 63) / 64, n = rows_of(widths[i]);
            if (sieve > 64 * words) continue;
            work w = {.op = DG_OP_COMPARE,
                      .shape = i % 2 ? TEMPLATES : SKEWED,
                      .rows = n,
                      .bits = widths[i],
                      .sieve_bits = sieve,
                      .threshold = widths[i] / 10};
            check(&w);
            w.other = n / 3;
            w.threshold = widths[i] / 4;
            w.tile = 100;
            check(&w);
        }
}

static void compares_buckets(void **state)
{
    (void)state;
    for (int i = 0; i < WIDTHS; i++)
        for (uint32_t radius = 0; radius <= 2; radius++) {
            uint32_t n = rows_of(widths[i]), width = widths[i] < 60 ? widths[i] / 2 : 8;
            work w = {.op = DG_OP_COMPARE,
                      .shape = i % 2 ? PLANTED : TEMPLATES,
                      .rows = n,
                      .bits = widths[i],
                      .threshold = widths[i] / 8,
                      .chunk = {widths[i] - width - (widths[i] > 70 ? 3 : 0), width, radius}};
            check(&w);
            w.seen = (dg_chunk){0, width, 1};
            w.other = n / 2;
            check(&w);
        }
}

static void thresholds_from_none_to_all(void **state)
{
    (void)state;
    for (uint32_t bits = 64; bits <= 256; bits *= 2)
        for (uint32_t t = 0; t <= bits; t += bits / 16) {
            work w = {.op = DG_OP_COMPARE, .shape = SKEWED, .rows = 300, .bits = bits, .threshold = t};
            w.capacity = 65536;
            check(&w);
            w.capacity = 100;
            check(&w);
            w.chunk = (dg_chunk){7, 6, 1};
            check(&w);
        }
}

static void hard_sizes(void **state)
{
    static const uint32_t sizes[] = {1, 2, 3, 31, 32, 33, 63, 64, 65, 255, 256, 257, 511, 513, 1025};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (enum dg_op op = DG_OP_PARTITION; op <= DG_OP_NEAREST; op++) {
            work w = {.op = op, .shape = PLANTED, .rows = sizes[i], .bits = 64, .threshold = 9, .tile = 300};
            if (op == DG_OP_PARTITION) w.chunk = (dg_chunk){3, 5, 0};
            check(&w);
            if (op == DG_OP_COMPARE) {
                w.chunk = (dg_chunk){3, 5, 1};
                check(&w);
            }
        }
}

/* Buckets and tiles as large as the engine makes them. */
static void large_units(void **state)
{
    (void)state;
    work w = {.op = DG_OP_COMPARE,
              .shape = EVEN,
              .rows = DG_TILE_MAX + 100,
              .bits = 64,
              .threshold = 3,
              .tile = DG_TILE_MAX,
              .capacity = 65536};
    check(&w);
    w.sieve_bits = 32;
    check(&w);
    w.chunk = (dg_chunk){1, 2, 0};
    w.rows = 4000;
    w.shape = SUBCUBE;
    check(&w);
}

static void counts_distances(void **state)
{
    (void)state;
    for (int i = 0; i < WIDTHS; i++) {
        work w = {.op = DG_OP_HISTOGRAM, .shape = SKEWED, .rows = rows_of(widths[i]), .bits = widths[i]};
        check(&w);
        w.shape = EQUAL;
        w.other = w.rows / 3;
        w.tile = 1000;
        check(&w);
    }
}

static void finds_the_nearest(void **state)
{
    static const uint32_t numbers[] = {1, 2, 10, 100, 1000};
    (void)state;
    for (int i = 0; i < WIDTHS; i++)
        for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
            work w = {.op = DG_OP_NEAREST,
                      .shape = k % 2 ? SKEWED : TEMPLATES,
                      .rows = rows_of(widths[i]),
                      .bits = widths[i],
                      .k = numbers[k],
                      .threshold = widths[i]};
            if (i % 3 == 2 || k == 4) w.other = w.rows / 10;
            check(&w);
            w.threshold = widths[i] / 8;
            check(&w);
        }
}

static void opens_and_closes(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        dg_device *another = NULL;
        dg_device_info info;
        dg_err err = {DG_OK, ""};
        if (backend->open(number, &options, &another, &err) || backend->describe(another, &info, &err))
            fail_msg("%s", err.text);
        assert_true(info.units > 0 && info.memory_free > 0 && info.memory_free <= info.memory_total);
        backend->close(another);
    }
}

static atomic_int thread_failures;

static void *work_beside(void *unused)
{
    (void)unused;
    for (int i = 0; i < 5; i++) {
        work w = {.op = i % 2 ? DG_OP_COMPARE : DG_OP_NEAREST, .shape = PLANTED, .rows = 400, .bits = 64};
        answer ours, theirs;
        dg_err err = {DG_OK, ""};
        w.threshold = 20;
        if (open_and_do_work(backend, number, &w, &ours, &err) ||
            open_and_do_work(&dg_backend_cpu, 0, &w, &theirs, &err) || !same_answer(&ours, &theirs))
            atomic_fetch_add(&thread_failures, 1);
        drop_answer(&ours);
        drop_answer(&theirs);
    }
    return NULL;
}

static void several_threads(void **state)
{
    pthread_t threads[3];
    (void)state;
    for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&threads[i], NULL, work_beside, NULL), 0);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&thread_failures), 0);
}

static void a_forked_child_is_refused(void **state)
{
    int status;
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dg_err err = {DG_OK, ""}, second = {DG_OK, ""};
        dg_buffer buffer;
        int refused = backend->load(&err) == DG_DEVICE_ERROR &&
                      backend->alloc(device, 1000, NULL, &buffer, &second) == DG_DEVICE_ERROR;
        backend->close(device);
        _exit(refused ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    check(&(work){.op = DG_OP_COMPARE, .shape = PLANTED, .rows = 300, .bits = 64, .threshold = 9});
}

static void hashes_pictures(void **state)
{
    (void)state;
    check_all_pictures(backend, device, rows <= 600);
}

static void grades_pictures(void **state)
{
    (void)state;
    check_all_metrics(backend, device, rows <= 600);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(passes_the_self_test),
    cmocka_unit_test(partitions),
    cmocka_unit_test(compares_tiles),
    cmocka_unit_test(compares_buckets),
    cmocka_unit_test(thresholds_from_none_to_all),
    cmocka_unit_test(hard_sizes),
    cmocka_unit_test(large_units),
    cmocka_unit_test(counts_distances),
    cmocka_unit_test(finds_the_nearest),
    cmocka_unit_test(hashes_pictures),
    cmocka_unit_test(grades_pictures),
    cmocka_unit_test(opens_and_closes),
    cmocka_unit_test(several_threads),
    cmocka_unit_test(a_forked_child_is_refused),
};

/* Built without CUDA kernels, and with no other device named, there is nothing to be tested. */
int main(int argc, char **argv)
{
    if (strcmp(variable("DUPGPU_TEST_BACKEND", "cuda"), "cuda") == 0 &&
        strcmp(dg_cuda_targets(), "none") == 0)
        return 0;
    int status = dg_test_select(tests, sizeof tests / sizeof *tests, argc, argv);
    return status >= 0 ? status : cmocka_run_group_tests(tests, open_both, close_both);
}
