/*
 * Reads whole files, as data that nobody vouches for: what is there may be no file, may not end, and may
 * change while it is read.
 *
 * Only regular files are read; nothing else is even opened, and a FIFO that takes a file's place in between
 * is not waited for. Error texts name the path and the reason. Two steps, so that the caller may ask for the
 * memory in between.
 */
#ifndef DG_FILE_H
#define DG_FILE_H

#include "error.h"
#include "poll.h"

#include <stddef.h>
#include <stdint.h>

#define DG_FILE_MAX ((uint64_t)1 << 30) /* bytes of a file that is read; SQLite's BLOBs end there too */

typedef struct dg_file {
    int descriptor;
    uint64_t bytes; /* when it was opened */
} dg_file;

/* Opens a regular file of 1 to DG_FILE_MAX bytes; otherwise DG_ERROR. */
enum dg_code dg_file_open(const char *path, dg_file *file, dg_err *err);

/*
 * Reads file->bytes bytes. DG_ERROR if there are fewer or more by now; DG_INTERRUPT if the poll, asked every
 * few megabytes, says stop.
 */
enum dg_code dg_file_read(const dg_file *file, const char *path, void *to, const dg_poll *poll, dg_err *err);

/* Reads up to `bytes` bytes from the beginning, before dg_file_read or without it. Returns how many; 0 also
 * where it cannot. */
size_t dg_file_first(const dg_file *file, void *to, size_t bytes);

void dg_file_close(dg_file *file);

#endif
