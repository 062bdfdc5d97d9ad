/* The OpenCL driver below the door: sessions, copies, launches, marks and failures, through the proxy. */
#include "../core/dg_test.h"

#include "../../kernels/opencl/opencl.h"
#include "../emulator/emulator.h"
#include "../../kernels/opencl/devices.h"
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
    assert_int_equal(dg_opencl_load(&err), DG_OK);
    assert_int_equal(live(&dg_opencl_driver, 0, &right, &err), DG_OK);
    assert_true(right);
    assert_string_equal(dg_proxy_ledger(), "");
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(one_life)};
DG_TEST_MAIN(tests)
