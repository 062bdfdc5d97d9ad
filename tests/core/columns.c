#include "columns.h"

#include <stdlib.h>
#include <string.h>

const char *const column_shape_names[COLUMN_SHAPES] = {"uniform",   "planted", "skewed", "even",
                                                       "templates", "subcube", "equal"};

static uint64_t next(uint64_t *state) /* splitmix64 */
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void flip(uint64_t *row, uint32_t bits, uint32_t flips, uint64_t *state)
{
    for (uint32_t k = 0; k < flips; k++) {
        uint32_t bit = (uint32_t)(next(state) % bits);
        row[bit / 64] ^= (uint64_t)1 << (63 - bit % 64);
    }
}

static void random_row(uint64_t *row, uint32_t words, uint64_t *state)
{
    for (uint32_t w = 0; w < words; w++) row[w] = next(state);
}

uint64_t *make_column(enum column_shape shape, uint32_t rows, uint32_t bits, uint64_t seed)
{
    uint32_t words = (bits + 63) / 64;
    uint64_t state = seed * 1000003u + shape;
    uint64_t *column = malloc(((size_t)rows * words + 1) * sizeof *column), base[128], factor[8][128];
    uint64_t last = bits % 64 ? ~(uint64_t)0 << (64 - bits % 64) : ~(uint64_t)0;
    if (!column) abort();
    random_row(base, words, &state);
    for (int f = 0; f < 8; f++) random_row(factor[f], words, &state);
    for (uint32_t i = 0; i < rows; i++) {
        uint64_t *row = column + (size_t)i * words, kind = next(&state) % 10;
        random_row(row, words, &state);
        int copy = i > 0 && kind == 0;
        switch (shape) {
        case SKEWED:
            if (kind >= 1 && kind <= 7) { /* each factor decides an eighth of the bits, with noise */
                uint64_t choice = next(&state);
                for (uint32_t w = 0; w < words; w++) {
                    uint64_t value = 0;
                    for (int f = 0; f < 8; f++)
                        value |=
                            ((choice >> f & 1) ? factor[f][w] : ~factor[f][w]) & (0x0101010101010101u << f);
                    row[w] = value ^ (next(&state) & next(&state));
                }
            } else if (kind >= 8) {
                uint64_t template = next(&state) % 200;
                for (uint32_t w = 0; w < words; w++) row[w] = template * 0x9e3779b97f4a7c15u * (w + 1);
                flip(row, bits, (uint32_t)(next(&state) % 4), &state);
            }
            break;
        case TEMPLATES: {
            uint64_t from = next(&state) % 20;
            for (uint32_t w = 0; w < words; w++) row[w] = base[w] * (2 * from + 1);
            flip(row, bits, (uint32_t)(next(&state) % 3), &state);
            copy = 0;
            break;
        }
        case SUBCUBE:
            memcpy(row, base, words * sizeof *row);
            row[0] ^= next(&state) & 0x00f00f00f0f00000u;
            copy = 0;
            break;
        case EQUAL:
            memcpy(row, base, words * sizeof *row);
            copy = 0;
            break;
        default: break;
        }
        if (shape == UNIFORM) copy = 0;
        if (copy) {
            memcpy(row, column + (size_t)(next(&state) % i) * words, words * sizeof *row);
            flip(row, bits, (uint32_t)(next(&state) % 7), &state);
        }
        if (shape == EVEN) {
            uint32_t ones = 0;
            row[0] |= (uint64_t)1 << 63;
            row[words - 1] &= last;
            for (uint32_t w = 0; w < words; w++) ones += (uint32_t)__builtin_popcountll(row[w]);
            if (ones % 2 && !(copy && next(&state) % 3 == 0)) row[words - 1] ^= last & -last;
        }
        row[words - 1] &= last;
    }
    return column;
}
