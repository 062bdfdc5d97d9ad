#include "pairs.h"

#include <stdlib.h>
#include <string.h>

enum {
    FIRST_PAIRS = 256,      /* a query with a small LIMIT asks for no more */
    CACHED_PAIRS = 1 << 18, /* 3 MB: longer results are not kept for a repeated request */
};

enum { NAME_TABLE, NAME_COLUMN, NAME_SCHEMA, NAME_ID };

void dg_pairs_init(dg_pairs *pairs, dg_connection *connection, const char *op)
{
    *pairs = (dg_pairs){.connection = connection, .op = op, .ended = 1};
}

/* Ends the run, if there is one, and records it. */
static void finish_run(dg_pairs *p)
{
    if (p->join) {
        dg_join_report report;
        dg_join_report_get(p->join, &report);
        dg_stats_add(&p->connection->stats, p->op, &report);
        dg_join_close(p->join);
        p->join = NULL;
    }
    dg_probe_finish(&p->probe);
    p->ended = 1;
}

static void forget_column(dg_pairs *p)
{
    dg_column_free(&p->column);
    for (int i = 0; i < 4; i++) {
        sqlite3_free(p->names[i]);
        p->names[i] = NULL;
    }
    p->whole = 0;
}

void dg_pairs_free(dg_pairs *p)
{
    finish_run(p);
    forget_column(p);
    free(p->pairs);
    p->pairs = NULL;
}

static int fail(dg_pairs *p, const dg_err *err, char **error)
{
    int stopped = p->probe.result;
    finish_run(p);
    p->whole = 0;
    p->at = p->count = 0;
    if (err->code == DG_NOMEM) return SQLITE_NOMEM;
    if (err->code == DG_INTERRUPT) return stopped != SQLITE_OK ? stopped : SQLITE_INTERRUPT;
    *error = sqlite3_mprintf("%s: %s", p->op, err->text);
    return SQLITE_ERROR;
}

static int same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static int same_column(const dg_pairs *p, const dg_column_source *source)
{
    return p->names[NAME_TABLE] && same_text(p->names[NAME_TABLE], source->table) &&
           same_text(p->names[NAME_COLUMN], source->column) &&
           same_text(p->names[NAME_SCHEMA], source->schema) &&
           same_text(p->names[NAME_ID], source->id_column) &&
           p->changes == sqlite3_total_changes64(p->connection->db);
}

static int read_column(dg_pairs *p, const dg_column_source *source, char **error)
{
    const char *names[4] = {source->table, source->column, source->schema, source->id_column};
    forget_column(p);
    for (int i = 0; i < 4; i++) {
        if (!names[i]) continue;
        p->names[i] = sqlite3_mprintf("%s", names[i]);
        if (!p->names[i]) {
            forget_column(p);
            return SQLITE_NOMEM;
        }
    }
    p->changes = sqlite3_total_changes64(p->connection->db);
    int rc = dg_column_read(p->connection, source, &p->column, error);
    if (rc != SQLITE_OK) forget_column(p);
    return rc;
}

/*
 * The hashes for a join, which takes them for its own. The first request gives its only copy away; from the
 * second on, when a third is likely, a copy is made, after reading the column anew if need be.
 */
static int give_hashes(dg_pairs *p, const dg_column_source *source, uint64_t **hashes, char **error)
{
    if (!p->column.hashes) {
        int rc = read_column(p, source, error);
        if (rc != SQLITE_OK) return rc;
    }
    if (p->filters == 0) {
        *hashes = p->column.hashes;
        p->column.hashes = NULL;
        return SQLITE_OK;
    }
    size_t bytes = (size_t)p->column.rows * p->column.words * sizeof **hashes;
    *hashes = malloc(bytes ? bytes : sizeof **hashes);
    if (!*hashes) return SQLITE_NOMEM;
    if (bytes) memcpy(*hashes, p->column.hashes, bytes);
    return SQLITE_OK;
}

static int start_join(dg_pairs *p, const dg_column_source *source, char **error)
{
    dg_err err = {0};
    dg_join_spec spec = {0};
    if (dg_settings_for_join(&p->connection->settings, &spec, &err) != DG_OK) return fail(p, &err, error);
    int rc = give_hashes(p, source, &spec.hashes, error);
    if (rc != SQLITE_OK) return rc;
    uint32_t bits = p->column.bits ? p->column.bits : 64;
    dg_probe_start(&p->probe, p->connection->db);
    spec.rows = p->column.rows;
    spec.bits = bits;
    spec.threshold = p->distances.high < (int64_t)bits ? (uint32_t)p->distances.high : bits;
    spec.focus = p->focus;
    spec.focus_row = p->focus_row;
    spec.poll = dg_probe_poll(&p->probe);
    if (dg_join_open(&spec, &p->join, &err) != DG_OK) return fail(p, &err, error);
    p->ended = 0;
    return dg_pairs_refill(p, error);
}

int dg_pairs_filter(dg_pairs *p, const dg_pairs_request *request, char **error)
{
    int rc;
    *error = NULL;
    int had_all = p->whole && p->ended;
    finish_run(p);
    p->at = 0;
    if (!same_column(p, &request->source)) {
        had_all = 0;
        rc = read_column(p, &request->source, error);
        if (rc != SQLITE_OK) {
            p->count = 0;
            return rc;
        }
    }

    dg_range distances = request->distances;
    enum dg_join_focus focus = request->focus;
    uint32_t focus_row = 0;
    int matches = focus == DG_FOCUS_NONE ? 1 : dg_column_find(&p->column, request->key, &focus_row);
    /* Keys that are not unique: SQLite picks from all pairs. */
    if (matches > 1) focus = DG_FOCUS_NONE;

    if (had_all && focus == p->focus && focus_row == p->focus_row && distances.low == p->distances.low &&
        distances.high == p->distances.high)
        return SQLITE_OK;
    p->count = 0;
    p->whole = 1;
    p->distances = distances;
    p->focus = focus;
    p->focus_row = focus_row;
    if (matches == 0 || distances.high < 0 || distances.low > distances.high) return SQLITE_OK;

    rc = start_join(p, &request->source, error);
    p->filters++;
    return rc;
}

/* Room for more pairs: after those kept while the result is short, else in their place. */
static int make_room(dg_pairs *p)
{
    if (p->count < p->capacity) return SQLITE_OK;
    if (p->capacity >= CACHED_PAIRS) {
        p->whole = 0;
        p->at = p->count = 0;
        return SQLITE_OK;
    }
    size_t capacity = p->capacity ? p->capacity * 2 : FIRST_PAIRS;
    dg_pair *pairs = realloc(p->pairs, capacity * sizeof *pairs);
    if (!pairs) return SQLITE_NOMEM;
    p->pairs = pairs;
    p->capacity = capacity;
    return SQLITE_OK;
}

int dg_pairs_refill(dg_pairs *p, char **error)
{
    while (p->at >= p->count && !p->ended) {
        dg_err err = {0};
        size_t read;
        if (make_room(p) != SQLITE_OK) {
            dg_fail_nomem(&err, "pairs");
            return fail(p, &err, error);
        }
        dg_pair *pairs = p->pairs + p->count;
        if (dg_join_read(p->join, pairs, p->capacity - p->count, &read, &err) != DG_OK)
            return fail(p, &err, error);
        if (read == 0) {
            finish_run(p);
            break;
        }
        size_t kept = read;
        if (p->distances.low > 0) {
            kept = 0;
            for (size_t i = 0; i < read; i++)
                if (pairs[i].distance >= p->distances.low) pairs[kept++] = pairs[i];
        }
        p->count += kept;
    }
    return SQLITE_OK;
}
