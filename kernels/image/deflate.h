/*
 * A writer of zlib streams (RFC 1950, 1951) for pictures that are mostly one colour.
 *
 * The only matches are repetitions of the byte before (distance 1), which together with Huffman codes made
 * for each block is as small for line pictures as zlib's best. The caller tells where a byte differs from the
 * one before, so what repeats is never looked at. The stream does not depend on the machine.
 */
#ifndef DG_IMAGE_DEFLATE_H
#define DG_IMAGE_DEFLATE_H

#include "../error.h"

#include <stddef.h>
#include <stdint.h>

enum {
    DG_DEFLATE_TOKENS = 1 << 15, /* of a block */
    DG_DEFLATE_ROW_MAX = 1 << 13,
    DG_DEFLATE_LITERALS = 286, /* symbols of the literal and length code */
    DG_DEFLATE_CODE_BITS = 15, /* of its longest code word */
};

/* Bytes that grow; the owner frees `data`. */
typedef struct dg_bytes {
    uint8_t *data;
    size_t count, capacity;
} dg_bytes;

/* Makes room for `more` bytes behind the ones there. Returns 0 without memory. */
int dg_bytes_reserve(dg_bytes *bytes, size_t more);

typedef struct dg_deflate {
    dg_bytes *out;
    int failed;          /* no memory for the output: nothing more is written */
    int previous;        /* the byte before, or -1 */
    uint64_t run;        /* repetitions of it that are not tokens yet */
    uint64_t sum1, sum2; /* of Adler-32, not yet reduced */
    uint64_t bits;       /* fewer than eight, not written yet, the first lowest */
    unsigned bit_count;
    uint32_t frequency[DG_DEFLATE_LITERALS + 1]; /* the last counts what is no token */
    size_t count;
    uint16_t tokens[DG_DEFLATE_TOKENS]; /* a byte, or 256 + the length of a match */
} dg_deflate;

/* Begins a stream behind the bytes in `out`, which must outlive it. The stream may be one used before. */
void dg_deflate_start(dg_deflate *stream, dg_bytes *out);

/*
 * The next bytes: `lead`, then `count` <= DG_DEFLATE_ROW_MAX more. Bit i % 64 of starts[i / 64] says that
 * byte i differs from the one before it; the first is compared with `lead`. Other bytes are not read, and no
 * bit behind the last byte is set.
 */
void dg_deflate_row(dg_deflate *stream, uint8_t lead, const uint8_t *bytes, const uint64_t *starts,
                    size_t count);

/* `count` times the same byte. */
void dg_deflate_run(dg_deflate *stream, uint8_t byte, uint64_t count);

/* Ends the stream, which may stand for 2^28 bytes. Returns 0 if there was no memory; the output is then
 * incomplete. */
int dg_deflate_finish(dg_deflate *stream);

/*
 * Lengths of the words of a best prefix code of at most `most` bits: 0 for symbols with frequency 0, and 1 if
 * only one symbol has another. Otherwise the code is complete. count <= DG_DEFLATE_LITERALS and
 * count <= 2^most; the sum of frequencies is below 2^32.
 */
void dg_deflate_lengths(const uint32_t *frequency, unsigned count, unsigned most, uint8_t *lengths);

#endif
