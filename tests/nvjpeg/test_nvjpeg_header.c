/*
 * kernels/cuda/nvjpeg_api.h against nvjpeg.h, where there is one: every number, every prototype, the layout
 * of an image. A difference does not compile.
 */
#if __has_include(<nvjpeg.h>)
#include <nvjpeg.h>
#define TOOLKIT 1
#else
#define TOOLKIT 0
#endif

#include "../../kernels/cuda/nvjpeg_api.h"
#include "../core/dg_test.h"

#if TOOLKIT
#define X(name, number) _Static_assert((int)DG_##name == (int)name, #name);
DG_NVJPEG_NUMBERS(X)
#undef X

_Static_assert(DG_NVJPEG_COMPONENTS == NVJPEG_MAX_COMPONENT, "components");
_Static_assert(sizeof(dg_nvjpeg_image) == sizeof(nvjpegImage_t), "size of an image");
_Static_assert(offsetof(dg_nvjpeg_image, pitch) == offsetof(nvjpegImage_t, pitch), "pitch of an image");

/* Never called. The struct of nvjpeg.h has no name but this one, so ours stands for it here. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
void compare_prototypes(void);
void compare_prototypes(void)
{
    typedef nvjpegImage_t dg_nvjpeg_image;
    (void)sizeof(dg_nvjpeg_image);
#define X(name, parameters)                                                                                  \
    _Static_assert(__builtin_types_compatible_p(dg_nvjpeg_status(*) parameters, __typeof__(&name)), #name);
    DG_NVJPEG_FUNCTIONS(X)
#undef X
}
#pragma GCC diagnostic pop
#endif

static void it_compiles(void **state)
{
    (void)state;
    if (!TOOLKIT) skip();
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(it_compiles)};

DG_TEST_MAIN(tests)
