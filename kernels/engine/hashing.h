/*
 * Hashes of decoded pictures on a device, batch by batch; what auto chooses between is this and hashing while
 * the CPU decodes (dg_image_measure).
 *
 * Decoding is the CPU's in either case and takes ten times what hashing does. What the CPU saves by handing a
 * picture on must be weighed against keeping it whole and bringing it to the device, which is nearly as much
 * work; so auto stays on the CPU unless the device was measured to be that fast.
 *
 * The planes of a whash are of a size that depends on the picture, and may be nearly as large: a batch is
 * taken to the device in groups of pictures whose planes are of the same sizes. Where a plane is larger than
 * the device adds up (ops.h), the picture is hashed here. A plane comes back only where its sums do not tell
 * the hash.
 *
 * A batch that does not fit the device is cut in two. A device that fails is replaced by the CPU where that
 * is allowed; no picture is lost, and hashes are the same bits everywhere.
 */
#ifndef DG_ENGINE_HASHING_H
#define DG_ENGINE_HASHING_H

#include "../image/grey.h"
#include "place.h"

/* The hashes a device makes: all of them. */
enum { DG_HASHING_KINDS = (1 << DG_HASH_KINDS) - 1 };

typedef struct dg_hashing_spec {
    dg_place_spec place;
    unsigned hashes;   /* of DG_HASHING_KINDS, bit 1 << kind each */
    int hash_size;     /* accepted by dg_hash_size_check for each of them */
    uint64_t expected; /* samples there will be in all, about */
} dg_hashing_spec;

typedef struct dg_hashing dg_hashing;

/* Chooses where to hash. DG_DEVICE_ERROR as dg_place_open. On failure *out is NULL. */
enum dg_code dg_hashing_open(const dg_hashing_spec *spec, const dg_poll *poll, dg_hashing **out, dg_err *err);

/* Whether pictures are to be kept for dg_hashing_run; otherwise they are hashed while they are decoded. May
 * change from 1 to 0 in dg_hashing_run. */
int dg_hashing_on_device(const dg_hashing *hashing);

/* The wanted hashes of picture i into hash[i][kind]; the rest is left as it is. */
enum dg_code dg_hashing_run(dg_hashing *hashing, const dg_grey *pictures, uint32_t count,
                            uint8_t hash[][DG_HASH_KINDS][DG_HASH_BYTES_MAX], const dg_poll *poll,
                            dg_err *err);

/* Fills in backend, device, batches and fallback, and what decided in `plan`. */
void dg_hashing_report(const dg_hashing *hashing, dg_report *report);

/* `failure`: what the work ended with, or NULL. NULL for `hashing` is allowed. */
void dg_hashing_close(dg_hashing *hashing, const dg_err *failure);

#endif
