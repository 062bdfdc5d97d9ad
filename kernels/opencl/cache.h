/*
 * Program binaries kept between processes, so that only the first use of a device waits for its compiler. Not
 * for CPUs: PoCL compiles a kernel when it is first launched and remembers that itself, and to ask it for the
 * binary is to compile all kernels at once, 9 s instead of 1 s (PoCL 3.1).
 *
 * One file a device, in $DUPGPU_CACHE where that is a path, else $XDG_CACHE_HOME/dupgpu, else
 * ~/.cache/dupgpu; DUPGPU_CACHE=0: no cache. Only this user can read and write the files, and only such files
 * are read: a program is as good as code. A file is written under another name and renamed, so readers see
 * all of it or nothing. Whatever goes wrong, the cache is empty, or is not written: never an error.
 */
#ifndef DG_OPENCL_CACHE_H
#define DG_OPENCL_CACHE_H

#include <stddef.h>
#include <stdint.h>

typedef struct dg_opencl_cache_key {
    uint64_t device; /* which device: names the file */
    uint64_t build;  /* everything the binary depends on */
} dg_opencl_cache_key;

#define DG_OPENCL_CACHE_HASH 0xcbf29ce484222325u /* of nothing */

/* FNV-1a, 64 bits (Fowler, Noll, Vo), of what `hash` is of and these bytes behind it. */
uint64_t dg_opencl_cache_hash(uint64_t hash, const void *data, size_t bytes);

/* The binary last written with this key, malloc; NULL where there is none. */
void *dg_opencl_cache_read(const dg_opencl_cache_key *key, size_t *bytes);

void dg_opencl_cache_write(const dg_opencl_cache_key *key, const void *data, size_t bytes);

#endif
