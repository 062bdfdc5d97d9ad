/* The list of backends. A new one is a room of its own and one line here. */
#include "backend.h"

#include "cpu/cpu.h"
#include "cuda/cuda.h"
#include "opencl/opencl.h"

const dg_backend *const dg_backends[] = {&dg_backend_cuda, &dg_backend_opencl, &dg_backend_cpu, NULL};
