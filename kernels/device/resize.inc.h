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

/* A lane's share of a sample along columns: every DG_GROUP / DG_RESIZE_COLUMNS-th product. */
DG_INLINE uint32_t dg_resize_share_down(DG_GLOBAL const uint8_t *source, uint32_t width, uint32_t x,
                                        DG_GLOBAL const int32_t *weights, dg_tap tap, uint32_t l)
{
    uint32_t total = 0;
    for (uint32_t k = l / DG_RESIZE_COLUMNS; k < tap.count; k += DG_GROUP / DG_RESIZE_COLUMNS)
        total += (uint32_t)weights[tap.weight + k] * source[(uint64_t)(tap.first + k) * width + x];
    return total;
}

/* A lane's share of `rows` samples along rows, every DG_RESIZE_SHARE-th product, to total[r * DG_GROUP]. */
DG_INLINE void dg_resize_share_across(DG_GLOBAL const uint8_t *source, uint32_t width, uint32_t rows,
                                      DG_GLOBAL const int32_t *weights, dg_tap tap, uint32_t l,
                                      DG_LOCAL uint32_t *total)
{
    for (uint32_t r = 0; r < rows; r++) total[r * DG_GROUP] = 0;
    for (uint32_t k = l % DG_RESIZE_SHARE; k < tap.count; k += DG_RESIZE_SHARE) {
        const uint32_t weight = (uint32_t)weights[tap.weight + k];
        for (uint32_t r = 0; r < rows; r++)
            total[r * DG_GROUP] += weight * source[(uint64_t)r * width + tap.first + k];
    }
}

DG_KERNEL(resize, DG_GLOBAL const uint8_t *from, DG_GLOBAL uint8_t *to, DG_GLOBAL const dg_tap *taps,
          DG_GLOBAL const int32_t *weights, DG_GLOBAL const dg_resize_pass *passes,
          const dg_resize_arguments a)
{
    DG_SHARED(uint32_t, sum, DG_RESIZE_ROWS * DG_GROUP);
    const uint32_t group = a.first_group + DG_GROUP_NUMBER;
    const dg_resize_pass pass = passes[dg_resize_pass_of(passes, a.passes, group)];
    const uint32_t part = group - pass.first, row = part / pass.columns, column = part % pass.columns;
    const uint32_t x0 = column * (pass.down ? DG_RESIZE_COLUMNS : DG_RESIZE_OUTPUTS);
    const uint32_t y0 = pass.down ? row : row * DG_RESIZE_ROWS;
    const uint32_t rows = pass.down ? 1 : dg_least(pass.height - y0, DG_RESIZE_ROWS);
    const uint32_t wide = pass.down ? pass.width : pass.out; /* what goes out */
    DG_GLOBAL const uint8_t *source = from + (uint64_t)pass.from * DG_RESIZE_ALIGNMENT;
    DG_GLOBAL uint8_t *result = to + (uint64_t)pass.to * DG_RESIZE_ALIGNMENT;
    DG_LANES(l)
    {
        const uint32_t x = x0 + (pass.down ? l % DG_RESIZE_COLUMNS : l / DG_RESIZE_SHARE);
        if (x >= wide) continue;
        const dg_tap tap = taps[pass.taps + (pass.down ? row : x)];
        if (pass.down)
            sum[l] = dg_resize_share_down(source, pass.width, x, weights, tap, l);
        else
            dg_resize_share_across(source + (uint64_t)y0 * pass.width, pass.width, rows, weights, tap, l,
                                   sum + l);
    }
    DG_BARRIER
    DG_LANES(l)
    {
        const uint32_t across = pass.down ? DG_RESIZE_COLUMNS : DG_RESIZE_OUTPUTS;
        const uint32_t r = l / across, x = l % across;
        if (r >= rows || x0 + x >= wide) continue;
        uint32_t total = 0;
        if (pass.down)
            for (uint32_t i = x; i < DG_GROUP; i += DG_RESIZE_COLUMNS) total += sum[i];
        else
            for (uint32_t i = 0; i < DG_RESIZE_SHARE; i++)
                total += sum[r * DG_GROUP + x * DG_RESIZE_SHARE + i];
        result[(uint64_t)(y0 + r) * wide + x0 + x] = dg_resize_round(total);
    }
}
