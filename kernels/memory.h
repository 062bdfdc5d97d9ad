/* How much memory this machine can still give, for work that has no limit set. */
#ifndef DG_MEMORY_H
#define DG_MEMORY_H

#include <stdint.h>

/* Bytes of memory in all. */
uint64_t dg_memory_total(void);

/* Bytes that can be had without swapping; half of all where the system does not say. */
uint64_t dg_memory_free(void);

#endif
