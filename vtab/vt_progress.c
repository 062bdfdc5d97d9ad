/*
 * dupgpu_progress: the long work that runs in this process now, in any connection, the oldest first. To be
 * read from another connection than the one that works. What there is, is copied when a scan begins.
 */
#include "list.h"

#include "../ext/progress.h"

enum {
    COLUMN_OP,
    COLUMN_SOURCE,
    COLUMN_DONE,
    COLUMN_TOTAL,
    COLUMN_RATE,
    COLUMN_SECONDS,
    COLUMN_SECONDS_LEFT,
};

enum { MOST = 256 }; /* pieces of work listed */

static int progress_begin(dg_connection *connection, dg_list_scan *scan, char **error)
{
    (void)connection, (void)error;
    dg_progress_view *views = sqlite3_malloc64(MOST * sizeof *views);
    if (!views) return SQLITE_NOMEM;
    const uint32_t count = dg_progress_list(views, MOST);
    scan->data = views;
    scan->release = sqlite3_free;
    scan->end = count < MOST ? count : MOST;
    return SQLITE_OK;
}

static void result_known(sqlite3_context *context, double number)
{
    if (number >= 0) sqlite3_result_double(context, number);
}

static void progress_column(const dg_connection *connection, const dg_list_scan *scan,
                            sqlite3_context *context, int column)
{
    (void)connection;
    const dg_progress_view *view = (const dg_progress_view *)scan->data + scan->row;
    switch (column) {
    case COLUMN_OP: sqlite3_result_text(context, view->op, -1, SQLITE_TRANSIENT); break;
    case COLUMN_SOURCE: sqlite3_result_text(context, view->source, -1, SQLITE_TRANSIENT); break;
    case COLUMN_DONE: sqlite3_result_int64(context, (sqlite3_int64)view->done); break;
    case COLUMN_TOTAL: sqlite3_result_int64(context, (sqlite3_int64)view->total); break;
    case COLUMN_RATE: result_known(context, dg_progress_rate(view)); break;
    case COLUMN_SECONDS: sqlite3_result_double(context, view->seconds); break;
    case COLUMN_SECONDS_LEFT: result_known(context, dg_progress_seconds_left(view)); break;
    }
}

int dg_vt_progress_register(dg_connection *connection)
{
    static const dg_list list = {
        .name = "dupgpu_progress",
        .declaration =
            "CREATE TABLE x(op TEXT, source TEXT, done INTEGER, total INTEGER, rate REAL, seconds REAL, "
            "seconds_left REAL)",
        .begin = progress_begin,
        .column = progress_column,
    };
    return dg_list_register(connection, &list);
}
