/*
 * Where a piece of work runs, and what happens when that place fails.
 *
 * "auto" is the device predicted to be the fastest for this work, all costs counted; small work stays on the
 * CPU without a driver being touched. A device is used only after it has proven itself against the CPU
 * (selftest.h). Where it fails in the middle of the work, dg_place_fall_back puts the CPU in its place, and
 * the caller does again what was not finished.
 */
#ifndef DG_ENGINE_PLACE_H
#define DG_ENGINE_PLACE_H

#include "../backend.h"
#include "report.h"

typedef struct dg_place_spec {
    const char *backend;   /* "auto"; "gpu": any GPU; or a name of the registry */
    uint32_t device_id;    /* which device of a GPU backend */
    int no_fallback;       /* a device that fails is an error */
    const char *isa;       /* CPU: NULL, or the name of an instruction set */
    uint32_t threads;      /* CPU; 0: the processors this process may use */
    uint64_t memory_limit; /* bytes of work space on the device; 0: 80 % of what is free */
} dg_place_spec;

/* Seconds the work is predicted to take on a device, upload included; `work` is the caller's. */
typedef double dg_place_cost(const dg_device_info *info, uint64_t memory_limit, const void *work);

typedef struct dg_place {
    dg_place_spec spec;
    const dg_backend *backend;
    dg_device *device;
    dg_device_info info;
    uint64_t memory_limit; /* bytes */
    char reason[120];      /* the numbers that decided; empty where nothing was to decide */
    char fallback[240];    /* why the CPU had to step in; empty: it had not */
} dg_place;

/*
 * Opens the place; for "auto" on the CPU, until dg_place_choose. DG_DEVICE_ERROR where a GPU was asked for
 * and cannot be had: with backend "gpu" always, else with no_fallback. On failure *out is empty.
 */
enum dg_code dg_place_open(const dg_place_spec *spec, const dg_poll *poll, dg_place *out, dg_err *err);

/*
 * For "auto", once it is known what there is to do: puts the GPU into the place that promises to be fastest,
 * if that is faster than the CPU. No buffer of the place may exist yet. After a failure the place is empty.
 */
enum dg_code dg_place_choose(dg_place *place, dg_place_cost *cost, const void *work, const dg_poll *poll,
                             dg_err *err);

/* Whether the place holds the CPU. */
int dg_place_is_cpu(const dg_place *place);

/*
 * For work that failed with `err`: where the CPU may step in, puts it into the place, empties err and
 * returns 1. Otherwise returns 0 and leaves err alone. The caller has freed all buffers of the place before.
 */
int dg_place_fall_back(dg_place *place, dg_err *err);

/* Adds to the text of dupgpu_stats' column fallback. */
void dg_place_note(dg_place *place, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Fills in backend, device and fallback. */
void dg_place_report(const dg_place *place, dg_report *report);

/* `failure`: what the work ended with, or NULL; a device that failed is not used again. Idempotent; an empty
 * place is allowed. */
void dg_place_close(dg_place *place, const dg_err *failure);

#endif
