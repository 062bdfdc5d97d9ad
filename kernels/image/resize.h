/*
 * Pillow's Image.resize((w, h), LANCZOS) of one grey picture to several sizes at once, fed row by row:
 * imagehash.md section 4, newest Pillow.
 *
 * Memory is proportional to the picture's sides and the targets' areas, not to the picture; each side may be
 * up to 2^24 samples long.
 */
#ifndef DG_IMAGE_RESIZE_H
#define DG_IMAGE_RESIZE_H

#include "../error.h"
#include "size.h"

#include <stddef.h>
#include <stdint.h>

enum { DG_RESIZE_TARGETS = 8 };

typedef struct dg_resize dg_resize;

/* Prepares to resize a picture of size `in` to `count` <= DG_RESIZE_TARGETS sizes. On failure *resize is
 * NULL. */
enum dg_code dg_resize_open(dg_resize **resize, dg_size in, const dg_size *targets, int count, dg_err *err);

/* Where the caller is to write the picture's next row, in.width samples; */
uint8_t *dg_resize_row(const dg_resize *resize);

/* and that it has done so. To be called in.height times. */
void dg_resize_take(dg_resize *resize);

/* Whether Pillow shrinks such a picture along its columns first; the order of the passes shows in the result.
 */
int dg_resize_goes_down_first(dg_size in, dg_size out);

/* Target i's samples row by row, complete after the last row; owned by `resize`. */
const uint8_t *dg_resize_plane(const dg_resize *resize, int i);

/* NULL is allowed. */
void dg_resize_close(dg_resize *resize);

#endif
