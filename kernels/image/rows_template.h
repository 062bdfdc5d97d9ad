/*
 * The row loops in C that compilers vectorise well, for inclusion by the file of each instruction set, which
 * defines TARGET as the attribute its functions need. The dot product of 16-bit integers becomes pmaddwd on
 * x86.
 */
#include "rows.h"

#include <math.h>

#define INLINE static inline __attribute__((always_inline))

INLINE uint8_t rounded(uint32_t sum)
{
    int32_t value = (int32_t)(sum + (1u << (DG_WEIGHT_BITS - 1))) >> DG_WEIGHT_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

INLINE void luma_loop(const uint8_t *restrict rgbx, size_t count, uint32_t rounding, uint8_t *restrict grey)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t r = rgbx[4 * i], g = rgbx[4 * i + 1], b = rgbx[4 * i + 2];
        grey[i] = (uint8_t)((19595 * r + 38470 * g + 7471 * b + rounding) >> 16);
    }
}

/*
 * sinc(t)*sinc(t/3) for |t| <= 3, error below 1e-14. With a = pi*t/3 and q = sin(a)/a (its Taylor polynomial
 * in a*a, whose first term left out is below 1e-17 at a = pi), sin(3a) = sin(a)*(3 - 4*sin(a)^2) gives
 * sinc(t) = q*(1 - 4/3*(a*q)^2).
 */
INLINE double approximate_filter(double t)
{
    /* (-1)^k/(2k+1)!, k = 13 down to 0 */
    static const double taylor[] = {
        -1.0 / 10888869450418352160768000000.0,
        1.0 / 15511210043330985984000000.0,
        -1.0 / 25852016738884976640000.0,
        1.0 / 51090942171709440000.0,
        -1.0 / 121645100408832000.0,
        1.0 / 355687428096000.0,
        -1.0 / 1307674368000.0,
        1.0 / 6227020800.0,
        -1.0 / 39916800.0,
        1.0 / 362880.0,
        -1.0 / 5040.0,
        1.0 / 120.0,
        -1.0 / 6.0,
        1.0,
    };
    double a = t * (M_PI / DG_LANCZOS_LOBES), square = a * a, q = taylor[0];

    for (int k = 1; k < 14; k++) q = q * square + taylor[k];
    return q * q * (1 - 4.0 / 3 * square * q * q);
}

/* Sums in several parts, so that no addition waits for the one before. */
INLINE double filter_loop(int32_t first, double centre, double step, size_t count, double *restrict value)
{
    enum { PARTS = 8 };
    double part[PARTS] = {0}, sum = 0;
    size_t whole = count - count % PARTS;

    for (size_t k = 0; k < count; k++) {
        double t = ((int32_t)k + first - centre + 0.5) * step, v = approximate_filter(t);
        value[k] = t >= -DG_LANCZOS_LOBES && t < DG_LANCZOS_LOBES ? v : 0;
    }
    for (size_t k = 0; k < whole; k += PARTS)
        for (size_t p = 0; p < PARTS; p++) part[p] += value[k + p];
    for (size_t k = whole; k < count; k++) part[0] += value[k];
    for (size_t p = 0; p < PARTS; p++) sum += part[p];
    return sum;
}

INLINE int round_loop(const double *restrict value, size_t count, double factor, int32_t *restrict weight)
{
    /* The normalised weights err by less than 1e-13, so in units of 2^-22 by less than 5e-7. */
    const double doubt = 1e-6;
    int doubtful = 0;

    for (size_t k = 0; k < count; k++) {
        double size = fabs(value[k] * factor) + 0.5;
        int32_t whole = (int32_t)size;
        double rest = size - whole;
        doubtful |= (rest < doubt) | (rest > 1 - doubt);
        weight[k] = value[k] < 0 ? -whole : whole;
    }
    return !doubtful;
}

INLINE void widen_loop(const uint8_t *restrict row, size_t count, int16_t *restrict wide)
{
    for (size_t i = 0; i < count; i++) wide[i] = row[i];
}

INLINE uint32_t dot(const int16_t *a, const int16_t *b, size_t blocks)
{
    uint32_t sum = 0;
    for (size_t k = 0; k < blocks * DG_TAP_BLOCK; k++) sum += (uint32_t)(a[k] * b[k]);
    return sum;
}

INLINE void across_loop(const int16_t *rows, size_t stride, const dg_taps *taps, size_t count,
                        uint8_t *restrict out)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t r = 0; r < DG_ROW_BATCH; r++) {
            uint32_t low = dot(rows + r * stride + taps[i].first, taps[i].low, taps[i].blocks);
            uint32_t high = dot(rows + r * stride + taps[i].high_first, taps[i].high, taps[i].high_blocks);
            out[r * count + i] = rounded(low + (high << 16));
        }
    }
}

INLINE void add_loop(const uint8_t *restrict rows, const int32_t *weights, size_t width, int fresh,
                     uint32_t *restrict sums)
{
    const uint8_t *restrict a = rows, *restrict b = a + width, *restrict c = b + width,
                            *restrict d = c + width;
    uint32_t wa = (uint32_t)weights[0], wb = (uint32_t)weights[1], wc = (uint32_t)weights[2],
             wd = (uint32_t)weights[3];

    for (size_t x = 0; x < width; x++)
        sums[x] = (fresh ? 0 : sums[x]) + wa * a[x] + wb * b[x] + wc * c[x] + wd * d[x];
}

INLINE void finish_loop(const uint32_t *restrict sums, size_t width, uint8_t *restrict out)
{
    for (size_t x = 0; x < width; x++) out[x] = rounded(sums[x]);
}

TARGET static double filter(int32_t first, double centre, double step, size_t count, double *value)
{
    return filter_loop(first, centre, step, count, value);
}

TARGET static int round_weights(const double *value, size_t count, double factor, int32_t *weight)
{
    return round_loop(value, count, factor, weight);
}

TARGET static void widen(const uint8_t *row, size_t count, int16_t *wide)
{
    widen_loop(row, count, wide);
}

TARGET static void begin(const uint8_t *rows, const int32_t *weights, size_t width, uint32_t *sums)
{
    add_loop(rows, weights, width, 1, sums);
}

TARGET static void add(const uint8_t *rows, const int32_t *weights, size_t width, uint32_t *sums)
{
    add_loop(rows, weights, width, 0, sums);
}

TARGET static void finish(const uint32_t *sums, size_t width, uint8_t *out)
{
    finish_loop(sums, width, out);
}
