/*
 * The device code compiled for the host, one lane after another: what a GPU driver made for tests launches.
 *
 * Nothing here knows a driver. Lanes and groups are done in a different order at each launch, so that code
 * which depends on it is found out.
 */
#ifndef TEST_EMULATOR_H
#define TEST_EMULATOR_H

#include "../../kernels/device/kernels.h"

/* Runs `groups` groups of a kernel to the end. `memory` are its dg_kernels[kernel].buffers buffers, as host
 * addresses, `arguments` its struct. */
void dg_emulate(enum dg_kernel kernel, uint32_t groups, void *const *memory, const void *arguments);

/* The kernel of that function name ("dg_kernel_keys"), or -1. */
int dg_emulator_find(const char *name);

#endif
