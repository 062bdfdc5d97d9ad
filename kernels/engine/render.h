/* Line pictures drawn into device memory: RENDER with what it needs brought there. */
#ifndef DG_ENGINE_RENDER_H
#define DG_ENGINE_RENDER_H

#include "../backend.h"
#include "../image/line.h"

typedef struct dg_render_spec {
    const dg_line_options *options;
    const dg_line_stroke *strokes; /* dg_line_strokes of every picture, one after the other; of some memory */
    const uint32_t *first;         /* those of picture i are first[i] .. first[i + 1] - 1 */
    uint32_t count;                /* pictures, at least one */
    const uint8_t *samples;        /* of each of the 256 coverages; NULL: the coverage itself */
} dg_render_spec;

/* Draws into a new buffer, picture i at i * dg_plane_stride(width, height). The caller frees it, also after a
 * failure. */
enum dg_code dg_render(const dg_backend *backend, dg_device *device, const dg_render_spec *spec,
                       dg_buffer *pixels, const dg_poll *poll, dg_err *err);

#endif
