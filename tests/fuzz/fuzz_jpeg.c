/* libFuzzer target: the JPEG path, from the signature to every answer. */
#include "exercise.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes >= 3 && memcmp(data, "\xFF\xD8\xFF", 3) == 0) fuzz_exercise(data, bytes);
    return 0;
}
