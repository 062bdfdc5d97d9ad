/*
 * The JSON options of line pictures: width, height, line_width, padding, min, max, antialias, color,
 * background, bits, format, dtype.
 */
#ifndef DG_EXT_LINE_OPTIONS_H
#define DG_EXT_LINE_OPTIONS_H

#include "../kernels/image/line.h"

typedef struct dg_line_request {
    dg_line_options options;
    int single; /* BLOBs hold binary32 */
} dg_line_request;

/*
 * The request that a JSON text makes; no text (NULL): the defaults. DG_ERROR names the option that is not
 * known, or the value and what is accepted in its place.
 */
enum dg_code dg_line_options_parse(const char *json, size_t length, dg_line_request *request, dg_err *err);

#endif
