/*
 * Sorting segments of 64-bit keys, and writing the hits of COMPARE densely.
 *
 * Bitonic merging in which every exchange puts the smaller key first: the first step of a merge meets the
 * mirror image of the second run, so no run ever stands in descending order, and keys beyond a segment's end
 * may be thought of as infinite. Any number of keys is sorted without padding.
 *
 *     block, length 0                        runs of DG_BITONIC_KEYS
 *     for each length from twice that: step with distance 0; steps with distance length / 4, .. down to
 *     DG_BITONIC_KEYS; block, length 1       the last steps, in shared memory
 */

/* Keys in segment s. */
DG_INLINE uint32_t dg_segment_count(DG_GLOBAL const uint32_t *counts, uint32_t s, uint32_t capacity)
{
    return counts[s] > capacity ? 0 : counts[s];
}

/* Pair t of a step: `low` is the place of its first key, the result that of its second one. */
DG_INLINE uint32_t dg_bitonic_pair(uint32_t t, uint32_t length, uint32_t distance, uint32_t *low)
{
    if (distance == 0) {
        *low = t / (length / 2) * length + t % (length / 2);
        return t / (length / 2) * length + length - 1 - t % (length / 2);
    }
    *low = t / distance * (2 * distance) + t % distance;
    return *low + distance;
}

/* Group g has block g % blocks of segment g / blocks. */
DG_KERNEL(bitonic_block, DG_GLOBAL uint64_t *keys, DG_GLOBAL const uint32_t *counts,
          const dg_bitonic_arguments a)
{
    DG_SHARED(uint64_t, key, DG_BITONIC_KEYS);
    const uint32_t segment = DG_GROUP_NUMBER / a.blocks;
    const uint32_t begin = DG_GROUP_NUMBER % a.blocks * DG_BITONIC_KEYS;
    const uint32_t count = dg_segment_count(counts, segment, a.capacity);
    if (count <= begin) return;
    const uint32_t n = dg_least(count - begin, DG_BITONIC_KEYS);
    DG_GLOBAL uint64_t *block = keys + (uint64_t)segment * a.stride + begin;
    DG_LANES(l)
    {
        for (uint32_t i = l; i < n; i += DG_GROUP) key[i] = block[i];
    }
    DG_BARRIER
    /* Ending a merge is the part of the longest one here that comes after its first step. */
    for (uint32_t length = a.length ? DG_BITONIC_KEYS * 2 : 2; length / 2 < n || a.length; length *= 2) {
        for (uint32_t distance = a.length ? length / 4 : 0, next = length / 4;; distance = next, next /= 2) {
            DG_LANES(l)
            {
                for (uint32_t t = l; t < DG_BITONIC_KEYS / 2; t += DG_GROUP) {
                    uint32_t low;
                    const uint32_t high = dg_bitonic_pair(t, length, distance, &low);
                    if (high >= n || key[low] <= key[high]) continue;
                    const uint64_t swap = key[low];
                    key[low] = key[high];
                    key[high] = swap;
                }
            }
            DG_BARRIER
            if (next == 0) break;
        }
        if (a.length) break;
    }
    DG_LANES(l)
    {
        for (uint32_t i = l; i < n; i += DG_GROUP) block[i] = key[i];
    }
}

/* One step over distances of DG_BITONIC_KEYS and more. Group g has pairs of segment g / blocks. */
DG_KERNEL(bitonic_step, DG_GLOBAL uint64_t *keys, DG_GLOBAL const uint32_t *counts,
          const dg_bitonic_arguments a)
{
    const uint32_t segment = DG_GROUP_NUMBER / a.blocks;
    const uint32_t begin = DG_GROUP_NUMBER % a.blocks * DG_BITONIC_PAIRS;
    const uint32_t n = dg_segment_count(counts, segment, a.capacity);
    DG_GLOBAL uint64_t *key = keys + (uint64_t)segment * a.stride;
    DG_LANES(l)
    {
        for (uint32_t t = begin + l; t < begin + DG_BITONIC_PAIRS; t += DG_GROUP) {
            uint32_t low;
            const uint32_t high = dg_bitonic_pair(t, a.length, a.distance, &low);
            if (high >= n) continue;
            const uint64_t x = key[low], y = key[high];
            if (x <= y) continue;
            key[low] = y;
            key[high] = x;
        }
    }
}

/*
 * Writes the hits of all segments one behind the other: row a, row b, distance. Group g has block g % blocks
 * of segment g / blocks.
 */
DG_KERNEL(pack, DG_GLOBAL const uint64_t *keys, DG_GLOBAL const uint32_t *counts,
          DG_GLOBAL const uint64_t *hashes_a, DG_GLOBAL const uint64_t *hashes_b, DG_GLOBAL uint32_t *hits,
          const dg_pack_arguments a)
{
    const uint32_t segment = DG_GROUP_NUMBER / a.blocks;
    const uint32_t begin = DG_GROUP_NUMBER % a.blocks * DG_BITONIC_KEYS;
    const uint32_t n = dg_segment_count(counts, segment, a.capacity);
    if (n <= begin) return;
    uint32_t before = 0;
    for (uint32_t s = 0; s < segment; s++) before += dg_segment_count(counts, s, a.capacity);
    DG_LANES(l)
    {
        for (uint32_t i = begin + l; i < dg_least(n, begin + DG_BITONIC_KEYS); i += DG_GROUP) {
            if (before + i < a.first || before + i - a.first >= a.count) continue;
            const uint64_t key = keys[(uint64_t)segment * a.capacity + i];
            const uint32_t row_a = (uint32_t)(key >> 32), row_b = (uint32_t)key;
            DG_GLOBAL uint32_t *hit = hits + 3 * (uint64_t)(before + i - a.first);
            hit[0] = row_a;
            hit[1] = row_b;
            hit[2] = dg_distance(hashes_a + (uint64_t)row_a * a.words, hashes_b + (uint64_t)row_b * a.words,
                                 a.words);
        }
    }
}
