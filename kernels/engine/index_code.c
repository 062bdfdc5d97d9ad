#include "index_code.h"

#include <string.h>

/* xorshift64 (Marsaglia 2003): the order is part of the format. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* The start of a random order of all bits: Fisher and Yates, as far as it is needed. */
static void make_order(dg_index_shape *shape)
{
    uint16_t all[8192];
    const uint32_t bits = shape->bytes * 8;
    uint64_t state = 0x9e3779b97f4a7c15u;
    for (uint32_t i = 0; i < bits; i++) all[i] = (uint16_t)i;
    for (uint32_t i = 0; i < shape->mixed * 8; i++) {
        const uint32_t pick = i + (uint32_t)(next_random(&state) % (bits - i));
        const uint16_t bit = all[pick];
        all[pick] = all[i];
        shape->source[i] = bit / 8;
        shape->shift[i] = (uint8_t)(7 - bit % 8);
    }
}

static void make_table(dg_index_shape *shape)
{
    for (uint32_t i = 0; i < 64; i++)
        for (uint32_t value = 0; value < 256; value++)
            if (value >> shape->shift[i] & 1)
                shape->table[shape->source[i]][value] |= (uint64_t)1 << (63 - i);
}

void dg_index_shape_make(dg_index_shape *shape, uint32_t bytes)
{
    memset(shape, 0, sizeof *shape);
    shape->bytes = bytes;
    if (bytes < 2 * DG_INDEX_BANDS) return;
    shape->bands = DG_INDEX_BANDS;
    shape->tail = bytes / 2 + 2 < DG_INDEX_TAIL_MAX ? bytes / 2 + 2 : DG_INDEX_TAIL_MAX;
    shape->mixed = bytes < DG_INDEX_MIXED_MAX ? bytes : DG_INDEX_MIXED_MAX;
    make_order(shape);
    if (bytes == DG_INDEX_TABLE_BYTES) make_table(shape);
}

void dg_index_mix(const dg_index_shape *shape, const uint8_t *hash, uint8_t *mixed)
{
    if (shape->bytes == DG_INDEX_TABLE_BYTES) {
        uint64_t word = 0;
        for (uint32_t i = 0; i < DG_INDEX_TABLE_BYTES; i++) word |= shape->table[i][hash[i]];
        for (uint32_t i = 0; i < 8; i++) mixed[i] = (uint8_t)(word >> (56 - 8 * i));
        return;
    }
    for (uint32_t byte = 0; byte < shape->mixed; byte++) {
        const uint16_t *source = shape->source + 8 * byte;
        const uint8_t *shift = shape->shift + 8 * byte;
        uint32_t bits = 0;
        for (uint32_t i = 0; i < 8; i++) bits = bits << 1 | (hash[source[i]] >> shift[i] & 1);
        mixed[byte] = (uint8_t)bits;
    }
}

uint64_t dg_index_bands_of(const uint8_t *mixed)
{
    uint64_t bands = 0;
    for (uint32_t i = 0; i < 2 * DG_INDEX_BANDS; i++) bands = bands << 8 | mixed[i];
    return bands;
}

uint32_t dg_index_code(const dg_index_shape *shape, const uint8_t *mixed, uint32_t band, uint8_t *tail)
{
    uint32_t from = 2 * band + 2;
    for (uint32_t i = 0; i < shape->tail; i++) {
        if (from == shape->mixed) from = 0;
        tail[i] = mixed[from++];
    }
    return (uint32_t)mixed[2 * band] << 8 | mixed[2 * band + 1];
}

uint64_t dg_index_bands_of_code(uint32_t band, uint32_t bucket, const uint8_t *tail)
{
    uint64_t turned = bucket;
    for (uint32_t i = 0; i < 6; i++) turned = turned << 8 | tail[i];
    return band ? turned >> 16 * band | turned << (64 - 16 * band) : turned;
}
