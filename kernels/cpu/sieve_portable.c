/* The sieve in plain C, for any processor: bit counting by adding neighbouring fields (Hacker's Delight 5-1).
 */
#include "../bits.h"

#include <stdint.h>

#define TARGET
#define LANES 1
#define GROUP64 4
#define GROUP128 4
#define GROUP256 2
typedef uint64_t vec;

#define bits_of dg_bits_set

#include "sieve_scalar.inc.h"

static int supported(void)
{
    return 1;
}

const dg_cpu_isa dg_cpu_isa_portable = {
    .name = "portable",
    .supported = supported,
    .unit = run_unit,
    .costs = {.partition_row = 12e-9,
              .bucket_pair = 10e-9,
              .pair = {4e-9, 2e-9, 1.5e-9},
              .brute = {1.3e-9, 1.3e-9, 2.6e-9, 5.2e-9},
              .survivor = 10e-9,
              .start = 20e-6},
};
