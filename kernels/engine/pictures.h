/*
 * The work on one picture of many: reads its file where it is a path, and finds out what is asked for from
 * one decode. To be run by a pipeline (bulk.h), whose budget bounds the memory it takes.
 */
#ifndef DG_ENGINE_PICTURES_H
#define DG_ENGINE_PICTURES_H

#include "bulk.h"

#include "../image/image.h"

/* What is wanted of each picture: the pipeline's context. `options` has no caller. */
typedef struct dg_pictures {
    dg_image_options options;
    dg_image_work work;
} dg_pictures;

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
    dg_image_result result;
    dg_err err; /* DG_ERROR: why there is no result */
} dg_picture_item;

/* An item with room for `bytes` bytes of data; NULL without memory. */
dg_picture_item *dg_picture_item_new(enum dg_picture_kind kind, size_t bytes);

/* The functions of a pipeline over such items. */
void dg_picture_item_work(void *item, dg_bulk_lane *lane);
void dg_picture_item_drop(void *item);

#endif
