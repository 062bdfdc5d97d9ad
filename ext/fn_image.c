/* image_info(image): what the headers of a JPEG or PNG file say, as JSON. */
#include "functions.h"

#include "../kernels/image/image.h"

enum { JSON_SUBTYPE = 'J' }; /* SQLite's own: lets json_array() and friends take the text as JSON */

void dg_fn_image_info(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    dg_image_info info;
    dg_err err = {0};
    const void *file;
    size_t bytes;
    if (dg_function_null(argc, argv)) return;
    if (dg_value_image(argv[0], &file, &bytes, &err) != DG_OK ||
        dg_image_info_read(file, bytes, &info, &err) != DG_OK) {
        dg_function_fail(context, "image_info", &err);
        return;
    }

    char quality[16] = "null", text[300];
    if (info.jpeg_quality) sqlite3_snprintf(sizeof quality, quality, "%d", info.jpeg_quality);
    sqlite3_snprintf(sizeof text, text,
                     "{\"format\":\"%s\",\"width\":%u,\"height\":%u,\"channels\":%d,\"bit_depth\":%d,"
                     "\"orientation\":%d,\"jpeg_quality\":%s,\"bytes\":%llu}",
                     info.format, info.width, info.height, info.channels, info.bit_depth, info.orientation,
                     quality, (unsigned long long)info.bytes);
    sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
    sqlite3_result_subtype(context, JSON_SUBTYPE);
}
