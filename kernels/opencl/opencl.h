/* AMD's, Intel's, Apple's and NVIDIA's GPUs, and CPUs where asked for, through an OpenCL library: dg_driver
 * for them (driver.c), and the backend made of it (opencl.c). */
#ifndef DG_OPENCL_H
#define DG_OPENCL_H

#include "../gpu/driver.h"

extern const dg_backend dg_backend_opencl;

extern const dg_driver dg_opencl_driver;

#endif
