#include "json.h"

#include <stdint.h>
#include <string.h>

static enum dg_code malformed(const dg_json *json, dg_err *err)
{
    int left = (int)(json->end - json->at);
    if (left == 0) return dg_fail(err, DG_ERROR, "the options end too early; they are a JSON object");
    return dg_fail(err, DG_ERROR, "the options are no JSON object from '%.*s' on", left < 20 ? left : 20,
                   json->at);
}

static void skip_space(dg_json *json)
{
    while (json->at < json->end && strchr(" \t\r\n", *json->at) && *json->at) json->at++;
}

/* Steps over the character if it is next. */
static int take(dg_json *json, char c)
{
    skip_space(json);
    if (json->at == json->end || *json->at != c) return 0;
    json->at++;
    return 1;
}

static int hex4(const char *text, uint32_t *code)
{
    *code = 0;
    for (int i = 0; i < 4; i++) {
        char c = text[i];
        uint32_t digit;
        if (c >= '0' && c <= '9')
            digit = (uint32_t)(c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            digit = (uint32_t)((c | 32) - 'a' + 10);
        else
            return 0;
        *code = *code << 4 | digit;
    }
    return 1;
}

/* Bytes of UTF-8 written for a code point; `out` has room for four. */
static size_t encode(uint32_t code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t extra = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const uint8_t lead[] = {0, 0xc0, 0xe0, 0xf0};
    out[0] = (char)(lead[extra] | code >> (6 * extra));
    for (size_t i = 1; i <= extra; i++) out[i] = (char)(0x80 | ((code >> (6 * (extra - i))) & 0x3f));
    return extra + 1;
}

/* Decodes the escape after a backslash. Returns the bytes written, 0 if there is no such escape. */
static size_t escape(dg_json *json, char *out)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    if (json->at == json->end) return 0;
    char c = *json->at++;
    if (c != 'u') {
        const char *found = c ? strchr(letters, c) : NULL;
        if (!found) return 0;
        out[0] = meanings[found - letters];
        return 1;
    }
    uint32_t code, low;
    if (json->end - json->at < 4 || !hex4(json->at, &code)) return 0;
    json->at += 4;
    if (code >= 0xd800 && code < 0xdc00) {
        if (json->end - json->at < 6 || json->at[0] != '\\' || json->at[1] != 'u' ||
            !hex4(json->at + 2, &low) || low < 0xdc00 || low > 0xdfff)
            return 0;
        json->at += 6;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    return code ? encode(code, out) : 0;
}

static enum dg_code read_string(dg_json *json, char out[DG_JSON_TEXT], dg_err *err)
{
    size_t used = 0;
    if (!take(json, '"')) return malformed(json, err);
    while (json->at < json->end && *json->at != '"') {
        if (used + 5 > DG_JSON_TEXT)
            return dg_fail(err, DG_ERROR, "a text of the options is longer than %d bytes", DG_JSON_TEXT - 5);
        if ((unsigned char)*json->at < 0x20) return malformed(json, err);
        if (*json->at == '\\') {
            const char *start = json->at++;
            size_t written = escape(json, out + used);
            if (!written) {
                json->at = start;
                return malformed(json, err);
            }
            used += written;
        } else {
            out[used++] = *json->at++;
        }
    }
    if (json->at == json->end) return malformed(json, err);
    json->at++;
    out[used] = 0;
    return DG_OK;
}

/* Nonzero if the text is a number as JSON writes it. */
static int is_number(const char *text)
{
    if (*text == '-') text++;
    size_t whole = strspn(text, "0123456789");
    if (whole == 0 || (whole > 1 && *text == '0')) return 0;
    text += whole;
    if (*text == '.') {
        size_t fraction = strspn(++text, "0123456789");
        if (fraction == 0) return 0;
        text += fraction;
    }
    if (*text == 'e' || *text == 'E') {
        text++;
        if (*text == '+' || *text == '-') text++;
        size_t exponent = strspn(text, "0123456789");
        if (exponent == 0) return 0;
        text += exponent;
    }
    return *text == 0;
}

static enum dg_code read_word(dg_json *json, dg_json_member *member, dg_err *err)
{
    const char *start = json->at;
    size_t length = 0;
    while (start + length < json->end && start[length] && !strchr(" \t\r\n,}:\"[]{", start[length])) length++;
    if (length >= DG_JSON_TEXT) return malformed(json, err);
    memcpy(member->text, start, length);
    member->text[length] = 0;
    if (strcmp(member->text, "true") == 0 || strcmp(member->text, "false") == 0)
        member->type = DG_JSON_BOOLEAN;
    else if (strcmp(member->text, "null") == 0)
        member->type = DG_JSON_NULL;
    else if (is_number(member->text))
        member->type = DG_JSON_NUMBER;
    else
        return malformed(json, err);
    json->at += length;
    return DG_OK;
}

enum dg_code dg_json_open(dg_json *json, const char *text, size_t length, dg_err *err)
{
    *json = (dg_json){.at = text, .end = text + length};
    return take(json, '{') ? DG_OK : malformed(json, err);
}

enum dg_code dg_json_next(dg_json *json, dg_json_member *member, int *more, dg_err *err)
{
    *more = 0;
    if (take(json, '}')) {
        skip_space(json);
        return json->at == json->end ? DG_OK : malformed(json, err);
    }
    if (json->members++ && !take(json, ',')) return malformed(json, err);
    if (read_string(json, member->key, err) != DG_OK) return err->code;
    if (!take(json, ':')) return malformed(json, err);
    skip_space(json);
    if (json->at < json->end && *json->at == '"') {
        member->type = DG_JSON_STRING;
        if (read_string(json, member->text, err) != DG_OK) return err->code;
    } else if (read_word(json, member, err) != DG_OK) {
        return err->code;
    }
    *more = 1;
    return DG_OK;
}
