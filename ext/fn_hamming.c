/*
 * hamming, similarity, hash_int, hash_blob: arithmetic on stored hashes.
 *
 * hamming is called once per pair in nested loops, so two BLOBs of one size, or two INTEGERs, take a short
 * way that copies nothing.
 */
#include "functions.h"
#include "hashvalue.h"

/* The names of the argument in errors of a function of one and of two. */
static const char *argument_name(int argc, int index)
{
    if (argc == 1) return "the argument";
    return index ? "the second argument" : "the first argument";
}

static int read_argument(sqlite3_context *context, const char *function, int argc, int index,
                         sqlite3_value *value, dg_hashvalue *hash)
{
    dg_err err = {0};
    if (dg_hashvalue_read(value, hash, &err) == DG_OK) return 1;
    if (err.code == DG_ERROR) {
        dg_err named = {0};
        dg_fail(&named, DG_ERROR, "%s is %s", argument_name(argc, index), err.text);
        err = named;
    }
    dg_function_fail(context, function, &err);
    return 0;
}

/* Distance and width in bits of two arguments that are not NULL. Returns 0 after an error. */
static int compare(sqlite3_context *context, const char *function, sqlite3_value **argv, unsigned *distance,
                   unsigned *bits)
{
    int type = sqlite3_value_type(argv[0]);
    if (type == sqlite3_value_type(argv[1])) {
        if (type == SQLITE_INTEGER) {
            int64_t a = sqlite3_value_int64(argv[0]), b = sqlite3_value_int64(argv[1]);
            *distance = dg_hash_distance((const uint8_t *)&a, (const uint8_t *)&b, sizeof a);
            *bits = 64;
            return 1;
        }
        if (type == SQLITE_BLOB && sqlite3_value_bytes(argv[0]) == 8 && sqlite3_value_bytes(argv[1]) == 8) {
            const void *a = sqlite3_value_blob(argv[0]), *b = sqlite3_value_blob(argv[1]);
            if (a && b) {
                *distance = dg_hash_distance(a, b, 8);
                *bits = 64;
                return 1;
            }
        }
    }

    dg_hashvalue a, b;
    if (!read_argument(context, function, 2, 0, argv[0], &a) ||
        !read_argument(context, function, 2, 1, argv[1], &b))
        return 0;
    if (a.count != b.count) {
        dg_err err = {0};
        dg_fail(&err, DG_ERROR, "hashes of %zu and %zu bits; both must have the same width", a.count * 8,
                b.count * 8);
        dg_function_fail(context, function, &err);
        return 0;
    }
    *distance = dg_hash_distance(a.bytes, b.bytes, a.count);
    *bits = (unsigned)a.count * 8;
    return 1;
}

void dg_fn_hamming(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    unsigned distance, bits;
    if (dg_function_null(argc, argv)) return;
    if (compare(context, "hamming", argv, &distance, &bits)) sqlite3_result_int(context, (int)distance);
}

void dg_fn_similarity(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    unsigned distance, bits;
    if (dg_function_null(argc, argv)) return;
    if (compare(context, "similarity", argv, &distance, &bits))
        sqlite3_result_double(context, 1.0 - (double)distance / bits);
}

void dg_fn_hash_int(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    dg_hashvalue hash;
    if (dg_function_null(argc, argv)) return;
    if (!read_argument(context, "hash_int", argc, 0, argv[0], &hash)) return;
    if (hash.count != 8) {
        dg_err err = {0};
        dg_fail(&err, DG_ERROR, "a hash of %zu bits; only 64 bits fit an INTEGER", hash.count * 8);
        dg_function_fail(context, "hash_int", &err);
        return;
    }
    sqlite3_result_int64(context, (sqlite3_int64)dg_hash_word(hash.bytes));
}

void dg_fn_hash_blob(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    dg_hashvalue hash;
    if (dg_function_null(argc, argv)) return;
    if (read_argument(context, "hash_blob", argc, 0, argv[0], &hash))
        sqlite3_result_blob64(context, hash.bytes, hash.count, SQLITE_TRANSIENT);
}
