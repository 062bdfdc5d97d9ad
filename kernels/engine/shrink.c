#include "shrink.h"

#include "../image/dct.h"
#include "../image/lanczos.h"
#include "../image/resize.h"
#include "../image/rows.h"

#include <stdlib.h>
#include <string.h>

/* The weights of every axis of a batch, as RESIZE wants them; pictures of equal length share. */
typedef struct tables {
    uint32_t (*taps)[3];
    int32_t *weights;
    uint32_t tap_count, weight_count, tap_room, weight_room;
    struct axis {
        dg_axis axis;
        uint32_t taps; /* the first one's place */
    } * axes;
    uint32_t axis_count;
} tables;

static uint64_t aligned(uint64_t bytes)
{
    return (bytes + DG_PICTURE_ALIGNMENT - 1) / DG_PICTURE_ALIGNMENT * DG_PICTURE_ALIGNMENT;
}

static uint64_t samples_of(dg_size size)
{
    return (uint64_t)size.width * size.height;
}

/* What is there after the first pass. */
static dg_size halfway(dg_size picture, dg_size plane)
{
    return dg_resize_goes_down_first(picture, plane) ? (dg_size){picture.width, plane.height}
                                                     : (dg_size){plane.width, picture.height};
}

uint64_t dg_shrink_bytes(const dg_grey *pictures, uint32_t count, dg_size plane)
{
    uint64_t bytes = (uint64_t)count * dg_plane_stride(plane.width, plane.height);
    for (uint32_t i = 0; i < count; i++)
        bytes +=
            aligned(samples_of(pictures[i].size)) + aligned(samples_of(halfway(pictures[i].size, plane)));
    return bytes;
}

/* --- weights --- */

/* Room for `more` things of `size` bytes behind `count` of them. */
static int reserve(void **things, uint32_t count, uint32_t *room, size_t more, size_t size)
{
    size_t wanted = count + more;
    if (wanted <= *room) return 1;
    if (wanted < 2 * (size_t)*room) wanted = 2 * (size_t)*room;
    void *larger = wanted <= UINT32_MAX ? realloc(*things, wanted * size) : NULL;
    if (!larger) return 0;
    *things = larger;
    *room = (uint32_t)wanted;
    return 1;
}

static int add_weights(tables *t, const int32_t *weights, uint32_t count)
{
    if (!reserve((void **)&t->weights, t->weight_count, &t->weight_room, count, sizeof *weights)) return 0;
    memcpy(t->weights + t->weight_count, weights, count * sizeof *weights);
    t->weight_count += count;
    return 1;
}

/* A pass that leaves its axis as it is. */
static int add_identity(tables *t, uint32_t length)
{
    static const int32_t one = 1 << DG_WEIGHT_BITS;
    for (uint32_t i = 0; i < length; i++) {
        uint32_t *tap = t->taps[t->tap_count++];
        tap[0] = i;
        tap[1] = 1;
        tap[2] = t->weight_count;
    }
    return add_weights(t, &one, 1);
}

static int add_windows(tables *t, const dg_windows *windows, uint32_t outputs)
{
    const uint32_t first = t->tap_count;
    for (uint32_t i = 0; i < outputs; i++) {
        const dg_window *w = &windows->of[i];
        uint32_t *tap = t->taps[t->tap_count++];
        tap[0] = w->first;
        tap[1] = w->count;
        tap[2] = w->like < i ? t->taps[first + w->like][2] : t->weight_count;
        if (w->like == i && !add_weights(t, w->weights, w->count)) return 0;
    }
    return 1;
}

static int add_axis(tables *t, dg_axis axis)
{
    if (!reserve((void **)&t->taps, t->tap_count, &t->tap_room, axis.out, sizeof *t->taps)) return 0;
    t->axes[t->axis_count++] = (struct axis){axis, t->tap_count};
    if (axis.in == axis.out) return add_identity(t, axis.out);
    dg_windows windows;
    int ok = dg_lanczos_windows(axis, 0, &windows) && add_windows(t, &windows, axis.out);
    dg_lanczos_free(&windows);
    return ok;
}

/* Where the axis's taps begin; 0: there is no memory. */
static int find_axis(tables *t, dg_axis axis, uint32_t *taps)
{
    uint32_t i = 0;
    while (i < t->axis_count && (t->axes[i].axis.in != axis.in || t->axes[i].axis.out != axis.out)) i++;
    if (i == t->axis_count && !add_axis(t, axis)) return 0;
    *taps = t->axes[i].taps;
    return 1;
}

static void free_tables(tables *t)
{
    free(t->taps);
    free(t->weights);
    free(t->axes);
}

/* --- the batch --- */

enum dg_code dg_shrink_open(dg_shrink *shrink, const dg_backend *backend, dg_device *device,
                            const dg_grey *pictures, uint32_t count, dg_err *err)
{
    *shrink = (dg_shrink){.backend = backend, .device = device, .count = count};
    shrink->pictures = calloc(count, sizeof *shrink->pictures);
    if (!shrink->pictures) return dg_fail_nomem(err, "a batch of pictures");
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        const dg_size size = pictures[i].size;
        shrink->pictures[i] =
            (dg_resize_picture){.pixels = bytes, .width = size.width, .height = size.height};
        bytes += aligned(samples_of(size));
    }
    if (backend->alloc(device, bytes, NULL, &shrink->pixels, err)) return err->code;
    for (uint32_t i = 0; i < count; i++)
        if (backend->put(device, &shrink->pixels, shrink->pictures[i].pixels, pictures[i].samples,
                         samples_of(pictures[i].size), err))
            return err->code;
    return DG_OK;
}

enum dg_code dg_shrink_adopt(dg_shrink *shrink, const dg_backend *backend, dg_device *device,
                             dg_buffer *pixels, dg_size size, uint32_t count, dg_err *err)
{
    *shrink = (dg_shrink){.backend = backend, .device = device, .count = count, .pixels = *pixels};
    *pixels = (dg_buffer){0};
    shrink->pictures = calloc(count, sizeof *shrink->pictures);
    if (!shrink->pictures) return dg_fail_nomem(err, "a batch of pictures");
    for (uint32_t i = 0; i < count; i++)
        shrink->pictures[i] =
            (dg_resize_picture){.pixels = (uint64_t)i * dg_plane_stride(size.width, size.height),
                                .width = size.width,
                                .height = size.height};
    return DG_OK;
}

/* Lays the pictures out for planes of that size: their axes, order of passes and room. */
static enum dg_code lay_out(dg_shrink *shrink, dg_size plane, tables *t, uint64_t *between, dg_err *err)
{
    *between = 0;
    t->axes = malloc(2 * (size_t)shrink->count * sizeof *t->axes);
    if (!t->axes) return dg_fail_nomem(err, "the weights of a batch");
    for (uint32_t i = 0; i < shrink->count; i++) {
        dg_resize_picture *picture = &shrink->pictures[i];
        const dg_size size = {picture->width, picture->height};
        if (!find_axis(t, (dg_axis){size.width, plane.width}, &picture->across) ||
            !find_axis(t, (dg_axis){size.height, plane.height}, &picture->down))
            return dg_fail_nomem(err, "the weights of a batch");
        picture->down_first = dg_resize_goes_down_first(size, plane);
        picture->between = *between;
        *between += aligned(samples_of(halfway(size, plane)));
    }
    return DG_OK;
}

enum dg_code dg_shrink_resize(dg_shrink *shrink, dg_size plane, const dg_poll *poll, dg_err *err)
{
    const dg_backend *backend = shrink->backend;
    dg_device *device = shrink->device;
    dg_buffer taps = {0}, weights = {0};
    tables t = {0};
    uint64_t between;
    backend->free(device, &shrink->between);
    backend->free(device, &shrink->planes);
    shrink->plane = plane;
    if (lay_out(shrink, plane, &t, &between, err) ||
        backend->alloc(device, between, NULL, &shrink->between, err) ||
        backend->alloc(device, (size_t)shrink->count * dg_plane_stride(plane.width, plane.height), NULL,
                       &shrink->planes, err) ||
        backend->alloc(device, t.tap_count * sizeof *t.taps, t.taps, &taps, err) ||
        backend->alloc(device, t.weight_count * sizeof *t.weights, t.weights, &weights, err))
        goto done;
    dg_op_resize op = {.pixels = &shrink->pixels,
                       .taps = &taps,
                       .weights = &weights,
                       .between = &shrink->between,
                       .planes = &shrink->planes,
                       .pictures = shrink->pictures,
                       .count = shrink->count,
                       .width = plane.width,
                       .height = plane.height};
    if (backend->run(device, DG_OP_RESIZE, &op, poll, err) == DG_OK) backend->wait(device, poll, err);
done:
    backend->free(device, &taps);
    backend->free(device, &weights);
    free_tables(&t);
    return err->code;
}

enum dg_code dg_shrink_planes(dg_shrink *shrink, uint8_t *planes, dg_err *err)
{
    const size_t stride = dg_plane_stride(shrink->plane.width, shrink->plane.height);
    return shrink->backend->get(shrink->device, &shrink->planes, 0, planes, shrink->count * stride, err);
}

enum dg_code dg_shrink_plane(dg_shrink *shrink, uint32_t i, uint8_t *plane, dg_err *err)
{
    const size_t stride = dg_plane_stride(shrink->plane.width, shrink->plane.height);
    return shrink->backend->get(shrink->device, &shrink->planes, i * stride, plane, stride, err);
}

enum dg_code dg_shrink_phash(dg_shrink *shrink, uint32_t size, uint8_t *hashes, const dg_poll *poll,
                             dg_err *err)
{
    const dg_backend *backend = shrink->backend;
    const uint32_t side = 4 * size;
    dg_buffer factors;
    if (backend->alloc(shrink->device, 2 * side * sizeof(double), (void *)dg_dct_factors((int)side), &factors,
                       err))
        return err->code;
    dg_op_phash op = {&shrink->planes, &factors, shrink->count, size, hashes};
    if (backend->run(shrink->device, DG_OP_PHASH, &op, poll, err) == DG_OK)
        backend->wait(shrink->device, poll, err);
    backend->free(shrink->device, &factors);
    return err->code;
}

enum dg_code dg_shrink_blocks(dg_shrink *shrink, uint32_t along, uint32_t *sums, const dg_poll *poll,
                              dg_err *err)
{
    const dg_backend *backend = shrink->backend;
    dg_op_blocks op = {&shrink->planes, shrink->count, shrink->plane.width, along, sums};
    if (backend->run(shrink->device, DG_OP_BLOCKS, &op, poll, err)) return err->code;
    return backend->wait(shrink->device, poll, err);
}

void dg_shrink_close(dg_shrink *shrink)
{
    if (!shrink->backend) return;
    shrink->backend->free(shrink->device, &shrink->planes);
    shrink->backend->free(shrink->device, &shrink->between);
    shrink->backend->free(shrink->device, &shrink->pixels);
    free(shrink->pictures);
    *shrink = (dg_shrink){0};
}
