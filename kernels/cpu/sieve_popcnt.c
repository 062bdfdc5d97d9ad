/* The sieve with x86's POPCNT instruction: one row at a time. */
#if defined(__x86_64__)
#include <stdint.h>
#include <string.h>

#define TARGET __attribute__((target("popcnt")))
#define LANES 1
#define GROUP64 8
#define GROUP128 4
#define GROUP256 2
typedef uint64_t vec;

TARGET static inline __attribute__((always_inline)) uint32_t bits_of(uint64_t x)
{
    return (uint32_t)__builtin_popcountll(x);
}

#include "sieve_scalar.inc.h"

static int supported(void)
{
    return __builtin_cpu_supports("popcnt");
}

const dg_cpu_isa dg_cpu_isa_popcnt = {
    .name = "popcnt",
    .supported = supported,
    .unit = run_unit,
    .count = count_strip,
    .offer = offer_strip,
    .costs = {.partition_row = 12e-9,
              .look = 2e-9,
              .bucket_pair = 10e-9,
              .vector = 0.6e-9,
              .lanes = 1,
              .brute = {0.5e-9, 0.5e-9, 0.9e-9, 1.8e-9},
              .survivor = 5e-9,
              .start = 20e-6,
              .bin = 0.45e-9,
              .near = 0.6e-9},
};
#endif
