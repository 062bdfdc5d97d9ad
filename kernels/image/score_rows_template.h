/*
 * The loops of the quality metrics in C that compilers vectorise, for inclusion by the file of each
 * instruction set, which defines TARGET as the attribute its functions need.
 *
 * Rows are worked on in stretches so short that 32-bit sums hold them and that what is common to neighbouring
 * windows stays in the cache.
 */
#include "score_rows.h"

#define INLINE static inline __attribute__((always_inline))

enum {
    STRETCH = 512,      /* 512 * 1020*1020 < 2^31 */
    STEP_STRETCH = 128, /* 128 * 510 < 2^16 */
};

/* The three samples of each column of a stretch of windows, put together. */
typedef struct columns_of_three {
    int16_t second[STRETCH + 2]; /* up - 2*centre + down */
    int16_t smooth[STRETCH + 2]; /* up + 2*centre + down */
    int16_t slope[STRETCH + 2];  /* down - up */
} columns_of_three;

INLINE size_t stretch(size_t start, size_t width, size_t most)
{
    return width - start < most ? width - start : most;
}

INLINE void put_together(const uint8_t *restrict a, const uint8_t *restrict b, const uint8_t *restrict c,
                         size_t count, columns_of_three *restrict columns)
{
    for (size_t i = 0; i < count; i++) {
        int16_t ends = (int16_t)(a[i] + c[i]), twice = (int16_t)(2 * b[i]);
        columns->second[i] = (int16_t)(ends - twice);
        columns->smooth[i] = (int16_t)(ends + twice);
        columns->slope[i] = (int16_t)(c[i] - a[i]);
    }
}

/* One sum for each square: only so does GCC 12 multiply and add in one instruction. */
INLINE void window_sums(const columns_of_three *restrict columns, const uint8_t *restrict row, size_t count,
                        dg_score_sums *sums, uint16_t *restrict noise)
{
    const int16_t *second = columns->second + 1, *smooth = columns->smooth + 1, *slope = columns->slope + 1;
    int32_t laplace = 0, laplace2 = 0, gx2 = 0, gy2 = 0;

    for (ptrdiff_t i = 0; i < (ptrdiff_t)count; i++) {
        int16_t l = (int16_t)(second[i] + row[i - 1] + row[i + 1] - 2 * row[i]);
        int16_t gx = (int16_t)(smooth[i + 1] - smooth[i - 1]);
        int16_t gy = (int16_t)(slope[i - 1] + 2 * slope[i] + slope[i + 1]);
        int16_t m = (int16_t)(second[i - 1] - 2 * second[i] + second[i + 1]);
        laplace += l;
        laplace2 += l * l;
        gx2 += gx * gx;
        gy2 += gy * gy;
        noise[i] = (uint16_t)(noise[i] + (m < 0 ? -m : m));
    }
    sums->laplace += laplace;
    sums->laplace2 += (uint32_t)laplace2;
    sums->gradient2 += (uint32_t)gx2 + (uint32_t)gy2;
}

TARGET static void windows(const uint8_t *above, const uint8_t *row, const uint8_t *below, size_t width,
                           dg_score_sums *sums, uint16_t *noise)
{
    columns_of_three columns;

    for (size_t start = 0; start < width; start += STRETCH) {
        size_t count = stretch(start, width, STRETCH);
        put_together(above + start - 1, row + start - 1, below + start - 1, count + 2, &columns);
        window_sums(&columns, row + start, count, sums, noise + start);
    }
}

INLINE void laplace_sums(const uint8_t *restrict a, const uint8_t *restrict b, const uint8_t *restrict c,
                         size_t count, dg_score_sums *sums)
{
    int32_t laplace = 0, laplace2 = 0;

    for (ptrdiff_t i = 0; i < (ptrdiff_t)count; i++) {
        int16_t l = (int16_t)(a[i] + c[i] + b[i - 1] + b[i + 1] - 4 * b[i]);
        laplace += l;
        laplace2 += l * l;
    }
    sums->laplace += laplace;
    sums->laplace2 += (uint32_t)laplace2;
}

TARGET static void laplace(const uint8_t *above, const uint8_t *row, const uint8_t *below, size_t width,
                           dg_score_sums *sums)
{
    for (size_t start = 0; start < width; start += STRETCH)
        laplace_sums(above + start, row + start, below + start, stretch(start, width, STRETCH), sums);
}

INLINE void halve_loop(const uint8_t *restrict upper, const uint8_t *restrict lower, size_t width,
                       uint8_t *restrict out)
{
    for (size_t x = 0; x < width; x++)
        out[x] = (uint8_t)((upper[2 * x] + upper[2 * x + 1] + lower[2 * x] + lower[2 * x + 1] + 2) >> 2);
}

TARGET static void halve(const uint8_t *upper, const uint8_t *lower, size_t width, uint8_t *out)
{
    halve_loop(upper, lower, width, out);
}

INLINE uint8_t distance(uint8_t a, uint8_t b)
{
    return (uint8_t)(a > b ? a - b : b - a);
}

INLINE uint16_t steeper(uint8_t before, uint8_t step, uint8_t after)
{
    int16_t difference = (int16_t)(2 * step - before - after);
    return (uint16_t)(difference > 0 ? difference : 0);
}

INLINE void columns_loop(const uint8_t *restrict row, size_t count, uint16_t *restrict sums)
{
    uint8_t steps[STRETCH + 2];

    for (ptrdiff_t i = 0; i < (ptrdiff_t)count + 2; i++) steps[i] = distance(row[i - 1], row[i - 2]);
    for (size_t i = 0; i < count; i++)
        sums[i] = (uint16_t)(sums[i] + steeper(steps[i], steps[i + 1], steps[i + 2]));
}

TARGET static void columns(const uint8_t *row, size_t width, uint16_t *sums)
{
    for (size_t start = 0; start < width; start += STRETCH)
        columns_loop(row + start, stretch(start, width, STRETCH), sums + start);
}

INLINE uint16_t rows_loop(const uint8_t *restrict a, const uint8_t *restrict b, const uint8_t *restrict c,
                          const uint8_t *restrict d, size_t count)
{
    uint16_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum = (uint16_t)(sum + steeper(distance(a[i], b[i]), distance(b[i], c[i]), distance(c[i], d[i])));
    return sum;
}

TARGET static uint64_t rows(const uint8_t *a, const uint8_t *b, const uint8_t *c, const uint8_t *d,
                            size_t width)
{
    uint64_t sum = 0;

    for (size_t start = 0; start < width; start += STEP_STRETCH)
        sum += rows_loop(a + start, b + start, c + start, d + start, stretch(start, width, STEP_STRETCH));
    return sum;
}

INLINE void clipped_loop(const uint8_t *restrict row, size_t width, uint8_t *restrict clipped)
{
    /* Samples from 250 to 255 and from 0 to 5 follow one another modulo 256. */
    for (size_t x = 0; x < width; x++) clipped[x] = (uint8_t)(clipped[x] + ((uint8_t)(row[x] + 6) < 12));
}

TARGET static void clipped(const uint8_t *row, size_t width, uint8_t *counts)
{
    clipped_loop(row, width, counts);
}
