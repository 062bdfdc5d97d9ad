/*
 * What a file format offers: a picture as a header and a stream of rows.
 *
 * A codec reads the header in `open`; the caller decides whether it wants the pixels, calls `start` once and
 * then `row` exactly size.height times, top to bottom, then `finish`. Every function may fail; after a
 * failure only `close` may be called, and `close` is always called once. Grey values follow Pillow's
 * conversion to mode "L", colours that to "RGBA".
 */
#ifndef DG_IMAGE_CODEC_H
#define DG_IMAGE_CODEC_H

#include "image.h"
#include "size.h"

typedef struct dg_picture dg_picture;

typedef struct dg_codec {
    const char *format;

    /* Whether the file's first bytes are this format's. */
    int (*recognises)(const uint8_t *file, size_t bytes);

    /*
     * Reads the header into (*picture)->info; `file` and `options` are borrowed until close. On failure
     * *picture is NULL and nothing is left to close.
     */
    enum dg_code (*open)(dg_picture **picture, const uint8_t *file, size_t bytes,
                         const dg_image_options *options, dg_err *err);

    /*
     * Gets ready to decode; the first point at which memory in proportion to the picture may be taken.
     * `colour`: rows are wanted in colour too.
     */
    enum dg_code (*start)(dg_picture *picture, int colour, dg_err *err);

    /*
     * Writes the next row's size.width grey samples and, unless `rgba` is NULL, as many pixels R, G, B, A.
     * Colours need a start with `colour`. A is 255 unless the picture is transparent there.
     */
    enum dg_code (*row)(dg_picture *picture, uint8_t *grey, uint8_t *rgba, dg_err *err);

    /* After the last row: the file's last chance to be refused. */
    enum dg_code (*finish)(dg_picture *picture, dg_err *err);

    void (*close)(dg_picture *picture);
} dg_codec;

/* The part of an open picture that callers see; each codec's own struct begins with it. */
struct dg_picture {
    const dg_codec *codec;
    dg_image_info info;
    dg_size size;     /* of the picture as it is decoded: info's unless it is scaled down */
    int grey;         /* R, G and B of a pixel are equal */
    int transparency; /* A of some pixels may be less than 255 */
    /* Bytes that `start` takes in proportion to the picture's area, without colour and with it; 0 where rows
     * are streamed. */
    uint64_t whole[2];
};

/* Asks the caller's poll. For codecs, inside a `start` that is long. */
static inline enum dg_code dg_image_poll(const dg_image_options *options, dg_err *err)
{
    int stop = options->caller && dg_poll_stop(&options->caller->poll);
    return stop ? dg_fail(err, DG_INTERRUPT, "interrupted") : DG_OK;
}

extern const dg_codec dg_jpeg_codec, dg_png_codec;

/* Opens a file of either format with the codec that recognises it; DG_ERROR "not an image" where none does.
 */
enum dg_code dg_picture_open(dg_picture **picture, const void *file, size_t bytes,
                             const dg_image_options *options, dg_err *err);

/* DG_ERROR where the header promises more than options->max_pixels. */
enum dg_code dg_picture_check_pixels(const dg_picture *picture, const dg_image_options *options, dg_err *err);

/* Closes a picture; NULL is allowed. */
void dg_picture_close(dg_picture *picture);

#endif
