/*
 * From decoded samples to grey, with Pillow's integer formulas: conversion to mode "L" of RGB and CMYK, and
 * compositing over an opaque background.
 */
#ifndef DG_IMAGE_LUMA_H
#define DG_IMAGE_LUMA_H

#include "image.h"

/* What is added before the shift: Pillow 7 and later round, Pillow 6 truncated. */
static inline uint32_t dg_luma_rounding(enum dg_luma luma)
{
    return luma == DG_LUMA_PILLOW7 ? 32768 : 0;
}

/* ITU-R 601 luma in 16-bit fixed point (Pillow's L24). The weights add up to 65536. */
static inline uint8_t dg_luma_of(uint32_t r, uint32_t g, uint32_t b, uint32_t rounding)
{
    return (uint8_t)((19595 * r + 38470 * g + 7471 * b + rounding) >> 16);
}

/* a*b/255 rounded, Pillow's MULDIV255. */
uint8_t dg_scaled(uint8_t a, uint8_t b);

/* Pillow's alpha_composite of one sample over an opaque one. */
uint8_t dg_alpha_over(uint8_t sample, uint8_t alpha, uint8_t background);

/* `count` CMYK pixels as libjpeg gives them (every sample inverted: 255 is no ink) to opaque RGBA, in place.
 */
void dg_cmyk_to_rgba(uint8_t *pixels, size_t count);

/* `count` RGBA pixels composited over a grey background, in place; alpha is left as it is. */
void dg_alpha_flatten(uint8_t *rgba, size_t count, uint8_t background);

#endif
