/*
 * SQLite's extension API for every file of ext/ and vtab/, and the names that headers as old as 3.38 lack.
 *
 * Constants named here are safe on older hosts: unknown preparation and function flags are masked off there,
 * and an unknown vtab_config operation answers SQLITE_MISUSE, which its caller ignores. New functions are
 * another matter: a host older than the header has no slot for them, so their use is guarded by
 * sqlite3_libversion_number() as well.
 */
#ifndef DG_EXT_SQLITE_H
#define DG_EXT_SQLITE_H

/* The table of SQLite's functions, under a name that no other extension linked into the same program has. */
#define sqlite3_api dg_sqlite3_api

#include <sqlite3ext.h>
SQLITE_EXTENSION_INIT3

#ifndef SQLITE_PREPARE_FROM_DDL
#define SQLITE_PREPARE_FROM_DDL                                                                              \
    0x20 /* 3.53: the SQL was derived from the schema or from a name given as a value */
#endif
#ifndef SQLITE_RESULT_SUBTYPE
#define SQLITE_RESULT_SUBTYPE 0x001000000 /* 3.45: the function may call sqlite3_result_subtype */
#endif
#ifndef SQLITE_VTAB_USES_ALL_SCHEMAS
#define SQLITE_VTAB_USES_ALL_SCHEMAS 4 /* 3.41: start a read transaction on every schema */
#endif

#endif
