/*
 * Hue and saturation are Pillow's: bytes, from single-precision quotients truncated.
 */
#include "colorhash.h"

enum { BITS = 3, VALUES = 2 + 2 * DG_HUES };

/* Pillow's rgb2hsv, its H; the pixel is not grey. */
static int hue_of(int r, int g, int b, int most, int least)
{
    float range = (float)(most - least), hue;

    if (r == most)
        hue = (float)(most - b) / range - (float)(most - g) / range;
    else if (g == most)
        hue = (float)(2.0 + (float)(most - r) / range - (float)(most - b) / range);
    else
        hue = (float)(4.0 + (float)(most - g) / range - (float)(most - r) / range);
    double turn = hue / 6.0 + 1.0; /* from 5/6 to 11/6 */
    hue = (float)(turn < 1.0 ? turn : turn - 1.0);
    return (int)(hue * 255.0);
}

/* Pillow's S. */
static int saturation_of(int most, int least)
{
    return most == 0 ? 0 : (int)((float)(most - least) / (float)most * 255.0);
}

static void count_pixel(dg_colours *c, int grey, const uint8_t *pixel)
{
    enum { BLACK = 256 / 8, GREY = 256 / 3, FAINT = 256 * 2 / 3 };
    int r = pixel[0], g = pixel[1], b = pixel[2];

    if (grey < BLACK) {
        c->black++;
        return;
    }
    int most = r > g ? r : g, least = r < g ? r : g;
    most = b > most ? b : most;
    least = b < least ? b : least;
    int saturation = saturation_of(most, least);
    if (saturation < GREY) {
        c->grey++;
        return;
    }
    int bin = hue_of(r, g, b, most, least) * 2 / 85; /* edges at multiples of 42.5, the last inclusive */
    bin = bin < DG_HUES ? bin : DG_HUES - 1;
    c->coloured++;
    if (saturation < FAINT) c->faint_hue[bin]++;
    if (saturation > FAINT) c->bright_hue[bin]++;
}

void dg_colours_take(dg_colours *colours, const uint8_t *grey, const uint8_t *rgba, size_t count)
{
    colours->pixels += count;
    for (size_t x = 0; x < count; x++) count_pixel(colours, grey[x], rgba + 4 * x);
}

/* Share `part` of `whole` in eighths, at most 7. */
static int eighths(uint64_t part, uint64_t whole)
{
    enum { LEVELS = 1 << BITS };
    int value = (int)((double)part * LEVELS / (double)whole);

    return value < LEVELS ? value : LEVELS - 1;
}

void dg_colours_hash(const dg_colours *colours, uint8_t hash[DG_COLORHASH_BYTES])
{
    const dg_colours *c = colours;
    uint64_t coloured = c->coloured ? c->coloured : 1, bits = 0;
    int value[VALUES] = {eighths(c->black, c->pixels), eighths(c->grey, c->pixels)};

    for (int h = 0; h < DG_HUES; h++) {
        value[2 + h] = eighths(c->faint_hue[h], coloured);
        value[2 + DG_HUES + h] = eighths(c->bright_hue[h], coloured);
    }
    /* ImageHash's bits of a value: v / 4 > 0, v / 2 modulo 4 > 0, v odd. */
    for (int i = 0; i < VALUES; i++)
        bits = bits << BITS | (value[i] >= 4) << 2 | (value[i] / 2 % 4 > 0) << 1 | value[i] % 2;
    for (int i = 0; i < DG_COLORHASH_BYTES; i++)
        hash[i] = (uint8_t)(bits >> 8 * (DG_COLORHASH_BYTES - 1 - i));
}
