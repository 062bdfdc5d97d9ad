/* The instruction sets that were compiled in, and the choice between them. */
#include "sieves.h"

#include <stdio.h>
#include <string.h>

const dg_cpu_isa *const dg_cpu_isas[] = {
#if defined(__x86_64__)
    &dg_cpu_isa_avx512,   &dg_cpu_isa_avx2,
    &dg_cpu_isa_popcnt,
#elif defined(__aarch64__)
    &dg_cpu_isa_neon,
#endif
    &dg_cpu_isa_portable, NULL,
};

const dg_cpu_isa *dg_cpu_isa_find(const char *name, dg_err *err)
{
    char names[100] = "";
    for (size_t i = 0; dg_cpu_isas[i]; i++) {
        const dg_cpu_isa *isa = dg_cpu_isas[i];
        if (!isa->supported()) continue;
        if (!name || strcmp(name, isa->name) == 0) return isa;
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", isa->name);
    }
    dg_fail(err, DG_ERROR, "cpu: no instruction set '%s' on this processor, there are: %s", name, names);
    return NULL;
}
