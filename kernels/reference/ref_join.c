#include "ref_join.h"

#include <stdlib.h>

uint32_t dg_ref_distance(const uint64_t *x, const uint64_t *y, uint32_t words)
{
    uint32_t distance = 0;
    for (uint32_t w = 0; w < words; w++)
        for (uint64_t apart = x[w] ^ y[w]; apart; apart &= apart - 1) distance++;
    return distance;
}

size_t dg_ref_join(const uint64_t *hashes, uint32_t rows, uint32_t words, uint32_t threshold,
                   dg_ref_pair **out)
{
    size_t n = 0, room = 1024;
    dg_ref_pair *pairs = malloc(room * sizeof *pairs);
    for (uint32_t a = 0; pairs && a < rows; a++)
        for (uint32_t b = a + 1; pairs && b < rows; b++) {
            uint32_t d = dg_ref_distance(hashes + (size_t)a * words, hashes + (size_t)b * words, words);
            if (d > threshold) continue;
            if (n == room) {
                dg_ref_pair *more = realloc(pairs, (room *= 2) * sizeof *pairs);
                if (!more) free(pairs);
                pairs = more;
            }
            if (pairs) pairs[n++] = (dg_ref_pair){a, b, d};
        }
    *out = pairs;
    return pairs ? n : 0;
}
