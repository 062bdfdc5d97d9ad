/*
 * nearest_join(left, left_column, right, right_column, k): for each row of left the k rows of right whose
 * hashes differ least from its own, rank 1 being the nearest; rows come in the order of (id_left, rank), and
 * rank orders by (distance, id_right). Left and right may be the same table; a row is then its own neighbour
 * at distance 0.
 *
 * Rows of left are asked in batches, small at first so that LIMIT costs little, and bounded so that the
 * answers take BATCH_BYTES, or what k answers for one row take. distance <=, < and = are part of the search;
 * a rank is that among all of right. id_left = ? searches for one row of left where it belongs to one.
 * EXPLAIN QUERY PLAN reads <k> nearest in <table>.<column> for <each row|one row> of <table>.<column>[ and
 * distance <op> <value>].
 */
#include "column_cache.h"
#include "table_function.h"

#include <stdlib.h>
#include <string.h>

enum { COLUMN_ID_LEFT, COLUMN_ID_RIGHT, COLUMN_DISTANCE, COLUMN_RANK, COLUMNS };

enum {
    LEFT,
    LEFT_COLUMN,
    RIGHT,
    RIGHT_COLUMN,
    K,
    LEFT_SCHEMA,
    LEFT_ID_COLUMN,
    RIGHT_SCHEMA,
    RIGHT_ID_COLUMN,
    ARGUMENTS
};

static const char name[] = "nearest_join";

static const dg_argument arguments[ARGUMENTS] = {
    [LEFT] = {.name = "left", .kind = DG_ARGUMENT_TABLE, .required = 1},
    [LEFT_COLUMN] = {.name = "left_column", .kind = DG_ARGUMENT_COLUMN, .required = 1},
    [RIGHT] = {.name = "right", .kind = DG_ARGUMENT_TABLE, .required = 1},
    [RIGHT_COLUMN] = {.name = "right_column", .kind = DG_ARGUMENT_COLUMN, .required = 1},
    [K] = {.name = "k", .kind = DG_ARGUMENT_NUMBER, .required = 1, .least = 1},
    [LEFT_SCHEMA] = {.name = "left_schema", .kind = DG_ARGUMENT_SCHEMA},
    [LEFT_ID_COLUMN] = {.name = "left_id_column", .kind = DG_ARGUMENT_COLUMN},
    [RIGHT_SCHEMA] = {.name = "right_schema", .kind = DG_ARGUMENT_SCHEMA},
    [RIGHT_ID_COLUMN] = {.name = "right_id_column", .kind = DG_ARGUMENT_COLUMN},
};

enum { ID_LEFT = DG_DISTANCE_SLOTS, FILTERS };

static const dg_plan_slot filters[FILTERS] = {
    DG_DISTANCE_SLOT_LIST(COLUMN_DISTANCE),
    [ID_LEFT] = {DG_SLOT_FILTER, COLUMN_ID_LEFT, SQLITE_INDEX_CONSTRAINT_EQ, 0, "id_left ="},
};

enum {
    FIRST_BATCH = 64,
    MAX_BATCH = 1 << 16,
    BATCH_BYTES = 1 << 24,
};

typedef struct nearest_join {
    dg_connection *connection;
    dg_borrowed left, right; /* the search is that of the loan of right */
    const char *from;        /* of the rows in the report */
    dg_report report;
    int searched;

    uint32_t k;
    dg_range distances;
    uint32_t next_row, end_row; /* of left: those not asked yet */
    uint32_t batch;             /* rows to ask next */

    uint32_t first, count; /* rows of left that were asked last */
    uint32_t *found;
    dg_neighbour *neighbours;
    uint32_t room; /* rows of left for which there is room, k neighbours each */
    uint32_t room_k;
    uint32_t row, at; /* the current neighbour; row == count: none */
} nearest_join;

static void describe(const dg_planning *planning, sqlite3_str *words)
{
    const int one = planning->filters >> ID_LEFT & 1;
    sqlite3_str_appendf(words, "%s nearest in ", dg_planning_argument(planning, K));
    sqlite3_str_appendf(words, "%s.", dg_planning_argument(planning, RIGHT));
    sqlite3_str_appendf(words, "%s for %s of ", dg_planning_argument(planning, RIGHT_COLUMN),
                        one ? "one row" : "each row");
    sqlite3_str_appendf(words, "%s.", dg_planning_argument(planning, LEFT));
    sqlite3_str_appendall(words, dg_planning_argument(planning, LEFT_COLUMN));
    dg_planning_filters(planning, DG_DISTANCE_SLOTS, words);
}

/* One row of left is offered as dearer than all, for the reason given in vt_similar_pairs.c. */
static void estimate(const dg_planning *planning)
{
    static const int order[] = {COLUMN_ID_LEFT};
    const int one = planning->filters >> ID_LEFT & 1;
    planning->info->estimatedCost = one ? 1e13 : 1e10;
    planning->info->estimatedRows = one ? 10 : 1000000;
    dg_plan_order(planning->info, order, 1);
}

static void init(void *state, dg_connection *connection)
{
    *(nearest_join *)state = (nearest_join){.connection = connection};
}

/* Records what was searched so far. */
static void record(nearest_join *j)
{
    if (j->searched) dg_stats_add(&j->connection->stats, name, j->from, &j->report);
    j->report = (dg_report){0};
    j->searched = 0;
}

static void release(void *state)
{
    nearest_join *j = state;
    record(j);
    dg_column_return(&j->left);
    dg_column_return(&j->right);
    free(j->found);
    free(j->neighbours);
    init(j, j->connection);
}

static void move(void *to, void *from)
{
    nearest_join *j = from;
    *(nearest_join *)to = *j;
    init(j, j->connection);
}

static int same_name(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* Borrows both columns; a column joined with itself is read once. */
static int borrow(nearest_join *j, const dg_arguments *given, char **error)
{
    const dg_column_source left = {name, given->text[LEFT], given->text[LEFT_COLUMN],
                                   given->text[LEFT_SCHEMA], given->text[LEFT_ID_COLUMN]};
    const dg_column_source right = {name, given->text[RIGHT], given->text[RIGHT_COLUMN],
                                    given->text[RIGHT_SCHEMA], given->text[RIGHT_ID_COLUMN]};
    const int same = same_name(left.table, right.table) && same_name(left.column, right.column) &&
                     same_name(left.schema, right.schema) && same_name(left.id_column, right.id_column);
    int rc = dg_column_borrow(j->connection, &left, &j->left, error);
    if (rc != SQLITE_OK) return rc;
    const int fresh = j->left.fresh, read = strcmp(j->left.from, "read") == 0;
    if (same)
        dg_column_share(&j->left, &j->right);
    else
        rc = dg_column_borrow(j->connection, &right, &j->right, error);
    if (rc != SQLITE_OK) return rc;
    if (fresh || j->right.fresh) {
        record(j);
        j->from = read ? "read" : j->right.from;
    }
    return SQLITE_OK;
}

/* Starts with these rows of left. */
static void start(nearest_join *j, uint32_t begin, uint32_t end)
{
    j->next_row = begin;
    j->end_row = end;
    j->batch = FIRST_BATCH;
    j->row = j->count = 0;
}

/* Room for the answers of so many rows of left. */
static int make_room(nearest_join *j, uint32_t rows)
{
    if (rows <= j->room && j->k <= j->room_k) return 1;
    free(j->found);
    free(j->neighbours);
    j->room = j->room_k = 0;
    j->found = malloc(rows * sizeof *j->found);
    j->neighbours = malloc((size_t)rows * j->k * sizeof *j->neighbours);
    if (!j->found || !j->neighbours) return 0;
    j->room = rows;
    j->room_k = j->k;
    return 1;
}

/* Asks for the next rows of left. */
static int ask(nearest_join *j, char **error)
{
    const dg_column *left = dg_borrowed_column(&j->left), *right = dg_borrowed_column(&j->right);
    const uint32_t answers = BATCH_BYTES / sizeof(dg_neighbour) / j->k;
    uint32_t rows = j->batch;
    dg_err err = {0};
    if (rows > answers) rows = answers ? answers : 1;
    if (rows > j->end_row - j->next_row) rows = j->end_row - j->next_row;
    j->row = j->count = 0;
    if (!make_room(j, rows)) return SQLITE_NOMEM;
    const dg_question question = {.queries = left->hashes + (size_t)j->next_row * left->words,
                                  .count = rows,
                                  .k = j->k,
                                  .limit = (uint32_t)j->distances.high,
                                  .expected = j->end_row - j->next_row,
                                  .found = j->found,
                                  .neighbours = j->neighbours};
    j->searched = 1;
    if (dg_search_find(&j->right.search, j->connection, right, &question, &j->report, &err) != DG_OK)
        return dg_vtab_failure(name, &err, error);
    j->first = j->next_row;
    j->count = rows;
    j->next_row += rows;
    if (j->batch < MAX_BATCH) j->batch *= 2;
    return SQLITE_OK;
}

static const dg_neighbour *neighbour(const nearest_join *j)
{
    return &j->neighbours[(size_t)j->row * j->k + j->at];
}

/* Goes on from the neighbour `at` of the row, which may not be there, to one that counts. */
static int settle(nearest_join *j, char **error)
{
    for (;;) {
        while (j->row < j->count) {
            while (j->at < j->found[j->row] && neighbour(j)->distance < j->distances.low) j->at++;
            if (j->at < j->found[j->row]) return SQLITE_OK;
            j->row++;
            j->at = 0;
        }
        if (j->next_row == j->end_row) return SQLITE_OK;
        int rc = ask(j, error);
        if (rc != SQLITE_OK) return rc;
    }
}

static int filter(void *state, const dg_arguments *given, sqlite3_value **values, char **error)
{
    nearest_join *j = state;
    start(j, 0, 0);
    int rc = borrow(j, given, error);
    if (rc != SQLITE_OK) return rc;
    const dg_column *left = dg_borrowed_column(&j->left), *right = dg_borrowed_column(&j->right);
    if (left->rows == 0 || right->rows == 0) return SQLITE_OK;
    if (left->bits != right->bits) {
        *error = sqlite3_mprintf("%s: %s.%s has hashes of %d bits, %s.%s of %d", name, given->text[LEFT],
                                 given->text[LEFT_COLUMN], (int)left->bits, given->text[RIGHT],
                                 given->text[RIGHT_COLUMN], (int)right->bits);
        return SQLITE_ERROR;
    }
    j->distances = (dg_range){0, left->bits};
    dg_range_narrow_all(&j->distances, values);
    if (j->distances.low > j->distances.high) return SQLITE_OK;
    j->k = given->number[K] < right->rows ? (uint32_t)given->number[K] : right->rows;

    uint32_t row;
    const int matches = values[ID_LEFT] ? dg_column_find(left, values[ID_LEFT], &row) : 2;
    if (matches == 1) start(j, row, row + 1);
    if (matches == 2) start(j, 0, left->rows); /* SQLite picks from all rows */
    return settle(j, error);
}

static int next(void *state, char **error)
{
    nearest_join *j = state;
    j->at++;
    return settle(j, error);
}

static int eof(const void *state)
{
    const nearest_join *j = state;
    return j->row >= j->count;
}

static void column(const void *state, sqlite3_context *context, int number)
{
    const nearest_join *j = state;
    switch (number) {
    case COLUMN_ID_LEFT:
        dg_column_result_key(dg_borrowed_column(&j->left), context, j->first + j->row);
        break;
    case COLUMN_ID_RIGHT:
        dg_column_result_key(dg_borrowed_column(&j->right), context, neighbour(j)->row);
        break;
    case COLUMN_DISTANCE: sqlite3_result_int(context, (int)neighbour(j)->distance); break;
    case COLUMN_RANK: sqlite3_result_int64(context, (int64_t)j->at + 1); break;
    }
}

int dg_vt_nearest_join_register(dg_connection *connection)
{
    static const dg_table_function function = {
        .name = name,
        .columns = "id_left, id_right, distance INTEGER, rank INTEGER",
        .column_count = COLUMNS,
        .arguments = arguments,
        .argument_count = ARGUMENTS,
        .filters = filters,
        .filter_count = FILTERS,
        .state_bytes = sizeof(nearest_join),
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
