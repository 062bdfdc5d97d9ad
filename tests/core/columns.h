/* Columns of hashes of the shapes found in practice and in nightmares, the same for the same seed. */
#ifndef TEST_COLUMNS_H
#define TEST_COLUMNS_H

#include <stdint.h>

enum column_shape {
    UNIFORM,
    PLANTED,   /* uniform, 10 % copies with 0..6 flipped bits */
    SKEWED,    /* 70 % from 8 latent factors, 20 % near 200 templates, 10 % planted */
    EVEN,      /* planted, top bit set, nearly all popcounts even: distances mostly are, as phash's */
    TEMPLATES, /* within 2 flips of 20 rows */
    SUBCUBE,   /* only 16 bits vary */
    EQUAL,     /* one value */
    COLUMN_SHAPES
};

extern const char *const column_shape_names[COLUMN_SHAPES];

/* rows * ceil(bits/64) words, unused low bits zero; malloc. */
uint64_t *make_column(enum column_shape shape, uint32_t rows, uint32_t bits, uint64_t seed);

#endif
