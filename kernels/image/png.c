/*
 * PNG through libpng, row by row; an interlaced file is decoded into a grey plane (a byte a pixel) first.
 *
 * libpng reports an error by a callback that must not return: ours jumps back into the function of this file
 * that called it, so each of them sets the jump's target before it calls libpng. What is refused is what
 * Pillow refuses: chunk checksums count up to the image data and not after, and nothing after the last row is
 * read.
 *
 * A row reaches us in one of four shapes, and each becomes grey in one function: single bytes mapped by a
 * table (grey up to 8 bits, palette), grey with alpha, 16-bit grey, and four-byte pixels (all colour).
 */
#include "codec.h"

#include "exif.h"
#include "luma.h"
#include "rows.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

/* Longest side: bounds the memory that depends on one side alone. libpng's own default. */
enum { SIDE_MAX = 1000000 };

typedef struct png_picture {
    dg_picture base;
    png_structp libpng;
    png_infop header;
    jmp_buf on_error;
    char message[200];
    int out_of_memory; /* an allocation for libpng failed */
    int ran_dry;       /* libpng asked for bytes past the end */
    const uint8_t *next, *end;
    const dg_image_options *options;
    const dg_row_loops *loops;
    void (*to_grey)(const struct png_picture *p, uint8_t *row, size_t count, uint8_t *grey);
    uint8_t table[256]; /* grey of a single-byte sample */
    int transparent;    /* 16-bit grey sample that tRNS makes transparent, or -1 */
    uint8_t *row;       /* one row as libpng gives it */
    uint8_t *plane;     /* interlaced: the whole picture's grey */
    uint32_t rows_read;
    int cut_short; /* lenient: the data ended, what is left is black */
} png_picture;

static void jump_out(png_structp libpng, png_const_charp message)
{
    png_picture *p = png_get_error_ptr(libpng);

    strncpy(p->message, message, sizeof p->message - 1);
    longjmp(p->on_error, 1);
}

static void ignore_warning(png_structp libpng, png_const_charp message)
{
    (void)libpng;
    (void)message;
}

static png_voidp allocate(png_structp libpng, png_alloc_size_t bytes)
{
    png_picture *p = png_get_mem_ptr(libpng);
    void *block = malloc(bytes);

    if (!block) p->out_of_memory = 1;
    return block;
}

static void release(png_structp libpng, png_voidp block)
{
    (void)libpng;
    free(block);
}

static void read_bytes(png_structp libpng, png_bytep to, size_t count)
{
    png_picture *p = png_get_io_ptr(libpng);

    if (count > (size_t)(p->end - p->next)) {
        p->ran_dry = 1;
        png_error(libpng, "truncated: the file ends inside the picture");
    }
    memcpy(to, p->next, count);
    p->next += count;
}

static enum dg_code failed(const png_picture *p, dg_err *err)
{
    if (p->out_of_memory) return dg_fail_nomem(err, "a PNG decoder");
    return dg_fail(err, DG_ERROR, "png: %s", p->message);
}

/* Rows to grey, one function a shape; they may use the row as work space. */

static void table_to_grey(const png_picture *p, uint8_t *row, size_t count, uint8_t *grey)
{
    for (size_t i = 0; i < count; i++) grey[i] = p->table[row[i]];
}

static uint8_t background_of(const png_picture *p)
{
    return p->options->alpha == DG_ALPHA_WHITE ? 255 : 0;
}

static void grey_alpha_to_grey(const png_picture *p, uint8_t *row, size_t count, uint8_t *grey)
{
    int flatten = p->options->alpha != DG_ALPHA_IGNORE;

    for (size_t i = 0; i < count; i++)
        grey[i] = flatten ? dg_alpha_over(row[2 * i], row[2 * i + 1], background_of(p)) : row[2 * i];
}

/* Pillow clips 16-bit grey to 8 bits instead of scaling it. */
static void grey16_to_grey(const png_picture *p, uint8_t *row, size_t count, uint8_t *grey)
{
    for (size_t i = 0; i < count; i++) {
        int sample = row[2 * i] << 8 | row[2 * i + 1];
        grey[i] = sample == p->transparent ? background_of(p) : (uint8_t)(sample > 255 ? 255 : sample);
    }
}

static void colour_to_grey(const png_picture *p, uint8_t *row, size_t count, uint8_t *grey)
{
    p->loops->luma(row, count, dg_luma_rounding(p->options->luma), grey);
}

static void colour_alpha_to_grey(const png_picture *p, uint8_t *row, size_t count, uint8_t *grey)
{
    dg_alpha_flatten(row, count, background_of(p));
    colour_to_grey(p, row, count, grey);
}

static int png_recognises(const uint8_t *file, size_t bytes)
{
    return bytes >= 8 && png_sig_cmp(file, 0, 8) == 0;
}

static void png_close(dg_picture *picture)
{
    png_picture *p = (png_picture *)picture;

    png_destroy_read_struct(&p->libpng, &p->header, NULL);
    free(p->row);
    free(p->plane);
    free(p);
}

static enum dg_code read_header(png_picture *p, dg_err *err)
{
    if (setjmp(p->on_error)) return failed(p, err);
    p->libpng =
        png_create_read_struct_2(PNG_LIBPNG_VER_STRING, p, jump_out, ignore_warning, p, allocate, release);
    if (p->libpng) p->header = png_create_info_struct(p->libpng);
    if (!p->header) return dg_fail_nomem(err, "a PNG decoder");
    png_set_read_fn(p->libpng, p, read_bytes);
    png_set_user_limits(p->libpng, SIDE_MAX, SIDE_MAX);
    png_set_crc_action(p->libpng, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_read_info(p->libpng, p->header);
    png_set_crc_action(p->libpng, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);
    return p->out_of_memory ? failed(p, err) : DG_OK;
}

static enum dg_code png_open(dg_picture **picture, const uint8_t *file, size_t bytes,
                             const dg_image_options *options, dg_err *err)
{
    *picture = NULL;
    png_picture *p = calloc(1, sizeof *p);
    if (!p) return dg_fail_nomem(err, "a PNG decoder");

    p->base.codec = &dg_png_codec;
    p->next = file;
    p->end = file + bytes;
    p->options = options;
    p->loops = dg_row_loops_best();
    p->transparent = -1;

    enum dg_code code = read_header(p, err);
    if (code) {
        png_close(&p->base);
        return code;
    }
    p->base.info = (dg_image_info){
        .format = p->base.codec->format,
        .width = png_get_image_width(p->libpng, p->header),
        .height = png_get_image_height(p->libpng, p->header),
        .channels = png_get_channels(p->libpng, p->header),
        .bit_depth = png_get_bit_depth(p->libpng, p->header),
        .orientation = dg_exif_png_orientation(file, bytes),
        .bytes = bytes,
    };
    if (png_get_interlace_type(p->libpng, p->header) != PNG_INTERLACE_NONE)
        p->base.whole = (uint64_t)p->base.info.width * p->base.info.height;
    *picture = &p->base;
    return DG_OK;
}

/* Fills p->table for a palette; an index past its end is opaque black. */
static void make_palette_table(png_picture *p)
{
    png_colorp palette = NULL;
    png_bytep alpha = NULL;
    int colours = 0, alphas = 0;
    uint32_t rounding = dg_luma_rounding(p->options->luma);

    png_get_PLTE(p->libpng, p->header, &palette, &colours);
    if (p->options->alpha != DG_ALPHA_IGNORE) png_get_tRNS(p->libpng, p->header, &alpha, &alphas, NULL);
    for (int i = 0; i < colours && i < 256; i++) {
        uint8_t pixel[4] = {palette[i].red, palette[i].green, palette[i].blue, i < alphas ? alpha[i] : 255};
        if (p->options->alpha != DG_ALPHA_IGNORE) dg_alpha_flatten(pixel, 1, background_of(p));
        p->table[i] = dg_luma_of(pixel[0], pixel[1], pixel[2], rounding);
    }
}

/* Fills p->table for grey samples of up to 8 bits, `transparent` (or -1) showing the background. */
static void make_grey_table(png_picture *p, int transparent)
{
    int top = (1 << p->base.info.bit_depth) - 1;

    for (int i = 0; i <= top; i++)
        p->table[i] = i == transparent ? background_of(p) : (uint8_t)(i * (255 / top));
}

/* The grey sample that tRNS makes transparent, where that matters, else -1. */
static int transparent_grey(const png_picture *p)
{
    png_color_16p key = NULL;

    if (p->options->alpha == DG_ALPHA_IGNORE) return -1;
    if (!png_get_tRNS(p->libpng, p->header, NULL, NULL, &key) || !key) return -1;
    return key->gray;
}

/* Asks libpng for the shape of row each colour type is handled in, and chooses the function for it. */
static void choose_shape(png_picture *p)
{
    int depth = p->base.info.bit_depth;
    int flatten = p->options->alpha != DG_ALPHA_IGNORE;

    switch (png_get_color_type(p->libpng, p->header)) {
    case PNG_COLOR_TYPE_PALETTE:
        png_set_packing(p->libpng);
        make_palette_table(p);
        p->to_grey = table_to_grey;
        break;
    case PNG_COLOR_TYPE_GRAY:
        if (depth == 16) {
            p->transparent = transparent_grey(p);
            p->to_grey = grey16_to_grey;
        } else {
            png_set_packing(p->libpng);
            make_grey_table(p, transparent_grey(p));
            p->to_grey = table_to_grey;
        }
        break;
    case PNG_COLOR_TYPE_GRAY_ALPHA:
        png_set_strip_16(p->libpng);
        p->to_grey = grey_alpha_to_grey;
        break;
    default:
        /* tRNS compares all 16 bits, so it is applied before they are cut to 8. */
        if (flatten) png_set_tRNS_to_alpha(p->libpng);
        png_set_strip_16(p->libpng);
        png_set_filler(p->libpng, 255, PNG_FILLER_AFTER);
        p->to_grey = flatten ? colour_alpha_to_grey : colour_to_grey;
    }
}

/*
 * libpng asks for compressed data in blocks, and the bytes of a last, incomplete block would be lost. So
 * where the end may be missed, the last blocks are asked for byte by byte.
 */
static void read_to_the_last_byte(png_picture *p)
{
    enum { BLOCK = 4096 }; /* libpng's own; any size would do */

    png_set_compression_buffer_size(p->libpng, p->end - p->next > 2 * BLOCK ? BLOCK : 1);
}

/* Reads one row of `count` pixels. Lenient callers get black once the data has ended. */
static enum dg_code read_row(png_picture *p, size_t count, uint8_t *grey, dg_err *err)
{
    if (setjmp(p->on_error)) {
        if (p->out_of_memory || !p->ran_dry || p->options->truncated == DG_TRUNCATED_REFUSE)
            return failed(p, err);
        p->cut_short = 1;
    }
    if (p->cut_short) {
        memset(p->row, 0, png_get_rowbytes(p->libpng, p->header));
    } else {
        if (p->options->truncated == DG_TRUNCATED_LENIENT) read_to_the_last_byte(p);
        png_read_row(p->libpng, p->row, NULL);
    }
    p->to_grey(p, p->row, count, grey);
    return DG_OK;
}

/* Decodes the seven passes of an interlaced file into p->plane. */
static enum dg_code read_interlaced(png_picture *p, dg_err *err)
{
    size_t width = p->base.info.width, height = p->base.info.height;
    uint8_t *grey = malloc(width);
    enum dg_code code = DG_OK;

    if (!grey) return dg_fail_nomem(err, "a PNG row");
    for (int pass = 0; pass < PNG_INTERLACE_ADAM7_PASSES && !code; pass++) {
        size_t columns = PNG_PASS_COLS(width, pass), rows = columns ? PNG_PASS_ROWS(height, pass) : 0;
        for (size_t y = 0; y < rows && !code; y++) {
            uint8_t *to = p->plane + PNG_ROW_FROM_PASS_ROW(y, pass) * width;
            code = dg_image_poll(p->options, err);
            if (!code) code = read_row(p, columns, grey, err);
            for (size_t x = 0; x < columns && !code; x++) to[PNG_COL_FROM_PASS_COL(x, pass)] = grey[x];
        }
    }
    free(grey);
    return code;
}

static enum dg_code png_start(dg_picture *picture, dg_err *err)
{
    png_picture *p = (png_picture *)picture;
    const dg_image_info *info = &p->base.info;
    int interlaced = png_get_interlace_type(p->libpng, p->header) != PNG_INTERLACE_NONE;

    if (setjmp(p->on_error)) return failed(p, err);
    choose_shape(p);
    png_read_update_info(p->libpng, p->header);

    p->row = malloc(png_get_rowbytes(p->libpng, p->header));
    if (interlaced) p->plane = malloc((size_t)info->width * info->height);
    if (!p->row || (interlaced && !p->plane)) return dg_fail_nomem(err, "the pixels of a PNG");
    return interlaced ? read_interlaced(p, err) : DG_OK;
}

static enum dg_code png_row(dg_picture *picture, uint8_t *grey, dg_err *err)
{
    png_picture *p = (png_picture *)picture;
    size_t width = p->base.info.width;

    if (!p->plane) return read_row(p, width, grey, err);
    memcpy(grey, p->plane + p->rows_read++ * width, width);
    return DG_OK;
}

static enum dg_code png_finish(dg_picture *picture, dg_err *err)
{
    const png_picture *p = (const png_picture *)picture;
    return p->out_of_memory ? failed(p, err) : DG_OK;
}

const dg_codec dg_png_codec = {
    .format = "png",
    .recognises = png_recognises,
    .open = png_open,
    .start = png_start,
    .row = png_row,
    .finish = png_finish,
    .close = png_close,
};
