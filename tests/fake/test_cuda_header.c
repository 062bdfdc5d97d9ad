/*
 * kernels/cuda/api.h against the toolkit's cuda.h, where there is one: every number, every prototype, and that
 * each name is the version cuda.h maps it to. A difference in numbers or prototypes does not compile.
 */
#if __has_include(<cuda.h>)
#include <cuda.h>
#define TOOLKIT 1
#else
#define TOOLKIT 0
#endif

#include "../../kernels/cuda/api.h"
#include "../core/dg_test.h"

#if TOOLKIT
#define X(name, number) _Static_assert((int)DG_##name == (int)name, #name);
DG_CUDA_NUMBERS(X)
#undef X

/* Never called: a wrong parameter or result is a warning here, and warnings are errors. Enums of cuda.h are
 * unsigned int in ours. */
void compare_prototypes(dg_cuda_api *api);
void compare_prototypes(dg_cuda_api *api)
{
#define X(name, version, parameters)                                                                         \
    _Static_assert(sizeof(api->name) == sizeof(&name) &&                                                     \
                       __builtin_types_compatible_p(__typeof__(api->name), __typeof__(&name)),               \
                   #name);
    DG_CUDA_FUNCTIONS(X)
#undef X
}
#endif

static void names_are_the_newest_versions(void **state)
{
    (void)state;
#if TOOLKIT
#define TEXT(name) #name
#define MAPPED(name) TEXT(name)
#define X(name, version, parameters) assert_string_equal(MAPPED(name), #name #version);
    DG_CUDA_FUNCTIONS(X)
#undef X
#else
    skip();
#endif
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(names_are_the_newest_versions)};

DG_TEST_MAIN(tests)
