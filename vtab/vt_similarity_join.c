/*
 * similarity_join(left, left_column, right, right_column, threshold): every pair of a row of one table with a
 * row of another whose hashes differ in at most `threshold` bits, once. Both may be the same table or views
 * of it; a row then meets itself too.
 *
 * Plans are those of similar_pairs, with id_left and id_right.
 */
#include "pairs.h"

enum {
    LEFT,
    LEFT_COLUMN,
    RIGHT,
    RIGHT_COLUMN,
    THRESHOLD,
    LEFT_SCHEMA,
    LEFT_ID_COLUMN,
    RIGHT_SCHEMA,
    RIGHT_ID_COLUMN,
    SHARD,
    SHARDS,
    ARGUMENTS
};

static const dg_argument arguments[ARGUMENTS] = {
    [LEFT] = {.name = "left", .kind = DG_ARGUMENT_TABLE, .required = 1},
    [LEFT_COLUMN] = {.name = "left_column", .kind = DG_ARGUMENT_COLUMN, .required = 1},
    [RIGHT] = {.name = "right", .kind = DG_ARGUMENT_TABLE, .required = 1},
    [RIGHT_COLUMN] = {.name = "right_column", .kind = DG_ARGUMENT_COLUMN, .required = 1},
    [THRESHOLD] = {.name = "threshold", .kind = DG_ARGUMENT_NUMBER, .required = 1},
    [LEFT_SCHEMA] = {.name = "left_schema", .kind = DG_ARGUMENT_SCHEMA},
    [LEFT_ID_COLUMN] = {.name = "left_id_column", .kind = DG_ARGUMENT_COLUMN},
    [RIGHT_SCHEMA] = {.name = "right_schema", .kind = DG_ARGUMENT_SCHEMA},
    [RIGHT_ID_COLUMN] = {.name = "right_id_column", .kind = DG_ARGUMENT_COLUMN},
    [SHARD] = {.name = "shard", .kind = DG_ARGUMENT_NUMBER},
    [SHARDS] = {.name = "shards", .kind = DG_ARGUMENT_NUMBER, .least = 1},
};

enum { DISTANCE_LE, DISTANCE_LT, DISTANCE_EQ, ID_LEFT, ID_RIGHT, FILTERS };

static const dg_plan_slot filters[FILTERS] = {
    [DISTANCE_LE] = {DG_SLOT_FILTER, DG_PAIR_DISTANCE, SQLITE_INDEX_CONSTRAINT_LE, 1, "distance <="},
    [DISTANCE_LT] = {DG_SLOT_FILTER, DG_PAIR_DISTANCE, SQLITE_INDEX_CONSTRAINT_LT, 1, "distance <"},
    [DISTANCE_EQ] = {DG_SLOT_FILTER, DG_PAIR_DISTANCE, SQLITE_INDEX_CONSTRAINT_EQ, 1, "distance ="},
    [ID_LEFT] = {DG_SLOT_FILTER, DG_PAIR_FIRST, SQLITE_INDEX_CONSTRAINT_EQ, 0, "id_left ="},
    [ID_RIGHT] = {DG_SLOT_FILTER, DG_PAIR_SECOND, SQLITE_INDEX_CONSTRAINT_EQ, 0, "id_right ="},
};

static void describe(const dg_planning *planning, sqlite3_str *words)
{
    int one_left = planning->filters >> ID_LEFT & 1, one_right = planning->filters >> ID_RIGHT & 1;
    sqlite3_str_appendall(words, one_left    ? "pairs of one id_left"
                                 : one_right ? "pairs of one id_right"
                                             : "all pairs");
    sqlite3_str_appendf(words, " within %s", dg_planning_argument(planning, THRESHOLD));
    dg_planning_filters(planning, DISTANCE_EQ + 1, words);
    sqlite3_str_appendf(words, " of %s.", dg_planning_argument(planning, LEFT));
    sqlite3_str_appendf(words, "%s and ", dg_planning_argument(planning, LEFT_COLUMN));
    sqlite3_str_appendf(words, "%s.", dg_planning_argument(planning, RIGHT));
    sqlite3_str_appendf(words, "%s, plan %s", dg_planning_argument(planning, RIGHT_COLUMN),
                        dg_pairs_plan(planning, one_left || one_right));
}

static void estimate(const dg_planning *planning)
{
    dg_pairs_estimate(planning, planning->filters >> ID_LEFT & 3);
}

static void init(void *state, dg_connection *connection)
{
    dg_pairs_init(state, connection, "similarity_join");
}

static int filter(void *state, const dg_arguments *given, sqlite3_value **values, char **error)
{
    char *const *text = given->text;
    dg_pairs_request request = {
        .source = {{"similarity_join", text[LEFT], text[LEFT_COLUMN], text[LEFT_SCHEMA],
                    text[LEFT_ID_COLUMN]},
                   {"similarity_join", text[RIGHT], text[RIGHT_COLUMN], text[RIGHT_SCHEMA],
                    text[RIGHT_ID_COLUMN]}},
        .two = 1,
        .distances = {0, given->number[THRESHOLD]},
    };
    for (int i = DISTANCE_LE; i <= DISTANCE_EQ; i++)
        if (values[i]) dg_range_narrow(&request.distances, filters[i].op, values[i]);
    if (values[ID_LEFT] || values[ID_RIGHT]) {
        request.focus = values[ID_LEFT] ? DG_FOCUS_FIRST : DG_FOCUS_SECOND;
        request.key = values[ID_LEFT] ? values[ID_LEFT] : values[ID_RIGHT];
    }
    int rc = dg_pairs_shard(&request, "similarity_join", given, SHARD, error);
    return rc == SQLITE_OK ? dg_pairs_filter(state, &request, error) : rc;
}

int dg_vt_similarity_join_register(dg_connection *connection)
{
    static const dg_table_function function = {
        .name = "similarity_join",
        .columns = "id_left, id_right, distance INTEGER, similarity REAL",
        .column_count = DG_PAIR_COLUMNS,
        .arguments = arguments,
        .argument_count = ARGUMENTS,
        .filters = filters,
        .filter_count = FILTERS,
        .state_bytes = sizeof(dg_pairs),
        .init = init,
        .free = dg_pairs_release,
        .move = dg_pairs_hand_over,
        .estimate = estimate,
        .describe = describe,
        .filter = filter,
        .next = dg_pairs_step,
        .eof = dg_pairs_done,
        .column = dg_pairs_column,
    };
    return dg_table_function_register(connection, &function);
}
