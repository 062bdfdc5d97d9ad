/*
 * Three of Pillow's filters, one after the other, each rounding to 8 bits: ImageEnhance.Contrast(1.15),
 * ImageEnhance.Sharpness(1.1), ImageFilter.UnsharpMask(1, 120, 3). The first two blend the picture with a
 * duller copy of it, past the picture itself. The products and sums of a blend are single precision and must
 * not be contracted.
 */
#include "enhance.h"

#include "codec.h"

#include <stdlib.h>
#include <string.h>

enum { RGB = 3, WIDE = 500, HIGH = 400, JPEG_QUALITY = 95 };

/* A picture while it is filtered. */
typedef struct work {
    dg_pixels pixels;
    uint8_t *other;    /* as large as the pixels */
    uint64_t grey_sum; /* of the picture's grey samples */
} work;

/* Pillow's ImagingBlend of `dull` and `sample` with a weight above 1. */
static uint8_t blended(int dull, int sample, float weight)
{
    float value = (float)dull + weight * (float)(sample - dull);
    return value <= 0 ? 0 : value >= 255 ? 255 : (uint8_t)value;
}

static size_t sample_count(const work *w)
{
    return (size_t)w->pixels.size.width * w->pixels.size.height * RGB;
}

static void add_contrast(work *w)
{
    double pixels = (double)w->pixels.size.width * w->pixels.size.height;
    int mean = (int)((double)w->grey_sum / pixels + 0.5);

    for (size_t i = 0; i < sample_count(w); i++)
        w->pixels.samples[i] = blended(mean, w->pixels.samples[i], 1.15f);
}

/* Pillow's SMOOTH filter at the sample `at`, which is not on the border: weights 1, in the middle 5. */
static int smoothed(const uint8_t *at, size_t stride)
{
    int sum = 4 * *at;

    for (int y = -1; y <= 1; y++)
        for (int x = -1; x <= 1; x++) sum += at[y * (ptrdiff_t)stride + x * RGB];
    return (2 * sum + 13) / 26;
}

static void add_sharpness(work *w)
{
    size_t stride = (size_t)w->pixels.size.width * RGB, height = w->pixels.size.height;

    memcpy(w->other, w->pixels.samples, sample_count(w));
    for (size_t y = 1; y + 1 < height; y++) {
        for (size_t x = RGB; x + RGB < stride; x++) {
            const uint8_t *at = w->other + y * stride + x;
            w->pixels.samples[y * stride + x] = blended(smoothed(at, stride), *at, 1.1f);
        }
    }
}

/* One pass of Pillow's box blur of radius 0.63 along a line of `count` samples `step` apart; the border's
 * samples repeat. 24-bit fixed point; three such passes stand for a Gaussian of radius 1. */
static void box_pass(uint8_t *line, size_t count, size_t step)
{
    uint32_t before = line[0];

    for (size_t i = 0; i < count; i++) {
        uint32_t here = line[i * step], after = line[(i + 1 < count ? i + 1 : i) * step];
        line[i * step] = (uint8_t)((here * 11184811 + (before + after) * 2796202 + (1u << 23)) >> 24);
        before = here;
    }
}

static void blur(uint8_t *samples, dg_size size)
{
    enum { PASSES = 3 };
    size_t stride = (size_t)size.width * RGB;

    for (size_t y = 0; y < size.height; y++)
        for (int c = 0; c < RGB; c++)
            for (int pass = 0; pass < PASSES; pass++) box_pass(samples + y * stride + c, size.width, RGB);
    for (size_t x = 0; x < stride; x++)
        for (int pass = 0; pass < PASSES; pass++) box_pass(samples + x, size.height, stride);
}

static void unsharp_mask(work *w)
{
    enum { PERCENT = 120, THRESHOLD = 3 };

    memcpy(w->other, w->pixels.samples, sample_count(w));
    blur(w->other, w->pixels.size);
    for (size_t i = 0; i < sample_count(w); i++) {
        int sample = w->pixels.samples[i], difference = sample - w->other[i];
        if (abs(difference) <= THRESHOLD) continue;
        sample += difference * PERCENT / 100;
        w->pixels.samples[i] = (uint8_t)(sample < 0 ? 0 : sample > 255 ? 255 : sample);
    }
}

static void take_row(work *w, uint32_t y, const uint8_t *grey, const uint8_t *rgba)
{
    size_t width = w->pixels.size.width;
    uint8_t *to = w->pixels.samples + y * width * RGB;

    for (size_t x = 0; x < width; x++, to += RGB) {
        memcpy(to, rgba + 4 * x, RGB);
        w->grey_sum += grey[x];
    }
}

static enum dg_code decode(dg_picture *picture, work *w, dg_err *err)
{
    size_t width = picture->size.width;
    uint8_t *rgba = malloc(5 * width), *grey = rgba + 4 * width;
    enum dg_code code = rgba ? picture->codec->start(picture, 1, err) : dg_fail_nomem(err, "a row");

    for (uint32_t y = 0; y < picture->size.height && !code; y++) {
        code = picture->codec->row(picture, grey, rgba, err);
        if (!code) take_row(w, y, grey, rgba);
    }
    if (!code) code = picture->codec->finish(picture, err);
    free(rgba);
    return code;
}

static enum dg_code enhance(dg_picture *picture, const dg_image_options *options, dg_file *file, dg_err *err)
{
    work w = {.pixels = {.size = picture->size, .channels = RGB}};
    int small = picture->size.width < WIDE || picture->size.height < HIGH;
    enum dg_code code = dg_picture_check_pixels(picture, options, err);
    if (code) return code;

    w.pixels.samples = malloc(sample_count(&w));
    if (small) w.other = malloc(sample_count(&w));
    if (!w.pixels.samples || (small && !w.other)) code = dg_fail_nomem(err, "a picture to enhance");
    if (!code) code = decode(picture, &w, err);
    if (!code && small) {
        add_contrast(&w);
        add_sharpness(&w);
        unsharp_mask(&w);
    }
    if (!code) code = dg_encode_jpeg(&w.pixels, JPEG_QUALITY, file, err);
    free(w.pixels.samples);
    free(w.other);
    return code;
}

enum dg_code dg_enhance(const void *data, size_t bytes, const dg_image_options *options, dg_file *file,
                        dg_err *err)
{
    dg_picture *picture;
    enum dg_code code = dg_picture_open(&picture, data, bytes, options, err);

    *file = (dg_file){0};
    if (!code) code = enhance(picture, options, file, err);
    dg_picture_close(picture);
    return code;
}
