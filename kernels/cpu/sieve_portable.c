/* The sieve in plain C, for any processor. */
#include "../bits.h"

#include <stdint.h>
#include <string.h>

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
    .count = count_strip,
    .offer = offer_strip,
    .costs = {.partition_row = 12e-9,
              .look = 2e-9,
              .bucket_pair = 10e-9,
              .vector = 1.7e-9,
              .lanes = 1,
              .brute = {1.7e-9, 1.7e-9, 3.4e-9, 6.8e-9},
              .survivor = 10e-9,
              .start = 20e-6,
              .bin = 1.4e-9,
              .near = 1.4e-9},
};
