/*
 * The quality metrics: their loops in every instruction set, the metrics against kernels/reference, the
 * worked checks of quality.md, pictures too small for this or that, and that each metric asked for alone is
 * what it is among all.
 */
#include "../../kernels/image/quality.h"
#include "../../kernels/image/score_rows.h"
#include "../../kernels/reference/ref_quality.h"
#include "dg_test.h"
#include "pictures.h"

#include <math.h>
#include <stdlib.h>

enum { ALL = (1 << DG_METRICS) - 1 };

static const dg_image_options defaults = {.max_pixels = 178956970};

static uint64_t seed;

static int below(int limit)
{
    return (int)((picture_random(&seed) >> 32) % (uint64_t)limit);
}

static void assert_close(const char *what, double got, double expected)
{
    if (fabs(got - expected) > 1e-9 * fmax(fabs(expected), 1e-3))
        fail_msg("%s: %.17g, expected %.17g", what, got, expected);
}

/* Every variant of a loop does what plain C does, at any length and any place in memory. */
static void loops_of_every_variant(void **state)
{
    enum { MOST = 1200, ROOM = MOST + 2 * DG_SCORE_MARGIN };
    static uint8_t row[4][ROOM], half[2][MOST];
    (void)state;
    for (int v = 1; v < dg_score_loops_count; v++) {
        const dg_score_loops *plain = dg_score_loops_all[0], *other = dg_score_loops_all[v];
        if (!other->usable()) continue;
        for (int width = 1; width < MOST - 8; width += 1 + width / 60) {
            static uint16_t noise[2][MOST], steps[2][MOST];
            static uint8_t clipped[2][MOST];
            dg_score_sums sums[2] = {{0, 0, 0}, {0, 0, 0}};
            const uint8_t *at[4];
            int extreme = width % 3 == 0, shift = width % 8;
            for (int r = 0; r < 4; r++) {
                for (int i = 0; i < ROOM; i++) row[r][i] = (uint8_t)(extreme ? 255 * below(2) : below(256));
                at[r] = row[r] + DG_SCORE_MARGIN + shift;
            }
            for (int which = 0; which < 2; which++) {
                const dg_score_loops *l = which ? other : plain;
                size_t w = (size_t)width;
                l->windows(at[0], at[1], at[2], w, &sums[which], noise[which]);
                l->laplace(at[1], at[2], at[3], w, &sums[which]);
                l->columns(at[2], w, steps[which]);
                l->clipped(at[3], w, clipped[which]);
                l->halve(at[0], at[1], w / 2, half[which]);
            }
            assert_memory_equal(&sums[0], &sums[1], sizeof sums[0]);
            assert_memory_equal(noise[0], noise[1], sizeof noise[0]);
            assert_memory_equal(steps[0], steps[1], sizeof steps[0]);
            assert_memory_equal(clipped[0], clipped[1], sizeof clipped[0]);
            assert_memory_equal(half[0], half[1], sizeof half[0]);
            assert_true(plain->rows(at[0], at[1], at[2], at[3], (size_t)width) ==
                        other->rows(at[0], at[1], at[2], at[3], (size_t)width));
            memset(noise, 0, sizeof noise), memset(steps, 0, sizeof steps);
            memset(clipped, 0, sizeof clipped);
        }
    }
}

/* The largest sums there can be, over a row so long that 32 bits do not hold them. */
static void nothing_overflows(void **state)
{
    enum { WIDTH = 20000, ROOM = WIDTH + 2 * DG_SCORE_MARGIN };
    static uint8_t even[ROOM], odd[ROOM], left[ROOM];
    static uint16_t noise[WIDTH], steps[WIDTH];
    (void)state;
    for (int i = 0; i < ROOM; i++) {
        even[i] = i % 2 ? 255 : 0;
        odd[i] = i % 2 ? 0 : 255;
        left[i] = i / 2 % 2 ? 255 : 0;
    }
    for (int v = 0; v < dg_score_loops_count; v++) {
        const dg_score_loops *l = dg_score_loops_all[v];
        dg_score_sums sums = {0, 0, 0};
        if (!l->usable()) continue;
        memset(noise, 0, sizeof noise), memset(steps, 0, sizeof steps);
        for (int y = 0; y < 16; y++)
            l->windows((y % 2 ? even : odd) + DG_SCORE_MARGIN, (y % 2 ? odd : even) + DG_SCORE_MARGIN,
                       (y % 2 ? even : odd) + DG_SCORE_MARGIN, WIDTH, &sums, noise);
        assert_int_equal(sums.laplace, 0);
        assert_true(sums.laplace2 == 16ull * WIDTH * 1020 * 1020);
        assert_int_equal(noise[WIDTH / 2], 16 * 2040);
        sums = (dg_score_sums){0, 0, 0};
        l->windows(left + DG_SCORE_MARGIN, left + DG_SCORE_MARGIN, left + DG_SCORE_MARGIN, WIDTH, &sums,
                   noise);
        assert_true(sums.gradient2 == 1ull * WIDTH * 1020 * 1020);
        for (int y = 0; y < DG_SCORE_COLUMNS_ROWS; y++) l->columns(left + DG_SCORE_MARGIN, WIDTH, steps);
        assert_int_equal(steps[2] + steps[3], 510 * DG_SCORE_COLUMNS_ROWS);
        assert_true(l->rows(even, even, odd, odd, WIDTH) == 510ull * WIDTH);
    }
}

static void measure_plane(const uint8_t *plane, dg_size size, unsigned metrics, int jpeg_quality,
                          double metric[DG_METRICS], unsigned *null)
{
    dg_quality *quality;
    dg_err err = {DG_OK, ""};
    assert_int_equal(dg_quality_open(&quality, size, metrics, &err), DG_OK);
    for (uint32_t y = 0; y < size.height; y++) dg_quality_take(quality, plane + (size_t)y * size.width);
    dg_quality_finish(quality, jpeg_quality, metric, null);
    dg_quality_close(quality);
}

/* Samples that flat, noisy, blocky, clipped and smooth pictures have. */
static int sample(int shape, int x, int y)
{
    switch (shape) {
    case 0: return below(256);
    case 1: return 128 + below(9) - 4;
    case 2: return (x / 8 + y / 8) % 2 * 90 + below(5);
    case 3: return x < 40 ? 0 : below(40) + 215;
    case 4: return (x * x + y * y) / 50 % 256;
    case 5: return 77;
    case 6: return (x + y) % 2 * 255;
    default: return y % 30 < 20 ? 255 : 3 * x % 250;
    }
}

static void against_the_reference(void **state)
{
    static const dg_size sizes[] = {
        {1, 1},   {2, 1},   {1, 2},    {2, 2},     {3, 3},    {1, 40},   {40, 1},   {7, 7},
        {8, 8},   {15, 16}, {16, 16},  {17, 18},   {18, 18},  {31, 32},  {32, 31},  {32, 32},
        {33, 35}, {34, 34}, {50, 130}, {66, 34},   {100, 75}, {129, 65}, {200, 33}, {257, 64},
        {3, 500}, {700, 3}, {600, 40}, {150, 290}, {18, 17},  {20, 33},  {300, 17}};
    (void)state;
    seed = 4;
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (int shape = 0; shape < 8; shape++) {
            dg_size size = sizes[s];
            double got[DG_METRICS], expected[DG_METRICS];
            unsigned null, expected_null;
            int jpeg_quality = shape % 2 ? 10 * shape : 0;
            uint8_t *plane = malloc((size_t)size.width * size.height);
            assert_non_null(plane);
            for (uint32_t i = 0; i < size.width * size.height; i++)
                plane[i] = (uint8_t)sample(shape, (int)(i % size.width), (int)(i / size.width));
            measure_plane(plane, size, ALL, jpeg_quality, got, &null);
            assert_true(dg_ref_quality(plane, (int)size.width, (int)size.height, jpeg_quality, expected,
                                       &expected_null));
            assert_int_equal(null, expected_null);
            for (int m = 0; m < DG_METRICS; m++) {
                char what[80];
                snprintf(what, sizeof what, "%s of shape %d, %u x %u", dg_metric_name((enum dg_metric)m),
                         shape, size.width, size.height);
                assert_close(what, got[m], expected[m]);
                double alone[DG_METRICS];
                measure_plane(plane, size, 1u << m, jpeg_quality, alone, &null);
                assert_true(alone[m] == got[m] && null == (expected_null & 1u << m));
            }
            free(plane);
        }
    }
}

static void border_rule(void **state)
{
    static const uint8_t ramp[] = {0, 40, 80, 120, 160};
    double metric[DG_METRICS];
    unsigned null;
    (void)state;
    measure_plane(ramp, (dg_size){5, 1}, ALL, 0, metric, &null);
    assert_close("5 x 1", metric[DG_METRIC_BLUR], 2560);
    measure_plane(ramp, (dg_size){1, 5}, ALL, 0, metric, &null);
    assert_close("1 x 5", metric[DG_METRIC_BLUR], 2560);
    assert_int_equal(null, 1u << DG_METRIC_NOISE | 1u << DG_METRIC_JPEG_QUALITY);
}

static void flat_pictures(void **state)
{
    static uint8_t plane[64 * 64];
    double metric[DG_METRICS];
    unsigned null;
    (void)state;
    for (int value = 0; value < 256; value += 85) {
        memset(plane, value, sizeof plane);
        measure_plane(plane, (dg_size){64, 64}, ALL, 0, metric, &null);
        for (int m = 0; m < DG_METRICS; m++) assert_true(isfinite(metric[m]));
        assert_close("blur", metric[DG_METRIC_BLUR], 0);
        assert_close("brightness", metric[DG_METRIC_BRIGHTNESS], value / 255.0);
        assert_close("clip_lo", metric[DG_METRIC_CLIP_LO], value == 0);
        assert_close("clip_hi", metric[DG_METRIC_CLIP_HI], value == 255);
        assert_close("entropy", metric[DG_METRIC_ENTROPY], 0);
    }
}

static void rings(int x, int y, int *v)
{
    v[0] = (x * x + 3 * y * y) / 64;
}

static void colours(int x, int y, int *v)
{
    v[0] = x, v[1] = 2 * y, v[2] = x + y;
}

static void checkers(int x, int y, int *v)
{
    v[0] = 255 * ((x / 32 + y / 32) % 2);
}

static void odd_sized(int x, int y, int *v)
{
    v[0] = 7 * x + 13 * y + x * y / 5;
}

static void large(int x, int y, int *v)
{
    v[0] = x * x / 97 + y, v[1] = x * y / 131, v[2] = y * y / 53 + 2 * x;
}

/* quality.md section 3, to the digits that are given there. */
static void worked_checks(void **state)
{
    static const enum dg_metric columns[] = {DG_METRIC_BLUR,       DG_METRIC_SHARPNESS,  DG_METRIC_BRIGHTNESS,
                                             DG_METRIC_CONTRAST,   DG_METRIC_ENTROPY,    DG_METRIC_NOISE,
                                             DG_METRIC_BLOCKINESS, DG_METRIC_EFF_PIXELS, DG_METRIC_OVERALL};
    static const struct {
        int width, height, channels;
        picture_pixel *pixel;
        double metric[9];
    } rows[] = {
        {200,
         150,
         1,
         rings,
         {7712.48623707, 55808.1245333, .476533333333, .28969930481, 7.98888147494, .287870590915,
          .202436839233, 28691.211895, .430930561213}},
        {160,
         120,
         3,
         colours,
         {11.1699378228, 148.902708333, .427647263072, .187468594704, 7.54075356276, .455109696113,
          -.0358451037436, 16959.1861328, .396733477498}},
        {256,
         256,
         1,
         checkers,
         {7501.05285645, 109126.428223, .5, .5, 1, 0, 460.64516129, 54223.4329961, .32523415169}},
        {333,
         217,
         1,
         odd_sized,
         {64670.5002686, 200684.223689, .500514122146, .289789175697, 7.95477564614, 21.7237200528,
          .00692168996243, 69810.694329, .377655933009}},
        {640,
         480,
         3,
         large,
         {1665.95651698, 12545.9108203, .471792700674, .19577994074, 7.64502072285, .383827454553,
          .0364818599059, 294736.223891, .59938727182}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        picture_file file = picture_png(rows[i].width, rows[i].height, rows[i].channels, rows[i].pixel);
        dg_image_work work = {.metrics = ALL};
        dg_image_result result;
        dg_err err = {DG_OK, ""};
        assert_int_equal(dg_image_measure(file.data, file.bytes, &defaults, &work, &result, &err), DG_OK);
        for (size_t m = 0; m < sizeof columns / sizeof columns[0]; m++) {
            double expected = rows[i].metric[m], got = result.metric[columns[m]];
            if (fabs(got - expected) > 1e-11 * fmax(1, fabs(expected)) * 10)
                fail_msg("%s of row %zu: %.15g", dg_metric_name(columns[m]), i, got);
        }
        assert_int_equal(result.metrics_null, 1u << DG_METRIC_JPEG_QUALITY);
        picture_free(file);
    }
}

/* Nothing but the quality of the JPEG and what follows from it may differ between files of equal pixels. */
static void header_alone(void **state)
{
    picture_file file = picture_golden("quality-30.jpg"), cut = picture_cut(file, file.bytes * 9 / 10);
    dg_image_work header = {.metrics = 1u << DG_METRIC_JPEG_QUALITY}, pixels = {.metrics = ALL};
    dg_image_result result;
    dg_err err = {DG_OK, ""};
    (void)state;
    assert_int_equal(dg_image_measure(cut.data, cut.bytes, &defaults, &header, &result, &err), DG_OK);
    assert_true(result.metric[DG_METRIC_JPEG_QUALITY] == 30 && result.metrics_null == 0);
    assert_int_equal(dg_image_measure(cut.data, cut.bytes, &defaults, &pixels, &result, &err), DG_ERROR);
    assert_true(result.info.width > 0 && result.metric[DG_METRIC_JPEG_QUALITY] == 0);
    dg_image_options scaled = {.decode = DG_DECODE_SCALED, .max_pixels = 1 << 20};
    err = (dg_err){DG_OK, ""};
    assert_int_equal(dg_image_measure(file.data, file.bytes, &scaled, &pixels, &result, &err), DG_ERROR);
    assert_non_null(strstr(err.text, "exact"));
    picture_free(file);
    picture_free(cut);
}

static void names(void **state)
{
    (void)state;
    for (int m = 0; m < DG_METRICS; m++) {
        enum dg_metric found = DG_METRICS;
        dg_err err = {DG_OK, ""};
        assert_int_equal(dg_metric_find(dg_metric_name((enum dg_metric)m), &found, &err), DG_OK);
        assert_int_equal(found, m);
        assert_int_equal(dg_metric_find("", &found, &err), DG_ERROR);
        assert_non_null(strstr(err.text, dg_metric_name((enum dg_metric)m)));
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(loops_of_every_variant), cmocka_unit_test(nothing_overflows),
    cmocka_unit_test(against_the_reference),  cmocka_unit_test(border_rule),
    cmocka_unit_test(flat_pictures),          cmocka_unit_test(worked_checks),
    cmocka_unit_test(header_alone),           cmocka_unit_test(names),
};

DG_TEST_MAIN(tests)
