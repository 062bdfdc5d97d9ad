/*
 * JPEG through libjpeg-turbo's classic interface, row by row.
 *
 * libjpeg reports an error by a callback that must not return: ours jumps back into the function of this file
 * that called it, so each of them sets the jump's target before it calls libjpeg. What is refused is what
 * Pillow refuses: any error up to the last row; the source running dry (JWRN_JPEG_EOF, "truncated") before
 * the last row, unless the caller is lenient; afterwards an error in jpeg_finish_decompress unless the source
 * had run dry by then. Other warnings are accepted. Colours are decoded with libjpeg's defaults (JDCT_ISLOW,
 * fancy upsampling, block smoothing) to RGB and then made grey: libjpeg's own Y plane gives other hashes.
 *
 * With decode = gpu libjpeg reads the header only, and the caller's decoder gives the whole picture at once,
 * from which rows are then taken. It does not tell whether the file is truncated, so a file without an end
 * marker counts as such; and what such decoders are known to take for something else is refused.
 */
#include "codec.h"

#include "exif.h"
#include "jpeg_quality.h"
#include "luma.h"
#include "rows.h"

#include <stdio.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

/*
 * libjpeg-turbo's SIMD colour converters bypass the cache when a row is aligned to their vectors (16 or 32
 * bytes), and reading such rows back is slow; a row that starts off by this much is written through the
 * cache.
 */
enum { ROW_MISALIGNMENT = 8 };

/* How small a picture may get by scaled decoding: below it hashes begin to drift. */
enum { SCALED_SIDE = 256 };

typedef struct jpeg_picture {
    dg_picture base;
    struct jpeg_decompress_struct libjpeg;
    struct jpeg_error_mgr messages;
    struct jpeg_progress_mgr progress;
    jmp_buf on_error;
    int ran_dry;     /* JWRN_JPEG_EOF was issued */
    int interrupted; /* the caller's poll said stop */
    const uint8_t *file;
    size_t bytes;
    const dg_image_options *options;
    const dg_row_loops *loops;
    uint8_t *buffer;     /* owns `row` */
    uint8_t *row;        /* one row of pixels R, G, B, 255; NULL for a grey file */
    uint8_t *whole;      /* decode = gpu: the picture as the decoder gave it, */
    const uint8_t *next; /* and its next row */
} jpeg_picture;

static jpeg_picture *picture_of(j_common_ptr libjpeg)
{
    return libjpeg->client_data;
}

static void jump_out(j_common_ptr libjpeg)
{
    longjmp(picture_of(libjpeg)->on_error, 1);
}

static void note_message(j_common_ptr libjpeg, int level)
{
    if (level < 0 && libjpeg->err->msg_code == JWRN_JPEG_EOF) picture_of(libjpeg)->ran_dry = 1;
}

static void discard_message(j_common_ptr libjpeg)
{
    (void)libjpeg;
}

/* libjpeg calls this for every row of blocks, also while it reads all scans of a progressive file at once. */
static void ask_caller(j_common_ptr libjpeg)
{
    jpeg_picture *p = picture_of(libjpeg);
    const dg_image_caller *caller = p->options->caller;

    if (!caller || !dg_poll_stop(&caller->poll)) return;
    p->interrupted = 1;
    jump_out(libjpeg);
}

/* Turns libjpeg's last error into ours. */
static enum dg_code failed(jpeg_picture *p, dg_err *err)
{
    char text[JMSG_LENGTH_MAX];

    if (p->interrupted) return dg_fail(err, DG_INTERRUPT, "interrupted");
    if (p->messages.msg_code == JERR_OUT_OF_MEMORY) return dg_fail_nomem(err, "a JPEG decoder");
    p->messages.format_message((j_common_ptr)&p->libjpeg, text);
    return dg_fail(err, DG_ERROR, "jpeg: %s", text);
}

static enum dg_code check_dry(const jpeg_picture *p, dg_err *err)
{
    if (p->ran_dry && p->options->truncated == DG_TRUNCATED_REFUSE)
        return dg_fail(err, DG_ERROR, "jpeg: truncated: the file ends after row %u of %u",
                       (unsigned)p->libjpeg.output_scanline, (unsigned)p->base.size.height);
    return DG_OK;
}

static int estimated_quality(const struct jpeg_decompress_struct *libjpeg)
{
    const JQUANT_TBL *luma = libjpeg->quant_tbl_ptrs[0], *chroma = libjpeg->quant_tbl_ptrs[1];
    return dg_jpeg_quality(luma ? luma->quantval : NULL, chroma ? chroma->quantval : NULL);
}

/* libjpeg keeps the coefficients of all blocks of a file with several scans. */
static uint64_t coefficient_bytes(struct jpeg_decompress_struct *libjpeg)
{
    uint64_t blocks = 0;

    if (!jpeg_has_multiple_scans(libjpeg)) return 0;
    for (int i = 0; i < libjpeg->num_components; i++)
        blocks += (uint64_t)libjpeg->comp_info[i].width_in_blocks * libjpeg->comp_info[i].height_in_blocks;
    return blocks * sizeof(JBLOCK);
}

static int jpeg_recognises(const uint8_t *file, size_t bytes)
{
    return bytes >= 3 && file[0] == 0xFF && file[1] == 0xD8 && file[2] == 0xFF;
}

static void jpeg_close(dg_picture *picture)
{
    jpeg_picture *p = (jpeg_picture *)picture;

    jpeg_destroy_decompress(&p->libjpeg);
    free(p->buffer);
    free(p->whole);
    free(p);
}

/* The smallest of libjpeg's quick scales, in eighths, at which no side is below SCALED_SIDE. */
static unsigned scale_for(uint32_t width, uint32_t height)
{
    uint32_t smaller = width < height ? width : height;
    unsigned eighths = 1;

    while (eighths < 8 && ((uint64_t)smaller * eighths + 7) / 8 < SCALED_SIDE) eighths *= 2;
    return eighths;
}

static enum dg_code read_header(jpeg_picture *p, const uint8_t *file, size_t bytes, dg_err *err)
{
    struct jpeg_decompress_struct *libjpeg = &p->libjpeg;

    if (setjmp(p->on_error)) return failed(p, err);
    jpeg_create_decompress(libjpeg);
    jpeg_mem_src(libjpeg, file, bytes);
    jpeg_read_header(libjpeg, TRUE);

    if (libjpeg->data_precision != 8)
        return dg_fail(err, DG_ERROR, "jpeg: %d bits a sample; only 8 are supported",
                       libjpeg->data_precision);
    switch (libjpeg->num_components) {
    case 1: libjpeg->out_color_space = JCS_GRAYSCALE; break;
    case 3: libjpeg->out_color_space = JCS_EXT_RGBA; break;
    case 4: libjpeg->out_color_space = JCS_CMYK; break;
    default:
        return dg_fail(err, DG_ERROR, "jpeg: %d components; only 1, 3 and 4 are supported",
                       libjpeg->num_components);
    }
    libjpeg->scale_denom = 8;
    libjpeg->scale_num = 8;
    if (p->options->decode == DG_DECODE_SCALED)
        libjpeg->scale_num = scale_for(libjpeg->image_width, libjpeg->image_height);
    jpeg_calc_output_dimensions(libjpeg);
    return DG_OK;
}

/* --- decode = gpu --- */

static int is_for_decoder(const jpeg_picture *p)
{
    return p->options->decode == DG_DECODE_GPU;
}

static uint64_t decoded_bytes(const jpeg_picture *p)
{
    return (uint64_t)p->libjpeg.num_components * p->libjpeg.image_width * p->libjpeg.image_height;
}

/* Whether there is an end marker behind the header; coded data has none within. */
static int has_end(const struct jpeg_source_mgr *behind_header)
{
    const uint8_t *at = behind_header->next_input_byte, *end = at + behind_header->bytes_in_buffer;

    while ((at = memchr(at, 0xFF, (size_t)(end - at))) && ++at < end)
        if (*at == JPEG_EOI) return 1;
    return 0;
}

/* DG_ERROR where the decoder's pixels could not be trusted. */
static enum dg_code check_for_decoder(const jpeg_picture *p, dg_err *err)
{
    const char *name = p->options->decoder->name;
    const J_COLOR_SPACE colours = p->libjpeg.jpeg_color_space;

    if (colours != JCS_GRAYSCALE && colours != JCS_YCbCr)
        return dg_fail(err, DG_ERROR, "%s: the colours are %s; only grey and YCbCr are decoded on a GPU",
                       name, p->libjpeg.num_components == 4 ? "CMYK" : "not YCbCr");
    if (p->options->truncated == DG_TRUNCATED_REFUSE && (p->ran_dry || !has_end(p->libjpeg.src)))
        return dg_fail(err, DG_ERROR, "%s: truncated: the file has no end marker", name);
    return DG_OK;
}

static enum dg_code decode_whole(jpeg_picture *p, dg_err *err)
{
    dg_jpeg_decoder *decoder = p->options->decoder;

    if (dg_image_poll(p->options, err) || check_for_decoder(p, err)) return err->code;
    p->next = p->whole = malloc(decoded_bytes(p));
    if (!p->whole) return dg_fail_nomem(err, "a decoded JPEG");
    return decoder->decode(decoder, p->file, p->bytes, p->base.size.width, p->base.size.height,
                           p->libjpeg.num_components, p->whole, err);
}

/* The next row of the decoded picture: grey, or pixels R, G, B, 255. */
static void take_row(jpeg_picture *p, uint8_t *row)
{
    const size_t width = p->base.size.width;

    if (p->base.grey)
        memcpy(row, p->next, width);
    else
        for (size_t i = 0; i < width; i++) {
            memcpy(row + 4 * i, p->next + 3 * i, 3);
            row[4 * i + 3] = 255;
        }
    p->next += (size_t)p->libjpeg.num_components * width;
}

/* --- the codec --- */

static enum dg_code jpeg_open(dg_picture **picture, const uint8_t *file, size_t bytes,
                              const dg_image_options *options, dg_err *err)
{
    *picture = NULL;
    jpeg_picture *p = calloc(1, sizeof *p);
    if (!p) return dg_fail_nomem(err, "a JPEG decoder");

    p->base.codec = &dg_jpeg_codec;
    p->file = file;
    p->bytes = bytes;
    p->options = options;
    p->loops = dg_row_loops_best();
    p->libjpeg.err = jpeg_std_error(&p->messages);
    p->libjpeg.client_data = p;
    p->messages.error_exit = jump_out;
    p->messages.emit_message = note_message;
    p->messages.output_message = discard_message;
    p->progress.progress_monitor = ask_caller;

    enum dg_code code = read_header(p, file, bytes, err);
    if (code) {
        jpeg_close(&p->base);
        return code;
    }
    p->base.info = (dg_image_info){
        .format = p->base.codec->format,
        .width = p->libjpeg.image_width,
        .height = p->libjpeg.image_height,
        .channels = p->libjpeg.num_components,
        .bit_depth = p->libjpeg.data_precision,
        .orientation = dg_exif_jpeg_orientation(file, bytes),
        .jpeg_quality = estimated_quality(&p->libjpeg),
        .bytes = bytes,
    };
    p->base.whole[0] = p->base.whole[1] =
        is_for_decoder(p) ? decoded_bytes(p) : coefficient_bytes(&p->libjpeg);
    p->libjpeg.progress = &p->progress;
    p->base.size = (dg_size){p->libjpeg.output_width, p->libjpeg.output_height};
    p->base.grey = p->libjpeg.num_components == 1;
    *picture = &p->base;
    return DG_OK;
}

static enum dg_code jpeg_start(dg_picture *picture, int colour, dg_err *err)
{
    jpeg_picture *p = (jpeg_picture *)picture;

    (void)colour; /* all but grey files are decoded to colours anyway */
    if (p->libjpeg.num_components > 1) {
        p->buffer = aligned_alloc(64, ((size_t)p->base.size.width * 4 + ROW_MISALIGNMENT + 63) & ~(size_t)63);
        if (!p->buffer) return dg_fail_nomem(err, "a JPEG row");
        p->row = p->buffer + ROW_MISALIGNMENT;
    }
    if (is_for_decoder(p)) return decode_whole(p, err);
    if (setjmp(p->on_error)) return failed(p, err);
    jpeg_start_decompress(&p->libjpeg);
    return check_dry(p, err);
}

static void grey_to_rgba(const uint8_t *grey, size_t count, uint8_t *rgba)
{
    for (size_t i = 0; i < count; i++, rgba += 4) {
        rgba[0] = rgba[1] = rgba[2] = grey[i];
        rgba[3] = 255;
    }
}

static enum dg_code jpeg_row(dg_picture *picture, uint8_t *grey, uint8_t *rgba, dg_err *err)
{
    jpeg_picture *p = (jpeg_picture *)picture;
    size_t width = p->base.size.width;

    if (setjmp(p->on_error)) return failed(p, err);
    JSAMPROW row = p->row ? p->row : grey;
    if (p->whole)
        take_row(p, row);
    else
        jpeg_read_scanlines(&p->libjpeg, &row, 1);
    if (p->libjpeg.num_components == 4) dg_cmyk_to_rgba(p->row, width);
    if (p->row) p->loops->luma(p->row, width, dg_luma_rounding(p->options->luma), grey);
    if (rgba && p->row) memcpy(rgba, p->row, 4 * width);
    if (rgba && !p->row) grey_to_rgba(grey, width, rgba);
    return check_dry(p, err);
}

static enum dg_code jpeg_finish(dg_picture *picture, dg_err *err)
{
    jpeg_picture *p = (jpeg_picture *)picture;

    if (p->whole) return DG_OK;
    if (setjmp(p->on_error)) return p->ran_dry ? DG_OK : failed(p, err);
    jpeg_finish_decompress(&p->libjpeg);
    return DG_OK;
}

const dg_codec dg_jpeg_codec = {
    .format = "jpeg",
    .recognises = jpeg_recognises,
    .open = jpeg_open,
    .start = jpeg_start,
    .row = jpeg_row,
    .finish = jpeg_finish,
    .close = jpeg_close,
};
