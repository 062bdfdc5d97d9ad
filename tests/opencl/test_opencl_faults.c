/* The OpenCL backend under faults: every call and every command failed in turn, memory that runs out, results
 * that are wrong, forks and threads, over all operations. */
#include "../core/dg_test.h"

#include "../../kernels/cpu/cpu.h"
#include "../../kernels/engine/selftest.h"
#include "../../kernels/opencl/api.h"
#include "../../kernels/opencl/opencl.h"
#include "errand.h"
#include "home.h"
#include "proxy.h"

#include <pthread.h>
#include <sys/wait.h>

enum { CODES = 4 };
static const int codes[CODES] = {DG_CL_OUT_OF_RESOURCES, DG_CL_MEM_OBJECT_ALLOCATION_FAILURE,
                                 DG_CL_INVALID_COMMAND_QUEUE, -9999};

static const dg_poll never = {0};
static errand_found expected, found;

static enum dg_code errand(dg_err *err)
{
    *err = (dg_err){0};
    return errand_run(&dg_backend_opencl, 64, &found, err);
}

static void order(const char *format, long a, long b, long c)
{
    char words[100];
    snprintf(words, sizeof words, format, a, b, c);
    assert_int_equal(dg_proxy(words), 0);
}

/* The right results, or an error in the driver's words; and nothing is left. */
static void expect_sense(const dg_err *err, int status, const char *what, long n)
{
    char words[100];
    snprintf(words, sizeof words, "%s (%d)", dg_opencl_status_name(status), status);
    int memory = status == DG_CL_OUT_OF_RESOURCES || status == DG_CL_MEM_OBJECT_ALLOCATION_FAILURE;
    int good = err->code == DG_OK ? errand_same(&expected, &found)
                                  : err->code == (memory ? DG_DEVICE_NOMEM : DG_DEVICE_ERROR) &&
                                        strncmp(err->text, "opencl: ", 8) == 0 && strstr(err->text, words);
    if (!good || *dg_proxy_ledger())
        fail_msg("%s %ld with %d: code %d, '%s', alive: %s", what, n, status, (int)err->code, err->text,
                 dg_proxy_ledger());
}

static void all_operations_bring_what_the_cpu_brings(void **state)
{
    (void)state;
    dg_err err = {0};
    for (uint32_t bits = 32; bits <= 256; bits *= 2) {
        errand_found cpu;
        assert_int_equal(errand_run(&dg_backend_cpu, bits, &cpu, &err), DG_OK);
        assert_int_equal(errand_run(&dg_backend_opencl, bits, &found, &err), DG_OK);
        assert_true(errand_same(&cpu, &found));
        assert_string_equal(dg_proxy_ledger(), "");
    }
}

static void fail_calls(int sticky)
{
    dg_err err;
    long failed = 0, n = 1;
    for (;; n++) {
        int status = codes[n % CODES];
        order("calm=1 fail=%ld sticky=%ld code=%ld", n, sticky, status);
        errand(&err);
        expect_sense(&err, status, sticky ? "from call" : "call", n);
        if (dg_proxy_calls() < (unsigned long)n) break;
        failed += err.code != DG_OK;
    }
    dg_proxy("");
    assert_true(failed > 100);
    print_message("%ld calls, %ld of them lead to an error\n", n - 1, failed);
}

static void every_call_fails_once(void **state)
{
    (void)state;
    fail_calls(0);
}

static void every_call_fails_from_then_on(void **state)
{
    (void)state;
    fail_calls(1);
}

static void every_command_fails_later(void **state)
{
    (void)state;
    dg_err err;
    long n = 1;
    for (;; n++) {
        int status = codes[n % CODES];
        order("calm=1 event=%ld code=%ld", n, status, 0);
        errand(&err);
        if (dg_proxy_commands() < (unsigned long)n) break;
        assert_int_not_equal(err.code, DG_OK);
        expect_sense(&err, status, "command", n);
    }
    dg_proxy("");
    assert_true(n > 30);
}

static void memory_runs_out(void **state)
{
    (void)state;
    dg_err err = {0};
    int fits = 0;
    for (long bytes = 1000; bytes < 1 << 28; bytes *= 3) {
        order("memory=%ld", bytes, 0, 0);
        enum dg_code code = errand(&err);
        assert_true(fits ? code == DG_OK : code == DG_OK || code == DG_DEVICE_NOMEM);
        if (code == DG_OK) assert_true(errand_same(&expected, &found));
        fits = code == DG_OK;
        assert_string_equal(dg_proxy_ledger(), "");
    }
    assert_true(fits);
    dg_proxy("");
}

static void wrong_results_are_noticed(void **state)
{
    (void)state;
    for (int flip = 0; flip < 2; flip++) {
        dg_device *device;
        dg_err err = {0};
        order("flip=%ld", flip, 0, 0);
        assert_int_equal(dg_backend_opencl.open(0, NULL, &device, &err), DG_OK);
        assert_int_equal(dg_selftest(&dg_backend_opencl, device, &never, &err),
                         flip ? DG_DEVICE_ERROR : DG_OK);
        dg_backend_opencl.close(device);
    }
    dg_proxy("");
}

static void *errands(void *failures)
{
    errand_found *mine = malloc(sizeof *mine);
    for (int i = 0; mine && i < 5; i++) {
        dg_err err = {0};
        if (errand_run(&dg_backend_opencl, 64, mine, &err) || !errand_same(&expected, mine))
            ++*(int *)failures;
    }
    if (!mine) ++*(int *)failures;
    free(mine);
    return NULL;
}

static void two_sessions_in_two_threads(void **state)
{
    (void)state;
    pthread_t thread[2];
    int failures[2] = {0};
    for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&thread[i], NULL, errands, &failures[i]), 0);
    for (int i = 0; i < 2; i++) pthread_join(thread[i], NULL);
    assert_int_equal(failures[0] + failures[1], 0);
    assert_string_equal(dg_proxy_ledger(), "");
}

static int stop(void *arg)
{
    (void)arg;
    return 1;
}

/* In a child forked while an operation was on its way: every function fails, close and free do not. */
static int life_in_a_child(dg_device *device, dg_buffer *buffer)
{
    const dg_backend *gpu = &dg_backend_opencl;
    unsigned long calls = dg_proxy_calls();
    dg_device_info info;
    dg_buffer other;
    dg_device *another;
    char byte = 0;
    int answers = 0;
#define FAILS(call)                                                                                          \
    do {                                                                                                     \
        dg_err err = {0}, *e = &err;                                                                         \
        answers += (call) == DG_DEVICE_ERROR && strstr(err.text, "forked") != NULL;                          \
    } while (0)
    FAILS(gpu->load(e));
    FAILS(gpu->probe(0, &info, e));
    FAILS(gpu->open(0, NULL, &another, e));
    FAILS(gpu->describe(device, &info, e));
    FAILS(gpu->alloc(device, 8, NULL, &other, e));
    FAILS(gpu->put(device, buffer, 0, &byte, 1, e));
    FAILS(gpu->get(device, buffer, 0, &byte, 1, e));
    FAILS(gpu->wait(device, &never, e));
    gpu->free(device, buffer);
    gpu->close(device);
    dg_err err = {0};
    int elsewhere = errand_run(&dg_backend_cpu, 64, &found, &err) == DG_OK && errand_same(&expected, &found);
    return answers == 8 && elsewhere && dg_proxy_calls() == calls;
}

static void a_child_goes_on_with_the_cpu(void **state)
{
    (void)state;
    const dg_backend *gpu = &dg_backend_opencl;
    dg_device *device;
    dg_buffer rows;
    dg_err err = {0};
    uint64_t row[2] = {1, 2};
    uint32_t counts[65];
    int status;
    assert_int_equal(gpu->open(0, NULL, &device, &err), DG_OK);
    assert_int_equal(gpu->alloc(device, sizeof row, row, &rows, &err), DG_OK);
    dg_index table = {.hashes = rows, .words = 1, .count = 2, .sieve_bits = 64};
    dg_unit unit = {DG_UNIT_TILE, 0, 2, 0, 2};
    dg_op_histogram op = {
        .a = &table, .b = &table, .bits = 64, .units = &unit, .unit_count = 1, .counts = counts};
    assert_int_equal(gpu->run(device, DG_OP_HISTOGRAM, &op, &never, &err), DG_OK);
    pid_t child = fork();
    if (child == 0) {
        alarm(30);
        _exit(life_in_a_child(device, &rows) ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(gpu->wait(device, &never, &err), DG_OK);
    assert_int_equal(counts[2], 1);
    gpu->free(device, &rows);
    gpu->close(device);
    assert_string_equal(dg_proxy_ledger(), "");
}

static void stops_when_asked(void **state)
{
    (void)state;
    const dg_backend *gpu = &dg_backend_opencl;
    enum { ROWS = 20000, BITS = 1024 };
    const dg_poll at_once = {stop, NULL};
    dg_device *device;
    dg_buffer rows;
    dg_err err = {0};
    static uint32_t counts[5][BITS + 1];
    uint64_t *column = calloc(ROWS, BITS / 8);
    assert_non_null(column);
    assert_int_equal(gpu->open(0, NULL, &device, &err), DG_OK);
    assert_int_equal(gpu->alloc(device, ROWS * BITS / 8, column, &rows, &err), DG_OK);
    dg_index table = {.hashes = rows, .words = BITS / 64, .count = ROWS, .sieve_bits = 64};
    dg_unit units[5];
    for (uint32_t i = 0; i < 5; i++) units[i] = (dg_unit){DG_UNIT_TILE, 0, 8000, 8000, 16000};
    dg_op_histogram op = {
        .a = &table, .b = &table, .bits = BITS, .units = units, .unit_count = 5, .counts = counts[0]};
    assert_int_equal(gpu->run(device, DG_OP_HISTOGRAM, &op, &never, &err), DG_OK);
    assert_int_equal(gpu->wait(device, &at_once, &err), DG_INTERRUPT);
    err = (dg_err){0};
    units[0] = (dg_unit){DG_UNIT_TILE, 0, 10, 10, 20};
    op.unit_count = 1;
    assert_int_equal(gpu->run(device, DG_OP_HISTOGRAM, &op, &never, &err), DG_OK);
    assert_int_equal(gpu->wait(device, &never, &err), DG_OK);
    assert_int_equal(counts[0][0], 100);
    gpu->free(device, &rows);
    gpu->close(device);
    assert_string_equal(dg_proxy_ledger(), "");
    free(column);
}

/* PoCL's CPU is made a GPU, so that its programs are cached as a GPU's are. */
static int start(void **state)
{
    (void)state;
    dg_err err = {0};
    if (dg_proxy("gpu=1") || dg_backend_opencl.load(&err) ||
        errand_run(&dg_backend_cpu, 64, &expected, &err)) {
        print_error("%s\n", err.text);
        return -1;
    }
    return dg_proxy("");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(all_operations_bring_what_the_cpu_brings),
    cmocka_unit_test(every_call_fails_once),
    cmocka_unit_test(every_call_fails_from_then_on),
    cmocka_unit_test(every_command_fails_later),
    cmocka_unit_test(memory_runs_out),
    cmocka_unit_test(wrong_results_are_noticed),
    cmocka_unit_test(two_sessions_in_two_threads),
    cmocka_unit_test(a_child_goes_on_with_the_cpu),
    cmocka_unit_test(stops_when_asked),
};

int main(int argc, char **argv)
{
    opencl_settle();
    int status = dg_test_select(tests, sizeof(tests) / sizeof((tests)[0]), argc, argv);
    return status >= 0 ? status : cmocka_run_group_tests(tests, start, NULL);
}
