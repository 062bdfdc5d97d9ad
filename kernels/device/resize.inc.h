/*
 * RESIZE: passes of Pillow's Lanczos filter over grey pictures (imagehash.md section 4). An output is the sum
 * of samples times weights, modulo 2^32 and 2^22 being one, rounded and cut off at 0 and 255; so lanes may
 * add in any order.
 *
 * Along rows, a group makes DG_RESIZE_OUTPUTS samples in each of DG_RESIZE_ROWS rows, and the lanes of a warp
 * share the weights of one. Along columns, it makes DG_RESIZE_COLUMNS samples of one row, a lane each, and
 * the warps share the weights. Pictures come to the device through a bus that is a hundred times slower than
 * this, so it is kept plain.
 */

/* Output i of an axis: weights[weight + k] belongs to input first + k, k < count. */
DG_INLINE uint8_t dg_resize_round(uint32_t sum)
{
    const int32_t value = (int32_t)(sum + (1u << 21)) >> 22;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* The pass that a group works on: the last one whose first group is not beyond it. */
DG_INLINE uint32_t dg_resize_pass_of(DG_GLOBAL const dg_resize_pass *passes, uint32_t count, uint32_t group)
{
    uint32_t low = 0, high = count;
    while (high - low > 1) {
        const uint32_t middle = low + (high - low) / 2;
        if (passes[middle].first <= group)
            low = middle;
        else
            high = middle;
    }
    return low;
}

DG_KERNEL(resize, DG_GLOBAL const uint8_t *from, DG_GLOBAL uint8_t *to, DG_GLOBAL const dg_tap *taps,
          DG_GLOBAL const int32_t *weights, DG_GLOBAL const dg_resize_pass *passes,
          const dg_resize_arguments a)
{
    DG_SHARED(uint32_t, sum, DG_RESIZE_ROWS * DG_GROUP);
    const uint32_t group = a.first_group + DG_GROUP_NUMBER;
    const dg_resize_pass pass = passes[dg_resize_pass_of(passes, a.passes, group)];
    const uint32_t part = group - pass.first, row = part / pass.columns, column = part % pass.columns;
    DG_GLOBAL const uint8_t *source = from + (uint64_t)pass.from * DG_RESIZE_ALIGNMENT;
    DG_GLOBAL uint8_t *result = to + (uint64_t)pass.to * DG_RESIZE_ALIGNMENT;
    if (pass.down) {
        const uint32_t x0 = column * DG_RESIZE_COLUMNS;
        DG_LANES(l)
        {
            const uint32_t x = x0 + l % DG_RESIZE_COLUMNS;
            const dg_tap tap = taps[pass.taps + row];
            uint32_t total = 0;
            for (uint32_t k = l / DG_RESIZE_COLUMNS; k < tap.count && x < pass.width;
                 k += DG_GROUP / DG_RESIZE_COLUMNS)
                total +=
                    (uint32_t)weights[tap.weight + k] * source[(uint64_t)(tap.first + k) * pass.width + x];
            sum[l] = total;
        }
        DG_BARRIER
        DG_LANES(l)
        {
            const uint32_t x = x0 + l;
            if (l >= DG_RESIZE_COLUMNS || x >= pass.width) continue;
            uint32_t total = 0;
            for (uint32_t i = l; i < DG_GROUP; i += DG_RESIZE_COLUMNS) total += sum[i];
            result[(uint64_t)row * pass.width + x] = dg_resize_round(total);
        }
    } else {
        const uint32_t y0 = row * DG_RESIZE_ROWS, x0 = column * DG_RESIZE_OUTPUTS;
        const uint32_t rows = dg_least(pass.height - y0, DG_RESIZE_ROWS);
        DG_LANES(l)
        {
            const uint32_t x = x0 + l / DG_RESIZE_SHARE;
            uint32_t total[DG_RESIZE_ROWS];
            for (uint32_t r = 0; r < DG_RESIZE_ROWS; r++) total[r] = 0;
            if (x < pass.out) {
                const dg_tap tap = taps[pass.taps + x];
                for (uint32_t k = l % DG_RESIZE_SHARE; k < tap.count; k += DG_RESIZE_SHARE) {
                    const uint32_t weight = (uint32_t)weights[tap.weight + k];
                    for (uint32_t r = 0; r < rows; r++)
                        total[r] += weight * source[(uint64_t)(y0 + r) * pass.width + tap.first + k];
                }
            }
            for (uint32_t r = 0; r < DG_RESIZE_ROWS; r++) sum[r * DG_GROUP + l] = total[r];
        }
        DG_BARRIER
        DG_LANES(l)
        {
            const uint32_t r = l / DG_RESIZE_OUTPUTS, x = x0 + l % DG_RESIZE_OUTPUTS;
            if (r >= rows || x >= pass.out) continue;
            uint32_t total = 0;
            for (uint32_t i = 0; i < DG_RESIZE_SHARE; i++)
                total += sum[r * DG_GROUP + l % DG_RESIZE_OUTPUTS * DG_RESIZE_SHARE + i];
            result[(uint64_t)(y0 + r) * pass.out + x] = dg_resize_round(total);
        }
    }
}
