#include "vtab.h"

#include "column.h"
#include "hash_index_source.h"

int dg_vtab_register(dg_connection *connection, char **error)
{
    int rc = dg_column_register(connection);
    if (rc == SQLITE_OK) rc = dg_vt_similar_pairs_register(connection);
    if (rc == SQLITE_OK) rc = dg_vt_similarity_join_register(connection);
    if (rc == SQLITE_OK) rc = dg_vt_similar_groups_register(connection);
    if (rc == SQLITE_OK) rc = dg_vt_nearest_register(connection);
    if (rc == SQLITE_OK) rc = dg_vt_nearest_join_register(connection);
    if (rc == SQLITE_OK) rc = dg_vt_distance_histogram_register(connection);
    if (rc == SQLITE_OK) rc = dg_vt_image_hashes_register(connection);
    if (rc == SQLITE_OK) rc = dg_vt_image_files_register(connection);
    if (rc == SQLITE_OK) rc = dg_vt_line_images_register(connection);
    if (rc == SQLITE_OK) rc = dg_vt_hash_index_register(connection);
    if (rc == SQLITE_OK) rc = dg_index_mark_register(connection);
    if (rc == SQLITE_OK) rc = dg_vt_devices_register(connection);
    if (rc == SQLITE_OK) rc = dg_vt_progress_register(connection);
    if (rc == SQLITE_OK) rc = dg_vt_settings_register(connection);
    if (rc == SQLITE_OK) rc = dg_vt_stats_register(connection);
    if (rc != SQLITE_OK)
        *error = sqlite3_mprintf("dupgpu: cannot register its tables: %s", sqlite3_errmsg(connection->db));
    return rc;
}

int dg_vtab_fail(sqlite3_vtab *vtab, int rc, char *text)
{
    sqlite3_free(vtab->zErrMsg);
    vtab->zErrMsg = text;
    return rc;
}

int dg_vtab_failure(const char *name, const dg_err *err, char **error)
{
    *error = NULL;
    if (err->code == DG_NOMEM) return SQLITE_NOMEM;
    if (err->code == DG_INTERRUPT) return SQLITE_INTERRUPT;
    *error = sqlite3_mprintf("%s: %s", name, err->text);
    return SQLITE_ERROR;
}
