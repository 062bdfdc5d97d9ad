#include "line.h"

#include "hash.h"
#include "line_loops.h"
#include "line_normal.h"
#include "line_points.h"
#include "luma.h"
#include "png_writer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PGM_HEADER_MAX = 32,
    NO_FILTER = 0, /* the byte before a row of PNG samples */
};

struct dg_line {
    dg_line_options options;
    const dg_line_loops *loops;
    dg_line_canvas canvas;
    dg_line_points points;
    size_t point_room;
    dg_line_stroke *strokes; /* of the points, for dg_line_strokes */
    uint8_t level[256];      /* of a coverage, 0..2^bits - 1 */
    uint8_t sample[256];     /* grey of a coverage; luma where it has colour */
    uint8_t flip;            /* PNG: 0xff where the sample is the highest level less the level */
    dg_png_frame frame;
    dg_bytes file;
    dg_deflate *deflate; /* PNG */
    uint8_t *row;        /* PNG: a row of samples behind the byte that tells its filter, and one of room */
    uint8_t *packed;     /* the samples of it */
    uint64_t *changes;   /* which of them differ from the one before */
};

int32_t dg_line_fixed(double pixels)
{
    if (pixels > DG_LINE_SIDE_MAX) pixels = DG_LINE_SIDE_MAX;
    return (int32_t)floor(pixels * DG_LINE_ONE + 0.5);
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "BLOBs of numbers are taken as they are");

enum dg_code dg_line_values_of_blob(const void *blob, size_t bytes, int single, dg_line_values *values,
                                    dg_err *err)
{
    const size_t width = single ? sizeof(float) : sizeof(double);
    if (bytes % width)
        return dg_fail(err, DG_ERROR,
                       "the sequence is a BLOB of %zu bytes; dtype \"%s\" takes a multiple of %zu", bytes,
                       single ? "f4" : "f8", width);
    *values = (dg_line_values){blob, bytes / width, single};
    return DG_OK;
}

/* --- levels and colours --- */

static int level_of(const dg_line_options *o, int coverage)
{
    int most = (1 << o->bits) - 1;
    if (!o->antialias) return coverage >= 128 ? most : 0;
    return (coverage * most + 127) / 255;
}

static uint8_t sample_of(const dg_line_options *o, int level, int channel)
{
    int most = (1 << o->bits) - 1;
    return (uint8_t)((o->background[channel] * (most - level) + o->color[channel] * level + most / 2) / most);
}

static int is_grey(const uint8_t *rgb, int value)
{
    return rgb[0] == value && rgb[1] == value && rgb[2] == value;
}

/* Grey samples hold the level itself where white is drawn on black, and its complement where black on white;
 * anything else takes a palette. */
static void set_frame(dg_line *line)
{
    const dg_line_options *o = &line->options;
    const int most = (1 << o->bits) - 1;
    int black_on_white = is_grey(o->color, 0) && is_grey(o->background, 255);
    int white_on_black = is_grey(o->color, 255) && is_grey(o->background, 0);

    line->frame = (dg_png_frame){.width = o->width, .height = o->height, .bits = o->bits};
    line->flip = black_on_white && !o->transparent ? 0xff : 0;
    if ((black_on_white || white_on_black) && !o->transparent) return;
    line->frame.colors = most + 1;
    line->frame.has_alpha = o->transparent;
    for (int k = 0; k <= most; k++) {
        for (int c = 0; c < 3; c++)
            line->frame.palette[k][c] = o->transparent ? o->color[c] : sample_of(o, k, c);
        line->frame.alpha[k] = (uint8_t)((255 * k + most / 2) / most);
    }
}

static void set_tables(dg_line *line)
{
    const dg_line_options *o = &line->options;
    for (int a = 0; a < 256; a++) {
        uint8_t rgb[3];
        line->level[a] = (uint8_t)level_of(o, a);
        for (int c = 0; c < 3; c++) rgb[c] = o->transparent ? o->color[c] : sample_of(o, line->level[a], c);
        line->sample[a] = dg_luma_of(rgb[0], rgb[1], rgb[2], dg_luma_rounding(DG_LUMA_PILLOW7));
    }
}

/* --- the canvas --- */

static size_t round_up(size_t size, size_t unit)
{
    return (size + unit - 1) / unit * unit;
}

static int make_canvas(dg_line *line)
{
    const dg_line_options *o = &line->options;
    dg_line_canvas *c = &line->canvas;
    c->width = (int32_t)o->width;
    c->height = (int32_t)o->height;
    c->stride = round_up(o->width, DG_LINE_BLOCK);
    c->words = round_up(o->width, 64 * DG_LINE_BLOCK) / (64 * DG_LINE_BLOCK);
    c->coverage = calloc(c->stride * o->height + DG_LINE_OVERHANG, 1);
    c->touched = calloc(c->words * o->height, sizeof *c->touched);
    return c->coverage && c->touched;
}

/* Walks over the runs of touched blocks of a row; none goes beyond a word. */
struct runs {
    const uint64_t *next, *end;
    uint64_t bits; /* of the word before next, without those behind us */
    size_t pixel;  /* of that word's first bit */
};

static struct runs runs_of(const dg_line_canvas *c, size_t row)
{
    const uint64_t *touched = c->touched + row * c->words;
    return (struct runs){touched + 1, touched + c->words, *touched, 0};
}

/* Sets first and count, in pixels and both multiples of DG_LINE_BLOCK; 0 at the end of the row. */
static int next_run(struct runs *r, size_t *first, size_t *count)
{
    while (!r->bits) {
        if (r->next == r->end) return 0;
        r->bits = *r->next++;
        r->pixel += 64 * DG_LINE_BLOCK;
    }
    unsigned from = (unsigned)__builtin_ctzll(r->bits);
    uint64_t others = ~(r->bits >> from);
    unsigned blocks = others ? (unsigned)__builtin_ctzll(others) : 64;
    r->bits &= blocks == 64 ? 0 : ~((((uint64_t)1 << blocks) - 1) << from);
    *first = r->pixel + (size_t)from * DG_LINE_BLOCK;
    *count = (size_t)blocks * DG_LINE_BLOCK;
    return 1;
}

static void clear(const dg_line_canvas *c)
{
    size_t first, count;
    for (size_t j = 0; j < (size_t)c->height; j++) {
        struct runs runs = runs_of(c, j);
        while (next_run(&runs, &first, &count)) memset(c->coverage + j * c->stride + first, 0, count);
    }
    memset(c->touched, 0, (size_t)c->height * c->words * sizeof *c->touched);
}

static enum dg_code stopped(dg_err *err)
{
    return dg_fail(err, DG_INTERRUPT, "interrupted");
}

static enum dg_code draw(const dg_line *line, const dg_poll *poll, dg_err *err)
{
    enum { POINTS_AT_ONCE = 64 };
    const dg_line_points *p = &line->points;
    const int32_t reach = dg_line_reach(&line->options);
    for (size_t i = 0; i < p->count; i += POINTS_AT_ONCE) {
        const size_t end = p->count - i < POINTS_AT_ONCE ? p->count : i + POINTS_AT_ONCE;
        line->loops->draw(&line->canvas, p, i, end, reach);
        if (end < p->count && dg_poll_stop(poll)) return stopped(err);
    }
    return DG_OK;
}

enum { ROWS_AT_ONCE = 256 }; /* written between two questions whether to stop */

static int stops_after(const dg_poll *poll, size_t row)
{
    return row % ROWS_AT_ONCE == ROWS_AT_ONCE - 1 && dg_poll_stop(poll);
}

/* --- PNG --- */

static inline void pack_with(const uint8_t *level, int bits, uint8_t flip, const uint8_t *coverage,
                             uint8_t *packed)
{
    const int samples = 8 / bits;
    for (int i = 0; i < DG_LINE_BLOCK / samples; i++) {
        unsigned byte = 0;
        for (int k = 0; k < samples; k++) byte = byte << bits | level[*coverage++];
        packed[i] = (uint8_t)(byte ^ flip);
    }
}

/* The samples of a block. Returns which of the bytes differ from the one before, a bit each. */
static uint32_t pack(const dg_line *line, const uint8_t *coverage, uint8_t *packed)
{
    const dg_line_options *o = &line->options;
    uint32_t changes = 0;
    switch (o->bits) {
    case 1: pack_with(line->level, 1, line->flip, coverage, packed); break;
    case 2: pack_with(line->level, 2, line->flip, coverage, packed); break;
    case 8: pack_with(line->level, 8, line->flip, coverage, packed); break;
    default:
        if (o->antialias) return line->loops->pack4(coverage, line->flip, packed);
        pack_with(line->level, 4, line->flip, coverage, packed);
    }
    for (int i = 0; i < DG_LINE_BLOCK * o->bits / 8; i++)
        changes |= (uint32_t)(packed[i] != *(packed + i - 1)) << i;
    return changes;
}

/* The samples of a row that fill no whole byte, the unused bits 0. */
static void write_rest(dg_line *line, const uint8_t *coverage)
{
    const size_t bits = (size_t)line->options.bits, width = line->options.width;
    const size_t block = width / DG_LINE_BLOCK * DG_LINE_BLOCK;
    pack(line, coverage + block, line->packed);
    uint8_t used = (uint8_t)(0xff00 >> width * bits % 8);
    dg_deflate_run(line->deflate, line->packed[(width - block) * bits / 8] & used, 1);
}

/*
 * Packs the row's touched blocks and marks in `changes` where a byte differs from the one before. Of the
 * bytes between, only those beside a touched block are written.
 */
static void pack_row(dg_line *line, size_t row)
{
    const dg_line_canvas *c = &line->canvas;
    const uint8_t *coverage = c->coverage + row * c->stride;
    const size_t bytes = DG_LINE_BLOCK * (size_t)line->options.bits / 8; /* of a block, a divisor of 64 */
    uint8_t *packed = line->packed, background = line->flip;
    uint64_t *changes = line->changes;
    struct runs runs = runs_of(c, row);
    size_t first, count, at = 0;

    memset(changes, 0, (c->stride / DG_LINE_BLOCK * bytes / 64 + 1) * sizeof *changes);
    packed[0] = background;
    changes[0] = background != NO_FILTER;
    while (next_run(&runs, &first, &count)) {
        const size_t from = first / DG_LINE_BLOCK * bytes, to = from + count / DG_LINE_BLOCK * bytes;
        if (from > at) packed[from - 1] = background;
        changes[from / 64] &= ~((uint64_t)1 << from % 64);
        for (at = from; at < to; at += bytes, first += DG_LINE_BLOCK)
            changes[at / 64] |= (uint64_t)pack(line, coverage + first, packed + at) << at % 64;
        packed[to] = background;
        changes[to / 64] |= (uint64_t)(packed[to - 1] != background) << to % 64;
    }
}

static void write_row(dg_line *line, size_t row)
{
    const size_t bits = line->options.width * (size_t)line->options.bits, whole = bits / 8;
    pack_row(line, row);
    line->changes[whole / 64] &= ((uint64_t)1 << whole % 64) - 1; /* none behind the last whole byte */
    dg_deflate_row(line->deflate, NO_FILTER, line->packed, line->changes, whole);
    if (bits % 8) write_rest(line, line->canvas.coverage + row * line->canvas.stride);
}

static enum dg_code write_png(dg_line *line, const dg_poll *poll, uint8_t **picture, size_t *bytes,
                              dg_err *err)
{
    line->file.count = 0;
    size_t data = dg_png_start(&line->frame, &line->file);
    if (!data) return dg_fail_nomem(err, "a picture");
    dg_deflate_start(line->deflate, &line->file);
    for (size_t row = 0; row < line->options.height; row++) {
        write_row(line, row);
        if (stops_after(poll, row)) return stopped(err);
    }
    if (!dg_deflate_finish(line->deflate) || !dg_png_finish(&line->file, data))
        return dg_fail_nomem(err, "a picture");
    *picture = malloc(line->file.count);
    if (!*picture) return dg_fail_nomem(err, "a picture");
    memcpy(*picture, line->file.data, line->file.count);
    *bytes = line->file.count;
    return DG_OK;
}

/* --- raw and PGM --- */

static int pgm_header(const dg_line_options *o, char header[PGM_HEADER_MAX])
{
    if (o->format != DG_LINE_PGM) return 0;
    return snprintf(header, PGM_HEADER_MAX, "P5\n%u %u\n255\n", (unsigned)o->width, (unsigned)o->height);
}

static void write_sample_row(const dg_line *line, size_t row, uint8_t *out)
{
    const dg_line_options *o = &line->options;
    const uint8_t *coverage = line->canvas.coverage + row * line->canvas.stride;
    const int is_blend = o->bits == 8 && o->antialias && o->format != DG_LINE_PNG;
    struct runs runs = runs_of(&line->canvas, row);
    size_t first, count;
    memset(out, line->sample[0], o->width);
    while (next_run(&runs, &first, &count)) {
        if (count > o->width - first) count = o->width - first;
        if (is_blend)
            line->loops->blend(coverage + first, count, o->color[0], o->background[0], out + first);
        else
            for (size_t i = first; i < first + count; i++) out[i] = line->sample[coverage[i]];
    }
}

static enum dg_code write_raw(const dg_line *line, const dg_poll *poll, uint8_t **picture, size_t *bytes,
                              dg_err *err)
{
    char header[PGM_HEADER_MAX];
    const size_t head = (size_t)pgm_header(&line->options, header);
    const size_t size = head + (size_t)line->options.width * line->options.height;
    *picture = malloc(size);
    if (!*picture) return dg_fail_nomem(err, "a picture");
    memcpy(*picture, header, head);
    for (size_t row = 0; row < line->options.height; row++) {
        write_sample_row(line, row, *picture + head + row * line->options.width);
        if (stops_after(poll, row)) {
            free(*picture);
            *picture = NULL;
            return stopped(err);
        }
    }
    *bytes = size;
    return DG_OK;
}

/* --- the whole --- */

static int make_writer(dg_line *line)
{
    const size_t bytes = line->canvas.stride;
    set_frame(line);
    line->deflate = malloc(sizeof *line->deflate);
    line->changes = malloc((bytes / 64 + 1) * sizeof *line->changes);
    line->row = malloc(1 + bytes + 1);
    if (!line->deflate || !line->changes || !line->row) return 0;
    line->row[0] = NO_FILTER;
    line->packed = line->row + 1;
    return 1;
}

enum dg_code dg_line_open(dg_line **out, const dg_line_options *options, dg_err *err)
{
    dg_line *line = calloc(1, sizeof *line);
    *out = NULL;
    if (!line) return dg_fail_nomem(err, "a line picture");
    line->options = *options;
    line->loops = dg_line_loops_best();
    set_tables(line);
    if (!make_canvas(line) || (options->format == DG_LINE_PNG && !make_writer(line))) {
        dg_line_close(line);
        return dg_fail_nomem(err, "a line picture");
    }
    *out = line;
    return DG_OK;
}

void dg_line_use(dg_line *line, const dg_line_loops *loops)
{
    line->loops = loops;
}

void dg_line_close(dg_line *line)
{
    if (!line) return;
    free(line->canvas.coverage);
    free(line->canvas.touched);
    free(line->points.x);
    free(line->points.y);
    free(line->points.joined);
    free(line->strokes);
    free(line->file.data);
    free(line->deflate);
    free(line->changes);
    free(line->row);
    free(line);
}

size_t dg_line_footprint(const dg_line *line)
{
    const dg_line_canvas *c = &line->canvas;
    return sizeof *line + (size_t)c->height * (c->stride + c->words * sizeof *c->touched) +
           line->point_room * (2 * sizeof *line->points.x + 1) + line->file.capacity +
           (line->deflate ? sizeof *line->deflate : 0);
}

size_t dg_line_bytes(const dg_line_options *options)
{
    char header[PGM_HEADER_MAX];
    if (options->format == DG_LINE_PNG) return 0;
    return (size_t)pgm_header(options, header) + (size_t)options->width * options->height;
}

/* Room for the points of so many values. */
static enum dg_code make_room(dg_line *line, size_t count, dg_err *err)
{
    const size_t most = (size_t)DG_LINE_VALUES_A_COLUMN * line->options.width;
    dg_line_points *p = &line->points;
    if (count > most) count = most;
    if (count <= line->point_room) return DG_OK;
    free(p->x);
    free(p->y);
    free(p->joined);
    p->x = malloc(count * sizeof *p->x);
    p->y = malloc(count * sizeof *p->y);
    p->joined = malloc(count);
    line->point_room = p->x && p->y && p->joined ? count : 0;
    return line->point_room ? DG_OK : dg_fail_nomem(err, "the points of a line picture");
}

static enum dg_code place(dg_line *line, const dg_line_values *values, const dg_poll *poll, dg_err *err)
{
    if (values->count > DG_LINE_VALUES_MAX)
        return dg_fail(err, DG_ERROR, "a sequence of %zu numbers; it takes up to %d", values->count,
                       DG_LINE_VALUES_MAX);
    if (make_room(line, values->count, err) != DG_OK) return err->code;
    return dg_line_place(&line->options, values, poll, &line->points) ? DG_OK : stopped(err);
}

/* Draws the values into the canvas. */
static enum dg_code draw_values(dg_line *line, const dg_line_values *values, const dg_poll *poll, dg_err *err)
{
    if (place(line, values, poll, err) != DG_OK) return err->code;
    clear(&line->canvas);
    return draw(line, poll, err);
}

static enum dg_code write_picture(dg_line *line, const dg_poll *poll, uint8_t **picture, size_t *bytes,
                                  dg_err *err)
{
    return line->options.format == DG_LINE_PNG ? write_png(line, poll, picture, bytes, err)
                                               : write_raw(line, poll, picture, bytes, err);
}

enum dg_code dg_line_picture(dg_line *line, const dg_line_values *values, const dg_poll *poll,
                             uint8_t **picture, size_t *bytes, dg_err *err)
{
    *picture = NULL;
    *bytes = 0;
    if (draw_values(line, values, poll, err) != DG_OK) return err->code;
    return write_picture(line, poll, picture, bytes, err);
}

enum dg_code dg_line_strokes(dg_line *line, const dg_line_values *values, const dg_poll *poll,
                             const dg_line_stroke **strokes, size_t *count, dg_err *err)
{
    const dg_line_points *p = &line->points;
    if (place(line, values, poll, err) != DG_OK) return err->code;
    free(line->strokes);
    line->strokes = malloc((p->count + 1) * sizeof *line->strokes);
    if (!line->strokes) return dg_fail_nomem(err, "the points of a line picture");
    for (size_t i = 0; i < p->count; i++) {
        dg_line_stroke *s = &line->strokes[i];
        *s = (dg_line_stroke){.x = p->x[i], .y = p->y[i]};
        if (!p->joined[i] || (s->x == p->x[i - 1] && s->y == p->y[i - 1])) continue;
        const dg_line_normal n = dg_line_normal_of(s->x - p->x[i - 1], s->y - p->y[i - 1]);
        s->nx = (int32_t)n.x;
        s->ny = (int32_t)n.y;
    }
    *strokes = line->strokes;
    *count = p->count;
    return DG_OK;
}

const uint8_t *dg_line_samples(const dg_line *line)
{
    return line->sample;
}

static int is_touched(const uint8_t *coverage, size_t count)
{
    uint8_t any = 0;
    for (size_t i = 0; i < count; i++) any |= coverage[i];
    return any != 0;
}

enum dg_code dg_line_write(dg_line *line, const uint8_t *coverage, const dg_poll *poll, uint8_t **picture,
                           size_t *bytes, dg_err *err)
{
    dg_line_canvas *c = &line->canvas;
    const size_t width = line->options.width;
    *picture = NULL;
    *bytes = 0;
    clear(c);
    for (size_t row = 0; row < line->options.height; row++, coverage += width) {
        memcpy(c->coverage + row * c->stride, coverage, width);
        for (size_t x = 0; x < width; x += DG_LINE_BLOCK) {
            const size_t count = width - x < DG_LINE_BLOCK ? width - x : DG_LINE_BLOCK;
            const size_t block = x / DG_LINE_BLOCK;
            if (is_touched(coverage + x, count))
                c->touched[row * c->words + block / 64] |= (uint64_t)1 << block % 64;
        }
    }
    return write_picture(line, poll, picture, bytes, err);
}

enum dg_code dg_line_hash(dg_line *line, const dg_line_values *values, const dg_poll *poll,
                          uint8_t hash[DG_LINE_HASH_BYTES], dg_err *err)
{
    enum { HASH_SIZE = 8 };
    const dg_size size = {line->options.width, line->options.height};
    const dg_size plane = dg_hash_plane_size(DG_PHASH, HASH_SIZE, size);
    dg_resize *resize = NULL;
    memset(hash, 0, DG_LINE_HASH_BYTES);
    if (draw_values(line, values, poll, err) != DG_OK ||
        dg_resize_open(&resize, size, &plane, 1, err) != DG_OK)
        return err->code;
    for (size_t row = 0; row < size.height && err->code == DG_OK; row++) {
        write_sample_row(line, row, dg_resize_row(resize));
        dg_resize_take(resize);
        if (stops_after(poll, row)) stopped(err);
    }
    if (err->code == DG_OK) dg_hash_plane(DG_PHASH, HASH_SIZE, dg_resize_plane(resize, 0), plane, hash, err);
    dg_resize_close(resize);
    return err->code;
}
