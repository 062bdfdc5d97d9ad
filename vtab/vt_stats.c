/* dupgpu_stats: the last operations of this connection, newest last; its rowid counts them from 1. */
#include "list.h"

enum {
    COLUMN_OP,
    COLUMN_BACKEND,
    COLUMN_DEVICE,
    COLUMN_PLAN,
    COLUMN_ROWS,
    COLUMN_BATCHES,
    COLUMN_CANDIDATES,
    COLUMN_RESULTS,
    COLUMN_SECONDS,
    COLUMN_BYTES,
    COLUMN_FALLBACK,
    COLUMN_SOURCE
};

static int stats_begin(dg_connection *connection, dg_list_scan *scan, char **error)
{
    (void)error;
    scan->row = (int64_t)dg_stats_oldest(&connection->stats);
    scan->end = (int64_t)connection->stats.added + 1;
    return SQLITE_OK;
}

static void stats_column(const dg_connection *connection, const dg_list_scan *scan, sqlite3_context *context,
                         int column)
{
    const dg_stats_row *stats = dg_stats_get(&connection->stats, (uint64_t)scan->row);
    if (!stats) return;
    const dg_report *report = &stats->report;
    switch (column) {
    case COLUMN_OP: sqlite3_result_text(context, stats->op, -1, SQLITE_STATIC); break;
    case COLUMN_BACKEND: sqlite3_result_text(context, report->backend, -1, SQLITE_STATIC); break;
    case COLUMN_DEVICE: sqlite3_result_text(context, report->device, -1, SQLITE_TRANSIENT); break;
    case COLUMN_PLAN: sqlite3_result_text(context, report->plan, -1, SQLITE_TRANSIENT); break;
    case COLUMN_ROWS: sqlite3_result_int64(context, (int64_t)report->rows); break;
    case COLUMN_BATCHES: sqlite3_result_int64(context, (int64_t)report->batches); break;
    case COLUMN_CANDIDATES: sqlite3_result_int64(context, (int64_t)report->candidates); break;
    case COLUMN_RESULTS: sqlite3_result_int64(context, (int64_t)report->results); break;
    case COLUMN_SECONDS: sqlite3_result_double(context, report->seconds); break;
    case COLUMN_BYTES: sqlite3_result_int64(context, (int64_t)report->bytes); break;
    case COLUMN_FALLBACK:
        if (report->fallback[0]) sqlite3_result_text(context, report->fallback, -1, SQLITE_TRANSIENT);
        break;
    case COLUMN_SOURCE: sqlite3_result_text(context, stats->source, -1, SQLITE_STATIC); break;
    }
}

int dg_vt_stats_register(dg_connection *connection)
{
    static const dg_list list = {
        .name = DG_LAST_MODULE,
        .declaration = "CREATE TABLE x(op TEXT, backend TEXT, device TEXT, plan TEXT, rows INTEGER, "
                       "batches INTEGER, candidates INTEGER, results INTEGER, seconds REAL, bytes INTEGER, "
                       "fallback TEXT, source TEXT)",
        .begin = stats_begin,
        .column = stats_column,
    };
    return dg_list_register(connection, &list);
}
