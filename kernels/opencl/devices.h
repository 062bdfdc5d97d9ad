/*
 * The OpenCL devices of this machine, and what all sessions on one of them share: its context and program.
 *
 * The list is made once, GPUs first, then accelerators, then CPUs, in the driver's order within each, and
 * does not change while the process lives. A device's context and program are made for its first session and
 * released with its last one.
 */
#ifndef DG_OPENCL_DEVICES_H
#define DG_OPENCL_DEVICES_H

#include "../backend.h"
#include "api.h"

#include <stdatomic.h>

typedef struct dg_opencl_device {
    dg_cl_platform platform;
    dg_cl_device id;
    enum dg_device_kind kind;
    atomic_ullong allocated; /* bytes, by all sessions */
    atomic_int doubles;      /* the program has dg_real as double; set before it is built */
    uint32_t sessions;       /* this and what follows: under the lock of devices.c */
    dg_cl_context context;
    dg_cl_program program;
} dg_opencl_device;

/* dg_backend's load, count and probe. */
enum dg_code dg_opencl_load(dg_err *err);
int dg_opencl_count(void);
enum dg_code dg_opencl_probe(int number, dg_device_info *out, dg_err *err);

/* DG_OK, or DG_DEVICE_ERROR in a process forked after OpenCL was started. Asked before every call of the
 * driver. */
enum dg_code dg_opencl_usable(dg_err *err);

/* The device with context and program, for one session more; DG_DEVICE_ERROR with the reason where it cannot
 * run our code. Needs dg_opencl_load before. */
enum dg_code dg_opencl_acquire(int number, dg_opencl_device **out, dg_err *err);
void dg_opencl_release(dg_opencl_device *device);

/* Name, vendor, driver, version, units, total and free memory. */
enum dg_code dg_opencl_describe(dg_opencl_device *device, dg_device_info *out, dg_err *err);

/* A text the device tells about itself, without blanks at its ends; malloc. NULL with an error. */
char *dg_opencl_device_text(dg_cl_device id, uint32_t what, dg_err *err);
char *dg_opencl_platform_text(dg_cl_platform platform, uint32_t what, dg_err *err);

#endif
