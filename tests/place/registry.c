/* The list of backends of the programs of this folder has one more. */
#include "../../kernels/cpu/cpu.h"
#include "faulty.h"

const dg_backend *const dg_backends[] = {&faulty_backend, &dg_backend_cpu, NULL};
