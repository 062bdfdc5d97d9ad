/*
 * The way of a picture through this room: a codec gives grey rows, the resizer takes them in upright order,
 * each hash is read off its small plane.
 *
 * Only a picture that must be turned or mirrored is kept whole, a byte a pixel.
 */
#include "image.h"

#include "codec.h"
#include "hash.h"
#include "resize.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const dg_codec *const codecs[] = {&dg_jpeg_codec, &dg_png_codec};

enum dg_code dg_picture_open(dg_picture **picture, const void *file, size_t bytes,
                             const dg_image_options *options, dg_err *err)
{
    const uint8_t *first = file;

    *picture = NULL;
    if (bytes == 0) return dg_fail(err, DG_ERROR, "not an image: it is empty");
    for (size_t i = 0; i < sizeof codecs / sizeof codecs[0]; i++)
        if (codecs[i]->recognises(file, bytes)) return codecs[i]->open(picture, file, bytes, options, err);
    char text[3 * 8 + 1] = "";
    for (size_t i = 0; i < bytes && i < 8; i++) snprintf(text + 3 * i, 4, " %02x", first[i]);
    return dg_fail(err, DG_ERROR, "not an image: neither JPEG nor PNG; it begins with the bytes%s", text);
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

/* The next row, and now and then the caller's poll. */
static enum dg_code read_row(dg_picture *picture, const dg_image_options *options, uint32_t y, uint8_t *grey,
                             dg_err *err)
{
    enum { ROWS = 16 };
    enum dg_code code = y % ROWS ? DG_OK : dg_image_poll(options, err);
    return code ? code : picture->codec->row(picture, grey, err);
}

static enum dg_code decode_straight(dg_picture *picture, const dg_image_options *options, dg_resize *resize,
                                    dg_err *err)
{
    for (uint32_t y = 0; y < picture->info.height; y++) {
        enum dg_code code = read_row(picture, options, y, dg_resize_row(resize), err);
        if (code) return code;
        dg_resize_take(resize);
    }
    return DG_OK;
}

/* How to walk a stored plane so that it is seen upright: sample (x, y) is at origin + x*right + y*down. */
typedef struct walk {
    ptrdiff_t origin, right, down;
} walk;

/* Orientations 5..8 exchange x and y; then columns (2, 3, 6, 7) and rows (3, 4, 7, 8) of the result are
 * reversed. */
static int exchanges_axes(int orientation)
{
    return orientation >= 5;
}

static walk upright_walk(int orientation, dg_size stored, dg_size upright)
{
    static const uint8_t reverse_columns[9] = {[2] = 1, [3] = 1, [6] = 1, [7] = 1};
    static const uint8_t reverse_rows[9] = {[3] = 1, [4] = 1, [7] = 1, [8] = 1};
    walk w = {0, 1, stored.width};

    if (exchanges_axes(orientation)) w = (walk){0, stored.width, 1};
    if (reverse_columns[orientation]) {
        w.origin += (ptrdiff_t)(upright.width - 1) * w.right;
        w.right = -w.right;
    }
    if (reverse_rows[orientation]) {
        w.origin += (ptrdiff_t)(upright.height - 1) * w.down;
        w.down = -w.down;
    }
    return w;
}

/* Decodes into a plane, then hands on the rows of the upright picture, a band of them gathered at a time. */
static enum dg_code decode_turned(dg_picture *picture, const dg_image_options *options, dg_size upright,
                                  dg_resize *resize, dg_err *err)
{
    enum { BAND = 64 }; /* rows; where axes are exchanged, a cache line of the plane serves all of them */
    dg_size stored = {picture->info.width, picture->info.height};
    walk w = upright_walk(picture->info.orientation, stored, upright);
    uint8_t *plane = malloc((size_t)stored.width * stored.height);
    uint8_t *band = malloc((size_t)BAND * upright.width);
    enum dg_code code = plane && band ? DG_OK : dg_fail_nomem(err, "the picture to be turned");

    for (uint32_t y = 0; y < stored.height && !code; y++)
        code = read_row(picture, options, y, plane + (size_t)y * stored.width, err);
    for (size_t y = 0; y < upright.height && !code; y += BAND) {
        size_t rows = upright.height - y < BAND ? upright.height - y : BAND;
        for (size_t x = 0; x < upright.width; x++) {
            const uint8_t *from = plane + w.origin + (ptrdiff_t)x * w.right + (ptrdiff_t)y * w.down;
            for (size_t r = 0; r < rows; r++) band[r * upright.width + x] = from[(ptrdiff_t)r * w.down];
        }
        for (size_t r = 0; r < rows; r++) {
            memcpy(dg_resize_row(resize), band + r * upright.width, upright.width);
            dg_resize_take(resize);
        }
    }
    free(plane);
    free(band);
    return code;
}

/* Asks the caller for the memory that is taken in proportion to the picture's area. */
static enum dg_code reserve(const dg_picture *picture, const dg_image_options *options, int turned,
                            dg_err *err)
{
    const dg_image_caller *caller = options->caller;
    uint64_t bytes = picture->whole;

    if (turned) bytes += (uint64_t)picture->info.width * picture->info.height;
    return bytes && caller && caller->reserve ? caller->reserve(caller->arg, bytes, err) : DG_OK;
}

static enum dg_code decode(dg_picture *picture, const dg_image_options *options, int turned, dg_size upright,
                           dg_resize *resize, dg_err *err)
{
    enum dg_code code = reserve(picture, options, turned, err);

    if (!code) code = picture->codec->start(picture, err);
    if (!code && turned)
        code = decode_turned(picture, options, upright, resize, err);
    else if (!code)
        code = decode_straight(picture, options, resize, err);
    return code ? code : picture->codec->finish(picture, err);
}

/* The distinct plane sizes of the wanted hashes: kind k is made from planes[of[k]]. */
typedef struct plan {
    int count;
    dg_size planes[DG_HASH_KINDS];
    int of[DG_HASH_KINDS];
} plan;

static plan plan_for(const dg_hash_set *set, dg_size picture)
{
    plan p = {0};

    for (int kind = 0; kind < DG_HASH_KINDS; kind++) {
        if (!(set->wanted & 1u << kind)) continue;
        dg_size size = dg_hash_plane_size((enum dg_hash_kind)kind, set->size, picture);
        int at = 0;
        while (at < p.count && (p.planes[at].width != size.width || p.planes[at].height != size.height)) at++;
        if (at == p.count) p.planes[p.count++] = size;
        p.of[kind] = at;
    }
    return p;
}

static enum dg_code hash_picture(dg_picture *picture, const dg_image_options *options, dg_hash_set *set,
                                 dg_err *err)
{
    const dg_image_info *info = &picture->info;
    dg_size stored = {info->width, info->height}, upright = stored;
    int turned = options->orient && info->orientation > 1;

    if ((uint64_t)stored.width * stored.height > options->max_pixels)
        return dg_fail(err, DG_ERROR, "%s: %u x %u pixels, more than max_pixels (%llu)", info->format,
                       (unsigned)stored.width, (unsigned)stored.height,
                       (unsigned long long)options->max_pixels);
    if (turned && exchanges_axes(info->orientation)) upright = (dg_size){stored.height, stored.width};

    plan p = plan_for(set, upright);
    dg_resize *resize;
    enum dg_code code = dg_resize_open(&resize, upright, p.planes, p.count, err);
    if (!code) code = decode(picture, options, turned, upright, resize, err);
    for (int kind = 0; kind < DG_HASH_KINDS && !code; kind++)
        if (set->wanted & 1u << kind)
            code = dg_hash_plane((enum dg_hash_kind)kind, set->size, dg_resize_plane(resize, p.of[kind]),
                                 p.planes[p.of[kind]], set->hash[kind], err);
    dg_resize_close(resize);
    return code;
}

enum dg_code dg_image_hash(const void *file, size_t bytes, const dg_image_options *options, dg_hash_set *set,
                           dg_err *err)
{
    dg_picture *picture;
    enum dg_code code = dg_picture_open(&picture, file, bytes, options, err);

    memset(set->hash, 0, sizeof set->hash);
    if (!code) code = hash_picture(picture, options, set, err);
    if (code) memset(set->hash, 0, sizeof set->hash);
    dg_picture_close(picture);
    return code;
}

enum dg_code dg_image_measure(const void *file, size_t bytes, const dg_image_options *options,
                              const dg_image_work *work, dg_image_result *result, dg_err *err)
{
    dg_picture *picture;
    dg_hash_set set = {.wanted = work->hashes, .size = work->hash_size};
    enum dg_code code = dg_picture_open(&picture, file, bytes, options, err);

    *result = (dg_image_result){0};
    if (!code) {
        result->info = picture->info;
        if (work->hashes) code = hash_picture(picture, options, &set, err);
    }
    if (!code) memcpy(result->hash, set.hash, sizeof result->hash);
    dg_picture_close(picture);
    return code;
}
