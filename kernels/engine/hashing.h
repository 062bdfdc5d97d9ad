/*
 * Hashes and quality metrics of decoded pictures on a device, batch by batch; what auto chooses between is
 * this and finding them while the CPU decodes (dg_image_measure).
 *
 * Decoding is the CPU's in either case and takes ten times what one hash does, and twice what all hashes and
 * metrics do. What the CPU saves by handing a picture on must be weighed against keeping it whole and
 * bringing it to the device, which is more work than one hash; so auto stays on the CPU unless the device was
 * measured to be that fast.
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

#include "grade.h"
#include "place.h"

/* What a device makes: all hashes, and all metrics but the one that a header tells. */
enum {
    DG_HASHING_KINDS = (1 << DG_HASH_KINDS) - 1,
    DG_HASHING_METRICS = ((1 << DG_METRICS) - 1) & ~(1 << DG_METRIC_JPEG_QUALITY),
};

typedef struct dg_hashing_spec {
    dg_place_spec place;
    unsigned hashes;   /* of DG_HASHING_KINDS, bit 1 << kind each */
    int hash_size;     /* accepted by dg_hash_size_check for each of them */
    unsigned metrics;  /* bit 1 << metric for each; 0: none is wanted */
    uint64_t expected; /* samples there will be in all, about */
} dg_hashing_spec;

typedef struct dg_hashing_item {
    dg_grey picture;
    int jpeg_quality; /* 0: there is none */
    /* Filled in, as far as wanted: */
    uint8_t hash[DG_HASH_KINDS][DG_HASH_BYTES_MAX];
    dg_grade grade;
} dg_hashing_item;

typedef struct dg_hashing dg_hashing;

/* Chooses where to hash. DG_DEVICE_ERROR as dg_place_open. On failure *out is NULL. */
enum dg_code dg_hashing_open(const dg_hashing_spec *spec, const dg_poll *poll, dg_hashing **out, dg_err *err);

/* Whether pictures are to be kept for dg_hashing_run; otherwise they are hashed while they are decoded. May
 * change from 1 to 0 in dg_hashing_run. */
int dg_hashing_on_device(const dg_hashing *hashing);

enum dg_code dg_hashing_run(dg_hashing *hashing, dg_hashing_item *items, uint32_t count, const dg_poll *poll,
                            dg_err *err);

/* Fills in backend, device, batches and fallback, and what decided in `plan`. */
void dg_hashing_report(const dg_hashing *hashing, dg_report *report);

/* `failure`: what the work ended with, or NULL. NULL for `hashing` is allowed. */
void dg_hashing_close(dg_hashing *hashing, const dg_err *failure);

#endif
