#include "collapse.h"

#include "../backend.h"

#include <stdlib.h>

uint64_t dg_collapse_bytes(uint32_t rows, uint32_t words)
{
    uint64_t wide = words > 1 ? sizeof(uint64_t) : 0; /* the mixed hashes of rows of several words */
    return rows * (sizeof(uint64_t) + 2 * sizeof(uint32_t) + wide) + sizeof(uint32_t);
}

enum dg_code dg_collapse(uint64_t *hashes, uint32_t rows, uint32_t words, int split_parity, uint32_t threads,
                         const dg_poll *poll, dg_collapsed *out, dg_err *err)
{
    const size_t room = (size_t)rows + 1;
    const dg_open_options options = {threads, NULL};
    const dg_backend *cpu = dg_backend_find("cpu", err);
    dg_device *host = NULL;
    *out = (dg_collapsed){.scratch = malloc(room * sizeof *out->scratch),
                          .rows = malloc(room * sizeof *out->rows),
                          .first = malloc(room * sizeof *out->first)};
    dg_op_collapse op = {.hashes = hashes,
                         .scratch = out->scratch,
                         .rows = out->rows,
                         .first = out->first,
                         .n = rows,
                         .words = words,
                         .split_parity = split_parity};
    if (!out->scratch || !out->rows || !out->first)
        dg_fail(err, DG_NOMEM, "out of memory for the work space of %u hashes", rows);
    else if (cpu && cpu->open(0, &options, &host, err) == DG_OK) {
        if (cpu->run(host, DG_OP_COLLAPSE, &op, poll, err) == DG_OK) cpu->wait(host, poll, err);
        cpu->close(host);
    }
    if (err->code) {
        dg_collapsed_free(out);
        return err->code;
    }
    out->unique = op.unique;
    out->even = op.even;
    return DG_OK;
}

void dg_collapsed_free(dg_collapsed *collapsed)
{
    free(collapsed->scratch);
    free(collapsed->rows);
    free(collapsed->first);
    *collapsed = (dg_collapsed){0};
}
