/*
 * File signatures, for an error that helps: what people keep in the columns and folders of pictures.
 */
#include "sniff.h"

#include <string.h>
#include <strings.h>

typedef struct signature {
    size_t at, length;
    const char *bytes, *name;
} signature;

#define STARTS(text, name)                                                                                   \
    {                                                                                                        \
        0, sizeof(text) - 1, text, name                                                                      \
    }
#define HAS(at, text, name)                                                                                  \
    {                                                                                                        \
        at, sizeof(text) - 1, text, name                                                                     \
    }

/* The first that fits counts. */
static const signature signatures[] = {
    STARTS("GIF8", "a GIF picture"),
    HAS(8, "WEBP", "a WebP picture"),
    HAS(4, "ftypavi", "an AVIF picture"),
    HAS(4, "ftyphei", "a HEIC picture"),
    HAS(4, "ftyphev", "a HEIC picture"),
    HAS(4, "ftypmif1", "a HEIF picture"),
    HAS(4, "ftypmsf1", "a HEIF picture"),
    HAS(4, "ftypcrx", "a Canon raw picture"),
    HAS(4, "ftyp", "an MP4 or QuickTime video"),
    HAS(4, "moov", "a QuickTime video"),
    STARTS("\0\0\0\014JXL ", "a JPEG XL picture"),
    STARTS("\xFF\x0A", "a JPEG XL picture"),
    STARTS("\0\0\0\014jP  ", "a JPEG 2000 picture"),
    STARTS("\xFF\x4F\xFF\x51", "a JPEG 2000 picture"),
    STARTS("II*\0", "a TIFF or camera raw picture"),
    STARTS("MM\0*", "a TIFF or camera raw picture"),
    STARTS("II+\0", "a TIFF picture"),
    STARTS("MM\0+", "a TIFF picture"),
    STARTS("IIRO", "a camera raw picture"),
    STARTS("IIU\0", "a camera raw picture"),
    STARTS("FUJIFILMCCD-RAW", "a camera raw picture"),
    STARTS("8BPS", "a Photoshop picture"),
    STARTS("gimp xcf", "a GIMP picture"),
    STARTS("\0\0\1\0", "an icon (ICO)"),
    STARTS("\x76\x2F\x31\x01", "an OpenEXR picture"),
    STARTS("#?RADIANCE", "a Radiance HDR picture"),
    STARTS("DDS ", "a DDS picture"),
    STARTS("qoif", "a QOI picture"),
    STARTS("\x8AMNG", "an MNG picture"),
    STARTS("\x8BJNG", "a JNG picture"),
    STARTS("%!PS", "a PostScript document"),
    STARTS("%PDF", "a PDF document"),
    STARTS("PK\3\4", "a ZIP archive or office document"),
    STARTS("PK\5\6", "an empty ZIP archive"),
    STARTS("\x1F\x8B", "a gzip file"),
    STARTS("BZh", "a bzip2 file"),
    STARTS("\xFD"
           "7zXZ",
           "an xz file"),
    STARTS("7z\xBC\xAF", "a 7-Zip archive"),
    STARTS("Rar!", "a RAR archive"),
    STARTS("SQLite format 3", "an SQLite database"),
    STARTS("\x7F"
           "ELF",
           "a program"),
    STARTS("\x1A\x45\xDF\xA3", "a Matroska or WebM video"),
    HAS(8, "AVI ", "an AVI video"),
    STARTS("\0\0\1\xBA", "an MPEG video"),
    STARTS("OggS", "an Ogg file"),
    STARTS("ID3", "an MP3 sound"),
    HAS(8, "WAVE", "a WAV sound"),
    STARTS("/9j/", "base64 text of a JPEG; it takes the bytes themselves"),
    STARTS("iVBORw0KGgo", "base64 text of a PNG; it takes the bytes themselves"),
    STARTS("data:image/", "a data URL; it takes the bytes themselves"),
};

static int matches(const signature *s, const uint8_t *file, size_t bytes)
{
    return bytes >= s->at + s->length && memcmp(file + s->at, s->bytes, s->length) == 0;
}

static int is_bmp(const uint8_t *file, size_t bytes)
{
    return bytes >= 14 && memcmp(file, "BM", 2) == 0 && memcmp(file + 6, "\0\0\0\0", 4) == 0;
}

static int is_netpbm(const uint8_t *file, size_t bytes)
{
    return bytes >= 3 && file[0] == 'P' && file[1] >= '1' && file[1] <= '7' && strchr(" \t\r\n", file[2]) &&
           file[2];
}

/* Whether the start of a file holds `word`, in any case. */
static int holds(const char *text, size_t bytes, const char *word)
{
    size_t length = strlen(word);

    for (size_t i = 0; i + length <= bytes; i++)
        if (strncasecmp(text + i, word, length) == 0) return 1;
    return 0;
}

static int is_text(const uint8_t *file, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (file[i] < 32 && !(file[i] >= '\t' && file[i] <= '\r')) return 0;
    return 1;
}

/* What text without control characters is. */
static const char *kind_of_text(const char *text, size_t bytes)
{
    if (holds(text, bytes, "<svg")) return "an SVG drawing";
    if (holds(text, bytes, "<html") || holds(text, bytes, "<!doctype html")) return "an HTML page";
    if (holds(text, bytes, "<?xml")) return "an XML document";
    return "plain text";
}

const char *dg_sniff(const uint8_t *file, size_t bytes)
{
    enum { START = 512 };
    size_t start = bytes < START ? bytes : START, zeros = 0;

    for (size_t i = 0; i < sizeof signatures / sizeof signatures[0]; i++)
        if (matches(&signatures[i], file, bytes)) return signatures[i].name;
    if (is_bmp(file, bytes)) return "a BMP picture";
    if (is_netpbm(file, bytes)) return "a Netpbm picture";
    if (bytes > 0 && is_text(file, start)) return kind_of_text((const char *)file, start);
    while (zeros < start && file[zeros] == 0) zeros++;
    return bytes > 0 && zeros == start ? "zero bytes" : NULL;
}
