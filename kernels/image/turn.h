/*
 * A stored picture seen upright: rows in the order and direction that its EXIF orientation asks for.
 */
#ifndef DG_IMAGE_TURN_H
#define DG_IMAGE_TURN_H

#include "size.h"

#include "../error.h"

#include <stddef.h>
#include <stdint.h>

/* The size of the upright picture. */
dg_size dg_turn_size(dg_size stored, int orientation);

typedef struct dg_turn {
    dg_size stored, upright;
    size_t sample;                 /* bytes of a sample: 1 or 4 */
    ptrdiff_t origin, right, down; /* upright sample (x, y) is stored at origin + x*right + y*down */
    uint8_t *plane;                /* the stored picture, row after row; the caller fills it */
    uint8_t *band;
} dg_turn;

/* Takes memory for the whole picture. On failure nothing is left to close. */
enum dg_code dg_turn_open(dg_turn *turn, dg_size stored, int orientation, size_t sample, dg_err *err);

/* Row y of the upright picture, valid until the next call. Quick when rows are asked for in their order. */
const uint8_t *dg_turn_row(dg_turn *turn, uint32_t y);

/* A turn of all zeros is allowed. */
void dg_turn_close(dg_turn *turn);

#endif
