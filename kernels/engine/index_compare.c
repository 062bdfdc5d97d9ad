#include "index_compare.h"

#include "../bits.h"

#include <string.h>

#if defined(__x86_64__)
#define NATIVE __attribute__((target("popcnt")))
#define HAS_NATIVE() __builtin_cpu_supports("popcnt")
#else
#define NATIVE
#define HAS_NATIVE() 1
#endif

#define BODY static inline __attribute__((always_inline)) uint32_t

/* Each loop is written once and compiled twice, with the processor's own instruction and without. */
BODY bits_set(uint64_t x, int native)
{
    return native ? (uint32_t)__builtin_popcountll(x) : dg_bits_set(x);
}

static inline uint64_t load(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

/* Without a branch on the outcome, which nobody could foresee. */
BODY put(dg_index_near *near, uint32_t found, uint32_t at, uint32_t distance, uint32_t limit)
{
    near[found] = (dg_index_near){at, distance};
    return found + (distance <= limit);
}

BODY near_tails(const uint8_t *tails, size_t size, uint32_t count, const uint64_t query[2],
                const uint64_t mask[2], uint32_t apart, uint32_t limit, dg_index_near *near, int native)
{
    const uint64_t q0 = query[0], q1 = query[1], m0 = mask[0], m1 = mask[1];
    uint32_t found = 0;
    for (uint32_t i = 0; m1 == 0 && i < count; i++, tails += size)
        found = put(near, found, i, apart + bits_set((load(tails) ^ q0) & m0, native), limit);
    for (uint32_t i = 0; m1 != 0 && i < count; i++, tails += size)
        found = put(near, found, i,
                    apart + bits_set((load(tails) ^ q0) & m0, native) +
                        bits_set((load(tails + 8) ^ q1) & m1, native),
                    limit);
    return found;
}

BODY near_hashes(const uint8_t *hashes, size_t size, uint32_t count, const uint8_t *query, uint32_t limit,
                 dg_index_near *near, int native)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++, hashes += size) {
        uint32_t distance = 0;
        size_t at = 0;
        for (; at + 8 <= size; at += 8) distance += bits_set(load(hashes + at) ^ load(query + at), native);
        for (; at < size; at++) distance += bits_set((uint64_t)(hashes[at] ^ query[at]), native);
        found = put(near, found, i, distance, limit);
    }
    return found;
}

static uint32_t plain_tails(const uint8_t *tails, size_t size, uint32_t count, const uint64_t query[2],
                            const uint64_t mask[2], uint32_t apart, uint32_t limit, dg_index_near *near)
{
    return near_tails(tails, size, count, query, mask, apart, limit, near, 0);
}

NATIVE static uint32_t native_tails(const uint8_t *tails, size_t size, uint32_t count,
                                    const uint64_t query[2], const uint64_t mask[2], uint32_t apart,
                                    uint32_t limit, dg_index_near *near)
{
    return near_tails(tails, size, count, query, mask, apart, limit, near, 1);
}

static uint32_t plain_hashes(const uint8_t *hashes, size_t size, uint32_t count, const uint8_t *query,
                             uint32_t limit, dg_index_near *near)
{
    return near_hashes(hashes, size, count, query, limit, near, 0);
}

NATIVE static uint32_t native_hashes(const uint8_t *hashes, size_t size, uint32_t count, const uint8_t *query,
                                     uint32_t limit, dg_index_near *near)
{
    if (size == 8) return near_hashes(hashes, 8, count, query, limit, near, 1);
    return near_hashes(hashes, size, count, query, limit, near, 1);
}

uint32_t dg_index_near_tails(const uint8_t *tails, size_t size, uint32_t count, const uint64_t query[2],
                             const uint64_t mask[2], uint32_t apart, uint32_t limit, dg_index_near *near)
{
    return (HAS_NATIVE() ? native_tails : plain_tails)(tails, size, count, query, mask, apart, limit, near);
}

uint32_t dg_index_near_hashes(const uint8_t *hashes, size_t size, uint32_t count, const uint8_t *query,
                              uint32_t limit, dg_index_near *near)
{
    return (HAS_NATIVE() ? native_hashes : plain_hashes)(hashes, size, count, query, limit, near);
}
