/*
 * A GPU driver, and a backend made of it, whose device is the emulator: for tests of kernels/gpu without any
 * driver.
 *
 * Its queues do their work as late as they may: when the host asks for a mark, what stands before it is done,
 * and in another queue only what was waited for by `after`. So a wait that is missing shows as wrong results.
 * Device memory has addresses that fault when the host uses them, and holds rubbish at first.
 */
#ifndef TEST_EMULATOR_DRIVER_H
#define TEST_EMULATOR_DRIVER_H

#include "../../kernels/gpu/gpu.h"

typedef struct dg_emulator_settings {
    uint64_t fail_at;  /* the number of the call that fails, from 1; 0: none */
    int sticky;        /* and all calls after it */
    enum dg_code code; /* it fails with */
    int eager;         /* work is done as soon as it is queued */
    size_t memory;     /* bytes of the device; 0: 1 GiB */
    uint32_t units;    /* compute units; 0: 2 */
} dg_emulator_settings;

extern const dg_driver dg_driver_emulator;
extern const dg_backend dg_backend_emulator;

/* Takes new settings and sets the counters of calls and misuse to 0. */
void dg_emulator_reset(const dg_emulator_settings *settings);

/* Calls since then that may fail. */
uint64_t dg_emulator_calls(void);

/* Sessions, pieces of device memory and pieces of locked memory there are. */
uint32_t dg_emulator_live(void);

/* What was done against the rules of driver.h since dg_emulator_reset: NULL, or the first such thing. */
const char *dg_emulator_misuse(void);

#endif
