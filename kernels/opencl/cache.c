#include "cache.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What stands before the binary in a file. */
typedef struct header {
    char magic[8];
    uint64_t build, bytes, sum;
} header;

static const char magic[8] = "dupgpu1";

uint64_t dg_opencl_cache_hash(uint64_t hash, const void *data, size_t bytes)
{
    for (const unsigned char *p = data, *end = p + bytes; p < end; p++) hash = (hash ^ *p) * 0x100000001b3u;
    return hash;
}

/* Writes the path of the key's file, and makes the folders it is in where `make`. 0: there is no cache. */
static int file_path(const dg_opencl_cache_key *key, int make, char path[PATH_MAX])
{
    const char *chosen = getenv("DUPGPU_CACHE"), *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char parent[PATH_MAX] = "", folder[PATH_MAX];
    int length;
    if (chosen && strcmp(chosen, "0") == 0) return 0;
    if (chosen && *chosen) {
        length = snprintf(folder, sizeof folder, "%s", chosen);
    } else {
        if (xdg && *xdg == '/')
            length = snprintf(parent, sizeof parent, "%s", xdg);
        else if (home && *home == '/')
            length = snprintf(parent, sizeof parent, "%s/.cache", home);
        else
            return 0;
        if (length >= PATH_MAX) return 0;
        length = snprintf(folder, sizeof folder, "%s/dupgpu", parent);
    }
    if (length >= PATH_MAX) return 0;
    if (make) {
        if (*parent) mkdir(parent, 0700);
        mkdir(folder, 0700);
    }
    length = snprintf(path, PATH_MAX, "%s/opencl-%016llx", folder, (unsigned long long)key->device);
    return length < PATH_MAX;
}

static int read_all(int file, void *to, size_t bytes)
{
    for (char *p = to; bytes > 0;) {
        ssize_t n = read(file, p, bytes);
        if (n <= 0) return 0;
        p += n;
        bytes -= (size_t)n;
    }
    return 1;
}

static int write_all(int file, const void *from, size_t bytes)
{
    for (const char *p = from; bytes > 0;) {
        ssize_t n = write(file, p, bytes);
        if (n <= 0) return 0;
        p += n;
        bytes -= (size_t)n;
    }
    return 1;
}

/* The binary in an open file, if that is ours and whole. */
static void *read_binary(int file, const dg_opencl_cache_key *key, size_t *bytes)
{
    struct stat is;
    header head;
    if (fstat(file, &is) || !S_ISREG(is.st_mode) || is.st_uid != geteuid() || (is.st_mode & 022)) return NULL;
    if (!read_all(file, &head, sizeof head) || memcmp(head.magic, magic, sizeof magic) ||
        head.build != key->build || head.bytes == 0 || head.bytes != (uint64_t)is.st_size - sizeof head)
        return NULL;
    void *data = malloc(head.bytes);
    if (!data) return NULL;
    if (!read_all(file, data, head.bytes) ||
        dg_opencl_cache_hash(DG_OPENCL_CACHE_HASH, data, head.bytes) != head.sum) {
        free(data);
        return NULL;
    }
    *bytes = head.bytes;
    return data;
}

void *dg_opencl_cache_read(const dg_opencl_cache_key *key, size_t *bytes)
{
    char path[PATH_MAX];
    if (!file_path(key, 0, path)) return NULL;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0) return NULL;
    void *data = read_binary(file, key, bytes);
    close(file);
    return data;
}

void dg_opencl_cache_write(const dg_opencl_cache_key *key, const void *data, size_t bytes)
{
    char path[PATH_MAX], aside[PATH_MAX];
    if (!file_path(key, 1, path)) return;
    if (snprintf(aside, sizeof aside, "%s.%ld", path, (long)getpid()) >= PATH_MAX) return;
    int file = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) return;
    header head = {
        .build = key->build, .bytes = bytes, .sum = dg_opencl_cache_hash(DG_OPENCL_CACHE_HASH, data, bytes)};
    memcpy(head.magic, magic, sizeof magic);
    int written = write_all(file, &head, sizeof head) && write_all(file, data, bytes);
    if (close(file) || !written || rename(aside, path)) unlink(aside);
}
