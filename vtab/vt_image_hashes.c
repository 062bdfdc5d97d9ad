/*
 * image_hashes(source, column): hashes and measures of every picture of a column, one row for each row of the
 * source, in the order of their ids. Pictures are BLOBs, or with the setting read_files paths of files.
 *
 * Only what the query reads is computed, from one decode of each picture; where it reads nothing but width,
 * height, format and bytes, only the header is. A picture that cannot be had gives NULLs, and in `error` why;
 * what its header said is given nevertheless. Where a query reads no column but id and error, pictures are
 * decoded all the same, so that error tells of all damage. A NULL gives NULLs and no error.
 *
 * Conditions on the id are tested before anything is read, where ids are INTEGER.
 *
 * The calling thread reads (feed.h says what is seen of rows that change meanwhile), workers decode (bulk.h).
 * The memory limit bounds what is read and not yet handed out together with what decoders need in proportion
 * to a picture's area; a picture that exceeds it alone is an error of its row. Without memory the statement
 * fails. EXPLAIN QUERY PLAN reads pictures of <table>.<column> decoded [and id = <value>] for <columns>.
 */
#include "feed.h"
#include "table_function.h"

#include "../ext/hashvalue.h"
#include "../ext/interrupt.h"
#include "../ext/progress.h"
#include "../kernels/clock.h"
#include "../kernels/engine/pictures.h"
#include "../kernels/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    COLUMN_ID,
    COLUMN_PHASH, /* hashes in the order of dg_hash_kind */
    COLUMN_DHASH,
    COLUMN_DHASH_VERTICAL,
    COLUMN_AHASH,
    COLUMN_WHASH,
    COLUMN_PDQ,
    COLUMN_PDQ_QUALITY,
    COLUMN_QUALITY,
    COLUMN_BLUR, /* metrics in the order of dg_metric */
    COLUMN_SHARPNESS,
    COLUMN_BRIGHTNESS,
    COLUMN_CONTRAST,
    COLUMN_CLIP_LO,
    COLUMN_CLIP_HI,
    COLUMN_ENTROPY,
    COLUMN_NOISE,
    COLUMN_BLOCKINESS,
    COLUMN_JPEG_QUALITY,
    COLUMN_EFF_PIXELS,
    COLUMN_COLORHASH,
    COLUMN_PHASH_ORIENTATIONS,
    COLUMN_WIDTH,
    COLUMN_HEIGHT,
    COLUMN_FORMAT,
    COLUMN_BYTES,
    COLUMN_ERROR,
    COLUMNS
};

static const char *const columns[COLUMNS] = {
    "id",           "phash",
    "dhash",        "dhash_vertical",
    "ahash",        "whash",
    "pdq",          "pdq_quality",
    "quality",      "blur",
    "sharpness",    "brightness",
    "contrast",     "clip_lo",
    "clip_hi",      "entropy",
    "noise",        "blockiness",
    "jpeg_quality", "eff_pixels",
    "colorhash",    "phash_orientations",
    "width",        "height",
    "format",       "bytes",
    "error",
};

static const char declaration[] =
    "id, phash BLOB, dhash BLOB, dhash_vertical BLOB, ahash BLOB, whash BLOB, pdq BLOB, pdq_quality INTEGER, "
    "quality REAL, blur REAL, sharpness REAL, brightness REAL, contrast REAL, clip_lo REAL, clip_hi REAL, "
    "entropy REAL, noise REAL, blockiness REAL, jpeg_quality REAL, eff_pixels REAL, colorhash BLOB, "
    "phash_orientations BLOB, width INTEGER, height INTEGER, format TEXT, bytes INTEGER, error TEXT";

enum { SOURCE, COLUMN, SCHEMA, ID_COLUMN, HASH_SIZE, ORIENT, LUMA, TRUNCATED, ALPHA, DECODE, ARGUMENTS };

/* Words in the order of their enums. */
static const char *const lumas[] = {"pillow7", "pillow6", NULL};
static const char *const truncations[] = {"refuse", "lenient", NULL};
static const char *const alphas[] = {"ignore", "white", "black", NULL};
static const char *const decodes[] = {"exact", "scaled", "gpu", NULL};

static const char name[] = "image_hashes";

static const dg_argument arguments[ARGUMENTS] = {
    [SOURCE] = {.name = "source", .kind = DG_ARGUMENT_TABLE, .required = 1},
    [COLUMN] = {.name = "column", .kind = DG_ARGUMENT_COLUMN, .required = 1},
    [SCHEMA] = {.name = "schema", .kind = DG_ARGUMENT_SCHEMA},
    [ID_COLUMN] = {.name = "id_column", .kind = DG_ARGUMENT_COLUMN},
    [HASH_SIZE] = {.name = "hash_size", .kind = DG_ARGUMENT_NUMBER, .least = 2},
    [ORIENT] = {.name = "orient", .kind = DG_ARGUMENT_NUMBER, .least = 0},
    [LUMA] = {.name = "luma", .kind = DG_ARGUMENT_WORD, .words = lumas},
    [TRUNCATED] = {.name = "truncated", .kind = DG_ARGUMENT_WORD, .words = truncations},
    [ALPHA] = {.name = "alpha", .kind = DG_ARGUMENT_WORD, .words = alphas},
    [DECODE] = {.name = "decode", .kind = DG_ARGUMENT_WORD, .words = decodes},
};

enum { FILTER_ID, FILTER_LIST, FILTER_ABOVE, FILTER_FROM, FILTER_BELOW, FILTER_TO, FILTERS };

static const dg_plan_slot filters[FILTERS] = {
    [FILTER_ID] = {DG_SLOT_FILTER, COLUMN_ID, SQLITE_INDEX_CONSTRAINT_EQ, 0, "id ="},
    [FILTER_LIST] = {DG_SLOT_LIST, COLUMN_ID, SQLITE_INDEX_CONSTRAINT_EQ, 0, "id in"},
    [FILTER_ABOVE] = {DG_SLOT_FILTER, COLUMN_ID, SQLITE_INDEX_CONSTRAINT_GT, 0, "id >"},
    [FILTER_FROM] = {DG_SLOT_FILTER, COLUMN_ID, SQLITE_INDEX_CONSTRAINT_GE, 0, "id >="},
    [FILTER_BELOW] = {DG_SLOT_FILTER, COLUMN_ID, SQLITE_INDEX_CONSTRAINT_LT, 0, "id <"},
    [FILTER_TO] = {DG_SLOT_FILTER, COLUMN_ID, SQLITE_INDEX_CONSTRAINT_LE, 0, "id <="},
};

typedef struct hashes {
    dg_connection *connection;
    dg_column_source source;
    dg_pictures pictures; /* what is wanted of each */
    int read_files, draws_bar;
    uint64_t window_rows, window_bytes; /* read at once */
    dg_feed *feed;
    dg_bulk *bulk;            /* NULL: there are no rows, or none is left */
    dg_hashing *hashing;      /* where hashes may be left to a device; NULL: none is wanted */
    dg_jpeg_decoder *decoder; /* of decode = 'gpu' */
    dg_picture_batch batch;
    uint32_t batch_most; /* pictures; 0: as many as pay */
    dg_err failure;      /* what the work ended with */
    dg_probe probe;
    dg_picture_item *item; /* of the current row; NULL: none is left */
    uint64_t row;
    double began;
    dg_progress *progress;
    dg_report report;
} hashes;

/* --- planning --- */

static void describe(const dg_planning *planning, sqlite3_str *words)
{
    sqlite3_str_appendf(words, "pictures of %s.", dg_planning_argument(planning, SOURCE));
    sqlite3_str_appendf(words, "%s", dg_planning_argument(planning, COLUMN));
    sqlite3_str_appendall(words, " decoded");
    dg_planning_filters(planning, FILTERS, words);
}

/*
 * One row by its id, where that comes from another table, costs a thirtieth of all rows: so a few rows of
 * that table are looked up one after the other, and many are joined with one run that uses all cores.
 */
static void estimate(const dg_planning *planning)
{
    sqlite3_index_info *info = planning->info;
    const int one = planning->filters >> FILTER_ID & 1, some = planning->filters != 0;
    info->estimatedRows = one ? 1 : some ? 50000 : 100000;
    info->estimatedCost = some ? 5e9 : 1e10;
    if (one) info->estimatedCost = dg_plan_known(info, &filters[FILTER_ID]) ? 1e5 : 1e10 / 30;
}

/* --- arguments and settings --- */

static unsigned bits_of(uint64_t used, int first, int count)
{
    return (unsigned)(used >> first) & ((1u << count) - 1);
}

/* A column that the picture's header fills. */
static int is_of_header(int number)
{
    return number == COLUMN_JPEG_QUALITY || (number >= COLUMN_WIDTH && number <= COLUMN_BYTES);
}

/* What has to be computed for the columns that are read. */
static dg_image_work work_for(uint64_t used)
{
    const int header =
        bits_of(used, COLUMN_WIDTH, COLUMN_ERROR - COLUMN_WIDTH) || used >> COLUMN_JPEG_QUALITY & 1;
    dg_image_work work = {.hash_size = 8, .hashes = bits_of(used, COLUMN_PHASH, DG_HASH_KINDS)};
    work.metrics = bits_of(used, COLUMN_BLUR, DG_METRIC_OVERALL) & ~(1u << DG_METRIC_JPEG_QUALITY);
    if (used >> COLUMN_QUALITY & 1) work.metrics |= 1u << DG_METRIC_OVERALL;
    work.pdq = bits_of(used, COLUMN_PDQ, 2) != 0;
    work.colorhash = used >> COLUMN_COLORHASH & 1;
    work.orientations = used >> COLUMN_PHASH_ORIENTATIONS & 1;
    int pixels = work.hashes || work.metrics || work.pdq || work.colorhash || work.orientations;
    if (!pixels && !header && used >> COLUMN_ERROR & 1) work.hashes = 1u << DG_AHASH;
    return work;
}

static enum dg_code read_arguments(hashes *h, const dg_arguments *given, dg_err *err)
{
    dg_image_work *work = &h->pictures.work;
    dg_image_options *options = &h->pictures.options;
    *work = work_for(given->columns);
    *options = (dg_image_options){.orient = (int)given->number[ORIENT],
                                  .luma = (enum dg_luma)given->number[LUMA],
                                  .truncated = (enum dg_truncated)given->number[TRUNCATED],
                                  .alpha = (enum dg_alpha)given->number[ALPHA],
                                  .decode = (enum dg_decode)given->number[DECODE]};
    if (given->number[ORIENT] > 1)
        return dg_fail(err, DG_ERROR, "orient is %lld; it takes 0 or 1", (long long)given->number[ORIENT]);
    if (!(given->given >> HASH_SIZE & 1)) return DG_OK;
    unsigned kinds = work->hashes | (work->orientations ? 1u << DG_PHASH : 0);
    for (int kind = 0; kind < DG_HASH_KINDS; kind++)
        if (kinds >> kind & 1 &&
            dg_hash_size_check((enum dg_hash_kind)kind, given->number[HASH_SIZE], err) != DG_OK)
            return err->code;
    if (kinds) work->hash_size = (int)given->number[HASH_SIZE];
    return DG_OK;
}

/* Reads the settings; those of the pipeline go into its spec. */
static enum dg_code read_settings(hashes *h, dg_bulk_spec *spec, dg_err *err)
{
    const dg_settings *settings = &h->connection->settings;
    double max_pixels = 0, read_files = 0, progress = 0, threads = 0, batch = 0;
    uint64_t limit = 0;
    if (dg_setting_number(settings, DG_SETTING_MAX_PIXELS, &max_pixels, err) != DG_OK ||
        dg_setting_number(settings, DG_SETTING_READ_FILES, &read_files, err) != DG_OK ||
        dg_setting_number(settings, DG_SETTING_PROGRESS, &progress, err) != DG_OK ||
        dg_setting_number(settings, DG_SETTING_THREADS, &threads, err) != DG_OK ||
        dg_setting_number(settings, DG_SETTING_BATCH_SIZE, &batch, err) != DG_OK ||
        dg_settings_memory_limit(settings, &limit, err) != DG_OK)
        return err->code;
    if (!limit) limit = dg_memory_free() / 5 * 4;
    h->pictures.options.max_pixels = (uint64_t)max_pixels;
    h->read_files = read_files != 0;
    h->draws_bar = progress != 0;
    h->window_bytes = limit / 8;
    h->window_rows = h->batch_most = (uint32_t)batch;
    spec->threads = (uint32_t)threads;
    spec->budget = limit - h->window_bytes;
    return DG_OK;
}

/* --- rows --- */

static dg_picture_item *copy_blob(sqlite3_value *value)
{
    const void *bytes = sqlite3_value_blob(value);
    const size_t count = (size_t)sqlite3_value_bytes(value);
    dg_picture_item *item = bytes ? dg_picture_item_new(DG_PICTURE_BYTES, count) : NULL;
    if (item) memcpy(item->data, bytes, count);
    return item;
}

/* A path that a zero byte cuts short would be that of another file. */
static dg_picture_item *copy_path(sqlite3_value *value)
{
    const char *path = (const char *)sqlite3_value_text(value);
    const size_t length = (size_t)sqlite3_value_bytes(value);
    if (!path) return NULL;
    const int whole = strlen(path) == length;
    dg_picture_item *item = dg_picture_item_new(whole ? DG_PICTURE_PATH : DG_PICTURE_NONE, length + 1);
    if (!item) return NULL;
    if (whole)
        memcpy(item->data, path, length + 1);
    else
        dg_fail(&item->err, DG_ERROR, "the path holds a zero byte: '%s'", path);
    return item;
}

/* Why a value is no picture; NULL is none, but that is no error. */
static void explain(const hashes *h, sqlite3_value *value, dg_err *err)
{
    static const char takes[] = "it takes a BLOB holding a JPEG or PNG file";
    const int type = value ? sqlite3_value_type(value) : SQLITE_NULL;
    const int bytes = type == SQLITE_BLOB ? sqlite3_value_bytes(value) : 0;
    if (!value)
        dg_fail(err, DG_ERROR, "the row is gone: it was deleted while others were hashed");
    else if (type == SQLITE_TEXT)
        dg_fail(err, DG_ERROR, "the image is TEXT; %s, or with the setting read_files = 1 the path of one",
                takes);
    else if (bytes)
        dg_fail(err, DG_ERROR, "the image is a BLOB of %d bytes; the memory limit leaves it %llu", bytes,
                (unsigned long long)dg_bulk_largest_item(h->bulk));
    else if (type != SQLITE_NULL)
        dg_fail(err, DG_ERROR, "the image is %s; %s",
                type == SQLITE_BLOB ? "an empty BLOB" : dg_value_type_name(value), takes);
}

static void *make_item(void *arg, sqlite3_value *value)
{
    const hashes *h = arg;
    const int type = value ? sqlite3_value_type(value) : SQLITE_NULL;
    const uint64_t bytes = type == SQLITE_BLOB ? (uint64_t)sqlite3_value_bytes(value) : 0;
    if (type == SQLITE_TEXT && h->read_files) return copy_path(value);
    if (bytes && bytes <= dg_bulk_largest_item(h->bulk)) return copy_blob(value);
    dg_picture_item *item = dg_picture_item_new(DG_PICTURE_NONE, 0);
    if (item) explain(h, value, &item->err);
    return item;
}

/* Gives the pipeline as many rows as it has room for. */
static int fill(hashes *h, char **error)
{
    uint64_t given = h->report.rows;
    while (given < dg_feed_rows(h->feed) && dg_bulk_has_room(h->bulk, dg_feed_peek(h->feed))) {
        void *item;
        int rc = dg_feed_next(h->feed, h->window_rows, h->window_bytes, &item, error);
        if (rc != SQLITE_OK) return rc;
        dg_bulk_give(h->bulk, item, sizeof(dg_picture_item) + ((dg_picture_item *)item)->bytes);
        h->report.rows = ++given;
    }
    return SQLITE_OK;
}

/* Says that it was not libjpeg that decoded, before whatever else the plan says. */
static void report_decoder(const dg_jpeg_decoder *decoder, dg_report *report)
{
    char plan[sizeof report->plan];
    int used = snprintf(plan, sizeof plan, "JPEGs decoded by %s %s, whose pixels differ", decoder->name,
                        decoder->version);
    if (report->plan[0])
        snprintf(plan + used, sizeof plan - (size_t)used, "; %.*s", (int)sizeof plan - used - 3,
                 report->plan);
    memcpy(report->plan, plan, sizeof plan);
}

/* The run ends: what was done goes into dupgpu_stats. */
static void finish(hashes *h)
{
    if (!h->bulk) return;
    if (h->hashing) dg_hashing_report(h->hashing, &h->report);
    if (!dg_pictures_leave_work(&h->pictures)) {
        h->report.backend = "cpu";
        snprintf(h->report.device, sizeof h->report.device, "CPU, %u thread%s", dg_bulk_threads(h->bulk),
                 dg_bulk_threads(h->bulk) == 1 ? "" : "s");
        snprintf(h->report.plan, sizeof h->report.plan, "about %llu rows read at a time",
                 (unsigned long long)h->window_rows);
        h->report.batches = dg_feed_windows(h->feed);
    }
    if (h->decoder) report_decoder(h->decoder, &h->report);
    h->report.bytes = dg_bulk_peak(h->bulk) + dg_feed_bytes(h->feed);
    h->report.seconds = dg_clock() - h->began;
    dg_stats_add(&h->connection->stats, name, "read", &h->report);
    dg_bulk_close(h->bulk);
    h->bulk = NULL;
    dg_progress_end(h->progress);
    h->progress = NULL;
}

static void drop_item(hashes *h)
{
    if (h->item) dg_picture_item_drop(h->item);
    h->item = NULL;
}

/* The SQLite code for a failure of the pipeline. */
static int fail_work(hashes *h, const dg_err *err, char **error)
{
    h->failure = *err;
    if (err->code == DG_INTERRUPT && h->probe.result == SQLITE_NOMEM) return SQLITE_NOMEM;
    return dg_vtab_failure(name, err, error);
}

/* Waits for the next finished picture; NULL: there is none. */
static int take_finished(hashes *h, dg_picture_item **item, char **error)
{
    dg_err err = {0};
    void *taken = NULL;
    const dg_poll poll = dg_probe_poll(&h->probe);
    int rc = fill(h, error);
    if (rc == SQLITE_OK && dg_bulk_take(h->bulk, &poll, &taken, &err) != DG_OK)
        rc = fail_work(h, &err, error);
    *item = taken;
    return rc != SQLITE_OK || !taken ? rc : fill(h, error);
}

/* As take_finished, with what was left to a device. */
static int take_hashed(hashes *h, dg_picture_item **item, char **error)
{
    dg_err err = {0};
    const dg_poll poll = dg_probe_poll(&h->probe);
    if ((*item = dg_picture_batch_next(&h->batch))) return SQLITE_OK;
    while (!dg_picture_batch_full(&h->batch, h->batch_most)) {
        dg_picture_item *finished;
        int rc = take_finished(h, &finished, error);
        if (rc != SQLITE_OK) {
            if (finished) dg_picture_item_drop(finished);
            return rc;
        }
        if (!finished) break;
        if (dg_picture_batch_add(&h->batch, finished, &err) != DG_OK) return SQLITE_NOMEM;
    }
    if (dg_pictures_hash(&h->pictures, h->hashing, &h->batch, &poll, &err) != DG_OK)
        return fail_work(h, &err, error);
    *item = dg_picture_batch_next(&h->batch);
    return SQLITE_OK;
}

/* Makes the next row's result the current one. */
static int take(hashes *h, char **error)
{
    int rc = dg_pictures_leave_work(&h->pictures) ? take_hashed(h, &h->item, error)
                                                  : take_finished(h, &h->item, error);
    if (rc != SQLITE_OK) return rc;
    if (!h->item) {
        finish(h);
        return SQLITE_OK;
    }
    dg_progress_set(h->progress, ++h->report.results);
    if (dg_err_of_device(&h->item->err)) return fail_work(h, &h->item->err, error);
    return h->item->err.code == DG_NOMEM ? SQLITE_NOMEM : SQLITE_OK;
}

/* --- the table --- */

static void init(void *state, dg_connection *connection)
{
    *(hashes *)state = (hashes){.connection = connection};
}

static void release(void *state)
{
    hashes *h = state;
    finish(h);
    drop_item(h);
    dg_picture_batch_clear(&h->batch);
    dg_hashing_close(h->hashing, h->failure.code ? &h->failure : NULL);
    if (h->decoder) h->decoder->close(h->decoder);
    dg_feed_close(h->feed);
    dg_probe_finish(&h->probe);
    init(h, h->connection);
}

/* Pictures are decoded anew for each search. */
static void move(void *to, void *from)
{
    (void)to, (void)from;
}

static int start_progress(hashes *h)
{
    char *source = sqlite3_mprintf("%s.%s", h->source.table, h->source.column);
    if (source) h->progress = dg_progress_start(name, source, dg_feed_rows(h->feed), h->draws_bar);
    sqlite3_free(source);
    return h->progress ? SQLITE_OK : SQLITE_NOMEM;
}

/* Chooses where to hash. What waits for a device takes no more than the budget at once. */
static int open_hashing(hashes *h, const dg_bulk_spec *bulk, char **error)
{
    enum { LIKELY = 1000000, WAITING = 64 }; /* samples of a picture; pictures that may be kept at a time */
    dg_err err = {0};
    const dg_poll poll = dg_probe_poll(&h->probe);
    dg_hashing_spec spec = {.hashes = h->pictures.work.hashes & DG_HASHING_KINDS,
                            .hash_size = h->pictures.work.hash_size,
                            .expected = LIKELY * dg_feed_rows(h->feed)};
    if (h->pictures.work.metrics & DG_HASHING_METRICS && h->pictures.options.decode == DG_DECODE_EXACT)
        spec.metrics = h->pictures.work.metrics;
    if (!spec.hashes && !spec.metrics) return SQLITE_OK;
    if (dg_settings_for_place(&h->connection->settings, DG_SETTING_HASH_BACKEND, &spec.place, &err) !=
            DG_OK ||
        dg_hashing_open(&spec, &poll, &h->hashing, &err) != DG_OK)
        return fail_work(h, &err, error);
    if (dg_hashing_on_device(h->hashing)) {
        h->pictures.left = spec.hashes;
        h->pictures.left_metrics = spec.metrics;
        h->pictures.keep_most = bulk->budget / WAITING;
    }
    return SQLITE_OK;
}

/* What decodes for decode = 'gpu'; nothing takes its place, whatever the setting fallback says. */
static int open_decoder(hashes *h, char **error)
{
    const dg_settings *settings = &h->connection->settings;
    dg_err err = {0};
    double enabled = 0, device = 0;
    if (h->pictures.options.decode != DG_DECODE_GPU || !dg_image_needs_pixels(&h->pictures.work))
        return SQLITE_OK;
    if (dg_setting_number(settings, DG_SETTING_ENABLED, &enabled, &err) == DG_OK &&
        dg_setting_number(settings, DG_SETTING_DEVICE_ID, &device, &err) == DG_OK && !enabled)
        dg_fail(&err, DG_ERROR, "decode is 'gpu', but the setting enabled is 0");
    if (err.code || dg_pictures_open_decoder((uint32_t)device, &h->decoder, &err) != DG_OK)
        return dg_vtab_failure(name, &err, error);
    h->pictures.options.decoder = h->decoder;
    return SQLITE_OK;
}

static int open_pipeline(hashes *h, dg_bulk_spec *spec, char **error)
{
    enum { READ_AT_ONCE = 8 }; /* rows for each thread */
    dg_err err = {0};
    spec->expected = dg_feed_rows(h->feed);
    spec->context = &h->pictures;
    spec->work = dg_picture_item_work;
    spec->drop = dg_picture_item_drop;
    dg_probe_start(&h->probe, h->connection->db);
    int rc = open_decoder(h, error);
    if (rc == SQLITE_OK) rc = open_hashing(h, spec, error);
    if (rc != SQLITE_OK) return rc;
    if (dg_bulk_open(spec, &h->bulk, &err) != DG_OK) return dg_vtab_failure(name, &err, error);
    if (!h->window_rows) h->window_rows = (uint64_t)READ_AT_ONCE * dg_bulk_threads(h->bulk);
    return start_progress(h) == SQLITE_OK ? take(h, error) : SQLITE_NOMEM;
}

/* Which ids a query asks for, where they are INTEGER. SQLite tests the rows again. */
typedef struct wanted {
    int64_t low, high;
    int listed;    /* only those of the list */
    int64_t *list; /* sorted */
    size_t count;
} wanted;

static int compare_integers(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int is_wanted(void *arg, int64_t id)
{
    const wanted *w = arg;
    if (id < w->low || id > w->high) return 0;
    if (!w->listed) return 1;
    return w->count && bsearch(&id, w->list, w->count, sizeof id, compare_integers) != NULL;
}

/* Narrows the range by one bound; the id that equals it stays. Nothing is above or below NULL. */
static void narrow(wanted *w, int filter, sqlite3_value *value)
{
    const int type = value ? sqlite3_value_type(value) : SQLITE_TEXT, low = filter <= FILTER_FROM;
    const int64_t bound = type == SQLITE_TEXT || type == SQLITE_BLOB ? 0 : sqlite3_value_int64(value);
    if (type == SQLITE_NULL) w->high = INT64_MIN, w->low = INT64_MAX;
    if (type == SQLITE_INTEGER && low && bound > w->low) w->low = bound;
    if (type == SQLITE_INTEGER && !low && bound < w->high) w->high = bound;
    if (type == SQLITE_FLOAT && low && bound > w->low) w->low = bound - 1;
    if (type == SQLITE_FLOAT && !low && bound < w->high) w->high = bound + 1;
}

/* Reads the list of an IN. Numbers in TEXT count, for the other side of a comparison may make them numbers.
 */
static int read_list(wanted *w, sqlite3_value *list)
{
    sqlite3_value *value;
    size_t room = 0;
    w->listed = 1;
    int rc = sqlite3_vtab_in_first(list, &value);
    for (; rc == SQLITE_OK && value; rc = sqlite3_vtab_in_next(list, &value)) {
        const int type = sqlite3_value_numeric_type(value);
        if (type != SQLITE_INTEGER && type != SQLITE_FLOAT) continue;
        if (w->count == room) {
            int64_t *more = realloc(w->list, (room = room ? 2 * room : 64) * sizeof *more);
            if (!more) return SQLITE_NOMEM;
            w->list = more;
        }
        w->list[w->count++] = sqlite3_value_int64(value);
    }
    if (w->count) qsort(w->list, w->count, sizeof *w->list, compare_integers);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Leaves out the rows that the filters on the id do not want. */
static int leave_out(hashes *h, sqlite3_value **values)
{
    wanted w = {INT64_MIN, INT64_MAX, 0, NULL, 0};
    int rc = SQLITE_OK;
    for (int filter = FILTER_ABOVE; filter <= FILTER_TO; filter++) narrow(&w, filter, values[filter]);
    if (values[FILTER_LIST]) rc = read_list(&w, values[FILTER_LIST]);
    if (rc == SQLITE_OK) dg_feed_keep(h->feed, is_wanted, &w);
    free(w.list);
    return rc;
}

static int filter(void *state, const dg_arguments *given, sqlite3_value **values, char **error)
{
    hashes *h = state;
    dg_err err = {0};
    dg_bulk_spec spec = {0};
    release(h);
    h->began = dg_clock();
    h->source = (dg_column_source){name, given->text[SOURCE], given->text[COLUMN], given->text[SCHEMA],
                                   given->text[ID_COLUMN]};
    if (read_arguments(h, given, &err) != DG_OK || read_settings(h, &spec, &err) != DG_OK)
        return dg_vtab_failure(name, &err, error);
    const dg_feed_use use = {make_item, dg_picture_item_drop, h};
    int rc = dg_feed_open(h->connection, &h->source, &use, values[FILTER_ID], &h->feed, error);
    if (rc == SQLITE_OK) rc = leave_out(h, values);
    return rc == SQLITE_OK && dg_feed_rows(h->feed) ? open_pipeline(h, &spec, error) : rc;
}

static int next(void *state, char **error)
{
    hashes *h = state;
    drop_item(h);
    h->row++;
    return take(h, error);
}

static int eof(const void *state)
{
    return ((const hashes *)state)->item == NULL;
}

static int64_t rowid(const void *state)
{
    const hashes *h = state;
    return dg_feed_number(h->feed, h->row);
}

static void result_header(const dg_image_info *info, sqlite3_context *context, int number)
{
    if (!info->format) return;
    switch (number) {
    case COLUMN_WIDTH: sqlite3_result_int64(context, info->width); break;
    case COLUMN_HEIGHT: sqlite3_result_int64(context, info->height); break;
    case COLUMN_FORMAT: sqlite3_result_text(context, info->format, -1, SQLITE_STATIC); break;
    case COLUMN_BYTES: sqlite3_result_int64(context, (sqlite3_int64)info->bytes); break;
    case COLUMN_JPEG_QUALITY:
        if (info->jpeg_quality) sqlite3_result_double(context, info->jpeg_quality);
        break;
    }
}

static void result_metric(const dg_image_result *result, sqlite3_context *context, enum dg_metric metric)
{
    if (!(result->metrics_null >> metric & 1)) sqlite3_result_double(context, result->metric[metric]);
}

/* A column that only a decoded picture has. */
static void result_measured(const hashes *h, sqlite3_context *context, int number)
{
    const dg_image_result *result = &h->item->result;
    const int size = (int)dg_hash_bytes(h->pictures.work.hash_size);
    switch (number) {
    case COLUMN_PDQ: sqlite3_result_blob(context, result->pdq, DG_PDQ_BYTES, SQLITE_TRANSIENT); break;
    case COLUMN_PDQ_QUALITY: sqlite3_result_int(context, result->pdq_quality); break;
    case COLUMN_QUALITY: result_metric(result, context, DG_METRIC_OVERALL); break;
    case COLUMN_COLORHASH:
        sqlite3_result_blob(context, result->colorhash, DG_COLORHASH_BYTES, SQLITE_TRANSIENT);
        break;
    case COLUMN_PHASH_ORIENTATIONS: {
        uint8_t views[DG_VIEWS * DG_HASH_BYTES_MAX];
        for (int view = 0; view < DG_VIEWS; view++)
            memcpy(views + view * size, result->views[view], (size_t)size);
        sqlite3_result_blob(context, views, DG_VIEWS * size, SQLITE_TRANSIENT);
        break;
    }
    default:
        if (number < COLUMN_PDQ)
            sqlite3_result_blob(context, result->hash[number - COLUMN_PHASH], size, SQLITE_TRANSIENT);
        else
            result_metric(result, context, (enum dg_metric)(number - COLUMN_BLUR));
        break;
    }
}

static void column(const void *state, sqlite3_context *context, int number)
{
    const hashes *h = state;
    const dg_picture_item *item = h->item;
    if (number == COLUMN_ID)
        dg_feed_result_key(h->feed, context, h->row);
    else if (number == COLUMN_ERROR && item->err.code)
        sqlite3_result_text(context, item->err.text, -1, SQLITE_TRANSIENT);
    else if (is_of_header(number))
        result_header(&item->result.info, context, number);
    else if (number != COLUMN_ERROR && item->kind != DG_PICTURE_NONE && !item->err.code)
        result_measured(h, context, number);
}

int dg_vt_image_hashes_register(dg_connection *connection)
{
    static const dg_table_function function = {
        .name = name,
        .columns = declaration,
        .column_count = COLUMNS,
        .column_names = columns,
        .arguments = arguments,
        .argument_count = ARGUMENTS,
        .filters = filters,
        .filter_count = FILTERS,
        .state_bytes = sizeof(hashes),
        .init = init,
        .free = release,
        .move = move,
        .estimate = estimate,
        .describe = describe,
        .filter = filter,
        .next = next,
        .eof = eof,
        .rowid = rowid,
        .column = column,
    };
    return dg_table_function_register(connection, &function);
}
