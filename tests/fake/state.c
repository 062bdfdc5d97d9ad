/* The fake driver's settings, faults, list of objects and ledger. */
#include "fake.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
fake_state fake;

void fake_lock(void)
{
    pthread_mutex_lock(&lock);
}

void fake_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

void fake_violation(const char *format, ...)
{
    va_list values;
    if (fake.violations++ > 0) return;
    va_start(values, format);
    vsnprintf(fake.first, sizeof fake.first, format, values);
    va_end(values);
}

object *fake_add(kind what, object *context)
{
    object *thing = calloc(1, sizeof *thing);
    if (!thing) abort();
    thing->what = what;
    thing->context = context;
    thing->next = fake.objects;
    fake.objects = thing;
    return thing;
}

object *fake_find(kind what, const void *handle)
{
    for (object *thing = fake.objects; thing; thing = thing->next)
        if (thing == handle && thing->what == what) return thing;
    return NULL;
}

object *fake_find_memory(kind what, uint64_t address, size_t bytes)
{
    for (object *thing = fake.objects; thing; thing = thing->next)
        if (thing->what == what && address >= thing->address && address - thing->address <= thing->bytes &&
            bytes <= thing->bytes - (address - thing->address))
            return thing;
    return NULL;
}

void fake_remove(object *thing)
{
    for (object **link = &fake.objects; *link; link = &(*link)->next)
        if (*link == thing) {
            *link = thing->next;
            break;
        }
    if (thing->what == STREAM) fake_discard(thing);
    if (thing->what == EVENT) fake_drop_point(thing->last);
    free(thing->host);
    free(thing);
}

/* --- control --- */

static void defaults(void)
{
    object *objects = fake.objects;
    long pushed = fake.pushed;
    int initialized = fake.initialized;
    fake = (fake_state){.devices = 1,
                        .memory = (size_t)1 << 30,
                        .objects = objects,
                        .pushed = pushed,
                        .initialized = initialized};
}

EXPORT void fake_cuda_reset(void)
{
    fake_lock();
    defaults();
    fake_unlock();
}

EXPORT void fake_cuda_fail(long n, unsigned code, int sticky)
{
    fake_lock();
    fake.calls = 0;
    fake.failed = 0;
    fake.fail_at = n;
    fake.fail_code = code;
    fake.fail_sticky = sticky;
    fake_unlock();
}

EXPORT long fake_cuda_calls(void)
{
    return fake.calls;
}

EXPORT int fake_cuda_failed(void)
{
    return fake.failed;
}

EXPORT fake_ledger fake_cuda_ledger(void)
{
    fake_lock();
    fake_ledger l = {.pushed = fake.pushed, .abandoned = fake.abandoned};
    for (const object *thing = fake.objects; thing; thing = thing->next) {
        switch (thing->what) {
        case CONTEXT: l.contexts += thing->retained; break;
        case MODULE: l.modules++; break;
        case FUNCTION: break;
        case STREAM: l.streams++; break;
        case EVENT: l.events++; break;
        case DEVICE_MEMORY:
            l.device++;
            l.device_bytes += thing->bytes;
            break;
        case PINNED_MEMORY:
            l.pinned++;
            l.pinned_bytes += thing->bytes;
            break;
        }
    }
    fake_unlock();
    return l;
}

EXPORT long fake_cuda_entries(void)
{
    fake_ledger l = fake_cuda_ledger();
    return l.contexts + l.pushed + l.modules + l.streams + l.events + l.device + l.pinned;
}

EXPORT long fake_cuda_violations(const char **first)
{
    if (first) *first = fake.first;
    return fake.violations;
}

EXPORT void fake_cuda_set_devices(int devices)
{
    fake.devices = devices < DEVICES_MAX ? devices : DEVICES_MAX;
}

EXPORT void fake_cuda_set_memory(size_t bytes)
{
    fake.memory = bytes;
}

EXPORT void fake_cuda_set_seed(unsigned seed)
{
    fake.seed = seed;
}

EXPORT void fake_cuda_set_image(unsigned code)
{
    fake.image = code;
}

EXPORT void fake_cuda_corrupt(long n)
{
    fake.corrupt = n;
    fake.copies_out = 0;
}

/* --- environment --- */

static unsigned long long setting(const char *name, unsigned long long otherwise)
{
    const char *value = getenv(name);
    return value ? strtoull(value, NULL, 0) : otherwise;
}

__attribute__((constructor)) static void begin(void)
{
    const char *fault = getenv("FAKE_CUDA_FAIL");
    defaults();
    fake_cuda_set_devices((int)setting("FAKE_CUDA_DEVICES", 1));
    fake.memory = (size_t)setting("FAKE_CUDA_MEMORY", fake.memory);
    fake.seed = (unsigned)setting("FAKE_CUDA_SEED", 0);
    fake.image = (unsigned)setting("FAKE_CUDA_IMAGE", 0);
    fake.corrupt = (long)setting("FAKE_CUDA_CORRUPT", 0);
    if (fault && sscanf(fault, "%ld:%u", &fake.fail_at, &fake.fail_code) == 2)
        fake.fail_sticky = strstr(fault, ":sticky") != NULL;
}

__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("FAKE_CUDA_REPORT");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (!file) return;
    fprintf(file, "calls %ld violations %ld ledger %ld %s\n", fake.calls, fake.violations,
            fake_cuda_entries(), fake.first);
    fclose(file);
}
