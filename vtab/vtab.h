/*
 * What the virtual tables share: registration, and failing with a text.
 */
#ifndef DG_VTAB_H
#define DG_VTAB_H

#include "../ext/connection.h"

/* The module registered last; a connection that has it has everything. */
#define DG_LAST_MODULE "dupgpu_stats"

/* Registers every table. On failure *error may be set to a text for sqlite3_free. */
int dg_vtab_register(dg_connection *connection, char **error);

/* One table each; returns an SQLite code. */
int dg_vt_similar_pairs_register(dg_connection *connection);
int dg_vt_similarity_join_register(dg_connection *connection);
int dg_vt_similar_groups_register(dg_connection *connection);
int dg_vt_nearest_register(dg_connection *connection);
int dg_vt_nearest_join_register(dg_connection *connection);
int dg_vt_distance_histogram_register(dg_connection *connection);
int dg_vt_image_hashes_register(dg_connection *connection);
int dg_vt_image_files_register(dg_connection *connection);
int dg_vt_line_images_register(dg_connection *connection);
int dg_vt_hash_index_register(dg_connection *connection);
int dg_vt_devices_register(dg_connection *connection);
int dg_vt_progress_register(dg_connection *connection);
int dg_vt_settings_register(dg_connection *connection);
int dg_vt_stats_register(dg_connection *connection);

/* Gives the table the error text, freeing an older one, and returns rc. A NULL text (no memory) leaves none.
 */
int dg_vtab_fail(sqlite3_vtab *vtab, int rc, char *text);

/* The SQLite code for a kernel's failure in xFilter or xNext; *error gets a text for DG_ERROR, after "name:
 * ". */
int dg_vtab_failure(const char *name, const dg_err *err, char **error);

#endif
