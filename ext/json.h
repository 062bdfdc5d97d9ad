/*
 * Reads one flat JSON object from a text, member by member, as options are written: {"orient": 1, "luma":
 * "pillow6"}.
 *
 * Values are strings, numbers, true, false and null; arrays and objects inside are refused, because no option
 * has them. Strings are limited to DG_JSON_TEXT bytes of UTF-8. Nothing is allocated.
 */
#ifndef DG_EXT_JSON_H
#define DG_EXT_JSON_H

#include "../kernels/error.h"

#include <stddef.h>

enum { DG_JSON_TEXT = 256 };

enum dg_json_type { DG_JSON_STRING, DG_JSON_NUMBER, DG_JSON_BOOLEAN, DG_JSON_NULL };

typedef struct dg_json_member {
    char key[DG_JSON_TEXT];
    enum dg_json_type type;
    char text[DG_JSON_TEXT]; /* the string decoded; any other value as written */
} dg_json_member;

typedef struct dg_json {
    const char *at;
    const char *end;
    int members; /* read so far */
} dg_json;

/* Starts at the opening brace. */
enum dg_code dg_json_open(dg_json *json, const char *text, size_t length, dg_err *err);

/* The next member: sets *more to 1 and fills `member`, or to 0 after the closing brace and the end of the
 * text. */
enum dg_code dg_json_next(dg_json *json, dg_json_member *member, int *more, dg_err *err);

#endif
