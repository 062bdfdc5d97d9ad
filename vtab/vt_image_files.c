/*
 * image_files(folder [, recursive]): the pictures in a folder, one row for each file, in the order of their
 * paths' bytes, so that a catalogue can be made of them. Files are told by their names' endings, .jpg, .jpeg,
 * .jpe, .jfif and .png in any case, or with any_name = 1 all regular files are listed. `format` says what a
 * file's first bytes are; files are opened only where it is read. Symbolic links are left out. A folder in
 * the folder that cannot be read is a row with nothing but path, name and error.
 *
 * It reads what the user may read, so it needs the setting read_files and cannot be used from views and
 * triggers of a database file. EXPLAIN QUERY PLAN reads files of <folder> for <columns>.
 */
#include "table_function.h"

#include "../ext/interrupt.h"
#include "../kernels/file.h"
#include "../kernels/folder.h"
#include "../kernels/image/image.h"

enum { COLUMN_PATH, COLUMN_NAME, COLUMN_SIZE, COLUMN_MTIME, COLUMN_FORMAT, COLUMN_ERROR, COLUMNS };

static const char *const columns[COLUMNS] = {"path", "name", "size", "mtime", "format", "error"};

enum { FOLDER, RECURSIVE, ANY_NAME, ARGUMENTS };

static const char name[] = "image_files";

static const dg_argument arguments[ARGUMENTS] = {
    [FOLDER] = {.name = "folder", .kind = DG_ARGUMENT_TEXT, .required = 1},
    [RECURSIVE] = {.name = "recursive", .kind = DG_ARGUMENT_NUMBER, .least = 0},
    [ANY_NAME] = {.name = "any_name", .kind = DG_ARGUMENT_NUMBER, .least = 0},
};

typedef struct files {
    dg_connection *connection;
    dg_folder *folder;
    dg_probe probe;
    dg_folder_entry entry; /* the current row; no path: none is left */
} files;

static void describe(const dg_planning *planning, sqlite3_str *words)
{
    sqlite3_str_appendf(words, "files of %s", dg_planning_argument(planning, FOLDER));
}

static void estimate(const dg_planning *planning)
{
    static const int order[] = {COLUMN_PATH};
    planning->info->estimatedRows = 10000;
    planning->info->estimatedCost = 1e8;
    dg_plan_order(planning->info, order, 1);
}

static void init(void *state, dg_connection *connection)
{
    *(files *)state = (files){.connection = connection};
}

static void release(void *state)
{
    files *f = state;
    dg_folder_close(f->folder);
    dg_probe_finish(&f->probe);
    init(f, f->connection);
}

/* A folder is listed anew for each search. */
static void move(void *to, void *from)
{
    (void)to, (void)from;
}

static int fail(const files *f, const dg_err *err, char **error)
{
    if (err->code == DG_INTERRUPT && f->probe.result == SQLITE_NOMEM) return SQLITE_NOMEM;
    return dg_vtab_failure(name, err, error);
}

static int next(void *state, char **error)
{
    files *f = state;
    dg_err err = {0};
    const dg_poll poll = dg_probe_poll(&f->probe);
    if (dg_folder_next(f->folder, &poll, &f->entry, &err) != DG_OK) return fail(f, &err, error);
    return SQLITE_OK;
}

static enum dg_code check(const files *f, const dg_arguments *given, dg_err *err)
{
    double allowed = 0;
    if (dg_setting_number(&f->connection->settings, DG_SETTING_READ_FILES, &allowed, err) != DG_OK)
        return err->code;
    if (!allowed) return dg_fail(err, DG_ERROR, "files are read only with the setting read_files = 1");
    for (int i = RECURSIVE; i <= ANY_NAME; i++)
        if (given->number[i] > 1)
            return dg_fail(err, DG_ERROR, "%s is %lld; it takes 0 or 1", arguments[i].name,
                           (long long)given->number[i]);
    return DG_OK;
}

static int filter(void *state, const dg_arguments *given, sqlite3_value **values, char **error)
{
    (void)values;
    files *f = state;
    dg_err err = {0};
    const dg_folder_spec spec = {given->text[FOLDER],
                                 given->given >> RECURSIVE & 1 && !given->number[RECURSIVE],
                                 given->number[ANY_NAME] != 0};
    release(f);
    dg_probe_start(&f->probe, f->connection->db);
    const dg_poll poll = dg_probe_poll(&f->probe);
    if (check(f, given, &err) != DG_OK || dg_folder_open(&spec, &poll, &f->folder, &err) != DG_OK)
        return fail(f, &err, error);
    return next(f, error);
}

static int eof(const void *state)
{
    return ((const files *)state)->entry.path == NULL;
}

/* What the file's first bytes say; NULL where that is neither JPEG nor PNG, or it cannot be read. */
static void result_format(const files *f, sqlite3_context *context)
{
    uint8_t first[DG_FORMAT_BYTES];
    dg_file file;
    dg_err err = {0};
    if (dg_file_open(f->entry.path, &file, &err) != DG_OK) return;
    const char *format = dg_image_format(first, dg_file_first(&file, first, sizeof first));
    dg_file_close(&file);
    if (format) sqlite3_result_text(context, format, -1, SQLITE_STATIC);
}

static void column(const void *state, sqlite3_context *context, int number)
{
    const files *f = state;
    const dg_folder_entry *entry = &f->entry;
    switch (number) {
    case COLUMN_PATH: sqlite3_result_text(context, entry->path, -1, SQLITE_TRANSIENT); return;
    case COLUMN_NAME: sqlite3_result_text(context, entry->name, -1, SQLITE_TRANSIENT); return;
    case COLUMN_ERROR:
        if (entry->err.code) sqlite3_result_text(context, entry->err.text, -1, SQLITE_TRANSIENT);
        return;
    }
    if (entry->err.code) return;
    switch (number) {
    case COLUMN_SIZE: sqlite3_result_int64(context, entry->bytes); break;
    case COLUMN_MTIME: sqlite3_result_int64(context, entry->modified); break;
    case COLUMN_FORMAT: result_format(f, context); break;
    }
}

int dg_vt_image_files_register(dg_connection *connection)
{
    static const dg_table_function function = {
        .name = name,
        .columns = "path TEXT, name TEXT, size INTEGER, mtime INTEGER, format TEXT, error TEXT",
        .column_count = COLUMNS,
        .column_names = columns,
        .arguments = arguments,
        .argument_count = ARGUMENTS,
        .direct_only = 1,
        .state_bytes = sizeof(files),
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
