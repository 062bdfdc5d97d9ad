/*
 * The kernels by name, for those who launch them: how many buffers each takes before its one struct of
 * arguments. The kernels themselves are in the .inc.h files beside; kernels.c brings them together for a
 * compiler.
 */
#ifndef DG_DEVICE_KERNELS_H
#define DG_DEVICE_KERNELS_H

#include "arguments.h"

#include <stddef.h>

enum { DG_GROUP = 256 }; /* lanes in a group, for every kernel */

/* X(name, buffers, struct of arguments); the function is called dg_kernel_<name>. */
#define DG_KERNEL_LIST(X) X(keys, 3, dg_keys_arguments)

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
