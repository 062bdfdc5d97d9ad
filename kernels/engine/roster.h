/*
 * The devices this process has met, other than the CPU: which have proven themselves, what they cost, and
 * which are refused and why.
 *
 * A device is opened when work first asks for it, tested against the CPU (selftest.h) and measured
 * (calibrate.h). Opening takes a driver up to a second, so opened devices are kept for the next work as long
 * as somebody holds the roster: each SQLite connection does, and each piece of work. With the last hold all
 * devices are closed and every verdict is forgotten. A device that failed is refused until then.
 *
 * All functions may be called from any thread. dg_roster_take waits for another thread that is opening a
 * device; the others wait for nothing.
 */
#ifndef DG_ENGINE_ROSTER_H
#define DG_ENGINE_ROSTER_H

#include "../backend.h"

void dg_roster_hold(void);
void dg_roster_drop(void);

/* Whether device `number` of the backend is proven and open, so that work can begin there at once. */
int dg_roster_is_warm(const dg_backend *backend, int number);

/*
 * A device for the caller's use, with all its info. DG_DEVICE_ERROR or DG_DEVICE_NOMEM with the reason where
 * it cannot be had. The caller holds the roster.
 */
enum dg_code dg_roster_take(const dg_backend *backend, int number, const dg_poll *poll, dg_device **out,
                            dg_device_info *info, dg_err *err);

/* Gives a device back. `failure` is what its work ended with: after DG_DEVICE_ERROR the device is refused. */
void dg_roster_give_back(const dg_backend *backend, int number, dg_device *device, const dg_err *failure);

#endif
