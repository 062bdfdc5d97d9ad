/*
 * line_images(source, column): a line picture for each sequence of a column, as render_line draws it, on all
 * cores.
 *
 * Without `window` each row's column holds a whole sequence, a BLOB or a JSON array; NULL, and a row that was
 * deleted meanwhile, give NULL. Rows come in the order of their ids.
 *
 * With `window` the column holds one number a row. Windows of so many rows slide over them, `stride` rows at
 * a time, in the order of the ids, or of the column order_by; partition_by keeps apart what belongs to
 * different values of a column. Each full window gives a picture, whose id is that of the window's last row.
 * The series is read once, and drawn from where it lies.
 *
 * A sequence that cannot be drawn ends the statement with an error that names its row. The calling thread
 * reads (feed.h, series.h) and hands out, workers draw (bulk.h), a batch of pictures at a time; on a device,
 * which is used where one is asked for, and for hashes where it is faster, the calling thread has it draw.
 * Where the query does not read the column image, nothing is drawn. EXPLAIN QUERY PLAN reads sequences of
 * <table>.<column> drawn [and id = <value>], or windows of <table>.<column> drawn.
 */
#include "feed.h"
#include "series.h"
#include "table_function.h"

#include "../ext/interrupt.h"
#include "../ext/line_options.h"
#include "../ext/progress.h"
#include "../kernels/clock.h"
#include "../kernels/engine/drawing.h"
#include "../kernels/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMN_ID, COLUMN_IMAGE, COLUMNS };

static const char *const columns[COLUMNS] = {"id", "image"};

enum {
    SOURCE,
    COLUMN,
    WINDOW,
    STRIDE,
    OPTIONS,
    ORDER_BY,
    PARTITION_BY,
    SCHEMA,
    ID_COLUMN,
    OUTPUT,
    ARGUMENTS
};

enum { OUTPUT_IMAGE, OUTPUT_HASH };
static const char *const outputs[] = {"image", "hash", NULL};

static const char name[] = "line_images";

static const dg_argument arguments[ARGUMENTS] = {
    [SOURCE] = {.name = "source", .kind = DG_ARGUMENT_TABLE, .required = 1},
    [COLUMN] = {.name = "column", .kind = DG_ARGUMENT_COLUMN, .required = 1},
    [WINDOW] = {.name = "window", .kind = DG_ARGUMENT_NUMBER, .least = 1},
    [STRIDE] = {.name = "stride", .kind = DG_ARGUMENT_NUMBER, .least = 1},
    [OPTIONS] = {.name = "options", .kind = DG_ARGUMENT_VALUE},
    [ORDER_BY] = {.name = "order_by", .kind = DG_ARGUMENT_COLUMN},
    [PARTITION_BY] = {.name = "partition_by", .kind = DG_ARGUMENT_COLUMN},
    [SCHEMA] = {.name = "schema", .kind = DG_ARGUMENT_SCHEMA},
    [ID_COLUMN] = {.name = "id_column", .kind = DG_ARGUMENT_COLUMN},
    [OUTPUT] = {.name = "output", .kind = DG_ARGUMENT_WORD, .words = outputs},
};

enum { FILTER_ID, FILTERS };

static const dg_plan_slot filters[FILTERS] = {
    [FILTER_ID] = {DG_SLOT_FILTER, COLUMN_ID, SQLITE_INDEX_CONSTRAINT_EQ, 0, "id ="},
};

typedef struct images {
    dg_connection *connection;
    dg_series_spec spec; /* also the source; window 0: each row holds a sequence */
    dg_lines lines;      /* what is wanted of each sequence */
    int draws;           /* the query reads pictures */
    size_t batch_size;   /* pictures */
    int suits_workers;   /* it was not set, but suits them */
    uint64_t feed_bytes; /* of values read at once */
    dg_feed *feed;
    dg_series *series;
    dg_drawing *drawing; /* a device draws; NULL: workers do */
    dg_bulk *bulk;       /* the workers; NULL: a device draws, there are no rows, or none is left */
    dg_probe probe;
    dg_progress *progress;
    int draws_bar;
    uint64_t total, given; /* rows in all, and in the pipeline so far */
    dg_line_batch *batch;  /* of the current row; NULL: none is left */
    size_t at;             /* its job */
    uint64_t row;
    double began;
    dg_report report;
} images;

/* --- planning --- */

/* Whether the query says window = ... */
static int has_window(const dg_planning *planning)
{
    const sqlite3_index_info *info = planning->info;
    if (planning->definition) return planning->definition->given >> WINDOW & 1;
    for (int i = 0; i < info->nConstraint; i++)
        if (info->aConstraint[i].op == SQLITE_INDEX_CONSTRAINT_EQ &&
            info->aConstraint[i].iColumn == COLUMNS + WINDOW)
            return 1;
    return 0;
}

static void describe(const dg_planning *planning, sqlite3_str *words)
{
    sqlite3_str_appendall(words, has_window(planning) ? "windows of " : "sequences of ");
    sqlite3_str_appendf(words, "%s.", dg_planning_argument(planning, SOURCE));
    sqlite3_str_appendf(words, "%s drawn", dg_planning_argument(planning, COLUMN));
    dg_planning_filters(planning, FILTERS, words);
}

/* One row by its id is cheap where the id is known; from another table it must look dearer than all at once,
 * or that table's rows would be looked up and drawn one after the other. */
static void estimate(const dg_planning *planning)
{
    sqlite3_index_info *info = planning->info;
    const int one = planning->filters >> FILTER_ID & 1;
    info->estimatedRows = one ? 1 : 100000;
    info->estimatedCost = !one ? 1e10 : dg_plan_known(info, &filters[FILTER_ID]) ? 1e5 : 2e10;
}

/* --- arguments and settings --- */

/* The options, which a table named for good gives as text. */
static enum dg_code read_options(images *p, const dg_arguments *given, dg_err *err)
{
    dg_line_request request;
    const char *json = given->text[OPTIONS];
    sqlite3_value *value = given->value[OPTIONS];
    if (value && sqlite3_value_type(value) != SQLITE_TEXT)
        return dg_fail(err, DG_ERROR, "options is no TEXT; it takes a JSON object as TEXT");
    if (value) json = (const char *)sqlite3_value_text(value);
    if (value && !json) return dg_fail_nomem(err, "options");
    if (dg_line_options_parse(json, json ? strlen(json) : 0, &request, err) != DG_OK) return err->code;
    p->lines.options = request.options;
    p->lines.single = request.single;
    return DG_OK;
}

static enum dg_code read_arguments(images *p, const dg_arguments *given, dg_err *err)
{
    const int has_window = given->given >> WINDOW & 1;
    p->spec = (dg_series_spec){.source = {name, given->text[SOURCE], given->text[COLUMN], given->text[SCHEMA],
                                          given->text[ID_COLUMN]},
                               .order_by = given->text[ORDER_BY],
                               .partition_by = given->text[PARTITION_BY],
                               .window = has_window ? (uint64_t)given->number[WINDOW] : 0,
                               .stride = given->given >> STRIDE & 1 ? (uint64_t)given->number[STRIDE] : 1};
    static const int of_windows[] = {STRIDE, ORDER_BY, PARTITION_BY};
    for (int i = 0; !has_window && i < 3; i++)
        if (given->given >> of_windows[i] & 1)
            return dg_fail(err, DG_ERROR, "%s is for windows; it takes window as well",
                           arguments[of_windows[i]].name);
    if (p->spec.window > DG_LINE_VALUES_MAX)
        return dg_fail(err, DG_ERROR, "window is %lld; it takes an INTEGER from 1 to %d",
                       (long long)given->number[WINDOW], DG_LINE_VALUES_MAX);
    p->lines.hash = given->given >> OUTPUT & 1 ? given->number[OUTPUT] == OUTPUT_HASH : 0;
    p->draws = given->columns >> COLUMN_IMAGE & 1;
    if (read_options(p, given, err) != DG_OK) return err->code;
    if (has_window) p->lines.single = 0; /* numbers of rows are binary64 */
    return DG_OK;
}

/* As many pictures as take a millisecond or so to draw, for handing a batch over costs some microseconds. */
static size_t suitable_batch(const dg_line_options *options)
{
    enum { PIXELS = 1 << 22, MOST = 64 };
    size_t size = PIXELS / ((size_t)options->width * options->height);
    return size < 1 ? 1 : size > MOST ? MOST : size;
}

/* On a device a batch costs some copies and launches. */
enum { DEVICE_BATCH = 256 };

/* Divides the memory limit: half for the series or the sequences read, a quarter each for the threads' own
 * canvases and for what is in the pipeline. */
static enum dg_code read_settings(images *p, dg_bulk_spec *spec, dg_err *err)
{
    const dg_settings *settings = &p->connection->settings;
    const dg_line_options *options = &p->lines.options;
    double threads = 0, batch = 0, progress = 0;
    uint64_t limit = 0;
    if (dg_setting_number(settings, DG_SETTING_THREADS, &threads, err) != DG_OK ||
        dg_setting_number(settings, DG_SETTING_BATCH_SIZE, &batch, err) != DG_OK ||
        dg_setting_number(settings, DG_SETTING_PROGRESS, &progress, err) != DG_OK ||
        dg_settings_memory_limit(settings, &limit, err) != DG_OK)
        return err->code;
    if (!limit) limit = dg_memory_free() / 5 * 4;
    const uint64_t lanes = limit / 4 / dg_lines_lane_bytes(options);
    if (lanes == 0)
        return dg_fail(err, DG_ERROR, "a picture of %u x %u pixels; the memory limit has no room for it",
                       (unsigned)options->width, (unsigned)options->height);
    p->draws_bar = progress != 0;
    p->suits_workers = batch == 0;
    p->batch_size = p->suits_workers ? suitable_batch(options) : (size_t)batch;
    p->spec.memory = limit / 2;
    p->feed_bytes = limit / 8;
    spec->threads = threads > 0 ? (uint32_t)threads : dg_bulk_cores();
    if (spec->threads > lanes) spec->threads = (uint32_t)lanes;
    spec->budget = limit / 4;
    return DG_OK;
}

/* --- rows --- */

/* A row's sequence, or why it is none. */
static void *make_job(void *arg, sqlite3_value *value)
{
    const images *p = arg;
    const int type = value && p->draws ? sqlite3_value_type(value) : SQLITE_NULL;
    dg_line_job *job = calloc(1, sizeof *job);
    if (!job || type == SQLITE_NULL) return job;
    if (type != SQLITE_TEXT && type != SQLITE_BLOB) {
        job->input = DG_LINE_REFUSED;
        job->data = "the sequence is a number; it takes a JSON array as TEXT, or a BLOB of numbers (for one "
                    "number a row, say window = ... in WHERE)";
        return job;
    }
    const void *bytes =
        type == SQLITE_TEXT ? (const void *)sqlite3_value_text(value) : sqlite3_value_blob(value);
    job->bytes = (size_t)sqlite3_value_bytes(value);
    job->input = type == SQLITE_TEXT ? DG_LINE_JSON : DG_LINE_NUMBERS;
    job->owned = bytes || !job->bytes ? malloc(job->bytes + 1) : NULL;
    if (!job->owned) {
        free(job);
        return NULL;
    }
    if (job->bytes) memcpy(job->owned, bytes, job->bytes);
    job->data = job->owned;
    return job;
}

static void drop_job(void *arg)
{
    dg_line_job *job = arg;
    free(job->owned);
    free(job);
}

/* The next row's job. */
static int next_job(images *p, dg_line_job *job, char **error)
{
    void *item;
    if (p->series) {
        const double *values = dg_series_next(p->series);
        if (p->draws)
            *job = (dg_line_job){
                .input = DG_LINE_NUMBERS, .data = values, .bytes = (size_t)p->spec.window * sizeof *values};
        return SQLITE_OK;
    }
    int rc = dg_feed_next(p->feed, p->batch_size, p->feed_bytes, &item, error);
    if (rc != SQLITE_OK) return rc;
    *job = *(dg_line_job *)item;
    free(item);
    return SQLITE_OK;
}

/* Bytes that the next row adds to the pipeline, as far as they are known. */
static uint64_t next_bytes(const images *p)
{
    const uint64_t picture = p->draws ? dg_lines_picture_bytes(&p->lines) : 0;
    return sizeof(dg_line_job) + picture + (p->feed && p->draws ? dg_feed_peek(p->feed) : 0);
}

/* A batch of the next rows: as many as are left and wanted, and, after the first, fit into `room` bytes. */
static int make_batch(images *p, uint64_t room, dg_line_batch **out, uint64_t *bytes, char **error)
{
    const uint64_t left = p->total - p->given, most = left < p->batch_size ? left : p->batch_size;
    dg_line_batch *batch = dg_line_batch_new((size_t)most);
    int rc = batch ? SQLITE_OK : SQLITE_NOMEM;
    *bytes = sizeof *batch;
    while (rc == SQLITE_OK && batch->count < most) {
        const uint64_t more = next_bytes(p);
        if (batch->count && *bytes + more > room) break;
        rc = next_job(p, &batch->jobs[batch->count], error);
        if (rc != SQLITE_OK) break;
        batch->count++;
        *bytes += more;
    }
    if (rc != SQLITE_OK) {
        if (batch) dg_line_batch_drop(batch);
        return rc;
    }
    p->given += batch->count;
    p->report.batches++;
    *out = batch;
    return SQLITE_OK;
}

/* Gives the pipeline one batch. */
static int give(images *p, char **error)
{
    dg_line_batch *batch;
    uint64_t bytes;
    int rc = make_batch(p, dg_bulk_largest_item(p->bulk), &batch, &bytes, error);
    if (rc == SQLITE_OK) dg_bulk_give(p->bulk, batch, bytes);
    return rc;
}

/* Gives the pipeline as many batches as it has room for. */
static int fill(images *p, char **error)
{
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && p->given < p->total) {
        uint64_t bytes = sizeof(dg_line_batch) + p->batch_size * next_bytes(p);
        if (bytes > dg_bulk_largest_item(p->bulk)) bytes = dg_bulk_largest_item(p->bulk);
        if (!dg_bulk_has_room(p->bulk, bytes)) break;
        rc = give(p, error);
    }
    return rc;
}

/* The run ends: what was done goes into dupgpu_stats. `failure`: what it ended with, or NULL. */
static void finish(images *p, const dg_err *failure)
{
    dg_report *r = &p->report;
    if (!p->bulk && !p->drawing) return;
    if (p->series)
        snprintf(r->plan, sizeof r->plan, "windows of %llu rows, %llu apart",
                 (unsigned long long)p->spec.window, (unsigned long long)p->spec.stride);
    else
        snprintf(r->plan, sizeof r->plan, "a sequence a row");
    r->rows = p->series ? dg_series_rows(p->series) : p->total;
    r->bytes = p->series ? dg_series_bytes(p->series) : dg_feed_bytes(p->feed);
    if (p->bulk) {
        const uint32_t threads = dg_bulk_threads(p->bulk);
        r->backend = "cpu";
        snprintf(r->device, sizeof r->device, "CPU, %u thread%s", threads, threads == 1 ? "" : "s");
        r->bytes += dg_bulk_peak(p->bulk) + threads * dg_lines_lane_bytes(&p->lines.options);
    }
    if (p->drawing) dg_drawing_report(p->drawing, r);
    r->seconds = dg_clock() - p->began;
    dg_stats_add(&p->connection->stats, name, "read", r);
    dg_drawing_close(p->drawing, failure);
    dg_bulk_close(p->bulk);
    dg_progress_end(p->progress);
    p->drawing = NULL;
    p->bulk = NULL;
    p->progress = NULL;
}

static void drop_batch(images *p)
{
    if (p->batch) dg_line_batch_drop(p->batch);
    p->batch = NULL;
    p->at = 0;
}

static int fail_work(images *p, const dg_err *err, char **error)
{
    if (err->code == DG_INTERRUPT && p->probe.result == SQLITE_NOMEM) return SQLITE_NOMEM;
    return dg_vtab_failure(name, err, error);
}

/* Waits for the workers' next batch. */
static int take_from_workers(images *p, char **error)
{
    dg_err err = {0};
    void *item;
    const dg_poll poll = dg_probe_poll(&p->probe);
    int rc = fill(p, error);
    if (rc != SQLITE_OK) return rc;
    if (dg_bulk_take(p->bulk, &poll, &item, &err) != DG_OK) return fail_work(p, &err, error);
    p->batch = item;
    return item ? fill(p, error) : SQLITE_OK;
}

/* Has the device draw the next batch. */
static int take_from_device(images *p, char **error)
{
    dg_err err = {0};
    uint64_t bytes;
    const dg_poll poll = dg_probe_poll(&p->probe);
    if (p->given == p->total) return SQLITE_OK;
    int rc = make_batch(p, p->feed_bytes, &p->batch, &bytes, error);
    if (rc != SQLITE_OK || dg_drawing_run(p->drawing, p->batch, &poll, &err) == DG_OK) return rc;
    rc = fail_work(p, &err, error);
    finish(p, &err);
    return rc;
}

/* The next batch; none is left: NULL. */
static int take(images *p, char **error)
{
    int rc = p->drawing ? take_from_device(p, error) : take_from_workers(p, error);
    if (rc == SQLITE_OK && !p->batch) finish(p, NULL);
    return rc;
}

/* The failure of the current row, if it is one. */
static int check_row(const images *p, char **error)
{
    if (!p->batch || p->at < p->batch->drawn) return SQLITE_OK;
    const dg_err *err = &p->batch->err;
    if (err->code != DG_ERROR || !p->feed) return dg_vtab_failure(name, err, error);
    char *key = dg_feed_key_text(p->feed, p->row);
    if (!key) return SQLITE_NOMEM;
    *error = sqlite3_mprintf("%s: %s.%s, row %s: %s", name, p->spec.source.table, p->spec.source.column, key,
                             err->text);
    sqlite3_free(key);
    return SQLITE_ERROR;
}

/* --- the table --- */

static void init(void *state, dg_connection *connection)
{
    *(images *)state = (images){.connection = connection};
}

static void release(void *state)
{
    images *p = state;
    finish(p, NULL);
    drop_batch(p);
    dg_feed_close(p->feed);
    dg_series_free(p->series);
    dg_probe_finish(&p->probe);
    init(p, p->connection);
}

/* Pictures are drawn anew for each search. */
static void move(void *to, void *from)
{
    (void)to, (void)from;
}

static int open_source(images *p, sqlite3_value *only, char **error)
{
    const dg_feed_use use = {make_job, drop_job, p};
    int rc = p->spec.window ? dg_series_read(p->connection, &p->spec, &p->series, error)
                            : dg_feed_open(p->connection, &p->spec.source, &use, only, &p->feed, error);
    if (rc != SQLITE_OK) return rc;
    p->total = p->series ? dg_series_windows(p->series) : dg_feed_rows(p->feed);
    return SQLITE_OK;
}

static int start_progress(images *p)
{
    char *source = sqlite3_mprintf("%s.%s", p->spec.source.table, p->spec.source.column);
    if (source) p->progress = dg_progress_start(name, source, p->total, p->draws_bar);
    sqlite3_free(source);
    return p->progress ? SQLITE_OK : SQLITE_NOMEM;
}

/* Opens the device that was asked for, or that is the fastest for hashes. */
static int open_device(images *p, char **error)
{
    dg_err err = {0};
    dg_place_spec place;
    const dg_poll poll = dg_probe_poll(&p->probe);
    if (dg_settings_for_place(&p->connection->settings, DG_SETTING_RENDER_BACKEND, &place, &err) != DG_OK)
        return fail_work(p, &err, error);
    if (!p->draws || (strcmp(place.backend, "auto") == 0 && !p->lines.hash) ||
        strcmp(place.backend, "cpu") == 0)
        return SQLITE_OK;
    if (dg_drawing_open(&place, &p->lines, p->total, &poll, &p->drawing, &err) != DG_OK)
        return fail_work(p, &err, error);
    if (dg_drawing_on_device(p->drawing)) {
        if (p->suits_workers) p->batch_size = DEVICE_BATCH;
        return SQLITE_OK;
    }
    dg_drawing_report(p->drawing, &p->report); /* why the workers draw */
    dg_drawing_close(p->drawing, NULL);
    p->drawing = NULL;
    return SQLITE_OK;
}

static int open_workers(images *p, dg_bulk_spec *spec, char **error)
{
    dg_err err = {0};
    spec->expected = (p->total + p->batch_size - 1) / p->batch_size;
    spec->context = &p->lines;
    spec->scratch_bytes = sizeof(dg_lines_scratch);
    spec->work = dg_line_batch_work;
    spec->drop = dg_line_batch_drop;
    spec->clear_scratch = dg_lines_clear_scratch;
    return dg_bulk_open(spec, &p->bulk, &err) == DG_OK ? SQLITE_OK : fail_work(p, &err, error);
}

static int start(images *p, dg_bulk_spec *spec, char **error)
{
    dg_probe_start(&p->probe, p->connection->db);
    int rc = open_device(p, error);
    if (rc == SQLITE_OK && !p->drawing) rc = open_workers(p, spec, error);
    if (rc == SQLITE_OK) rc = start_progress(p);
    if (rc == SQLITE_OK) rc = take(p, error);
    return rc == SQLITE_OK ? check_row(p, error) : rc;
}

static int filter(void *state, const dg_arguments *given, sqlite3_value **values, char **error)
{
    images *p = state;
    dg_err err = {0};
    dg_bulk_spec spec = {0};
    release(p);
    p->began = dg_clock();
    if (read_arguments(p, given, &err) != DG_OK || read_settings(p, &spec, &err) != DG_OK)
        return dg_vtab_failure(name, &err, error);
    const int most = sqlite3_limit(p->connection->db, SQLITE_LIMIT_LENGTH, -1);
    if (p->draws && !p->lines.hash && dg_line_bytes(&p->lines.options) > (size_t)most) return SQLITE_TOOBIG;
    int rc = open_source(p, values[FILTER_ID], error);
    return rc == SQLITE_OK && p->total ? start(p, &spec, error) : rc;
}

static int next(void *state, char **error)
{
    images *p = state;
    int rc = SQLITE_OK;
    p->row++;
    dg_progress_set(p->progress, ++p->report.results);
    if (++p->at == p->batch->count) {
        drop_batch(p);
        rc = take(p, error);
    }
    return rc == SQLITE_OK ? check_row(p, error) : rc;
}

static int eof(const void *state)
{
    return ((const images *)state)->batch == NULL;
}

static void column(const void *state, sqlite3_context *context, int number)
{
    const images *p = state;
    const dg_line_job *job = &p->batch->jobs[p->at];
    if (number == COLUMN_ID && p->series)
        dg_series_result_key(p->series, context, p->row);
    else if (number == COLUMN_ID)
        dg_feed_result_key(p->feed, context, p->row);
    else if (job->picture)
        sqlite3_result_blob64(context, job->picture, job->picture_bytes, SQLITE_TRANSIENT);
}

int dg_vt_line_images_register(dg_connection *connection)
{
    static const dg_table_function function = {
        .name = name,
        .columns = "id, image BLOB",
        .column_count = COLUMNS,
        .column_names = columns,
        .arguments = arguments,
        .argument_count = ARGUMENTS,
        .filters = filters,
        .filter_count = FILTERS,
        .state_bytes = sizeof(images),
        .init = init,
        .free = release,
        .move = move,
        .estimate = estimate,
        .describe = describe,
        .filter = filter,
        .next = next,
        .eof = eof,
        .column = column,
    };
    return dg_table_function_register(connection, &function);
}
