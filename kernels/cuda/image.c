#include "image.h"

#include "../targets.h"

#include <stddef.h>

/* DG_CUDA_IMAGE and DG_CUDA_TARGETS name the files. */
__asm__(".pushsection .rodata\n"
        ".balign 64\n"
        "dg_cuda_image_begin: .incbin \"" DG_CUDA_IMAGE "\"\n"
        "dg_cuda_image_end: .byte 0\n"
        "dg_cuda_targets_begin: .incbin \"" DG_CUDA_TARGETS "\"\n"
        ".byte 0\n"
        ".hidden dg_cuda_image_begin\n.globl dg_cuda_image_begin\n"
        ".hidden dg_cuda_image_end\n.globl dg_cuda_image_end\n"
        ".hidden dg_cuda_targets_begin\n.globl dg_cuda_targets_begin\n"
        ".popsection\n");

extern const char dg_cuda_image_begin[], dg_cuda_image_end[], dg_cuda_targets_begin[];

const void *dg_cuda_image(void)
{
    return dg_cuda_image_begin == dg_cuda_image_end ? NULL : dg_cuda_image_begin;
}

const char *dg_cuda_targets(void)
{
    return dg_cuda_targets_begin;
}
