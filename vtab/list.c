#include "list.h"

#include <string.h>

/* Client data of a list's module: what to list, and whose. */
struct binding {
    const dg_list *list;
    dg_connection *connection;
};

struct table {
    sqlite3_vtab base;
    const struct binding *binding;
};

struct cursor {
    sqlite3_vtab_cursor base;
    dg_list_scan scan;
};

static const struct binding *binding_of(sqlite3_vtab_cursor *cursor)
{
    return ((struct table *)cursor->pVtab)->binding;
}

static int list_connect(sqlite3 *db, void *client, int argc, const char *const *argv, sqlite3_vtab **out,
                        char **error)
{
    (void)argc, (void)argv, (void)error;
    const struct binding *binding = client;
    *out = NULL;
    int rc = sqlite3_declare_vtab(db, binding->list->declaration);
    if (rc != SQLITE_OK) return rc;
    sqlite3_vtab_config(db, SQLITE_VTAB_INNOCUOUS);
    struct table *table = sqlite3_malloc64(sizeof *table);
    if (!table) return SQLITE_NOMEM;
    memset(table, 0, sizeof *table);
    table->binding = binding;
    *out = &table->base;
    return SQLITE_OK;
}

static int list_disconnect(sqlite3_vtab *vtab)
{
    sqlite3_free(vtab);
    return SQLITE_OK;
}

static int list_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    (void)vtab;
    info->estimatedCost = 100;
    info->estimatedRows = 100;
    return SQLITE_OK;
}

static int list_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out)
{
    (void)vtab;
    struct cursor *cursor = sqlite3_malloc64(sizeof *cursor);
    if (!cursor) return SQLITE_NOMEM;
    memset(cursor, 0, sizeof *cursor);
    *out = &cursor->base;
    return SQLITE_OK;
}

static void end_scan(dg_list_scan *scan)
{
    if (scan->release) scan->release(scan->data);
    *scan = (dg_list_scan){0};
}

static int list_close(sqlite3_vtab_cursor *cursor)
{
    end_scan(&((struct cursor *)cursor)->scan);
    sqlite3_free(cursor);
    return SQLITE_OK;
}

static int list_filter(sqlite3_vtab_cursor *base, int number, const char *words, int argc,
                       sqlite3_value **argv)
{
    (void)number, (void)words, (void)argc, (void)argv;
    struct cursor *cursor = (struct cursor *)base;
    const struct binding *binding = binding_of(base);
    char *error = NULL;
    end_scan(&cursor->scan);
    int rc = binding->list->begin(binding->connection, &cursor->scan, &error);
    return error ? dg_vtab_fail(base->pVtab, rc, error) : rc;
}

static int list_next(sqlite3_vtab_cursor *base)
{
    ((struct cursor *)base)->scan.row++;
    return SQLITE_OK;
}

static int list_eof(sqlite3_vtab_cursor *base)
{
    const struct cursor *cursor = (const struct cursor *)base;
    return cursor->scan.row >= cursor->scan.end;
}

static int list_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
    const struct binding *binding = binding_of(base);
    binding->list->column(binding->connection, &((struct cursor *)base)->scan, context, column);
    return SQLITE_OK;
}

static int list_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid)
{
    *rowid = ((struct cursor *)base)->scan.row;
    return SQLITE_OK;
}

static const sqlite3_module list_module = {
    .xConnect = list_connect,
    .xBestIndex = list_best_index,
    .xDisconnect = list_disconnect,
    .xOpen = list_open,
    .xClose = list_close,
    .xFilter = list_filter,
    .xNext = list_next,
    .xEof = list_eof,
    .xColumn = list_column,
    .xRowid = list_rowid,
};

static void unbind(void *client)
{
    struct binding *binding = client;
    dg_connection_drop(binding->connection);
    sqlite3_free(binding);
}

int dg_list_register(dg_connection *connection, const dg_list *list)
{
    struct binding *binding = sqlite3_malloc64(sizeof *binding);
    if (!binding) return SQLITE_NOMEM;
    *binding = (struct binding){list, dg_connection_hold(connection)};
    return sqlite3_create_module_v2(connection->db, list->name, &list_module, binding, unbind);
}
