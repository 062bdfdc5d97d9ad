/* The sieve in plain C, for any processor: bit counting by adding neighbouring fields (Hacker's Delight 5-1).
 */
#include <stdint.h>

#define TARGET
#define LANES 1
#define GROUP64 4
#define GROUP128 4
#define GROUP256 2
typedef uint64_t vec;

static inline uint32_t bits_of(uint64_t x)
{
    x -= (x >> 1) & 0x5555555555555555u;
    x = (x & 0x3333333333333333u) + ((x >> 2) & 0x3333333333333333u);
    x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (uint32_t)((x * 0x0101010101010101u) >> 56);
}

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
