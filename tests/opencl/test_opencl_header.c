/* Compares api.h with the real headers of OpenCL, where the compiler finds them: prototypes and numbers. That
 * this file compiles is the test. */
#include "../core/dg_test.h"

#include "../../kernels/opencl/api.h"

#if __has_include(<CL/cl.h>)
#define CL_TARGET_OPENCL_VERSION 300
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <CL/cl_ext.h>

#define X(name, result, parameters)                                                                          \
    _Static_assert(__builtin_types_compatible_p(__typeof__(&name), __typeof__(dg_opencl.name)), #name);
DG_OPENCL_FUNCTIONS(X)
#undef X
#define X(name, value) _Static_assert(CL_##name == value, #name);
DG_OPENCL_CONSTANTS(X)
#if defined(CL_VERSION_3_0)
DG_OPENCL_ERRORS(X)
#endif
#undef X
#endif

static void every_error_has_its_name(void **state)
{
    (void)state;
#define X(name, value) assert_string_equal(dg_opencl_status_name(value), "CL_" #name);
    DG_OPENCL_ERRORS(X)
#undef X
    assert_string_equal(dg_opencl_status_name(-9999), "unknown status");
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(every_error_has_its_name)};
DG_TEST_MAIN(tests)
