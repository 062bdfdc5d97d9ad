/*
 * How an index sees a hash: its bits in a mixed order, read from four places.
 *
 * Neighbouring bits of a perceptual hash are alike, and chunks of bits that are alike fill few buckets. So
 * the bits are taken in one fixed random order, the same for every index, which belongs to the format. The
 * mixed hash is the first 24 bytes of that, or all of them where there are fewer; band c is its bytes 2c and
 * 2c + 1. The code of a hash in a band is the mixed hash turned until the band comes first: the two bytes of
 * the band, its bucket, and `tail` bytes behind it. Of a hash of 8 bytes a code holds all bits.
 *
 * Hashes of less than 8 bytes have no bands.
 */
#ifndef DG_ENGINE_INDEX_CODE_H
#define DG_ENGINE_INDEX_CODE_H

#include <stdint.h>

enum {
    DG_INDEX_BANDS = 4,
    DG_INDEX_BUCKETS = 1 << 16, /* of a band */
    DG_INDEX_TAIL_MAX = 16,
    DG_INDEX_MIXED_MAX = 2 * DG_INDEX_BANDS + DG_INDEX_TAIL_MAX,
    DG_INDEX_TABLE_BYTES = 8,
};

typedef struct dg_index_shape {
    uint32_t bytes; /* of a hash */
    uint32_t bands; /* DG_INDEX_BANDS, or 0 */
    uint32_t tail;  /* bytes behind the bucket; 3 (bytes + 8) bytes are enough for a row and four entries */
    uint32_t mixed; /* bytes of the mixed hash */
    /* Bit i of the mixed hash is bit shift[i], counted from the lowest, of byte source[i] of the hash. */
    uint16_t source[DG_INDEX_MIXED_MAX * 8];
    uint8_t shift[DG_INDEX_MIXED_MAX * 8];
    uint64_t table[DG_INDEX_TABLE_BYTES][256]; /* for hashes of 8 bytes: what each byte gives to the mixed */
} dg_index_shape;

void dg_index_shape_make(dg_index_shape *shape, uint32_t bytes);

/* Writes shape->mixed bytes. */
void dg_index_mix(const dg_index_shape *shape, const uint8_t *hash, uint8_t *mixed);

/* The bands of a mixed hash as one word, the first in its highest bits. */
uint64_t dg_index_bands_of(const uint8_t *mixed);

static inline uint32_t dg_index_band_of(uint64_t bands, uint32_t band)
{
    return (uint32_t)(bands >> (48 - 16 * band)) & (DG_INDEX_BUCKETS - 1);
}

/* Writes the shape->tail bytes behind the band and returns the bucket. */
uint32_t dg_index_code(const dg_index_shape *shape, const uint8_t *mixed, uint32_t band, uint8_t *tail);

/* For hashes of 8 bytes: the bands of the hash with that code. */
uint64_t dg_index_bands_of_code(uint32_t band, uint32_t bucket, const uint8_t *tail);

#endif
