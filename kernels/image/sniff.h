/*
 * What a file is that is no picture we read.
 */
#ifndef DG_IMAGE_SNIFF_H
#define DG_IMAGE_SNIFF_H

#include <stddef.h>
#include <stdint.h>

/* "a GIF picture", "a PDF document", "plain text" ..., from the first bytes; NULL where they tell nothing. */
const char *dg_sniff(const uint8_t *file, size_t bytes);

#endif
