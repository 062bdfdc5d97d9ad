/*
 * ImageHash takes the full Haar pyramid of the picture, removes its one coarsest value, rebuilds the picture,
 * takes the pyramid again down to n x n and compares with the median. Up to rounding that compares the sums
 * of the n x n blocks, so exact integer sums decide the bits unless the two middle ones are equal; then
 * rounding decides, and the floating-point steps are repeated in PyWavelets' order.
 *
 * The pyramid is local: a block of the picture can be reduced to one value, and rebuilt from a changed value,
 * without the others. So one block is in memory as floating point at a time.
 */
#include "haar.h"

#include "image.h"
#include "median.h"

#include <stdlib.h>
#include <string.h>

enum { VALUES_MAX = DG_HASH_SIZE_MAX * DG_HASH_SIZE_MAX };

static const double haar = 0.70710678118654752440; /* sqrt(1/2) */

static double approximation(double even, double odd)
{
    return haar * odd + haar * even;
}

static double detail(double even, double odd)
{
    return -haar * odd + haar * even;
}

/*
 * One level down: the size*size values in `a` (rows `stride` apart) become their size/2*size/2
 * approximations, at the front of each row, followed by the details: horizontal, vertical and diagonal
 * quarters in place of the right and lower halves. `line` holds `size` values.
 */
static void analyse(double *a, size_t size, size_t stride, double *line)
{
    size_t half = size / 2;

    for (size_t x = 0; x < size; x++) {
        for (size_t y = 0; y < half; y++) {
            double even = a[2 * y * stride + x], odd = a[(2 * y + 1) * stride + x];
            line[y] = approximation(even, odd);
            line[half + y] = detail(even, odd);
        }
        for (size_t y = 0; y < size; y++) a[y * stride + x] = line[y];
    }
    for (size_t y = 0; y < size; y++) {
        double *row = a + y * stride;
        for (size_t x = 0; x < half; x++) {
            line[x] = approximation(row[2 * x], row[2 * x + 1]);
            line[half + x] = detail(row[2 * x], row[2 * x + 1]);
        }
        memcpy(row, line, size * sizeof *line);
    }
}

/* The way back from analyse(). */
static void synthesise(double *a, size_t size, size_t stride, double *line)
{
    size_t half = size / 2;

    for (size_t y = 0; y < size; y++) {
        double *row = a + y * stride;
        for (size_t x = 0; x < half; x++) {
            line[2 * x] = haar * row[x] + haar * row[half + x];
            line[2 * x + 1] = haar * row[x] - haar * row[half + x];
        }
        memcpy(row, line, size * sizeof *line);
    }
    for (size_t x = 0; x < size; x++) {
        for (size_t y = 0; y < half; y++) {
            double low = a[y * stride + x], high = a[(half + y) * stride + x];
            line[2 * y] = haar * low + haar * high;
            line[2 * y + 1] = haar * low - haar * high;
        }
        for (size_t y = 0; y < size; y++) a[y * stride + x] = line[y];
    }
}

static void reduce(double *a, size_t size, double *line)
{
    for (size_t level = size; level > 1; level /= 2) analyse(a, level, size, line);
}

static void rebuild(double *a, size_t size, double *line)
{
    for (size_t level = 2; level <= size; level *= 2) synthesise(a, level, size, line);
}

/* Block (x, y) of the picture as values 0..1, reduced: block[0] is its one approximation, the rest its
 * details. */
static void reduced_block(const uint8_t *plane, size_t side, size_t x, size_t y, size_t size, double *block,
                          double *line)
{
    for (size_t r = 0; r < size; r++)
        for (size_t c = 0; c < size; c++)
            block[r * size + c] = plane[(y * size + r) * side + x * size + c] / 255.0;
    reduce(block, size, line);
}

/* In 16-bit stretches, which hold 256 samples and let the compiler add many at once. */
static uint64_t row_sum(const uint8_t *row, size_t count)
{
    uint64_t sum = 0;

    for (size_t x = 0; x < count; x += 256) {
        size_t end = x + 256 < count ? x + 256 : count;
        uint16_t part = 0;
        for (size_t i = x; i < end; i++) part = (uint16_t)(part + row[i]);
        sum += part;
    }
    return sum;
}

static int compare_sums(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The reference's own steps. */
static enum dg_code rounded_bits(const uint8_t *plane, size_t side, size_t n, uint8_t *bits, dg_err *err)
{
    size_t size = side / n;
    double low[VALUES_MAX];
    double *block = malloc(size * size * sizeof *block);
    double *line = malloc(side * sizeof *line);

    if (!block || !line) {
        free(block);
        free(line);
        return dg_fail_nomem(err, "a wavelet transform");
    }
    for (size_t i = 0; i < n * n; i++) {
        reduced_block(plane, side, i % n, i / n, size, block, line);
        low[i] = block[0];
    }
    reduce(low, n, line);
    low[0] *= 0;
    rebuild(low, n, line);
    for (size_t i = 0; i < n * n; i++) {
        reduced_block(plane, side, i % n, i / n, size, block, line);
        block[0] = low[i];
        rebuild(block, size, line);
        reduce(block, size, line);
        low[i] = block[0];
    }
    free(block);
    free(line);

    double median = dg_median(low, n * n);
    for (size_t i = 0; i < n * n; i++) bits[i] = low[i] > median;
    return DG_OK;
}

int dg_haar_bits_of_sums(const uint64_t *sums, int n, uint8_t *bits)
{
    uint64_t sorted[VALUES_MAX];
    size_t count = (size_t)n * (size_t)n;

    memcpy(sorted, sums, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare_sums);
    uint64_t below = sorted[count / 2 - 1], above = sorted[count / 2];
    if (below == above) return 0;
    for (size_t i = 0; i < count; i++) bits[i] = 2 * sums[i] > below + above;
    return 1;
}

enum dg_code dg_haar_bits(const uint8_t *plane, uint32_t side, int n, uint8_t *bits, dg_err *err)
{
    uint64_t sum[VALUES_MAX];
    size_t count = (size_t)n * (size_t)n, size = side / (size_t)n;

    memset(sum, 0, count * sizeof *sum);
    for (size_t y = 0; y < side; y++) /* in the order of memory */
        for (size_t b = 0; b < (size_t)n; b++)
            sum[y / size * (size_t)n + b] += row_sum(plane + y * side + b * size, size);
    return dg_haar_bits_of_sums(sum, n, bits) ? DG_OK : rounded_bits(plane, side, (size_t)n, bits, err);
}
