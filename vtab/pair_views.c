#include "pair_views.h"

#include "../kernels/image/image.h"

#include <stdlib.h>

uint32_t dg_views_bits(const dg_column *column)
{
    const uint32_t least = 8 * DG_VIEWS; /* which a plain hash of 64 bits has too */
    return column->bits % least == 0 && column->bits > least ? column->bits / DG_VIEWS : 0;
}

/* Byte k of a row, first bit most significant. */
static uint64_t byte_of(const uint64_t *row, uint32_t k)
{
    return row[k / 8] >> (56 - 8 * (k % 8)) & 0xff;
}

/* Hash number `view` of a row, laid out as a row of its own. */
static void copy_view(const dg_column *column, uint32_t row, uint32_t view, uint64_t *out)
{
    const uint32_t bytes = dg_views_bits(column) / 8;
    const uint64_t *from = column->hashes + (size_t)row * column->words;
    for (uint32_t w = 0; w < (bytes + 7) / 8; w++) out[w] = 0;
    for (uint32_t k = 0; k < bytes; k++) out[k / 8] |= byte_of(from, view * bytes + k) << (56 - 8 * (k % 8));
}

int dg_views_give(const dg_column *left, const dg_column *right, dg_join_spec *spec)
{
    const uint32_t words = (dg_views_bits(left->rows ? left : right) + 63) / 64;
    if (right->rows > UINT32_MAX / DG_VIEWS) return SQLITE_TOOBIG;
    spec->rows = left->rows;
    spec->right_rows = right->rows * DG_VIEWS;
    spec->hashes = malloc((size_t)spec->rows * words * sizeof(uint64_t) + 1);
    spec->right = malloc((size_t)spec->right_rows * words * sizeof(uint64_t) + 1);
    if (!spec->hashes || !spec->right) {
        free(spec->hashes);
        free(spec->right);
        return SQLITE_NOMEM;
    }
    for (uint32_t i = 0; i < left->rows; i++) copy_view(left, i, 0, spec->hashes + (size_t)i * words);
    for (uint32_t i = 0; i < right->rows; i++)
        for (uint32_t v = 0; v < DG_VIEWS; v++)
            copy_view(right, i, v, spec->right + ((size_t)i * DG_VIEWS + v) * words);
    return SQLITE_OK;
}

/* Differing bits of the first hash of one row and hash `view` of another. */
static uint32_t distance(const dg_column *a, uint32_t row, const dg_column *b, uint32_t other, uint32_t view)
{
    const uint32_t bytes = dg_views_bits(a) / 8;
    const uint64_t *x = a->hashes + (size_t)row * a->words, *y = b->hashes + (size_t)other * b->words;
    uint32_t sum = 0;
    for (uint32_t k = 0; k < bytes; k++)
        sum += (uint32_t)__builtin_popcountll(byte_of(x, k) ^ byte_of(y, view * bytes + k));
    return sum;
}

int dg_views_keep(const dg_column *left, const dg_column *right, int two, dg_pair *pair)
{
    const uint32_t row = pair->a, other = pair->b / DG_VIEWS, view = pair->b % DG_VIEWS;
    const uint32_t first = two || row < other ? row : other, second = two || row < other ? other : row;
    if (!two && row == other) return 0;
    uint32_t best = UINT32_MAX, best_view = 0;
    int best_turned = 0; /* the pair's first row is the one that is turned */
    for (int turned = 0; turned <= !two; turned++)
        for (uint32_t v = 0; v < DG_VIEWS; v++) {
            const uint32_t d =
                turned ? distance(right, second, left, first, v) : distance(left, first, right, second, v);
            if (d >= best) continue;
            best = d;
            best_view = v;
            best_turned = turned;
        }
    *pair = (dg_pair){first, second, best};
    return view == best_view && (!two && row > other) == best_turned;
}
