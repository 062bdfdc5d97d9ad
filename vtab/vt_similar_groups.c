/*
 * similar_groups(source, column, threshold [, method]): the rows that have similar ones, in groups; a row is
 * in one group at most. Methods are those of enum dg_groups_method: star, complete, components.
 *
 * Rows come by group, and by key within a group. group_id counts from 1 in the order of the groups' first
 * rows, so unchanged data keep their ids. `representative` is the key of one of the members, distance the
 * member's to it.
 *
 * A cursor keeps its groups and answers again from them: for equal arguments in one statement, as long as
 * this connection changed nothing since.
 */
#include "column_cache.h"
#include "table_function.h"

#include "../ext/interrupt.h"
#include "../kernels/engine/groups.h"

#include <string.h>

enum { COLUMN_GROUP, COLUMN_ID, COLUMN_DISTANCE, COLUMN_REPRESENTATIVE, COLUMNS };

enum { SOURCE, COLUMN, THRESHOLD, METHOD, SCHEMA, ID_COLUMN, ARGUMENTS };

/* In the order of enum dg_groups_method. */
static const char *const methods[] = {"star", "complete", "components", NULL};

static const dg_argument arguments[ARGUMENTS] = {
    [SOURCE] = {.name = "source", .kind = DG_ARGUMENT_TABLE, .required = 1},
    [COLUMN] = {.name = "column", .kind = DG_ARGUMENT_COLUMN, .required = 1},
    [THRESHOLD] = {.name = "threshold", .kind = DG_ARGUMENT_NUMBER, .required = 1},
    [METHOD] = {.name = "method", .kind = DG_ARGUMENT_WORD, .words = methods},
    [SCHEMA] = {.name = "schema", .kind = DG_ARGUMENT_SCHEMA},
    [ID_COLUMN] = {.name = "id_column", .kind = DG_ARGUMENT_COLUMN},
};

typedef struct state {
    dg_connection *connection;

    /* The groups at hand, where they are complete, and what they answer. */
    dg_borrowed borrowed;
    const dg_column *column;
    int complete;
    int64_t threshold, method;
    dg_groups groups;

    uint32_t group, member; /* the current row */
} state;

static void init(void *to, dg_connection *connection)
{
    *(state *)to = (state){.connection = connection};
}

static void release(void *of)
{
    state *s = of;
    dg_column_return(&s->borrowed);
    dg_groups_free(&s->groups);
    s->complete = 0;
}

static void move(void *to, void *from)
{
    state *s = from;
    memcpy(to, from, sizeof *s);
    init(from, s->connection);
}

static void describe(const dg_planning *planning, sqlite3_str *words)
{
    sqlite3_str_appendf(words, "groups within %s", dg_planning_argument(planning, THRESHOLD));
    sqlite3_str_appendf(words, " of %s.", dg_planning_argument(planning, SOURCE));
    sqlite3_str_appendall(words, dg_planning_argument(planning, COLUMN));
    const char *method = dg_planning_argument(planning, METHOD);
    sqlite3_str_appendf(words, ", method %s", strcmp(method, "method") == 0 ? methods[0] : method);
}

static void estimate(const dg_planning *planning)
{
    planning->info->estimatedCost = 1e10;
    planning->info->estimatedRows = 1000000;
}

static int fail(const dg_err *err, const dg_probe *probe, char **error)
{
    if (err->code == DG_NOMEM) return SQLITE_NOMEM;
    if (err->code == DG_INTERRUPT) return probe->result != SQLITE_OK ? probe->result : SQLITE_INTERRUPT;
    *error = sqlite3_mprintf("similar_groups: %s", err->text);
    return SQLITE_ERROR;
}

/* Groups the rows of the column. */
static int group(state *s, char **error)
{
    dg_err err = {0};
    dg_report report = {0};
    dg_probe probe = {0};
    dg_join_spec spec = {.rows = s->column->rows, .bits = s->column->bits ? s->column->bits : 64};
    if (dg_settings_for_join(&s->connection->settings, &spec, &err)) return fail(&err, &probe, error);
    spec.hashes = dg_borrowed_hashes(&s->borrowed);
    if (!spec.hashes) return SQLITE_NOMEM;
    spec.threshold = s->threshold < (int64_t)spec.bits ? (uint32_t)s->threshold : spec.bits;
    dg_probe_start(&probe, s->connection->db);
    spec.poll = dg_probe_poll(&probe);
    dg_groups_find(&spec, (enum dg_groups_method)s->method, &s->groups, &report, &err);
    dg_probe_finish(&probe);
    dg_stats_add(&s->connection->stats, "similar_groups", s->borrowed.from, &report);
    return err.code ? fail(&err, &probe, error) : SQLITE_OK;
}

static int filter(void *of, const dg_arguments *given, sqlite3_value **values, char **error)
{
    (void)values;
    state *s = of;
    const dg_column_source source = {"similar_groups", given->text[SOURCE], given->text[COLUMN],
                                     given->text[SCHEMA], given->text[ID_COLUMN]};
    *error = NULL;
    s->group = s->member = 0;
    int rc = dg_column_borrow(s->connection, &source, &s->borrowed, error);
    int same = s->complete && !s->borrowed.fresh && s->threshold == given->number[THRESHOLD] &&
               s->method == given->number[METHOD];
    if (rc == SQLITE_OK && same) return SQLITE_OK;
    dg_groups_free(&s->groups);
    s->complete = 0;
    if (rc != SQLITE_OK) return rc;
    s->column = dg_borrowed_column(&s->borrowed);
    s->threshold = given->number[THRESHOLD];
    s->method = given->number[METHOD];
    rc = group(s, error);
    if (rc == SQLITE_OK)
        s->complete = 1;
    else
        release(s);
    return rc;
}

static int eof(const void *of)
{
    const state *s = of;
    return s->group >= s->groups.count;
}

static int next(void *of, char **error)
{
    (void)error;
    state *s = of;
    if (++s->member == s->groups.first[s->group + 1]) s->group++;
    return SQLITE_OK;
}

static void column(const void *of, sqlite3_context *context, int number)
{
    const state *s = of;
    const dg_groups *groups = &s->groups;
    switch (number) {
    case COLUMN_GROUP: sqlite3_result_int64(context, (sqlite3_int64)s->group + 1); break;
    case COLUMN_ID: dg_column_result_key(s->column, context, groups->rows[s->member]); break;
    case COLUMN_DISTANCE: sqlite3_result_int(context, (int)groups->distances[s->member]); break;
    case COLUMN_REPRESENTATIVE:
        dg_column_result_key(s->column, context, groups->representatives[s->group]);
        break;
    }
}

int dg_vt_similar_groups_register(dg_connection *connection)
{
    static const dg_table_function function = {
        .name = "similar_groups",
        .columns = "group_id INTEGER, id, distance INTEGER, representative",
        .column_count = COLUMNS,
        .arguments = arguments,
        .argument_count = ARGUMENTS,
        .state_bytes = sizeof(state),
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
