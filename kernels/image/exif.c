/*
 * Finds the EXIF block of a JPEG (APP1 segment before the first scan) or PNG (eXIf chunk) by walking the
 * file's own structure, and the orientation in the block's first IFD (TIFF 6.0, tag 0x0112, a SHORT; LONG is
 * accepted too).
 *
 * Every read is checked against the end of its block; anything odd means "no orientation".
 */
#include "exif.h"

#include <string.h>

typedef struct block {
    const uint8_t *at;
    size_t bytes;
    int little; /* TIFF byte order "II" */
} block;

static uint32_t read16(const block *b, size_t at)
{
    const uint8_t *p = b->at + at;
    return b->little ? p[0] | (uint32_t)p[1] << 8 : p[1] | (uint32_t)p[0] << 8;
}

static uint32_t read32(const block *b, size_t at)
{
    uint32_t first = read16(b, at), second = read16(b, at + 2);
    return b->little ? first | second << 16 : second | first << 16;
}

/* `tiff` begins with the TIFF header. A repeated tag counts as its first occurrence, as in Pillow 13. */
static int tiff_orientation(block tiff)
{
    enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, TYPE_LONG = 4, ENTRY_BYTES = 12 };

    if (tiff.bytes < 8) return 1;
    tiff.little = tiff.at[0] == 'I';
    if (memcmp(tiff.at, "II*\0", 4) && memcmp(tiff.at, "MM\0*", 4)) return 1;

    size_t ifd = read32(&tiff, 4);
    if (ifd > tiff.bytes - 2) return 1;
    size_t entries = read16(&tiff, ifd);
    for (size_t entry = ifd + 2; entries > 0 && entry + ENTRY_BYTES <= tiff.bytes;
         entries--, entry += ENTRY_BYTES) {
        uint32_t type = read16(&tiff, entry + 2);
        if (read16(&tiff, entry) != TAG_ORIENTATION || read32(&tiff, entry + 4) == 0) continue;
        uint32_t orientation = type == TYPE_SHORT  ? read16(&tiff, entry + 8)
                               : type == TYPE_LONG ? read32(&tiff, entry + 8)
                                                   : 1;
        return orientation >= 1 && orientation <= 8 ? (int)orientation : 1;
    }
    return 1;
}

int dg_exif_jpeg_orientation(const uint8_t *file, size_t bytes)
{
    enum { SOI = 0xD8, EOI = 0xD9, SOS = 0xDA, APP1 = 0xE1, RST0 = 0xD0, TEM = 0x01, PREFIX_BYTES = 6 };

    size_t at = 2;
    while (at + 4 <= bytes) {
        if (file[at] != 0xFF) {
            at++;
            continue;
        }
        uint8_t marker = file[at + 1];
        if (marker == 0xFF) {
            at++;
            continue;
        }
        if (marker == 0 || marker == TEM || (marker >= RST0 && marker <= SOI)) {
            at += 2;
            continue;
        }
        if (marker == SOS || marker == EOI) break;
        size_t length = (size_t)file[at + 2] << 8 | file[at + 3];
        if (length < 2 || length > bytes - at - 2) break;
        if (marker == APP1 && length >= 2 + PREFIX_BYTES &&
            memcmp(file + at + 4, "Exif\0\0", PREFIX_BYTES) == 0)
            return tiff_orientation((block){file + at + 4 + PREFIX_BYTES, length - 2 - PREFIX_BYTES, 0});
        at += 2 + length;
    }
    return 1;
}

int dg_exif_png_orientation(const uint8_t *file, size_t bytes)
{
    enum { SIGNATURE_BYTES = 8, CHUNK_FRAME_BYTES = 12 };

    size_t at = SIGNATURE_BYTES;
    while (at < bytes && bytes - at >= CHUNK_FRAME_BYTES) {
        size_t length = read32(&(block){file, bytes, 0}, at);
        if (length > bytes - at - CHUNK_FRAME_BYTES) break;
        if (memcmp(file + at + 4, "eXIf", 4) == 0) {
            block exif = {file + at + 8, length, 0};
            /* Some writers keep the prefix that belongs to JPEG. */
            if (length >= 6 && memcmp(exif.at, "Exif\0\0", 6) == 0) exif.at += 6, exif.bytes -= 6;
            return tiff_orientation(exif);
        }
        at += CHUNK_FRAME_BYTES + length;
    }
    return 1;
}
