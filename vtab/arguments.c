#include "arguments.h"

#include <string.h>

static int is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static const char *skip_space(const char *text)
{
    while (is_space(*text)) text++;
    return text;
}

char *dg_argument_value(const char *raw)
{
    raw = skip_space(raw);
    size_t length = strlen(raw);
    while (length && is_space(raw[length - 1])) length--;

    char *value = sqlite3_malloc64(length + 1);
    if (!value) return NULL;
    char close = length < 2 ? 0 : raw[0] == '[' ? ']' : strchr("'\"`", raw[0]) ? raw[0] : 0;
    if (close && raw[length - 1] == close) {
        size_t used = 0;
        for (size_t i = 1; i < length - 1; i++) {
            value[used++] = raw[i];
            if (raw[i] == close && raw[i + 1] == close && i + 1 < length - 1) i++;
        }
        length = used;
    } else {
        memcpy(value, raw, length);
    }
    value[length] = 0;
    return value;
}

const char *dg_argument_named(const char *raw, const char *key)
{
    int length = (int)strlen(key);
    raw = skip_space(raw);
    if (sqlite3_strnicmp(raw, key, length) != 0) return NULL;
    raw = skip_space(raw + length);
    return *raw == '=' ? raw + 1 : NULL;
}

int dg_argument_integer(const char *text, int64_t *value)
{
    int negative = *text == '-';
    uint64_t magnitude = 0, limit = (uint64_t)INT64_MAX + (uint64_t)negative;
    if (*text == '-' || *text == '+') text++;
    if (!*text) return 0;
    for (; *text >= '0' && *text <= '9'; text++) {
        uint64_t digit = (uint64_t)(*text - '0');
        if (magnitude > (limit - digit) / 10) return 0;
        magnitude = magnitude * 10 + digit;
    }
    *value = (int64_t)(negative ? 0 - magnitude : magnitude);
    return !*text;
}
