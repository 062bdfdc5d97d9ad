/* The list of backends of a program whose only device is the emulator. */
#include "../../kernels/cpu/cpu.h"
#include "../emulator/driver.h"

const dg_backend *const dg_backends[] = {&dg_backend_emulator, &dg_backend_cpu, NULL};
