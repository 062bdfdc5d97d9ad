/*
 * The JSON options of the image functions: {"orient": 0 or 1, "luma": "pillow7" or "pillow6",
 * "truncated": "refuse" or "lenient", "alpha": "ignore", "white" or "black"}.
 */
#ifndef DG_EXT_OPTIONS_H
#define DG_EXT_OPTIONS_H

#include "../kernels/error.h"
#include "../kernels/image/image.h"

/* Overlays `options` with the members of the JSON text. DG_ERROR names the key or value that is not accepted.
 */
enum dg_code dg_options_parse(const char *json, size_t length, dg_image_options *options, dg_err *err);

#endif
