#include "table_function.h"

#include "arguments.h"

#include "../ext/hashvalue.h"

#include <string.h>

/* Client data of a module: what it does, and for whom. */
struct binding {
    const dg_table_function *function;
    dg_connection *connection;
};

struct table {
    sqlite3_vtab base;
    const struct binding *binding;
    int named; /* made by CREATE VIRTUAL TABLE: the definition holds, and there are no hidden columns */
    dg_arguments definition;
    struct cursor *fresh; /* opened last and not filtered yet, or NULL */
};

struct cursor {
    sqlite3_vtab_cursor base;
    dg_arguments arguments; /* from the last xFilter; a copy of the table's definition where there is one */
    sqlite3_int64 rowid;
    _Alignas(int64_t) char state[]; /* SQLite's memory is aligned for no more */
};

static const dg_table_function *function_of(const struct table *table)
{
    return table->binding->function;
}

static const dg_table_function *function_of_cursor(const struct cursor *cursor)
{
    return function_of((const struct table *)cursor->base.pVtab);
}

/* --- arguments --- */

static void free_arguments(dg_arguments *arguments)
{
    for (int i = 0; i < DG_PLAN_MAX_SLOTS; i++) {
        sqlite3_free(arguments->text[i]);
        sqlite3_value_free(arguments->value[i]);
    }
    *arguments = (dg_arguments){0};
}

static char *words_of(const dg_argument *argument)
{
    sqlite3_str *list = sqlite3_str_new(NULL);
    for (int i = 0; argument->words[i]; i++)
        sqlite3_str_appendf(list, "%s'%s'", i ? ", " : "", argument->words[i]);
    return sqlite3_str_finish(list);
}

static int set_text(dg_arguments *arguments, int i, const char *text)
{
    arguments->text[i] = text ? sqlite3_mprintf("%s", text) : NULL;
    arguments->given |= 1u << i;
    return arguments->text[i] ? SQLITE_OK : SQLITE_NOMEM;
}

static int set_word(const dg_table_function *f, dg_arguments *arguments, int i, const char *text,
                    char **error)
{
    const dg_argument *argument = &f->arguments[i];
    for (int w = 0; argument->words[w]; w++)
        if (strcmp(argument->words[w], text) == 0) {
            arguments->number[i] = w;
            return set_text(arguments, i, text);
        }
    char *list = words_of(argument);
    *error = sqlite3_mprintf("%s: %s is '%s'; it takes %s", f->name, argument->name, text, list);
    sqlite3_free(list);
    return SQLITE_ERROR;
}

static int refuse_number(const dg_table_function *f, const dg_argument *argument, const char *text,
                         int quoted, char **error)
{
    const char *quote = quoted ? "'" : "";
    *error = sqlite3_mprintf("%s: %s is %s%s%s; it takes an INTEGER of %lld or more", f->name, argument->name,
                             quote, text ? text : "NULL", quote, (long long)argument->least);
    return SQLITE_ERROR;
}

static int read_number(const dg_table_function *f, dg_arguments *arguments, int i, sqlite3_value *value,
                       char **error)
{
    const dg_argument *argument = &f->arguments[i];
    int type = sqlite3_value_numeric_type(value);
    double number = type == SQLITE_FLOAT ? sqlite3_value_double(value) : 0;
    int whole = type == SQLITE_INTEGER;
    if (type == SQLITE_FLOAT && number > -9e18 && number < 9e18 && number == (double)(int64_t)number)
        whole = 1;
    if (!whole || sqlite3_value_int64(value) < argument->least)
        return refuse_number(f, argument, (const char *)sqlite3_value_text(value),
                             type == SQLITE_TEXT || type == SQLITE_BLOB, error);
    arguments->number[i] = sqlite3_value_int64(value);
    arguments->given |= 1u << i;
    return SQLITE_OK;
}

/* An argument from its hidden column. NULL stands for an optional argument that is not given. */
static int read_argument(const dg_table_function *f, dg_arguments *arguments, int i, sqlite3_value *value,
                         char **error)
{
    static const char *const things[] = {"the name of a table or view as TEXT",
                                         "the name of a column as TEXT",
                                         "the name of a schema as TEXT",
                                         "",
                                         "TEXT",
                                         "TEXT"};
    const dg_argument *argument = &f->arguments[i];
    int type = value ? sqlite3_value_type(value) : SQLITE_NULL;
    if (type == SQLITE_NULL && (!argument->required || argument->kind == DG_ARGUMENT_VALUE)) return SQLITE_OK;
    if (argument->kind == DG_ARGUMENT_NUMBER) return read_number(f, arguments, i, value, error);
    if (argument->kind == DG_ARGUMENT_VALUE) {
        arguments->value[i] = sqlite3_value_dup(value);
        arguments->given |= 1u << i;
        return arguments->value[i] ? SQLITE_OK : SQLITE_NOMEM;
    }
    if (type != SQLITE_TEXT) {
        *error = sqlite3_mprintf("%s: %s is %s; it takes %s", f->name, argument->name,
                                 dg_value_type_name(value), things[argument->kind]);
        return SQLITE_ERROR;
    }
    const char *text = (const char *)sqlite3_value_text(value);
    if (!text) return SQLITE_NOMEM;
    return argument->kind == DG_ARGUMENT_WORD ? set_word(f, arguments, i, text, error)
                                              : set_text(arguments, i, text);
}

/* An argument of CREATE VIRTUAL TABLE, without its quotes. */
static int define_argument(const dg_table_function *f, dg_arguments *arguments, int i, const char *text,
                           char **error)
{
    const dg_argument *argument = &f->arguments[i];
    if (argument->kind == DG_ARGUMENT_WORD) return set_word(f, arguments, i, text, error);
    if (argument->kind == DG_ARGUMENT_NUMBER &&
        (!dg_argument_integer(text, &arguments->number[i]) || arguments->number[i] < argument->least))
        return refuse_number(f, argument, text, 1, error);
    return set_text(arguments, i, text);
}

static int required_count(const dg_table_function *f)
{
    int n = 0;
    while (n < f->argument_count && f->arguments[n].required) n++;
    return n;
}

static int refuse_definition(const dg_table_function *f, int argc, int wrong, const char *const *argv,
                             char **error)
{
    sqlite3_str *takes = sqlite3_str_new(NULL);
    for (int i = 0; i < f->argument_count; i++)
        sqlite3_str_appendf(takes, "%s%s%s", i ? ", " : "", f->arguments[i].name,
                            f->arguments[i].required ? "" : "=...");
    char *list = sqlite3_str_finish(takes);
    if (wrong < 0)
        *error = sqlite3_mprintf("%s: %d arguments; it takes %s", f->name,
                                 argc == 1 && !argv[0][0] ? 0 : argc, list);
    else
        *error =
            sqlite3_mprintf("%s: argument %d is '%s'; it takes %s", f->name, wrong + 1, argv[wrong], list);
    sqlite3_free(list);
    return SQLITE_ERROR;
}

/* Reads the arguments after the module, database and table names. */
static int read_definition(struct table *table, int argc, const char *const *argv, char **error)
{
    const dg_table_function *f = function_of(table);
    const int required = required_count(f);
    if (argc < required || !argv[required - 1][0]) return refuse_definition(f, argc, -1, argv, error);
    for (int a = 0; a < argc; a++) {
        int i = a;
        const char *raw = argv[a];
        if (a >= required) {
            for (i = required, raw = NULL; i < f->argument_count && !raw; i++)
                raw = dg_argument_named(argv[a], f->arguments[i].name);
            if (!raw) return refuse_definition(f, argc, a, argv, error);
            i--;
        }
        char *text = dg_argument_value(raw);
        int rc = text ? define_argument(f, &table->definition, i, text, error) : SQLITE_NOMEM;
        sqlite3_free(text);
        if (rc != SQLITE_OK) return rc;
    }
    return SQLITE_OK;
}

/* Sources are looked for in the schema of a table that is kept in one. */
static int use_own_schema(struct table *table, const char *schema)
{
    const dg_table_function *f = function_of(table);
    for (int i = 0; i < f->argument_count; i++)
        if (f->arguments[i].kind == DG_ARGUMENT_SCHEMA && !table->definition.text[i] &&
            set_text(&table->definition, i, schema))
            return SQLITE_NOMEM;
    return SQLITE_OK;
}

static int copy_definition(const dg_table_function *f, const dg_arguments *from, dg_arguments *to)
{
    for (int i = 0; i < f->argument_count; i++) {
        to->number[i] = from->number[i];
        if (from->text[i] && set_text(to, i, from->text[i])) return SQLITE_NOMEM;
    }
    to->given = from->given;
    return SQLITE_OK;
}

/* --- the table --- */

static int function_disconnect(sqlite3_vtab *vtab)
{
    struct table *table = (struct table *)vtab;
    free_arguments(&table->definition);
    sqlite3_free(table);
    return SQLITE_OK;
}

static int declare(sqlite3 *db, const dg_table_function *f, int named)
{
    sqlite3_str *text = sqlite3_str_new(db);
    sqlite3_str_appendf(text, "CREATE TABLE x(%s", f->columns);
    for (int i = 0; !named && i < f->argument_count; i++)
        sqlite3_str_appendf(text, ", \"%w\" HIDDEN", f->arguments[i].name);
    sqlite3_str_appendall(text, ")");
    char *declaration = sqlite3_str_finish(text);
    int rc = declaration ? sqlite3_declare_vtab(db, declaration) : SQLITE_NOMEM;
    sqlite3_free(declaration);
    return rc;
}

static int function_connect(sqlite3 *db, void *client, int argc, const char *const *argv, sqlite3_vtab **out,
                            char **error)
{
    const struct binding *binding = client;
    /* The eponymous table is the one that bears the module's own name. */
    int named = argc > 3 || sqlite3_stricmp(argv[0], argv[2]) != 0;
    *out = NULL;
    int rc = declare(db, binding->function, named);
    if (rc != SQLITE_OK) return rc;
    /* The source may lie in any schema. Older hosts know no such request. */
    if (sqlite3_libversion_number() >= 3041000) sqlite3_vtab_config(db, SQLITE_VTAB_USES_ALL_SCHEMAS);

    if (binding->function->direct_only) sqlite3_vtab_config(db, SQLITE_VTAB_DIRECTONLY);

    struct table *table = sqlite3_malloc64(sizeof *table);
    if (!table) return SQLITE_NOMEM;
    memset(table, 0, sizeof *table);
    table->binding = binding;
    table->named = named;
    if (named) rc = read_definition(table, argc - 3, argv + 3, error);
    if (named && rc == SQLITE_OK && sqlite3_stricmp(argv[1], "temp") != 0)
        rc = use_own_schema(table, argv[1]);
    if (rc != SQLITE_OK) {
        function_disconnect(&table->base);
        return rc;
    }
    *out = &table->base;
    return SQLITE_OK;
}

/* Nothing is stored under the table's name. */
static int function_rename(sqlite3_vtab *vtab, const char *name)
{
    (void)vtab, (void)name;
    return SQLITE_OK;
}

/* --- planning --- */

/* The slots of a plan: a named table's arguments are no constraints. Returns how many. */
static int list_slots(const struct table *table, dg_plan_slot *slots)
{
    const dg_table_function *f = function_of(table);
    int n = 0;
    for (int i = 0; !table->named && i < f->argument_count; i++)
        slots[n++] = (dg_plan_slot){f->arguments[i].required ? DG_SLOT_REQUIRED : DG_SLOT_OPTIONAL,
                                    f->column_count + i, SQLITE_INDEX_CONSTRAINT_EQ, 1, f->arguments[i].name};
    for (int i = 0; i < f->filter_count; i++) slots[n++] = f->filters[i];
    return n;
}

int dg_planning_has(const dg_planning *planning, int argument)
{
    const unsigned given =
        planning->definition ? planning->definition->given : (unsigned)planning->info->idxNum;
    return given >> argument & 1;
}

const char *dg_planning_argument(const dg_planning *planning, int argument)
{
    const dg_table_function *f = planning->function;
    const dg_plan_slot slot = {.column = f->column_count + argument, .op = SQLITE_INDEX_CONSTRAINT_EQ};
    const char *text = NULL;
    if (planning->definition) {
        text = planning->definition->text[argument];
    } else {
        sqlite3_value *value = dg_plan_known(planning->info, &slot);
        text = value ? (const char *)sqlite3_value_text(value) : NULL;
    }
    return text ? text : f->arguments[argument].name;
}

void dg_planning_filters(const dg_planning *planning, int count, sqlite3_str *words)
{
    for (int i = 0; i < count; i++) {
        if (!(planning->filters >> i & 1)) continue;
        const dg_plan_slot *slot = &planning->function->filters[i];
        sqlite3_value *value = dg_plan_known(planning->info, slot);
        const char *text = value ? (const char *)sqlite3_value_text(value) : NULL;
        sqlite3_str_appendf(words, " and %s %s", slot->name, text ? text : "?");
    }
}

/* Column names follow the last " for " of a plan's words; none of them has a blank in it. */
static void write_columns(const dg_table_function *f, uint64_t used, sqlite3_str *words)
{
    const char *before = " for ";
    for (int i = 0; i < f->column_count; i++) {
        if (!(used >> i & 1)) continue;
        sqlite3_str_appendf(words, "%s%s", before, f->column_names[i]);
        before = ", ";
    }
    if (*before == ' ') sqlite3_str_appendall(words, " for no column");
}

static uint64_t read_columns(const dg_table_function *f, const char *words)
{
    const char *names = words;
    uint64_t used = 0;
    for (const char *found; (found = strstr(names, " for ")) != NULL;) names = found + 5;
    for (size_t length; *names; names += length + strspn(names + length, ", ")) {
        length = strcspn(names, ",");
        for (int i = 0; i < f->column_count; i++)
            if (strlen(f->column_names[i]) == length && memcmp(f->column_names[i], names, length) == 0)
                used |= (uint64_t)1 << i;
    }
    return used;
}

static int function_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    struct table *table = (struct table *)vtab;
    const dg_table_function *f = function_of(table);
    dg_plan_slot slots[DG_PLAN_MAX_SLOTS];
    int missing, count = list_slots(table, slots), rc = dg_plan_choose(info, slots, count, &missing);
    if (rc == SQLITE_ERROR) {
        sqlite3_str *takes = sqlite3_str_new(NULL);
        for (int i = 0; i < required_count(f); i++)
            sqlite3_str_appendf(takes, "%s%s", i ? ", " : "", f->arguments[i].name);
        char *list = sqlite3_str_finish(takes);
        dg_vtab_fail(
            vtab, rc,
            sqlite3_mprintf("%s: argument %s is missing; it takes (%s)", f->name, slots[missing].name, list));
        sqlite3_free(list);
    }
    if (rc != SQLITE_OK) return rc;
    const dg_planning planning = {table->binding->connection, f, table->named ? &table->definition : NULL,
                                  info, (unsigned)info->idxNum >> (count - f->filter_count)};
    f->estimate(&planning);
    sqlite3_str *words = sqlite3_str_new(table->binding->connection->db);
    f->describe(&planning, words);
    if (f->column_names) write_columns(f, info->colUsed, words);
    info->idxStr = sqlite3_str_finish(words);
    info->needToFreeIdxStr = 1;
    return info->idxStr ? SQLITE_OK : SQLITE_NOMEM;
}

/* --- the cursor --- */

/*
 * For each row of an outer table SQLite may open a new cursor in the old one's place: it opens the new one,
 * closes the old one and filters the new one. So a cursor that closes while a fresh one waits for its filter
 * leaves it what it remembers. When a statement ends, its cursors close with no fresh one about.
 */
static int function_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out)
{
    struct table *table = (struct table *)vtab;
    const dg_table_function *f = function_of(table);
    struct cursor *cursor = sqlite3_malloc64(sizeof *cursor + f->state_bytes);
    if (!cursor) return SQLITE_NOMEM;
    memset(cursor, 0, sizeof *cursor + f->state_bytes);
    f->init(cursor->state, table->binding->connection);
    table->fresh = cursor;
    *out = &cursor->base;
    return SQLITE_OK;
}

static int function_close(sqlite3_vtab_cursor *base)
{
    struct cursor *cursor = (struct cursor *)base;
    struct table *table = (struct table *)base->pVtab;
    const dg_table_function *f = function_of(table);
    if (table->fresh && table->fresh != cursor) {
        f->free(table->fresh->state);
        f->move(table->fresh->state, cursor->state);
    } else {
        table->fresh = NULL;
    }
    f->free(cursor->state);
    free_arguments(&cursor->arguments);
    sqlite3_free(cursor);
    return SQLITE_OK;
}

static int function_filter(sqlite3_vtab_cursor *base, int number, const char *words, int argc,
                           sqlite3_value **argv)
{
    (void)argc;
    struct cursor *cursor = (struct cursor *)base;
    struct table *table = (struct table *)base->pVtab;
    const dg_table_function *f = function_of(table);
    sqlite3_value *values[DG_PLAN_MAX_SLOTS];
    char *error = NULL;
    int rc = SQLITE_OK, arguments = table->named ? 0 : f->argument_count;
    table->fresh = NULL;
    dg_plan_values(number, argv, arguments + f->filter_count, values);
    free_arguments(&cursor->arguments);
    if (table->named) rc = copy_definition(f, &table->definition, &cursor->arguments);
    for (int i = 0; i < arguments && rc == SQLITE_OK; i++)
        rc = read_argument(f, &cursor->arguments, i, values[i], &error);
    cursor->rowid = 1;
    if (f->column_names) cursor->arguments.columns = read_columns(f, words);
    if (rc == SQLITE_OK) rc = f->filter(cursor->state, &cursor->arguments, values + arguments, &error);
    return error ? dg_vtab_fail(base->pVtab, rc, error) : rc;
}

static int function_next(sqlite3_vtab_cursor *base)
{
    struct cursor *cursor = (struct cursor *)base;
    char *error = NULL;
    cursor->rowid++;
    int rc = function_of_cursor(cursor)->next(cursor->state, &error);
    return error ? dg_vtab_fail(base->pVtab, rc, error) : rc;
}

static int function_eof(sqlite3_vtab_cursor *base)
{
    const struct cursor *cursor = (const struct cursor *)base;
    return function_of_cursor(cursor)->eof(cursor->state);
}

/* The value of an argument, in its hidden column. */
static void result_argument(const dg_table_function *f, const dg_arguments *arguments,
                            sqlite3_context *context, int i)
{
    if (!(arguments->given >> i & 1)) return;
    if (f->arguments[i].kind == DG_ARGUMENT_NUMBER)
        sqlite3_result_int64(context, arguments->number[i]);
    else if (arguments->value[i])
        sqlite3_result_value(context, arguments->value[i]);
    else
        sqlite3_result_text(context, arguments->text[i], -1, SQLITE_TRANSIENT);
}

static int function_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
    const struct cursor *cursor = (const struct cursor *)base;
    const dg_table_function *f = function_of_cursor(cursor);
    if (column < f->column_count)
        f->column(cursor->state, context, column);
    else
        result_argument(f, &cursor->arguments, context, column - f->column_count);
    return SQLITE_OK;
}

static int function_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid)
{
    const struct cursor *cursor = (const struct cursor *)base;
    const dg_table_function *f = function_of_cursor(cursor);
    *rowid = f->rowid ? f->rowid(cursor->state) : cursor->rowid;
    return SQLITE_OK;
}

/* --- registration --- */

static void unbind(void *client)
{
    struct binding *binding = client;
    dg_connection_drop(binding->connection);
    sqlite3_free(binding);
}

/* Whether the slots keep to their limits. */
static int fits(const dg_table_function *f)
{
    for (int i = 0; i < f->filter_count; i++)
        if (f->filters[i].omit && f->argument_count + i >= DG_PLAN_OMITTED) return 0;
    return f->argument_count + f->filter_count <= DG_PLAN_MAX_SLOTS && f->argument_count <= DG_PLAN_OMITTED;
}

int dg_table_function_register(dg_connection *connection, const dg_table_function *function)
{
    /* xCreate equal to xConnect keeps the eponymous table beside those that are named for good. */
    static const sqlite3_module module = {
        .xCreate = function_connect,
        .xConnect = function_connect,
        .xBestIndex = function_best_index,
        .xDisconnect = function_disconnect,
        .xDestroy = function_disconnect,
        .xOpen = function_open,
        .xClose = function_close,
        .xFilter = function_filter,
        .xNext = function_next,
        .xEof = function_eof,
        .xColumn = function_column,
        .xRowid = function_rowid,
        .xRename = function_rename,
    };
    if (!fits(function)) return SQLITE_MISUSE;
    struct binding *binding = sqlite3_malloc64(sizeof *binding);
    if (!binding) return SQLITE_NOMEM;
    *binding = (struct binding){function, dg_connection_hold(connection)};
    return sqlite3_create_module_v2(connection->db, function->name, &module, binding, unbind);
}
