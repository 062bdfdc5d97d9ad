/*
 * Both libraries report an error by a callback that must not return; ours jump back into the function that
 * called the library. They write into a block that grows; only a lack of memory or a side too long for the
 * format can fail.
 */
#include "encode.h"

#include <stdio.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>
#include <png.h>

enum { FIRST_ROOM = 1 << 14 };

static void drop(dg_file *file)
{
    free(file->data);
    *file = (dg_file){0};
}

/* At least doubles the room. Returns 0 where memory ran out. */
static int grow(dg_file *file, size_t room)
{
    size_t wanted = file->room ? 2 * file->room : FIRST_ROOM;
    uint8_t *data = realloc(file->data, wanted > room ? wanted : room);

    if (!data) return 0;
    file->data = data;
    file->room = wanted > room ? wanted : room;
    return 1;
}

typedef struct png_writer {
    dg_file *file;
    jmp_buf on_error;
    int out_of_memory;
    char message[200];
} png_writer;

static void png_failed(png_structp libpng, png_const_charp message)
{
    png_writer *w = png_get_error_ptr(libpng);

    strncpy(w->message, message, sizeof w->message - 1);
    longjmp(w->on_error, 1);
}

static void png_warned(png_structp libpng, png_const_charp message)
{
    (void)libpng;
    (void)message;
}

static png_voidp png_allocate(png_structp libpng, png_alloc_size_t bytes)
{
    png_writer *w = png_get_mem_ptr(libpng);
    void *block = malloc(bytes);

    if (!block) w->out_of_memory = 1;
    return block;
}

static void png_release(png_structp libpng, png_voidp block)
{
    (void)libpng;
    free(block);
}

static void png_append(png_structp libpng, png_bytep data, size_t bytes)
{
    png_writer *w = png_get_io_ptr(libpng);
    dg_file *file = w->file;

    if (file->room - file->bytes < bytes && !grow(file, file->bytes + bytes)) {
        w->out_of_memory = 1;
        png_error(libpng, "out of memory");
    }
    memcpy(file->data + file->bytes, data, bytes);
    file->bytes += bytes;
}

static void png_flushed(png_structp libpng)
{
    (void)libpng;
}

static enum dg_code png_result(const png_writer *w, dg_err *err)
{
    if (w->out_of_memory) return dg_fail_nomem(err, "a PNG file");
    return dg_fail(err, DG_ERROR, "png: %s", w->message);
}

static enum dg_code write_png(png_writer *w, png_structp libpng, png_infop header, const dg_pixels *pixels,
                              dg_err *err)
{
    static const int types[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                                PNG_COLOR_TYPE_RGB_ALPHA};
    size_t stride = (size_t)pixels->size.width * (size_t)pixels->channels;

    if (setjmp(w->on_error)) return png_result(w, err);
    png_set_write_fn(libpng, w, png_append, png_flushed);
    png_set_IHDR(libpng, header, pixels->size.width, pixels->size.height, 8, types[pixels->channels - 1],
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(libpng, header);
    for (uint32_t y = 0; y < pixels->size.height; y++) png_write_row(libpng, pixels->samples + y * stride);
    png_write_end(libpng, NULL);
    return DG_OK;
}

enum dg_code dg_encode_png(const dg_pixels *pixels, dg_file *file, dg_err *err)
{
    *file = (dg_file){0};
    png_writer *w = calloc(1, sizeof *w);
    if (!w) return dg_fail_nomem(err, "a PNG encoder");
    w->file = file;

    enum dg_code code;
    png_infop header = NULL;
    png_structp libpng = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, w, png_failed, png_warned, w,
                                                   png_allocate, png_release);
    if (libpng) header = png_create_info_struct(libpng);
    if (header)
        code = write_png(w, libpng, header, pixels, err);
    else
        code = dg_fail_nomem(err, "a PNG encoder");
    png_destroy_write_struct(&libpng, &header);
    free(w);
    if (code) drop(file);
    return code;
}

typedef struct jpeg_writer {
    struct jpeg_compress_struct libjpeg;
    struct jpeg_error_mgr messages;
    struct jpeg_destination_mgr destination;
    dg_file *file;
    jmp_buf on_error;
    int out_of_memory;
} jpeg_writer;

static jpeg_writer *writer_of(j_common_ptr libjpeg)
{
    return libjpeg->client_data;
}

static void jpeg_failed(j_common_ptr libjpeg)
{
    longjmp(writer_of(libjpeg)->on_error, 1);
}

static void jpeg_said(j_common_ptr libjpeg)
{
    (void)libjpeg;
}

/* Hands libjpeg what room there is left. */
static void show_room(jpeg_writer *w)
{
    w->destination.next_output_byte = w->file->data + w->file->bytes;
    w->destination.free_in_buffer = w->file->room - w->file->bytes;
}

static void jpeg_begin(j_compress_ptr libjpeg)
{
    jpeg_writer *w = writer_of((j_common_ptr)libjpeg);

    if (!grow(w->file, 0)) {
        w->out_of_memory = 1;
        jpeg_failed((j_common_ptr)libjpeg);
    }
    show_room(w);
}

/* The buffer is full, whatever free_in_buffer says. */
static boolean jpeg_full(j_compress_ptr libjpeg)
{
    jpeg_writer *w = writer_of((j_common_ptr)libjpeg);

    w->file->bytes = w->file->room;
    jpeg_begin(libjpeg);
    return TRUE;
}

static void jpeg_end(j_compress_ptr libjpeg)
{
    jpeg_writer *w = writer_of((j_common_ptr)libjpeg);
    w->file->bytes = w->file->room - w->destination.free_in_buffer;
}

static enum dg_code jpeg_result(jpeg_writer *w, dg_err *err)
{
    char text[JMSG_LENGTH_MAX];

    if (w->out_of_memory || w->messages.msg_code == JERR_OUT_OF_MEMORY)
        return dg_fail_nomem(err, "a JPEG file");
    w->messages.format_message((j_common_ptr)&w->libjpeg, text);
    return dg_fail(err, DG_ERROR, "jpeg: %s", text);
}

static enum dg_code write_jpeg(jpeg_writer *w, const dg_pixels *pixels, int quality, dg_err *err)
{
    struct jpeg_compress_struct *libjpeg = &w->libjpeg;
    size_t stride = (size_t)pixels->size.width * (size_t)pixels->channels;

    if (setjmp(w->on_error)) return jpeg_result(w, err);
    jpeg_create_compress(libjpeg);
    libjpeg->dest = &w->destination;
    libjpeg->image_width = pixels->size.width;
    libjpeg->image_height = pixels->size.height;
    libjpeg->input_components = pixels->channels;
    libjpeg->in_color_space = pixels->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(libjpeg);
    jpeg_set_quality(libjpeg, quality, TRUE);
    libjpeg->optimize_coding = TRUE;
    jpeg_start_compress(libjpeg, TRUE);
    while (libjpeg->next_scanline < libjpeg->image_height) {
        JSAMPROW row = pixels->samples + libjpeg->next_scanline * stride;
        jpeg_write_scanlines(libjpeg, &row, 1);
    }
    jpeg_finish_compress(libjpeg);
    return DG_OK;
}

enum dg_code dg_encode_jpeg(const dg_pixels *pixels, int quality, dg_file *file, dg_err *err)
{
    *file = (dg_file){0};
    jpeg_writer *w = calloc(1, sizeof *w);
    if (!w) return dg_fail_nomem(err, "a JPEG encoder");
    w->file = file;
    w->libjpeg.err = jpeg_std_error(&w->messages);
    w->libjpeg.client_data = w;
    w->messages.error_exit = jpeg_failed;
    w->messages.output_message = jpeg_said;
    w->destination.init_destination = jpeg_begin;
    w->destination.empty_output_buffer = jpeg_full;
    w->destination.term_destination = jpeg_end;

    enum dg_code code = write_jpeg(w, pixels, quality, err);
    jpeg_destroy_compress(&w->libjpeg);
    free(w);
    if (code) drop(file);
    return code;
}
