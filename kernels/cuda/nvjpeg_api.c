#include "nvjpeg_api.h"

#include <dlfcn.h>
#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static dg_nvjpeg_api api;
static dg_err verdict;

/* Opens the newest version there is; it is never unloaded. */
static void *open_library(dg_err *err)
{
    static const char *const names[] = {"libnvjpeg.so.13", "libnvjpeg.so.12", "libnvjpeg.so.11",
                                        "libnvjpeg.so"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        void *library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        if (library) return library;
    }
    const char *words = dlerror();
    dg_fail(err, DG_DEVICE_ERROR, "nvjpeg: %s; nor is there a libnvjpeg.so.13, .12 or .11",
            words ? words : "libnvjpeg.so cannot be opened");
    return NULL;
}

static void start(void)
{
    dg_err *err = &verdict;
    void *library = open_library(err);
    if (!library) return;
#define X(name, parameters)                                                                                  \
    *(void **)&api.name = dlsym(library, #name);                                                             \
    if (!api.name) dg_fail(err, DG_DEVICE_ERROR, "nvjpeg: the library has no " #name ": it is too old");
    DG_NVJPEG_FUNCTIONS(X)
#undef X
}

const dg_nvjpeg_api *dg_nvjpeg_start(dg_err *err)
{
    pthread_once(&once, start);
    if (!verdict.code) return &api;
    dg_fail(err, verdict.code, "%s", verdict.text);
    return NULL;
}

static const char *name_of(dg_nvjpeg_status status)
{
    switch (status) {
#define X(name, number)                                                                                      \
    case number: return #name;
        DG_NVJPEG_STATUSES(X)
#undef X
    default: return "an unknown status";
    }
}

enum dg_code dg_nvjpeg_check(dg_nvjpeg_status status, const char *call, dg_err *err)
{
    if (status == DG_NVJPEG_STATUS_SUCCESS) return DG_OK;
    return dg_fail(err, status == DG_NVJPEG_STATUS_ALLOCATOR_FAILURE ? DG_DEVICE_NOMEM : DG_DEVICE_ERROR,
                   "nvjpeg: %s: %s (%u)", call, name_of(status), status);
}
