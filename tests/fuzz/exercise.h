/*
 * What a fuzzer does with a picture file: everything that kernels/image has.
 */
#ifndef DG_FUZZ_EXERCISE_H
#define DG_FUZZ_EXERCISE_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/*
 * The last two bytes of the input choose the options and the work, the rest is the file. Aborts where the
 * answers contradict each other: measuring twice must give the same, a failure has a text, and what can be
 * measured has a header that can be read.
 */
void fuzz_exercise(const uint8_t *data, size_t bytes);

#endif
