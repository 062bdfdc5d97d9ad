/*
 * A column of numbers as an ordered series, for windows that slide over it.
 *
 * The source is read once, on the calling thread and the caller's handle, by one statement that is finished
 * before the read returns. A value takes eight bytes; the key of a row is kept only where a window ends.
 */
#ifndef DG_VTAB_SERIES_H
#define DG_VTAB_SERIES_H

#include "source.h"

typedef struct dg_series_spec {
    dg_column_source source;  /* first: the column holds one number a row, or NULL for a gap */
    const char *order_by;     /* column; NULL: rows come by their keys. Equal ones come by their keys */
    const char *partition_by; /* column; NULL: one series. No window crosses from one value to the next */
    uint64_t window, stride;  /* 1 or more; windows are `stride` rows apart, within a partition */
    uint64_t memory;          /* bytes that the series may take */
} dg_series_spec;

typedef struct dg_series dg_series;

/*
 * Reads the series. Returns an SQLite code; *error is then a text for sqlite3_free, or NULL where the code
 * says it all. TEXT or a BLOB among the values is an error that names the row.
 */
int dg_series_read(dg_connection *connection, const dg_series_spec *spec, dg_series **series, char **error);

/* The number of windows and of rows, and the bytes that they take. */
uint64_t dg_series_windows(const dg_series *series);
uint64_t dg_series_rows(const dg_series *series);
uint64_t dg_series_bytes(const dg_series *series);

/* The values of the next window, the first at the first call; there is one. They belong to the series. */
const double *dg_series_next(dg_series *series);

/* The key of the last row of window number `window`, from 0, as the result of a table's column. */
void dg_series_result_key(const dg_series *series, sqlite3_context *context, uint64_t window);

/* NULL is allowed. */
void dg_series_free(dg_series *series);

#endif
