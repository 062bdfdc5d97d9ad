/*
 * libFuzzer harness for everything that reads a picture file.
 *
 *     clang -g -O1 -fsanitize=fuzzer,address,undefined -o build/fuzz_image tests/fuzz/fuzz_image.c \
 *         kernels/image/[a-z]*.c kernels/error.c -ljpeg -lpng -lz -lm
 *     build/fuzz_image -dict=tests/fuzz/image.dict -max_len=8192 CORPUS tests/golden/pictures
 *
 * The last byte of the input chooses the options, the rest is the file. Hashing twice must give the same
 * answer, and whatever can be hashed has a header that can be read.
 */
#include "../../kernels/image/image.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    uint8_t choice = bytes ? data[--bytes] : 0;
    dg_image_options options = {
        .orient = choice & 1,
        .luma = choice & 2 ? DG_LUMA_PILLOW6 : DG_LUMA_PILLOW7,
        .truncated = choice & 4 ? DG_TRUNCATED_LENIENT : DG_TRUNCATED_REFUSE,
        .alpha = (choice >> 3) % 3,
        .max_pixels = 1 << 16,
    };
    dg_image_work work = {.hashes = (1 << DG_HASH_KINDS) - 1, .hash_size = 2 << (choice >> 5) % 4};
    dg_image_result first, second;
    dg_err err = {DG_OK, ""}, err2 = {DG_OK, ""};
    dg_image_info info;

    enum dg_code code = dg_image_measure(data, bytes, &options, &work, &first, &err);
    if (dg_image_measure(data, bytes, &options, &work, &second, &err2) != code) abort();
    if (memcmp(&first, &second, sizeof first) || strcmp(err.text, err2.text)) abort();
    if (code != DG_OK && !err.text[0]) abort();
    if (dg_image_info_read(data, bytes, &info, &err) != DG_OK && code == DG_OK) abort();
    return 0;
}
