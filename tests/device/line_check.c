#include "line_check.h"

#include "../../kernels/engine/render.h"
#include "../core/dg_test.h"

#include <math.h>
#include <stdlib.h>

static const dg_poll never = {0};

enum { SEQUENCES = 9, LONGEST = 700 };

/* White on black, so that a sample is the coverage. */
static dg_line_options options_of(uint32_t width, uint32_t height, double line_width)
{
    return (dg_line_options){.width = width,
                             .height = height,
                             .line_width = dg_line_fixed(line_width),
                             .padding = dg_line_fixed(ceil(line_width / 2)),
                             .lo = NAN,
                             .hi = NAN,
                             .antialias = 1,
                             .bits = 8,
                             .color = {255, 255, 255},
                             .format = DG_LINE_RAW};
}

/* Sequence number `kind`: nothing, a dot, jumps, gaps, more strokes than a group takes at a time. */
static size_t make_sequence(int kind, double *values)
{
    static const size_t lengths[SEQUENCES] = {0, 1, 2, 3, 40, 100, LONGEST, 9, 256};
    uint64_t state = 12345 + (uint64_t)kind;
    for (size_t i = 0; i < lengths[kind]; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        values[i] = (double)(state >> 40);
        if (kind == 4) values[i] = i % 2 ? 1e300 : -1e300;
        if (kind == 5 && state >> 62 == 0) values[i] = NAN;
        if (kind == 7) values[i] = i < 4 ? 0 : 1;
        if (kind == 8) values[i] = sin((double)i / 9);
    }
    return lengths[kind];
}

typedef struct batch {
    dg_line_stroke *strokes;
    uint32_t first[SEQUENCES + 1];
    uint8_t *expected[SEQUENCES];
} batch;

static void make_batch(batch *b, const dg_line_options *options)
{
    double values[LONGEST];
    dg_err err = {0};
    dg_line *line;
    size_t bytes, count = 0;
    assert_int_equal(dg_line_open(&line, options, &err), DG_OK);
    b->strokes = malloc(SEQUENCES * LONGEST * sizeof *b->strokes);
    assert_non_null(b->strokes);
    for (int i = 0; i < SEQUENCES; i++) {
        const dg_line_stroke *strokes;
        size_t more;
        dg_line_values sequence = {values, make_sequence(i, values), 0};
        assert_int_equal(dg_line_picture(line, &sequence, &never, &b->expected[i], &bytes, &err), DG_OK);
        assert_int_equal(dg_line_strokes(line, &sequence, &never, &strokes, &more, &err), DG_OK);
        b->first[i] = (uint32_t)count;
        memcpy(b->strokes + count, strokes, more * sizeof *strokes);
        count += more;
    }
    b->first[SEQUENCES] = (uint32_t)count;
    dg_line_close(line);
}

/* Draws the first pictures of the batch into host memory. */
static enum dg_code draw(const dg_backend *backend, dg_device *device, const dg_line_options *o,
                         const batch *b, uint32_t count, uint8_t *planes, const dg_poll *poll, dg_err *err)
{
    const dg_render_spec spec = {.options = o, .strokes = b->strokes, .first = b->first, .count = count};
    dg_buffer pixels;
    if (dg_render(backend, device, &spec, &pixels, poll, err) == DG_OK)
        backend->get(device, &pixels, 0, planes, count * dg_plane_stride(o->width, o->height), err);
    backend->free(device, &pixels);
    return err->code;
}

static void free_batch(batch *b)
{
    for (int i = 0; i < SEQUENCES; i++) free(b->expected[i]);
    free(b->strokes);
}

void check_lines(const dg_backend *backend, dg_device *device, const dg_line_options *o)
{
    const size_t stride = dg_plane_stride(o->width, o->height), pixels = (size_t)o->width * o->height;
    uint8_t *planes = malloc(SEQUENCES * stride);
    dg_err err = {0};
    batch b;
    assert_non_null(planes);
    make_batch(&b, o);
    if (draw(backend, device, o, &b, SEQUENCES, planes, &never, &err) != DG_OK) fail_msg("%s", err.text);
    for (size_t i = 0; i < SEQUENCES; i++)
        for (size_t p = 0; p < pixels; p++)
            if (planes[i * stride + p] != b.expected[i][p])
                fail_msg("%u x %u, line %d/256, sequence %zu: %d, not %d, at (%zu, %zu)", o->width, o->height,
                         o->line_width, i, planes[i * stride + p], b.expected[i][p], p % o->width,
                         p / o->width);
    free_batch(&b);
    free(planes);
}

void check_all_lines(const dg_backend *backend, dg_device *device, int quick)
{
    static const uint32_t sizes[][2] = {{64, 48}, {33, 9}, {1, 1}, {31, 50}, {1, 20}, {70, 1}, {200, 120}};
    static const double widths[] = {3, 0.25, 1, 64, 7.5};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s += quick ? 3 : 1)
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w += quick ? 3 : 1) {
            dg_line_options o = options_of(sizes[s][0], sizes[s][1], widths[w]);
            check_lines(backend, device, &o);
        }
    dg_line_options wide = options_of(8192, 3, 1); /* normals are coarse at the far end */
    wide.padding = 0;
    check_lines(backend, device, &wide);
}

enum dg_code line_errand(const dg_backend *backend, dg_device *device, const dg_poll *poll,
                         uint8_t pixels[LINE_ERRAND_BYTES], dg_err *err)
{
    const dg_line_options o = options_of(40, 33, 2);
    const size_t stride = dg_plane_stride(40, 33);
    uint8_t *planes = malloc(3 * stride);
    batch b;
    assert_non_null(planes);
    make_batch(&b, &o);
    if (draw(backend, device, &o, &b, 3, planes, poll, err) == DG_OK)
        for (size_t i = 0; i < 3; i++) memcpy(pixels + i * 40 * 33, planes + i * stride, (size_t)40 * 33);
    free_batch(&b);
    free(planes);
    return err->code;
}
