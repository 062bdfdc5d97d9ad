/*
 * The kernels by name, for those who launch them: how many buffers each takes before its one struct of
 * arguments. The kernels themselves are in the .inc.h files beside; kernels.c brings them together for a
 * compiler.
 */
#ifndef DG_DEVICE_KERNELS_H
#define DG_DEVICE_KERNELS_H

#include "arguments.h"

#include <stddef.h>

/* X(name, buffers, struct of arguments); the function is called dg_kernel_<name>. */
#define DG_KERNEL_LIST(X)                                                                                    \
    X(zero, 1, dg_zero_arguments)                                                                            \
    X(keys, 3, dg_keys_arguments)                                                                            \
    X(digit_count, 2, dg_digit_arguments)                                                                    \
    X(digit_scan, 2, dg_digit_arguments)                                                                     \
    X(digit_scatter, 6, dg_digit_arguments)                                                                  \
    X(bounds, 3, dg_bounds_arguments)                                                                        \
    X(gather, 3, dg_gather_arguments)                                                                        \
    X(tiles_32, 10, dg_compare_arguments)                                                                    \
    X(tiles_64, 10, dg_compare_arguments)                                                                    \
    X(tiles_128, 10, dg_compare_arguments)                                                                   \
    X(tiles_256, 10, dg_compare_arguments)                                                                   \
    X(buckets_32, 13, dg_compare_arguments)                                                                  \
    X(buckets_64, 13, dg_compare_arguments)                                                                  \
    X(buckets_128, 13, dg_compare_arguments)                                                                 \
    X(buckets_256, 13, dg_compare_arguments)                                                                 \
    X(bitonic_block, 2, dg_bitonic_arguments)                                                                \
    X(bitonic_step, 2, dg_bitonic_arguments)                                                                 \
    X(pack, 5, dg_pack_arguments)                                                                            \
    X(histogram, 4, dg_histogram_arguments)                                                                  \
    X(nearest, 6, dg_nearest_arguments)                                                                      \
    X(resize, 5, dg_resize_arguments)                                                                        \
    X(phash, 4, dg_phash_arguments)                                                                          \
    X(blocks, 2, dg_blocks_arguments)                                                                        \
    X(render, 4, dg_render_arguments)                                                                        \
    X(quality, 5, dg_quality_arguments)

enum dg_kernel {
#define X(name, buffers, type) DG_KERNEL_##name,
    DG_KERNEL_LIST(X)
#undef X
        DG_KERNELS
};

typedef struct dg_kernel_row {
    const char *name; /* of the function */
    uint32_t buffers;
    size_t argument_bytes;
} dg_kernel_row;

static const dg_kernel_row dg_kernels[DG_KERNELS] = {
#define X(name, buffers, type) {"dg_kernel_" #name, buffers, sizeof(type)},
    DG_KERNEL_LIST(X)
#undef X
};

#endif
