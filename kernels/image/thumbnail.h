/*
 * A picture made smaller, for reports.
 */
#ifndef DG_IMAGE_THUMBNAIL_H
#define DG_IMAGE_THUMBNAIL_H

#include "encode.h"
#include "image.h"

enum dg_format { DG_FORMAT_SAME, DG_FORMAT_PNG, DG_FORMAT_JPEG };

/*
 * The picture upright, as large as fits into `room` but not larger than it is: what Pillow makes of the
 * upright picture, as L, LA, RGB or RGBA, by Image.thumbnail(room, LANCZOS, reducing_gap=None). Written in
 * its own format (DG_FORMAT_SAME) or the one asked for: PNG, or JPEG of quality 85, in which transparent
 * parts become white. The caller frees file->data; on failure the file is empty.
 */
enum dg_code dg_thumbnail(const void *data, size_t bytes, const dg_image_options *options, dg_size room,
                          enum dg_format format, dg_file *file, dg_err *err);

/* The size it has; `room` is at least 1 x 1. */
dg_size dg_thumbnail_size(dg_size picture, dg_size room);

#endif
