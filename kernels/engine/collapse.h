/*
 * Equal rows become one: the engine's side of COLLAPSE, which runs on the host whatever device the rest of
 * the work is for.
 */
#ifndef DG_ENGINE_COLLAPSE_H
#define DG_ENGINE_COLLAPSE_H

#include "../error.h"
#include "../poll.h"

#include <stdint.h>

typedef struct dg_collapsed {
    uint64_t *scratch;      /* as many words as there were rows; free to use once the rows are collapsed */
    uint32_t *rows, *first; /* see dg_op_collapse */
    uint32_t unique, even;
} dg_collapsed;

/* Bytes that collapsing takes beside the column. */
uint64_t dg_collapse_bytes(uint32_t rows, uint32_t words);

/*
 * Collapses the rows of `hashes` in place, as dg_op_collapse says, on up to `threads` threads (0: the
 * processors this process may use). On failure *out is empty.
 */
enum dg_code dg_collapse(uint64_t *hashes, uint32_t rows, uint32_t words, int split_parity, uint32_t threads,
                         const dg_poll *poll, dg_collapsed *out, dg_err *err);

/* Idempotent; leaves it empty. */
void dg_collapsed_free(dg_collapsed *collapsed);

#endif
