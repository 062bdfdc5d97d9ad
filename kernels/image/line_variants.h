/* The variants of the drawing loops by name, for the list of them; each is defined in a file of its own. */
#ifndef DG_IMAGE_LINE_VARIANTS_H
#define DG_IMAGE_LINE_VARIANTS_H

#include "line_loops.h"

extern const dg_line_loops dg_line_loops_plain;

#if defined(__x86_64__) || defined(__i386__)
#define DG_LINE_LOOPS_X86
extern const dg_line_loops dg_line_loops_avx2, dg_line_loops_avx512;
#endif

#endif
