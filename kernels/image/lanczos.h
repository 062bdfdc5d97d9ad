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

/* The most inputs any output of the axis draws on. */
size_t dg_lanczos_window_max(dg_axis axis);

/*
 * Weights of output i: weight[k] (2^22 is one) belongs to input *first + k, k < *count <=
 * dg_lanczos_window_max. `scratch` holds as many doubles. Bit-equal to Pillow's precompute_coeffs and
 * normalize_coeffs_8bpc.
 */
void dg_lanczos_weights(dg_axis axis, uint32_t i, uint32_t *first, size_t *count, int32_t *weight,
                        double *scratch);

#endif
