/*
 * dg_jpeg_decoder on NVIDIA's nvJPEG: JPEG files decoded by the GPU.
 *
 * Each thread that decodes takes a lane, which has a session of the device, a decoding state and device
 * memory of its own, and hands it back for the next picture; a lane in which anything went wrong is closed. A
 * lane's context is the thread's only while it works, on top of whatever the host has there.
 *
 * A status of nvJPEG is the picture's fault as long as the device still answers: DG_ERROR. Where memory was
 * wanting, the picture is tried once more when all others are done and idle lanes have given theirs back.
 */
#include "cuda.h"

#include "../image/image.h"
#include "nvjpeg_api.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct lane {
    struct lane *next;
    dg_session *session;
    dg_nvjpeg_state state;
    void *memory; /* on the device */
    size_t bytes;
} lane;

typedef struct decoder {
    dg_jpeg_decoder base;
    const dg_cuda_api *cu;
    const dg_nvjpeg_api *nv;
    int number;          /* of the device */
    dg_session *session; /* keeps the device's context */
    dg_nvjpeg_handle handle;
    pthread_rwlock_t turns; /* held for reading by each that decodes, for writing by one that must be alone */
    pthread_mutex_t lock;   /* of `idle` */
    lane *idle;
} decoder;

/* Call a function of the driver or of nvJPEG; need `d` and `err` in scope. */
#define TRY_CUDA(name, ...) dg_cuda_check(d->cu, d->cu->name(__VA_ARGS__), #name, err)
#define TRY_NVJPEG(name, ...) dg_nvjpeg_check(d->nv->name(__VA_ARGS__), #name, err)

/* --- lanes --- */

/* For clean-up: twice, for a fault that passes must not leave anything behind. What nvJPEG holds of a device
 * whose context cannot be had at all is left to it. */
static int entered(dg_session *session)
{
    dg_err ignored = {DG_OK, ""};
    return dg_cuda_driver.enter(session, &ignored) == DG_OK ||
           dg_cuda_driver.enter(session, &ignored) == DG_OK;
}

static void close_lane(const decoder *d, lane *l)
{
    if (!l) return;
    if (l->session && entered(l->session)) {
        if (l->state) d->nv->nvjpegJpegStateDestroy(l->state);
        dg_cuda_driver.release(l->session, l->memory);
        dg_cuda_driver.leave(l->session);
    }
    dg_cuda_driver.close(l->session);
    free(l);
}

static lane *open_lane(const decoder *d, dg_err *err)
{
    lane *l = calloc(1, sizeof *l);
    if (!l) {
        dg_fail_nomem(err, "a decoder's lane");
        return NULL;
    }
    if (dg_cuda_driver.open(d->number, &l->session, err) == DG_OK &&
        dg_cuda_driver.enter(l->session, err) == DG_OK) {
        if (TRY_NVJPEG(nvjpegJpegStateCreate, d->handle, &l->state)) l->state = NULL;
        dg_cuda_driver.leave(l->session);
    }
    if (err->code == DG_OK) return l;
    close_lane(d, l);
    return NULL;
}

static lane *take_lane(decoder *d, dg_err *err)
{
    pthread_mutex_lock(&d->lock);
    lane *l = d->idle;
    if (l) d->idle = l->next;
    pthread_mutex_unlock(&d->lock);
    return l ? l : open_lane(d, err);
}

static void give_lane(decoder *d, lane *l)
{
    pthread_mutex_lock(&d->lock);
    l->next = d->idle;
    d->idle = l;
    pthread_mutex_unlock(&d->lock);
}

static void close_idle_lanes(decoder *d)
{
    while (d->idle) {
        lane *l = d->idle;
        d->idle = l->next;
        close_lane(d, l);
    }
}

/* --- one picture --- */

typedef struct picture {
    const uint8_t *file;
    size_t bytes;
    uint32_t width, height;
    int channels;
    uint8_t *samples;
} picture;

/* For a status of the picture's: DG_ERROR where the device is well. */
static enum dg_code blame(const decoder *d, lane *l, dg_err *err)
{
    dg_err device = {DG_OK, ""};
    dg_cuda_stream stream = dg_cuda_session_stream(l->session, DG_QUEUE_A);
    if (dg_cuda_check(d->cu, d->cu->cuStreamSynchronize(stream), "cuStreamSynchronize", &device))
        *err = device;
    else if (err->code == DG_DEVICE_ERROR)
        err->code = DG_ERROR;
    return err->code;
}

/* nvJPEG writes as many samples as it reads from the header by itself. */
static enum dg_code check_size(const decoder *d, const picture *p, dg_err *err)
{
    int components = 0, subsampling = 0;
    int widths[DG_NVJPEG_COMPONENTS] = {0}, heights[DG_NVJPEG_COMPONENTS] = {0};
    if (TRY_NVJPEG(nvjpegGetImageInfo, d->handle, p->file, p->bytes, &components, &subsampling, widths,
                   heights))
        return err->code;
    if (components == p->channels && widths[0] == (int)p->width && heights[0] == (int)p->height) return DG_OK;
    return dg_fail(err, DG_ERROR, "nvjpeg: it sees %d x %d pixels of %d components, libjpeg %u x %u of %d",
                   widths[0], heights[0], components, p->width, p->height, p->channels);
}

static enum dg_code make_room(lane *l, size_t bytes, dg_err *err)
{
    if (bytes <= l->bytes) return DG_OK;
    dg_cuda_driver.release(l->session, l->memory);
    l->memory = NULL;
    l->bytes = 0;
    if (dg_cuda_driver.allocate(l->session, bytes, &l->memory, err)) return err->code;
    l->bytes = bytes;
    return DG_OK;
}

/* In the lane's context. */
static enum dg_code decode_in(const decoder *d, lane *l, const picture *p, dg_err *err)
{
    const size_t row = (size_t)p->channels * p->width, bytes = row * p->height;
    dg_cuda_stream stream = dg_cuda_session_stream(l->session, DG_QUEUE_A);
    if (check_size(d, p, err)) return err->code == DG_ERROR ? err->code : blame(d, l, err);
    if (make_room(l, bytes, err)) return err->code;
    dg_nvjpeg_image image = {.channel = {l->memory}, .pitch = {row}};
    if (TRY_NVJPEG(nvjpegDecode, d->handle, l->state, p->file, p->bytes,
                   p->channels == 1 ? DG_NVJPEG_OUTPUT_Y : DG_NVJPEG_OUTPUT_RGBI, &image, stream))
        return blame(d, l, err);
    if (TRY_CUDA(cuMemcpyDtoHAsync, p->samples, (dg_cuda_memory)(uintptr_t)l->memory, bytes, stream))
        return err->code;
    return TRY_CUDA(cuStreamSynchronize, stream);
}

/* `alone`: nobody else takes memory, so that a picture for which it is too small is at fault itself. */
static enum dg_code attempt(decoder *d, const picture *p, int alone, dg_err *err)
{
    lane *l = take_lane(d, err);
    if (!l) return err->code;
    if (dg_cuda_driver.enter(l->session, err) == DG_OK) {
        decode_in(d, l, p, err);
        dg_cuda_driver.leave(l->session);
        if (alone && err->code == DG_DEVICE_NOMEM) err->code = DG_ERROR;
    }
    if (err->code)
        close_lane(d, l);
    else
        give_lane(d, l);
    return err->code;
}

static enum dg_code decode(dg_jpeg_decoder *base, const uint8_t *file, size_t bytes, uint32_t width,
                           uint32_t height, int channels, uint8_t *samples, dg_err *err)
{
    decoder *d = (decoder *)base;
    const picture p = {file, bytes, width, height, channels, samples};
    if (dg_cuda_forked()) return dg_cuda_fail_forked(err);
    pthread_rwlock_rdlock(&d->turns);
    attempt(d, &p, 0, err);
    pthread_rwlock_unlock(&d->turns);
    if (err->code != DG_DEVICE_NOMEM) return err->code;
    pthread_rwlock_wrlock(&d->turns);
    close_idle_lanes(d);
    *err = (dg_err){DG_OK, ""};
    attempt(d, &p, 1, err);
    pthread_rwlock_unlock(&d->turns);
    return err->code;
}

/* --- the decoder --- */

/* In a process forked since it was opened, its host memory only is freed. */
static void close_decoder(dg_jpeg_decoder *base)
{
    decoder *d = (decoder *)base;
    close_idle_lanes(d);
    if (d->handle && entered(d->session)) {
        d->nv->nvjpegDestroy(d->handle);
        dg_cuda_driver.leave(d->session);
    }
    dg_cuda_driver.close(d->session);
    pthread_mutex_destroy(&d->lock);
    pthread_rwlock_destroy(&d->turns);
    free(d);
}

static enum dg_code create(decoder *d, dg_err *err)
{
    int major = 0, minor = 0, patch = 0;
    d->cu = dg_cuda_start(err);
    d->nv = d->cu ? dg_nvjpeg_start(err) : NULL;
    if (!d->nv || dg_cuda_driver.open(d->number, &d->session, err) || dg_cuda_driver.enter(d->session, err))
        return err->code;
    if (TRY_NVJPEG(nvjpegCreateSimple, &d->handle)) d->handle = NULL;
    dg_cuda_driver.leave(d->session);
    if (err->code || TRY_NVJPEG(nvjpegGetProperty, DG_MAJOR_VERSION, &major) ||
        TRY_NVJPEG(nvjpegGetProperty, DG_MINOR_VERSION, &minor) ||
        TRY_NVJPEG(nvjpegGetProperty, DG_PATCH_LEVEL, &patch))
        return err->code;
    snprintf(d->base.version, sizeof d->base.version, "%d.%d.%d", major, minor, patch);
    return DG_OK;
}

enum dg_code dg_nvjpeg_open(int number, dg_jpeg_decoder **out, dg_err *err)
{
    *out = NULL;
    decoder *d = calloc(1, sizeof *d);
    if (!d) return dg_fail_nomem(err, "a decoder");
    d->base = (dg_jpeg_decoder){.name = "nvjpeg", .decode = decode, .close = close_decoder};
    d->number = number;
    pthread_rwlock_init(&d->turns, NULL);
    pthread_mutex_init(&d->lock, NULL);
    if (create(d, err) == DG_OK)
        *out = &d->base;
    else
        close_decoder(&d->base);
    return err->code;
}
