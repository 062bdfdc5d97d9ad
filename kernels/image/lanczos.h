/*
 * The weights of Pillow's Lanczos filter along one axis, in fixed point: imagehash.md section 4.
 */
#ifndef DG_IMAGE_LANCZOS_H
#define DG_IMAGE_LANCZOS_H

#include <stddef.h>
#include <stdint.h>

typedef struct dg_axis {
    uint32_t in, out; /* samples along the axis before and after */
} dg_axis;

/* One output: weights[k], 2^22 being one, belongs to input first + k, k < count. */
typedef struct dg_window {
    uint32_t first, count;
    uint32_t like; /* the first output with the same weights */
    const int32_t *weights;
} dg_window;

typedef struct dg_windows {
    dg_window *of; /* axis.out of them */
    int32_t *pool;
} dg_windows;

/* The most inputs any output of the axis draws on. */
size_t dg_lanczos_window_max(dg_axis axis);

/*
 * The windows of all outputs, bit-equal to Pillow's precompute_coeffs and normalize_coeffs_8bpc. Before and
 * after an output's weights there are `margin` zeros. Returns 0 where memory ran out, else 1; free in both
 * cases.
 */
int dg_lanczos_windows(dg_axis axis, size_t margin, dg_windows *windows);
void dg_lanczos_free(dg_windows *windows);

#endif
