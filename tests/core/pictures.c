/*
 * Failing to make a picture is the failure of the test that wanted it, so nothing here returns an error.
 */
#include "pictures.h"

#include "dg_test.h"

#include <stdlib.h>
#include <zlib.h>

static void put32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static size_t put_chunk(uint8_t *at, const char *kind, const uint8_t *data, size_t bytes)
{
    put32(at, (uint32_t)bytes);
    memcpy(at + 4, kind, 4);
    if (bytes) memcpy(at + 8, data, bytes);
    put32(at + 8 + bytes, (uint32_t)crc32(0, at + 4, (uInt)bytes + 4));
    return bytes + 12;
}

static picture_file wrapped(uint32_t width, uint32_t height, int depth, int colour, const uint8_t *raw,
                            size_t bytes)
{
    uLongf room = compressBound(bytes);
    uint8_t *packed = malloc(room), header[13] = {0};
    assert_non_null(packed);
    assert_int_equal(compress2(packed, &room, raw, bytes, 9), Z_OK);
    put32(header, width);
    put32(header + 4, height);
    header[8] = (uint8_t)depth;
    header[9] = (uint8_t)colour;

    picture_file file = {.bytes = 8 + 12 + sizeof header + 12 + room + 12};
    file.data = malloc(file.bytes);
    assert_non_null(file.data);
    memcpy(file.data, "\x89PNG\r\n\x1a\n", 8);
    size_t at = 8;
    at += put_chunk(file.data + at, "IHDR", header, sizeof header);
    at += put_chunk(file.data + at, "IDAT", packed, room);
    at += put_chunk(file.data + at, "IEND", NULL, 0);
    assert_int_equal(at, file.bytes);
    free(packed);
    return file;
}

picture_file picture_png(int width, int height, int channels, picture_pixel *pixel)
{
    size_t line = (size_t)width * (size_t)channels + 1;
    uint8_t *raw = calloc((size_t)height, line);
    assert_non_null(raw);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            int value[3];
            pixel(x, y, value);
            for (int c = 0; c < channels; c++)
                raw[(size_t)y * line + 1 + (size_t)(x * channels + c)] = (uint8_t)value[c];
        }
    }
    picture_file file =
        wrapped((uint32_t)width, (uint32_t)height, 8, channels == 3 ? 2 : 0, raw, (size_t)height * line);
    free(raw);
    return file;
}

picture_file picture_bare_png(uint32_t width, uint32_t height, int depth, int colour, size_t bytes)
{
    uint8_t *raw = calloc(bytes + 1, 1);
    assert_non_null(raw);
    picture_file file = wrapped(width, height, depth, colour, raw, bytes);
    free(raw);
    return file;
}

picture_file picture_golden(const char *name)
{
    static uint8_t buffer[1 << 16];
    char path[256];
    snprintf(path, sizeof path, "tests/golden/pictures/%s", name);
    FILE *stream = fopen(path, "rb");
    if (!stream) fail_msg("%s cannot be opened; run from the root of the tree", path);
    size_t bytes = fread(buffer, 1, sizeof buffer, stream);
    fclose(stream);
    return picture_cut((picture_file){buffer, bytes}, bytes);
}

picture_file picture_cut(picture_file file, size_t bytes)
{
    picture_file part = {malloc(bytes), bytes};
    assert_true(part.data || bytes == 0);
    if (bytes) memcpy(part.data, file.data, bytes);
    return part;
}

void picture_free(picture_file file)
{
    free(file.data);
}

uint64_t picture_random(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
}
