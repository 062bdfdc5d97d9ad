/*
 * Stands in for parts of the kernels in the programs of this folder: the list of backends has one more, and
 * the proof and the measuring of a device, which would take most of the calls and of the time, are left out.
 */
#include "../../kernels/cpu/cpu.h"
#include "../../kernels/engine/calibrate.h"
#include "../../kernels/engine/selftest.h"
#include "faulty.h"

const dg_backend *const dg_backends[] = {&faulty_backend, &dg_backend_cpu, NULL};

enum dg_code dg_selftest(const dg_backend *backend, dg_device *device, const dg_poll *poll, dg_err *err)
{
    (void)backend, (void)device, (void)poll, (void)err;
    return DG_OK;
}

enum dg_code dg_calibrate(const dg_backend *backend, dg_device *device, const dg_poll *poll,
                          dg_device_info *info, dg_err *err)
{
    (void)backend, (void)device, (void)poll, (void)err;
    info->costs = (dg_costs)DG_STANDARD_COSTS;
    return DG_OK;
}
