/*
 * Rows are gathered a band at a time: where the axes are exchanged, a cache line of the stored picture then
 * serves all rows of the band.
 */
#include "turn.h"

#include <stdlib.h>
#include <string.h>

enum { BAND = 64 }; /* rows */

/* Orientations 5..8 exchange x and y; then columns (2, 3, 6, 7) and rows (3, 4, 7, 8) of the result are
 * reversed. */
static int exchanges_axes(int orientation)
{
    return orientation >= 5;
}

dg_size dg_turn_size(dg_size stored, int orientation)
{
    return exchanges_axes(orientation) ? (dg_size){stored.height, stored.width} : stored;
}

static void find_walk(dg_turn *t, int orientation)
{
    static const uint8_t reverse_columns[9] = {[2] = 1, [3] = 1, [6] = 1, [7] = 1};
    static const uint8_t reverse_rows[9] = {[3] = 1, [4] = 1, [7] = 1, [8] = 1};

    t->right = exchanges_axes(orientation) ? (ptrdiff_t)t->stored.width : 1;
    t->down = exchanges_axes(orientation) ? 1 : (ptrdiff_t)t->stored.width;
    if (reverse_columns[orientation]) {
        t->origin += (ptrdiff_t)(t->upright.width - 1) * t->right;
        t->right = -t->right;
    }
    if (reverse_rows[orientation]) {
        t->origin += (ptrdiff_t)(t->upright.height - 1) * t->down;
        t->down = -t->down;
    }
}

enum dg_code dg_turn_open(dg_turn *turn, dg_size stored, int orientation, size_t sample, dg_err *err)
{
    *turn = (dg_turn){.stored = stored, .upright = dg_turn_size(stored, orientation), .sample = sample};
    find_walk(turn, orientation);
    turn->plane = malloc((size_t)stored.width * stored.height * sample);
    turn->band = malloc((size_t)BAND * turn->upright.width * sample);
    if (turn->plane && turn->band) return DG_OK;
    dg_turn_close(turn);
    return dg_fail_nomem(err, "the picture to be turned");
}

/* Fills the band with rows y, y + 1, ... of samples of type `type`. */
#define GATHER(type)                                                                                         \
    for (size_t x = 0; x < width; x++) {                                                                     \
        const type *from =                                                                                   \
            (const type *)t->plane + t->origin + (ptrdiff_t)x * t->right + (ptrdiff_t)y * t->down;           \
        for (size_t r = 0; r < rows; r++) ((type *)t->band)[r * width + x] = from[(ptrdiff_t)r * t->down];   \
    }

static void gather(dg_turn *t, uint32_t y)
{
    size_t width = t->upright.width, rows = t->upright.height - y < BAND ? t->upright.height - y : BAND;

    if (t->sample == 1)
        GATHER(uint8_t)
    else
        GATHER(uint32_t)
}

const uint8_t *dg_turn_row(dg_turn *turn, uint32_t y)
{
    if (y % BAND == 0) gather(turn, y);
    return turn->band + (size_t)(y % BAND) * turn->upright.width * turn->sample;
}

void dg_turn_close(dg_turn *turn)
{
    free(turn->plane);
    free(turn->band);
    *turn = (dg_turn){0};
}
