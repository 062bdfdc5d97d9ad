/*
 * nearest(source, column, query, k): the k rows whose hashes differ least from the query, in order of
 * (distance, id). Where there are fewer rows than k, all of them. A query that is NULL has no neighbours.
 *
 * distance <=, < and = are part of the search: (k nearest) within a distance and (nearest within a distance),
 * k of them, are the same rows.
 *
 * The search may be asked once for each row of an outer table, whose hash is the query: the column is
 * borrowed once for a statement, the search stays open with it, and an equal question is answered from what
 * is there. EXPLAIN QUERY PLAN reads <k> nearest to the query in <table>.<column>[ and distance <op>
 * <value>].
 */
#include "column_cache.h"
#include "table_function.h"

#include "../ext/hashvalue.h"

#include <stdlib.h>
#include <string.h>

enum { COLUMN_ID, COLUMN_DISTANCE, COLUMNS };

enum { SOURCE, COLUMN, QUERY, K, SCHEMA, ID_COLUMN, ARGUMENTS };

static const char name[] = "nearest";

static const dg_argument arguments[ARGUMENTS] = {
    [SOURCE] = {.name = "source", .kind = DG_ARGUMENT_TABLE, .required = 1},
    [COLUMN] = {.name = "column", .kind = DG_ARGUMENT_COLUMN, .required = 1},
    [QUERY] = {.name = "query", .kind = DG_ARGUMENT_VALUE, .required = 1},
    [K] = {.name = "k", .kind = DG_ARGUMENT_NUMBER, .required = 1, .least = 1},
    [SCHEMA] = {.name = "schema", .kind = DG_ARGUMENT_SCHEMA},
    [ID_COLUMN] = {.name = "id_column", .kind = DG_ARGUMENT_COLUMN},
};

static const dg_plan_slot filters[DG_DISTANCE_SLOTS] = {
    DG_DISTANCE_SLOT_LIST(COLUMN_DISTANCE),
};

typedef struct asked {
    uint64_t query[DG_WORDS_MAX];
    uint32_t k, limit;
} asked;

typedef struct nearest {
    dg_connection *connection;
    dg_borrowed borrowed;
    const char *from; /* of the questions in the report */
    dg_report report; /* of all questions so far */
    int questions;    /* how many */
    asked last;       /* the question that `rows` answers, while `answered` */
    int answered;
    dg_neighbour *rows;
    uint32_t room, found; /* of rows */
    uint32_t at, end;
} nearest;

static void describe(const dg_planning *planning, sqlite3_str *words)
{
    sqlite3_str_appendf(words, "%s nearest to the query in ", dg_planning_argument(planning, K));
    sqlite3_str_appendf(words, "%s.", dg_planning_argument(planning, SOURCE));
    sqlite3_str_appendall(words, dg_planning_argument(planning, COLUMN));
    dg_planning_filters(planning, DG_DISTANCE_SLOTS, words);
}

/* Far above the rows, so that a search for a constant is not put inside a loop; where the query comes from an
 * outer row, SQLite has no other order of tables. */
static void estimate(const dg_planning *planning)
{
    static const int order[] = {COLUMN_DISTANCE, COLUMN_ID};
    const long long k = strtoll(dg_planning_argument(planning, K), NULL, 10);
    planning->info->estimatedRows = k > 0 && k < 1000000 ? k : 10;
    planning->info->estimatedCost = 1e6 + 1e3 * (double)planning->info->estimatedRows;
    dg_plan_order(planning->info, order, 2);
}

static void init(void *state, dg_connection *connection)
{
    *(nearest *)state = (nearest){.connection = connection};
}

/* Records what was asked so far. */
static void record(nearest *n)
{
    if (n->questions) dg_stats_add(&n->connection->stats, name, n->from, &n->report);
    n->report = (dg_report){0};
    n->questions = 0;
}

static void release(void *state)
{
    nearest *n = state;
    record(n);
    dg_column_return(&n->borrowed);
    free(n->rows);
    init(n, n->connection);
}

static void move(void *to, void *from)
{
    nearest *n = from;
    *(nearest *)to = *n;
    init(n, n->connection);
}

static int borrow(nearest *n, const dg_column_source *source, char **error)
{
    int rc = dg_column_borrow(n->connection, source, &n->borrowed, error);
    if (rc != SQLITE_OK || n->borrowed.fresh) {
        record(n);
        n->answered = 0;
        n->from = n->borrowed.from;
    }
    return rc;
}

/* The query in the column's width. Returns an SQLite code. */
static int read_query(const nearest *n, const dg_arguments *given, uint64_t *words, char **error)
{
    const dg_column *column = dg_borrowed_column(&n->borrowed);
    const char *text = given->text[QUERY]; /* of a table that is named for good */
    dg_hashvalue hash;
    dg_err err = {0};
    if (text ? dg_hashvalue_read_hex(text, strlen(text), &hash, &err)
             : dg_hashvalue_read(given->value[QUERY], &hash, &err)) {
        if (err.code == DG_NOMEM) return SQLITE_NOMEM;
        *error = sqlite3_mprintf("%s: query is %s", name, err.text);
        return SQLITE_ERROR;
    }
    if (column->rows > 0 && hash.count * 8 != column->bits) {
        *error = sqlite3_mprintf("%s: query has %d bits, %s.%s has %d", name, (int)hash.count * 8,
                                 given->text[SOURCE], given->text[COLUMN], (int)column->bits);
        return SQLITE_ERROR;
    }
    dg_hash_to_words(hash.bytes, hash.count, words);
    return SQLITE_OK;
}

static int make_room(nearest *n, uint32_t k)
{
    if (k <= n->room) return 1;
    dg_neighbour *rows = realloc(n->rows, (size_t)k * sizeof *rows);
    if (!rows) return 0;
    n->rows = rows;
    n->room = k;
    return 1;
}

static int same_question(const nearest *n, const asked *question)
{
    const size_t bytes = dg_borrowed_column(&n->borrowed)->words * sizeof *question->query;
    return n->answered && n->last.k == question->k && n->last.limit == question->limit &&
           memcmp(n->last.query, question->query, bytes) == 0;
}

/* Answers into n->rows. */
static int search(nearest *n, const asked *question, char **error)
{
    dg_err err = {0};
    n->answered = 0;
    if (!make_room(n, question->k)) return SQLITE_NOMEM;
    const dg_question q = {.queries = question->query,
                           .count = 1,
                           .k = question->k,
                           .limit = question->limit,
                           .expected = 1,
                           .found = &n->found,
                           .neighbours = n->rows};
    n->questions++;
    if (dg_search_find(dg_borrowed_search(&n->borrowed), n->connection, dg_borrowed_column(&n->borrowed), &q,
                       &n->report, &err) != DG_OK)
        return dg_vtab_failure(name, &err, error);
    n->last = *question;
    n->answered = 1;
    return SQLITE_OK;
}

static int filter(void *state, const dg_arguments *given, sqlite3_value **values, char **error)
{
    nearest *n = state;
    const dg_column_source source = {name, given->text[SOURCE], given->text[COLUMN], given->text[SCHEMA],
                                     given->text[ID_COLUMN]};
    dg_range distances = {0, UINT32_MAX};
    asked question = {.k = 0};
    n->at = n->end = 0;
    int rc = borrow(n, &source, error);
    if (rc != SQLITE_OK || !(given->given >> QUERY & 1)) return rc;
    rc = read_query(n, given, question.query, error);
    if (rc != SQLITE_OK) return rc;

    const dg_column *column = dg_borrowed_column(&n->borrowed);
    dg_range_narrow_all(&distances, values);
    if (column->rows == 0 || distances.low > distances.high) return SQLITE_OK;
    question.limit = distances.high < column->bits ? (uint32_t)distances.high : column->bits;
    question.k = given->number[K] < column->rows ? (uint32_t)given->number[K] : column->rows;
    if (!same_question(n, &question)) rc = search(n, &question, error);
    if (rc != SQLITE_OK) return rc;
    n->end = n->found;
    while (n->at < n->end && n->rows[n->at].distance < distances.low) n->at++;
    return SQLITE_OK;
}

static int next(void *state, char **error)
{
    (void)error;
    ((nearest *)state)->at++;
    return SQLITE_OK;
}

static int eof(const void *state)
{
    const nearest *n = state;
    return n->at >= n->end;
}

static void column(const void *state, sqlite3_context *context, int number)
{
    const nearest *n = state;
    const dg_neighbour *row = &n->rows[n->at];
    if (number == COLUMN_ID)
        dg_column_result_key(dg_borrowed_column(&n->borrowed), context, row->row);
    else
        sqlite3_result_int(context, (int)row->distance);
}

int dg_vt_nearest_register(dg_connection *connection)
{
    static const dg_table_function function = {
        .name = name,
        .columns = "id, distance INTEGER",
        .column_count = COLUMNS,
        .arguments = arguments,
        .argument_count = ARGUMENTS,
        .filters = filters,
        .filter_count = DG_DISTANCE_SLOTS,
        .state_bytes = sizeof(nearest),
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
