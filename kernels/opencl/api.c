#include "api.h"

#include <dlfcn.h>

dg_opencl_functions dg_opencl;

/* The name under which every loader is installed; the one of development packages, where someone made only
 * that link; Apple's. */
static const char *const libraries[] = {
    "libOpenCL.so.1",
    "libOpenCL.so",
#ifdef __APPLE__
    "/System/Library/Frameworks/OpenCL.framework/OpenCL",
#endif
};

const char *dg_opencl_status_name(int32_t status)
{
    switch (status) {
#define X(name, value)                                                                                       \
    case value: return "CL_" #name;
        DG_OPENCL_ERRORS(X)
#undef X
    }
    return "unknown status";
}

enum dg_code dg_opencl_result(int32_t status, const char *function, dg_err *err)
{
    enum dg_code code = DG_DEVICE_ERROR;
    switch (status) {
    case 0: return DG_OK;
    case DG_CL_MEM_OBJECT_ALLOCATION_FAILURE:
    case DG_CL_OUT_OF_RESOURCES:
    case DG_CL_OUT_OF_HOST_MEMORY:
    case DG_CL_INVALID_BUFFER_SIZE: code = DG_DEVICE_NOMEM;
    }
    return dg_fail(err, code, "opencl: %s: %s (%d)", function, dg_opencl_status_name(status), (int)status);
}

enum dg_code dg_opencl_library(dg_err *err)
{
    static void *library;
    if (library) return DG_OK;
    void *found = NULL;
    dg_err first = {0};
    for (size_t i = 0; !found && i < sizeof libraries / sizeof *libraries; i++) {
        found = dlopen(libraries[i], RTLD_NOW | RTLD_LOCAL);
        if (!found) dg_fail(&first, DG_DEVICE_ERROR, "opencl: %s", dlerror());
    }
    if (!found) return dg_fail(err, DG_DEVICE_ERROR, "%s", first.text);
    first = (dg_err){0};
#define X(name, result, parameters)                                                                          \
    *(void **)&dg_opencl.name = dlsym(found, #name);                                                         \
    if (!dg_opencl.name) dg_fail(&first, DG_DEVICE_ERROR, "opencl: %s; OpenCL 1.2 is needed", dlerror());
    DG_OPENCL_FUNCTIONS(X)
#undef X
    if (first.code) {
        dlclose(found);
        return dg_fail(err, DG_DEVICE_ERROR, "%s", first.text);
    }
    library = found;
    return DG_OK;
}
