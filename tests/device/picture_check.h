/*
 * Pictures resized, hashed and measured on a device, beside kernels/image: planes, hashes and metrics bit for
 * bit.
 */
#ifndef TEST_PICTURE_CHECK_H
#define TEST_PICTURE_CHECK_H

#include "../../kernels/engine/grade.h"

/* What the pictures hold. */
enum picture_content { NOISE, FLAT, STRIPES, BLOCKS, MIRRORED, PICTURE_CONTENTS };

/* Fails the test where the planes of that size, or with hash_size > 0 the phashes, of pictures with these
 * sizes differ. */
void check_pictures(const dg_backend *backend, dg_device *device, enum picture_content content,
                    const dg_size *sizes, uint32_t count, dg_size plane, int hash_size);

/* Fails the test where a quality metric of a picture differs. */
void check_metrics(const dg_backend *backend, dg_device *device, enum picture_content content,
                   const dg_size *sizes, uint32_t count);

/* Sizes around those of groups and blocks, and many pictures. */
void check_all_metrics(const dg_backend *backend, dg_device *device, int quick);

/* Fails the test where the sums of along x along blocks of the pictures' planes of side x side samples, or a
 * plane fetched alone, differ. */
void check_blocks(const dg_backend *backend, dg_device *device, const dg_size *sizes, uint32_t count,
                  uint32_t side, uint32_t along);

/* The shapes that are easily done wrong, and every hash size; fewer of them with `quick`. */
void check_all_pictures(const dg_backend *backend, dg_device *device, int quick);

#endif
