/*
 * The entry point: registers every function and table of dupgpu in one connection.
 *
 * Loading touches nothing but the connection: no driver, no thread, no write. It may run twice in a
 * connection, also from SELECT load_extension() while that very statement runs, when SQLite refuses to
 * replace a function; so a connection that already has everything is left alone. Tables are registered after
 * functions, so that the last table stands for the whole. This is the only file that defines sqlite3_api, and
 * the only exported symbol is the entry point.
 */
#include "sqlite.h"
SQLITE_EXTENSION_INIT1

#include "dupgpu.h"
#include "functions.h"

#include "../vtab/vtab.h"

#include <string.h>

/* Depends on its arguments only, and is safe in any schema, file or trigger. */
#define PURE (SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS)

static const struct function {
    const char *name;
    int arguments;
    int flags;
    dg_sql_function *function;
} functions[] = {
    {"phash", 1, PURE, dg_fn_phash},
    {"phash", 2, PURE, dg_fn_phash},
    {"phash", 3, PURE, dg_fn_phash},
    {"dhash", 1, PURE, dg_fn_dhash},
    {"dhash", 2, PURE, dg_fn_dhash},
    {"dhash", 3, PURE, dg_fn_dhash},
    {"dhash_vertical", 1, PURE, dg_fn_dhash_vertical},
    {"dhash_vertical", 2, PURE, dg_fn_dhash_vertical},
    {"dhash_vertical", 3, PURE, dg_fn_dhash_vertical},
    {"ahash", 1, PURE, dg_fn_ahash},
    {"ahash", 2, PURE, dg_fn_ahash},
    {"ahash", 3, PURE, dg_fn_ahash},
    {"whash", 1, PURE, dg_fn_whash},
    {"whash", 2, PURE, dg_fn_whash},
    {"whash", 3, PURE, dg_fn_whash},
    {"phash_orientations", 1, PURE, dg_fn_phash_orientations},
    {"phash_orientations", 2, PURE, dg_fn_phash_orientations},
    {"pdq", 1, PURE, dg_fn_pdq},
    {"pdq_quality", 1, PURE, dg_fn_pdq_quality},
    {"colorhash", 1, PURE, dg_fn_colorhash},
    {"quality", 1, PURE, dg_fn_quality},
    {"quality", 2, PURE, dg_fn_quality},
    {"dupgpu_hamming", 2, PURE, dg_fn_hamming},
    {"similarity", 2, PURE, dg_fn_similarity},
    {"hash_int", 1, PURE, dg_fn_hash_int},
    {"hash_blob", 1, PURE, dg_fn_hash_blob},
    {"image_info", 1, PURE | SQLITE_RESULT_SUBTYPE, dg_fn_image_info},
    {"image_resize", 3, PURE, dg_fn_image_resize},
    {"image_resize", 4, PURE, dg_fn_image_resize},
    {"image_enhance", 1, PURE, dg_fn_image_enhance},
    {"dct2", 1, PURE, dg_fn_dct2},
    {"dct2", 2, PURE, dg_fn_dct2},
    {"render_line", 1, PURE, dg_fn_render_line},
    {"render_line", 2, PURE, dg_fn_render_line},
    {"dupgpu_version", 0, PURE, dg_fn_version},
    {"dupgpu_debug", 0, PURE, dg_fn_debug},
    {"dupgpu_config", 1, SQLITE_UTF8 | SQLITE_DIRECTONLY, dg_fn_config},
    {"dupgpu_config", 2, SQLITE_UTF8 | SQLITE_DIRECTONLY, dg_fn_config},
};

/* SQLite calls the destructor also when the registration fails, so the reference is always accounted for. */
static int register_function(dg_connection *connection, const struct function *f)
{
    return sqlite3_create_function_v2(connection->db, f->name, f->arguments, f->flags,
                                      dg_connection_hold(connection), f->function, NULL, NULL,
                                      dg_connection_drop);
}

/* render_line_agg, as aggregate and window function, of one argument and of two. */
static int register_window_function(dg_connection *connection, int arguments)
{
    return sqlite3_create_window_function(connection->db, "render_line_agg", arguments, PURE,
                                          dg_connection_hold(connection), dg_fn_render_line_step,
                                          dg_fn_render_line_final, dg_fn_render_line_value,
                                          dg_fn_render_line_inverse, dg_connection_drop);
}

/* Nonzero if the connection has dupgpu already. Asks in a way that makes no error where it has not. */
static int already_loaded(sqlite3 *db, int *rc)
{
    sqlite3_stmt *statement = NULL;
    int found = 0;
    *rc = sqlite3_prepare_v2(db, "PRAGMA module_list", -1, &statement, NULL);
    if (*rc == SQLITE_OK) {
        while (!found && sqlite3_step(statement) == SQLITE_ROW) {
            const char *name = (const char *)sqlite3_column_text(statement, 0);
            found = name && strcmp(name, DG_LAST_MODULE) == 0;
        }
        *rc = sqlite3_finalize(statement);
    }
    if (*rc != SQLITE_NOMEM) *rc = SQLITE_OK; /* an authorizer's refusal means only that it cannot be told */
    return found;
}

static int register_all(dg_connection *connection, char **error)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        int rc = register_function(connection, &functions[i]);
        if (rc != SQLITE_OK) {
            *error = sqlite3_mprintf("dupgpu: cannot register %s: %s", functions[i].name,
                                     sqlite3_errmsg(connection->db));
            return rc;
        }
    }

    for (int arguments = 1; arguments <= 2; arguments++) {
        int rc = register_window_function(connection, arguments);
        if (rc != SQLITE_OK) return rc;
    }

    /* Others have a hamming too. Where theirs cannot be replaced, because a statement runs, dupgpu_hamming is
     * ours. */
    static const struct function hamming = {"hamming", 2, PURE, dg_fn_hamming};
    int rc = register_function(connection, &hamming);
    if (rc == SQLITE_NOMEM) return rc;

    return dg_vtab_register(connection, error);
}

__attribute__((visibility("default"))) int sqlite3_dupgpu_init(sqlite3 *db, char **error,
                                                               const sqlite3_api_routines *api)
{
    SQLITE_EXTENSION_INIT2(api);
    char *text = NULL;
    int rc;
    if (!already_loaded(db, &rc) && rc == SQLITE_OK) {
        dg_connection *connection = dg_connection_new(db);
        rc = connection ? register_all(connection, &text) : SQLITE_NOMEM;
        if (connection) dg_connection_drop(connection);
    }
    if (rc != SQLITE_OK) {
        if (!text) text = sqlite3_mprintf("dupgpu: %s", sqlite3_errstr(rc));
        if (error)
            *error = text;
        else
            sqlite3_free(text);
        return rc;
    }
#ifdef SQLITE_CORE
    return SQLITE_OK; /* sqlite3_auto_extension takes anything else for a failure */
#else
    return SQLITE_OK_LOAD_PERMANENTLY;
#endif
}
