/*
 * The SQL functions, one C function each, and how they fail. Registered by the table in dupgpu.c; the user
 * data of each is the connection's dg_connection.
 */
#ifndef DG_EXT_FUNCTIONS_H
#define DG_EXT_FUNCTIONS_H

#include "connection.h"

typedef void dg_sql_function(sqlite3_context *context, int argc, sqlite3_value **argv);
typedef void dg_sql_result(sqlite3_context *context);

dg_sql_function dg_fn_phash, dg_fn_dhash, dg_fn_dhash_vertical, dg_fn_ahash, dg_fn_whash;
dg_sql_function dg_fn_hamming, dg_fn_similarity, dg_fn_hash_int, dg_fn_hash_blob;
dg_sql_function dg_fn_phash_orientations, dg_fn_pdq, dg_fn_pdq_quality, dg_fn_colorhash;
dg_sql_function dg_fn_quality;
dg_sql_function dg_fn_image_info, dg_fn_image_resize, dg_fn_image_enhance, dg_fn_dct2;
dg_sql_function dg_fn_version, dg_fn_debug;
dg_sql_function dg_fn_config;
dg_sql_function dg_fn_render_line;

/* The four parts of the window function render_line_agg. */
dg_sql_function dg_fn_render_line_step, dg_fn_render_line_inverse;
dg_sql_result dg_fn_render_line_value, dg_fn_render_line_final;

/* Ends a function with a kernel's failure: SQLITE_NOMEM, SQLITE_INTERRUPT, or the text after the function's
 * name. */
void dg_function_fail(sqlite3_context *context, const char *function, const dg_err *err);

/* Nonzero if any argument is NULL; the result is then NULL. */
int dg_function_null(int argc, sqlite3_value **argv);

/* The bytes of an image argument; valid until the value changes. Anything but a BLOB is DG_ERROR. */
enum dg_code dg_value_image(sqlite3_value *value, const void **file, size_t *bytes, dg_err *err);

#endif
