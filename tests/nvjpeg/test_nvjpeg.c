/*
 * Pictures decoded by kernels/cuda/nvjpeg.c on the libraries of this folder and of tests/fake: the results
 * are those of an exact decode or an error, on one thread and on several, with every allocation failed in
 * turn, and of files with wrong bytes in them. Nothing is left behind.
 */
#include "../core/dg_test.h"

#include "../../kernels/cuda/cuda.h"
#include "../../kernels/image/image.h"
#include "../../kernels/targets.h"
#include "../fake/fake_cuda.h"
#include "../fault/memory.h"
#include "fake_nvjpeg.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* --- pictures --- */

static const char *const names[] = {"420.jpg", "grey.jpg", "444-progressive.jpg", "orientation-6.jpg"};
enum { PICTURES = sizeof names / sizeof *names, FILE_MAX = 1 << 16 };

static struct picture {
    unsigned char file[FILE_MAX];
    size_t bytes;
    dg_image_result exact;
} pictures[PICTURES];

static enum dg_code measure(const void *file, size_t bytes, dg_jpeg_decoder *decoder, dg_image_result *result,
                            dg_err *err)
{
    const dg_image_options options = {.orient = 1,
                                      .max_pixels = 1 << 20,
                                      .decode = decoder ? DG_DECODE_GPU : DG_DECODE_EXACT,
                                      .decoder = decoder};
    const dg_image_work work = {
        .hashes = 1u << DG_PHASH | 1u << DG_WHASH, .hash_size = 8, .pdq = 1, .colorhash = 1};
    *err = (dg_err){0};
    return dg_image_measure(file, bytes, &options, &work, result, err);
}

static int read_pictures(void **state)
{
    (void)state;
    for (int i = 0; i < PICTURES; i++) {
        char path[200];
        dg_err err;
        snprintf(path, sizeof path, "tests/golden/pictures/%s", names[i]);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        pictures[i].bytes = fread(pictures[i].file, 1, FILE_MAX, file);
        fclose(file);
        assert_int_equal(measure(pictures[i].file, pictures[i].bytes, NULL, &pictures[i].exact, &err), DG_OK);
    }
    return 0;
}

/* Skips the test in a build without CUDA. */
static dg_jpeg_decoder *open_decoder(void)
{
    dg_err err = {0};
    dg_jpeg_decoder *decoder;
    if (strcmp(dg_cuda_targets(), "none") == 0) skip();
    if (dg_nvjpeg_open(0, &decoder, &err)) fail_msg("%s", err.text);
    return decoder;
}

static void nothing_is_left(const char *when, long n)
{
    const char *words;
    if (fake_cuda_violations(&words)) fail_msg("%s %ld: misuse of the driver: %s", when, n, words);
    if (fake_nvjpeg_violations()) fail_msg("%s %ld: misuse of nvJPEG", when, n);
    if (fake_cuda_entries() || fake_nvjpeg_ledger()) fail_msg("%s %ld: something is left behind", when, n);
}

/* One picture; 1: as the exact one, 0: an error, or if it is another DG_DEVICE_ERROR. */
static int is_right(dg_jpeg_decoder *decoder, const struct picture *p, dg_err *err)
{
    dg_image_result got;
    if (measure(p->file, p->bytes, decoder, &got, err)) return 0;
    if (memcmp(&got, &p->exact, sizeof got) == 0) return 1;
    dg_fail(err, DG_DEVICE_ERROR, "another result");
    return 0;
}

/* --- tests --- */

static void decodes(void **state)
{
    dg_err err;
    (void)state;
    dg_jpeg_decoder *decoder = open_decoder();
    assert_string_equal(decoder->name, "nvjpeg");
    for (int i = 0; i < PICTURES; i++)
        if (!is_right(decoder, &pictures[i], &err)) fail_msg("%s: %s", names[i], err.text);
    decoder->close(decoder);
    nothing_is_left("decoding", 0);
}

/* How many allocations failed. */
static long run_without_memory(long n, int and_after)
{
    dg_jpeg_decoder *decoder;
    dg_err err = {0};
    const long before = atomic_load(&memory.living);
    memory_arm(n, and_after);
    dg_nvjpeg_open(0, &decoder, &err);
    for (int i = 0; i < PICTURES && decoder; i++)
        if (!is_right(decoder, &pictures[i], &err)) break;
    if (decoder) decoder->close(decoder);
    const long failed = memory_disarm();
    assert_int_equal(err.code, failed ? DG_NOMEM : DG_OK);
    assert_int_equal(atomic_load(&memory.living), before);
    nothing_is_left("allocation", n);
    return failed;
}

static void every_allocation_fails(void **state)
{
    (void)state;
    dg_jpeg_decoder *decoder = open_decoder(); /* what is loaded once */
    decoder->close(decoder);
    for (int and_after = 0; and_after < 2; and_after++) {
        long n = 0;
        while (run_without_memory(++n, and_after)) continue;
        assert_true(n > 20);
    }
}

/* The number of errors, from 1000 on if one was not expected. */
static void *decode_many(void *arg)
{
    dg_jpeg_decoder *decoder = arg;
    long errors = 0;
    for (int turn = 0; turn < 100; turn++) {
        dg_err err;
        if (is_right(decoder, &pictures[turn % PICTURES], &err)) continue;
        errors += strstr(err.text, "INTERNAL_ERROR") ? 1 : 1000;
    }
    return (void *)(intptr_t)errors;
}

static void threads_share_a_decoder(void **state)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    long errors = 0;
    (void)state;
    dg_jpeg_decoder *decoder = open_decoder();
    fake_nvjpeg_fail(40, 8, 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, decode_many, decoder), 0);
    for (int i = 0; i < THREADS; i++) {
        void *answer;
        pthread_join(threads[i], &answer);
        errors += (intptr_t)answer;
    }
    decoder->close(decoder);
    fake_nvjpeg_fail(0, 0, 0);
    assert_int_equal(errors, 1);
    nothing_is_left("threads", 0);
}

static void wrong_bytes(void **state)
{
    unsigned seed = 1, refused = 0;
    dg_image_result got;
    dg_err err;
    (void)state;
    dg_jpeg_decoder *decoder = open_decoder();
    for (int turn = 0; turn < 2000; turn++) {
        struct picture bad = pictures[turn % PICTURES];
        for (int i = 0; i <= turn % 4; i++) {
            seed = seed * 1664525u + 1013904223u;
            bad.file[(seed >> 8) % bad.bytes] = (unsigned char)(seed >> 3);
        }
        if (turn % 5 == 0) bad.bytes = (seed >> 4) % bad.bytes;
        enum dg_code code = measure(bad.file, bad.bytes, decoder, &got, &err);
        assert_true(code == DG_OK || code == DG_ERROR);
        refused += code == DG_ERROR;
    }
    assert_true(refused > 400);
    decoder->close(decoder);
    nothing_is_left("wrong bytes", 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup(decodes, read_pictures),
    cmocka_unit_test_setup(every_allocation_fails, read_pictures),
    cmocka_unit_test_setup(threads_share_a_decoder, read_pictures),
    cmocka_unit_test_setup(wrong_bytes, read_pictures),
};

DG_TEST_MAIN(tests)
