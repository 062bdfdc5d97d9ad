/*
 * similar_pairs(source, column, threshold): every unordered pair of rows whose hashes differ in at most
 * `threshold` bits, once; id_a is the key that sorts first.
 *
 * As a table-valued function its arguments are the hidden columns source, column, threshold, schema,
 * id_column. Named for good, CREATE VIRTUAL TABLE d USING similar_pairs(photos, phash, 6 [, schema=...,
 * id_column=...]) has only the four visible columns, and its source is looked for in the table's own schema
 * (in any, for a temp table).
 *
 * Thresholds are integers from 0; 6.0 and '6' count as 6; one larger than the hash is wide gives all pairs;
 * negative ones, NULL, fractions and other texts are errors.
 *
 * Plans: all pairs, or the pairs of one row where id_a or id_b is compared with a value that belongs to one
 * row; distance <=, < and = narrow the search. idxStr is for EXPLAIN QUERY PLAN only and reads <all
 * pairs|pairs of one id_a|pairs of one id_b> within <threshold>[ and distance <op> <value>] of
 * <table>.<column>, plan <plan> with words in place of values that are not known while planning.
 */
#include "arguments.h"
#include "pairs.h"
#include "vtab.h"

#include "../ext/hashvalue.h"

#include <string.h>

#define NAME "similar_pairs"

enum { COLUMN_ID_A, COLUMN_ID_B, COLUMN_DISTANCE, COLUMN_SIMILARITY, COLUMN_SOURCE };

enum {
    SLOT_SOURCE,
    SLOT_COLUMN,
    SLOT_THRESHOLD,
    SLOT_SCHEMA,
    SLOT_ID_COLUMN,
    ARGUMENTS, /* the slots before are the hidden columns, in their order */
    SLOT_DISTANCE_LE = ARGUMENTS,
    SLOT_DISTANCE_LT,
    SLOT_DISTANCE_EQ,
    SLOT_ID_A,
    SLOT_ID_B,
    SLOTS
};

static const dg_plan_slot slots[SLOTS] = {
    [SLOT_SOURCE] = {DG_SLOT_REQUIRED, COLUMN_SOURCE, SQLITE_INDEX_CONSTRAINT_EQ, 1, "source"},
    [SLOT_COLUMN] = {DG_SLOT_REQUIRED, COLUMN_SOURCE + 1, SQLITE_INDEX_CONSTRAINT_EQ, 1, "column"},
    [SLOT_THRESHOLD] = {DG_SLOT_REQUIRED, COLUMN_SOURCE + 2, SQLITE_INDEX_CONSTRAINT_EQ, 1, "threshold"},
    [SLOT_SCHEMA] = {DG_SLOT_OPTIONAL, COLUMN_SOURCE + 3, SQLITE_INDEX_CONSTRAINT_EQ, 1, "schema"},
    [SLOT_ID_COLUMN] = {DG_SLOT_OPTIONAL, COLUMN_SOURCE + 4, SQLITE_INDEX_CONSTRAINT_EQ, 1, "id_column"},
    [SLOT_DISTANCE_LE] = {DG_SLOT_FILTER, COLUMN_DISTANCE, SQLITE_INDEX_CONSTRAINT_LE, 1, "distance <="},
    [SLOT_DISTANCE_LT] = {DG_SLOT_FILTER, COLUMN_DISTANCE, SQLITE_INDEX_CONSTRAINT_LT, 1, "distance <"},
    [SLOT_DISTANCE_EQ] = {DG_SLOT_FILTER, COLUMN_DISTANCE, SQLITE_INDEX_CONSTRAINT_EQ, 1, "distance ="},
    [SLOT_ID_A] = {DG_SLOT_FILTER, COLUMN_ID_A, SQLITE_INDEX_CONSTRAINT_EQ, 0, "id_a ="},
    [SLOT_ID_B] = {DG_SLOT_FILTER, COLUMN_ID_B, SQLITE_INDEX_CONSTRAINT_EQ, 0, "id_b ="},
};

struct table {
    sqlite3_vtab base;
    dg_connection *connection;
    int named; /* made by CREATE VIRTUAL TABLE: the arguments below hold, and there are no hidden columns */
    char *text[ARGUMENTS]; /* all but the threshold; NULL: not given */
    int64_t threshold;
    struct cursor *fresh; /* opened last and not filtered yet, or NULL */
};

struct cursor {
    sqlite3_vtab_cursor base;
    dg_pairs pairs;
    char *text[ARGUMENTS]; /* as in the table, from the last xFilter */
    int64_t threshold;
    sqlite3_int64 rowid;
};

static void free_texts(char **text)
{
    for (int i = 0; i < ARGUMENTS; i++) {
        sqlite3_free(text[i]);
        text[i] = NULL;
    }
}

static int pairs_disconnect(sqlite3_vtab *vtab)
{
    struct table *table = (struct table *)vtab;
    free_texts(table->text);
    sqlite3_free(table);
    return SQLITE_OK;
}

/* The text of CREATE VIRTUAL TABLE's argument for a slot: the first three by position, the others by name. */
static const char *raw_argument(int slot, int argc, const char *const *argv)
{
    if (slot <= SLOT_THRESHOLD) return slot < argc ? argv[slot] : NULL;
    for (int i = SLOT_THRESHOLD + 1; i < argc; i++) {
        const char *value = dg_argument_named(argv[i], slots[slot].name);
        if (value) return value;
    }
    return NULL;
}

/* Reads the arguments after the module, database and table names. On failure *error says which is wrong. */
static int read_definition(struct table *table, int argc, const char *const *argv, char **error)
{
    if (argc <= SLOT_THRESHOLD || !argv[SLOT_THRESHOLD][0]) {
        *error = sqlite3_mprintf(NAME ": %d arguments; it takes source, column, threshold and may take "
                                      "schema=... and id_column=...",
                                 argc == 1 && !argv[0][0] ? 0 : argc);
        return SQLITE_ERROR;
    }
    for (int i = SLOT_THRESHOLD + 1; i < argc; i++) {
        if (dg_argument_named(argv[i], "schema") || dg_argument_named(argv[i], "id_column")) continue;
        *error = sqlite3_mprintf(NAME ": argument %d is '%s'; after the threshold it takes schema=... and "
                                      "id_column=...",
                                 i + 1, argv[i]);
        return SQLITE_ERROR;
    }
    for (int slot = 0; slot < ARGUMENTS; slot++) {
        const char *raw = raw_argument(slot, argc, argv);
        if (!raw) continue;
        table->text[slot] = dg_argument_value(raw);
        if (!table->text[slot]) return SQLITE_NOMEM;
    }
    const char *threshold = table->text[SLOT_THRESHOLD];
    if (!dg_argument_integer(threshold, &table->threshold) || table->threshold < 0) {
        *error = sqlite3_mprintf(NAME ": threshold is '%s'; it takes an INTEGER of 0 or more", threshold);
        return SQLITE_ERROR;
    }
    return SQLITE_OK;
}

static int pairs_connect(sqlite3 *db, void *client, int argc, const char *const *argv, sqlite3_vtab **out,
                         char **error)
{
    /* The eponymous table is the one that bears the module's own name. */
    int named = argc > 3 || sqlite3_stricmp(argv[0], argv[2]) != 0;
    *out = NULL;
    int rc =
        sqlite3_declare_vtab(db, named ? "CREATE TABLE x(id_a, id_b, distance INTEGER, similarity REAL)"
                                       : "CREATE TABLE x(id_a, id_b, distance INTEGER, similarity REAL, "
                                         "source HIDDEN, \"column\" HIDDEN, threshold HIDDEN, schema HIDDEN, "
                                         "id_column HIDDEN)");
    if (rc != SQLITE_OK) return rc;
    /* The source may lie in any schema. Older hosts know no such request. */
    if (sqlite3_libversion_number() >= 3041000) sqlite3_vtab_config(db, SQLITE_VTAB_USES_ALL_SCHEMAS);

    struct table *table = sqlite3_malloc64(sizeof *table);
    if (!table) return SQLITE_NOMEM;
    memset(table, 0, sizeof *table);
    table->connection = client;
    table->named = named;
    if (named) {
        rc = read_definition(table, argc - 3, argv + 3, error);
        if (rc == SQLITE_OK && !table->text[SLOT_SCHEMA] && sqlite3_stricmp(argv[1], "temp") != 0) {
            table->text[SLOT_SCHEMA] = sqlite3_mprintf("%s", argv[1]);
            if (!table->text[SLOT_SCHEMA]) rc = SQLITE_NOMEM;
        }
    }
    if (rc != SQLITE_OK) {
        pairs_disconnect(&table->base);
        return rc;
    }
    *out = &table->base;
    return SQLITE_OK;
}

/* Appends "and distance <= 5" for a bound in use, with ? for a value not known yet. */
static void describe_bound(sqlite3_str *words, sqlite3_index_info *info, int slot)
{
    if (!(info->idxNum >> slot & 1)) return;
    sqlite3_value *value = dg_plan_known(info, &slots[slot]);
    const char *text = value ? (const char *)sqlite3_value_text(value) : NULL;
    sqlite3_str_appendf(words, " and %s %s", slots[slot].name, text ? text : "?");
}

/* A value of the table's definition, else one known while planning, else the argument's name. */
static const char *describe_argument(const struct table *table, sqlite3_index_info *info, int slot)
{
    if (table->named) return table->text[slot];
    sqlite3_value *value = dg_plan_known(info, &slots[slot]);
    const char *text = value ? (const char *)sqlite3_value_text(value) : NULL;
    return text ? text : slots[slot].name;
}

static char *describe(const struct table *table, sqlite3_index_info *info)
{
    static const char *const plans[] = {"auto, chosen when the column has been read",
                                        "brute, as the setting says", "multi_index, as the setting says"};
    int one_a = info->idxNum >> SLOT_ID_A & 1, one_b = info->idxNum >> SLOT_ID_B & 1;
    int plan = (int)table->connection->settings.of[DG_SETTING_PLAN].number;
    sqlite3_str *words = sqlite3_str_new(table->connection->db);
    sqlite3_str_appendall(words, one_a ? "pairs of one id_a" : one_b ? "pairs of one id_b" : "all pairs");
    sqlite3_str_appendf(words, " within %s", describe_argument(table, info, SLOT_THRESHOLD));
    for (int slot = SLOT_DISTANCE_LE; slot <= SLOT_DISTANCE_EQ; slot++) describe_bound(words, info, slot);
    sqlite3_str_appendf(words, " of %s.", describe_argument(table, info, SLOT_SOURCE));
    sqlite3_str_appendf(words, "%s, plan %s", describe_argument(table, info, SLOT_COLUMN),
                        one_a || one_b ? "one row against all" : plans[plan]);
    return sqlite3_str_finish(words);
}

static int pairs_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    struct table *table = (struct table *)vtab;
    int missing, first = table->named ? ARGUMENTS : 0;
    int rc = dg_plan_choose(info, slots + first, SLOTS - first, &missing);
    if (rc == SQLITE_ERROR)
        return dg_vtab_fail(vtab, rc,
                            sqlite3_mprintf(NAME
                                            ": argument %s is missing; it takes (source, column, threshold)",
                                            slots[missing].name));
    if (rc != SQLITE_OK) return rc;
    info->idxNum <<= first;

    /*
     * One row against all is only offered as dearer than all pairs: an inner join then runs one search of all
     * pairs and looks the other table up, whatever its statistics say. Where the row comes from a constant,
     * an enclosing query or the left side of a LEFT JOIN, SQLite asks for no other plan and takes it at any
     * cost.
     */
    int one_row = info->idxNum >> SLOT_ID_A & 3;
    info->estimatedCost = one_row ? 1e13 : 1e10;
    info->estimatedRows = one_row ? 100 : 1000000;

    info->idxStr = describe(table, info);
    info->needToFreeIdxStr = 1;
    return info->idxStr ? SQLITE_OK : SQLITE_NOMEM;
}

/*
 * For each row of an outer table SQLite may open a new cursor in the old one's place: it opens the new one,
 * closes the old one and filters the new one. So a cursor that closes while a fresh one waits for its filter
 * leaves it what it remembers. When a statement ends, its cursors close with no fresh one about.
 */
static int pairs_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out)
{
    struct table *table = (struct table *)vtab;
    struct cursor *cursor = sqlite3_malloc64(sizeof *cursor);
    if (!cursor) return SQLITE_NOMEM;
    memset(cursor, 0, sizeof *cursor);
    dg_pairs_init(&cursor->pairs, table->connection, NAME);
    table->fresh = cursor;
    *out = &cursor->base;
    return SQLITE_OK;
}

static int pairs_close(sqlite3_vtab_cursor *base)
{
    struct cursor *cursor = (struct cursor *)base;
    struct table *table = (struct table *)base->pVtab;
    if (table->fresh && table->fresh != cursor) {
        dg_pairs_free(&table->fresh->pairs);
        dg_pairs_move(&table->fresh->pairs, &cursor->pairs);
    } else {
        table->fresh = NULL;
    }
    dg_pairs_free(&cursor->pairs);
    free_texts(cursor->text);
    sqlite3_free(cursor);
    return SQLITE_OK;
}

static int read_name(struct cursor *cursor, int slot, sqlite3_value *value)
{
    int type = value ? sqlite3_value_type(value) : SQLITE_NULL;
    if (type == SQLITE_NULL && slots[slot].kind == DG_SLOT_OPTIONAL) return SQLITE_OK;
    if (type != SQLITE_TEXT) {
        const char *what = slot == SLOT_SOURCE   ? "a table or view"
                           : slot == SLOT_SCHEMA ? "a schema"
                                                 : "a column";
        return dg_vtab_fail(cursor->base.pVtab, SQLITE_ERROR,
                            sqlite3_mprintf(NAME ": %s is %s; it takes the name of %s as TEXT",
                                            slots[slot].name, dg_value_type_name(value), what));
    }
    const char *text = (const char *)sqlite3_value_text(value);
    cursor->text[slot] = text ? sqlite3_mprintf("%s", text) : NULL;
    return cursor->text[slot] ? SQLITE_OK : SQLITE_NOMEM;
}

static int read_threshold(struct cursor *cursor, sqlite3_value *value)
{
    int type = sqlite3_value_numeric_type(value);
    double number = type == SQLITE_FLOAT ? sqlite3_value_double(value) : 0;
    if (type == SQLITE_INTEGER && sqlite3_value_int64(value) >= 0) {
        cursor->threshold = sqlite3_value_int64(value);
        return SQLITE_OK;
    }
    if (type == SQLITE_FLOAT && number >= 0 && number < 9e18 && number == (double)(int64_t)number) {
        cursor->threshold = (int64_t)number;
        return SQLITE_OK;
    }
    const char *quote = type == SQLITE_TEXT || type == SQLITE_BLOB ? "'" : "";
    const char *text = (const char *)sqlite3_value_text(value);
    return dg_vtab_fail(cursor->base.pVtab, SQLITE_ERROR,
                        sqlite3_mprintf(NAME ": threshold is %s%s%s; it takes an INTEGER of 0 or more", quote,
                                        text ? text : "NULL", quote));
}

static int read_arguments(struct cursor *cursor, sqlite3_value **values)
{
    const struct table *table = (const struct table *)cursor->base.pVtab;
    free_texts(cursor->text);
    cursor->threshold = table->threshold;
    for (int slot = 0; slot < ARGUMENTS; slot++) {
        int rc = SQLITE_OK;
        if (table->named) {
            if (table->text[slot]) cursor->text[slot] = sqlite3_mprintf("%s", table->text[slot]);
            if (table->text[slot] && !cursor->text[slot]) rc = SQLITE_NOMEM;
        } else if (slot == SLOT_THRESHOLD) {
            rc = read_threshold(cursor, values[slot]);
        } else {
            rc = read_name(cursor, slot, values[slot]);
        }
        if (rc != SQLITE_OK) return rc;
    }
    return SQLITE_OK;
}

static int pairs_filter(sqlite3_vtab_cursor *base, int number, const char *words, int argc,
                        sqlite3_value **argv)
{
    (void)words, (void)argc;
    struct cursor *cursor = (struct cursor *)base;
    sqlite3_value *values[SLOTS];
    ((struct table *)base->pVtab)->fresh = NULL;
    dg_plan_values(number, argv, SLOTS, values);
    int rc = read_arguments(cursor, values);
    if (rc != SQLITE_OK) return rc;

    dg_pairs_request request = {
        .source = {NAME, cursor->text[SLOT_SOURCE], cursor->text[SLOT_COLUMN], cursor->text[SLOT_SCHEMA],
                   cursor->text[SLOT_ID_COLUMN]},
        .distances = {0, cursor->threshold},
    };
    for (int slot = SLOT_DISTANCE_LE; slot <= SLOT_DISTANCE_EQ; slot++)
        if (values[slot]) dg_range_narrow(&request.distances, slots[slot].op, values[slot]);
    if (values[SLOT_ID_A] || values[SLOT_ID_B]) {
        request.focus = values[SLOT_ID_A] ? DG_FOCUS_FIRST : DG_FOCUS_SECOND;
        request.key = values[SLOT_ID_A] ? values[SLOT_ID_A] : values[SLOT_ID_B];
    }

    char *error;
    cursor->rowid = 1;
    rc = dg_pairs_filter(&cursor->pairs, &request, &error);
    return error ? dg_vtab_fail(base->pVtab, rc, error) : rc;
}

static int pairs_next(sqlite3_vtab_cursor *base)
{
    struct cursor *cursor = (struct cursor *)base;
    char *error = NULL;
    cursor->rowid++;
    int rc = dg_pairs_next(&cursor->pairs, &error);
    return error ? dg_vtab_fail(base->pVtab, rc, error) : rc;
}

static int pairs_eof(sqlite3_vtab_cursor *base)
{
    return dg_pairs_eof(&((struct cursor *)base)->pairs);
}

static int pairs_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
    const struct cursor *cursor = (const struct cursor *)base;
    const dg_pair *pair = dg_pairs_get(&cursor->pairs);
    const dg_column *keys = &cursor->pairs.column;
    switch (column) {
    case COLUMN_ID_A: dg_column_result_key(keys, context, pair->a); break;
    case COLUMN_ID_B: dg_column_result_key(keys, context, pair->b); break;
    case COLUMN_DISTANCE: sqlite3_result_int(context, (int)pair->distance); break;
    case COLUMN_SIMILARITY: sqlite3_result_double(context, 1.0 - (double)pair->distance / keys->bits); break;
    case COLUMN_SOURCE + SLOT_THRESHOLD: sqlite3_result_int64(context, cursor->threshold); break;
    default: sqlite3_result_text(context, cursor->text[column - COLUMN_SOURCE], -1, SQLITE_TRANSIENT); break;
    }
    return SQLITE_OK;
}

static int pairs_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid)
{
    *rowid = ((struct cursor *)base)->rowid;
    return SQLITE_OK;
}

/* Nothing is stored under the table's name. */
static int pairs_rename(sqlite3_vtab *vtab, const char *name)
{
    (void)vtab, (void)name;
    return SQLITE_OK;
}

int dg_vt_similar_pairs_register(dg_connection *connection)
{
    /* xCreate equal to xConnect keeps the eponymous table beside those that are named for good. */
    static const sqlite3_module module = {
        .xCreate = pairs_connect,
        .xConnect = pairs_connect,
        .xBestIndex = pairs_best_index,
        .xDisconnect = pairs_disconnect,
        .xDestroy = pairs_disconnect,
        .xOpen = pairs_open,
        .xClose = pairs_close,
        .xFilter = pairs_filter,
        .xNext = pairs_next,
        .xEof = pairs_eof,
        .xColumn = pairs_column,
        .xRowid = pairs_rowid,
        .xRename = pairs_rename,
    };
    return sqlite3_create_module_v2(connection->db, NAME, &module, dg_connection_hold(connection),
                                    dg_connection_drop);
}
