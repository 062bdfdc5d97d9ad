/*
 * dupgpu for programs that link it instead of loading it.
 *
 * Compile the sources with -DSQLITE_CORE, link them with SQLite, and either call sqlite3_dupgpu_init(db,
 * &error, 0) for one connection or hand it to sqlite3_auto_extension for all that open later. Built that way
 * it answers SQLITE_OK; the loadable file answers SQLITE_OK_LOAD_PERMANENTLY, because threads of its OpenMP
 * runtime outlive the connection.
 */
#ifndef DUPGPU_H
#define DUPGPU_H

#define DUPGPU_VERSION "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

struct sqlite3;
struct sqlite3_api_routines;

/* Registers functions and tables; safe to repeat. On failure *error is a text for sqlite3_free. */
int sqlite3_dupgpu_init(struct sqlite3 *db, char **error, const struct sqlite3_api_routines *api);

#ifdef __cplusplus
}
#endif

#endif
