#include "pictures.h"

#include "../file.h"

#include <stdlib.h>

dg_picture_item *dg_picture_item_new(enum dg_picture_kind kind, size_t bytes)
{
    dg_picture_item *item = calloc(1, sizeof *item);
    if (!item) return NULL;
    item->kind = kind;
    item->bytes = bytes;
    item->data = kind == DG_PICTURE_NONE ? NULL : malloc(bytes);
    if (item->data || kind == DG_PICTURE_NONE) return item;
    free(item);
    return NULL;
}

void dg_picture_item_drop(void *arg)
{
    dg_picture_item *item = arg;
    free(item->data);
    free(item);
}

/* How a decoder asks the pipeline. */
struct asking {
    dg_bulk_lane *lane;
    int holds;        /* the lane holds a file's bytes, so it must not wait for more */
    uint64_t granted; /* beside them */
    uint64_t more;    /* that could not be had; 0: none were missing */
};

static enum dg_code reserve(void *arg, uint64_t bytes, dg_err *err)
{
    struct asking *asking = arg;
    if (!asking->holds) return dg_bulk_reserve(asking->lane, bytes, err);
    if (bytes <= asking->granted) return DG_OK;
    if (dg_bulk_reserve_more(asking->lane, bytes)) return DG_OK;
    asking->more = bytes;
    return dg_fail(err, DG_NOMEM, "no room now");
}

static void measure(dg_picture_item *item, const void *file, size_t bytes, struct asking *asking)
{
    const dg_pictures *pictures = asking->lane->context;
    const dg_image_caller caller = {asking->lane->poll, reserve, asking};
    dg_image_options options = pictures->options;
    options.caller = &caller;
    dg_image_measure(file, bytes, &options, &pictures->work, &item->result, &item->err);
}

static void measure_open_file(dg_picture_item *item, const dg_file *file, struct asking *asking)
{
    void *bytes = malloc(file->bytes);
    if (!bytes)
        dg_fail_nomem(&item->err, "the bytes of a file");
    else if (dg_file_read(file, item->data, bytes, &asking->lane->poll, &item->err) == DG_OK)
        measure(item, bytes, file->bytes, asking);
    free(bytes);
}

/*
 * The file's bytes are reserved before they are read, and what the decoder needs when its header is known. If
 * that cannot be had at once, everything is given back, both are waited for together, and the file is read
 * again.
 */
static void measure_file(dg_picture_item *item, dg_bulk_lane *lane)
{
    struct asking asking = {.lane = lane, .holds = 1};
    do {
        dg_file file;
        item->err = (dg_err){0};
        asking.granted = asking.more;
        asking.more = 0;
        if (dg_file_open(item->data, &file, &item->err) != DG_OK) return;
        if (dg_bulk_reserve(lane, file.bytes + asking.granted, &item->err) == DG_OK)
            measure_open_file(item, &file, &asking);
        dg_file_close(&file);
    } while (asking.more);
}

void dg_picture_item_work(void *arg, dg_bulk_lane *lane)
{
    dg_picture_item *item = arg;
    struct asking asking = {.lane = lane};
    if (item->kind == DG_PICTURE_BYTES) measure(item, item->data, item->bytes, &asking);
    if (item->kind == DG_PICTURE_PATH) measure_file(item, lane);
    free(item->data);
    item->data = NULL;
}
