/*
 * The one thing EXIF data is read for: which way up the picture is.
 */
#ifndef DG_IMAGE_EXIF_H
#define DG_IMAGE_EXIF_H

#include <stddef.h>
#include <stdint.h>

/* Orientation (tag 0x0112 of the first IFD), 1..8, of a whole JPEG or PNG file; 1 where it is absent or
 * malformed. */
int dg_exif_jpeg_orientation(const uint8_t *file, size_t bytes);
int dg_exif_png_orientation(const uint8_t *file, size_t bytes);

#endif
