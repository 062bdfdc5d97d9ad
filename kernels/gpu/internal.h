/*
 * What the files of this room share: the open device, and how an operation is cut into steps.
 *
 * An operation runs on two sides, each with a queue of its own. A side has at most one step in flight: what
 * the operation's `advance` put into the queue since the last mark. When the mark is reached, advance is
 * called again, takes the results and puts in the next step, while the other side's goes on. Steps are made
 * to last about STEP_SECONDS, so that an interrupt is heard in time: dg_gpu_launch.
 */
#ifndef DG_GPU_INTERNAL_H
#define DG_GPU_INTERNAL_H

#include "gpu.h"

enum {
    STAGING = 4 << 20, /* bytes of locked memory copied at a time */
    SIDES = 2,
    KEPT = 5, /* pieces of device memory a side may keep */
};

/* What work of one kind has cost so far: how many groups fill a step. */
enum dg_pace {
    DG_PACE_ROWS,
    DG_PACE_SORT,
    DG_PACE_TILES,
    DG_PACE_BUCKETS,
    DG_PACE_HISTOGRAM,
    DG_PACE_NEAREST,
    DG_PACE_RESIZE,
    DG_PACE_PHASH,
    DG_PACE_BLOCKS,
    DG_PACE_RENDER,
    DG_PACE_QUALITY,
    DG_PACES
};

/* Device memory that stays until the device is closed or more is wanted. */
typedef struct dg_kept {
    void *memory;
    size_t bytes;
} dg_kept;

typedef struct dg_side {
    enum dg_queue queue;
    uint32_t mark;
    int busy;       /* a step is in flight */
    uint64_t turn;  /* steps are waited for in the order in which they were started */
    double since;   /* when it was started, or the step before it on the other side was done */
    double share;   /* of the next step that is not used yet, 1 at first */
    uint32_t paces; /* kinds of work that used it, a bit each */
    char *staging;  /* STAGING bytes of locked memory */
    dg_kept kept[KEPT];
} dg_side;

typedef struct dg_operation {
    /* Makes ready. device->state is the operation's own, NULL at first. */
    enum dg_code (*begin)(dg_device *device, void *arguments, dg_err *err);
    /* Takes the results of the side's last step, if it had one, and queues the next. *busy = 0: there is
     * none.
     */
    enum dg_code (*advance)(dg_device *device, dg_side *side, int *busy, dg_err *err);
    /* Frees what begin and advance made. Nothing is in flight. */
    void (*end)(dg_device *device);
} dg_operation;

extern const dg_operation dg_gpu_partition, dg_gpu_compare, dg_gpu_histogram, dg_gpu_nearest, dg_gpu_resize,
    dg_gpu_phash, dg_gpu_blocks, dg_gpu_render, dg_gpu_quality;

struct dg_device {
    const dg_driver *driver;
    dg_session *session;
    dg_device_info info;
    char *staging[2]; /* of put and get, alternately */
    uint32_t next;    /* which of the two is next */
    int filling[2];   /* a copy from or to it is in flight */
    dg_side side[SIDES];
    const dg_operation *operation; /* NULL: none is running */
    void *state;
    dg_kept masks, seen;     /* of COMPARE */
    double groups[DG_PACES]; /* that fill a step */
    uint64_t turns;
    double asked; /* when the poll was last asked */
};

/* Makes kept memory at least that large. What it held is lost. DG_DEVICE_NOMEM: it is empty. */
enum dg_code dg_gpu_keep(dg_device *device, dg_kept *kept, size_t bytes, dg_err *err);
void dg_gpu_drop(dg_device *device, dg_kept *kept);

/* Whether a side that found no memory for its next step may go idle, because the other side is at work and
 * takes all that is left. Empties err then. */
int dg_gpu_leave_to_other(const dg_device *device, dg_err *err);

/* put, without entering the session. */
enum dg_code dg_gpu_upload(dg_device *device, void *to, size_t offset, const void *from, size_t bytes,
                           dg_err *err);

/*
 * Launches groups [*done, total) of a kernel, or as many of them as the side's share allows, and moves *done.
 * `arguments` begin with first_group.
 */
enum dg_code dg_gpu_launch(dg_device *device, dg_side *side, enum dg_pace pace, enum dg_kernel kernel,
                           void *const *memory, void *arguments, uint32_t *done, uint32_t total, dg_err *err);

/* Sorts segments of keys as described in device/bitonic.inc.h; `most` is the longest one's length. */
enum dg_code dg_gpu_sort(dg_device *device, const dg_side *side, void *keys, void *counts, uint32_t segments,
                         uint32_t stride, uint32_t most, dg_err *err);

/* The table as kernels see it. */
dg_table dg_gpu_table(const dg_index *index);

/* Where a picture lies, as kernels count. */
static inline uint32_t dg_gpu_place(uint64_t offset)
{
    return (uint32_t)(offset / DG_RESIZE_ALIGNMENT);
}

/* n / d, rounded up. */
static inline uint32_t dg_gpu_ceil(uint64_t n, uint32_t d)
{
    return (uint32_t)((n + d - 1) / d);
}

#endif
