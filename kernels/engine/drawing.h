/*
 * Batches of line pictures on a device. Points are placed on the host, for only that is floating point; the
 * device draws. Where a hash is wanted, the picture never leaves it; where a picture is, its coverages come
 * back and the host writes the file, which is more work than drawing is: so "auto" is the CPU for pictures,
 * and for hashes what was measured to be faster.
 *
 * Pictures and hashes are those of the CPU, byte for byte. A batch that does not fit is cut in two. A device
 * that fails is replaced by the CPU where that is allowed.
 */
#ifndef DG_ENGINE_DRAWING_H
#define DG_ENGINE_DRAWING_H

#include "lines.h"
#include "place.h"

typedef struct dg_drawing dg_drawing;

/* `expected`: pictures there will be, about. DG_DEVICE_ERROR as dg_place_open. `lines` must outlive the
 * drawing. On failure *out is NULL. */
enum dg_code dg_drawing_open(const dg_place_spec *spec, const dg_lines *lines, uint64_t expected,
                             const dg_poll *poll, dg_drawing **out, dg_err *err);

/* Whether a device draws; else it is the CPU's. */
int dg_drawing_on_device(const dg_drawing *drawing);

/* Draws the batch's jobs as dg_line_batch_work does; a job's own failure stays in the batch. */
enum dg_code dg_drawing_run(dg_drawing *drawing, dg_line_batch *batch, const dg_poll *poll, dg_err *err);

/* Fills in backend, device and fallback. */
void dg_drawing_report(const dg_drawing *drawing, dg_report *report);

/* `failure`: what the work ended with, or NULL. NULL for `drawing` is allowed. */
void dg_drawing_close(dg_drawing *drawing, const dg_err *failure);

#endif
