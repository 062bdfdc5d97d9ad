/*
 * Proof that a device gives the CPU's answers: every operation on a few thousand comparisons, before it is
 * given work. Catches drivers that compile wrongly, faulty cards and devices that do less than they claim.
 */
#ifndef DG_ENGINE_SELFTEST_H
#define DG_ENGINE_SELFTEST_H

#include "../backend.h"

/* DG_DEVICE_ERROR names the operation whose answer differs. */
enum dg_code dg_selftest(const dg_backend *backend, dg_device *device, const dg_poll *poll, dg_err *err);

#endif
