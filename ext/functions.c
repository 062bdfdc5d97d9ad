#include "functions.h"
#include "hashvalue.h"

void dg_function_fail(sqlite3_context *context, const char *function, const dg_err *err)
{
    if (err->code == DG_NOMEM) {
        sqlite3_result_error_nomem(context);
    } else if (err->code == DG_INTERRUPT) {
        sqlite3_result_error_code(context, SQLITE_INTERRUPT);
    } else {
        char text[600];
        sqlite3_snprintf(sizeof text, text, "%s: %s", function, err->text);
        sqlite3_result_error(context, text, -1);
    }
}

int dg_function_null(int argc, sqlite3_value **argv)
{
    for (int i = 0; i < argc; i++)
        if (sqlite3_value_type(argv[i]) == SQLITE_NULL) return 1;
    return 0;
}

enum dg_code dg_value_image(sqlite3_value *value, const void **file, size_t *bytes, dg_err *err)
{
    if (sqlite3_value_type(value) != SQLITE_BLOB)
        return dg_fail(err, DG_ERROR, "the image is %s; it takes a BLOB holding a JPEG or PNG file",
                       dg_value_type_name(value));
    *file = sqlite3_value_blob(value);
    *bytes = (size_t)sqlite3_value_bytes(value);
    if (*file) return DG_OK;
    if (*bytes) return dg_fail_nomem(err, "an image");
    return dg_fail(err, DG_ERROR, "the image is an empty BLOB; it takes a BLOB holding a JPEG or PNG file");
}
