#include "sample.h"

#include "../bits.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PAIR_SAMPLE = 512 }; /* 512 x 512 / 2 pairs: a rate of 3e-4 is seen 39 times */

/*
 * The i-th place of a fixed pseudo-random order of 0 .. count-1: a bijection of the next power of two, walked
 * until it lands inside. Places at equal steps would not do: rows may be sorted, and would then seem more
 * even than they are.
 */
static uint32_t place_at(uint32_t i, uint32_t count)
{
    uint32_t bits = count > 1 ? 32 - (uint32_t)__builtin_clz(count - 1) : 1;
    uint64_t mask = ((uint64_t)1 << bits) - 1, x = i;
    do {
        x = (x * 0x9e3779b1u + 0x7f4a7c15u) & mask;
        x ^= x >> ((bits + 1) / 2);
        x = x * 0x85ebca6bu & mask;
        x ^= x >> ((bits + 1) / 2);
    } while (x >= count);
    return (uint32_t)x;
}

uint32_t dg_sample_size(uint32_t rows)
{
    enum { LEAST = 256, MOST = 4096 };
    return rows / 8 < LEAST ? LEAST : rows / 8 < MOST ? rows / 8 : MOST;
}

enum dg_code dg_sample_take(const uint64_t *rows, uint32_t count, uint32_t words, uint32_t wanted,
                            dg_sample *out, dg_err *err)
{
    uint32_t n = count < wanted ? count : wanted;
    *out = (dg_sample){malloc(((size_t)n * words + 1) * sizeof *rows), n, words};
    if (!out->rows) {
        out->count = 0;
        return dg_fail_nomem(err, "a sample of the rows");
    }
    for (uint32_t i = 0; i < n; i++)
        memcpy(out->rows + (size_t)i * words, rows + (size_t)place_at(i, count) * words,
               words * sizeof *rows);
    return DG_OK;
}

static uint32_t row_bits(const uint64_t *row, uint32_t words)
{
    uint32_t sum = 0;
    for (uint32_t w = 0; w < words; w++) sum += dg_bits_set(row[w]);
    return sum;
}

double dg_sample_even(const dg_sample *sample)
{
    uint32_t even = 0;
    for (uint32_t i = 0; i < sample->count; i++)
        even += row_bits(sample->rows + (size_t)i * sample->words, sample->words) % 2 == 0;
    return sample->count ? (double)even / sample->count : 1;
}

enum dg_code dg_sample_skew(const dg_sample *sample, dg_layout *layout, dg_err *err)
{
    /* More than 16 bits are never equal often enough to be counted in a sample: the first 16 stand for them.
     */
    uint32_t n = sample->count, most = 1;
    for (uint32_t c = 0; c < layout->chunks; c++)
        if (layout->chunk[c].width > most) most = layout->chunk[c].width < 16 ? layout->chunk[c].width : 16;
    uint32_t *held = calloc((size_t)1 << most, sizeof *held);
    if (!held) return dg_fail_nomem(err, "a sample of the rows");
    for (uint32_t c = 0; c < layout->chunks; c++) {
        const dg_chunk *chunk = &layout->chunk[c];
        uint32_t width = chunk->width < most ? chunk->width : most;
        uint64_t equal = 0;
        for (uint32_t i = 0; i < n; i++)
            equal += held[dg_chunk_value(sample->rows + (size_t)i * sample->words, chunk->start, width)]++;
        for (uint32_t i = 0; i < n; i++)
            held[dg_chunk_value(sample->rows + (size_t)i * sample->words, chunk->start, width)] = 0;
        double expected = ldexp((double)n * (n - 1) / 2, -(int)width);
        layout->skew[c] = (double)equal > expected && expected > 0 ? (double)equal / expected : 1;
    }
    free(held);
    return DG_OK;
}

void dg_sample_pass_rates(const dg_sample *sample, uint32_t threshold, double rates[5])
{
    uint32_t n = sample->count < 8 * PAIR_SAMPLE ? sample->count / 8 : PAIR_SAMPLE, words = sample->words;
    uint64_t passed[5] = {0};
    for (uint32_t i = 0; i < n; i++) {
        const uint64_t *a = sample->rows + (size_t)i * words;
        for (uint32_t j = 0; j < i; j++) {
            const uint64_t *b = sample->rows + (size_t)j * words;
            uint32_t distance = 0;
            passed[0] += dg_bits_set((uint32_t)(a[0] ^ b[0])) <= threshold;
            for (uint32_t w = 0; w < words && distance <= threshold; w++) {
                distance += dg_bits_set(a[w] ^ b[w]);
                if (w == 0) passed[1] += distance <= threshold;
                if (w == 1) passed[2] += distance <= threshold;
                if (w == 3) passed[3] += distance <= threshold;
            }
            passed[4] += distance <= threshold;
        }
    }
    for (int i = 0; i < 5; i++) rates[i] = n > 1 ? (double)passed[i] / ((double)n * (n - 1) / 2) : 0;
}

static int bit_at(const uint64_t *row, uint32_t bit)
{
    return (int)(row[bit / 64] >> (63 - bit % 64) & 1);
}

/* Squared correlation of every two bits over the sample: r[x * bits + y]; 0 where a bit never varies. */
static float *squared_correlation(const dg_sample *sample, uint32_t bits)
{
    uint32_t n = sample->count, lanes = (n + 63) / 64;
    uint64_t *column = calloc((size_t)bits * lanes, sizeof *column); /* bit x of every row */
    float *r = calloc((size_t)bits * bits, sizeof *r);
    uint32_t *ones = calloc(bits, sizeof *ones);
    if (!column || !r || !ones) {
        free(r);
        r = NULL;
        goto done;
    }
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t x = 0; x < bits; x++)
            column[(size_t)x * lanes + i / 64] |=
                (uint64_t)bit_at(sample->rows + (size_t)i * sample->words, x) << (i % 64);
    for (uint32_t x = 0; x < bits; x++) ones[x] = row_bits(column + (size_t)x * lanes, lanes);
    for (uint32_t x = 0; x < bits; x++)
        for (uint32_t y = 0; y < x; y++) {
            uint32_t both = 0;
            for (uint32_t w = 0; w < lanes; w++)
                both += dg_bits_set(column[(size_t)x * lanes + w] & column[(size_t)y * lanes + w]);
            double px = (double)ones[x] / n, py = (double)ones[y] / n, joint = (double)both / n - px * py;
            double spread = px * (1 - px) * py * (1 - py);
            r[(size_t)x * bits + y] = r[(size_t)y * bits + x] =
                spread > 0 ? (float)(joint * joint / spread) : 0;
        }
    /* A bit that hardly varies is as bad in a chunk as one that repeats another: say so on the diagonal. */
    for (uint32_t x = 0; x < bits; x++) {
        double p = (double)ones[x] / n;
        r[(size_t)x * bits + x] = (float)(1 - 4 * p * (1 - p));
    }
done:
    free(column);
    free(ones);
    return r;
}

enum dg_code dg_sample_bit_order(const dg_sample *sample, const dg_layout *layout, uint32_t bits,
                                 uint16_t *from, dg_err *err)
{
    float *r = squared_correlation(sample, bits);
    uint32_t chunks = layout->chunks, filled[DG_CHUNKS_MAX + 1] = {0};
    uint8_t *taken = calloc(bits, 1);
    if (!r || !taken) {
        free(r);
        free(taken);
        return dg_fail_nomem(err, "the order of the bits");
    }
    /* Bits that are left over when the chunks are full go, in their order, to the places no chunk covers. */
    uint8_t *placed = calloc(bits, 1);
    if (!placed) {
        free(r);
        free(taken);
        return dg_fail_nomem(err, "the order of the bits");
    }
    uint32_t room = 0;
    for (uint32_t c = 0; c < chunks; c++) room += layout->chunk[c].width;
    /* With room to spare, the bits that vary least stay outside. */
    for (uint32_t outside = bits - room; outside > 0; outside--) {
        uint32_t worst = bits;
        for (uint32_t x = 0; x < bits; x++)
            if (!taken[x] && (worst == bits || r[(size_t)x * bits + x] > r[(size_t)worst * bits + worst]))
                worst = x;
        taken[worst] = 2;
    }
    for (uint32_t step = 0; step < room; step++) {
        uint32_t next = bits, into = chunks;
        double most = -1, least = 0;
        for (uint32_t x = 0; x < bits; x++) {
            double sum = 0;
            if (taken[x]) continue;
            for (uint32_t y = 0; y < bits; y++) sum += r[(size_t)x * bits + y];
            if (sum > most) most = sum, next = x;
        }
        for (uint32_t c = 0; c < chunks; c++) {
            double sum = 0;
            if (filled[c] == layout->chunk[c].width) continue;
            for (uint32_t k = 0; k < filled[c]; k++)
                sum += r[(size_t)next * bits + from[layout->chunk[c].start + k]];
            if (into == chunks || sum < least) least = sum, into = c;
        }
        uint32_t place = layout->chunk[into].start + filled[into]++;
        from[place] = (uint16_t)next;
        placed[place] = 1;
        taken[next] = 1;
    }
    for (uint32_t place = 0, x = 0; place < bits; place++) {
        if (placed[place]) continue;
        while (taken[x] != 2) x++;
        from[place] = (uint16_t)x++;
    }
    free(r);
    free(taken);
    free(placed);
    return DG_OK;
}

enum dg_code dg_reorder_bits(uint64_t *rows, uint32_t count, uint32_t words, uint32_t bits,
                             const uint16_t *from, const dg_poll *poll, dg_err *err)
{
    /* table[b * 256 + v]: what byte b of a row contributes when its value is v. */
    uint32_t bytes = (bits + 7) / 8;
    uint64_t *table = calloc((size_t)bytes * 256 * words, sizeof *table);
    uint64_t *moved = malloc(words * sizeof *moved);
    if (!table || !moved) {
        free(table);
        free(moved);
        return dg_fail_nomem(err, "the order of the bits");
    }
    for (uint32_t place = 0; place < bits; place++) {
        uint32_t byte = from[place] / 8, bit = 7 - from[place] % 8;
        for (uint32_t v = 0; v < 256; v++)
            if (v >> bit & 1)
                table[((size_t)byte * 256 + v) * words + place / 64] |= (uint64_t)1 << (63 - place % 64);
    }
    for (uint32_t i = 0; i < count; i++) {
        uint64_t *row = rows + (size_t)i * words;
        if (i % 65536 == 0 && dg_poll_stop(poll)) {
            dg_fail(err, DG_INTERRUPT, "interrupted");
            break;
        }
        memset(moved, 0, words * sizeof *moved);
        for (uint32_t b = 0; b < bytes; b++) {
            const uint64_t *part = table + ((size_t)b * 256 + (row[b / 8] >> (56 - b % 8 * 8) & 255)) * words;
            for (uint32_t w = 0; w < words; w++) moved[w] |= part[w];
        }
        memcpy(row, moved, words * sizeof *row);
    }
    free(table);
    free(moved);
    return err->code;
}
