#include "pair_index.h"

#include <stdlib.h>

static uint32_t row_of(const dg_pair *pair, int by_second)
{
    return by_second ? pair->b : pair->a;
}

/* A counting sort: start[] first holds counts one place up, then the next free place, and ends one place
 * down. */
int dg_pair_index_make(dg_pair_index *index, uint32_t rows, const dg_pair *pairs, size_t count, int by_second)
{
    *index = (dg_pair_index){.by_second = by_second};
    uint32_t *start = calloc((size_t)rows + 2, sizeof *start);
    dg_pair *filed = malloc((count ? count : 1) * sizeof *filed);
    if (!start || !filed) {
        free(start);
        free(filed);
        return 0;
    }
    for (size_t i = 0; i < count; i++) start[(size_t)row_of(&pairs[i], by_second) + 2]++;
    for (size_t row = 2; row < (size_t)rows + 2; row++) start[row] += start[row - 1];
    for (size_t i = 0; i < count; i++) filed[start[(size_t)row_of(&pairs[i], by_second) + 1]++] = pairs[i];
    index->start = start;
    index->pairs = filed;
    return 1;
}

void dg_pair_index_free(dg_pair_index *index)
{
    free(index->start);
    free(index->pairs);
    *index = (dg_pair_index){0};
}
