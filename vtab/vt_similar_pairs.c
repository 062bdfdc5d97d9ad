/*
 * similar_pairs(source, column, threshold): every unordered pair of rows whose hashes differ in at most
 * `threshold` bits, once; id_a is the key that sorts first. A threshold larger than the hash is wide gives
 * all pairs. newer_than, over a hash_index, leaves those in which at least one row was written after that
 * mark was given; NULL counts as not given. With orientations = 1 the column holds what phash_orientations
 * gives, and the distance of two pictures is the least of one as it is and the other in any of its views.
 *
 * Plans: all pairs, or the pairs of one row where id_a or id_b is compared with a value that belongs to one
 * row; distance <=, < and = narrow the search. EXPLAIN QUERY PLAN reads <all pairs|pairs of one id_a|pairs of
 * one id_b> within <threshold>[ and distance <op> <value>][, newer than a mark,][, in any orientation,] of
 * <table>.<column>, plan <plan> with words in place of values that are not known while planning.
 */
#include "pairs.h"

enum { SOURCE, COLUMN, THRESHOLD, SCHEMA, ID_COLUMN, SHARD, SHARDS, ORIENTATIONS, NEWER_THAN, ARGUMENTS };

static const dg_argument arguments[ARGUMENTS] = {
    [SOURCE] = {.name = "source", .kind = DG_ARGUMENT_TABLE, .required = 1},
    [COLUMN] = {.name = "column", .kind = DG_ARGUMENT_COLUMN, .required = 1},
    [THRESHOLD] = {.name = "threshold", .kind = DG_ARGUMENT_NUMBER, .required = 1},
    [SCHEMA] = {.name = "schema", .kind = DG_ARGUMENT_SCHEMA},
    [ID_COLUMN] = {.name = "id_column", .kind = DG_ARGUMENT_COLUMN},
    [SHARD] = {.name = "shard", .kind = DG_ARGUMENT_NUMBER},
    [SHARDS] = {.name = "shards", .kind = DG_ARGUMENT_NUMBER, .least = 1},
    [ORIENTATIONS] = DG_PAIRS_ORIENTATIONS,
    [NEWER_THAN] = {.name = "newer_than", .kind = DG_ARGUMENT_NUMBER},
};

static const dg_plan_slot filters[DG_PAIRS_FILTERS] = DG_PAIRS_FILTER_LIST("id_a", "id_b");

static void describe(const dg_planning *planning, sqlite3_str *words)
{
    dg_pairs_describe(planning, THRESHOLD, words);
    if (dg_planning_has(planning, NEWER_THAN)) sqlite3_str_appendall(words, ", newer than a mark,");
    if (dg_planning_has(planning, ORIENTATIONS)) sqlite3_str_appendall(words, ", in any orientation,");
    sqlite3_str_appendf(words, " of %s.", dg_planning_argument(planning, SOURCE));
    sqlite3_str_appendf(words, "%s, plan %s", dg_planning_argument(planning, COLUMN),
                        dg_pairs_plan(planning));
}

static void init(void *state, dg_connection *connection)
{
    dg_pairs_init(state, connection, "similar_pairs");
}

static int filter(void *state, const dg_arguments *given, sqlite3_value **values, char **error)
{
    dg_pairs_request request = {
        .source = {{"similar_pairs", given->text[SOURCE], given->text[COLUMN], given->text[SCHEMA],
                    given->text[ID_COLUMN]}},
        .distances = {0, given->number[THRESHOLD]},
        .newer = given->given >> NEWER_THAN & 1,
        .newer_than = given->number[NEWER_THAN],
    };
    return dg_pairs_search(state, &request, given, SHARD, values, error);
}

int dg_vt_similar_pairs_register(dg_connection *connection)
{
    static const dg_table_function function = {
        .name = "similar_pairs",
        .columns = "id_a, id_b, distance INTEGER, similarity REAL",
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
