/* libFuzzer target: the PNG path, from the signature to every answer. */
#include "exercise.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes >= 8 && memcmp(data, "\x89PNG\r\n\x1a\n", 8) == 0) fuzz_exercise(data, bytes);
    return 0;
}
