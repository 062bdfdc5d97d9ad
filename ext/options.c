#include "options.h"

#include "json.h"

#include <stdio.h>
#include <string.h>

enum option { OPTION_ORIENT, OPTION_LUMA, OPTION_TRUNCATED, OPTION_ALPHA, OPTION_DECODE, OPTIONS };

/* Words stand in the order of their enum in image.h. */
static const struct {
    const char *key;
    const char *words[4];
} known[OPTIONS] = {
    [OPTION_ORIENT] = {"orient", {"0", "1"}},
    [OPTION_LUMA] = {"luma", {"pillow7", "pillow6"}},
    [OPTION_TRUNCATED] = {"truncated", {"refuse", "lenient"}},
    [OPTION_ALPHA] = {"alpha", {"ignore", "white", "black"}},
    [OPTION_DECODE] = {"decode", {"exact", "scaled"}},
};

static enum dg_code unknown_key(const char *key, dg_err *err)
{
    return dg_fail(err, DG_ERROR,
                   "unknown option \"%.60s\"; there are orient, luma, truncated, alpha, decode", key);
}

static enum dg_code read_value(enum option option, const dg_json_member *member, int *value, dg_err *err)
{
    const char *text = member->text;
    int is_flag = option == OPTION_ORIENT;
    if (is_flag && member->type == DG_JSON_BOOLEAN) {
        *value = text[0] == 't';
        return DG_OK;
    }
    if (member->type == (is_flag ? DG_JSON_NUMBER : DG_JSON_STRING)) {
        for (int i = 0; known[option].words[i]; i++) {
            if (strcmp(known[option].words[i], text) == 0) {
                *value = i;
                return DG_OK;
            }
        }
    }
    if (option == OPTION_DECODE && strcmp(text, "gpu") == 0)
        return dg_fail(
            err, DG_ERROR,
            "option \"decode\" is \"gpu\", which only the table function image_hashes takes: a function "
            "must give the same result everywhere");
    char list[80] = "";
    size_t used = 0;
    const char *quote = is_flag ? "" : "\"";
    for (int i = 0; known[option].words[i]; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s%s%s", i ? ", " : "", quote,
                                 known[option].words[i], quote);
    quote = member->type == DG_JSON_STRING ? "\"" : "";
    return dg_fail(err, DG_ERROR, "option \"%s\" is %s%.60s%s; it takes %s", known[option].key, quote, text,
                   quote, list);
}

enum dg_code dg_options_default(const dg_settings *settings, dg_image_options *options, dg_err *err)
{
    double max_pixels;

    *options = (dg_image_options){0};
    if (dg_setting_number(settings, DG_SETTING_MAX_PIXELS, &max_pixels, err) != DG_OK) return err->code;
    options->max_pixels = (uint64_t)max_pixels;
    return DG_OK;
}

enum dg_code dg_options_parse(const char *json, size_t length, dg_image_options *options, dg_err *err)
{
    dg_json reader;
    dg_json_member member;
    int more, values[OPTIONS] = {options->orient, options->luma, options->truncated, options->alpha,
                                 options->decode};

    if (dg_json_open(&reader, json, length, err) != DG_OK) return err->code;
    for (;;) {
        if (dg_json_next(&reader, &member, &more, err) != DG_OK) return err->code;
        if (!more) break;
        int option = 0;
        while (option < OPTIONS && strcmp(known[option].key, member.key) != 0) option++;
        if (option == OPTIONS) return unknown_key(member.key, err);
        if (read_value((enum option)option, &member, &values[option], err) != DG_OK) return err->code;
    }
    options->orient = values[OPTION_ORIENT];
    options->luma = (enum dg_luma)values[OPTION_LUMA];
    options->truncated = (enum dg_truncated)values[OPTION_TRUNCATED];
    options->alpha = (enum dg_alpha)values[OPTION_ALPHA];
    options->decode = (enum dg_decode)values[OPTION_DECODE];
    return DG_OK;
}
