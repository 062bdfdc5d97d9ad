#include "memory.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The value of a line "Name: 123 kB" of /proc/meminfo in bytes; 0 where there is none. */
static uint64_t meminfo(const char *name)
{
    char line[128];
    unsigned long long kilobytes = 0;
    FILE *file = fopen("/proc/meminfo", "re");
    if (!file) return 0;
    while (fgets(line, sizeof line, file)) {
        size_t length = strlen(name);
        if (strncmp(line, name, length) == 0 && sscanf(line + length, ": %llu", &kilobytes) == 1) break;
    }
    fclose(file);
    return kilobytes * 1024;
}

uint64_t dg_memory_total(void)
{
    return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t dg_memory_free(void)
{
    uint64_t available = meminfo("MemAvailable");
    return available ? available : dg_memory_total() / 2;
}
