#include "grey.h"

#include "hash.h"
#include "quality.h"
#include "resize.h"

#include <string.h>

enum dg_code dg_grey_hash(const dg_grey *picture, unsigned hashes, int hash_size,
                          uint8_t hash[DG_HASH_KINDS][DG_HASH_BYTES_MAX], dg_err *err)
{
    const dg_hash_plan plan = dg_hash_plan_for(hashes, hash_size, picture->size);
    dg_resize *resize;
    enum dg_code code = dg_resize_open(&resize, picture->size, plan.planes, plan.count, err);
    for (uint32_t y = 0; y < picture->size.height && !code; y++) {
        memcpy(dg_resize_row(resize), picture->samples + (size_t)y * picture->size.width,
               picture->size.width);
        dg_resize_take(resize);
    }
    for (int kind = 0; kind < DG_HASH_KINDS && !code; kind++)
        if (hashes & 1u << kind)
            code = dg_hash_plane((enum dg_hash_kind)kind, hash_size, dg_resize_plane(resize, plan.of[kind]),
                                 plan.planes[plan.of[kind]], hash[kind], err);
    dg_resize_close(resize);
    return code;
}

enum dg_code dg_grey_metrics(const dg_grey *picture, unsigned metrics, int jpeg_quality,
                             double metric[DG_METRICS], unsigned *null, dg_err *err)
{
    dg_quality *quality;

    if (dg_quality_open(&quality, picture->size, metrics, err)) return err->code;
    for (uint32_t y = 0; y < picture->size.height; y++)
        dg_quality_take(quality, picture->samples + (size_t)y * picture->size.width);
    dg_quality_finish(quality, jpeg_quality, metric, null);
    dg_quality_close(quality);
    return DG_OK;
}
