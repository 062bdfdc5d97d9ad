#include "render.h"

/* A buffer with room for `count` things and one more, so that none is empty, that holds `count` of them. */
static enum dg_code bring(const dg_backend *backend, dg_device *device, const void *things, size_t count,
                          size_t size, dg_buffer *buffer, dg_err *err)
{
    if (backend->alloc(device, (count + 1) * size, NULL, buffer, err) || count == 0) return err->code;
    return backend->put(device, buffer, 0, things, count * size, err);
}

enum dg_code dg_render(const dg_backend *backend, dg_device *device, const dg_render_spec *spec,
                       dg_buffer *pixels, const dg_poll *poll, dg_err *err)
{
    const dg_line_options *o = spec->options;
    const size_t stride = dg_plane_stride(o->width, o->height);
    dg_buffer strokes = {0}, first = {0}, samples = {0};
    uint8_t table[256];
    for (int a = 0; a < 256; a++) table[a] = spec->samples ? spec->samples[a] : (uint8_t)a;
    *pixels = (dg_buffer){0};
    if (bring(backend, device, spec->strokes, spec->first[spec->count], sizeof *spec->strokes, &strokes,
              err) ||
        bring(backend, device, spec->first, spec->count + 1, sizeof *spec->first, &first, err) ||
        bring(backend, device, table, sizeof table, 1, &samples, err) ||
        backend->alloc(device, spec->count * stride, NULL, pixels, err))
        goto done;
    dg_op_render op = {.strokes = &strokes,
                       .first = &first,
                       .samples = &samples,
                       .pixels = pixels,
                       .count = spec->count,
                       .width = o->width,
                       .height = o->height,
                       .reach = (uint32_t)dg_line_reach(o)};
    if (backend->run(device, DG_OP_RENDER, &op, poll, err) == DG_OK) backend->wait(device, poll, err);
done:
    backend->free(device, &strokes);
    backend->free(device, &first);
    backend->free(device, &samples);
    return err->code;
}
