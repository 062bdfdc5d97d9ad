/* The sieve with Arm's Advanced SIMD: bytes are counted by VCNT and added in pairs. */
#if defined(__aarch64__)
#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

#define TARGET
#define LANES 2
#define GROUP64 8
#define GROUP128 4
#define GROUP256 2
typedef uint32x4_t vec; /* a 64-bit lane holds its count in the low half */

#define LANE static inline __attribute__((always_inline))

LANE uint32_t bits_of(uint64_t x)
{
    return (uint32_t)vaddv_u8(vcnt_u8(vcreate_u8(x)));
}

LANE vec load64(const uint64_t *p, unsigned n)
{
    return vreinterpretq_u32_u64(n == LANES ? vld1q_u64(p) : vcombine_u64(vld1_u64(p), vcreate_u64(0)));
}

LANE vec load32(const uint32_t *p, unsigned n)
{
    if (n == 2 * LANES) return vld1q_u32(p);
    uint32_t lane[4] = {0};
    for (unsigned i = 0; i < n; i++) lane[i] = p[i];
    return vld1q_u32(lane);
}

LANE vec same64(uint64_t x)
{
    return vreinterpretq_u32_u64(vdupq_n_u64(x));
}

LANE vec same32(uint32_t x)
{
    return vdupq_n_u32(x);
}

LANE vec differ32(vec x, vec y)
{
    return vpaddlq_u16(vpaddlq_u8(vcntq_u8(vreinterpretq_u8_u32(veorq_u32(x, y)))));
}

LANE vec differ64(vec x, vec y)
{
    return vreinterpretq_u32_u64(vpaddlq_u32(differ32(x, y)));
}

LANE vec plus(vec x, vec y)
{
    return vaddq_u32(x, y);
}

LANE vec one_at(vec x)
{
    return vreinterpretq_u32_u64(vshlq_u64(vdupq_n_u64(1), vreinterpretq_s64_u32(x)));
}

LANE vec odd(vec x, vec y, vec z)
{
    return x ^ y ^ z;
}

LANE vec most(vec x, vec y, vec z)
{
    return (x & y) | ((x ^ y) & z);
}

LANE vec least(vec x, vec y)
{
    return vminq_u32(x, y);
}

LANE unsigned within64(vec x, uint64_t limit)
{
    return (unsigned)(vgetq_lane_u32(x, 0) <= limit) | (unsigned)(vgetq_lane_u32(x, 2) <= limit) << 1;
}

LANE unsigned within32(vec x, uint32_t limit)
{
    const uint32x4_t bit = {1, 2, 4, 8};
    return vaddvq_u32(vandq_u32(vcleq_u32(x, vdupq_n_u32(limit)), bit));
}

#include "sieve.inc.h"
#include "histogram.inc.h"
#include "nearest.inc.h"

static int supported(void)
{
    return 1;
}

const dg_cpu_isa dg_cpu_isa_neon = {
    .name = "neon",
    .supported = supported,
    .unit = run_unit,
    .count = count_strip,
    .offer = offer_strip,
    .costs = {.partition_row = 12e-9,
              .look = 2e-9,
              .bucket_pair = 10e-9,
              .vector = 0.9e-9,
              .lanes = 2,
              .brute = {0.2e-9, 0.4e-9, 0.7e-9, 1.4e-9},
              .survivor = 5e-9,
              .start = 20e-6,
              .bin = 0.5e-9,
              .near = 0.5e-9},
};
#endif
