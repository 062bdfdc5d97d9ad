/*
 * The operations of ops.h on a GPU, whatever its driver: which kernels run, in which order, on which data.
 *
 * gpu.c is the door: memory, copies through locked staging memory, waiting with the poll asked; partition.c,
 * compare.c, histogram.c, nearest.c, resize.c and phash.c one operation each. COLLAPSE is the host's. Results are those of the
 * CPU, bit for bit: hits are sorted on the device before they come back.
 */
#ifndef DG_GPU_H
#define DG_GPU_H

#include "../backend.h"
#include "driver.h"

/* dg_backend's open for device `number` of the driver. */
enum dg_code dg_gpu_open(const dg_driver *driver, int number, dg_device **out, dg_err *err);

/* The other functions of a dg_backend that have a device. */
void dg_gpu_close(dg_device *device);
enum dg_code dg_gpu_describe(dg_device *device, dg_device_info *out, dg_err *err);
enum dg_code dg_gpu_alloc(dg_device *device, size_t bytes, void *host, dg_buffer *out, dg_err *err);
void dg_gpu_free(dg_device *device, dg_buffer *buffer);
enum dg_code dg_gpu_put(dg_device *device, dg_buffer *to, size_t offset, const void *from, size_t bytes,
                        dg_err *err);
enum dg_code dg_gpu_get(dg_device *device, const dg_buffer *from, size_t offset, void *to, size_t bytes,
                        dg_err *err);
enum dg_code dg_gpu_run(dg_device *device, enum dg_op op, void *arguments, const dg_poll *poll, dg_err *err);
enum dg_code dg_gpu_wait(dg_device *device, const dg_poll *poll, dg_err *err);

#endif
