/* libFuzzer target: what image_info does with any file, the naming of what is no picture included. */
#include "exercise.h"

#include "../../kernels/image/image.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    dg_image_info info;
    dg_err err = {DG_OK, ""};
    enum dg_code code = dg_image_info_read(data, bytes, &info, &err);

    if ((code == DG_OK) != (info.format != NULL)) abort();
    if (code != DG_OK && !err.text[0]) abort();
    if (code == DG_OK && (info.orientation < 1 || info.orientation > 8 || info.width == 0)) abort();
    return 0;
}
