/*
 * Pictures for the tests: made in memory as PNG files, or read from the golden set. All files are malloc'd to
 * exactly their length, so that sanitizers see a read past the end.
 */
#ifndef DG_TEST_PICTURES_H
#define DG_TEST_PICTURES_H

#include <stddef.h>
#include <stdint.h>

typedef struct picture_file {
    uint8_t *data;
    size_t bytes;
} picture_file;

/* Samples of pixel (x, y) into value[0..channels). */
typedef void picture_pixel(int x, int y, int *value);

/* An 8-bit grey (1 channel) or RGB (3 channels) PNG; sample values are taken modulo 256. */
picture_file picture_png(int width, int height, int channels, picture_pixel *pixel);

/* A PNG whose header says what it is told to and whose image data are `bytes` zero bytes, compressed. */
picture_file picture_bare_png(uint32_t width, uint32_t height, int depth, int colour, size_t bytes);

/* tests/golden/pictures/NAME; the tests run in the root of the tree. */
picture_file picture_golden(const char *name);

/* The first `bytes` bytes, as a file of their own. */
picture_file picture_cut(picture_file file, size_t bytes);

void picture_free(picture_file file);

/* A reproducible stream of 64-bit numbers (SplitMix64). */
uint64_t picture_random(uint64_t *state);

#endif
