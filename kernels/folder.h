/*
 * Walks through a folder and the folders in it, and gives its pictures, or all its files, in the order of
 * their paths' bytes.
 *
 * Symbolic links are not followed, but the folder itself may be reached by one; so the walk ends. What cannot
 * be read is given as an entry with an error, and what vanishes during the walk is left out. Memory is taken
 * for the names in the folders between the first one and the one being listed.
 */
#ifndef DG_FOLDER_H
#define DG_FOLDER_H

#include "error.h"
#include "poll.h"

#include <stdint.h>

typedef struct dg_folder dg_folder;

typedef struct dg_folder_entry {
    const char *path; /* the folder's as it was given, /, and so on; valid until the next entry */
    const char *name; /* the path's last part */
    int64_t bytes;
    int64_t modified; /* seconds since 1970 */
    dg_err err;       /* DG_ERROR: it is a folder in the folder that cannot be read */
} dg_folder_entry;

typedef struct dg_folder_spec {
    const char *path;
    int flat;     /* only the files of the folder itself */
    int any_name; /* every regular file; else those named .jpg, .jpeg, .jpe, .jfif or .png, in any case */
} dg_folder_spec;

/* Reads the folder's own names. DG_ERROR names the path and the reason. */
enum dg_code dg_folder_open(const dg_folder_spec *spec, const dg_poll *poll, dg_folder **folder, dg_err *err);

/* The next entry; entry->path is NULL after the last. DG_INTERRUPT or DG_NOMEM end the walk. */
enum dg_code dg_folder_next(dg_folder *folder, const dg_poll *poll, dg_folder_entry *entry, dg_err *err);

/* NULL is allowed. */
void dg_folder_close(dg_folder *folder);

#endif
