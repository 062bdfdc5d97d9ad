/*
 * similarity_join(left, left_column, right, right_column, threshold): every pair of a row of one table with a
 * row of another whose hashes differ in at most `threshold` bits, once. Both may be the same table or views
 * of it; a row then meets itself too. With orientations = 1 the columns hold what phash_orientations gives,
 * and the picture on the left as it is is compared with the one on the right in all its views.
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
    ORIENTATIONS,
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
    [ORIENTATIONS] = DG_PAIRS_ORIENTATIONS,
};

static const dg_plan_slot filters[DG_PAIRS_FILTERS] = DG_PAIRS_FILTER_LIST("id_left", "id_right");

static void describe(const dg_planning *planning, sqlite3_str *words)
{
    dg_pairs_describe(planning, THRESHOLD, words);
    sqlite3_str_appendf(words, " of %s.", dg_planning_argument(planning, LEFT));
    sqlite3_str_appendf(words, "%s and ", dg_planning_argument(planning, LEFT_COLUMN));
    sqlite3_str_appendf(words, "%s.", dg_planning_argument(planning, RIGHT));
    sqlite3_str_appendf(words, "%s, plan %s", dg_planning_argument(planning, RIGHT_COLUMN),
                        dg_pairs_plan(planning));
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
    return dg_pairs_search(state, &request, given, SHARD, values, error);
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
        .filter_count = DG_PAIRS_FILTERS,
        .state_bytes = sizeof(dg_pairs),
        .init = init,
        .free = dg_pairs_release,
        .move = dg_pairs_hand_over,
        .estimate = dg_pairs_estimate,
        .describe = describe,
        .filter = filter,
        .next = dg_pairs_step,
        .eof = dg_pairs_done,
        .column = dg_pairs_column,
    };
    return dg_table_function_register(connection, &function);
}
