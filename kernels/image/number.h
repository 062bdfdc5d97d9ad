/*
 * Reads a decimal number as JSON writes it, rounded correctly to binary64, whatever the locale.
 */
#ifndef DG_IMAGE_NUMBER_H
#define DG_IMAGE_NUMBER_H

#include <stddef.h>

/*
 * The number that the text begins with. Returns how many bytes it takes, or 0 if there is none. Too large a
 * number is infinite, too small a one 0.
 */
size_t dg_number_read(const char *text, size_t bytes, double *number);

#endif
