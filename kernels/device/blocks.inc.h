/*
 * BLOCKS: the sums of the blocks of planes. A group adds up one block: a lane every so many samples of every
 * so many rows.
 */
DG_KERNEL(blocks, DG_GLOBAL const uint8_t *planes, DG_GLOBAL uint32_t *sums, const dg_blocks_arguments a)
{
    DG_SHARED(uint32_t, sum, DG_GROUP);
    const uint32_t group = a.first_group + DG_GROUP_NUMBER, many = a.along * a.along, block = group % many;
    const uint32_t size = a.side / a.along, across = dg_least(size, DG_GROUP);
    DG_GLOBAL const uint8_t *samples = planes + (uint64_t)(a.plane + group / many) * a.stride +
                                       block / a.along * size * a.side + block % a.along * size;
    DG_LANES(l)
    {
        uint32_t total = 0;
        for (uint32_t y = l / across; y < size; y += DG_GROUP / across)
            for (uint32_t x = l % across; x < size; x += across) total += samples[y * a.side + x];
        sum[l] = total;
    }
    DG_BARRIER
    DG_SUM_UP(sum)
    DG_LANES(l)
    {
        if (l == 0) sums[group] = sum[0];
    }
}
