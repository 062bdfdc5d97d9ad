#include "connection.h"

#include "../kernels/engine/roster.h"

#include <string.h>

dg_connection *dg_connection_new(sqlite3 *db)
{
    dg_connection *connection = sqlite3_malloc64(sizeof *connection);
    if (!connection) return NULL;
    memset(connection, 0, sizeof *connection);
    connection->db = db;
    connection->references = 1;
    dg_settings_init(&connection->settings);
    dg_roster_hold();
    return connection;
}

dg_connection *dg_connection_hold(dg_connection *connection)
{
    connection->references++;
    return connection;
}

void dg_connection_drop(void *connection)
{
    dg_connection *c = connection;
    if (--c->references > 0) return;
    if (c->columns) c->free_columns(c->columns);
    dg_line_pen_free(&c->pen);
    dg_roster_drop();
    sqlite3_free(c);
}
