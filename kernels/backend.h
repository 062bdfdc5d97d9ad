/*
 * The door between the algorithms (kernels/engine) and the places where they can run (kernels/cpu and, when
 * built in, GPUs). A backend is one struct of functions; a device is one processor of it, opened for one
 * engine call chain and used by one thread at a time. The engine knows no driver; a backend knows no
 * algorithm beyond ops.h.
 *
 * Every function is safe to call in any order allowed by its comment, and after a failure close and free
 * still work.
 */
#ifndef DG_BACKEND_H
#define DG_BACKEND_H

#include "error.h"
#include "ops.h"
#include "poll.h"

#include <stddef.h>
#include <stdint.h>

struct dg_jpeg_decoder;

/* Seconds on one unit of the device, fitted to runs of tests/bench/join_engine.c; the planner compares sums
 * of these. */
typedef struct dg_costs {
    double partition_row; /* order one row by one chunk */
    double look;          /* look up one pair of buckets */
    double bucket_pair;   /* enter it, where both have rows */
    double vector;        /* compare a row with a vector of rows in a bucket, for each sieve word */
    double lanes;         /* rows in that vector */
    double brute[4];      /* compare a pair in a tile, sieve of 32, 64, 128, 256 bits */
    double survivor;      /* verify a pair that passed the sieve */
    double start;         /* begin one operation on all units */
    double upload;        /* bring a byte to the device, whatever its units */
    double bin;           /* count a pair in a histogram, for each word */
    double near;          /* compare a row with a query of NEAREST, for each word */
    double sample;        /* bring one sample of a picture to the device and shrink it */
    double grade;         /* add up one sample of a picture that is there for its quality metrics */
    double draw;          /* draw one sample of a line picture there and shrink it */
} dg_costs;

/* Of one thread with AVX-512: the yardstick by which layouts are chosen everywhere. */
#define DG_STANDARD_COSTS                                                                                    \
    {                                                                                                        \
        .partition_row = 10e-9, .look = 2e-9, .bucket_pair = 8e-9, .vector = 0.3e-9, .lanes = 8,             \
        .brute = {0.017e-9, 0.031e-9, 0.055e-9, 0.11e-9}, .survivor = 5e-9, .start = 20e-6, .bin = 0.07e-9,  \
        .near = 0.09e-9                                                                                      \
    }

/* What a device is. Only GPUs are used unasked. */
enum dg_device_kind { DG_DEVICE_CPU, DG_DEVICE_GPU, DG_DEVICE_ACCELERATOR };

typedef struct dg_device_info {
    enum dg_device_kind kind;
    int doubles;       /* it has binary64 arithmetic: PHASH can run */
    int shares_memory; /* its memory is the host's: buffers with `host` are that memory, nothing is copied */
    char name[64];
    char vendor[64];
    char driver[64];
    char capability[64];                /* instruction set or architecture */
    uint32_t units;                     /* threads, compute units or multiprocessors */
    uint64_t memory_total, memory_free; /* bytes */
    dg_costs costs;
} dg_device_info;

typedef struct dg_open_options {
    uint32_t threads; /* CPU threads; 0: the processors this process may use */
    const char *isa;  /* CPU instruction set by name; NULL: the best there is */
} dg_open_options;

typedef struct dg_device dg_device;

typedef struct dg_backend {
    const char *name;
    /* Finds the driver. Idempotent. DG_DEVICE_ERROR with the loader's or driver's words where there is none,
     * where it finds no device, and in a process forked after the driver was started. */
    enum dg_code (*load)(dg_err *err);
    /* Devices present, GPUs first; valid after load. */
    int (*count)(void);
    /* Name, vendor, driver, kind, capability, units and total memory of a device that need not be open (its
     * costs and free memory are not known then). Valid after load. */
    enum dg_code (*probe)(int number, dg_device_info *out, dg_err *err);
    enum dg_code (*open)(int number, const dg_open_options *options, dg_device **out, dg_err *err);
    void (*close)(dg_device *device);
    /* As probe, with free memory, and on the CPU with costs; elsewhere costs are measured
     * (engine/calibrate.h) and come back as 0. */
    enum dg_code (*describe)(dg_device *device, dg_device_info *out, dg_err *err);
    /*
     * Allocates `bytes` of device memory. With `host` not NULL the buffer holds a copy of these bytes, or is
     * that memory itself where the device shares it; the caller keeps it alive and unchanged.
     */
    enum dg_code (*alloc)(dg_device *device, size_t bytes, void *host, dg_buffer *out, dg_err *err);
    void (*free)(dg_device *device, dg_buffer *buffer); /* idempotent; leaves the buffer empty */
    /* Copies to the device; `from` may be reused on return. May go on while an operation runs that does not
     * use these bytes; operations started later see them. */
    enum dg_code (*put)(dg_device *device, dg_buffer *to, size_t offset, const void *from, size_t bytes,
                        dg_err *err);
    /* Copies from the device. Only while no operation runs. */
    enum dg_code (*get)(dg_device *device, const dg_buffer *from, size_t offset, void *to, size_t bytes,
                        dg_err *err);
    /* Starts an operation; `arguments` is the struct ops.h names for it. May return before the work is done:
     * it and all it points to stay as they are, and no other operation is started, until wait returns. */
    enum dg_code (*run)(dg_device *device, enum dg_op op, void *arguments, const dg_poll *poll, dg_err *err);
    /* Waits for what was started, and only then its results are there. After an error nothing is running. */
    enum dg_code (*wait)(dg_device *device, const dg_poll *poll, dg_err *err);
    /* Opens a decoder of JPEG files (image/image.h) on the device of that number. NULL: there is none. */
    enum dg_code (*open_decoder)(int number, struct dg_jpeg_decoder **out, dg_err *err);
} dg_backend;

/* The backends built in, in order of preference, ending with NULL; the CPU is among them. */
extern const dg_backend *const dg_backends[];

/* The backend of that name, or NULL and an error that lists the names there are. */
const dg_backend *dg_backend_find(const char *name, dg_err *err);

#endif
