/*
 * Every test that tests/device/test_device.c has for the operations, on the OpenCL device in the emulator's
 * place. What it asks of the emulator, the proxy answers here.
 */
#include "../emulator/driver.h"

#include "../../kernels/opencl/opencl.h"
#include "home.h"
#include "proxy.h"

static void reset(const dg_emulator_settings *settings)
{
    dg_err err = {0};
    char orders[64];
    opencl_settle();
    snprintf(orders, sizeof orders, "gpu=1 memory=%zu", settings->memory);
    if (dg_proxy(orders) || dg_backend_opencl.load(&err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(3);
    }
}

static uint32_t live(void)
{
    return *dg_proxy_ledger() != 0;
}

static const char *misuse(void)
{
    return NULL;
}

#define dg_backend_emulator dg_backend_opencl
#define dg_emulator_reset reset
#define dg_emulator_live live
#define dg_emulator_misuse misuse
#include "../device/test_device.c"
