#include "png_writer.h"

#include <string.h>

#include <zlib.h>

enum {
    HEAD_BYTES = 8 + 25 + (12 + 768) + (12 + 256) + 8,
    TAIL_BYTES = 4 + 12,
    GREY = 0,
    PALETTE = 3,
};

static void put4(dg_bytes *out, uint32_t number)
{
    for (int shift = 24; shift >= 0; shift -= 8) out->data[out->count++] = (uint8_t)(number >> shift);
}

static void put_data(dg_bytes *out, const void *data, size_t count)
{
    memcpy(out->data + out->count, data, count);
    out->count += count;
}

/* A chunk's length, which may be filled in later, and its name. */
static void begin_chunk(dg_bytes *out, const char *name, size_t count)
{
    put4(out, (uint32_t)count);
    put_data(out, name, 4);
}

/* The checksum of a chunk with `count` bytes of data, which end the output. */
static void end_chunk(dg_bytes *out, size_t count)
{
    put4(out, (uint32_t)crc32(0, out->data + out->count - count - 4, (uInt)(count + 4)));
}

static void put_chunk(dg_bytes *out, const char *name, const void *data, size_t count)
{
    begin_chunk(out, name, count);
    put_data(out, data, count);
    end_chunk(out, count);
}

size_t dg_png_start(const dg_png_frame *frame, dg_bytes *out)
{
    if (!dg_bytes_reserve(out, HEAD_BYTES)) return 0;
    put_data(out, "\x89PNG\r\n\x1a\n", 8);
    begin_chunk(out, "IHDR", 13);
    put4(out, frame->width);
    put4(out, frame->height);
    const uint8_t rest[5] = {(uint8_t)frame->bits, frame->colors ? PALETTE : GREY, 0, 0, 0};
    put_data(out, rest, sizeof rest);
    end_chunk(out, 13);
    if (frame->colors) put_chunk(out, "PLTE", frame->palette, (size_t)frame->colors * 3);
    if (frame->has_alpha) put_chunk(out, "tRNS", frame->alpha, (size_t)frame->colors);
    begin_chunk(out, "IDAT", 0);
    return out->count;
}

int dg_png_finish(dg_bytes *out, size_t data)
{
    size_t count = out->count - data, end = out->count;
    if (!dg_bytes_reserve(out, TAIL_BYTES)) return 0;
    out->count = data - 8;
    put4(out, (uint32_t)count);
    out->count = end;
    end_chunk(out, count);
    put_chunk(out, "IEND", "", 0);
    return 1;
}
