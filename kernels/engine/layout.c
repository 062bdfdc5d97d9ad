#include "layout.h"

#include <math.h>
#include <string.h>

static const double FEW = 3e-4; /* share of pairs that may pass a sieve: verifying costs a hundred compares */

const dg_device_info dg_standard_device = {.units = 1, .costs = DG_STANDARD_COSTS};

double dg_extent_pairs(const dg_extent *extent)
{
    double a = (double)extent->rows_a, b = (double)extent->rows_b;
    return extent->self ? a * (a - 1) / 2 : a * b;
}

double dg_values_within(uint32_t width, uint32_t radius)
{
    double sum = 0, choose = 1;
    for (uint32_t i = 0; i <= radius && i <= width; i++) {
        sum += choose;
        choose = choose * (width - i) / (i + 1);
    }
    return sum;
}

double dg_pass_probability(uint32_t bits, uint32_t threshold)
{
    double sum = 0, log_choose = 0;
    for (uint32_t i = 0; i <= threshold && i <= bits; i++) {
        sum += exp2(log_choose - bits);
        log_choose += log2((double)(bits - i) / (i + 1));
    }
    return sum;
}

uint32_t dg_sieve_words_for(uint32_t words, uint32_t threshold)
{
    uint32_t chosen = 1;
    while (2 * chosen <= words && 2 * chosen <= DG_SIEVE_WORDS_MAX &&
           dg_pass_probability(64 * chosen, threshold) > FEW)
        chosen *= 2;
    return chosen;
}

enum { ONE_PASS_WIDTH = 11 }; /* chunks up to this width are partitioned in one pass, wider ones in two */

/* The widest chunk that pays: one whose buckets hold about half a row. */
static uint32_t width_limit(uint64_t rows)
{
    uint32_t width = 1;
    while ((uint64_t)1 << (width - 1) < rows && width < DG_CHUNK_WIDTH_MAX) width++;
    return width;
}

int dg_layout_make(const dg_extent *extent, uint32_t chunks, dg_layout *out)
{
    uint32_t bits = extent->bits, t = extent->threshold, limit;
    *out = (dg_layout){0};
    if (chunks < (t == 0 ? 1 : 2) || chunks > t + 1 || chunks > bits || chunks > DG_CHUNKS_MAX) return 0;
    limit = width_limit(extent->rows_a > extent->rows_b ? extent->rows_a : extent->rows_b);
    uint32_t radius = (t - chunks + 1) / chunks, wider = (t - chunks + 1) % chunks, start = 0;
    for (uint32_t c = 0; c < chunks; c++) {
        uint32_t room = bits / chunks + (c < bits % chunks);
        dg_chunk *chunk = &out->chunk[c];
        *chunk = (dg_chunk){start, room < limit ? room : limit, radius + (c < wider)};
        if (chunk->radius >= chunk->width) return 0;
        out->skew[c] = 1;
        start += room;
    }
    out->chunks = chunks;
    return 1;
}

void dg_layout_predict(const dg_extent *extent, const dg_device_info *device, dg_layout *layout)
{
    const dg_costs *cost = &device->costs;
    double pairs = dg_extent_pairs(extent),
           rows = (double)(extent->rows_a > extent->rows_b ? extent->rows_a : extent->rows_b);
    double sieve_words = dg_sieve_words_for(extent->words, extent->threshold);
    double passing =
        sieve_words < extent->words ? dg_pass_probability((uint32_t)sieve_words * 64, extent->threshold) : 0;
    layout->candidates = layout->seconds = 0;
    for (uint32_t c = 0; c < layout->chunks; c++) {
        const dg_chunk *chunk = &layout->chunk[c];
        double buckets = ldexp(1, (int)chunk->width), near = dg_values_within(chunk->width, chunk->radius);
        double uneven = layout->skew[c], candidates = pairs * near / buckets * uneven;
        if (candidates > pairs) candidates = pairs;
        /* A pair of buckets is entered when both have rows. On average half of the last vector is empty. */
        double held = rows / buckets, used = 1 - exp(-held), met = held / used * uneven;
        double looked = (extent->self ? buckets * near / 2 : buckets * near), entered = looked * used * used;
        double vectors = candidates / cost->lanes + 0.5 * entered * met;
        layout->candidates += candidates;
        layout->seconds += candidates * passing * cost->survivor;
        layout->seconds +=
            looked * cost->look + entered * cost->bucket_pair + vectors * cost->vector * sieve_words;
        if (c > 0 || !extent->sorted) {
            double moved = (double)extent->rows_a + (extent->self ? 0 : (double)extent->rows_b);
            double passes = chunk->width <= ONE_PASS_WIDTH ? 0.6 : 1;
            layout->seconds +=
                moved * cost->partition_row * passes * (1 + 0.5 * (sieve_words - 1)) + buckets * 1e-9;
        }
    }
    layout->seconds = layout->seconds / device->units + layout->chunks * cost->start;
}

uint32_t dg_widest_sieve(uint32_t words)
{
    return words >= 4 ? 256 : words >= 2 ? 128 : 64;
}

double dg_brute_pair(const dg_costs *costs, uint32_t sieve_bits)
{
    return costs->brute[sieve_bits == 32 ? 0 : sieve_bits == 64 ? 1 : sieve_bits == 128 ? 2 : 3];
}

double dg_brute_seconds(const dg_extent *extent, const dg_device_info *device, uint32_t sieve_bits)
{
    return dg_extent_pairs(extent) * dg_brute_pair(&device->costs, sieve_bits) / device->units +
           device->costs.start;
}

/* Appends to masks, ascending, prefix plus every number of up to `radius` set bits among the low `width`
 * bits. */
static uint32_t *list_masks(uint32_t prefix, uint32_t width, uint32_t radius, uint32_t *masks)
{
    if (width == 0 || radius == 0) {
        *masks = prefix;
        return masks + 1;
    }
    masks = list_masks(prefix, width - 1, radius, masks);
    return list_masks(prefix | 1u << (width - 1), width - 1, radius - 1, masks);
}

uint32_t dg_masks_list(uint32_t width, uint32_t radius, uint32_t *masks)
{
    return (uint32_t)(list_masks(0, width, radius, masks) - masks);
}
