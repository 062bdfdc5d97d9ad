/*
 * PNG through libpng, row by row; an interlaced file is decoded into a grey plane (a byte a pixel) first, and
 * into one of colours (four bytes) where they are wanted.
 *
 * libpng reports an error by a callback that must not return: ours jumps back into the function of this file
 * that called it, so each of them sets the jump's target before it calls libpng. What is refused is what
 * Pillow refuses: chunk checksums count up to the image data and not after, and nothing after the last row is
 * read.
 *
 * A row reaches us in one of four shapes, and each has a function that makes it grey and one that makes it
 * colours: single bytes mapped by a table (grey up to 8 bits, palette), grey with alpha, 16-bit grey, and
 * four-byte pixels (all colour).
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

typedef struct png_picture png_picture;

/* What becomes of a row of one shape. `to_grey` comes first and may use the row as work space: it lays
 * transparent pixels over the background, if there is to be one. */
typedef struct shape {
    void (*to_grey)(const png_picture *p, uint8_t *row, size_t count, uint8_t *grey);
    void (*to_rgba)(const png_picture *p, const uint8_t *row, size_t count, uint8_t *rgba);
} shape;

struct png_picture {
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
    const shape *shape;
    uint8_t table[256];     /* grey of a single-byte sample, */
    uint8_t colour[256][4]; /* and its pixel */
    int transparent;        /* grey sample that tRNS makes transparent, or -1 */
    uint8_t *row;           /* one row as libpng gives it */
    uint8_t *grey_plane;    /* interlaced: the whole picture's grey, */
    uint8_t *rgba_plane;    /* and its colours where they are wanted */
    uint32_t rows_read;
    int cut_short; /* lenient: the data ended, what is left is black */
};

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

static int flattens(const png_picture *p)
{
    return p->options->alpha != DG_ALPHA_IGNORE;
}

static uint8_t background_of(const png_picture *p)
{
    return p->options->alpha == DG_ALPHA_WHITE ? 255 : 0;
}

static void put_grey(uint8_t *rgba, uint8_t grey, uint8_t alpha)
{
    rgba[0] = rgba[1] = rgba[2] = grey;
    rgba[3] = alpha;
}

static void table_to_grey(const png_picture *p, uint8_t *row, size_t count, uint8_t *grey)
{
    for (size_t i = 0; i < count; i++) grey[i] = p->table[row[i]];
}

static void table_to_rgba(const png_picture *p, const uint8_t *row, size_t count, uint8_t *rgba)
{
    for (size_t i = 0; i < count; i++) memcpy(rgba + 4 * i, p->colour[row[i]], 4);
}

static void grey_alpha_to_grey(const png_picture *p, uint8_t *row, size_t count, uint8_t *grey)
{
    for (size_t i = 0; i < count; i++) {
        if (flattens(p)) row[2 * i] = dg_alpha_over(row[2 * i], row[2 * i + 1], background_of(p));
        grey[i] = row[2 * i];
    }
}

static void grey_alpha_to_rgba(const png_picture *p, const uint8_t *row, size_t count, uint8_t *rgba)
{
    (void)p;
    for (size_t i = 0; i < count; i++) put_grey(rgba + 4 * i, row[2 * i], row[2 * i + 1]);
}

static int sample16(const uint8_t *row, size_t i)
{
    return row[2 * i] << 8 | row[2 * i + 1];
}

/* Pillow clips 16-bit grey to 8 bits instead of scaling it. */
static uint8_t clipped16(const png_picture *p, int sample)
{
    if (flattens(p) && sample == p->transparent) return background_of(p);
    return (uint8_t)(sample > 255 ? 255 : sample);
}

static void grey16_to_grey(const png_picture *p, uint8_t *row, size_t count, uint8_t *grey)
{
    for (size_t i = 0; i < count; i++) grey[i] = clipped16(p, sample16(row, i));
}

static void grey16_to_rgba(const png_picture *p, const uint8_t *row, size_t count, uint8_t *rgba)
{
    for (size_t i = 0; i < count; i++) {
        int sample = sample16(row, i);
        put_grey(rgba + 4 * i, clipped16(p, sample), sample == p->transparent ? 0 : 255);
    }
}

static void pixels_to_grey(const png_picture *p, uint8_t *row, size_t count, uint8_t *grey)
{
    if (flattens(p)) dg_alpha_flatten(row, count, background_of(p));
    p->loops->luma(row, count, dg_luma_rounding(p->options->luma), grey);
}

static void pixels_to_rgba(const png_picture *p, const uint8_t *row, size_t count, uint8_t *rgba)
{
    (void)p;
    memcpy(rgba, row, 4 * count);
}

static const shape single_bytes = {table_to_grey, table_to_rgba};
static const shape grey_with_alpha = {grey_alpha_to_grey, grey_alpha_to_rgba};
static const shape grey_of_16_bits = {grey16_to_grey, grey16_to_rgba};
static const shape pixels = {pixels_to_grey, pixels_to_rgba};

static int png_recognises(const uint8_t *file, size_t bytes)
{
    return bytes >= 8 && png_sig_cmp(file, 0, 8) == 0;
}

static void png_close(dg_picture *picture)
{
    png_picture *p = (png_picture *)picture;

    png_destroy_read_struct(&p->libpng, &p->header, NULL);
    free(p->row);
    free(p->grey_plane);
    free(p->rgba_plane);
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
    /* Text, colour profiles, EXIF and the like are skipped: libpng takes the memory that they claim to need.
     */
    png_set_keep_unknown_chunks(p->libpng, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
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
    int type = png_get_color_type(p->libpng, p->header);
    p->base.size = (dg_size){p->base.info.width, p->base.info.height};
    p->base.grey = type == PNG_COLOR_TYPE_GRAY || type == PNG_COLOR_TYPE_GRAY_ALPHA;
    p->base.transparency =
        (type & PNG_COLOR_MASK_ALPHA) || png_get_valid(p->libpng, p->header, PNG_INFO_tRNS);
    if (png_get_interlace_type(p->libpng, p->header) != PNG_INTERLACE_NONE) {
        p->base.whole[0] = (uint64_t)p->base.size.width * p->base.size.height;
        p->base.whole[1] = 5 * p->base.whole[0];
    }
    *picture = &p->base;
    return DG_OK;
}

/* Sets what single-byte sample i stands for. */
static void set_colour(png_picture *p, int i, const uint8_t pixel[4])
{
    memcpy(p->colour[i], pixel, 4);
    if (flattens(p)) dg_alpha_flatten(p->colour[i], 1, background_of(p));
    const uint8_t *c = p->colour[i];
    p->table[i] = dg_luma_of(c[0], c[1], c[2], dg_luma_rounding(p->options->luma));
}

/* An index past the palette's end is opaque black. */
static void make_palette_table(png_picture *p)
{
    png_colorp palette = NULL;
    png_bytep alpha = NULL;
    int colours = 0, alphas = 0;

    png_get_PLTE(p->libpng, p->header, &palette, &colours);
    png_get_tRNS(p->libpng, p->header, &alpha, &alphas, NULL);
    for (int i = 0; i < 256; i++) {
        uint8_t pixel[4] = {0, 0, 0, i < alphas ? alpha[i] : 255};
        if (i < colours) {
            pixel[0] = palette[i].red;
            pixel[1] = palette[i].green;
            pixel[2] = palette[i].blue;
        }
        set_colour(p, i, pixel);
    }
}

/* Grey samples of up to 8 bits. Those past the depth's largest do not occur. */
static void make_grey_table(png_picture *p)
{
    int top = (1 << p->base.info.bit_depth) - 1;

    for (int i = 0; i <= top; i++) {
        uint8_t pixel[4];
        put_grey(pixel, (uint8_t)(i * (255 / top)), i == p->transparent ? 0 : 255);
        set_colour(p, i, pixel);
        p->table[i] = p->colour[i][0];
    }
}

/* The grey sample that tRNS makes transparent, else -1. */
static int transparent_grey(const png_picture *p)
{
    png_color_16p key = NULL;

    if (!png_get_tRNS(p->libpng, p->header, NULL, NULL, &key) || !key) return -1;
    return key->gray;
}

/* Learns what samples stand for where that is not in the row itself. */
static void read_colours(png_picture *p)
{
    int type = png_get_color_type(p->libpng, p->header);

    if (type == PNG_COLOR_TYPE_PALETTE) make_palette_table(p);
    if (type != PNG_COLOR_TYPE_GRAY) return;
    p->transparent = transparent_grey(p);
    if (p->base.info.bit_depth < 16) make_grey_table(p);
}

/* Asks libpng for the shape of row each colour type is handled in. */
static const shape *choose_shape(png_picture *p, int colour)
{
    switch (png_get_color_type(p->libpng, p->header)) {
    case PNG_COLOR_TYPE_PALETTE: png_set_packing(p->libpng); return &single_bytes;
    case PNG_COLOR_TYPE_GRAY:
        if (p->base.info.bit_depth == 16) return &grey_of_16_bits;
        png_set_packing(p->libpng);
        return &single_bytes;
    case PNG_COLOR_TYPE_GRAY_ALPHA: png_set_strip_16(p->libpng); return &grey_with_alpha;
    default:
        /* tRNS compares all 16 bits, so it is applied before they are cut to 8. */
        if (flattens(p) || colour) png_set_tRNS_to_alpha(p->libpng);
        png_set_strip_16(p->libpng);
        png_set_filler(p->libpng, 255, PNG_FILLER_AFTER);
        return &pixels;
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

/* Reads one row of `count` pixels; `rgba` may be NULL. Lenient callers get black once the data has ended. */
static enum dg_code read_row(png_picture *p, size_t count, uint8_t *grey, uint8_t *rgba, dg_err *err)
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
    p->shape->to_grey(p, p->row, count, grey);
    if (rgba) p->shape->to_rgba(p, p->row, count, rgba);
    return DG_OK;
}

/* One row of one pass of an interlaced file; `grey` and `rgba` are work space. */
static enum dg_code read_pass_row(png_picture *p, int pass, size_t y, uint8_t *grey, uint8_t *rgba,
                                  dg_err *err)
{
    size_t width = p->base.size.width, columns = PNG_PASS_COLS(width, pass);
    size_t start = PNG_ROW_FROM_PASS_ROW(y, pass) * width;
    enum dg_code code = read_row(p, columns, grey, rgba, err);

    if (code) return code;
    for (size_t x = 0; x < columns; x++) {
        size_t at = start + PNG_COL_FROM_PASS_COL(x, pass);
        p->grey_plane[at] = grey[x];
        if (rgba) memcpy(p->rgba_plane + 4 * at, rgba + 4 * x, 4);
    }
    return DG_OK;
}

/* Decodes the seven passes of an interlaced file into the planes. */
static enum dg_code read_interlaced(png_picture *p, int colour, dg_err *err)
{
    size_t width = p->base.size.width, height = p->base.size.height;
    uint8_t *grey = malloc(5 * width), *rgba = colour && grey ? grey + width : NULL;
    enum dg_code code = DG_OK;

    if (!grey) return dg_fail_nomem(err, "a PNG row");
    for (int pass = 0; pass < PNG_INTERLACE_ADAM7_PASSES && !code; pass++) {
        size_t rows = PNG_PASS_COLS(width, pass) ? PNG_PASS_ROWS(height, pass) : 0;
        for (size_t y = 0; y < rows && !code; y++) {
            code = dg_image_poll(p->options, err);
            if (!code) code = read_pass_row(p, pass, y, grey, rgba, err);
        }
    }
    free(grey);
    return code;
}

static enum dg_code png_start(dg_picture *picture, int colour, dg_err *err)
{
    png_picture *p = (png_picture *)picture;
    size_t area = (size_t)p->base.size.width * p->base.size.height;
    int interlaced = png_get_interlace_type(p->libpng, p->header) != PNG_INTERLACE_NONE;

    read_colours(p);
    if (setjmp(p->on_error)) return failed(p, err);
    p->shape = choose_shape(p, colour);
    png_read_update_info(p->libpng, p->header);

    p->row = malloc(png_get_rowbytes(p->libpng, p->header));
    if (interlaced) p->grey_plane = malloc(area);
    if (interlaced && colour) p->rgba_plane = malloc(4 * area);
    if (!p->row || (interlaced && !p->grey_plane) || (interlaced && colour && !p->rgba_plane))
        return dg_fail_nomem(err, "the pixels of a PNG");
    return interlaced ? read_interlaced(p, colour, err) : DG_OK;
}

static enum dg_code png_row(dg_picture *picture, uint8_t *grey, uint8_t *rgba, dg_err *err)
{
    png_picture *p = (png_picture *)picture;
    size_t width = p->base.size.width, at = p->rows_read++ * width;

    if (!p->grey_plane) return read_row(p, width, grey, rgba, err);
    memcpy(grey, p->grey_plane + at, width);
    if (rgba) memcpy(rgba, p->rgba_plane + 4 * at, 4 * width);
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
