/*
 * Lets long work notice sqlite3_interrupt() and honour progress handlers.
 *
 * SQLite tells an extension of neither on the versions supported (sqlite3_is_interrupted came with 3.41 and
 * says nothing of progress handlers), but a statement stepped on the same connection stops for both. So the
 * probe steps a private statement that touches no table and burns virtual-machine steps, for a progress
 * handler set to N is called once in N of them. It burns about 850 steps for each millisecond of work since
 * the last probe, which takes 1 % of the time; so a handler with N <= 85,000 is called within 100 ms, and one
 * with a larger N as much later.
 *
 * A probe belongs to one run of one cursor. It prepares its statement only when work has lasted 10 ms, and
 * must be finished before the cursor ends, because an open statement keeps a connection from closing.
 */
#ifndef DG_EXT_INTERRUPT_H
#define DG_EXT_INTERRUPT_H

#include "sqlite.h"

#include "../kernels/poll.h"

#include <stdint.h>

typedef struct dg_probe {
    sqlite3 *db;
    sqlite3_stmt *statement; /* prepared at the first probe */
    int64_t last;            /* monotonic nanoseconds of the last probe */
    int result;              /* SQLITE_OK, or why the work was told to stop */
} dg_probe;

void dg_probe_start(dg_probe *probe, sqlite3 *db);

/* Frees the statement; may be repeated. */
void dg_probe_finish(dg_probe *probe);

/* The question kernels ask; `probe` must outlive its use. Calling thread only. */
dg_poll dg_probe_poll(dg_probe *probe);

#endif
