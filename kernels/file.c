#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 4 << 20 }; /* bytes read between two polls */

/* The path comes last, so that a long one does not hide the reason. */
static enum dg_code fail(dg_err *err, const char *reason, const char *path)
{
    return dg_fail(err, DG_ERROR, "%s: '%s'", reason, path);
}

static const char *kind(mode_t mode)
{
    if (S_ISDIR(mode)) return "is a directory";
    if (S_ISFIFO(mode)) return "is a pipe, not a file";
    if (S_ISSOCK(mode)) return "is a socket, not a file";
    return "is a device, not a file";
}

static enum dg_code check(const struct stat *found, const char *path, dg_err *err)
{
    if (!S_ISREG(found->st_mode)) return fail(err, kind(found->st_mode), path);
    if (found->st_size <= 0) return fail(err, "the file is empty", path);
    if ((uint64_t)found->st_size > DG_FILE_MAX) return fail(err, "the file is larger than 1 GiB", path);
    return DG_OK;
}

enum dg_code dg_file_open(const char *path, dg_file *file, dg_err *err)
{
    struct stat found;
    *file = (dg_file){.descriptor = -1};
    if (stat(path, &found) != 0) return dg_fail_errno(err, path);
    if (check(&found, path, err) != DG_OK) return err->code;
    file->descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file->descriptor < 0 || fstat(file->descriptor, &found) != 0)
        dg_fail_errno(err, path);
    else
        check(&found, path, err);
    file->bytes = (uint64_t)found.st_size;
    if (err->code) dg_file_close(file);
    return err->code;
}

/* Reads up to `bytes`, fewer only at the end. Returns how many, or -1. */
static ssize_t read_fully(int descriptor, void *to, size_t bytes)
{
    size_t done = 0;
    while (done < bytes) {
        ssize_t count = read(descriptor, (char *)to + done, bytes - done);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return -1;
        if (count == 0) break;
        done += (size_t)count;
    }
    return (ssize_t)done;
}

enum dg_code dg_file_read(const dg_file *file, const char *path, void *to, const dg_poll *poll, dg_err *err)
{
    char beyond;
    for (uint64_t done = 0; done < file->bytes; done += PIECE) {
        size_t bytes = file->bytes - done < PIECE ? (size_t)(file->bytes - done) : PIECE;
        if (dg_poll_stop(poll)) return dg_fail(err, DG_INTERRUPT, "interrupted");
        ssize_t count = read_fully(file->descriptor, (char *)to + done, bytes);
        if (count < 0) return dg_fail_errno(err, path);
        if ((size_t)count < bytes) return fail(err, "the file shrank while it was read", path);
    }
    ssize_t more = read_fully(file->descriptor, &beyond, 1);
    if (more < 0) return dg_fail_errno(err, path);
    return more ? fail(err, "the file grew while it was read", path) : DG_OK;
}

size_t dg_file_first(const dg_file *file, void *to, size_t bytes)
{
    ssize_t count = read_fully(file->descriptor, to, bytes);
    return count > 0 && lseek(file->descriptor, 0, SEEK_SET) == 0 ? (size_t)count : 0;
}

void dg_file_close(dg_file *file)
{
    if (file->descriptor >= 0) close(file->descriptor);
    file->descriptor = -1;
}
