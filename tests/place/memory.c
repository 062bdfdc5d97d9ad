#include "memory.h"

#include <stdlib.h>

memory_state memory;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);

static int fails(void)
{
    if (!atomic_load(&memory.armed)) return 0;
    const long number = atomic_fetch_add(&memory.seen, 1) + 1;
    if (number != memory.fail_at && !(memory.and_after && number > memory.fail_at)) return 0;
    atomic_fetch_add(&memory.failed, 1);
    return 1;
}

static void *counted(void *block)
{
    if (block) atomic_fetch_add(&memory.living, 1);
    return block;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *block, size_t size)
{
    if (fails()) return NULL;
    return block ? __real_realloc(block, size) : counted(__real_realloc(NULL, size));
}

void __wrap_free(void *block)
{
    if (block) atomic_fetch_sub(&memory.living, 1);
    __real_free(block);
}
