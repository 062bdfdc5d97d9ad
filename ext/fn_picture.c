/* image_resize(image, width, height [, format]) and image_enhance(image): pictures from pictures. */
#include "functions.h"
#include "hashvalue.h"
#include "options.h"

#include "../kernels/image/enhance.h"
#include "../kernels/image/thumbnail.h"

#include <stdlib.h>

static enum dg_code read_side(sqlite3_value *value, const char *name, uint32_t *side, dg_err *err)
{
    if (sqlite3_value_type(value) != SQLITE_INTEGER)
        return dg_fail(err, DG_ERROR, "the %s is %s; it takes an INTEGER", name, dg_value_type_name(value));
    int64_t wanted = sqlite3_value_int64(value);
    if (wanted < 1)
        return dg_fail(err, DG_ERROR, "the %s is %lld; it takes 1 or more", name, (long long)wanted);
    *side = wanted > INT32_MAX ? INT32_MAX : (uint32_t)wanted;
    return DG_OK;
}

static enum dg_code read_format(sqlite3_value *value, enum dg_format *format, dg_err *err)
{
    if (sqlite3_value_type(value) != SQLITE_TEXT)
        return dg_fail(err, DG_ERROR, "the format is %s; it takes 'png' or 'jpeg'",
                       dg_value_type_name(value));
    const char *name = (const char *)sqlite3_value_text(value);
    if (!name) return dg_fail_nomem(err, "the name of a format");
    if (sqlite3_stricmp(name, "png") == 0)
        *format = DG_FORMAT_PNG;
    else if (sqlite3_stricmp(name, "jpeg") == 0 || sqlite3_stricmp(name, "jpg") == 0)
        *format = DG_FORMAT_JPEG;
    else
        return dg_fail(err, DG_ERROR, "the format is '%.60s'; it takes 'png' or 'jpeg'", name);
    return DG_OK;
}

static enum dg_code resize(const dg_connection *connection, int argc, sqlite3_value **argv, dg_file *file,
                           dg_err *err)
{
    dg_image_options options;
    dg_size room;
    enum dg_format format = DG_FORMAT_SAME;
    const void *data;
    size_t bytes;

    if (read_side(argv[1], "width", &room.width, err) != DG_OK) return err->code;
    if (read_side(argv[2], "height", &room.height, err) != DG_OK) return err->code;
    if (argc == 4 && read_format(argv[3], &format, err) != DG_OK) return err->code;
    if (dg_options_default(&connection->settings, &options, err) != DG_OK) return err->code;
    if (dg_value_image(argv[0], &data, &bytes, err) != DG_OK) return err->code;
    return dg_thumbnail(data, bytes, &options, room, format, file, err);
}

void dg_fn_image_resize(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    dg_file file = {0};
    dg_err err = {0};
    if (dg_function_null(argc, argv)) return;
    if (resize(sqlite3_user_data(context), argc, argv, &file, &err) != DG_OK)
        dg_function_fail(context, "image_resize", &err);
    else
        sqlite3_result_blob64(context, file.data, file.bytes, free);
}

static enum dg_code enhance(const dg_connection *connection, sqlite3_value **argv, dg_file *file, dg_err *err)
{
    dg_image_options options;
    const void *data;
    size_t bytes;

    if (dg_options_default(&connection->settings, &options, err) != DG_OK) return err->code;
    if (dg_value_image(argv[0], &data, &bytes, err) != DG_OK) return err->code;
    return dg_enhance(data, bytes, &options, file, err);
}

void dg_fn_image_enhance(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    dg_file file = {0};
    dg_err err = {0};
    if (dg_function_null(argc, argv)) return;
    if (enhance(sqlite3_user_data(context), argv, &file, &err) != DG_OK)
        dg_function_fail(context, "image_enhance", &err);
    else
        sqlite3_result_blob64(context, file.data, file.bytes, free);
}
