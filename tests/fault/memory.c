#include "memory.h"

#include <stdlib.h>

memory_state memory;

/* Visible, because ld takes these for callers in libraries too. */
#define SEEN __attribute__((visibility("default")))

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *block);
SEEN void *__wrap_malloc(size_t size);
SEEN void *__wrap_calloc(size_t count, size_t size);
SEEN void *__wrap_realloc(void *block, size_t size);
SEEN void *__wrap_aligned_alloc(size_t alignment, size_t size);
SEEN void __wrap_free(void *block);

void memory_arm(long fail_at, int and_after)
{
    memory.fail_at = fail_at;
    memory.and_after = and_after;
    atomic_store(&memory.seen, 0);
    atomic_store(&memory.failed, 0);
    atomic_store(&memory.armed, 1);
}

long memory_disarm(void)
{
    atomic_store(&memory.armed, 0);
    return atomic_load(&memory.failed);
}

int memory_fails(void)
{
    if (!atomic_load(&memory.armed)) return 0;
    const long number = atomic_fetch_add(&memory.seen, 1) + 1;
    if (number != memory.fail_at && !(memory.and_after && number > memory.fail_at)) return 0;
    atomic_fetch_add(&memory.failed, 1);
    return 1;
}

void *memory_counted(void *block)
{
    if (block) atomic_fetch_add(&memory.living, 1);
    return block;
}

void memory_freed(const void *block)
{
    if (block) atomic_fetch_sub(&memory.living, 1);
}

void *__wrap_malloc(size_t size)
{
    return memory_fails() ? NULL : memory_counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return memory_fails() ? NULL : memory_counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *block, size_t size)
{
    if (memory_fails()) return NULL;
    return block ? __real_realloc(block, size) : memory_counted(__real_realloc(NULL, size));
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return memory_fails() ? NULL : memory_counted(__real_aligned_alloc(alignment, size));
}

void __wrap_free(void *block)
{
    memory_freed(block);
    __real_free(block);
}
