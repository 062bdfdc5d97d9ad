#include "line_options.h"

#include "json.h"

#include "../kernels/image/number.h"

#include <math.h>
#include <string.h>

enum option {
    OPTION_WIDTH,
    OPTION_HEIGHT,
    OPTION_LINE_WIDTH,
    OPTION_PADDING,
    OPTION_MIN,
    OPTION_MAX,
    OPTION_ANTIALIAS,
    OPTION_COLOR,
    OPTION_BACKGROUND,
    OPTION_BITS,
    OPTION_FORMAT,
    OPTION_DTYPE,
    OPTIONS
};

/* Stands for a value that was not given: it depends on others. */
#define NOT_GIVEN NAN

enum kind { WHOLE, REAL, FLAG, COLOR, WORD };

static const struct {
    const char *key;
    enum kind kind;
    double least, most;   /* of a number */
    const char *words[4]; /* of a WORD, in the order of their enum */
    const char *takes;    /* for errors */
} known[OPTIONS] = {
    [OPTION_WIDTH] = {"width", WHOLE, 1, DG_LINE_SIDE_MAX, .takes = "a whole number from 1 to 8192"},
    [OPTION_HEIGHT] = {"height", WHOLE, 1, DG_LINE_SIDE_MAX, .takes = "a whole number from 1 to 8192"},
    [OPTION_LINE_WIDTH] = {"line_width", REAL, 0.25, 64, .takes = "a number from 0.25 to 64"},
    [OPTION_PADDING] = {"padding", REAL, 0, INFINITY, .takes = "a number from 0"},
    [OPTION_MIN] = {"min", REAL, -HUGE_VAL, HUGE_VAL, .takes = "a finite number"},
    [OPTION_MAX] = {"max", REAL, -HUGE_VAL, HUGE_VAL, .takes = "a finite number"},
    [OPTION_ANTIALIAS] = {"antialias", FLAG, .takes = "0 or 1"},
    [OPTION_COLOR] = {"color", COLOR, .takes = "a grey from 0 to 255 or \"#rrggbb\""},
    [OPTION_BACKGROUND] = {"background", COLOR,
                           .takes = "a grey from 0 to 255, \"#rrggbb\" or \"transparent\""},
    [OPTION_BITS] = {"bits", WHOLE, 1, 8, .takes = "1, 2, 4 or 8"},
    [OPTION_FORMAT] = {"format", WORD, .words = {"png", "raw", "pgm"},
                       .takes = "\"png\", \"raw\" or \"pgm\""},
    [OPTION_DTYPE] = {"dtype", WORD, .words = {"f8", "f4"}, .takes = "\"f8\" or \"f4\""},
};

/* The values as numbers: of a WORD its place, of a COLOR 0xrrggbb or TRANSPARENT. */
enum { TRANSPARENT = -1 };

static enum dg_code refuse(enum option option, const dg_json_member *member, dg_err *err)
{
    const char *quote = member->type == DG_JSON_STRING ? "\"" : "";
    return dg_fail(err, DG_ERROR, "option \"%s\" is %s%.60s%s; it takes %s", known[option].key, quote,
                   member->text, quote, known[option].takes);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if ((c | 32) >= 'a' && (c | 32) <= 'f') return (c | 32) - 'a' + 10;
    return -1;
}

/* "#rrggbb" as 0xrrggbb, or -1. */
static int hex_color(const char *text)
{
    int color = 0;
    if (text[0] != '#' || strlen(text) != 7) return -1;
    for (int i = 1; i < 7; i++) {
        int digit = hex_digit(text[i]);
        if (digit < 0) return -1;
        color = color << 4 | digit;
    }
    return color;
}

static int read_color(enum option option, const dg_json_member *member, double number, double *value)
{
    if (member->type == DG_JSON_NUMBER) {
        *value = number * 0x010101;
        return number == floor(number) && number >= 0 && number <= 255;
    }
    int color = hex_color(member->text);
    int is_clear = option == OPTION_BACKGROUND && strcmp(member->text, "transparent") == 0;
    *value = is_clear ? TRANSPARENT : color;
    return member->type == DG_JSON_STRING && (is_clear || color >= 0);
}

static int read_word(enum option option, const dg_json_member *member, double *value)
{
    for (int i = 0; known[option].words[i]; i++)
        if (strcmp(known[option].words[i], member->text) == 0) {
            *value = i;
            return member->type == DG_JSON_STRING;
        }
    return 0;
}

/* Nonzero if the member is a value for the option. */
static int read_value(enum option option, const dg_json_member *member, double *value)
{
    const int is_number = member->type == DG_JSON_NUMBER;
    double number = 0;
    if (is_number) dg_number_read(member->text, strlen(member->text), &number);
    if (known[option].kind == COLOR) return read_color(option, member, number, value);
    if (known[option].kind == WORD) return read_word(option, member, value);
    *value = number;
    if (known[option].kind == FLAG) {
        if (member->type == DG_JSON_BOOLEAN) *value = member->text[0] == 't';
        return member->type == DG_JSON_BOOLEAN || (is_number && (number == 0 || number == 1));
    }
    if (!is_number || !isfinite(number) || number < known[option].least || number > known[option].most)
        return 0;
    if (option == OPTION_BITS) return number == 1 || number == 2 || number == 4 || number == 8;
    return known[option].kind == REAL || number == floor(number);
}

static enum dg_code unknown_key(const char *key, dg_err *err)
{
    char list[160] = "";
    for (int i = 0; i < OPTIONS; i++) {
        if (i) strcat(list, ", ");
        strcat(list, known[i].key);
    }
    return dg_fail(err, DG_ERROR, "unknown option \"%.60s\"; there are %s", key, list);
}

static enum dg_code read_members(const char *json, size_t length, double values[OPTIONS], dg_err *err)
{
    dg_json reader;
    dg_json_member member;
    int more;
    if (dg_json_open(&reader, json, length, err) != DG_OK) return err->code;
    for (;;) {
        if (dg_json_next(&reader, &member, &more, err) != DG_OK) return err->code;
        if (!more) return DG_OK;
        int option = 0;
        while (option < OPTIONS && strcmp(known[option].key, member.key) != 0) option++;
        if (option == OPTIONS) return unknown_key(member.key, err);
        if (!read_value((enum option)option, &member, &values[option]))
            return refuse((enum option)option, &member, err);
    }
}

static void set_color(uint8_t rgb[3], double value)
{
    uint32_t color = value < 0 ? 0 : (uint32_t)value;
    for (int c = 0; c < 3; c++) rgb[c] = (uint8_t)(color >> (16 - 8 * c));
}

/* What no option can say for itself. */
static enum dg_code check_together(const dg_line_options *o, dg_err *err)
{
    const char *format = known[OPTION_FORMAT].words[o->format];
    if (o->lo > o->hi)
        return dg_fail(err, DG_ERROR, "option \"min\" is %.17g; it takes no more than \"max\", %.17g", o->lo,
                       o->hi);
    if (o->format == DG_LINE_PNG) return DG_OK;
    if (o->transparent)
        return dg_fail(err, DG_ERROR,
                       "option \"background\" is \"transparent\"; with the format \"%s\" it "
                       "takes a grey",
                       format);
    for (int i = 0; i < 2; i++) {
        const uint8_t *rgb = i ? o->background : o->color;
        if (rgb[0] == rgb[1] && rgb[1] == rgb[2]) continue;
        return dg_fail(err, DG_ERROR,
                       "option \"%s\" is \"#%02x%02x%02x\"; with the format \"%s\" it takes a grey",
                       known[i ? OPTION_BACKGROUND : OPTION_COLOR].key, rgb[0], rgb[1], rgb[2], format);
    }
    return DG_OK;
}

enum dg_code dg_line_options_parse(const char *json, size_t length, dg_line_request *request, dg_err *err)
{
    double v[OPTIONS] = {
        [OPTION_WIDTH] = 800,     [OPTION_HEIGHT] = 500,        [OPTION_LINE_WIDTH] = 3,
        [OPTION_ANTIALIAS] = 1,   [OPTION_PADDING] = NOT_GIVEN, [OPTION_MIN] = NOT_GIVEN,
        [OPTION_MAX] = NOT_GIVEN, [OPTION_BITS] = NOT_GIVEN,    [OPTION_BACKGROUND] = 0xffffff,
    };
    dg_line_options *o = &request->options;
    if (json && read_members(json, length, v, err) != DG_OK) return err->code;

    *o = (dg_line_options){.width = (uint32_t)v[OPTION_WIDTH],
                           .height = (uint32_t)v[OPTION_HEIGHT],
                           .lo = v[OPTION_MIN],
                           .hi = v[OPTION_MAX],
                           .antialias = v[OPTION_ANTIALIAS] != 0,
                           .transparent = v[OPTION_BACKGROUND] == TRANSPARENT,
                           .format = (enum dg_line_format)v[OPTION_FORMAT]};
    if (isnan(v[OPTION_PADDING])) v[OPTION_PADDING] = ceil(v[OPTION_LINE_WIDTH] / 2);
    if (isnan(v[OPTION_BITS])) v[OPTION_BITS] = o->format == DG_LINE_PNG ? 4 : 8;
    o->line_width = dg_line_fixed(v[OPTION_LINE_WIDTH]);
    o->padding = dg_line_fixed(v[OPTION_PADDING]);
    o->bits = (int)v[OPTION_BITS];
    set_color(o->color, v[OPTION_COLOR]);
    set_color(o->background, v[OPTION_BACKGROUND]);
    request->single = v[OPTION_DTYPE] != 0;
    return check_together(o, err);
}
