/*
 * Measuring and making pictures while memory runs out: each allocation in turn fails, libjpeg's, libpng's and
 * zlib's included. Every run ends in DG_NOMEM with everything given back, or, once no allocation is left to
 * fail, in the right hashes.
 *
 * This program's own malloc family stands in front of the C library's (or the sanitizer's) for every library
 * in the process; it counts, and fails the one allocation it is told to.
 */
#include "../../kernels/image/enhance.h"
#include "../../kernels/image/image.h"
#include "../../kernels/image/thumbnail.h"
#include "dg_test.h"
#include "pictures.h"

#include <dlfcn.h>
#include <stdlib.h>

static long allocations; /* since the count was last set to 0 */
static long failing;     /* the number of the one to fail; 0: none */
static long outstanding; /* blocks allocated and not freed */

static void *(*next_malloc)(size_t);
static void *(*next_calloc)(size_t, size_t);
static void *(*next_realloc)(void *, size_t);
static void *(*next_aligned_alloc)(size_t, size_t);
static void (*next_free)(void *);

/* dlsym itself may allocate before the functions are known. */
static _Alignas(16) char early[4096];
static size_t early_used;

static void find(void *function, const char *name)
{
    *(void **)function = dlsym(RTLD_NEXT, name);
}

static void find_all(void)
{
    static int begun;
    if (begun) return;
    begun = 1;
    find(&next_free, "free");
    find(&next_calloc, "calloc");
    find(&next_realloc, "realloc");
    find(&next_aligned_alloc, "aligned_alloc");
    find(&next_malloc, "malloc");
}

static int is_early(const void *block)
{
    return (const char *)block >= early && (const char *)block < early + sizeof early;
}

static void *early_block(size_t bytes)
{
    void *block = early + early_used;
    early_used += (bytes + 15) / 16 * 16;
    return early_used <= sizeof early ? block : NULL;
}

static int fails(void)
{
    return ++allocations == failing;
}

static void *counted(void *block)
{
    outstanding += block != NULL;
    return block;
}

void *malloc(size_t bytes)
{
    find_all();
    if (!next_malloc) return early_block(bytes);
    return fails() ? NULL : counted(next_malloc(bytes));
}

void *calloc(size_t count, size_t bytes)
{
    find_all();
    if (!next_malloc) return early_block(count * bytes);
    return fails() ? NULL : counted(next_calloc(count, bytes));
}

void *realloc(void *block, size_t bytes)
{
    find_all();
    if (fails()) return NULL;
    void *moved = next_realloc(block, bytes);
    if (!block) counted(moved);
    return moved;
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    find_all();
    return fails() ? NULL : counted(next_aligned_alloc(alignment, bytes));
}

void free(void *block)
{
    if (!block || is_early(block)) return;
    outstanding--;
    next_free(block);
}

static void every_allocation(void **state)
{
    static const char *const names[] = {
        "420.jpg",
        "420-progressive.jpg",
        "grey.jpg",
        "cmyk.jpg",
        "arithmetic.jpg",
        "orientation-6.jpg",
        "rgb-8-gama.png",
        "palette-4-trns.png",
        "rgba-16-interlaced.png",
        "grey-1.png",
        "orientation-6.png",
        "grey-alpha-8.png",
        "checks-128-128.png",
        "grey-noise-3-600.png",
        "cut.png",
    };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        picture_file file = picture_golden(names[i]);
        dg_image_options options = {.orient = 1, .truncated = DG_TRUNCATED_LENIENT, .max_pixels = 1 << 20};
        dg_image_work work = {.hashes = (1 << DG_HASH_KINDS) - 1,
                              .hash_size = 8,
                              .metrics = (1 << DG_METRICS) - 1,
                              .pdq = 1,
                              .colorhash = 1,
                              .orientations = 1};
        dg_image_result whole;
        dg_err err = {DG_OK, ""};
        assert_int_equal(dg_image_measure(file.data, file.bytes, &options, &work, &whole, &err), DG_OK);
        for (long n = 1;; n++) {
            dg_image_result set;
            static const dg_image_result nothing;
            dg_err failure = {DG_OK, ""};
            long before = outstanding;
            allocations = 0;
            failing = n;
            enum dg_code code = dg_image_measure(file.data, file.bytes, &options, &work, &set, &failure);
            int reached = allocations >= n;
            failing = 0;
            assert_int_equal(outstanding, before);
            if (!reached) {
                assert_true(n > 15); /* the libraries' allocations are among them */
                assert_int_equal(code, DG_OK);
                assert_memory_equal(&set, &whole, sizeof set);
                break;
            }
            if (code != DG_NOMEM)
                fail_msg("%s, allocation %ld: code %d, %s", names[i], n, (int)code, failure.text);
            set.info = nothing.info;
            assert_memory_equal(&set, &nothing, sizeof nothing);
        }
        picture_free(file);
    }
}

static void every_allocation_of_a_header(void **state)
{
    static const char *const names[] = {"420-progressive.jpg", "palette-4-trns.png", "orientation-6.png"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        picture_file file = picture_golden(names[i]);
        for (long n = 1;; n++) {
            dg_image_info info;
            dg_err err = {DG_OK, ""};
            long before = outstanding;
            allocations = 0;
            failing = n;
            enum dg_code code = dg_image_info_read(file.data, file.bytes, &info, &err);
            int reached = allocations >= n;
            failing = 0;
            assert_int_equal(outstanding, before);
            assert_int_equal(code, reached ? DG_NOMEM : DG_OK);
            assert_int_equal(info.width != 0, !reached);
            if (!reached) break;
        }
        picture_free(file);
    }
}

/* Pictures from pictures: resized to each format, turned or not, and enhanced. */
static void every_allocation_of_an_encoder(void **state)
{
    static const char *const names[] = {"420.jpg", "orientation-6.jpg", "rgba-16-interlaced.png",
                                        "grey-alpha-8.png", "grey-1.png"};
    enum { WAYS = 3 };
    (void)state;
    for (size_t i = 0; i < WAYS * sizeof names / sizeof names[0]; i++) {
        picture_file file = picture_golden(names[i / WAYS]);
        dg_image_options options = {.max_pixels = 1 << 20};
        for (long n = 1;; n++) {
            dg_file made;
            dg_err err = {DG_OK, ""};
            long before = outstanding;
            allocations = 0;
            failing = n;
            enum dg_code code;
            if (i % WAYS == 0)
                code = dg_enhance(file.data, file.bytes, &options, &made, &err);
            else
                code = dg_thumbnail(file.data, file.bytes, &options, (dg_size){20, 10},
                                    i % WAYS == 1 ? DG_FORMAT_PNG : DG_FORMAT_JPEG, &made, &err);
            int reached = allocations >= n;
            failing = 0;
            assert_int_equal(code, reached ? DG_NOMEM : DG_OK);
            assert_int_equal(made.data != NULL && made.bytes > 0, !reached);
            free(made.data);
            assert_int_equal(outstanding, before);
            if (!reached) break;
        }
        picture_free(file);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_allocation),
    cmocka_unit_test(every_allocation_of_a_header),
    cmocka_unit_test(every_allocation_of_an_encoder),
};

DG_TEST_MAIN(tests)
