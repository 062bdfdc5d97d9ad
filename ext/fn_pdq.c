/* pdq(image), pdq_quality(image), colorhash(image): hashes that take the picture in colour. */
#include "functions.h"
#include "options.h"

#include "../kernels/image/image.h"

/* Returns 0 where the result is already set. */
static int measure(sqlite3_context *context, const char *function, sqlite3_value **argv,
                   const dg_image_work *work, dg_image_result *result)
{
    const dg_connection *connection = sqlite3_user_data(context);
    dg_image_options options;
    dg_err err = {0};
    const void *file;
    size_t bytes;

    if (dg_function_null(1, argv)) return 0;
    if (dg_options_default(&connection->settings, &options, &err) == DG_OK &&
        dg_value_image(argv[0], &file, &bytes, &err) == DG_OK &&
        dg_image_measure(file, bytes, &options, work, result, &err) == DG_OK)
        return 1;
    dg_function_fail(context, function, &err);
    return 0;
}

void dg_fn_pdq(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    dg_image_work work = {.pdq = 1};
    dg_image_result result;
    (void)argc;
    if (measure(context, "pdq", argv, &work, &result))
        sqlite3_result_blob64(context, result.pdq, sizeof result.pdq, SQLITE_TRANSIENT);
}

void dg_fn_pdq_quality(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    dg_image_work work = {.pdq = 1};
    dg_image_result result;
    (void)argc;
    if (measure(context, "pdq_quality", argv, &work, &result))
        sqlite3_result_int(context, result.pdq_quality);
}

void dg_fn_colorhash(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    dg_image_work work = {.colorhash = 1};
    dg_image_result result;
    (void)argc;
    if (measure(context, "colorhash", argv, &work, &result))
        sqlite3_result_blob64(context, result.colorhash, sizeof result.colorhash, SQLITE_TRANSIENT);
}
