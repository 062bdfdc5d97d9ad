/*
 * What a device costs, measured on itself: the row of dg_costs by which the planner compares it with the CPU.
 *
 * Each cost is taken from an operation that is made larger until it takes long enough to be measured; the
 * whole takes some ten milliseconds on a GPU. Nothing is stored.
 */
#ifndef DG_ENGINE_CALIBRATE_H
#define DG_ENGINE_CALIBRATE_H

#include "../backend.h"

/* Fills in info->costs, which needs info->units. */
enum dg_code dg_calibrate(const dg_backend *backend, dg_device *device, const dg_poll *poll,
                          dg_device_info *info, dg_err *err);

#endif
