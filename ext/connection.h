/*
 * What dupgpu keeps for one SQLite connection.
 *
 * Created when the extension is loaded into the connection and owned by the functions and modules registered
 * there: each registration holds one reference and drops it through SQLite's destructor, so the state goes
 * with the last of them. Virtual tables and cursors use it without a reference, because SQLite keeps a module
 * as long as its tables. It holds the roster of devices, so that what one statement opened is there for the
 * next. It is only touched under the connection's mutex, that is, inside callbacks.
 */
#ifndef DG_EXT_CONNECTION_H
#define DG_EXT_CONNECTION_H

#include "line_pen.h"
#include "settings.h"
#include "sqlite.h"
#include "stats.h"

typedef struct dg_connection {
    sqlite3 *db;
    int references;
    int depth; /* source reads that run inside one another */
    dg_settings settings;
    dg_stats stats;
    void *columns; /* the columns that are kept between statements, and how to free them; NULL: none */
    void (*free_columns)(void *columns);
    dg_line_pen pen;
    struct dg_hash_index *indexes; /* those that are open, the first; they own themselves */
} dg_connection;

/* A new state with one reference, or NULL without memory. */
dg_connection *dg_connection_new(sqlite3 *db);

/* Adds a reference and returns the state. */
dg_connection *dg_connection_hold(dg_connection *connection);

/* Drops one reference; the last frees. Takes a dg_connection, as SQLite's destructors want it. */
void dg_connection_drop(void *connection);

#endif
