/*
 * Sequences of numbers written as JSON arrays: [1, 2.5, null, -3e2].
 */
#ifndef DG_IMAGE_SEQUENCE_H
#define DG_IMAGE_SEQUENCE_H

#include "../error.h"

#include <stddef.h>

/* Numbers that grow; the owner frees `numbers`. */
typedef struct dg_sequence {
    double *numbers;
    size_t count, capacity;
} dg_sequence;

/* Appends a number. */
enum dg_code dg_sequence_add(dg_sequence *sequence, double number, dg_err *err);

/*
 * Reads an array into the sequence, in place of what it held. null becomes NaN. DG_ERROR's text gives the
 * position of the byte from which on the text is no such array, counted from 1. A number too large for
 * binary64 is infinite.
 */
enum dg_code dg_sequence_parse(dg_sequence *sequence, const char *text, size_t bytes, dg_err *err);

/* Frees what the sequence holds and empties it; may be repeated. */
void dg_sequence_free(dg_sequence *sequence);

#endif
