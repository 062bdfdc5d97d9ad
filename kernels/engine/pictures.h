/*
 * The work on one picture of many: reads its file where it is a path, and finds out what is asked for from
 * one decode. To be run by a pipeline (bulk.h), whose budget bounds the memory it takes.
 *
 * Hashes and quality metrics may be left to a device (hashing.h): a picture then keeps its grey samples until
 * dg_pictures_hash makes them, for many pictures together. Pictures larger than keep_most are dealt with
 * while they are decoded all the same, so that what waits for the device is bounded.
 */
#ifndef DG_ENGINE_PICTURES_H
#define DG_ENGINE_PICTURES_H

#include "bulk.h"
#include "hashing.h"

#include "../image/image.h"

/* What is wanted of each picture: the pipeline's context. `options` has no caller. */
typedef struct dg_pictures {
    dg_image_options options;
    dg_image_work work;
    unsigned left;         /* hashes of `work` that are left to a device, bit 1 << kind each, */
    unsigned left_metrics; /* and metrics, all that `work` has or none */
    uint64_t keep_most;    /* samples of the largest picture that is kept for it */
} dg_pictures;

static inline int dg_pictures_leave_work(const dg_pictures *pictures)
{
    return pictures->left || pictures->left_metrics;
}

enum dg_picture_kind {
    DG_PICTURE_NONE,  /* there is none, or its error is known: nothing is done */
    DG_PICTURE_BYTES, /* `data` holds a file */
    DG_PICTURE_PATH,  /* `data` holds the path of a file, ending with 0 */
};

/* The pipeline's item. */
typedef struct dg_picture_item {
    enum dg_picture_kind kind;
    char *data; /* malloc'd; freed as soon as it is not needed */
    size_t bytes;
    unsigned left_metrics; /* that are left to a device */
    dg_image_result result;
    dg_err err; /* DG_ERROR: why there is no result */
} dg_picture_item;

/* An item with room for `bytes` bytes of data; NULL without memory. */
dg_picture_item *dg_picture_item_new(enum dg_picture_kind kind, size_t bytes);

/*
 * Opens the decoder for decode = gpu: on device `device` of the first backend that has one. DG_DEVICE_ERROR
 * where it cannot be had. To be closed by its `close` when no work uses it.
 */
enum dg_code dg_pictures_open_decoder(uint32_t device, dg_jpeg_decoder **out, dg_err *err);

/* Finished items in order, on their way through a device batch by batch. All zero: none. */
typedef struct dg_picture_batch {
    dg_picture_item **items;
    uint32_t room, count, at; /* items [at, count) are there */
    uint64_t samples;         /* that were kept */
} dg_picture_batch;

/* Adds an item, whose owner the batch becomes. DG_NOMEM is the only failure; the item is then dropped. */
enum dg_code dg_picture_batch_add(dg_picture_batch *batch, dg_picture_item *item, dg_err *err);

/* Whether the batch has `most` items, or for most = 0 as many as pay the way to the device. */
int dg_picture_batch_full(const dg_picture_batch *batch, uint32_t most);

/* The next item, for the caller to drop; NULL: the batch is empty, and may be filled again. */
dg_picture_item *dg_picture_batch_next(dg_picture_batch *batch);

/* Drops what is left. */
void dg_picture_batch_clear(dg_picture_batch *batch);

/* Makes the hashes and metrics that the work on a batch left. The items' grey samples are freed, also on
 * failure. */
enum dg_code dg_pictures_hash(const dg_pictures *pictures, dg_hashing *hashing, dg_picture_batch *batch,
                              const dg_poll *poll, dg_err *err);

/* The functions of a pipeline over such items. */
void dg_picture_item_work(void *item, dg_bulk_lane *lane);
void dg_picture_item_drop(void *item);

#endif
