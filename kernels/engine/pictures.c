#include "pictures.h"

#include "../backend.h"
#include "../file.h"

#include <stdlib.h>
#include <string.h>

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
    free(item->result.grey);
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

/* Whether the picture is small enough to wait for the device; one that cannot be read is not. `turned`: it is
 * kept otherwise than it is stored. */
static int is_kept(const dg_pictures *pictures, const void *file, size_t bytes, int *turned)
{
    dg_image_info info;
    dg_err ignored = {0};
    if (dg_image_info_read(file, bytes, &info, &ignored) != DG_OK ||
        (uint64_t)info.width * info.height > pictures->keep_most)
        return 0;
    *turned = pictures->options.orient && info.orientation > 1;
    return 1;
}

/* Metrics are those of the picture as it is stored. */
static void measure(dg_picture_item *item, const void *file, size_t bytes, struct asking *asking)
{
    const dg_pictures *pictures = asking->lane->context;
    const dg_image_caller caller = {asking->lane->poll, reserve, asking};
    dg_image_options options = pictures->options;
    dg_image_work work = pictures->work;
    int turned;
    options.caller = &caller;
    if (dg_pictures_leave_work(pictures) && is_kept(pictures, file, bytes, &turned)) {
        item->left_metrics = turned ? 0 : pictures->left_metrics;
        work.hashes &= ~pictures->left;
        work.metrics &= ~item->left_metrics;
        work.grey = pictures->left || item->left_metrics;
    }
    dg_image_measure(file, bytes, &options, &work, &item->result, &item->err);
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
 * Where the header is enough, it is looked for in the file's first bytes. Closes the file and returns 1 if it
 * is there; else nothing is known yet.
 */
static int measure_header(dg_picture_item *item, dg_file *file, struct asking *asking)
{
    enum {
        FIRST = 1 << 17
    }; /* bytes: Exif data with a preview, a colour profile, and what a disk reads at once */
    const dg_pictures *pictures = asking->lane->context;
    if (dg_image_needs_pixels(&pictures->work) || file->bytes <= FIRST) return 0;
    void *first = malloc(FIRST);
    if (first) measure(item, first, dg_file_first(file, first, FIRST), asking);
    free(first);
    if (!first || item->err.code) {
        item->err = (dg_err){0};
        return 0;
    }
    item->result.info.bytes = file->bytes;
    dg_file_close(file);
    return 1;
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
        if (measure_header(item, &file, &asking)) return;
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

enum dg_code dg_pictures_open_decoder(uint32_t device, dg_jpeg_decoder **out, dg_err *err)
{
    *out = NULL;
    for (const dg_backend *const *backend = dg_backends; *backend; backend++)
        if ((*backend)->open_decoder) return (*backend)->open_decoder((int)device, out, err);
    return dg_fail(err, DG_DEVICE_ERROR, "no backend of this build decodes pictures");
}

enum dg_code dg_picture_batch_add(dg_picture_batch *batch, dg_picture_item *item, dg_err *err)
{
    if (batch->count == batch->room) {
        const uint32_t room = batch->room ? 2 * batch->room : 64;
        dg_picture_item **items = realloc(batch->items, room * sizeof *items);
        if (!items) {
            dg_picture_item_drop(item);
            return dg_fail_nomem(err, "a batch of pictures");
        }
        batch->items = items;
        batch->room = room;
    }
    batch->items[batch->count++] = item;
    batch->samples += (uint64_t)item->result.grey_width * item->result.grey_height;
    return DG_OK;
}

int dg_picture_batch_full(const dg_picture_batch *batch, uint32_t most)
{
    enum { SAMPLES = 32 << 20, ITEMS = 4096 }; /* some 10 ms of copying */
    return batch->samples >= SAMPLES || batch->count >= (most ? most : ITEMS);
}

dg_picture_item *dg_picture_batch_next(dg_picture_batch *batch)
{
    if (batch->at < batch->count) return batch->items[batch->at++];
    batch->at = batch->count = 0;
    batch->samples = 0;
    return NULL;
}

void dg_picture_batch_clear(dg_picture_batch *batch)
{
    for (dg_picture_item *item; (item = dg_picture_batch_next(batch));) dg_picture_item_drop(item);
    free(batch->items);
    *batch = (dg_picture_batch){0};
}

/* The pictures that were kept; returns how many. */
static uint32_t gather(const dg_picture_batch *batch, dg_hashing_item *kept)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        const dg_image_result *result = &batch->items[i]->result;
        if (!result->grey) continue;
        kept[count].picture = (dg_grey){result->grey, {result->grey_width, result->grey_height}};
        kept[count++].jpeg_quality = result->info.jpeg_quality;
    }
    return count;
}

/* What was left of the item's work. */
static void complete(const dg_pictures *pictures, dg_picture_item *item, const dg_hashing_item *done)
{
    dg_image_result *result = &item->result;
    for (int kind = 0; kind < DG_HASH_KINDS; kind++)
        if (pictures->left >> kind & 1)
            memcpy(result->hash[kind], done->hash[kind], sizeof result->hash[kind]);
    if (!item->left_metrics) return;
    memcpy(result->metric, done->grade.metric, sizeof result->metric);
    result->metrics_null = done->grade.null;
}

enum dg_code dg_pictures_hash(const dg_pictures *pictures, dg_hashing *hashing, dg_picture_batch *batch,
                              const dg_poll *poll, dg_err *err)
{
    dg_hashing_item *kept = malloc(batch->count * sizeof *kept + 1);
    if (!kept)
        dg_fail_nomem(err, "a batch of pictures");
    else
        dg_hashing_run(hashing, kept, gather(batch, kept), poll, err);
    for (uint32_t i = 0, k = 0; i < batch->count; i++) {
        dg_image_result *result = &batch->items[i]->result;
        if (!result->grey) continue;
        if (!err->code) complete(pictures, batch->items[i], &kept[k++]);
        free(result->grey);
        result->grey = NULL;
    }
    free(kept);
    return err->code;
}
