/*
 * Pictures resized and hashed on a device, beside kernels/image: planes and hashes byte for byte.
 */
#ifndef TEST_PICTURE_CHECK_H
#define TEST_PICTURE_CHECK_H

#include "../../kernels/engine/shrink.h"

/* What the pictures hold. */
enum picture_content { NOISE, FLAT, STRIPES, MIRRORED, PICTURE_CONTENTS };

/* Fails the test where the planes of that size, or with hash_size > 0 the phashes, of pictures with these
 * sizes differ. */
void check_pictures(const dg_backend *backend, dg_device *device, enum picture_content content,
                    const dg_size *sizes, uint32_t count, dg_size plane, int hash_size);

/* Fails the test where the sums of along x along blocks of the pictures' planes of side x side samples, or a
 * plane fetched alone, differ. */
void check_blocks(const dg_backend *backend, dg_device *device, const dg_size *sizes, uint32_t count,
                  uint32_t side, uint32_t along);

/* The shapes that are easily done wrong, and every hash size; fewer of them with `quick`. */
void check_all_pictures(const dg_backend *backend, dg_device *device, int quick);

#endif
