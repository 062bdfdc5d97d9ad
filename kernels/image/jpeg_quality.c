/*
 * Compares quantisation tables with those of libjpeg's encoder: ITU-T T.81 annex K scaled as
 * jpeg_quality_scaling and jpeg_add_quant_table do, limited to 8 bits.
 */
#include "jpeg_quality.h"

#include <stdlib.h>

enum { ENTRIES = 64 };

/* ITU-T T.81 tables K.1 (luminance) and K.2 (chrominance), natural order. */
static const uint8_t standard[2][ENTRIES] = {
    {16, 11,  10,  16, 24, 40, 51, 61, 12,  12,  14,  19,  26, 58, 60, 55,  14,  13,  16,  24, 40, 57,
     69, 56,  14,  17, 22, 29, 51, 87, 80,  62,  18,  22,  37, 56, 68, 109, 103, 77,  24,  35, 55, 64,
     81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98,  112, 100, 103, 99},
    {17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99,
     99, 99, 47, 66, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
     99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99},
};

static long difference(const uint16_t *table, const uint8_t *base, int quality)
{
    int scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
    long sum = 0;

    for (int i = 0; i < ENTRIES; i++) {
        int entry = (base[i] * scale + 50) / 100;
        entry = entry < 1 ? 1 : entry > 255 ? 255 : entry;
        sum += labs((long)table[i] - entry);
    }
    return sum;
}

int dg_jpeg_quality(const uint16_t *luma, const uint16_t *chroma)
{
    int best = 0;
    long least = -1;

    if (!luma) return 0;
    for (int quality = 100; quality >= 1 && least != 0; quality--) {
        long sum = difference(luma, standard[0], quality);
        if (chroma) sum += difference(chroma, standard[1], quality);
        if (least < 0 || sum < least) {
            best = quality;
            least = sum;
        }
    }
    return best;
}
