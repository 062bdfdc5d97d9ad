/*
 * distance_histogram(source, column): how many pairs of rows there are at each distance, from 0 to the number
 * of bits, in that order; one row for each distance, also where there are no pairs. Without rows it is empty.
 *
 * All pairs are counted, so conditions on the distance are left to SQLite. The counts stay with the cursor
 * and answer it again while nothing has changed. EXPLAIN QUERY PLAN reads all pairs of <table>.<column>
 * counted.
 */
#include "column_cache.h"
#include "table_function.h"

#include "../ext/interrupt.h"
#include "../kernels/engine/histogram.h"

#include <stdlib.h>

enum { COLUMN_DISTANCE, COLUMN_PAIRS, COLUMNS };

enum { SOURCE, COLUMN, SCHEMA, ID_COLUMN, ARGUMENTS };

static const char name[] = "distance_histogram";

static const dg_argument arguments[ARGUMENTS] = {
    [SOURCE] = {.name = "source", .kind = DG_ARGUMENT_TABLE, .required = 1},
    [COLUMN] = {.name = "column", .kind = DG_ARGUMENT_COLUMN, .required = 1},
    [SCHEMA] = {.name = "schema", .kind = DG_ARGUMENT_SCHEMA},
    [ID_COLUMN] = {.name = "id_column", .kind = DG_ARGUMENT_COLUMN},
};

typedef struct histogram {
    dg_connection *connection;
    dg_borrowed borrowed;
    uint64_t *counts; /* of the borrowed column; NULL: not counted */
    uint32_t at, end;
} histogram;

static void describe(const dg_planning *planning, sqlite3_str *words)
{
    sqlite3_str_appendf(words, "all pairs of %s.", dg_planning_argument(planning, SOURCE));
    sqlite3_str_appendf(words, "%s counted", dg_planning_argument(planning, COLUMN));
}

static void estimate(const dg_planning *planning)
{
    static const int order[] = {COLUMN_DISTANCE};
    planning->info->estimatedCost = 1e10;
    planning->info->estimatedRows = 65;
    dg_plan_order(planning->info, order, 1);
}

static void init(void *state, dg_connection *connection)
{
    *(histogram *)state = (histogram){.connection = connection};
}

static void release(void *state)
{
    histogram *h = state;
    dg_column_return(&h->borrowed);
    free(h->counts);
    init(h, h->connection);
}

static void move(void *to, void *from)
{
    histogram *h = from;
    *(histogram *)to = *h;
    init(h, h->connection);
}

/* Counts the pairs of the borrowed column. */
static int count(histogram *h, char **error)
{
    const dg_column *column = dg_borrowed_column(&h->borrowed);
    dg_err err = {0};
    dg_report report;
    dg_probe probe;
    dg_histogram_spec spec = {.rows = column->rows, .bits = column->bits};
    if (dg_settings_for_place(&h->connection->settings, DG_SETTING_JOIN_BACKEND, &spec.place, &err) != DG_OK)
        return dg_vtab_failure(name, &err, error);
    h->counts = malloc(((size_t)column->bits + 1) * sizeof *h->counts);
    spec.hashes = h->counts ? dg_borrowed_hashes(&h->borrowed) : NULL;
    if (!spec.hashes) {
        free(h->counts);
        h->counts = NULL;
        return SQLITE_NOMEM;
    }
    dg_probe_start(&probe, h->connection->db);
    spec.poll = dg_probe_poll(&probe);
    dg_histogram_run(&spec, h->counts, &report, &err);
    dg_probe_finish(&probe);
    dg_stats_add(&h->connection->stats, name, h->borrowed.from, &report);
    if (err.code == DG_OK) return SQLITE_OK;
    free(h->counts);
    h->counts = NULL;
    if (err.code == DG_INTERRUPT && probe.result == SQLITE_NOMEM) return SQLITE_NOMEM;
    return dg_vtab_failure(name, &err, error);
}

static int filter(void *state, const dg_arguments *given, sqlite3_value **values, char **error)
{
    (void)values;
    histogram *h = state;
    const dg_column_source source = {name, given->text[SOURCE], given->text[COLUMN], given->text[SCHEMA],
                                     given->text[ID_COLUMN]};
    h->at = h->end = 0;
    int rc = dg_column_borrow(h->connection, &source, &h->borrowed, error);
    if (rc != SQLITE_OK || h->borrowed.fresh) {
        free(h->counts);
        h->counts = NULL;
    }
    if (rc != SQLITE_OK || dg_borrowed_column(&h->borrowed)->rows == 0) return rc;
    if (!h->counts) rc = count(h, error);
    if (rc == SQLITE_OK) h->end = dg_borrowed_column(&h->borrowed)->bits + 1;
    return rc;
}

static int next(void *state, char **error)
{
    (void)error;
    ((histogram *)state)->at++;
    return SQLITE_OK;
}

static int eof(const void *state)
{
    const histogram *h = state;
    return h->at >= h->end;
}

static void column(const void *state, sqlite3_context *context, int number)
{
    const histogram *h = state;
    sqlite3_result_int64(context, number == COLUMN_DISTANCE ? h->at : (int64_t)h->counts[h->at]);
}

int dg_vt_distance_histogram_register(dg_connection *connection)
{
    static const dg_table_function function = {
        .name = name,
        .columns = "distance INTEGER, pairs INTEGER",
        .column_count = COLUMNS,
        .arguments = arguments,
        .argument_count = ARGUMENTS,
        .state_bytes = sizeof(histogram),
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
