/* The structs kernels take by value. 32-bit fields only, so that every compiler lays them out alike. */
#ifndef DG_DEVICE_ARGUMENTS_H
#define DG_DEVICE_ARGUMENTS_H

#ifndef DG_DEVICE_PRELUDE_H
#include <stdint.h>
#endif

/* keys: keys[i] is the chunk's value in row begin + i of hashes, rows[i] is begin + i. Buffers: hashes, keys,
 * rows. */
typedef struct dg_keys_arguments {
    uint32_t words, begin, count, start, width;
} dg_keys_arguments;

#endif
