/*
 * Every allocation of the program counted, and failed when told to, by the linker's --wrap: a program that
 * links memory.c is linked with WRAP_MEMORY of rules.mk.
 */
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

/* From now on allocation number fail_at fails, and all later ones if and_after. */
void memory_arm(long fail_at, int and_after);

/* None fails any more; how many did. */
long memory_disarm(void);

/* For allocators that the linker does not see: whether this allocation fails, and one more or fewer block. */
int memory_fails(void);
void *memory_counted(void *block);
void memory_freed(const void *block);

#endif
