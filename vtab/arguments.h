/*
 * Arguments of CREATE VIRTUAL TABLE ... USING module(...): SQLite passes each as the raw text between the
 * commas.
 */
#ifndef DG_VTAB_ARGUMENTS_H
#define DG_VTAB_ARGUMENTS_H

#include "../ext/sqlite.h"

#include <stdint.h>

/* The argument without blanks around it and without '..', "..", [..] or `..`; for sqlite3_free, NULL without
 * memory. */
char *dg_argument_value(const char *raw);

/* The text after `key =`, or NULL if the argument is not that one. Keys are compared without regard to case.
 */
const char *dg_argument_named(const char *raw, const char *key);

/* A decimal integer with optional sign and nothing else. Returns 0 for any other text or one beyond int64. */
int dg_argument_integer(const char *text, int64_t *value);

#endif
