/*
 * Line pictures of any bytes: the first eight choose what the picture is like, the rest is a JSON array or a
 * BLOB of numbers. Every instruction set must make the same file of it, and libpng must read a PNG.
 */
#include "../../kernels/image/line.h"
#include "../../kernels/image/line_loops.h"
#include "../../kernels/image/sequence.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

enum { CHOICES = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static dg_line_options options_of(const uint8_t *c)
{
    static const int bits[] = {1, 2, 4, 8};
    dg_line_options o = {.width = 1 + c[0] % 100u,
                         .height = 1 + c[1] % 80u,
                         .line_width = 64 + c[2] * (c[3] & 1 ? 64 : 4),
                         .padding = c[3] * 16,
                         .lo = c[4] & 1 ? c[5] - 128.0 : NAN,
                         .hi = c[4] & 2 ? c[5] - 100.0 : NAN,
                         .antialias = c[4] >> 2 & 1,
                         .bits = bits[c[4] >> 3 & 3],
                         .format = (enum dg_line_format)(c[6] % 3)};
    memset(o.background, c[7], sizeof o.background);
    if (o.format == DG_LINE_PNG) {
        o.transparent = c[4] >> 5 & 1;
        o.color[0] = c[6];
    }
    return o;
}

static void check_png(const uint8_t *file, size_t bytes)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    if (!png_image_begin_read_from_memory(&image, file, bytes)) abort();
    image.format = PNG_FORMAT_RGBA;
    void *pixels = malloc(PNG_IMAGE_SIZE(image));
    if (!pixels || !png_image_finish_read(&image, NULL, pixels, 0, NULL) || image.warning_or_error) abort();
    free(pixels);
}

static void draw(const dg_line_options *options, const dg_line_values *values)
{
    static const dg_poll never = {0};
    uint8_t *first = NULL, *picture;
    size_t first_bytes = 0, bytes;
    for (int v = 0; v < dg_line_loops_count; v++) {
        dg_err err = {0};
        dg_line *line;
        if (!dg_line_loops_all[v]->usable()) continue;
        if (dg_line_open(&line, options, &err)) abort();
        dg_line_use(line, dg_line_loops_all[v]);
        if (dg_line_picture(line, values, &never, &picture, &bytes, &err)) abort();
        if (first && (bytes != first_bytes || memcmp(first, picture, bytes) != 0)) abort();
        if (!first && options->format == DG_LINE_PNG) check_png(picture, bytes);
        free(first);
        first = picture;
        first_bytes = bytes;
        dg_line_close(line);
    }
    free(first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    dg_sequence sequence = {0};
    dg_line_values values;
    dg_err err = {0};
    if (bytes < CHOICES) return 0;
    const dg_line_options options = options_of(data);
    const uint8_t *rest = data + CHOICES;
    bytes -= CHOICES;
    if (bytes && *rest == '[') {
        if (dg_sequence_parse(&sequence, (const char *)rest, bytes, &err) == DG_OK) {
            values = (dg_line_values){sequence.numbers, sequence.count, 0};
            draw(&options, &values);
        }
    } else if (dg_line_values_of_blob(rest, bytes, data[7] & 1, &values, &err) == DG_OK) {
        draw(&options, &values);
    }
    dg_sequence_free(&sequence);
    return 0;
}
