#include "backend.h"

#include <stdio.h>
#include <string.h>

const dg_backend *dg_backend_find(const char *name, dg_err *err)
{
    char names[200] = "";
    for (size_t i = 0; dg_backends[i]; i++) {
        if (strcmp(name, dg_backends[i]->name) == 0) return dg_backends[i];
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", dg_backends[i]->name);
    }
    dg_fail(err, DG_ERROR, "no backend '%s' in this build, there are: %s", name, names);
    return NULL;
}
