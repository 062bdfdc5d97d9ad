/*
 * What a GPU's driver must be able to do, so that kernels/gpu can build the operations of ops.h on it:
 * memory, copies, launches and marks, on three queues. kernels/cuda and kernels/opencl each fill in one
 * dg_driver.
 *
 * Queues work in order, each for itself. A mark is a point in a queue that another queue, or the host, can
 * wait for. Everything a session does happens between enter and leave, on one thread at a time; close,
 * release, unlock and leave cannot fail, and also work on a device that is lost. Errors are DG_DEVICE_ERROR
 * or DG_DEVICE_NOMEM, with the call and the driver's own words: "cuda: cuMemAlloc: CUDA_ERROR_OUT_OF_MEMORY
 * (2)"; DG_NOMEM is the host's malloc.
 */
#ifndef DG_GPU_DRIVER_H
#define DG_GPU_DRIVER_H

#include "../backend.h"
#include "../device/kernels.h"

/* Copies to the device go through one queue, work through the two others, so that they overlap. */
enum dg_queue { DG_QUEUE_COPY, DG_QUEUE_A, DG_QUEUE_B, DG_QUEUES };

enum { DG_MARKS = 16 };

/* The driver's side of an open device: its context, queues, marks and kernels. */
typedef struct dg_session dg_session;

typedef struct dg_driver {
    const char *name; /* of the backend */
    enum dg_code (*open)(int number, dg_session **out, dg_err *err);
    void (*close)(dg_session *session);
    enum dg_code (*describe)(dg_session *session, dg_device_info *out, dg_err *err);
    /* Makes the device's context the thread's, and gives the thread back what it had. */
    enum dg_code (*enter)(dg_session *session, dg_err *err);
    void (*leave)(dg_session *session);
    /* Device memory, at least one byte. */
    enum dg_code (*allocate)(dg_session *session, size_t bytes, void **memory, dg_err *err);
    void (*release)(dg_session *session, void *memory);
    /* Host memory for copies, locked in place where the driver can do that. */
    enum dg_code (*lock)(dg_session *session, size_t bytes, void **host, dg_err *err);
    void (*unlock)(dg_session *session, void *host);
    /* Queue a copy. `host` is locked memory, untouched until the queue has passed. */
    enum dg_code (*copy_in)(dg_session *session, enum dg_queue queue, void *memory, size_t offset,
                            const void *host, size_t bytes, dg_err *err);
    enum dg_code (*copy_out)(dg_session *session, enum dg_queue queue, const void *memory, size_t offset,
                             void *host, size_t bytes, dg_err *err);
    /*
     * Queues `groups` (1 or more) groups of DG_GROUP lanes of a kernel. `memory` are its
     * dg_kernels[kernel].buffers device buffers, NULL where it will not look, `arguments` its struct; both
     * may be reused on return.
     */
    enum dg_code (*launch)(dg_session *session, enum dg_queue queue, enum dg_kernel kernel, uint32_t groups,
                           void *const *memory, const void *arguments, dg_err *err);
    /* Puts mark `mark` behind what is in the queue, and has the driver begin to work on it. */
    enum dg_code (*mark)(dg_session *session, enum dg_queue queue, uint32_t mark, dg_err *err);
    /* What comes into the queue from now on waits for the mark. */
    enum dg_code (*after)(dg_session *session, enum dg_queue queue, uint32_t mark, dg_err *err);
    /* Whether the mark has been reached, and what came before it went well. Does not wait. */
    enum dg_code (*reached)(dg_session *session, uint32_t mark, int *reached, dg_err *err);
} dg_driver;

#endif
