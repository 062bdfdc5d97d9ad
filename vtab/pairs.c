#include "pairs.h"

#include "pair_views.h"

#include <stdlib.h>
#include <string.h>

enum {
    FIRST_PAIRS = 256,       /* a query with a small LIMIT asks for no more */
    CACHED_PAIRS = 1 << 18,  /* 3 MB: longer results are not kept for a repeated request */
    INDEXED_PAIRS = 1 << 22, /* 48 MB: with more pairs, single rows are compared one by one */
    FOCUS_RUNS = 4,          /* single rows compared before all pairs are worth the effort */
};

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
        const dg_borrowed *read =
            strcmp(p->borrowed[0].from, "read") == 0 ? &p->borrowed[0] : &p->borrowed[p->two];
        dg_stats_add(&p->connection->stats, p->op, read->from, &report);
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

static void return_columns(dg_pairs *p)
{
    for (int side = 0; side < 2; side++) {
        dg_column_return(&p->borrowed[side]);
        p->column[side] = NULL;
    }
    dg_newer_free(&p->newer);
}

void dg_pairs_free(dg_pairs *p)
{
    finish_run(p);
    return_columns(p);
    clear_output(p);
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

static int same_range(dg_range a, dg_range b)
{
    return a.low == b.low && a.high == b.high;
}

/* Borrows the columns of the request, and forgets what others gave. Nothing is on loan after a failure. */
static int borrow_columns(dg_pairs *p, const dg_pairs_request *request, char **error)
{
    const dg_column_source *source = request->source;
    int rc = SQLITE_OK, fresh = p->two != request->two;
    p->two = request->two;
    for (int side = 0; side <= p->two && rc == SQLITE_OK; side++) {
        rc = dg_column_borrow(p->connection, &source[side], &p->borrowed[side], error);
        if (rc != SQLITE_OK) break;
        p->column[side] = dg_borrowed_column(&p->borrowed[side]);
        fresh |= p->borrowed[side].fresh;
    }
    if (rc == SQLITE_OK && p->two && p->column[0]->bits && p->column[1]->bits &&
        p->column[0]->bits != p->column[1]->bits) {
        *error = sqlite3_mprintf("%s: hashes of %s.%s have %u bits, those of %s.%s have %u", p->op,
                                 source[0].table, source[0].column, p->column[0]->bits, source[1].table,
                                 source[1].column, p->column[1]->bits);
        rc = SQLITE_ERROR;
    }
    if (rc != SQLITE_OK) return_columns(p);
    if (fresh || rc != SQLITE_OK) {
        forget_index(p);
        clear_output(p);
        dg_newer_free(&p->newer);
    }
    return rc;
}

/* Finds the rows that are newer than the request's mark, or learns that all count. */
static int find_newer(dg_pairs *p, const dg_pairs_request *request, char **error)
{
    dg_newer *newer = &p->newer;
    if (newer->known == request->newer && (!newer->known || newer->mark == request->newer_than))
        return SQLITE_OK;
    dg_newer_free(newer);
    clear_output(p);
    forget_index(p);
    if (!request->newer) return SQLITE_OK;
    return dg_newer_find(p->connection, &request->source[0], p->column[0], request->newer_than, newer, error);
}

/* Whether a join of the newer rows with all of them is less work than one of all with themselves. */
static int joins_newer_alone(const dg_pairs *p)
{
    return p->newer.known && !p->views && p->newer.count < p->column[0]->rows / 4;
}

/* Brings a pair of the join into the column's terms; 0: it does not count. Two newer rows are found twice
 * where newer rows are joined with all. */
static int keep_pair(const dg_pairs *p, dg_pair *pair)
{
    const dg_newer *newer = &p->newer;
    if (p->views && !dg_views_keep(p->column[0], p->column[p->two], p->two, pair)) return 0;
    if (pair->distance < p->distances.low) return 0;
    if (!newer->known) return 1;
    if (!joins_newer_alone(p)) return newer->is[pair->a] || newer->is[pair->b];
    const uint32_t row = newer->rows[pair->a], other = pair->b;
    pair->a = row < other ? row : other;
    pair->b = row < other ? other : row;
    return row != other && (row < other || !newer->is[other]);
}

static uint32_t bits_of(const dg_pairs *p)
{
    const dg_column *column = p->column[p->column[0]->bits ? 0 : p->two];
    uint32_t bits = p->views ? dg_views_bits(column) : column->bits;
    return bits ? bits : 64; /* of no rows, any width */
}

/* The newer rows and all of them. */
static int give_newer(dg_pairs *p, dg_join_spec *spec)
{
    const dg_column *column = p->column[0];
    const size_t row = column->words * sizeof *column->hashes;
    spec->rows = p->newer.count;
    spec->right_rows = column->rows;
    spec->hashes = malloc(spec->rows * row);
    spec->right = dg_borrowed_hashes(&p->borrowed[0]);
    if (!spec->hashes || !spec->right) {
        free(spec->hashes);
        free(spec->right);
        return SQLITE_NOMEM;
    }
    for (uint32_t i = 0; i < spec->rows; i++)
        memcpy(spec->hashes + (size_t)i * column->words,
               column->hashes + (size_t)p->newer.rows[i] * column->words, row);
    return SQLITE_OK;
}

/* The rows for a join, which takes them for its own. */
static int give_rows(dg_pairs *p, dg_join_spec *spec)
{
    if (p->views) return dg_views_give(p->column[0], p->column[p->two], spec);
    if (joins_newer_alone(p)) return give_newer(p, spec);
    spec->rows = p->column[0]->rows;
    spec->hashes = dg_borrowed_hashes(&p->borrowed[0]);
    if (!spec->hashes) return SQLITE_NOMEM;
    if (!p->two) return SQLITE_OK;
    spec->right_rows = p->column[1]->rows;
    spec->right = dg_borrowed_hashes(&p->borrowed[1]);
    if (spec->right) return SQLITE_OK;
    free(spec->hashes);
    return SQLITE_NOMEM;
}

/* Opens the join for p->distances. */
static int open_join(dg_pairs *p, enum dg_join_focus focus, char **error)
{
    dg_err err = {0};
    dg_join_spec spec = {0};
    dg_probe_start(&p->probe, p->connection->db);
    if (dg_settings_for_join(&p->connection->settings, &spec, &err) != DG_OK) return fail(p, &err, error);
    int rc = give_rows(p, &spec);
    if (rc != SQLITE_OK) return rc;
    spec.bits = bits_of(p);
    spec.threshold = p->distances.high < (int64_t)spec.bits ? (uint32_t)p->distances.high : spec.bits;
    spec.focus = focus;
    spec.focus_row = p->focus_row;
    spec.shard = p->shard;
    spec.shards = p->shards;
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
    if (p->distances.low > 0 || p->newer.known || p->views) {
        kept = 0;
        for (size_t i = 0; i < read; i++) {
            dg_pair pair = pairs[i];
            if (keep_pair(p, &pair)) pairs[kept++] = pair;
        }
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
static int make_index(dg_pairs *p, enum dg_join_focus side, char **error)
{
    int rc = open_join(p, DG_FOCUS_NONE, error);
    while (rc == SQLITE_OK && !p->ended && make_room(p, INDEXED_PAIRS)) rc = read_join(p, error);
    if (rc != SQLITE_OK) return rc;
    if (!p->ended || !dg_pair_index_make(&p->index, p->column[side == DG_FOCUS_SECOND ? p->two : 0]->rows,
                                         p->buffer, p->count, side == DG_FOCUS_SECOND))
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

/* Whether the columns' rows can be the eight hashes of a picture. */
static int check_views(const dg_pairs *p, const dg_pairs_request *request, char **error)
{
    for (int side = 0; side <= p->two; side++)
        if (p->column[side]->bits && !dg_views_bits(p->column[side])) {
            *error = sqlite3_mprintf("%s: hashes of %s.%s have %u bits; with orientations a row is the eight "
                                     "hashes that phash_orientations gives",
                                     p->op, request->source[side].table, request->source[side].column,
                                     p->column[side]->bits);
            return SQLITE_ERROR;
        }
    return SQLITE_OK;
}

int dg_pairs_filter(dg_pairs *p, const dg_pairs_request *request, char **error)
{
    int rc;
    *error = NULL;
    finish_run(p);
    rc = borrow_columns(p, request, error);
    if (rc == SQLITE_OK && request->views) rc = check_views(p, request, error);
    if (rc == SQLITE_OK) rc = find_newer(p, request, error);
    if (rc != SQLITE_OK) return rc;

    enum dg_join_focus focus = request->newer || request->views ? DG_FOCUS_NONE : request->focus;
    const dg_column *keys = p->column[focus == DG_FOCUS_SECOND ? p->two : 0];
    uint32_t row = 0;
    int matches = focus == DG_FOCUS_NONE ? 1 : dg_column_find(keys, request->key, &row);
    /* Keys that are not unique: SQLite picks from all pairs. So it does from a shard, which is cut from all
     * pairs. */
    if (matches > 1 || (matches == 1 && request->shards > 1)) focus = DG_FOCUS_NONE;

    p->at = 0;
    int same_search = same_range(request->distances, p->distances) && request->shard == p->shard &&
                      request->shards == p->shards && request->views == p->views;
    if (p->whole && same_search && focus == p->focus && row == p->focus_row) return SQLITE_OK;
    clear_output(p);
    if (!same_search) forget_index(p);
    p->distances = request->distances;
    p->shard = request->shard;
    p->shards = request->shards;
    p->views = request->views;
    p->focus = focus;
    p->focus_row = row;
    if (matches == 0 || p->distances.high < 0 || p->distances.low > p->distances.high) return SQLITE_OK;
    if (p->newer.known && p->newer.count == 0) return SQLITE_OK;

    if (focus != DG_FOCUS_NONE && !p->index.start && !p->index_refused && p->focus_runs++ >= FOCUS_RUNS) {
        rc = make_index(p, focus, error);
        if (rc != SQLITE_OK) return rc;
    }
    if (focus != DG_FOCUS_NONE && p->index.start && p->index.by_second == (focus == DG_FOCUS_SECOND)) {
        answer_from_index(p, row);
        return SQLITE_OK;
    }
    rc = open_join(p, focus, error);
    return rc == SQLITE_OK ? dg_pairs_refill(p, error) : rc;
}

/* --- for table functions --- */

void dg_pairs_release(void *state)
{
    dg_pairs_free(state);
}

void dg_pairs_hand_over(void *to, void *from)
{
    dg_pairs_move(to, from);
}

int dg_pairs_step(void *state, char **error)
{
    return dg_pairs_next(state, error);
}

int dg_pairs_done(const void *state)
{
    return dg_pairs_eof(state);
}

void dg_pairs_column(const void *state, sqlite3_context *context, int column)
{
    const dg_pairs *p = state;
    const dg_pair *pair = dg_pairs_get(p);
    switch (column) {
    case DG_PAIR_FIRST: dg_column_result_key(p->column[0], context, pair->a); break;
    case DG_PAIR_SECOND: dg_column_result_key(p->column[p->two], context, pair->b); break;
    case DG_PAIR_DISTANCE: sqlite3_result_int(context, (int)pair->distance); break;
    case DG_PAIR_SIMILARITY: sqlite3_result_double(context, 1.0 - (double)pair->distance / bits_of(p)); break;
    }
}

/* Both or neither; shard below shards. */
static int read_shard(dg_pairs_request *request, const char *op, const dg_arguments *given, int shard,
                      char **error)
{
    const int64_t part = given->number[shard], parts = given->number[shard + 1];
    const unsigned both = given->given >> shard & 3;
    if (both == 0) return SQLITE_OK;
    if (both != 3)
        *error = sqlite3_mprintf("%s: %s is given without %s", op, both & 1 ? "shard" : "shards",
                                 both & 1 ? "shards" : "shard");
    else if (parts > UINT32_MAX)
        *error = sqlite3_mprintf("%s: shards is %lld; it takes 4294967295 at most", op, (long long)parts);
    else if (part >= parts)
        *error = sqlite3_mprintf("%s: shard is %lld; of %lld shards the numbers are 0 to %lld", op,
                                 (long long)part, (long long)parts, (long long)parts - 1);
    if (*error) return SQLITE_ERROR;
    request->shard = (uint32_t)part;
    request->shards = (uint32_t)parts;
    return SQLITE_OK;
}

int dg_pairs_search(dg_pairs *p, dg_pairs_request *request, const dg_arguments *given, int shard,
                    sqlite3_value **filters, char **error)
{
    dg_range_narrow_all(&request->distances, filters);
    if (filters[DG_PAIRS_FIRST] || filters[DG_PAIRS_SECOND]) {
        request->focus = filters[DG_PAIRS_FIRST] ? DG_FOCUS_FIRST : DG_FOCUS_SECOND;
        request->key = filters[DG_PAIRS_FIRST] ? filters[DG_PAIRS_FIRST] : filters[DG_PAIRS_SECOND];
    }
    const int64_t orientations = given->number[shard + 2];
    if (orientations > 1) {
        *error = sqlite3_mprintf("%s: orientations is %lld; it takes 0 or 1", p->op, (long long)orientations);
        return SQLITE_ERROR;
    }
    request->views = (int)orientations;
    int rc = read_shard(request, p->op, given, shard, error);
    return rc == SQLITE_OK ? dg_pairs_filter(p, request, error) : rc;
}

static int one_row(const dg_planning *planning)
{
    return planning->filters >> DG_PAIRS_FIRST & 3;
}

void dg_pairs_describe(const dg_planning *planning, int threshold, sqlite3_str *words)
{
    int row = one_row(planning);
    if (row) {
        const char *name = planning->function->filters[row & 1 ? DG_PAIRS_FIRST : DG_PAIRS_SECOND].name;
        sqlite3_str_appendf(words, "pairs of one %.*s", (int)strcspn(name, " "), name);
    } else {
        sqlite3_str_appendall(words, "all pairs");
    }
    sqlite3_str_appendf(words, " within %s", dg_planning_argument(planning, threshold));
    dg_planning_filters(planning, DG_DISTANCE_SLOTS, words);
}

/*
 * One row against all is only offered as dearer than all pairs: an inner join then runs one search of all
 * pairs and looks the other table up, whatever its statistics say. Where the row comes from a constant,
 * an enclosing query or the left side of a LEFT JOIN, SQLite asks for no other plan and takes it at any
 * cost.
 */
void dg_pairs_estimate(const dg_planning *planning)
{
    int row = one_row(planning);
    planning->info->estimatedCost = row ? 1e13 : 1e10;
    planning->info->estimatedRows = row ? 100 : 1000000;
}

const char *dg_pairs_plan(const dg_planning *planning)
{
    static const char *const plans[] = {"auto, chosen when the column has been read",
                                        "brute, as the setting says", "multi_index, as the setting says"};
    int plan = (int)planning->connection->settings.of[DG_SETTING_PLAN].number;
    return one_row(planning) ? "one row against all" : plans[plan];
}
