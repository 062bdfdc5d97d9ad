/*
 * The JSON options of the image functions: {"orient": 0 or 1, "luma": "pillow7" or "pillow6",
 * "truncated": "refuse" or "lenient", "alpha": "ignore", "white" or "black", "decode": "exact" or "scaled"}.
 */
#ifndef DG_EXT_OPTIONS_H
#define DG_EXT_OPTIONS_H

#include "settings.h"

#include "../kernels/error.h"
#include "../kernels/image/image.h"

/* What a function does without options: ImageHash's way, and the setting max_pixels. */
enum dg_code dg_options_default(const dg_settings *settings, dg_image_options *options, dg_err *err);

/* Overlays `options` with the members of the JSON text. DG_ERROR names the key or value that is not accepted.
 */
enum dg_code dg_options_parse(const char *json, size_t length, dg_image_options *options, dg_err *err);

#endif
