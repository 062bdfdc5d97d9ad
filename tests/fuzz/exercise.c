/*
 * Pictures are limited to 2^16 pixels, so that the fuzzer spends its time on formats.
 */
#include "exercise.h"

#include "../../kernels/image/enhance.h"
#include "../../kernels/image/thumbnail.h"

#include <stdlib.h>
#include <string.h>

static dg_image_options options_of(uint8_t choice)
{
    return (dg_image_options){
        .orient = choice & 1,
        .luma = choice & 2 ? DG_LUMA_PILLOW6 : DG_LUMA_PILLOW7,
        .truncated = choice & 4 ? DG_TRUNCATED_LENIENT : DG_TRUNCATED_REFUSE,
        .decode = choice & 8 ? DG_DECODE_SCALED : DG_DECODE_EXACT,
        .alpha = (choice >> 4) % 3,
        .max_pixels = 1 << 16,
    };
}

static dg_image_work work_of(uint8_t choice)
{
    return (dg_image_work){
        .hashes = choice & 1 ? (1 << DG_HASH_KINDS) - 1 : 0,
        .metrics = choice & 2 ? (1 << DG_METRICS) - 1 : 0,
        .pdq = choice >> 2 & 1,
        .colorhash = choice >> 3 & 1,
        .orientations = choice >> 4 & 1,
        .hash_size = 2 << (choice >> 5) % 4,
    };
}

static enum dg_code measure(const uint8_t *data, size_t bytes, const dg_image_options *options,
                            const dg_image_work *work)
{
    dg_image_result first, second;
    dg_image_info info;
    dg_err err = {DG_OK, ""}, err2 = {DG_OK, ""}, err3 = {DG_OK, ""};
    enum dg_code code = dg_image_measure(data, bytes, options, work, &first, &err);

    if (dg_image_measure(data, bytes, options, work, &second, &err2) != code) abort();
    if (memcmp(&first, &second, sizeof first) || strcmp(err.text, err2.text)) abort();
    if (code != DG_OK && !err.text[0]) abort();
    if (dg_image_info_read(data, bytes, &info, &err3) != DG_OK && code == DG_OK) abort();
    return code;
}

static void make_pictures(const uint8_t *data, size_t bytes, const dg_image_options *options, uint8_t choice)
{
    static const dg_size rooms[] = {{20, 20}, {1, 300}, {1000, 3}, {4000, 4000}};
    dg_err err = {DG_OK, ""};
    dg_file file;

    if (choice & 1)
        dg_enhance(data, bytes, options, &file, &err);
    else
        dg_thumbnail(data, bytes, options, rooms[choice >> 1 & 3], (enum dg_format)(choice >> 3) % 3, &file,
                     &err);
    if ((err.code == DG_OK) != (file.data != NULL)) abort();
    free(file.data);
}

void fuzz_exercise(const uint8_t *data, size_t bytes)
{
    uint8_t option_choice = bytes > 0 ? data[--bytes] : 0, work_choice = bytes > 0 ? data[--bytes] : 1;
    dg_image_options options = options_of(option_choice);
    dg_image_work work = work_of(work_choice);

    if (measure(data, bytes, &options, &work) == DG_OK) make_pictures(data, bytes, &options, work_choice);
}
