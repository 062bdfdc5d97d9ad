/*
 * Small pictures sharpened before something is looked for in them: quality.md section 6.
 */
#ifndef DG_IMAGE_ENHANCE_H
#define DG_IMAGE_ENHANCE_H

#include "encode.h"
#include "image.h"

/*
 * The picture as stored, in RGB, as a JPEG of quality 95. If it is less than 500 wide or less than 400 high,
 * it is given 1.15 times the contrast, 1.1 times the sharpness and an unsharp mask first; the pixels that are
 * encoded are Pillow's. The caller frees file->data; on failure the file is empty.
 */
enum dg_code dg_enhance(const void *data, size_t bytes, const dg_image_options *options, dg_file *file,
                        dg_err *err);

#endif
