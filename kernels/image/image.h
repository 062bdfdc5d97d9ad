/*
 * Pictures: from the bytes of a JPEG or PNG file to perceptual hashes, bit for bit ImageHash's on Pillow.
 *
 * Nothing here keeps state between calls, starts a thread or prints; every function may run on any thread.
 * One call decodes once, streaming, and finds out everything asked for.
 */
#ifndef DG_IMAGE_H
#define DG_IMAGE_H

#include "../error.h"
#include "../poll.h"

#include <stddef.h>
#include <stdint.h>

enum dg_hash_kind { DG_PHASH, DG_DHASH, DG_DHASH_VERTICAL, DG_AHASH, DG_WHASH, DG_HASH_KINDS };

enum { DG_HASH_SIZE_MAX = 32, DG_HASH_BYTES_MAX = DG_HASH_SIZE_MAX * DG_HASH_SIZE_MAX / 8 };

enum dg_luma { DG_LUMA_PILLOW7, DG_LUMA_PILLOW6 };
enum dg_truncated { DG_TRUNCATED_REFUSE, DG_TRUNCATED_LENIENT };
enum dg_alpha { DG_ALPHA_IGNORE, DG_ALPHA_WHITE, DG_ALPHA_BLACK };
enum dg_decode { DG_DECODE_EXACT, DG_DECODE_SCALED, DG_DECODE_GPU };

/* Decodes JPEG files in the place of libjpeg, which goes on reading their headers. Its pixels are its own. */
typedef struct dg_jpeg_decoder {
    const char *name; /* begins the texts of its errors */
    char version[24];
    /*
     * Writes width*height*channels samples row by row: channels is 1 for a grey file, else 3 for R, G, B of a
     * file of Y, Cb, Cr. Any number of threads may call. DG_ERROR: the picture is at fault; DG_DEVICE_ERROR
     * or DG_DEVICE_NOMEM: the device is.
     */
    enum dg_code (*decode)(struct dg_jpeg_decoder *decoder, const uint8_t *file, size_t bytes, uint32_t width,
                           uint32_t height, int channels, uint8_t *samples, dg_err *err);
    void (*close)(struct dg_jpeg_decoder *decoder);
} dg_jpeg_decoder;

/* What a caller wants to be asked during the work, on the thread that does it. */
typedef struct dg_image_caller {
    dg_poll poll; /* shall the work end with DG_INTERRUPT? Asked at least every 20 ms */
    /* May memory in proportion to the picture's area be taken, so many bytes? Asked once, before it is taken,
     * where decoding row by row is not enough. What it fails with is the failure of the work. NULL: yes. */
    enum dg_code (*reserve)(void *arg, uint64_t bytes, dg_err *err);
    void *arg;
} dg_image_caller;

/* How a file becomes grey samples. All zero, but for max_pixels, is what ImageHash does. */
typedef struct dg_image_options {
    int orient; /* 1: apply the EXIF orientation first */
    enum dg_luma luma;
    enum dg_truncated truncated;
    enum dg_alpha alpha;
    /* scaled: a JPEG is decoded at 1/2, 1/4 or 1/8 while no side falls below 256; gpu: by `decoder` */
    enum dg_decode decode;
    dg_jpeg_decoder *decoder;
    uint64_t max_pixels;           /* larger pictures are refused from their header */
    const dg_image_caller *caller; /* NULL: none */
} dg_image_options;

/* Bytes of a hash of size*size bits: the bits are left-padded with zeros to whole bytes, as in ImageHash's
 * hex. */
static inline size_t dg_hash_bytes(int size)
{
    return ((size_t)size * (size_t)size + 7) / 8;
}

/* The function's SQL name: "phash", "dhash", "dhash_vertical", "ahash", "whash". */
const char *dg_hash_name(enum dg_hash_kind kind);

/*
 * DG_OK where `size` is defined for the kind, else DG_ERROR with a text that says which sizes are:
 * phash and whash 2, 4, 8, 16, 32; the others 2..32.
 */
enum dg_code dg_hash_size_check(enum dg_hash_kind kind, int64_t size, dg_err *err);

/* What quality.md defines, in the order of its table. */
enum dg_metric {
    DG_METRIC_BLUR,
    DG_METRIC_SHARPNESS,
    DG_METRIC_BRIGHTNESS,
    DG_METRIC_CONTRAST,
    DG_METRIC_CLIP_LO,
    DG_METRIC_CLIP_HI,
    DG_METRIC_ENTROPY,
    DG_METRIC_NOISE,
    DG_METRIC_BLOCKINESS,
    DG_METRIC_JPEG_QUALITY,
    DG_METRIC_EFF_PIXELS,
    DG_METRIC_OVERALL,
    DG_METRICS
};

/* The metric's SQL name: "blur", "sharpness", ... */
const char *dg_metric_name(enum dg_metric metric);

/* The metric of that name, or DG_ERROR with the list of names. */
enum dg_code dg_metric_find(const char *name, enum dg_metric *metric, dg_err *err);

enum { DG_FORMAT_BYTES = 16 }; /* of a file that tell its format */

/* "jpeg" or "png", by a file's first bytes; NULL for anything else. */
const char *dg_image_format(const void *file, size_t bytes);

/* What a file's headers say; pixels are not decoded. */
typedef struct dg_image_info {
    const char *format; /* "jpeg" or "png" */
    uint32_t width, height;
    int channels;     /* as stored: 1 grey or palette, 2 grey+alpha, 3 RGB or YCbCr, 4 RGBA or CMYK */
    int bit_depth;    /* bits of a sample (of a palette index) */
    int orientation;  /* EXIF tag 0x0112, 1..8; 1 where there is none */
    int jpeg_quality; /* estimate 1..100 from the quantisation tables; 0 for PNG */
    uint64_t bytes;
} dg_image_info;

enum dg_code dg_image_info_read(const void *file, size_t bytes, dg_image_info *info, dg_err *err);

/* What to find out about a picture from one decode. */
typedef struct dg_image_work {
    unsigned hashes;  /* bit 1 << kind for each hash */
    int hash_size;    /* of those; accepted by dg_hash_size_check for each */
    unsigned metrics; /* bit 1 << metric for each metric */
    int pdq;          /* 1: the PDQ hash and its quality */
    int colorhash;    /* 1: ImageHash's colorhash, 42 bits */
    int orientations; /* 1: the phash of the eight turned and mirrored views; hash_size as for phash */
    int grey;         /* 1: keep the grey picture, turned upright if the options say so */
} dg_image_work;

/* Whether the work needs more than the file's header. */
int dg_image_needs_pixels(const dg_image_work *work);

enum { DG_PDQ_BYTES = 32, DG_COLORHASH_BYTES = 6, DG_VIEWS = 8 };

/* Hashes take dg_hash_bytes(hash_size) bytes, first bit most significant. */
typedef struct dg_image_result {
    dg_image_info info; /* valid as soon as the header could be read, also after a failure; else all zero */
    uint8_t hash[DG_HASH_KINDS][DG_HASH_BYTES_MAX];
    uint8_t views[DG_VIEWS][DG_HASH_BYTES_MAX]; /* view v: the picture as EXIF orientation v + 1 turns it */
    uint8_t pdq[DG_PDQ_BYTES];
    int pdq_quality;
    uint8_t colorhash[DG_COLORHASH_BYTES];
    double metric[DG_METRICS];
    unsigned metrics_null; /* bit 1 << metric where quality.md gives NULL */
    uint8_t *grey;         /* grey_width * grey_height samples, row by row, for the caller to free */
    uint32_t grey_width, grey_height;
} dg_image_result;

/*
 * Decodes the file once, streaming, and does the work; reads only the header where no pixel is needed. What
 * was not asked for is zero, and after a failure everything but info is. Needs memory in proportion to the
 * picture's sides, not to its area, unless it must be turned upright. May run on any thread. DG_ERROR's text
 * says why the file was refused.
 */
enum dg_code dg_image_measure(const void *file, size_t bytes, const dg_image_options *options,
                              const dg_image_work *work, dg_image_result *result, dg_err *err);

#endif
