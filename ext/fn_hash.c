/*
 * phash, dhash, dhash_vertical, ahash, whash (image [, hash_size [, options]]): ImageHash's hashes of a
 * picture; phash_orientations(image [, hash_size]): the phashes of it turned and mirrored.
 */
#include "functions.h"
#include "hashvalue.h"
#include "options.h"

#include "../kernels/image/image.h"

#include <string.h>

static enum dg_code read_size(sqlite3_value *value, enum dg_hash_kind kind, int *size, dg_err *err)
{
    if (sqlite3_value_type(value) != SQLITE_INTEGER)
        return dg_fail(err, DG_ERROR, "hash_size is %s; it takes an INTEGER", dg_value_type_name(value));
    int64_t wanted = sqlite3_value_int64(value);
    if (dg_hash_size_check(kind, wanted, err) != DG_OK) return err->code;
    *size = (int)wanted;
    return DG_OK;
}

static enum dg_code read_options(sqlite3_value *value, dg_image_options *options, dg_err *err)
{
    if (sqlite3_value_type(value) != SQLITE_TEXT)
        return dg_fail(err, DG_ERROR, "options is %s; it takes a JSON object as TEXT",
                       dg_value_type_name(value));
    const char *json = (const char *)sqlite3_value_text(value);
    if (!json) return dg_fail_nomem(err, "options");
    return dg_options_parse(json, (size_t)sqlite3_value_bytes(value), options, err);
}

static enum dg_code hash(const dg_connection *connection, enum dg_hash_kind kind, int argc,
                         sqlite3_value **argv, int *size, dg_image_result *result, dg_err *err)
{
    dg_image_options options;

    *size = 8;
    if (dg_options_default(&connection->settings, &options, err) != DG_OK) return err->code;
    if (argc >= 2 && read_size(argv[1], kind, size, err) != DG_OK) return err->code;
    if (argc >= 3 && read_options(argv[2], &options, err) != DG_OK) return err->code;

    const void *file;
    size_t bytes;
    if (dg_value_image(argv[0], &file, &bytes, err) != DG_OK) return err->code;
    dg_image_work work = {.hashes = 1u << kind, .hash_size = *size};
    return dg_image_measure(file, bytes, &options, &work, result, err);
}

static void hash_function(sqlite3_context *context, enum dg_hash_kind kind, int argc, sqlite3_value **argv)
{
    int size;
    dg_image_result result;
    dg_err err = {0};
    if (dg_function_null(argc, argv)) return;
    if (hash(sqlite3_user_data(context), kind, argc, argv, &size, &result, &err) != DG_OK)
        dg_function_fail(context, dg_hash_name(kind), &err);
    else
        sqlite3_result_blob64(context, result.hash[kind], dg_hash_bytes(size), SQLITE_TRANSIENT);
}

void dg_fn_phash(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    hash_function(context, DG_PHASH, argc, argv);
}

void dg_fn_dhash(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    hash_function(context, DG_DHASH, argc, argv);
}

void dg_fn_dhash_vertical(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    hash_function(context, DG_DHASH_VERTICAL, argc, argv);
}

void dg_fn_ahash(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    hash_function(context, DG_AHASH, argc, argv);
}

void dg_fn_whash(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    hash_function(context, DG_WHASH, argc, argv);
}

static enum dg_code orientations(const dg_connection *connection, int argc, sqlite3_value **argv, int *size,
                                 dg_image_result *result, dg_err *err)
{
    dg_image_options options;
    const void *file;
    size_t bytes;

    *size = 8;
    if (dg_options_default(&connection->settings, &options, err) != DG_OK) return err->code;
    if (argc == 2 && read_size(argv[1], DG_PHASH, size, err) != DG_OK) return err->code;
    if (dg_value_image(argv[0], &file, &bytes, err) != DG_OK) return err->code;
    dg_image_work work = {.orientations = 1, .hash_size = *size};
    return dg_image_measure(file, bytes, &options, &work, result, err);
}

void dg_fn_phash_orientations(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    int size;
    dg_image_result result;
    dg_err err = {0};
    if (dg_function_null(argc, argv)) return;
    if (orientations(sqlite3_user_data(context), argc, argv, &size, &result, &err) != DG_OK) {
        dg_function_fail(context, "phash_orientations", &err);
        return;
    }
    uint8_t hashes[DG_VIEWS * DG_HASH_BYTES_MAX];
    size_t bytes = dg_hash_bytes(size);
    for (size_t v = 0; v < DG_VIEWS; v++) memcpy(hashes + v * bytes, result.views[v], bytes);
    sqlite3_result_blob64(context, hashes, DG_VIEWS * bytes, SQLITE_TRANSIENT);
}
