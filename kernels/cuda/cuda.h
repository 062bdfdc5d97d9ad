/* NVIDIA GPUs through the driver library: dg_driver for them (driver.c), and the backend made of it (cuda.c).
 */
#ifndef DG_CUDA_H
#define DG_CUDA_H

#include "../gpu/driver.h"

extern const dg_backend dg_backend_cuda;

extern const dg_driver dg_cuda_driver;

/* As dg_backend's probe: needs no context. */
enum dg_code dg_cuda_probe(int number, dg_device_info *out, dg_err *err);

#endif
