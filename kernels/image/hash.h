/*
 * From resized grey planes to hashes: which plane each hash is made of, and its bits (imagehash.md section
 * 5).
 */
#ifndef DG_IMAGE_HASH_H
#define DG_IMAGE_HASH_H

#include "image.h"
#include "resize.h"

/* The size to resize a `picture` to for a hash of the kind with the given hash size. */
dg_size dg_hash_plane_size(enum dg_hash_kind kind, int hash_size, dg_size picture);

/* The distinct plane sizes of some hashes: kind k is made from planes[of[k]]. */
typedef struct dg_hash_plan {
    int count;
    dg_size planes[DG_HASH_KINDS];
    int of[DG_HASH_KINDS];
} dg_hash_plan;

/* `hashes`: bit 1 << kind for each hash of a `picture`. */
dg_hash_plan dg_hash_plan_for(unsigned hashes, int hash_size, dg_size picture);

/* The hash of a plane of that size into dg_hash_bytes(hash_size) bytes. */
enum dg_code dg_hash_plane(enum dg_hash_kind kind, int hash_size, const uint8_t *plane, dg_size plane_size,
                           uint8_t *hash, dg_err *err);

/* The whash of a plane from the sums of its hash_size*hash_size blocks, row by row. 0: they do not tell, and
 * dg_hash_plane has to. */
int dg_hash_of_blocks(const uint32_t *sums, int hash_size, uint8_t *hash);

/*
 * The phashes of the eight views of a plane of that kind, views[v] being the picture as EXIF orientation
 * v + 1 turns it: imagehash.md section 10. The first four are exactly the turned pictures' hashes.
 */
void dg_hash_views(int hash_size, const uint8_t *plane, uint8_t views[DG_VIEWS][DG_HASH_BYTES_MAX]);

#endif
