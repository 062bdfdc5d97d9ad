/*
 * The fast ways of kernels/image against kernels/reference and against plain C: every instruction set of the
 * row loops, Lanczos weights, resizing, the cosine transform, and the hashes of pictures in which ties are
 * the rule.
 */
#include "../../kernels/image/dct.h"
#include "../../kernels/image/image.h"
#include "../../kernels/image/lanczos.h"
#include "../../kernels/image/luma.h"
#include "../../kernels/image/resize.h"
#include "../../kernels/image/rows.h"
#include "../../kernels/reference/ref_hash.h"
#include "dg_test.h"
#include "pictures.h"

#include <math.h>
#include <stdlib.h>

static uint64_t seed;

static uint32_t below(uint32_t limit)
{
    return (uint32_t)(picture_random(&seed) >> 32) % limit;
}

/* Every colour there is. */
static void luma_of_every_colour(void **state)
{
    uint8_t pixels[256 * 4], grey[256];
    (void)state;
    for (int v = 0; v < dg_row_loops_count; v++) {
        if (!dg_row_loops_all[v]->usable()) continue;
        for (uint32_t rg = 0; rg < 65536; rg++) {
            uint32_t r = rg >> 8, g = rg & 255, rounding = rg & 1 ? 0 : 32768;
            for (uint32_t b = 0; b < 256; b++) {
                pixels[4 * b] = (uint8_t)r, pixels[4 * b + 1] = (uint8_t)g, pixels[4 * b + 2] = (uint8_t)b;
                pixels[4 * b + 3] = (uint8_t)(b * 7 + g);
            }
            dg_row_loops_all[v]->luma(pixels, 256, rounding, grey);
            for (uint32_t b = 0; b < 256; b++)
                if (grey[b] != (19595 * r + 38470 * g + 7471 * b + rounding) >> 16)
                    fail_msg("%s: %u %u %u", dg_row_loops_all[v]->name, r, g, b);
        }
    }
}

/* Lengths around the vector sizes, rows that start anywhere and end at the end of their memory. */
static void luma_of_every_length(void **state)
{
    (void)state;
    for (int v = 0; v < dg_row_loops_count; v++) {
        if (!dg_row_loops_all[v]->usable()) continue;
        for (size_t count = 0; count < 300; count++) {
            uint8_t *pixels = malloc(4 * count + count % 8 + 1), *grey = malloc(count + 1);
            assert_true(pixels && grey);
            uint8_t *start = pixels + count % 8 + 1;
            for (size_t i = 0; i < 4 * count; i++) start[i] = (uint8_t)below(256);
            grey[count] = 99;
            dg_row_loops_all[v]->luma(start, count, 32768, grey);
            for (size_t i = 0; i < count; i++)
                assert_int_equal(grey[i],
                                 dg_luma_of(start[4 * i], start[4 * i + 1], start[4 * i + 2], 32768));
            assert_int_equal(grey[count], 99);
            free(pixels);
            free(grey);
        }
    }
}

static void rows_of_every_variant(void **state)
{
    enum { MOST = 700 };
    static uint8_t rows[DG_ROW_BATCH * MOST], out[2][MOST];
    static uint32_t sums[2][MOST];
    (void)state;
    for (int v = 1; v < dg_row_loops_count; v++) {
        const dg_row_loops *plain = dg_row_loops_all[0], *other = dg_row_loops_all[v];
        if (!other->usable()) continue;
        for (size_t width = 1; width < MOST; width += 1 + width / 40) {
            for (int k = 0; k < 12; k++) {
                int32_t weights[DG_ROW_BATCH];
                for (int r = 0; r < DG_ROW_BATCH; r++) weights[r] = (int32_t)below(1 << 23) - (1 << 22);
                for (size_t x = 0; x < DG_ROW_BATCH * width; x++) rows[x] = (uint8_t)below(256);
                (k ? plain->add : plain->begin)(rows, weights, width, sums[0]);
                (k ? other->add : other->begin)(rows, weights, width, sums[1]);
            }
            assert_memory_equal(sums[0], sums[1], sizeof sums[0]);
            plain->finish(sums[0], width, out[0]);
            other->finish(sums[1], width, out[1]);
            assert_memory_equal(out[0], out[1], sizeof out[0]);
        }
    }
}

static void across_of_every_variant(void **state)
{
    enum { MOST = 50 * DG_TAP_BLOCK, OUTPUTS = 40 };
    static int16_t wide[DG_ROW_BATCH * MOST], low[MOST], high[MOST];
    (void)state;
    for (int round = 0; round < 300; round++) {
        dg_taps taps[OUTPUTS];
        for (int i = 0; i < MOST; i++) {
            for (int r = 0; r < DG_ROW_BATCH; r++) wide[r * MOST + i] = (int16_t)below(256);
            low[i] = (int16_t)below(65536);
            high[i] = (int16_t)((int)below(128) - 64);
        }
        for (int i = 0; i < OUTPUTS; i++) {
            uint32_t blocks = 1 + below(round % 2 ? 30 : 2), high_blocks = below(blocks + 1);
            taps[i] = (dg_taps){.blocks = blocks, .high_blocks = high_blocks, .low = low, .high = high};
            taps[i].first = below(MOST - blocks * DG_TAP_BLOCK);
            taps[i].high_first = below(MOST - high_blocks * DG_TAP_BLOCK);
        }
        uint8_t expected[DG_ROW_BATCH * OUTPUTS], got[DG_ROW_BATCH * OUTPUTS];
        dg_row_loops_all[0]->across(wide, MOST, taps, OUTPUTS, expected);
        for (int v = 1; v < dg_row_loops_count; v++) {
            if (!dg_row_loops_all[v]->usable()) continue;
            dg_row_loops_all[v]->across(wide, MOST, taps, OUTPUTS, got);
            assert_memory_equal(got, expected, sizeof got);
        }
    }
}

/* Against the plain way, output by output. */
static void groups_of_every_variant(void **state)
{
    enum { WIDTH = 300, PAIRS = DG_GROUP_SPAN / 2 };
    static uint8_t rows[DG_ROW_BATCH * WIDTH + DG_ROW_SLACK];
    static int16_t low[4][2 * DG_GROUP * PAIRS], high[4][2 * DG_GROUP * PAIRS];
    (void)state;
    for (int round = 0; round < 2000; round++) {
        enum { GROUPS = 4 };
        size_t count = DG_GROUP + below((GROUPS - 1) * DG_GROUP + 1);
        dg_tap_group groups[GROUPS];
        uint8_t expected[DG_ROW_BATCH * GROUPS * DG_GROUP], got[DG_ROW_BATCH * GROUPS * DG_GROUP];
        for (size_t i = 0; i < DG_ROW_BATCH * WIDTH; i++) rows[i] = (uint8_t)below(256);
        for (int g = 0; g < GROUPS; g++) {
            uint32_t pairs = 1 + below(10), first = below(WIDTH), room = DG_GROUP_SPAN - 2 * pairs;
            groups[g] = (dg_tap_group){.pairs = pairs, .low = low[g], .high = high[g]};
            for (uint32_t i = 0; i < DG_GROUP; i++)
                groups[g].first[i] = first + (round % 2 ? i * room / (DG_GROUP - 1) : i * below(3) % 3);
            for (int i = 1; i < DG_GROUP; i++)
                if (groups[g].first[i] < groups[g].first[i - 1]) groups[g].first[i] = groups[g].first[i - 1];
            for (size_t i = 0; i < 2 * DG_GROUP * pairs; i++) {
                low[g][i] = (int16_t)below(65536);
                high[g][i] = (int16_t)((int)below(128) - 64);
            }
        }
        for (size_t next = 0; next < count; next += DG_GROUP) {
            const dg_tap_group *group = &groups[next / DG_GROUP];
            size_t start = next + DG_GROUP <= count ? next : count - DG_GROUP;
            for (size_t r = 0; r < DG_ROW_BATCH; r++) {
                for (size_t i = 0; i < DG_GROUP; i++) {
                    uint32_t sum = 1u << (DG_WEIGHT_BITS - 1);
                    for (size_t k = 0; k < 2 * group->pairs; k++) {
                        size_t at = k / 2 * 2 * DG_GROUP + 2 * i + k % 2;
                        uint32_t weight = (uint32_t)group->low[at] + ((uint32_t)group->high[at] << 16);
                        sum += weight * rows[r * WIDTH + group->first[i] + k];
                    }
                    int32_t value = (int32_t)sum >> DG_WEIGHT_BITS;
                    expected[r * count + start + i] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
                }
            }
        }
        for (int v = 0; v < dg_row_loops_count; v++) {
            if (!dg_row_loops_all[v]->usable() || !dg_row_loops_all[v]->across_groups) continue;
            dg_row_loops_all[v]->across_groups(rows, WIDTH, groups, count, got);
            assert_memory_equal(got, expected, DG_ROW_BATCH * count);
        }
    }
}

/* The weights are the same whichever variant finds them. */
static void weights_of_every_variant(void **state)
{
    enum { MOST = 400 };
    static double value[2][MOST];
    static int32_t weight[2][MOST];
    (void)state;
    for (int v = 1; v < dg_row_loops_count; v++) {
        const dg_row_loops *plain = dg_row_loops_all[0], *other = dg_row_loops_all[v];
        if (!other->usable()) continue;
        for (size_t count = 1; count < MOST; count++) {
            double step = 6.0 / (double)count, centre = 1000 + (double)count / 2;
            double sum = plain->filter(1000, centre, step, count, value[0]);
            assert_true(other->filter(1000, centre, step, count, value[1]) == sum);
            assert_memory_equal(value[0], value[1], count * sizeof value[0][0]);
            int sure = plain->round_weights(value[0], count, (1 << DG_WEIGHT_BITS) / sum, weight[0]);
            assert_int_equal(other->round_weights(value[1], count, (1 << DG_WEIGHT_BITS) / sum, weight[1]),
                             sure);
            assert_memory_equal(weight[0], weight[1], count * sizeof weight[0][0]);
        }
    }
}

/* Against the definition, sine by sine. */
static void lanczos_weights(void **state)
{
    enum { MOST = 6000 };
    static double exact[MOST];
    (void)state;
    seed = 7;
    for (int round = 0; round < 3000; round++) {
        dg_axis axis = {1 + below(round % 2 ? 200 : MOST - 1), 1 + below(round % 3 ? 40 : 1000)};
        double scale = (double)axis.in / axis.out, fs = scale > 1 ? scale : 1;
        dg_windows windows;
        assert_true(dg_lanczos_windows(axis, 2, &windows));
        for (uint32_t i = 0; i < axis.out; i++) {
            const dg_window *w = &windows.of[i];
            assert_true(w->count <= dg_lanczos_window_max(axis));
            assert_true(w->weights[-2] == 0 && w->weights[-1] == 0);
            assert_true(w->weights[w->count] == 0 && w->weights[w->count + 1] == 0);
            double centre = (i + 0.5) * scale, sum = 0;
            int lo = (int)(centre - 3 * fs + 0.5), hi = (int)(centre + 3 * fs + 0.5);
            lo = lo < 0 ? 0 : lo;
            hi = hi > (int)axis.in ? (int)axis.in : hi;
            assert_true((int)w->first == lo && (int)w->count == hi - lo);
            for (int k = 0; k < hi - lo; k++) {
                double t = (k + lo - centre + 0.5) * (1 / fs), u = t / 3;
                exact[k] = t < -3 || t >= 3 ? 0
                           : t == 0         ? 1
                                            : sin(M_PI * t) / (M_PI * t) * (sin(M_PI * u) / (M_PI * u));
                sum += exact[k];
            }
            for (int k = 0; k < hi - lo; k++) {
                double fixed = exact[k] / sum * (1 << 22);
                assert_int_equal(w->weights[k], (int)(fixed < 0 ? fixed - 0.5 : fixed + 0.5));
            }
        }
        dg_lanczos_free(&windows);
    }
}

/* Planes that real pictures and drawings resemble; many have equal or mirrored parts. */
static uint8_t sample(int shape, int width, int height, int x, int y)
{
    switch (shape) {
    case 0: return (uint8_t)below(256);
    case 1: return (uint8_t)(x * 255 / width + (int)below(9));
    case 2: return (uint8_t)(abs(2 * x - width + 1) + abs(2 * y - height + 1));
    case 3: return (uint8_t)(255 * ((x / 5 + y / 5) % 2));
    case 4: return (uint8_t)(x * y);
    case 5: return (uint8_t)(below(2) * 255);
    case 6: return (uint8_t)(x > width / 3 && y > height / 4 ? 200 : 30);
    case 7: return (uint8_t)((3 * x + y) % 32 * 8);
    default: return 128;
    }
}

enum { SHAPES = 9 };

static void resized_planes(void **state)
{
    (void)state;
    seed = 3;
    for (int round = 0; round < 200; round++) {
        dg_size in = {1 + below(round % 5 ? 150 : 1500), 1 + below(round % 7 ? 150 : 1500)};
        dg_size out[3] = {
            {1 + below(64), 1 + below(64)}, {1 + below(140), 1 + below(140)}, {0, 1 + below(90)}};
        if (round % 11 == 0) out[0].width = in.width;
        if (round % 13 == 0) out[1].height = in.height;
        out[2].width = out[0].width; /* shares the pass across */
        uint8_t *plane = malloc((size_t)in.width * in.height), *expected = malloc(1500 * 1500);
        assert_true(plane && expected);
        for (uint32_t y = 0; y < in.height; y++)
            for (uint32_t x = 0; x < in.width; x++)
                plane[y * in.width + x] =
                    sample(round % SHAPES, (int)in.width, (int)in.height, (int)x, (int)y);

        dg_resize *resize;
        dg_err err = {DG_OK, ""};
        assert_int_equal(dg_resize_open(&resize, in, out, 3, &err), DG_OK);
        for (uint32_t y = 0; y < in.height; y++) {
            memcpy(dg_resize_row(resize), plane + y * in.width, in.width);
            dg_resize_take(resize);
        }
        for (int i = 0; i < 3; i++) {
            assert_true(dg_ref_resize(plane, (int)in.width, (int)in.height, expected, (int)out[i].width,
                                      (int)out[i].height));
            if (memcmp(dg_resize_plane(resize, i), expected, (size_t)out[i].width * out[i].height))
                fail_msg("%u x %u to %u x %u", in.width, in.height, out[i].width, out[i].height);
        }
        dg_resize_close(resize);
        free(plane);
        free(expected);
    }
}

static void cosine_transforms(void **state)
{
    (void)state;
    seed = 5;
    for (int n = 8; n <= 128; n *= 2) {
        for (int round = 0; round < 3000; round++) {
            double ours[128], expected[128];
            for (int i = 0; i < n; i++)
                ours[i] = expected[i] = sample(round % SHAPES, n, n, i, round / SHAPES);
            dg_dct2(ours, n);
            dg_ref_dct2(expected, n);
            assert_memory_equal(ours, expected, (size_t)n * sizeof *ours);
        }
    }
}

static int shape_now, width_now, height_now;

static void shaped_pixel(int x, int y, int *value)
{
    value[0] = sample(shape_now, width_now, height_now, x, y);
}

/* From the file to the hash, every kind and every size. */
static void hashes(void **state)
{
    static const int sides[][2] = {{1, 1},    {2, 3},     {8, 8},    {9, 8},    {16, 16},
                                   {31, 33},  {32, 32},   {64, 64},  {65, 63},  {100, 75},
                                   {75, 100}, {128, 130}, {40, 170}, {170, 40}, {1, 250}};
    static const int hash_sizes[] = {2, 3, 4, 7, 8, 12, 16, 31, 32};
    (void)state;
    for (size_t s = 0; s < sizeof sides / sizeof sides[0]; s++) {
        for (shape_now = 0; shape_now < SHAPES; shape_now++) {
            width_now = sides[s][0], height_now = sides[s][1];
            uint8_t plane[170 * 170], expected[DG_HASH_BYTES_MAX];
            seed = 11;
            picture_file file = picture_png(width_now, height_now, 1, shaped_pixel);
            seed = 11;
            for (int y = 0; y < height_now; y++)
                for (int x = 0; x < width_now; x++)
                    plane[y * width_now + x] = sample(shape_now, width_now, height_now, x, y);
            for (size_t n = 0; n < sizeof hash_sizes / sizeof hash_sizes[0]; n++) {
                int size = hash_sizes[n];
                unsigned powers = 1u << DG_PHASH | 1u << DG_WHASH, all = (1u << DG_HASH_KINDS) - 1;
                dg_image_work work = {.hashes = size & (size - 1) ? all & ~powers : all, .hash_size = size};
                dg_image_result set;
                dg_image_options options = {.max_pixels = 1 << 20};
                dg_err err = {DG_OK, ""};
                assert_int_equal(dg_image_measure(file.data, file.bytes, &options, &work, &set, &err), DG_OK);
                for (int kind = 0; kind < DG_HASH_KINDS; kind++) {
                    if (!(work.hashes & 1u << kind)) continue;
                    assert_true(
                        dg_ref_hash((enum dg_hash_kind)kind, plane, width_now, height_now, size, expected));
                    if (memcmp(set.hash[kind], expected, dg_hash_bytes(size)))
                        fail_msg("%s %d of shape %d, %d x %d", dg_hash_name((enum dg_hash_kind)kind), size,
                                 shape_now, width_now, height_now);
                }
            }
            picture_free(file);
        }
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(luma_of_every_colour),    cmocka_unit_test(luma_of_every_length),
    cmocka_unit_test(rows_of_every_variant),   cmocka_unit_test(across_of_every_variant),
    cmocka_unit_test(groups_of_every_variant), cmocka_unit_test(weights_of_every_variant),
    cmocka_unit_test(lanczos_weights),         cmocka_unit_test(resized_planes),
    cmocka_unit_test(cosine_transforms),       cmocka_unit_test(hashes),
};

DG_TEST_MAIN(tests)
