/*
 * Opening a file: which codec reads it, and what its header says.
 */
#include "image.h"

#include "codec.h"
#include "sniff.h"

#include <stdio.h>

static const dg_codec *const codecs[] = {&dg_jpeg_codec, &dg_png_codec};

const char *dg_image_format(const void *file, size_t bytes)
{
    for (size_t i = 0; i < sizeof codecs / sizeof codecs[0]; i++)
        if (codecs[i]->recognises(file, bytes)) return codecs[i]->format;
    return NULL;
}

static enum dg_code not_an_image(const uint8_t *file, size_t bytes, dg_err *err)
{
    const char *kind = dg_sniff(file, bytes);
    char text[3 * 8 + 1] = "";

    if (kind) return dg_fail(err, DG_ERROR, "not an image: neither JPEG nor PNG, but %s", kind);
    for (size_t i = 0; i < bytes && i < 8; i++) snprintf(text + 3 * i, 4, " %02x", file[i]);
    return dg_fail(err, DG_ERROR, "not an image: neither JPEG nor PNG; it begins with the bytes%s", text);
}

enum dg_code dg_picture_open(dg_picture **picture, const void *file, size_t bytes,
                             const dg_image_options *options, dg_err *err)
{
    *picture = NULL;
    if (bytes == 0) return dg_fail(err, DG_ERROR, "not an image: it is empty");
    for (size_t i = 0; i < sizeof codecs / sizeof codecs[0]; i++)
        if (codecs[i]->recognises(file, bytes)) return codecs[i]->open(picture, file, bytes, options, err);
    return not_an_image(file, bytes, err);
}

enum dg_code dg_picture_check_pixels(const dg_picture *picture, const dg_image_options *options, dg_err *err)
{
    const dg_image_info *info = &picture->info;

    if ((uint64_t)info->width * info->height <= options->max_pixels) return DG_OK;
    return dg_fail(err, DG_ERROR, "%s: %u x %u pixels, more than max_pixels (%llu)", info->format,
                   (unsigned)info->width, (unsigned)info->height, (unsigned long long)options->max_pixels);
}

void dg_picture_close(dg_picture *picture)
{
    if (picture) picture->codec->close(picture);
}

enum dg_code dg_image_info_read(const void *file, size_t bytes, dg_image_info *info, dg_err *err)
{
    dg_picture *picture;
    dg_image_options defaults = {0};
    enum dg_code code = dg_picture_open(&picture, file, bytes, &defaults, err);

    *info = code ? (dg_image_info){0} : picture->info;
    dg_picture_close(picture);
    return code;
}
