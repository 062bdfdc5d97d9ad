/*
 * The way of a picture through this room: a codec gives rows, each of the consumers that the work asks for
 * takes them, and at the end each gives its answer.
 *
 * Hashes and PDQ see the picture upright if the options say so. Only then is a picture that must be turned
 * kept whole, in the form that they need.
 */
#include "codec.h"
#include "colorhash.h"
#include "hash.h"
#include "pdq.h"
#include "quality.h"
#include "resize.h"
#include "turn.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS_A_POLL = 16 }; /* rows of a million pixels are the longest: a few milliseconds each */

/* One run over one picture. What the work does not ask for is NULL. */
typedef struct run {
    dg_picture *picture;
    const dg_image_options *options;
    const dg_image_work *work;
    dg_image_result *result;
    unsigned hashes; /* bit 1 << kind for each plane of a hash to make */
    int turned;
    dg_size upright;
    dg_hash_plan plan;
    dg_resize *resize;
    dg_quality *quality;
    dg_pdq *pdq;
    dg_colours colours;
    dg_turn grey_turn, rgba_turn;
    uint8_t *grey, *rgba; /* one stored row */
    uint8_t *kept;        /* the whole picture upright, grey */
} run;

/* The metrics that a header does not tell. */
static unsigned pixel_metrics(const dg_image_work *work)
{
    return work->metrics & ~(1u << DG_METRIC_JPEG_QUALITY);
}

int dg_image_needs_pixels(const dg_image_work *work)
{
    return work->hashes || work->orientations || work->pdq || work->colorhash || work->grey ||
           pixel_metrics(work);
}

static int needs_colour(const dg_image_work *work)
{
    return work->pdq || work->colorhash;
}

/* Asks the caller for the memory that is taken in proportion to the picture's area. */
static enum dg_code reserve(const run *r, dg_err *err)
{
    const dg_image_caller *caller = r->options->caller;
    const uint64_t samples = (uint64_t)r->upright.width * r->upright.height;
    uint64_t bytes = r->picture->whole[needs_colour(r->work)];

    if (r->turned && (r->resize || r->work->grey)) bytes += samples;
    if (r->turned && r->work->pdq) bytes += 4 * samples;
    if (r->work->grey) bytes += samples;
    return bytes && caller && caller->reserve ? caller->reserve(caller->arg, bytes, err) : DG_OK;
}

/* Readies the consumers and the rows they are fed from. */
static enum dg_code open_run(run *r, dg_err *err)
{
    dg_size stored = r->picture->size;
    enum dg_code code = DG_OK;

    r->hashes = r->work->hashes | (r->work->orientations ? 1u << DG_PHASH : 0);
    r->turned = r->options->orient && r->picture->info.orientation > 1;
    r->upright = r->turned ? dg_turn_size(stored, r->picture->info.orientation) : stored;
    r->grey = malloc(stored.width);
    if (needs_colour(r->work)) r->rgba = malloc(4 * (size_t)stored.width);
    if (!r->grey || (needs_colour(r->work) && !r->rgba)) return dg_fail_nomem(err, "a row of the picture");
    if (r->hashes) {
        r->plan = dg_hash_plan_for(r->hashes, r->work->hash_size, r->upright);
        code = dg_resize_open(&r->resize, r->upright, r->plan.planes, r->plan.count, err);
    }
    if (!code && pixel_metrics(r->work)) code = dg_quality_open(&r->quality, stored, r->work->metrics, err);
    if (!code && r->work->pdq) code = dg_pdq_open(&r->pdq, r->upright, err);
    if (!code) code = reserve(r, err);
    if (!code && r->work->grey) {
        r->kept = malloc((size_t)r->upright.width * r->upright.height);
        if (!r->kept) code = dg_fail_nomem(err, "the grey picture");
    }
    if (!code && r->turned && (r->resize || r->kept))
        code = dg_turn_open(&r->grey_turn, stored, r->picture->info.orientation, 1, err);
    if (!code && r->turned && r->pdq)
        code = dg_turn_open(&r->rgba_turn, stored, r->picture->info.orientation, 4, err);
    return code;
}

static void close_run(run *r)
{
    dg_resize_close(r->resize);
    dg_quality_close(r->quality);
    dg_pdq_close(r->pdq);
    dg_turn_close(&r->grey_turn);
    dg_turn_close(&r->rgba_turn);
    free(r->grey);
    free(r->rgba);
    free(r->kept);
}

/* The row that the codec is to write grey samples to. */
static uint8_t *grey_row(const run *r, uint32_t y)
{
    if (r->grey_turn.plane) return r->grey_turn.plane + (size_t)y * r->picture->size.width;
    return r->resize ? dg_resize_row(r->resize) : r->grey;
}

/* The row for pixels, or NULL. */
static uint8_t *rgba_row(const run *r, uint32_t y)
{
    if (r->rgba_turn.plane) return r->rgba_turn.plane + 4 * (size_t)y * r->picture->size.width;
    return r->rgba;
}

/* Hands on row y of the upright picture; the resizer, where there is one, has its grey samples already. */
static void feed_upright(run *r, uint32_t y, const uint8_t *grey, const uint8_t *rgba)
{
    if (r->kept) memcpy(r->kept + (size_t)y * r->upright.width, grey, r->upright.width);
    if (r->resize) dg_resize_take(r->resize);
    if (r->pdq) dg_pdq_take(r->pdq, rgba);
}

/* Hands a stored row to those that do not mind how the picture is turned, and to all if it is not. */
static void feed(run *r, uint32_t y, const uint8_t *grey, const uint8_t *rgba)
{
    if (r->quality) dg_quality_take(r->quality, grey);
    if (r->work->colorhash) dg_colours_take(&r->colours, grey, rgba, r->picture->size.width);
    if (!r->turned) feed_upright(r, y, grey, rgba);
}

static enum dg_code decode(run *r, dg_err *err)
{
    dg_picture *picture = r->picture;
    enum dg_code code = picture->codec->start(picture, needs_colour(r->work), err);

    for (uint32_t y = 0; y < picture->size.height && !code; y++) {
        uint8_t *grey = grey_row(r, y), *rgba = rgba_row(r, y);
        if (y % ROWS_A_POLL == 0) code = dg_image_poll(r->options, err);
        if (!code) code = picture->codec->row(picture, grey, rgba, err);
        if (!code) feed(r, y, grey, rgba);
    }
    return code ? code : picture->codec->finish(picture, err);
}

/* Hands on the rows of a picture that was kept to be turned. */
static enum dg_code feed_turned(run *r, dg_err *err)
{
    for (uint32_t y = 0; y < r->upright.height; y++) {
        if (y % ROWS_A_POLL == 0 && dg_image_poll(r->options, err)) return err->code;
        const uint8_t *grey = r->grey_turn.plane ? dg_turn_row(&r->grey_turn, y) : NULL;
        const uint8_t *rgba = r->rgba_turn.plane ? dg_turn_row(&r->rgba_turn, y) : NULL;
        if (r->resize) memcpy(dg_resize_row(r->resize), grey, r->upright.width);
        feed_upright(r, y, grey, rgba);
    }
    return DG_OK;
}

static enum dg_code take_hashes(run *r, dg_err *err)
{
    dg_image_result *result = r->result;
    int size = r->work->hash_size;

    for (int kind = 0; kind < DG_HASH_KINDS; kind++) {
        if (!(r->work->hashes & 1u << kind)) continue;
        int at = r->plan.of[kind];
        enum dg_code code = dg_hash_plane((enum dg_hash_kind)kind, size, dg_resize_plane(r->resize, at),
                                          r->plan.planes[at], result->hash[kind], err);
        if (code) return code;
    }
    if (r->work->orientations)
        dg_hash_views(size, dg_resize_plane(r->resize, r->plan.of[DG_PHASH]), result->views);
    return DG_OK;
}

static void take_metrics(run *r)
{
    dg_image_result *result = r->result;
    int jpeg_quality = r->picture->info.jpeg_quality;

    if (r->quality) {
        dg_quality_finish(r->quality, jpeg_quality, result->metric, &result->metrics_null);
    } else if (r->work->metrics) {
        result->metric[DG_METRIC_JPEG_QUALITY] = jpeg_quality;
        result->metrics_null = jpeg_quality ? 0 : 1u << DG_METRIC_JPEG_QUALITY;
    }
}

static enum dg_code measure(run *r, dg_err *err)
{
    enum dg_code code = dg_picture_check_pixels(r->picture, r->options, err);

    if (!code && pixel_metrics(r->work) && r->options->decode != DG_DECODE_EXACT)
        code = dg_fail(err, DG_ERROR, "quality metrics need the option \"decode\" to be \"exact\"");
    if (!code && dg_image_needs_pixels(r->work)) code = open_run(r, err);
    if (!code && dg_image_needs_pixels(r->work)) code = decode(r, err);
    if (!code && r->turned) code = feed_turned(r, err);
    if (!code) code = take_hashes(r, err);
    if (!code) take_metrics(r);
    if (!code && r->pdq) dg_pdq_finish(r->pdq, r->result->pdq, &r->result->pdq_quality);
    if (!code && r->work->colorhash) dg_colours_hash(&r->colours, r->result->colorhash);
    if (!code && r->kept) {
        r->result->grey = r->kept;
        r->result->grey_width = r->upright.width;
        r->result->grey_height = r->upright.height;
        r->kept = NULL;
    }
    close_run(r);
    return code;
}

enum dg_code dg_image_measure(const void *file, size_t bytes, const dg_image_options *options,
                              const dg_image_work *work, dg_image_result *result, dg_err *err)
{
    run r = {.options = options, .work = work, .result = result};

    memset(result, 0, sizeof *result);
    enum dg_code code = dg_picture_open(&r.picture, file, bytes, options, err);
    if (code) return code;
    dg_image_info info = r.picture->info;
    code = measure(&r, err);
    if (code) memset(result, 0, sizeof *result);
    result->info = info;
    dg_picture_close(r.picture);
    return code;
}
