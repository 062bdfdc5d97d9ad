/*
 * Hashes as SQL values: a BLOB, TEXT of hex digits, or an INTEGER of 64 bits that equals the 8-byte BLOB with
 * the most significant byte first.
 */
#ifndef DG_EXT_HASHVALUE_H
#define DG_EXT_HASHVALUE_H

#include "sqlite.h"

#include "../kernels/engine/join.h"

enum { DG_HASHVALUE_MAX = DG_JOIN_MAX_BITS / 8 }; /* bytes of the widest hash */

typedef struct dg_hashvalue {
    const uint8_t *bytes; /* SQLite's own for a BLOB, else `buffer` */
    size_t count;         /* 1..DG_HASHVALUE_MAX */
    uint8_t buffer[DG_HASHVALUE_MAX];
} dg_hashvalue;

/*
 * Reads a hash; valid until the value is changed or freed. DG_ERROR's text says what the value is and what a
 * hash is, without naming the function or row: "REAL; a hash is ...".
 */
enum dg_code dg_hashvalue_read(sqlite3_value *value, dg_hashvalue *hash, dg_err *err);

/* The hash that is written as hex digits; otherwise as dg_hashvalue_read. */
enum dg_code dg_hashvalue_read_hex(const char *text, size_t length, dg_hashvalue *hash, dg_err *err);

/* "NULL", "INTEGER", "REAL", "TEXT" or "BLOB". */
const char *dg_value_type_name(sqlite3_value *value);

/* The bytes as words: most significant byte first, the last word padded with zero bits below. */
void dg_hash_to_words(const uint8_t *bytes, size_t count, uint64_t *words);

/* Eight bytes as one word. */
static inline uint64_t dg_hash_word(const uint8_t *bytes)
{
    uint64_t word;
    __builtin_memcpy(&word, bytes, 8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* Number of differing bits of two hashes of `count` bytes. */
unsigned dg_hash_distance(const void *a, const void *b, size_t count);

#endif
