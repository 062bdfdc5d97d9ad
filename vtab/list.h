/*
 * Read-only tables that list what dupgpu knows: no arguments, no constraints, rows by number. dupgpu_devices,
 * dupgpu_settings and dupgpu_stats are such lists.
 */
#ifndef DG_VTAB_LIST_H
#define DG_VTAB_LIST_H

#include "vtab.h"

/* A scan: its current row, the row after the last, and what the list keeps for it. */
typedef struct dg_list_scan {
    int64_t row, end;
    void *data;
    void (*release)(void *data); /* NULL: data needs none */
} dg_list_scan;

typedef struct dg_list {
    const char *name;
    const char *declaration; /* CREATE TABLE x(...) */
    /* Starts a scan, which comes empty. Returns an SQLite code, with a text for sqlite3_free in *error or
     * none. */
    int (*begin)(dg_connection *connection, dg_list_scan *scan, char **error);
    /* One column of the scan's row as the result; setting none means NULL. */
    void (*column)(const dg_connection *connection, const dg_list_scan *scan, sqlite3_context *context,
                   int column);
} dg_list;

/* Registers the list, which must be static, as an eponymous table. */
int dg_list_register(dg_connection *connection, const dg_list *list);

#endif
