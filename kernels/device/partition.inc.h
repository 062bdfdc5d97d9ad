/* Kernels of PARTITION. */

/* Bits [start, start + width) of a row, as dg_chunk_value of ops.h. */
DG_INLINE uint32_t dg_chunk_of(DG_GLOBAL const uint64_t *row, uint32_t start, uint32_t width)
{
    const uint32_t word = start / 64, offset = start % 64;
    uint64_t top = row[word] << offset;
    if (offset + width > 64) top |= row[word + 1] >> (64 - offset);
    return (uint32_t)(top >> (64 - width));
}

/* keys[i] is the chunk's value in row begin + i, rows[i] is begin + i. */
DG_KERNEL(keys, DG_GLOBAL const uint64_t *hashes, DG_GLOBAL uint32_t *keys, DG_GLOBAL uint32_t *rows,
          const dg_keys_arguments a)
{
    DG_LANES(l)
    {
        const uint64_t i = DG_NUMBER(l);
        if (i >= a.count) continue;
        keys[i] = dg_chunk_of(hashes + (a.begin + i) * a.words, a.start, a.width);
        rows[i] = a.begin + (uint32_t)i;
    }
}
