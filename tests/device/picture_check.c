#include "picture_check.h"

#include "../../kernels/image/hash.h"
#include "../../kernels/image/resize.h"
#include "../core/dg_test.h"

#include <stdlib.h>

static const dg_poll never = {0};

static uint8_t sample(enum picture_content content, dg_size size, uint32_t x, uint32_t y, uint64_t *state)
{
    switch (content) {
    case FLAT: return 77;
    case STRIPES: return x / 3 % 2 ? 250 : 10;
    case BLOCKS: return x / 24 % 3 == 0 ? 5 : (uint8_t)((x / 8 * 37 + y / 8 * 91) % 256);
    case MIRRORED:
        return (uint8_t)((2 * x + 1 > size.width ? 2 * x + 1 - size.width : size.width - 2 * x - 1) + y);
    default: *state = *state * 6364136223846793005u + 1442695040888963407u; return (uint8_t)(*state >> 56);
    }
}

static dg_grey make_picture(enum picture_content content, dg_size size, uint64_t *state)
{
    uint8_t *samples = malloc((size_t)size.width * size.height);
    assert_non_null(samples);
    for (uint32_t y = 0; y < size.height; y++)
        for (uint32_t x = 0; x < size.width; x++)
            samples[(size_t)y * size.width + x] = sample(content, size, x, y, state);
    return (dg_grey){samples, size};
}

/* The plane of one picture by kernels/image. */
static void expect_plane(const dg_grey *picture, dg_size plane, uint8_t *out)
{
    dg_err err = {0};
    dg_resize *resize;
    assert_int_equal(dg_resize_open(&resize, picture->size, &plane, 1, &err), DG_OK);
    for (uint32_t y = 0; y < picture->size.height; y++) {
        memcpy(dg_resize_row(resize), picture->samples + (size_t)y * picture->size.width,
               picture->size.width);
        dg_resize_take(resize);
    }
    memcpy(out, dg_resize_plane(resize, 0), (size_t)plane.width * plane.height);
    dg_resize_close(resize);
}

void check_pictures(const dg_backend *backend, dg_device *device, enum picture_content content,
                    const dg_size *sizes, uint32_t count, dg_size plane, int hash_size)
{
    const size_t stride = dg_plane_stride(plane.width, plane.height),
                 many = (size_t)plane.width * plane.height;
    const size_t bytes = hash_size ? dg_hash_bytes(hash_size) : 0;
    dg_grey *pictures = malloc(count * sizeof *pictures);
    uint8_t *planes = malloc(count * stride), *hashes = malloc(count * bytes + 1), *expected = malloc(many);
    uint8_t hash[DG_HASH_BYTES_MAX];
    uint64_t state = count + plane.width;
    dg_shrink shrink;
    dg_err err = {0};
    assert_true(pictures && planes && hashes && expected);
    for (uint32_t i = 0; i < count; i++) pictures[i] = make_picture(content, sizes[i], &state);
    if (dg_shrink_open(&shrink, backend, device, pictures, count, &err) ||
        dg_shrink_resize(&shrink, plane, &never, &err) || dg_shrink_planes(&shrink, planes, &err) ||
        (hash_size && dg_shrink_phash(&shrink, (uint32_t)hash_size, hashes, &never, &err)))
        fail_msg("%s", err.text);
    dg_shrink_close(&shrink);
    for (uint32_t i = 0; i < count; i++) {
        expect_plane(&pictures[i], plane, expected);
        if (memcmp(expected, planes + i * stride, many) != 0)
            fail_msg("content %d: %u x %u to %u x %u: the plane differs", (int)content, sizes[i].width,
                     sizes[i].height, plane.width, plane.height);
        if (hash_size) {
            dg_hash_plane(DG_PHASH, hash_size, expected, plane, hash, &err);
            if (memcmp(hash, hashes + i * bytes, bytes) != 0)
                fail_msg("content %d: %u x %u: phash of size %d differs", (int)content, sizes[i].width,
                         sizes[i].height, hash_size);
        }
        free((void *)pictures[i].samples);
    }
    free(pictures);
    free(planes);
    free(hashes);
    free(expected);
}

void check_metrics(const dg_backend *backend, dg_device *device, enum picture_content content,
                   const dg_size *sizes, uint32_t count)
{
    const unsigned metrics = (1u << DG_METRICS) - 1;
    dg_grey *pictures = malloc(count * sizeof *pictures);
    dg_grade *grades = malloc(count * sizeof *grades);
    int *jpeg_quality = malloc(count * sizeof *jpeg_quality);
    uint64_t state = count;
    dg_shrink batch;
    dg_err err = {0};
    assert_true(pictures && grades && jpeg_quality);
    for (uint32_t i = 0; i < count; i++) {
        pictures[i] = make_picture(content, sizes[i], &state);
        jpeg_quality[i] = (int)(i % 3 * 45);
    }
    if (dg_shrink_open(&batch, backend, device, pictures, count, &err) ||
        dg_grade_pictures(&batch, metrics, jpeg_quality, grades, &never, &err))
        fail_msg("%s", err.text);
    dg_shrink_close(&batch);
    for (uint32_t i = 0; i < count; i++) {
        dg_grade expected;
        assert_int_equal(
            dg_grey_metrics(&pictures[i], metrics, jpeg_quality[i], expected.metric, &expected.null, &err),
            DG_OK);
        assert_int_equal(grades[i].null, expected.null);
        for (int m = 0; m < DG_METRICS; m++)
            if (memcmp(&grades[i].metric[m], &expected.metric[m], sizeof(double)) != 0)
                fail_msg("content %d: %u x %u: %s is %.17g, not %.17g", (int)content, sizes[i].width,
                         sizes[i].height, dg_metric_name((enum dg_metric)m), grades[i].metric[m],
                         expected.metric[m]);
        free((void *)pictures[i].samples);
    }
    free(pictures);
    free(grades);
    free(jpeg_quality);
}

void check_all_metrics(const dg_backend *backend, dg_device *device, int quick)
{
    static const dg_size sizes[] = {{1, 1},    {2, 2},     {3, 3},     {1, 40},   {40, 1},   {17, 18},
                                    {18, 17},  {32, 32},   {33, 34},   {241, 50}, {242, 50}, {257, 259},
                                    {497, 97}, {640, 480}, {1030, 75}, {64, 601}, {16, 16},  {2, 300}};
    enum { SIZES = sizeof sizes / sizeof *sizes, MANY = 600 };
    dg_size many[MANY];
    for (int content = 0; content < PICTURE_CONTENTS; content++)
        check_metrics(backend, device, (enum picture_content)content, sizes, SIZES);
    for (uint32_t i = 0; i < MANY; i++) many[i] = (dg_size){1 + i % 41, 1 + i % 37};
    if (!quick) check_metrics(backend, device, NOISE, many, MANY);
}

/* The sum of block number `block` of a plane. */
static uint32_t expect_sum(const uint8_t *plane, uint32_t side, uint32_t along, uint32_t block)
{
    const uint32_t size = side / along, x0 = block % along * size, y0 = block / along * size;
    uint32_t sum = 0;
    for (uint32_t y = y0; y < y0 + size; y++)
        for (uint32_t x = x0; x < x0 + size; x++) sum += plane[y * side + x];
    return sum;
}

void check_blocks(const dg_backend *backend, dg_device *device, const dg_size *sizes, uint32_t count,
                  uint32_t side, uint32_t along)
{
    const dg_size plane = {side, side};
    const uint32_t stride = dg_plane_stride(side, side), many = along * along;
    dg_grey *pictures = malloc(count * sizeof *pictures);
    uint8_t *expected = malloc(stride), *fetched = malloc(stride);
    uint32_t *sums = malloc((size_t)count * many * sizeof *sums);
    uint64_t state = count + side;
    dg_shrink shrink;
    dg_err err = {0};
    assert_true(pictures && expected && fetched && sums);
    for (uint32_t i = 0; i < count; i++) pictures[i] = make_picture(NOISE, sizes[i], &state);
    if (dg_shrink_open(&shrink, backend, device, pictures, count, &err) ||
        dg_shrink_resize(&shrink, plane, &never, &err) ||
        dg_shrink_blocks(&shrink, along, sums, &never, &err))
        fail_msg("%s", err.text);
    for (uint32_t i = 0; i < count; i++) {
        expect_plane(&pictures[i], plane, expected);
        for (uint32_t block = 0; block < many; block++)
            if (sums[i * many + block] != expect_sum(expected, side, along, block))
                fail_msg("%u x %u: the sum of block %u of %u x %u differs", sizes[i].width, sizes[i].height,
                         block, along, along);
        assert_int_equal(dg_shrink_plane(&shrink, i, fetched, &err), DG_OK);
        assert_memory_equal(fetched, expected, (size_t)side * side);
        free((void *)pictures[i].samples);
    }
    dg_shrink_close(&shrink);
    free(pictures);
    free(expected);
    free(fetched);
    free(sums);
}

void check_all_pictures(const dg_backend *backend, dg_device *device, int quick)
{
    static const dg_size sizes[] = {{1, 1},     {32, 32},  {33, 31}, {200, 150}, {150, 200},
                                    {8, 300},   {300, 8},  {9, 200}, {640, 48},  {257, 65},
                                    {64, 1000}, {31, 400}, {5, 3},   {97, 97}};
    static const dg_size planes[] = {{32, 32}, {9, 8}, {8, 9}, {8, 8}, {33, 32}, {200, 8}};
    enum { SIZES = sizeof sizes / sizeof *sizes, MANY = 700 };
    dg_size many[MANY];
    for (size_t p = 0; p < sizeof planes / sizeof *planes; p += quick ? 3 : 1)
        check_pictures(backend, device, NOISE, sizes, SIZES, planes[p], 0);
    for (int size = 2; size <= 32; size *= 2)
        for (int content = 0; content < PICTURE_CONTENTS; content++)
            if (!quick || size == 8 || content == NOISE)
                check_pictures(backend, device, (enum picture_content)content, sizes, SIZES,
                               (dg_size){4 * (uint32_t)size, 4 * (uint32_t)size}, size);
    for (uint32_t i = 0; i < MANY; i++) many[i] = (dg_size){1 + i % 41, 1 + i % 37};
    check_pictures(backend, device, NOISE, many, MANY, (dg_size){32, 32}, 8);
    check_pictures(backend, device, NOISE, many, MANY / 2, (dg_size){8, 8}, 2);
    /* The largest first: while steps are short, a plane's groups take several. */
    for (uint32_t along = 32; along >= 2; along /= quick ? 4 : 2)
        for (uint32_t side = along; side <= 4 * along; side *= 2)
            check_blocks(backend, device, sizes, SIZES, side, along);
    check_blocks(backend, device, many, quick ? 100 : MANY, 8, 8);
    check_blocks(backend, device, sizes, 2, 256, 2);
    check_blocks(backend, device, sizes, 1, 1024, 2);
}
