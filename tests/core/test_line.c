/*
 * Line pictures against the oracle, pixel by pixel: random and hard cases in every instruction set, every
 * format read back (PNG by libpng), strokes against supersampled truth.
 */
#include "../../kernels/image/line.h"
#include "../../kernels/image/line_loops.h"
#include "../../kernels/reference/ref_line.h"
#include "dg_test.h"

#include <math.h>
#include <stdlib.h>

#include <png.h>

#ifdef __SANITIZE_ADDRESS__
enum { CASES = 1500 };
#else
enum { CASES = 20000 };
#endif

static const dg_poll never = {0};

static uint64_t seed = 1;

static uint64_t any(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static int up_to(int most)
{
    return (int)(any() % (uint64_t)(most + 1));
}

static double real(double most)
{
    return (double)(any() >> 11) * 0x1p-53 * most;
}

/* The coverage of a picture: white on black, eight bits, raw. */
static dg_line_options coverage_options(const dg_ref_picture *p)
{
    return (dg_line_options){.width = (uint32_t)p->width,
                             .height = (uint32_t)p->height,
                             .line_width = dg_line_fixed(p->line_width),
                             .padding = dg_line_fixed(p->padding),
                             .lo = p->lo,
                             .hi = p->hi,
                             .antialias = 1,
                             .bits = 8,
                             .color = {255, 255, 255},
                             .format = DG_LINE_RAW};
}

static dg_line *open_line(const dg_line_options *options)
{
    dg_err err = {0};
    dg_line *line;
    assert_int_equal(dg_line_open(&line, options, &err), DG_OK);
    return line;
}

static uint8_t *picture_of(dg_line *line, const double *values, size_t n, size_t *bytes)
{
    dg_err err = {0};
    uint8_t *picture;
    dg_line_values sequence = {values, n, 0};
    assert_int_equal(dg_line_picture(line, &sequence, &never, &picture, bytes, &err), DG_OK);
    return picture;
}

static uint8_t *oracle(const dg_ref_picture *p, const double *values, size_t n)
{
    size_t room = n > 16 * (size_t)p->width ? n : 16 * (size_t)p->width;
    dg_ref_point *points = malloc(room * sizeof *points);
    uint8_t *coverage = malloc((size_t)(p->width * p->height));
    assert_true(points && coverage);
    dg_ref_line_coverage(p, points, dg_ref_line_points(p, values, (int64_t)n, points), coverage);
    free(points);
    return coverage;
}

static void assert_same(const uint8_t *got, const uint8_t *expected, const dg_ref_picture *p,
                        const char *what)
{
    for (int64_t i = 0; i < p->width * p->height; i++)
        if (got[i] != expected[i])
            fail_msg("%s: %lld x %lld, line %g, padding %g: %d, not %d, at (%lld, %lld)", what,
                     (long long)p->width, (long long)p->height, p->line_width, p->padding, got[i],
                     expected[i], (long long)(i % p->width), (long long)(i / p->width));
}

/* Draws twice with each instruction set, the second time over another picture's remains. */
static void check(const dg_ref_picture *p, const double *values, size_t n)
{
    static const double other[] = {3, 1, 4, 1, 5, 9, 2, 6};
    uint8_t *expected = oracle(p, values, n);
    dg_line_options options = coverage_options(p);
    for (int v = 0; v < dg_line_loops_count; v++) {
        if (!dg_line_loops_all[v]->usable()) continue;
        dg_line *line = open_line(&options);
        dg_line_use(line, dg_line_loops_all[v]);
        for (int again = 0; again < 2; again++) {
            size_t bytes;
            if (again) free(picture_of(line, other, 8, &bytes));
            uint8_t *picture = picture_of(line, values, n, &bytes);
            assert_int_equal(bytes, p->width * p->height);
            assert_same(picture, expected, p, dg_line_loops_all[v]->name);
            free(picture);
        }
        dg_line_close(line);
    }
    free(expected);
}

/* Values of one of several kinds. */
static void fill(double *values, size_t n)
{
    const int kind = up_to(7);
    double at = 0;
    for (size_t i = 0; i < n; i++) {
        at += real(2) - 1;
        switch (kind) {
        case 0: values[i] = real(1); break;
        case 1: values[i] = i % 2 ? 1e300 : -1e300; break;
        case 2: values[i] = (double)up_to(3); break;
        case 3: values[i] = i < n / 2 ? 0 : 1; break;
        case 4: values[i] = 5; break;
        case 5: values[i] = i % 2 ? 1.7e308 : -1.7e308; break;
        default: values[i] = at; break;
        }
        if (kind == 6 && up_to(3) == 0) values[i] = up_to(1) ? NAN : up_to(1) ? INFINITY : -INFINITY;
    }
}

static dg_ref_picture any_picture(void)
{
    static const double widths[] = {0.25, 0.5, 1, 1.5, 2, 3, 3, 4, 7.25, 31, 32, 64};
    dg_ref_picture p = {1 + up_to(up_to(3) ? 40 : 75), 1 + up_to(up_to(3) ? 30 : 70), 0, 0, NAN, NAN};
    p.line_width = up_to(1) ? widths[up_to(11)] : 0.25 + real(up_to(3) ? 4 : 60);
    p.padding = up_to(1) ? ceil(p.line_width / 2) : real(up_to(2) ? 6 : 100);
    if (up_to(5) == 0) p.lo = real(2) - 1;
    if (up_to(5) == 0) p.hi = isnan(p.lo) ? real(2) - 1 : p.lo + real(1);
    return p;
}

static void matches_the_oracle_on_random_cases(void **state)
{
    (void)state;
    double values[900];
    for (int i = 0; i < CASES; i++) {
        dg_ref_picture p = any_picture();
        size_t n = (size_t)up_to(up_to(3) ? 12 : 50);
        if (up_to(20) == 0) {
            p.width = 1 + up_to(8);
            n = (size_t)(16 * p.width + up_to(700));
        }
        fill(values, n);
        check(&p, values, n);
    }
}

static void matches_the_oracle_on_hard_cases(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {1, 40}, {40, 1}, {33, 17}, {64, 9}};
    static const double widths[] = {0.25, 3, 64};
    static const double sequences[][4] = {{0, 1, 0, 1},         {1e300, -1e300, 1e300, -1e300},
                                          {NAN, NAN, NAN, NAN}, {NAN, 1, 2, NAN},
                                          {7, 7, 7, 7},         {NAN, 3, NAN, 4},
                                          {0, 0, 1, 1}};
    for (int s = 0; s < 5; s++)
        for (int w = 0; w < 3; w++)
            for (int q = 0; q < 7; q++)
                for (size_t n = 0; n <= 4; n++) {
                    dg_ref_picture p = {sizes[s][0], sizes[s][1], widths[w], ceil(widths[w] / 2), NAN, NAN};
                    check(&p, sequences[q], n);
                    p.lo = p.hi = 1; /* min = max, and values outside */
                    check(&p, sequences[q], n);
                    p.padding = 1e9;
                    check(&p, sequences[q], n);
                }
}

static void matches_the_oracle_around_the_limit_of_decimation(void **state)
{
    (void)state;
    double values[16 * 40 + 1];
    for (int width = 1; width <= 40; width += 13)
        for (int more = -1; more <= 1; more++) {
            dg_ref_picture p = {width, 20, 1, 1, NAN, NAN};
            size_t n = (size_t)(16 * width + more);
            for (size_t i = 0; i < n; i++) values[i] = i % 9 == 4 ? NAN : real(1);
            check(&p, values, n);
        }
}

/* A wide picture of long segments, whose normals are coarse at the far end. */
static void matches_the_oracle_on_large_canvases(void **state)
{
    (void)state;
    static const double steep[] = {0, 1, 0.3, 1}, flat[] = {0, 0.001, 0};
    dg_ref_picture wide = {8192, 24, 2, 1, NAN, NAN}, tall = {24, 8192, 5, 1, NAN, NAN};
    check(&wide, steep, 4);
    check(&tall, steep, 4);
    wide.lo = 0;
    wide.hi = 1;
    check(&wide, flat, 3);
    dg_ref_picture square = {2100, 70, 64, 32, NAN, NAN}; /* more blocks than a word of marks has */
    check(&square, steep, 4);
}

static void narrow_numbers_are_the_same_numbers(void **state)
{
    (void)state;
    float narrow[101];
    double wide[100];
    for (int i = 0; i < 100; i++) wide[i] = narrow[i] = (float)real(1);
    dg_ref_picture p = {64, 48, 1, 1, NAN, NAN};
    dg_line_options options = coverage_options(&p);
    dg_line *line = open_line(&options);
    uint8_t *expected = oracle(&p, wide, 100), *picture;
    for (int shift = 0; shift < 4; shift++) { /* at any address */
        size_t bytes;
        dg_err err = {0};
        char *at = (char *)narrow + shift;
        memmove(at, (char *)narrow + (shift ? shift - 1 : 0), 100 * sizeof *narrow);
        dg_line_values values = {at, 100, 1};
        assert_int_equal(dg_line_picture(line, &values, &never, &picture, &bytes, &err), DG_OK);
        assert_same(picture, expected, &p, "binary32");
        free(picture);
    }
    free(expected);
    dg_line_close(line);
}

/* --- formats --- */

/* The picture as libpng reads it, red, green, blue and alpha of each pixel. */
static uint8_t *decode_png(const uint8_t *file, size_t bytes, const dg_line_options *o)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    assert_true(png_image_begin_read_from_memory(&image, file, bytes));
    assert_true(image.width == o->width && image.height == o->height);
    image.format = PNG_FORMAT_RGBA;
    uint8_t *pixels = malloc(PNG_IMAGE_SIZE(image));
    assert_true(png_image_finish_read(&image, NULL, pixels, 0, NULL));
    assert_true(image.warning_or_error == 0);
    return pixels;
}

static void check_png(const dg_line_options *o, const uint8_t *coverage, const double *values, size_t n)
{
    size_t bytes;
    const int most = (1 << o->bits) - 1;
    dg_line *line = open_line(o);
    uint8_t *file = picture_of(line, values, n, &bytes), *pixels = decode_png(file, bytes, o);
    for (size_t i = 0; i < (size_t)o->width * o->height; i++) {
        int level = dg_ref_line_level(coverage[i], o->bits, o->antialias);
        int expected[4] = {0, 0, 0, o->transparent ? (255 * level + most / 2) / most : 255};
        for (int c = 0; c < 3; c++)
            expected[c] = o->transparent ? o->color[c]
                                         : dg_ref_line_sample(level, o->bits, o->color[c], o->background[c]);
        for (int c = 0; c < 4; c++)
            if (pixels[4 * i + (size_t)c] != expected[c])
                fail_msg("%u x %u, %d bits: channel %d of pixel %zu is %d, not %d", o->width, o->height,
                         o->bits, c, i, pixels[4 * i + (size_t)c], expected[c]);
    }
    free(file);
    free(pixels);
    dg_line_close(line);
}

static void check_raw(dg_line_options o, const uint8_t *coverage, const double *values, size_t n)
{
    size_t bytes;
    char header[32];
    size_t head = (size_t)snprintf(header, sizeof header, "P5\n%u %u\n255\n", o.width, o.height);
    for (o.format = DG_LINE_RAW; o.format <= DG_LINE_PGM; o.format++) {
        dg_line *line = open_line(&o);
        uint8_t *file = picture_of(line, values, n, &bytes), *at = file;
        if (o.format == DG_LINE_PGM) {
            assert_memory_equal(file, header, head);
            at += head;
        }
        assert_int_equal(bytes, dg_line_bytes(&o));
        assert_int_equal((size_t)(at - file) + (size_t)o.width * o.height, bytes);
        for (size_t i = 0; i < (size_t)o.width * o.height; i++) {
            int level = dg_ref_line_level(coverage[i], o.bits, o.antialias);
            assert_int_equal(at[i], dg_ref_line_sample(level, o.bits, o.color[0], o.background[0]));
        }
        free(file);
        dg_line_close(line);
    }
}

static void every_format_is_read_back(void **state)
{
    (void)state;
    static const uint8_t colors[][2][3] = {{{0, 0, 0}, {255, 255, 255}},
                                           {{255, 255, 255}, {0, 0, 0}},
                                           {{12, 12, 12}, {200, 200, 200}},
                                           {{200, 3, 77}, {0, 255, 128}}};
    double values[20];
    for (int width = 1; width <= 97; width += width < 20 ? 1 : 11)
        for (int bits = 1; bits <= 8; bits *= 2) {
            dg_ref_picture p = {width, 1 + up_to(40), 1 + real(3), 1, NAN, NAN};
            size_t n = (size_t)up_to(20);
            fill(values, n);
            uint8_t *coverage = oracle(&p, values, n);
            for (int c = 0; c < 8; c++) {
                dg_line_options o = coverage_options(&p);
                o.format = DG_LINE_PNG;
                o.bits = bits;
                o.antialias = width % 3 != 0;
                o.transparent = c >= 4;
                memcpy(o.color, colors[c % 4][0], 3);
                memcpy(o.background, colors[c % 4][1], 3);
                check_png(&o, coverage, values, n);
                if (c < 3) check_raw(o, coverage, values, n);
            }
            free(coverage);
        }
}

/* Files do not depend on the instruction set either. */
static void instruction_sets_write_the_same_file(void **state)
{
    (void)state;
    double values[60];
    for (int i = 0; i < 60; i++) values[i] = real(1);
    for (int width = 30; width < 700; width += 61) {
        dg_ref_picture p = {width, 90, 3, 2, NAN, NAN};
        dg_line_options o = coverage_options(&p);
        uint8_t *first = NULL;
        size_t first_bytes = 0, bytes;
        o.format = DG_LINE_PNG;
        o.bits = 4;
        for (int v = 0; v < dg_line_loops_count; v++) {
            if (!dg_line_loops_all[v]->usable()) continue;
            dg_line *line = open_line(&o);
            dg_line_use(line, dg_line_loops_all[v]);
            uint8_t *file = picture_of(line, values, 60, &bytes);
            if (!first) {
                first = file;
                first_bytes = bytes;
            } else {
                assert_int_equal(bytes, first_bytes);
                assert_memory_equal(file, first, bytes);
                free(file);
            }
            dg_line_close(line);
        }
        free(first);
    }
}

/* --- strokes --- */

/* The share of a pixel that lies within half a line's width of a segment, by 16 x 16 samples. */
static double true_coverage(double px, double py, const double q[2], const double r[2], double half)
{
    double dx = r[0] - q[0], dy = r[1] - q[1], inside = 0;
    for (int s = 0; s < 256; s++) {
        double x = px - 0.5 + (s % 16 + 0.5) / 16 - q[0], y = py - 0.5 + (s / 16 + 0.5) / 16 - q[1];
        double t = (x * dx + y * dy) / (dx * dx + dy * dy);
        t = t < 0 ? 0 : t > 1 ? 1 : t;
        inside += hypot(x - t * dx, y - t * dy) <= half;
    }
    return inside / 256;
}

/* One segment at many slopes: its area is its length by its width and the two caps, to a hundredth of the
 * width, and the mean error of a touched pixel is below 3 of 255. */
static void strokes_are_as_wide_as_they_should_be(void **state)
{
    (void)state;
    double error = 0, area = 0, expected = 0;
    long touched = 0;
    for (int height = 20; height <= 160; height += 7) {
        dg_ref_picture p = {90, height, 3, 4.37, NAN, NAN};
        dg_line_options o = coverage_options(&p);
        dg_line *line = open_line(&o);
        size_t bytes;
        uint8_t *picture = picture_of(line, (double[]){0, 1}, 2, &bytes);
        double padding = dg_line_fixed(4.37) / 256.0;
        double q[2] = {padding, height - 1 - padding}, r[2] = {89 - padding, padding};
        for (int64_t i = 0; i < p.width * p.height; i++) {
            double truth = true_coverage((double)(i % 90), (double)(i / 90), q, r, 1.5);
            area += picture[i] / 255.0;
            expected += truth;
            if (!picture[i] && truth == 0) continue;
            error += fabs(picture[i] - 255 * truth);
            touched++;
        }
        free(picture);
        dg_line_close(line);
    }
    assert_true(fabs(area / expected - 1) < 0.01);
    assert_true(error / (double)touched < 3);
}

/* --- long sequences --- */

static void ten_million_numbers_lose_no_spike(void **state)
{
    (void)state;
    enum { N = 10000000 };
    double *values = malloc(N * sizeof *values);
    assert_non_null(values);
    for (int i = 0; i < N; i++) values[i] = i == 7654321 ? 1 : i == 1234567 ? -1 : 0.001 * (i % 2);
    dg_ref_picture p = {300, 200, 1, 1, NAN, NAN};
    dg_line_options o = coverage_options(&p);
    dg_line *line = open_line(&o);
    size_t bytes;
    uint8_t *picture = picture_of(line, values, N, &bytes);
    int top = 0, bottom = 0;
    for (int x = 0; x < 300; x++) {
        top += picture[300 + x] > 100;
        bottom += picture[198 * 300 + x] > 100;
    }
    assert_true(top == 1 && bottom == 1);
    free(picture);
    free(values);
    dg_line_close(line);
}

static void the_largest_canvas(void **state)
{
    (void)state;
    dg_ref_picture p = {8192, 8192, 3, 2, NAN, NAN};
    dg_line_options o = coverage_options(&p);
    size_t bytes;
    o.format = DG_LINE_PNG;
    o.bits = 1;
    dg_line *line = open_line(&o);
    uint8_t *file = picture_of(line, (double[]){0, 1, 0}, 3, &bytes);
    assert_true(bytes < 200000);
    free(file);
    dg_line_close(line);
}

static void too_many_numbers_are_refused(void **state)
{
    (void)state;
    dg_ref_picture p = {8, 8, 3, 2, NAN, NAN};
    dg_line_options o = coverage_options(&p);
    dg_line *line = open_line(&o);
    dg_err err = {0};
    uint8_t *picture;
    size_t bytes;
    dg_line_values values = {"", (size_t)DG_LINE_VALUES_MAX + 1, 0};
    assert_int_equal(dg_line_picture(line, &values, &never, &picture, &bytes, &err), DG_ERROR);
    assert_non_null(strstr(err.text, "134217729"));
    dg_line_close(line);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(matches_the_oracle_on_random_cases),
    cmocka_unit_test(matches_the_oracle_on_hard_cases),
    cmocka_unit_test(matches_the_oracle_around_the_limit_of_decimation),
    cmocka_unit_test(matches_the_oracle_on_large_canvases),
    cmocka_unit_test(narrow_numbers_are_the_same_numbers),
    cmocka_unit_test(every_format_is_read_back),
    cmocka_unit_test(instruction_sets_write_the_same_file),
    cmocka_unit_test(strokes_are_as_wide_as_they_should_be),
    cmocka_unit_test(ten_million_numbers_lose_no_spike),
    cmocka_unit_test(the_largest_canvas),
    cmocka_unit_test(too_many_numbers_are_refused),
};

DG_TEST_MAIN(tests)
