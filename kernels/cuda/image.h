/* The compiled device code that rules.mk made and image.c embeds. */
#ifndef DG_CUDA_IMAGE_H
#define DG_CUDA_IMAGE_H

/* What cuModuleLoadData takes: a fatbin, or PTX text with a zero behind it. NULL where the build has none. */
const void *dg_cuda_image(void);

#endif
