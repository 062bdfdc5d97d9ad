#include "drawing.h"

#include "../image/hash.h"
#include "render.h"
#include "shrink.h"

#include <stdlib.h>
#include <string.h>

struct dg_drawing {
    const dg_lines *lines;
    dg_place place;
    dg_lines_scratch scratch;
    int cut; /* a batch had to be */
};

/* What seconds_for is asked about. */
typedef struct work {
    uint64_t pictures, samples; /* samples of each */
} work;

/*
 * A dg_place_cost of hashes of pictures, a hundred points each. On one thread 10 us and 0.05 ns a sample for
 * drawing, 0.26 ns a sample for shrinking and 6 us for the transform; for a device 2 us on the calling thread
 * to place the points. Measured with AVX-512.
 */
static double seconds_for(const dg_device_info *info, uint64_t memory_limit, const void *argument)
{
    const work *w = argument;
    const double pictures = (double)w->pictures, samples = (double)w->samples;
    (void)memory_limit;
    if (info->kind == DG_DEVICE_CPU) return pictures * (16e-6 + samples * 0.31e-9) / info->units;
    return pictures * (2e-6 + samples * info->costs.draw);
}

enum dg_code dg_drawing_open(const dg_place_spec *spec, const dg_lines *lines, uint64_t expected,
                             const dg_poll *poll, dg_drawing **out, dg_err *err)
{
    const work w = {expected, (uint64_t)lines->options.width * lines->options.height};
    dg_drawing *d = calloc(1, sizeof *d);
    *out = NULL;
    if (!d) return dg_fail_nomem(err, "drawing lines");
    d->lines = lines;
    if (dg_place_open(spec, poll, &d->place, err) == DG_OK &&
        (!lines->hash || dg_place_choose(&d->place, seconds_for, &w, poll, err) == DG_OK)) {
        *out = d;
        return DG_OK;
    }
    dg_drawing_close(d, err);
    return err->code;
}

int dg_drawing_on_device(const dg_drawing *drawing)
{
    return !dg_place_is_cpu(&drawing->place);
}

void dg_drawing_report(const dg_drawing *drawing, dg_report *report)
{
    dg_place_report(&drawing->place, report);
}

void dg_drawing_close(dg_drawing *drawing, const dg_err *failure)
{
    if (!drawing) return;
    dg_place_close(&drawing->place, failure);
    dg_lines_clear_scratch(&drawing->scratch);
    free(drawing);
}

/* --- strokes --- */

/* Those of some jobs, one after the other; job i's are number first[i] .. first[i + 1] - 1. */
typedef struct strokes {
    dg_line_stroke *of;
    size_t count, room;
    uint32_t *first;
} strokes;

static enum dg_code add_strokes(strokes *s, const dg_line_stroke *more, size_t count, dg_err *err)
{
    if (s->count + count > s->room || !s->of) {
        size_t room = 2 * s->room + count + 1;
        dg_line_stroke *larger = realloc(s->of, room * sizeof *larger);
        if (!larger) return dg_fail_nomem(err, "the points of a batch");
        s->of = larger;
        s->room = room;
    }
    if (count) memcpy(s->of + s->count, more, count * sizeof *more);
    s->count += count;
    return s->count < UINT32_MAX ? DG_OK : dg_fail(err, DG_DEVICE_NOMEM, "a batch of %zu points", s->count);
}

static enum dg_code place_jobs(dg_drawing *d, const dg_line_job *jobs, uint32_t count, strokes *s,
                               const dg_poll *poll, dg_err *err)
{
    s->first = malloc((count + 1) * sizeof *s->first);
    if (!s->first) return dg_fail_nomem(err, "the points of a batch");
    for (uint32_t i = 0; i < count; i++) {
        const dg_line_stroke *of;
        dg_line_values values;
        size_t points;
        s->first[i] = (uint32_t)s->count;
        if (jobs[i].input == DG_LINE_NONE) continue;
        if (dg_line_job_values(&jobs[i], d->lines, &d->scratch, &values, err) != DG_OK ||
            dg_line_strokes(d->scratch.line, &values, poll, &of, &points, err) != DG_OK ||
            add_strokes(s, of, points, err) != DG_OK)
            return err->code;
    }
    s->first[count] = (uint32_t)s->count;
    return add_strokes(s, NULL, 0, err);
}

/* --- the device --- */

static size_t stride_of(const dg_drawing *d)
{
    return dg_plane_stride(d->lines->options.width, d->lines->options.height);
}

static enum dg_code render(dg_drawing *d, const strokes *s, uint32_t count, dg_buffer *pixels,
                           const dg_poll *poll, dg_err *err)
{
    const dg_render_spec spec = {.options = &d->lines->options,
                                 .strokes = s->of,
                                 .first = s->first,
                                 .count = count,
                                 .samples = d->lines->hash ? dg_line_samples(d->scratch.line) : NULL};
    return dg_render(d->place.backend, d->place.device, &spec, pixels, poll, err);
}

static enum dg_code keep(dg_line_job *job, const uint8_t *hash, dg_err *err)
{
    if (job->input == DG_LINE_NONE) return DG_OK;
    job->picture = malloc(DG_LINE_HASH_BYTES);
    if (!job->picture) return dg_fail_nomem(err, "a hash");
    memcpy(job->picture, hash, DG_LINE_HASH_BYTES);
    job->picture_bytes = DG_LINE_HASH_BYTES;
    return DG_OK;
}

enum { HASH_SIZE = 8, PLANE_SIDE = 4 * HASH_SIZE, PLANE = PLANE_SIDE * PLANE_SIDE };

/* The hashes of planes; without doubles the planes come back and are hashed here. */
static enum dg_code hash_planes(dg_drawing *d, dg_shrink *shrink, uint32_t count, uint8_t *hashes,
                                const dg_poll *poll, dg_err *err)
{
    const dg_size size = {PLANE_SIDE, PLANE_SIDE};
    if (d->place.info.doubles) return dg_shrink_phash(shrink, HASH_SIZE, hashes, poll, err);
    uint8_t *planes = malloc((size_t)count * PLANE);
    if (!planes) return dg_fail_nomem(err, "the planes of a batch");
    dg_shrink_planes(shrink, planes, err);
    for (uint32_t i = 0; i < count && !err->code; i++)
        dg_hash_plane(DG_PHASH, HASH_SIZE, planes + (size_t)i * PLANE, size, hashes + i * DG_LINE_HASH_BYTES,
                      err);
    free(planes);
    return err->code;
}

static enum dg_code hash_pixels(dg_drawing *d, dg_buffer *pixels, dg_line_job *jobs, uint32_t count,
                                const dg_poll *poll, dg_err *err)
{
    const dg_size size = {d->lines->options.width, d->lines->options.height};
    uint8_t *hashes = malloc((size_t)count * DG_LINE_HASH_BYTES);
    dg_shrink shrink = {0};
    if (!hashes) return dg_fail_nomem(err, "the hashes of a batch");
    if (dg_shrink_adopt(&shrink, d->place.backend, d->place.device, pixels, size, count, err) == DG_OK &&
        dg_shrink_resize(&shrink, (dg_size){PLANE_SIDE, PLANE_SIDE}, poll, err) == DG_OK)
        hash_planes(d, &shrink, count, hashes, poll, err);
    for (uint32_t i = 0; i < count && !err->code; i++) keep(&jobs[i], hashes + i * DG_LINE_HASH_BYTES, err);
    dg_shrink_close(&shrink);
    free(hashes);
    return err->code;
}

static enum dg_code write_pixels(dg_drawing *d, const dg_buffer *pixels, dg_line_job *jobs, uint32_t count,
                                 const dg_poll *poll, dg_err *err)
{
    const size_t stride = stride_of(d);
    uint8_t *plane = malloc(stride);
    if (!plane) return dg_fail_nomem(err, "a picture");
    for (uint32_t i = 0; i < count && !err->code; i++) {
        if (jobs[i].input == DG_LINE_NONE) continue;
        if (d->place.backend->get(d->place.device, pixels, i * stride, plane, stride, err) == DG_OK)
            dg_line_write(d->scratch.line, plane, poll, &jobs[i].picture, &jobs[i].picture_bytes, err);
    }
    free(plane);
    return err->code;
}

static enum dg_code on_device(dg_drawing *d, dg_line_job *jobs, uint32_t count, const dg_poll *poll,
                              dg_err *err)
{
    strokes s = {0};
    dg_buffer pixels = {0};
    if (place_jobs(d, jobs, count, &s, poll, err) == DG_OK &&
        render(d, &s, count, &pixels, poll, err) == DG_OK) {
        if (d->lines->hash)
            hash_pixels(d, &pixels, jobs, count, poll, err);
        else
            write_pixels(d, &pixels, jobs, count, poll, err);
    }
    d->place.backend->free(d->place.device, &pixels);
    free(s.of);
    free(s.first);
    return err->code;
}

/* --- a batch --- */

static void forget_pictures(dg_line_job *jobs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        free(jobs[i].picture);
        jobs[i].picture = NULL;
        jobs[i].picture_bytes = 0;
    }
}

static enum dg_code on_host(dg_drawing *d, dg_line_job *jobs, uint32_t count, const dg_poll *poll,
                            dg_err *err)
{
    for (uint32_t i = 0; i < count; i++)
        if (dg_line_job_draw(&jobs[i], d->lines, &d->scratch, poll, err) != DG_OK) break;
    return err->code;
}

/* Bytes that pictures take on the device, besides their points: samples, and what resizing makes of them. */
static uint64_t bytes_of(const dg_drawing *d, uint32_t count)
{
    const uint64_t halfway = (uint64_t)PLANE_SIDE * (d->lines->options.width + d->lines->options.height);
    return count * (stride_of(d) + (d->lines->hash ? halfway + PLANE : 0));
}

/* Draws jobs all of which can be. */
static enum dg_code run(dg_drawing *d, dg_line_job *jobs, uint32_t count, const dg_poll *poll, dg_err *err)
{
    if (count == 0) return DG_OK;
    if (!dg_drawing_on_device(d)) return on_host(d, jobs, count, poll, err);
    if (count == 1 || bytes_of(d, count) <= d->place.memory_limit) {
        if (on_device(d, jobs, count, poll, err) == DG_OK) return DG_OK;
        forget_pictures(jobs, count);
        if (err->code != DG_DEVICE_NOMEM || count == 1)
            return dg_place_fall_back(&d->place, err) ? on_host(d, jobs, count, poll, err) : err->code;
        if (!d->cut) dg_place_note(&d->place, "%s; in smaller batches", err->text);
        d->cut = 1;
        *err = (dg_err){0};
    }
    if (run(d, jobs, count / 2, poll, err) != DG_OK) return err->code;
    return run(d, jobs + count / 2, count - count / 2, poll, err);
}

/* The jobs before the first that cannot be drawn, and its failure in `why`. */
static uint32_t drawable(dg_drawing *d, const dg_line_batch *batch, dg_err *why)
{
    dg_line_values values;
    uint32_t count = 0;
    for (; count < batch->count; count++)
        if (batch->jobs[count].input != DG_LINE_NONE &&
            dg_line_job_values(&batch->jobs[count], d->lines, &d->scratch, &values, why) != DG_OK)
            break;
    return count;
}

enum dg_code dg_drawing_run(dg_drawing *d, dg_line_batch *batch, const dg_poll *poll, dg_err *err)
{
    dg_err why = {0};
    const uint32_t count = drawable(d, batch, &why);
    if (run(d, batch->jobs, count, poll, err) != DG_OK) return err->code;
    batch->drawn = count;
    batch->err = why;
    return DG_OK;
}
