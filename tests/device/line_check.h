/*
 * Line pictures drawn on a device, beside kernels/image: coverages byte for byte.
 */
#ifndef TEST_LINE_CHECK_H
#define TEST_LINE_CHECK_H

#include "../../kernels/backend.h"
#include "../../kernels/image/line.h"

/* Draws some sequences of many shapes with these options and fails the test where a coverage differs. */
void check_lines(const dg_backend *backend, dg_device *device, const dg_line_options *options);

/* Sizes and widths of lines that are easily done wrong; fewer of them with `quick`. */
void check_all_lines(const dg_backend *backend, dg_device *device, int quick);

/* Draws one small batch of pictures into `pixels`, LINE_ERRAND_BYTES of them. */
enum { LINE_ERRAND_BYTES = 3 * 40 * 33 };
enum dg_code line_errand(const dg_backend *backend, dg_device *device, const dg_poll *poll,
                         uint8_t pixels[LINE_ERRAND_BYTES], dg_err *err);

#endif
