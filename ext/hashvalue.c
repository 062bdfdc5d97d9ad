#include "hashvalue.h"

#include "../kernels/bits.h"

#include <string.h>

static const char forms[] = "a hash is a BLOB, TEXT of hex digits or an INTEGER of 64 bits";

const char *dg_value_type_name(sqlite3_value *value)
{
    switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER: return "INTEGER";
    case SQLITE_FLOAT: return "REAL";
    case SQLITE_TEXT: return "TEXT";
    case SQLITE_BLOB: return "BLOB";
    default: return "NULL";
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

enum dg_code dg_hashvalue_read_hex(const char *text, size_t length, dg_hashvalue *hash, dg_err *err)
{
    if (length == 0 || length % 2 || length > 2 * DG_HASHVALUE_MAX)
        return dg_fail(err, DG_ERROR,
                       "TEXT of %zu characters ('%.40s'); hex digits come in pairs, 2 to %d of them", length,
                       text, 2 * DG_HASHVALUE_MAX);
    for (size_t i = 0; i < length; i += 2) {
        int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
        if (high < 0 || low < 0)
            return dg_fail(err, DG_ERROR, "TEXT '%.40s', which is not all hex digits; %s", text, forms);
        hash->buffer[i / 2] = (uint8_t)(high << 4 | low);
    }
    hash->bytes = hash->buffer;
    hash->count = length / 2;
    return DG_OK;
}

enum dg_code dg_hashvalue_read(sqlite3_value *value, dg_hashvalue *hash, dg_err *err)
{
    switch (sqlite3_value_type(value)) {
    case SQLITE_BLOB:
        hash->bytes = sqlite3_value_blob(value);
        hash->count = (size_t)sqlite3_value_bytes(value);
        if (hash->count == 0 || hash->count > DG_HASHVALUE_MAX)
            return dg_fail(err, DG_ERROR, "a BLOB of %zu bytes; a hash has 1 to %d bytes", hash->count,
                           DG_HASHVALUE_MAX);
        return hash->bytes ? DG_OK : dg_fail_nomem(err, "a hash");
    case SQLITE_INTEGER: {
        uint64_t word = (uint64_t)sqlite3_value_int64(value);
        for (int i = 0; i < 8; i++) hash->buffer[i] = (uint8_t)(word >> (56 - 8 * i));
        hash->bytes = hash->buffer;
        hash->count = 8;
        return DG_OK;
    }
    case SQLITE_TEXT: {
        const char *text = (const char *)sqlite3_value_text(value);
        if (!text) return dg_fail_nomem(err, "a hash");
        return dg_hashvalue_read_hex(text, (size_t)sqlite3_value_bytes(value), hash, err);
    }
    case SQLITE_FLOAT:
        return dg_fail(err, DG_ERROR,
                       "REAL; %s (hex digits such as 12345678e9 turn into REAL when imported into a column "
                       "of another type than TEXT or BLOB)",
                       forms);
    default: return dg_fail(err, DG_ERROR, "NULL; %s", forms);
    }
}

void dg_hash_to_words(const uint8_t *bytes, size_t count, uint64_t *words)
{
    for (; count >= 8; count -= 8, bytes += 8) *words++ = dg_hash_word(bytes);
    if (count) {
        uint8_t tail[8] = {0};
        memcpy(tail, bytes, count);
        *words = dg_hash_word(tail);
    }
}

/* The byte order does not matter to a count, so words are loaded as they lie. */
unsigned dg_hash_distance(const void *a, const void *b, size_t count)
{
    const uint8_t *x = a, *y = b;
    unsigned distance = 0;
    while (count) {
        size_t bytes = count < 8 ? count : 8;
        uint64_t left = 0, right = 0;
        memcpy(&left, x, bytes);
        memcpy(&right, y, bytes);
        distance += dg_bits_set(left ^ right);
        x += bytes, y += bytes, count -= bytes;
    }
    return distance;
}
