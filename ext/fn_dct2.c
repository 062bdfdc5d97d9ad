/* dct2(block [, n]): the cosine transform of an n x n block of float32 values. */
#include "functions.h"
#include "hashvalue.h"

#include "../kernels/image/dct_block.h"

#include <stdlib.h>
#include <string.h>

/* The side of the block: as given, or what its bytes say. */
static enum dg_code read_side(int argc, sqlite3_value **argv, int *side, dg_err *err)
{
    if (sqlite3_value_type(argv[0]) != SQLITE_BLOB)
        return dg_fail(err, DG_ERROR, "the block is %s; it takes a BLOB of n*n float32 values",
                       dg_value_type_name(argv[0]));
    if (argc == 2 && sqlite3_value_type(argv[1]) != SQLITE_INTEGER)
        return dg_fail(err, DG_ERROR, "n is %s; it takes an INTEGER", dg_value_type_name(argv[1]));
    int64_t bytes = sqlite3_value_bytes(argv[0]), n = argc == 2 ? sqlite3_value_int64(argv[1]) : 1;
    if (argc == 1)
        while (4 * n * n < bytes && n <= DG_DCT_BLOCK_MAX) n++;
    if (n < 1 || n > DG_DCT_BLOCK_MAX)
        return dg_fail(err, DG_ERROR, "n is %lld; it takes 1 to %d", (long long)n, DG_DCT_BLOCK_MAX);
    if (4 * n * n != bytes)
        return dg_fail(err, DG_ERROR, "the block has %lld bytes; n*n float32 values have %lld for n = %lld",
                       (long long)bytes, (long long)(4 * n * n), (long long)n);
    *side = (int)n;
    return DG_OK;
}

static enum dg_code transform(int argc, sqlite3_value **argv, float **block, size_t *bytes, dg_err *err)
{
    int n = 0;

    if (read_side(argc, argv, &n, err) != DG_OK) return err->code;
    const void *values = sqlite3_value_blob(argv[0]);
    *bytes = (size_t)sqlite3_value_bytes(argv[0]);
    *block = malloc(*bytes);
    if (!values || !*block) return dg_fail_nomem(err, "a block");
    memcpy(*block, values, *bytes);
    return dg_dct_block(*block, n, err);
}

void dg_fn_dct2(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    float *block = NULL;
    size_t bytes = 0;
    dg_err err = {0};
    if (dg_function_null(argc, argv)) return;
    if (transform(argc, argv, &block, &bytes, &err) == DG_OK) {
        sqlite3_result_blob64(context, block, bytes, free);
        return;
    }
    dg_function_fail(context, "dct2", &err);
    free(block);
}
