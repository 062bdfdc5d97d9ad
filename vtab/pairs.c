#include "pairs.h"

#include <stdlib.h>
#include <string.h>

enum {
    FIRST_PAIRS = 256,       /* a query with a small LIMIT asks for no more */
    CACHED_PAIRS = 1 << 18,  /* 3 MB: longer results are not kept for a repeated request */
    INDEXED_PAIRS = 1 << 22, /* 48 MB: with more pairs, single rows are compared one by one */
    FOCUS_RUNS = 4,          /* single rows compared before all pairs are worth the effort */
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
        dg_report report;
        dg_join_report_get(p->join, &report);
        dg_stats_add(&p->connection->stats, p->op, &report);
        dg_join_close(p->join);
        p->join = NULL;
    }
    dg_probe_finish(&p->probe);
    if (!p->ended) p->whole = 0;
    p->ended = 1;
}

/* Nothing to hand out. */
static void clear_output(dg_pairs *p)
{
    p->out = p->buffer;
    p->at = p->count = 0;
    p->whole = 0;
}

static void forget_index(dg_pairs *p)
{
    dg_pair_index_free(&p->index);
    p->index_refused = 0;
    p->focus_runs = 0;
}

static void forget_column(dg_pairs *p)
{
    dg_column_free(&p->column);
    for (int i = 0; i < 4; i++) {
        sqlite3_free(p->names[i]);
        p->names[i] = NULL;
    }
    clear_output(p);
}

void dg_pairs_free(dg_pairs *p)
{
    finish_run(p);
    forget_column(p);
    forget_index(p);
    free(p->buffer);
    p->buffer = NULL;
}

void dg_pairs_move(dg_pairs *to, dg_pairs *from)
{
    finish_run(from);
    *to = *from;
    dg_pairs_init(from, from->connection, from->op);
}

static int fail(dg_pairs *p, const dg_err *err, char **error)
{
    int stopped = p->probe.result;
    finish_run(p);
    clear_output(p);
    if (err->code == DG_NOMEM) return SQLITE_NOMEM;
    if (err->code == DG_INTERRUPT) return stopped != SQLITE_OK ? stopped : SQLITE_INTERRUPT;
    *error = sqlite3_mprintf("%s: %s", p->op, err->text);
    return SQLITE_ERROR;
}

static int same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static int same_range(dg_range a, dg_range b)
{
    return a.low == b.low && a.high == b.high;
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
    if (p->requests++ == 0) {
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

/* Opens the join for p->distances. */
static int open_join(dg_pairs *p, const dg_column_source *source, enum dg_join_focus focus, char **error)
{
    dg_err err = {0};
    dg_join_spec spec = {0};
    dg_probe_start(&p->probe, p->connection->db);
    if (dg_settings_for_join(&p->connection->settings, &spec, &err) != DG_OK) return fail(p, &err, error);
    int rc = give_hashes(p, source, &spec.hashes, error);
    if (rc != SQLITE_OK) return rc;
    spec.rows = p->column.rows;
    spec.bits = p->column.bits ? p->column.bits : 64; /* of no rows, any width */
    spec.threshold = p->distances.high < (int64_t)spec.bits ? (uint32_t)p->distances.high : spec.bits;
    spec.focus = focus;
    spec.focus_row = p->focus_row;
    spec.poll = dg_probe_poll(&p->probe);
    if (dg_join_open(&spec, &p->join, &err) != DG_OK) return fail(p, &err, error);
    p->out = p->buffer;
    p->at = p->count = 0;
    p->ended = 0;
    p->whole = 1;
    return SQLITE_OK;
}

/* Room in the buffer for more pairs than it holds, up to `limit`. Returns 0 where there is none. */
static int make_room(dg_pairs *p, size_t limit)
{
    if (p->count < p->capacity) return 1;
    if (p->capacity >= limit) return 0;
    size_t capacity = p->capacity ? p->capacity * 2 : FIRST_PAIRS;
    dg_pair *buffer = realloc(p->buffer, capacity * sizeof *buffer);
    if (!buffer) return 0;
    p->out = p->buffer = buffer;
    p->capacity = capacity;
    return 1;
}

/* Reads from the join into the buffer's room, dropping pairs that are too near, and ends the run after the
 * last. */
static int read_join(dg_pairs *p, char **error)
{
    dg_err err = {0};
    size_t read;
    dg_pair *pairs = p->buffer + p->count;
    if (dg_join_read(p->join, pairs, p->capacity - p->count, &read, &err) != DG_OK)
        return fail(p, &err, error);
    if (read == 0) {
        p->ended = 1;
        finish_run(p);
        return SQLITE_OK;
    }
    size_t kept = read;
    if (p->distances.low > 0) {
        kept = 0;
        for (size_t i = 0; i < read; i++)
            if (pairs[i].distance >= p->distances.low) pairs[kept++] = pairs[i];
    }
    p->count += kept;
    return SQLITE_OK;
}

/*
 * A short result is kept whole. Once it has grown too long, or memory is short, new pairs take the place of
 * those that were handed out.
 */
int dg_pairs_refill(dg_pairs *p, char **error)
{
    while (p->at >= p->count && !p->ended) {
        if (!make_room(p, CACHED_PAIRS)) {
            if (p->capacity == 0) {
                dg_err err = {0};
                dg_fail_nomem(&err, "pairs");
                return fail(p, &err, error);
            }
            p->whole = 0;
            p->at = p->count = 0;
        }
        int rc = read_join(p, error);
        if (rc != SQLITE_OK) return rc;
    }
    return SQLITE_OK;
}

/* Computes all pairs and files them. The index stays empty, and is refused from now on, where that is too
 * much. */
static int make_index(dg_pairs *p, const dg_column_source *source, enum dg_join_focus side, char **error)
{
    int rc = open_join(p, source, DG_FOCUS_NONE, error);
    while (rc == SQLITE_OK && !p->ended && make_room(p, INDEXED_PAIRS)) rc = read_join(p, error);
    if (rc != SQLITE_OK) return rc;
    if (!p->ended ||
        !dg_pair_index_make(&p->index, p->column.rows, p->buffer, p->count, side == DG_FOCUS_SECOND))
        p->index_refused = 1;
    finish_run(p);
    clear_output(p);
    return SQLITE_OK;
}

static void answer_from_index(dg_pairs *p, uint32_t row)
{
    p->out = p->index.pairs + p->index.start[row];
    p->count = p->index.start[row + 1] - p->index.start[row];
    p->at = 0;
    p->whole = 0;
}

int dg_pairs_filter(dg_pairs *p, const dg_pairs_request *request, char **error)
{
    int rc;
    *error = NULL;
    finish_run(p);
    if (!same_column(p, &request->source)) {
        forget_index(p);
        rc = read_column(p, &request->source, error);
        if (rc != SQLITE_OK) return rc;
    }

    enum dg_join_focus focus = request->focus;
    uint32_t row = 0;
    int matches = focus == DG_FOCUS_NONE ? 1 : dg_column_find(&p->column, request->key, &row);
    /* Keys that are not unique: SQLite picks from all pairs. */
    if (matches > 1) focus = DG_FOCUS_NONE;

    p->at = 0;
    if (p->whole && focus == p->focus && row == p->focus_row && same_range(request->distances, p->distances))
        return SQLITE_OK;
    clear_output(p);
    if (!same_range(request->distances, p->distances)) forget_index(p);
    p->distances = request->distances;
    p->focus = focus;
    p->focus_row = row;
    if (matches == 0 || p->distances.high < 0 || p->distances.low > p->distances.high) return SQLITE_OK;

    if (focus != DG_FOCUS_NONE && !p->index.start && !p->index_refused && p->focus_runs++ >= FOCUS_RUNS) {
        rc = make_index(p, &request->source, focus, error);
        if (rc != SQLITE_OK) return rc;
    }
    if (focus != DG_FOCUS_NONE && p->index.start && p->index.by_second == (focus == DG_FOCUS_SECOND)) {
        answer_from_index(p, row);
        return SQLITE_OK;
    }
    rc = open_join(p, &request->source, focus, error);
    return rc == SQLITE_OK ? dg_pairs_refill(p, error) : rc;
}
