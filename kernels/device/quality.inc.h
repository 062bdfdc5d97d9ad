/*
 * QUALITY: sums over one level of pictures' pyramids (image/metrics.h), and the next level. Of level 0
 * everything is summed, of the others the Laplacian.
 *
 * A group has DG_GROUP columns of DG_QUALITY_BLOCK rows, a lane each column. The first one lies
 * DG_QUALITY_BLOCK - 1 columns and rows outside the picture, so that blocks of noise, which begin at (1, 1),
 * do not lie in two groups, and neither do the four samples of one of the next level: its lane is that of the
 * last of them. Sums of a group are of 4096 windows at most: 4096 * 1020 * 1020 < 2^32.
 */

/* Of a group, in shared memory. */
enum {
    DG_QUALITY_LAPLACE, /* modulo 2^32, a signed number */
    DG_QUALITY_LAPLACE2,
    DG_QUALITY_GX2,
    DG_QUALITY_GY2,
    DG_QUALITY_NOISE,
    DG_QUALITY_ACROSS,
    DG_QUALITY_DOWN = DG_QUALITY_ACROSS + 4,
    DG_QUALITY_PARTS = DG_QUALITY_DOWN + 4
};

/* What a lane adds up: the same for its column. */
typedef struct dg_quality_lane {
    uint32_t part[DG_QUALITY_PARTS];
    uint32_t clipped;
} dg_quality_lane;

DG_INLINE uint32_t dg_quality_distance(uint32_t x, uint32_t y)
{
    return x < y ? y - x : x - y;
}

/* How much steeper the step from b to c is than those before and after it. */
DG_INLINE uint32_t dg_quality_steeper(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    const uint32_t others = dg_quality_distance(a, b) + dg_quality_distance(c, d);
    const int32_t more = (int32_t)(2 * dg_quality_distance(b, c)) - (int32_t)others;
    return more > 0 ? (uint32_t)more : 0;
}

/* The neighbour of sample i of a side: beyond the border the one on the other side of the border's. */
DG_INLINE uint32_t dg_quality_before(uint32_t i, uint32_t side)
{
    return i ? i - 1 : dg_least(1, side - 1);
}

DG_INLINE uint32_t dg_quality_after(uint32_t i, uint32_t side)
{
    return i + 1 < side ? i + 1 : side > 1 ? side - 2 : 0;
}

/* The window whose rows are a, b, c: the Laplacian in the middle. */
DG_INLINE void dg_quality_laplace(dg_quality_lane *lane, const int32_t *a, const int32_t *b, const int32_t *c)
{
    const int32_t laplace = a[1] + b[0] + b[2] + c[1] - 4 * b[1];
    lane->part[DG_QUALITY_LAPLACE] += (uint32_t)laplace;
    lane->part[DG_QUALITY_LAPLACE2] += (uint32_t)(laplace * laplace);
}

/* The same window of level 0: what else is summed. `inside`: it does not reach over the border. */
DG_INLINE void dg_quality_window(dg_quality_lane *lane, const int32_t *a, const int32_t *b, const int32_t *c,
                                 int inside)
{
    const int32_t gx = a[2] - a[0] + 2 * (b[2] - b[0]) + c[2] - c[0];
    const int32_t gy = c[0] - a[0] + 2 * (c[1] - a[1]) + c[2] - a[2];
    const uint32_t raised = (uint32_t)(a[0] + a[2] + c[0] + c[2] + 4 * b[1]);
    const uint32_t lowered = (uint32_t)(2 * (a[1] + b[0] + b[2] + c[1]));
    lane->part[DG_QUALITY_GX2] += (uint32_t)(gx * gx);
    lane->part[DG_QUALITY_GY2] += (uint32_t)(gy * gy);
    if (inside) lane->part[DG_QUALITY_NOISE] += dg_quality_distance(raised, lowered);
    lane->clipped += b[1] <= 5 || b[1] >= 250;
}

/* Steps at even places, along the row and down the column; `at` is sample (x, y). */
DG_INLINE void dg_quality_steps(dg_quality_lane *lane, DG_GLOBAL const uint8_t *at, uint32_t width,
                                uint32_t height, uint32_t x, uint32_t y)
{
    if (x % 2 == 0 && x >= 2 && x + 2 <= width)
        lane->part[DG_QUALITY_ACROSS + x % 8 / 2] += dg_quality_steeper(*(at - 2), *(at - 1), *at, at[1]);
    if (y % 2 == 0 && y >= 2 && y + 2 <= height)
        lane->part[DG_QUALITY_DOWN + y % 8 / 2] +=
            dg_quality_steeper(*(at - 2 * (uint64_t)width), *(at - (uint64_t)width), *at, at[width]);
}

/* Which of a picture's sums a group's part belongs to. */
DG_INLINE uint32_t dg_quality_sum_of(uint32_t part, uint32_t level)
{
    switch (part) {
    case DG_QUALITY_LAPLACE: return level;
    case DG_QUALITY_LAPLACE2: return DG_QUALITY_LEVELS_MOST + level;
    case DG_QUALITY_GX2:
    case DG_QUALITY_GY2: return 2 * DG_QUALITY_LEVELS_MOST;
    default: return 2 * DG_QUALITY_LEVELS_MOST + 1 + (part - DG_QUALITY_NOISE);
    }
}

DG_KERNEL(quality, DG_GLOBAL const uint8_t *pixels, DG_GLOBAL uint8_t *smaller, DG_GLOBAL uint32_t *sums,
          DG_GLOBAL uint32_t *blocks, DG_GLOBAL const dg_quality_pass *passes, const dg_quality_arguments a)
{
    DG_SHARED(uint32_t, tally, 256);
    DG_SHARED(uint32_t, part, DG_QUALITY_PARTS);
    DG_SHARED(uint32_t, noise, DG_GROUP / DG_QUALITY_BLOCK);
    DG_SHARED(uint32_t, clipped, DG_GROUP / DG_QUALITY_BLOCK);
    const uint32_t group = a.first_group + DG_GROUP_NUMBER;
    const dg_quality_pass pass = passes[dg_quality_pass_of(passes, a.passes, group)];
    const uint32_t column = (group - pass.first) % pass.columns, row = (group - pass.first) / pass.columns;
    const uint32_t width = pass.width, height = pass.height;
    const uint32_t y0 = row ? row * DG_QUALITY_BLOCK - (DG_QUALITY_BLOCK - 1) : 0;
    const uint32_t y1 = dg_least(row * DG_QUALITY_BLOCK + 1, height);
    DG_GLOBAL const uint8_t *source = pass.level ? smaller + (uint64_t)pass.from * DG_RESIZE_ALIGNMENT
                                                 : pixels + (uint64_t)pass.from * DG_RESIZE_ALIGNMENT;
    DG_GLOBAL uint32_t *out = sums + (uint64_t)pass.picture * DG_QUALITY_WORDS;
    DG_LANES(l)
    {
        tally[l] = 0;
        if (l < DG_QUALITY_PARTS) part[l] = 0;
        if (l < DG_GROUP / DG_QUALITY_BLOCK) noise[l] = clipped[l] = 0;
    }
    DG_BARRIER
    DG_LANES(l)
    {
        const uint32_t x = column * DG_GROUP + l - (DG_QUALITY_BLOCK - 1); /* huge before the picture */
        if (x >= width) continue;
        const uint32_t left = dg_quality_before(x, width), right = dg_quality_after(x, width);
        dg_quality_lane lane;
        int32_t above[3], here[3], below[3];
        for (uint32_t i = 0; i < DG_QUALITY_PARTS; i++) lane.part[i] = 0;
        lane.clipped = 0;
        DG_GLOBAL const uint8_t *r = source + (uint64_t)dg_quality_before(y0, height) * width;
        here[0] = r[left];
        here[1] = r[x];
        here[2] = r[right];
        r = source + (uint64_t)y0 * width;
        below[0] = r[left];
        below[1] = r[x];
        below[2] = r[right];
        for (uint32_t y = y0; y < y1; y++) {
            r = source + (uint64_t)dg_quality_after(y, height) * width;
            for (uint32_t i = 0; i < 3; i++) {
                above[i] = here[i];
                here[i] = below[i];
            }
            below[0] = r[left];
            below[1] = r[x];
            below[2] = r[right];
            dg_quality_laplace(&lane, above, here, below);
            if (!pass.last && x % 2 && y % 2)
                smaller[(uint64_t)pass.to * DG_RESIZE_ALIGNMENT + (uint64_t)(y / 2) * (width / 2) + x / 2] =
                    (uint8_t)((above[0] + above[1] + here[0] + here[1] + 2) >> 2);
            if (pass.level) continue;
            dg_quality_window(&lane, above, here, below, x > 0 && x + 1 < width && y > 0 && y + 1 < height);
            dg_quality_steps(&lane, source + (uint64_t)y * width + x, width, height, x, y);
            DG_ATOMIC_ADD(&tally[here[1]], 1);
        }
        for (uint32_t i = 0; i < DG_QUALITY_PARTS; i++)
            if (lane.part[i]) DG_ATOMIC_ADD(&part[i], lane.part[i]);
        DG_ATOMIC_ADD(&noise[l / DG_QUALITY_BLOCK], lane.part[DG_QUALITY_NOISE]);
        DG_ATOMIC_ADD(&clipped[l / DG_QUALITY_BLOCK], lane.clipped);
    }
    DG_BARRIER
    DG_LANES(l)
    {
        const uint32_t across = width < 2 ? 0 : (width - 2) / DG_QUALITY_BLOCK;
        const uint32_t down = height < 2 ? 0 : (height - 2) / DG_QUALITY_BLOCK;
        const uint32_t b = column * (DG_GROUP / DG_QUALITY_BLOCK) + l - 1; /* huge before the picture */
        if (tally[l]) DG_ATOMIC_ADD(&out[l], tally[l]);
        if (l < DG_QUALITY_PARTS && part[l]) {
            const int negative = l == DG_QUALITY_LAPLACE && part[l] >> 31;
            dg_add_64(out + 256 + 2 * dg_quality_sum_of(l, pass.level), part[l], negative ? 0xFFFFFFFF : 0);
        }
        if (pass.level == 0 && l < DG_GROUP / DG_QUALITY_BLOCK && row > 0 && row - 1 < down && b < across)
            blocks[(uint64_t)pass.block + (uint64_t)(row - 1) * across + b] =
                noise[l] | (clipped[l] > DG_QUALITY_CLIPPED_MOST ? DG_QUALITY_CLIPPED_FLAG : 0);
    }
}
