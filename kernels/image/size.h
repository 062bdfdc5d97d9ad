/*
 * The size of a picture or a plane, in samples.
 */
#ifndef DG_IMAGE_SIZE_H
#define DG_IMAGE_SIZE_H

#include <stdint.h>

typedef struct dg_size {
    uint32_t width, height;
} dg_size;

#endif
