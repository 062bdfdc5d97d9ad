/*
 * The blocks an index is stored in: bytes of about a page, that hold rows or entries of a band.
 *
 * All numbers are little-endian. A block begins with
 *
 *     4  checksum of everything behind it
 *     4  count, 1 or more
 *
 * A block of rows, in ascending order of their ids, goes on with
 *
 *        the ids, packed
 *        the marks, packed
 *        count * bytes  the hashes
 *
 * A block of a band, in ascending order of (prefix, id), the prefix being the first 32 bits of the code:
 *
 *     4  size of the directory
 *        the directory: for each bucket that has entries, ascending, two varints: how far its number is from
 *        the one before (from 0 for the first), and how many entries it has
 *        count * tail  the tails of the codes
 *        the ids, packed
 *
 * Packed numbers are
 *
 *     8  base
 *     1  stride, 0 or 1
 *     1  width in bits, 0 to 56 or 64
 *        count * width bits, filled up to whole bytes
 *
 * and number i is base + stride * i + the i-th of the bit fields, which begin in the lowest bit of the first
 * byte. A varint has seven bits a byte, the lowest first, and the highest bit where another byte follows.
 *
 * Reading is safe on any bytes: sizes are checked when a block is opened, orders when it is decoded.
 */
#ifndef DG_ENGINE_INDEX_BLOCK_H
#define DG_ENGINE_INDEX_BLOCK_H

#include "index_code.h"

#include <stddef.h>

enum {
    DG_INDEX_BLOCK_MAX = 4040,  /* bytes: with its key it just fits a page of 4096 */
    DG_INDEX_BLOCK_FULL = 3960, /* how far blocks are filled that are written one after another */
};

/* Bytes under construction; `data` is from malloc. */
typedef struct dg_bytes {
    uint8_t *data;
    size_t size, capacity;
} dg_bytes;

void dg_bytes_free(dg_bytes *bytes);

/* Packed numbers inside a block. */
typedef struct dg_packed {
    uint64_t base;
    uint32_t stride, width;
    const uint8_t *bits, *end;
} dg_packed;

int64_t dg_packed_get(const dg_packed *packed, uint32_t i);

/* --- blocks of rows --- */

/* Rows in memory, from malloc. */
typedef struct dg_index_rows {
    uint32_t count, capacity;
    int64_t *ids, *marks;
    uint8_t *hashes;
} dg_index_rows;

/* Room for so many rows more. Returns 0 without memory. */
int dg_index_rows_reserve(const dg_index_shape *shape, dg_index_rows *rows, uint32_t more);
void dg_index_rows_add(const dg_index_shape *shape, dg_index_rows *rows, int64_t id, int64_t mark,
                       const uint8_t *hash);
void dg_index_rows_free(dg_index_rows *rows);

/* A block of rows, opened. The pointers lie in the block. */
typedef struct dg_index_rows_view {
    uint32_t count;
    dg_packed ids, marks;
    const uint8_t *hashes;
} dg_index_rows_view;

/* Returns 0 where the bytes are no block of rows. */
int dg_index_rows_open(const dg_index_shape *shape, const void *block, size_t size, dg_index_rows_view *view);

/* The place of the id in the block, or -1. */
int64_t dg_index_rows_find(const dg_index_rows_view *view, int64_t id);

/* Appends the block's rows. Returns 1; 0: the block is damaged; -1: no memory. */
int dg_index_rows_decode(const dg_index_shape *shape, const void *block, size_t size, dg_index_rows *rows);

/* Writes rows [from, from + count) as a block, in place of what `out` held. Returns 0 without memory. */
int dg_index_rows_encode(const dg_index_shape *shape, const dg_index_rows *rows, uint32_t from,
                         uint32_t count, dg_bytes *out);

/* How many rows from `from` on fill a block of `limit` bytes; at least one. */
uint32_t dg_index_rows_fit(const dg_index_shape *shape, const dg_index_rows *rows, uint32_t from,
                           size_t limit);

/* --- blocks of a band --- */

/* Entries in memory, from malloc. */
typedef struct dg_index_entries {
    uint32_t count, capacity;
    uint32_t *prefixes;
    int64_t *ids;
    uint8_t *tails;
} dg_index_entries;

int dg_index_entries_reserve(const dg_index_shape *shape, dg_index_entries *entries, uint32_t more);
void dg_index_entries_add(const dg_index_shape *shape, dg_index_entries *entries, uint32_t prefix, int64_t id,
                          const uint8_t *tail);
void dg_index_entries_free(dg_index_entries *entries);

/* Drops the first `count`. */
void dg_index_entries_drop(const dg_index_shape *shape, dg_index_entries *entries, uint32_t count);

static inline uint32_t dg_index_prefix(uint32_t bucket, const uint8_t *tail)
{
    return bucket << 16 | (uint32_t)tail[0] << 8 | tail[1];
}

/* A block of a band, opened, and how far its directory has been read. */
typedef struct dg_index_band_view {
    uint32_t count;
    const uint8_t *directory, *directory_end, *tails;
    dg_packed ids;
    uint32_t bucket, first, entries; /* the bucket read last and its entries; none before the first */
} dg_index_band_view;

/* Returns 0 where the bytes are no block of a band. */
int dg_index_band_open(const dg_index_shape *shape, const void *block, size_t size, dg_index_band_view *view);

/* Goes on to the next bucket. Returns 1; 0: there is none; -1: the block is damaged. */
int dg_index_band_next(dg_index_band_view *view);

/* As for rows. */
int dg_index_entries_decode(const dg_index_shape *shape, const void *block, size_t size,
                            dg_index_entries *entries);
int dg_index_entries_encode(const dg_index_shape *shape, const dg_index_entries *entries, uint32_t from,
                            uint32_t count, dg_bytes *out);

/* As for rows, without parting entries of equal prefix; so it may be more than fits. */
uint32_t dg_index_entries_fit(const dg_index_shape *shape, const dg_index_entries *entries, uint32_t from,
                              size_t limit);

/* Whether the bytes are what was written. */
int dg_index_block_intact(const void *block, size_t size);

#endif
