/* The OpenCL driver below the door: sessions, copies, launches, marks and failures, through the proxy. */
#include "../core/dg_test.h"

#include "../../kernels/opencl/opencl.h"
#include "../emulator/emulator.h"
#include "../../kernels/opencl/devices.h"
#include "home.h"
#include "proxy.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROWS = 1000, WORDS = 2, HASH_BYTES = ROWS * WORDS * 8, KEY_BYTES = ROWS * 4 };

/* Keys of ROWS rows by kernel `keys`: everything a session can do, once. */
static enum dg_code order_keys(const dg_driver *driver, dg_session *s, void *memory[3], char *host,
                               dg_err *err)
{
    const dg_keys_arguments arguments = {.words = WORDS, .begin = 0, .count = ROWS, .start = 60, .width = 16};
    int reached = 0;
    if (driver->copy_in(s, DG_QUEUE_COPY, memory[0], 0, host, HASH_BYTES, err)) return err->code;
    if (driver->mark(s, DG_QUEUE_COPY, 0, err)) return err->code;
    if (driver->after(s, DG_QUEUE_A, 0, err)) return err->code;
    if (driver->launch(s, DG_QUEUE_A, DG_KERNEL_keys, (ROWS + DG_GROUP - 1) / DG_GROUP, memory, &arguments,
                       err))
        return err->code;
    if (driver->mark(s, DG_QUEUE_A, 1, err)) return err->code;
    if (driver->after(s, DG_QUEUE_B, 1, err)) return err->code;
    if (driver->copy_out(s, DG_QUEUE_B, memory[1], 0, host + HASH_BYTES, KEY_BYTES, err)) return err->code;
    if (driver->copy_out(s, DG_QUEUE_B, memory[2], 0, host + HASH_BYTES + KEY_BYTES, KEY_BYTES, err))
        return err->code;
    if (driver->mark(s, DG_QUEUE_B, 2, err)) return err->code;
    while (!reached)
        if (driver->reached(s, 2, &reached, err)) return err->code;
    return DG_OK;
}

static void fill(uint64_t *hashes)
{
    for (uint64_t i = 0, x = 1; i < ROWS * WORDS; i++)
        hashes[i] = x = x * 6364136223846793005u + 1442695040888963407u;
}

static int is_right(const char *host)
{
    uint32_t keys[ROWS], rows[ROWS];
    uint64_t hashes[ROWS * WORDS];
    const dg_keys_arguments arguments = {.words = WORDS, .begin = 0, .count = ROWS, .start = 60, .width = 16};
    fill(hashes);
    dg_emulate(DG_KERNEL_keys, (ROWS + DG_GROUP - 1) / DG_GROUP, (void *[]){hashes, keys, rows}, &arguments);
    return memcmp(host + HASH_BYTES, keys, KEY_BYTES) == 0 &&
           memcmp(host + HASH_BYTES + KEY_BYTES, rows, KEY_BYTES) == 0;
}

/* A whole life of a session. *right: the results are as they must be; looked at only without an error. */
static enum dg_code live(const dg_driver *driver, int number, int *right, dg_err *err)
{
    dg_session *s = NULL;
    void *memory[3] = {NULL}, *host = NULL;
    dg_device_info info;
    *right = 0;
    if (driver->open(number, &s, err)) return err->code;
    if (driver->enter(s, err) == DG_OK) {
        if (driver->describe(s, &info, err) == DG_OK &&
            driver->lock(s, HASH_BYTES + 2 * KEY_BYTES, &host, err) == DG_OK &&
            driver->allocate(s, HASH_BYTES, &memory[0], err) == DG_OK &&
            driver->allocate(s, KEY_BYTES, &memory[1], err) == DG_OK &&
            driver->allocate(s, KEY_BYTES, &memory[2], err) == DG_OK) {
            fill(host);
            if (order_keys(driver, s, memory, host, err) == DG_OK) *right = is_right(host);
        }
        for (int i = 0; i < 3; i++) driver->release(s, memory[i]);
        if (host) driver->unlock(s, host);
        driver->leave(s);
    }
    driver->close(s);
    return err->code;
}

static void one_life(void **state)
{
    (void)state;
    dg_err err = {0};
    int right;
    assert_int_equal(live(&dg_opencl_driver, 0, &right, &err), DG_OK);
    assert_true(right);
    assert_string_equal(dg_proxy_ledger(), "");
}

/* --- failures --- */

enum { CODES = 4 };
static const int codes[CODES] = {DG_CL_OUT_OF_RESOURCES, DG_CL_MEM_OBJECT_ALLOCATION_FAILURE,
                                 DG_CL_INVALID_COMMAND_QUEUE, -9999};

static void order(const char *format, long a, long b)
{
    char words[100];
    snprintf(words, sizeof words, format, a, b);
    assert_int_equal(dg_proxy(words), 0);
}

/* What comes of a life with a failure in it: the right results, or the driver's words. */
static void expect_sense(enum dg_code code, int right, const dg_err *err, int status, const char *what,
                         long n)
{
    char words[100];
    snprintf(words, sizeof words, "%s (%d)", dg_opencl_status_name(status), status);
    int good = code == DG_OK ? right : strncmp(err->text, "opencl: ", 8) == 0 && strstr(err->text, words);
    int memory = status == DG_CL_OUT_OF_RESOURCES || status == DG_CL_MEM_OBJECT_ALLOCATION_FAILURE;
    if (code && code != (memory ? DG_DEVICE_NOMEM : DG_DEVICE_ERROR)) good = 0;
    if (!good || *dg_proxy_ledger())
        fail_msg("%s %ld with %d: code %d, right %d, '%s', alive: %s", what, n, status, (int)code, right,
                 err->text, dg_proxy_ledger());
}

static void every_call_failed_in_turn(void **state)
{
    (void)state;
    int right, failed = 0;
    dg_err err = {0};
    assert_int_equal(live(&dg_opencl_driver, 0, &right, &err), DG_OK);
    dg_proxy("calm=1");
    assert_int_equal(live(&dg_opencl_driver, 0, &right, &err), DG_OK);
    long calls = (long)dg_proxy_calls();
    assert_in_range(calls, 50, 400);
    for (long n = 1; n <= calls; n++) {
        int status = codes[n % CODES];
        err = (dg_err){0};
        order("calm=1 fail=%ld code=%ld", n, status);
        enum dg_code code = live(&dg_opencl_driver, 0, &right, &err);
        expect_sense(code, right, &err, status, "call", n);
        failed += code != DG_OK;
    }
    dg_proxy("");
    assert_true(failed > calls / 3);
}

/* A command that fails after it has been queued. */
static void every_command_failed_in_turn(void **state)
{
    (void)state;
    int right;
    dg_err err = {0};
    dg_proxy("");
    assert_int_equal(live(&dg_opencl_driver, 0, &right, &err), DG_OK);
    long commands = (long)dg_proxy_commands();
    assert_int_equal(commands, 4);
    for (long n = 1; n <= commands; n++)
        for (int c = 0; c < CODES; c++) {
            err = (dg_err){0};
            order("calm=1 event=%ld code=%ld", n, codes[c]);
            enum dg_code code = live(&dg_opencl_driver, 0, &right, &err);
            assert_int_not_equal(code, DG_OK);
            expect_sense(code, right, &err, codes[c], "command", n);
        }
    dg_proxy("");
}

static void memory_that_cannot_be_mapped_is_done_without(void **state)
{
    (void)state;
    int right;
    dg_err err = {0};
    dg_proxy("mapping=0");
    assert_int_equal(live(&dg_opencl_driver, 0, &right, &err), DG_OK);
    assert_true(right);
    assert_string_equal(dg_proxy_ledger(), "");
    dg_proxy("");
}

static void memory_runs_out(void **state)
{
    (void)state;
    const dg_driver *driver = &dg_opencl_driver;
    dg_session *s;
    dg_device_info info;
    dg_err err = {0};
    void *first, *second;
    dg_proxy("memory=1000000");
    assert_int_equal(driver->open(0, &s, &err), DG_OK);
    assert_int_equal(driver->allocate(s, 1000001, &first, &err), DG_DEVICE_NOMEM);
    assert_null(first);
    assert_string_equal(err.text, "opencl: clCreateBuffer: CL_INVALID_BUFFER_SIZE (-61)");
    err = (dg_err){0};
    assert_int_equal(driver->allocate(s, 600000, &first, &err), DG_OK);
    assert_int_equal(driver->allocate(s, 600000, &second, &err), DG_DEVICE_NOMEM);
    assert_string_equal(err.text, "opencl: clCreateBuffer: CL_MEM_OBJECT_ALLOCATION_FAILURE (-4)");
    err = (dg_err){0};
    assert_int_equal(driver->describe(s, &info, &err), DG_OK);
    assert_int_equal(info.memory_total, 1000000);
    assert_int_equal(info.memory_free, 400000);
    driver->release(s, first);
    assert_int_equal(driver->describe(s, &info, &err), DG_OK);
    assert_int_equal(info.memory_free, 1000000);
    driver->close(s);
    dg_proxy("");
    assert_string_equal(dg_proxy_ledger(), "");
}

static void amd_tells_more(void **state)
{
    (void)state;
    dg_session *s;
    dg_device_info info;
    dg_err err = {0};
    dg_proxy("amd=1");
    assert_int_equal(dg_opencl_probe(0, &info, &err), DG_OK);
    assert_string_equal(info.name, "Proxy Radeon");
    assert_int_equal(info.memory_free, 0);
    assert_int_equal(dg_opencl_driver.open(0, &s, &err), DG_OK);
    assert_int_equal(dg_opencl_driver.describe(s, &info, &err), DG_OK);
    assert_int_equal(info.memory_free, 1000 * 1024);
    dg_opencl_driver.close(s);
    dg_proxy("");
    assert_string_equal(dg_proxy_ledger(), "");
}

static void close_releases_what_was_left(void **state)
{
    (void)state;
    const dg_driver *driver = &dg_opencl_driver;
    dg_session *s;
    dg_err err = {0};
    void *host, *plain, *memory[3];
    assert_int_equal(driver->open(0, &s, &err), DG_OK);
    assert_int_equal(driver->lock(s, HASH_BYTES + 2 * KEY_BYTES, &host, &err), DG_OK);
    dg_proxy("mapping=0");
    assert_int_equal(driver->lock(s, 1000, &plain, &err), DG_OK);
    dg_proxy("");
    for (int i = 0; i < 3; i++) assert_int_equal(driver->allocate(s, HASH_BYTES, &memory[i], &err), DG_OK);
    fill(host);
    assert_int_equal(order_keys(driver, s, memory, host, &err), DG_OK);
    assert_int_equal(driver->copy_in(s, DG_QUEUE_A, memory[0], 0, host, HASH_BYTES, &err), DG_OK);
    for (int i = 0; i < 3; i++) driver->release(s, memory[i]);
    driver->close(s);
    assert_string_equal(dg_proxy_ledger(), "");
}

static void no_such_device(void **state)
{
    (void)state;
    char words[100];
    dg_session *s;
    dg_device_info info;
    const int numbers[] = {-1, dg_opencl_count()};
    for (int i = 0; i < 2; i++) {
        dg_err err = {0};
        snprintf(words, sizeof words, "opencl: no device %d, there %s %d", numbers[i],
                 dg_opencl_count() == 1 ? "is" : "are", dg_opencl_count());
        assert_int_equal(dg_opencl_probe(numbers[i], &info, &err), DG_DEVICE_ERROR);
        assert_string_equal(err.text, words);
        err = (dg_err){0};
        assert_int_equal(dg_opencl_driver.open(numbers[i], &s, &err), DG_DEVICE_ERROR);
        assert_null(s);
        assert_string_equal(err.text, words);
    }
}

/* --- several at once --- */

static void sessions_share_context_and_program(void **state)
{
    (void)state;
    unsigned long before = dg_proxy_calls_of("clCreateContext"), builds = dg_proxy_calls_of("clBuildProgram");
    dg_session *s[3];
    dg_err err = {0};
    for (int i = 0; i < 3; i++) assert_int_equal(dg_opencl_driver.open(0, &s[i], &err), DG_OK);
    assert_int_equal(dg_proxy_calls_of("clCreateContext") - before, 1);
    assert_int_equal(dg_proxy_calls_of("clBuildProgram") - builds, 1);
    for (int i = 0; i < 3; i++) {
        assert_non_null(strstr(dg_proxy_ledger(), "1 context"));
        dg_opencl_driver.close(s[i]);
    }
    assert_string_equal(dg_proxy_ledger(), "");
}

static void *live_often(void *failures)
{
    for (int i = 0; i < 8; i++) {
        int right;
        dg_err err = {0};
        if (live(&dg_opencl_driver, 0, &right, &err) || !right) ++*(int *)failures;
    }
    return NULL;
}

static void sessions_in_several_threads(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    pthread_t thread[THREADS];
    int failures[THREADS] = {0};
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, live_often, &failures[i]), 0);
    for (int i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
    for (int i = 0; i < THREADS; i++) assert_int_equal(failures[i], 0);
    assert_string_equal(dg_proxy_ledger(), "");
}

static void open_and_close_often(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        dg_session *s;
        dg_err err = {0};
        assert_int_equal(dg_opencl_driver.open(0, &s, &err), DG_OK);
        dg_opencl_driver.close(s);
        assert_string_equal(dg_proxy_ledger(), "");
    }
}

/* --- forked --- */

/* In the child: everything answers the same, and nothing reaches the driver. Returns the line that failed. */
static int life_in_a_child(dg_session *s, void *memory, void *host)
{
    static const char words[] = "opencl: not usable in a process forked after OpenCL was started";
    const dg_driver *driver = &dg_opencl_driver;
    unsigned long calls = dg_proxy_calls();
    dg_session *other;
    dg_device_info info;
    void *more;
    int reached;
#define REFUSED(call)                                                                                        \
    do {                                                                                                     \
        dg_err err = {0}, *e = &err;                                                                         \
        if ((call) != DG_DEVICE_ERROR || strcmp(err.text, words) != 0) return __LINE__;                      \
    } while (0)
    REFUSED(dg_opencl_load(e));
    REFUSED(dg_opencl_probe(0, &info, e));
    REFUSED(driver->open(0, &other, e));
    REFUSED(driver->enter(s, e));
    REFUSED(driver->describe(s, &info, e));
    REFUSED(driver->allocate(s, 100, &more, e));
    REFUSED(driver->lock(s, 100, &more, e));
    REFUSED(driver->copy_in(s, DG_QUEUE_COPY, memory, 0, host, 8, e));
    REFUSED(driver->copy_out(s, DG_QUEUE_COPY, memory, 0, host, 8, e));
    REFUSED(driver->launch(s, DG_QUEUE_A, DG_KERNEL_keys, 1, &memory, NULL, e));
    REFUSED(driver->mark(s, DG_QUEUE_A, 0, e));
    REFUSED(driver->after(s, DG_QUEUE_A, 0, e));
    REFUSED(driver->reached(s, 0, &reached, e));
    driver->release(s, memory);
    driver->unlock(s, host);
    driver->leave(s);
    driver->close(s);
    return dg_proxy_calls() == calls ? 0 : __LINE__;
}

static void a_child_forked_in_the_middle_is_told_no(void **state)
{
    (void)state;
    const dg_driver *driver = &dg_opencl_driver;
    dg_session *s;
    dg_err err = {0};
    void *memory, *host;
    int status, right;
    assert_int_equal(driver->open(0, &s, &err), DG_OK);
    assert_int_equal(driver->allocate(s, 100, &memory, &err), DG_OK);
    assert_int_equal(driver->lock(s, 100, &host, &err), DG_OK);
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        int line = life_in_a_child(s, memory, host);
        if (line) fprintf(stderr, "line %d of the child failed\n", line);
        _exit(line != 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    driver->release(s, memory);
    driver->unlock(s, host);
    driver->close(s);
    assert_int_equal(live(driver, 0, &right, &err), DG_OK);
    assert_true(right);
    assert_string_equal(dg_proxy_ledger(), "");
}

/* PoCL's CPU is made a GPU, so that its programs are cached as a GPU's are. */
static int start(void **state)
{
    (void)state;
    dg_err err = {0};
    if (dg_proxy("gpu=1") || dg_opencl_load(&err)) {
        print_error("%s\n", err.text);
        return -1;
    }
    return dg_proxy("");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(one_life),
    cmocka_unit_test(every_call_failed_in_turn),
    cmocka_unit_test(every_command_failed_in_turn),
    cmocka_unit_test(memory_that_cannot_be_mapped_is_done_without),
    cmocka_unit_test(memory_runs_out),
    cmocka_unit_test(amd_tells_more),
    cmocka_unit_test(close_releases_what_was_left),
    cmocka_unit_test(no_such_device),
    cmocka_unit_test(sessions_share_context_and_program),
    cmocka_unit_test(sessions_in_several_threads),
    cmocka_unit_test(open_and_close_often),
    cmocka_unit_test(a_child_forked_in_the_middle_is_told_no),
};

int main(int argc, char **argv)
{
    opencl_settle();
    int status = dg_test_select(tests, sizeof(tests) / sizeof((tests)[0]), argc, argv);
    return status >= 0 ? status : cmocka_run_group_tests(tests, start, NULL);
}
