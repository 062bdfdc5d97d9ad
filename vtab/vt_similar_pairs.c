/*
 * similar_pairs(source, column, threshold): every unordered pair of rows whose hashes differ in at most
 * `threshold` bits, once; id_a is the key that sorts first. A threshold larger than the hash is wide gives
 * all pairs.
 *
 * Plans: all pairs, or the pairs of one row where id_a or id_b is compared with a value that belongs to one
 * row; distance <=, < and = narrow the search. EXPLAIN QUERY PLAN reads <all pairs|pairs of one id_a|pairs of
 * one id_b> within <threshold>[ and distance <op> <value>] of <table>.<column>, plan <plan> with words in
 * place of values that are not known while planning.
 */
#include "pairs.h"
#include "table_function.h"

enum { COLUMN_ID_A, COLUMN_ID_B, COLUMN_DISTANCE, COLUMN_SIMILARITY, COLUMNS };

enum { SOURCE, COLUMN, THRESHOLD, SCHEMA, ID_COLUMN, ARGUMENTS };

static const dg_argument arguments[ARGUMENTS] = {
    [SOURCE] = {.name = "source", .kind = DG_ARGUMENT_TABLE, .required = 1},
    [COLUMN] = {.name = "column", .kind = DG_ARGUMENT_COLUMN, .required = 1},
    [THRESHOLD] = {.name = "threshold", .kind = DG_ARGUMENT_NUMBER, .required = 1},
    [SCHEMA] = {.name = "schema", .kind = DG_ARGUMENT_SCHEMA},
    [ID_COLUMN] = {.name = "id_column", .kind = DG_ARGUMENT_COLUMN},
};

enum { DISTANCE_LE, DISTANCE_LT, DISTANCE_EQ, ID_A, ID_B, FILTERS };

static const dg_plan_slot filters[FILTERS] = {
    [DISTANCE_LE] = {DG_SLOT_FILTER, COLUMN_DISTANCE, SQLITE_INDEX_CONSTRAINT_LE, 1, "distance <="},
    [DISTANCE_LT] = {DG_SLOT_FILTER, COLUMN_DISTANCE, SQLITE_INDEX_CONSTRAINT_LT, 1, "distance <"},
    [DISTANCE_EQ] = {DG_SLOT_FILTER, COLUMN_DISTANCE, SQLITE_INDEX_CONSTRAINT_EQ, 1, "distance ="},
    [ID_A] = {DG_SLOT_FILTER, COLUMN_ID_A, SQLITE_INDEX_CONSTRAINT_EQ, 0, "id_a ="},
    [ID_B] = {DG_SLOT_FILTER, COLUMN_ID_B, SQLITE_INDEX_CONSTRAINT_EQ, 0, "id_b ="},
};

static void describe(const dg_planning *planning, sqlite3_str *words)
{
    static const char *const plans[] = {"auto, chosen when the column has been read",
                                        "brute, as the setting says", "multi_index, as the setting says"};
    int one_a = planning->filters >> ID_A & 1, one_b = planning->filters >> ID_B & 1;
    int plan = (int)planning->connection->settings.of[DG_SETTING_PLAN].number;
    sqlite3_str_appendall(words, one_a ? "pairs of one id_a" : one_b ? "pairs of one id_b" : "all pairs");
    sqlite3_str_appendf(words, " within %s", dg_planning_argument(planning, THRESHOLD));
    dg_planning_filters(planning, DISTANCE_EQ + 1, words);
    sqlite3_str_appendf(words, " of %s.", dg_planning_argument(planning, SOURCE));
    sqlite3_str_appendf(words, "%s, plan %s", dg_planning_argument(planning, COLUMN),
                        one_a || one_b ? "one row against all" : plans[plan]);
}

/*
 * One row against all is only offered as dearer than all pairs: an inner join then runs one search of all
 * pairs and looks the other table up, whatever its statistics say. Where the row comes from a constant,
 * an enclosing query or the left side of a LEFT JOIN, SQLite asks for no other plan and takes it at any
 * cost.
 */
static void estimate(const dg_planning *planning)
{
    int one_row = planning->filters >> ID_A & 3;
    planning->info->estimatedCost = one_row ? 1e13 : 1e10;
    planning->info->estimatedRows = one_row ? 100 : 1000000;
}

static void init(void *state, dg_connection *connection)
{
    dg_pairs_init(state, connection, "similar_pairs");
}

static void release(void *state)
{
    dg_pairs_free(state);
}

static void move(void *to, void *from)
{
    dg_pairs_move(to, from);
}

static int filter(void *state, const dg_arguments *given, sqlite3_value **values, char **error)
{
    dg_pairs_request request = {
        .source = {"similar_pairs", given->text[SOURCE], given->text[COLUMN], given->text[SCHEMA],
                   given->text[ID_COLUMN]},
        .distances = {0, given->number[THRESHOLD]},
    };
    for (int i = DISTANCE_LE; i <= DISTANCE_EQ; i++)
        if (values[i]) dg_range_narrow(&request.distances, filters[i].op, values[i]);
    if (values[ID_A] || values[ID_B]) {
        request.focus = values[ID_A] ? DG_FOCUS_FIRST : DG_FOCUS_SECOND;
        request.key = values[ID_A] ? values[ID_A] : values[ID_B];
    }
    return dg_pairs_filter(state, &request, error);
}

static int next(void *state, char **error)
{
    return dg_pairs_next(state, error);
}

static int eof(const void *state)
{
    return dg_pairs_eof(state);
}

static void column(const void *state, sqlite3_context *context, int number)
{
    const dg_pairs *pairs = state;
    const dg_pair *pair = dg_pairs_get(pairs);
    switch (number) {
    case COLUMN_ID_A: dg_column_result_key(&pairs->column, context, pair->a); break;
    case COLUMN_ID_B: dg_column_result_key(&pairs->column, context, pair->b); break;
    case COLUMN_DISTANCE: sqlite3_result_int(context, (int)pair->distance); break;
    case COLUMN_SIMILARITY:
        sqlite3_result_double(context, 1.0 - (double)pair->distance / pairs->column.bits);
        break;
    }
}

int dg_vt_similar_pairs_register(dg_connection *connection)
{
    static const dg_table_function function = {
        .name = "similar_pairs",
        .columns = "id_a, id_b, distance INTEGER, similarity REAL",
        .column_count = COLUMNS,
        .arguments = arguments,
        .argument_count = ARGUMENTS,
        .filters = filters,
        .filter_count = FILTERS,
        .state_bytes = sizeof(dg_pairs),
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
