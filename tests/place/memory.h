/* Every allocation of the program counted, and failed when told to, by the linker's --wrap. */
#ifndef TEST_MEMORY_H
#define TEST_MEMORY_H

#include <stdatomic.h>

typedef struct memory_state {
    atomic_int armed;
    atomic_long seen;   /* allocations since arming */
    long fail_at;       /* the one that fails, the first being 1 */
    int and_after;      /* all later ones fail as well */
    atomic_long failed; /* allocations that were failed */
    atomic_long living; /* allocated and not freed */
} memory_state;

extern memory_state memory;

#endif
