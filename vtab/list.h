/*
 * Read-only tables that list something the connection already knows: no arguments, no constraints, rows by
 * number. dupgpu_settings and dupgpu_stats are such lists.
 */
#ifndef DG_VTAB_LIST_H
#define DG_VTAB_LIST_H

#include "vtab.h"

typedef struct dg_list {
    const char *name;
    const char *declaration; /* CREATE TABLE x(...) */
    /* Numbers of the first row and of the row after the last, when a scan starts. */
    void (*range)(const dg_connection *connection, int64_t *first, int64_t *end);
    /* One column of a row as the result; setting none means NULL. */
    void (*column)(const dg_connection *connection, sqlite3_context *context, int64_t row, int column);
} dg_list;

/* Registers the list, which must be static, as an eponymous table. */
int dg_list_register(dg_connection *connection, const dg_list *list);

#endif
