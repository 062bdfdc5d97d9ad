/*
 * The conversions that are rare enough to be plain loops. RGB, the common one, is in rows.c.
 */
#include "luma.h"

uint8_t dg_scaled(uint8_t a, uint8_t b)
{
    int t = a * b + 128;
    return (uint8_t)(((t >> 8) + t) >> 8);
}

/* One colour of Pillow's cmyk2rgb: what is left of `light` under an ink of the given strength. */
static uint8_t under_ink(uint8_t light, uint8_t ink)
{
    int value = light - dg_scaled(ink, light);
    return (uint8_t)(value < 0 ? 0 : value);
}

void dg_cmyk_to_rgba(uint8_t *pixels, size_t count)
{
    for (uint8_t *p = pixels; p < pixels + 4 * count; p += 4) {
        uint8_t light = p[3]; /* 255 - K, and K = 255 - sample */
        for (int c = 0; c < 3; c++) p[c] = under_ink(light, (uint8_t)(255 - p[c]));
        p[3] = 255;
    }
}

uint8_t dg_alpha_over(uint8_t sample, uint8_t alpha, uint8_t background)
{
    /* Pillow works with 7 more bits and divides by 255 as (t >> 8) + t >> 8 (AlphaComposite.c). */
    uint32_t t = ((uint32_t)sample * alpha + (uint32_t)background * (255u - alpha) + 128) << 7;
    return alpha == 0 ? background : (uint8_t)((((t >> 8) + t) >> 8) >> 7);
}

void dg_alpha_flatten(uint8_t *rgba, size_t count, uint8_t background)
{
    for (size_t i = 0; i < count; i++, rgba += 4)
        for (int c = 0; c < 3; c++) rgba[c] = dg_alpha_over(rgba[c], rgba[3], background);
}
