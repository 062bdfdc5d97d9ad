/*
 * A batch of grey pictures on a device: brought there once, then shrunk to planes of one size or another, and
 * hashed there or brought back as planes. Which pictures make a batch, and what happens when it does not fit
 * or the device fails, is the caller's affair (hashing.h).
 *
 * Planes and hashes are those of kernels/image, bit for bit: the weights are made there.
 */
#ifndef DG_ENGINE_SHRINK_H
#define DG_ENGINE_SHRINK_H

#include "../backend.h"
#include "../image/grey.h"

typedef struct dg_shrink {
    const dg_backend *backend;
    dg_device *device;
    dg_resize_picture *pictures;
    uint32_t count;
    dg_size plane; /* of the last dg_shrink_resize */
    dg_buffer pixels, between, planes;
} dg_shrink;

/* Bytes of device memory that a batch takes, besides what its axes' weights take. */
uint64_t dg_shrink_bytes(const dg_grey *pictures, uint32_t count, dg_size plane);

/* Brings `count` pictures, at least one, to the device. They are not needed afterwards. dg_shrink_close is
 * due also after a failure. */
enum dg_code dg_shrink_open(dg_shrink *shrink, const dg_backend *backend, dg_device *device,
                            const dg_grey *pictures, uint32_t count, dg_err *err);

/* Takes over `count` pictures of one size that are on the device already, picture i at i *
 * dg_plane_stride(width, height) of `pixels`, which is empty afterwards, also after a failure. */
enum dg_code dg_shrink_adopt(dg_shrink *shrink, const dg_backend *backend, dg_device *device,
                             dg_buffer *pixels, dg_size size, uint32_t count, dg_err *err);

/* Makes planes of that size of all pictures; their sides are at most 2^24 samples, and the plane's
 * DG_PLANE_SIDE_MAX. */
enum dg_code dg_shrink_resize(dg_shrink *shrink, dg_size plane, const dg_poll *poll, dg_err *err);

/* The planes, plane i at i * dg_plane_stride(width, height) of `planes`, which has room for all. */
enum dg_code dg_shrink_planes(dg_shrink *shrink, uint8_t *planes, dg_err *err);

/* Plane i alone, with room for dg_plane_stride(width, height). */
enum dg_code dg_shrink_plane(dg_shrink *shrink, uint32_t i, uint8_t *plane, dg_err *err);

/* The phash of `size` of each plane; they are of 4 * size samples a side, and the device has doubles.
 * (size * size + 7) / 8 bytes each. */
enum dg_code dg_shrink_phash(dg_shrink *shrink, uint32_t size, uint8_t *hashes, const dg_poll *poll,
                             dg_err *err);

/* The sums of each plane's along * along blocks, row by row; the planes are square, and BLOCKS of ops.h says
 * of which sides. */
enum dg_code dg_shrink_blocks(dg_shrink *shrink, uint32_t along, uint32_t *sums, const dg_poll *poll,
                              dg_err *err);

/* Frees all of it; idempotent. */
void dg_shrink_close(dg_shrink *shrink);

#endif
