#include "image.h"

#include "../targets.h"

#include <stddef.h>
#include <stdint.h>

/* DG_CUDA_IMAGE and DG_CUDA_TARGETS name the files. The size is there because a compiler may take the
 * addresses of two symbols to be different. */
__asm__(".pushsection .rodata\n"
        ".balign 64\n"
        ".hidden dg_cuda_image_start\n.globl dg_cuda_image_start\n"
        "dg_cuda_image_start: .incbin \"" DG_CUDA_IMAGE "\"\n"
        "1: .byte 0\n"
        ".balign 8\n"
        ".hidden dg_cuda_image_size\n.globl dg_cuda_image_size\n"
        "dg_cuda_image_size: .quad 1b - dg_cuda_image_start\n"
        ".hidden dg_cuda_target_list\n.globl dg_cuda_target_list\n"
        "dg_cuda_target_list: .incbin \"" DG_CUDA_TARGETS "\"\n"
        ".byte 0\n"
        ".popsection\n");

extern const char dg_cuda_image_start[], dg_cuda_target_list[];
extern const uint64_t dg_cuda_image_size;

const void *dg_cuda_image(void)
{
    return dg_cuda_image_size ? dg_cuda_image_start : NULL;
}

const char *dg_cuda_targets(void)
{
    return dg_cuda_target_list;
}
