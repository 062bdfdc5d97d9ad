/*
 * Comparing tables that do not fit into a device: the rows a tile needs go there in windows.
 *
 * Tiles come row of tiles by row of tiles. Those that follow one another share a window of rows on the one
 * side, and neighbours on the other; while a device compares, the windows of the next tiles are on their way
 * to it. A tile of n x n rows takes n uploads of a row for n * n comparisons, so copying hides behind
 * comparing.
 */
#ifndef DG_ENGINE_WINDOW_H
#define DG_ENGINE_WINDOW_H

#include "place.h"

enum { DG_WINDOWS = 4 }; /* two in use, two on their way */

typedef struct dg_window {
    dg_buffer rows;
    uint32_t begin, count; /* rows of the table that it holds */
    uint32_t room;
} dg_window;

/* Empty at first. */
typedef struct dg_windows {
    dg_window window[DG_WINDOWS];
} dg_windows;

/*
 * COMPARE, run to its end. `op` names the two tables, whose hashes may be empty: `rows` are the hashes in
 * host memory, and all units are tiles. The windows take up to half of place->memory_limit, or what one tile
 * needs.
 */
enum dg_code dg_windows_compare(dg_windows *windows, const dg_place *place, const uint64_t *rows,
                                dg_op_compare *op, const dg_poll *poll, dg_err *err);

void dg_windows_free(dg_windows *windows, const dg_place *place);

#endif
