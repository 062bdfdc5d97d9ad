/* The device code for OpenCL: its source, embedded by rules.mk, and how it becomes a program. */
#ifndef DG_OPENCL_PROGRAM_H
#define DG_OPENCL_PROGRAM_H

#include "devices.h"

/*
 * Builds the program for the device in its context, from the binary of an earlier build where the cache has
 * one (cache.h), else from source. The caller releases it. NULL with an error: the driver's words, and the
 * first lines of the compiler's where it found fault.
 */
dg_cl_program dg_opencl_program(const dg_opencl_device *device, dg_err *err);

#endif
