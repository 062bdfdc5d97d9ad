/*
 * The channels are resized side by side, each by a resizer of its own; colours are multiplied by their alpha
 * for that, as Pillow does, so that hidden ones do not bleed into those that show. Only a picture that must
 * be turned is kept whole.
 */
#include "thumbnail.h"

#include "codec.h"
#include "luma.h"
#include "resize.h"
#include "turn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHANNELS = 4, JPEG_QUALITY = 85 };

typedef struct thumbnail {
    dg_picture *picture;
    dg_size upright;
    int resized, alpha;          /* alpha: the last channel is */
    dg_resize *resize[CHANNELS]; /* where resized */
    dg_turn turn;                /* where turned; samples are grey or pixels R, G, B, A */
    uint8_t *grey, *rgba;        /* one stored row; `rgba` NULL for one channel */
    dg_pixels pixels;
} thumbnail;

/* One side so that the aspect comes closest to the picture's: of the whole numbers around `side`. */
static uint32_t closest(double side, double aspect, double other, int side_is_width)
{
    double low = floor(side), high = ceil(side);
    double low_error, high_error;

    if (side_is_width) {
        low_error = fabs(aspect - low / other);
        high_error = fabs(aspect - high / other);
    } else {
        low_error = low == 0 ? 0 : fabs(aspect - other / low);
        high_error = high == 0 ? 0 : fabs(aspect - other / high);
    }
    double best = low_error <= high_error ? low : high;
    return best < 1 ? 1 : (uint32_t)best;
}

dg_size dg_thumbnail_size(dg_size picture, dg_size room)
{
    double aspect = (double)picture.width / picture.height;

    if (room.width >= picture.width && room.height >= picture.height) return picture;
    if ((double)room.width / room.height >= aspect)
        room.width = closest(room.height * aspect, aspect, room.height, 1);
    else
        room.height = closest(room.width / aspect, aspect, room.width, 0);
    return room;
}

static enum dg_code open_thumbnail(thumbnail *t, dg_size room, dg_err *err)
{
    const dg_picture *picture = t->picture;
    size_t width = picture->size.width;
    int orientation = picture->info.orientation;

    t->alpha = picture->transparency;
    t->upright = dg_turn_size(picture->size, orientation);
    t->pixels.channels = (picture->grey ? 1 : 3) + t->alpha;
    t->pixels.size = dg_thumbnail_size(t->upright, room);
    t->resized = t->pixels.size.width != t->upright.width || t->pixels.size.height != t->upright.height;

    int coloured = t->pixels.channels > 1;
    t->grey = malloc(width);
    if (coloured) t->rgba = malloc(4 * width);
    t->pixels.samples =
        malloc((size_t)t->pixels.size.width * t->pixels.size.height * (size_t)t->pixels.channels);
    if (!t->grey || (coloured && !t->rgba) || !t->pixels.samples) return dg_fail_nomem(err, "a thumbnail");

    enum dg_code code = DG_OK;
    for (int c = 0; c < t->pixels.channels && t->resized && !code; c++)
        code = dg_resize_open(&t->resize[c], t->upright, &t->pixels.size, 1, err);
    if (!code && orientation > 1)
        code = dg_turn_open(&t->turn, picture->size, orientation, coloured ? 4 : 1, err);
    return code;
}

static void close_thumbnail(thumbnail *t)
{
    for (int c = 0; c < CHANNELS; c++) dg_resize_close(t->resize[c]);
    dg_turn_close(&t->turn);
    free(t->grey);
    free(t->rgba);
    free(t->pixels.samples);
}

/* Where channel c is in a pixel R, G, B, A. */
static int place_of(const thumbnail *t, int c)
{
    return t->alpha && c == t->pixels.channels - 1 ? 3 : c;
}

/* One channel of a row of pixels, colours multiplied by their alpha if there is one. */
static void extract(const thumbnail *t, int c, const uint8_t *rgba, uint8_t *row)
{
    int place = place_of(t, c);

    for (size_t x = 0; x < t->upright.width; x++, rgba += 4)
        row[x] = t->alpha && place != 3 ? dg_scaled(rgba[place], rgba[3]) : rgba[place];
}

/* Row y of the upright picture: grey samples of a picture of one channel, else pixels. */
static void take_row(thumbnail *t, uint32_t y, const uint8_t *row)
{
    int channels = t->pixels.channels;
    size_t width = t->upright.width;

    if (!t->resized) {
        uint8_t *out = t->pixels.samples + y * width * (size_t)channels;
        if (channels == 1) memcpy(out, row, width);
        for (size_t x = 0; x < width && channels > 1; x++)
            for (int c = 0; c < channels; c++) *out++ = row[4 * x + (size_t)place_of(t, c)];
        return;
    }
    for (int c = 0; c < channels; c++) {
        uint8_t *to = dg_resize_row(t->resize[c]);
        if (channels == 1)
            memcpy(to, row, width);
        else
            extract(t, c, row, to);
        dg_resize_take(t->resize[c]);
    }
}

static enum dg_code decode(thumbnail *t, dg_err *err)
{
    dg_picture *picture = t->picture;
    size_t width = picture->size.width, sample = t->rgba ? 4 : 1;
    enum dg_code code = picture->codec->start(picture, t->rgba != NULL, err);

    for (uint32_t y = 0; y < picture->size.height && !code; y++) {
        code = picture->codec->row(picture, t->grey, t->rgba, err);
        if (code) break;
        const uint8_t *row = t->rgba ? t->rgba : t->grey;
        if (t->turn.plane)
            memcpy(t->turn.plane + y * width * sample, row, width * sample);
        else
            take_row(t, y, row);
    }
    if (!code) code = picture->codec->finish(picture, err);
    for (uint32_t y = 0; y < t->upright.height && t->turn.plane && !code; y++)
        take_row(t, y, dg_turn_row(&t->turn, y));
    return code;
}

/* Pillow's way back from a colour that was multiplied by its alpha. */
static uint8_t unscaled(uint8_t colour, uint8_t alpha)
{
    if (alpha == 0 || alpha == 255) return colour;
    int value = 255 * colour / alpha;
    return (uint8_t)(value > 255 ? 255 : value);
}

/* Puts the resized channels together. */
static void collect(thumbnail *t)
{
    size_t count = (size_t)t->pixels.size.width * t->pixels.size.height;
    int channels = t->pixels.channels, colours = channels - t->alpha;
    const uint8_t *plane[CHANNELS];

    for (int c = 0; c < channels; c++) plane[c] = dg_resize_plane(t->resize[c], 0);
    uint8_t *out = t->pixels.samples;
    for (size_t i = 0; i < count; i++, out += channels) {
        for (int c = 0; c < channels; c++) out[c] = plane[c][i];
        for (int c = 0; c < colours && t->alpha; c++) out[c] = unscaled(out[c], out[colours]);
    }
}

/* Lays the pixels over white. */
static void drop_alpha(dg_pixels *pixels)
{
    size_t count = (size_t)pixels->size.width * pixels->size.height;
    int colours = pixels->channels - 1;
    const uint8_t *from = pixels->samples;
    uint8_t *to = pixels->samples;

    for (size_t i = 0; i < count; i++, from += colours + 1) {
        uint8_t alpha = from[colours];
        for (int c = 0; c < colours; c++) *to++ = dg_alpha_over(from[c], alpha, 255);
    }
    pixels->channels = colours;
}

static enum dg_code encode(thumbnail *t, enum dg_format format, dg_file *file, dg_err *err)
{
    if (format == DG_FORMAT_SAME)
        format = t->picture->codec == &dg_jpeg_codec ? DG_FORMAT_JPEG : DG_FORMAT_PNG;
    if (format == DG_FORMAT_PNG) return dg_encode_png(&t->pixels, file, err);
    if (t->alpha) drop_alpha(&t->pixels);
    return dg_encode_jpeg(&t->pixels, JPEG_QUALITY, file, err);
}

enum dg_code dg_thumbnail(const void *data, size_t bytes, const dg_image_options *options, dg_size room,
                          enum dg_format format, dg_file *file, dg_err *err)
{
    thumbnail t = {0};
    enum dg_code code = dg_picture_open(&t.picture, data, bytes, options, err);

    *file = (dg_file){0};
    if (!code) code = dg_picture_check_pixels(t.picture, options, err);
    if (!code) code = open_thumbnail(&t, room, err);
    if (!code) code = decode(&t, err);
    if (!code && t.resized) collect(&t);
    if (!code) code = encode(&t, format, file, err);
    close_thumbnail(&t);
    dg_picture_close(t.picture);
    return code;
}
