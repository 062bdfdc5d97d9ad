/*
 * PHASH: the hash of planes of side x side samples, side being 4 * size. A group has DG_GROUP / side planes,
 * a lane each of their columns, of their rows of low frequencies, and of every side-th coefficient and byte.
 *
 * work: for each plane size * side numbers, the columns' low frequencies, then size * size, the coefficients.
 */
DG_KERNEL(phash, DG_GLOBAL const uint8_t *planes, DG_GLOBAL const dg_real *factors, DG_GLOBAL dg_real *work,
          DG_GLOBAL uint8_t *hashes, const dg_phash_arguments a)
{
    DG_SHARED(dg_real, middle, 2 * DG_GROUP / DG_PHASH_SIDE_LEAST);
    const uint32_t size = a.size, side = 4 * size, many = size * size;
    const uint32_t first = (a.first_group + DG_GROUP_NUMBER) * (DG_GROUP / side);
    DG_LANES(l)
    {
        const uint32_t p = first + l / side, x = l % side;
        if (p >= a.count) continue;
        DG_GLOBAL const uint8_t *plane = planes + (uint64_t)(a.plane + p) * a.stride;
        DG_GLOBAL dg_real *columns = work + (uint64_t)p * (side * size + many);
        dg_real c[DG_PHASH_SIDE_MOST], other[DG_PHASH_SIDE_MOST];
        for (uint32_t y = 0; y < side; y++) c[y] = plane[y * side + x];
        const dg_real *result = dg_dct_forward(c, other, (int)side, factors);
        for (uint32_t k = 0; k < size; k++) columns[k * side + x] = result[k];
    }
    DG_BARRIER
    DG_LANES(l)
    {
        const uint32_t p = first + l / side, k = l % side;
        if (p >= a.count || k >= size) continue;
        DG_GLOBAL const dg_real *row = work + (uint64_t)p * (side * size + many) + k * side;
        DG_GLOBAL dg_real *low = work + (uint64_t)p * (side * size + many) + side * size + k * size;
        dg_real c[DG_PHASH_SIDE_MOST], other[DG_PHASH_SIDE_MOST];
        for (uint32_t x = 0; x < side; x++) c[x] = row[x];
        const dg_real *result = dg_dct_forward(c, other, (int)side, factors);
        for (uint32_t x = 0; x < size; x++) low[x] = result[x];
    }
    DG_BARRIER
    DG_LANES(l)
    {
        const uint32_t p = first + l / side;
        if (p >= a.count) continue;
        DG_GLOBAL const dg_real *low = work + (uint64_t)p * (side * size + many) + side * size;
        for (uint32_t i = l % side; i < many; i += side) {
            uint32_t rank = 0; /* among all, equal ones in their order */
            for (uint32_t k = 0; k < many; k++) rank += low[k] < low[i] || (low[k] == low[i] && k < i);
            if (rank == many / 2 - 1) middle[2 * (l / side)] = low[i];
            if (rank == many / 2) middle[2 * (l / side) + 1] = low[i];
        }
    }
    DG_BARRIER
    DG_LANES(l)
    {
        const uint32_t p = first + l / side, bytes = (many + 7) / 8, padding = bytes * 8 - many;
        if (p >= a.count) continue;
        DG_GLOBAL const dg_real *low = work + (uint64_t)p * (side * size + many) + side * size;
        const dg_real median = (middle[2 * (l / side)] + middle[2 * (l / side) + 1]) / 2;
        for (uint32_t b = l % side; b < bytes; b += side) {
            uint32_t byte = 0;
            for (uint32_t i = 8 * b; i < 8 * b + 8; i++)
                byte = 2 * byte + (i >= padding && low[i - padding] > median);
            hashes[(uint64_t)p * bytes + b] = (uint8_t)byte;
        }
    }
}
