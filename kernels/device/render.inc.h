/*
 * RENDER: line pictures, in whole numbers, as kernels/image/line_template.h draws them (render.md section 5).
 *
 * A group draws a tile of DG_RENDER_WIDTH by DG_RENDER_HEIGHT pixels, a lane each. It takes DG_GROUP strokes
 * at a time: each lane looks whether one of them comes near the tile, and puts it on a list if so; then every
 * lane raises its pixel by the strokes on the list. What comes in which order does not matter, for a pixel's
 * coverage is the largest that any stroke gives it.
 */

/* floor(sqrt(square)) of a number below 2^28. */
DG_INLINE int32_t dg_render_root(uint32_t square)
{
    uint32_t root = 0;
    for (uint32_t bit = 1u << 13; bit; bit >>= 1)
        if ((root | bit) * (root | bit) <= square) root |= bit;
    return (int32_t)root;
}

DG_INLINE int32_t dg_render_larger(int32_t x, int32_t y)
{
    return x > y ? x : y;
}

/* |x| >> 16. Written so that no compiler makes an abs() of it, which oclgrind 21.10 does not know. */
DG_INLINE int32_t dg_render_size(int64_t x)
{
    return (int32_t)(x < 0 ? -((x + 65535) >> 16) : x >> 16);
}

DG_INLINE int32_t dg_render_has_segment(dg_stroke s)
{
    return s.nx != 0 || s.ny != 0;
}

/* Coverage that a stroke's end, and its segment from `q`, give to the pixel whose centre is (px, py). */
DG_INLINE int32_t dg_render_coverage(dg_stroke q, dg_stroke r, int32_t px, int32_t py, int32_t reach)
{
    const int32_t dx = px - r.x, dy = py - r.y;
    int32_t coverage = 0;
    if (dx < reach && -dx < reach && dy < reach && -dy < reach)
        coverage = dg_render_larger(0, reach - dg_render_root((uint32_t)(dx * dx + dy * dy)));
    if (dg_render_has_segment(r)) {
        const int64_t sx = r.x - q.x, sy = r.y - q.y, x = px - q.x, y = py - q.y;
        const int64_t along = x * sx + y * sy, across = x * r.nx + y * r.ny;
        if (along >= 0 && along <= sx * sx + sy * sy)
            coverage = dg_render_larger(coverage, reach - dg_render_size(across));
    }
    return coverage;
}

/* Whether the range of two numbers, `margin` wider on both sides, meets that from `first` to `last`. */
DG_INLINE int32_t dg_render_meets(int32_t a, int32_t b, int32_t margin, int32_t first, int32_t last)
{
    const int32_t most = a > b ? a : b, least = a > b ? b : a;
    return least - margin <= last && most + margin >= first;
}

DG_KERNEL(render, DG_GLOBAL const dg_stroke *strokes, DG_GLOBAL const uint32_t *first,
          DG_GLOBAL const uint8_t *samples, DG_GLOBAL uint8_t *pixels, const dg_render_arguments a)
{
    DG_SHARED(uint32_t, listed, DG_GROUP);
    DG_SHARED(uint32_t, count, 1);
    DG_PER_LANE(int32_t, coverage);
    const uint32_t group = a.first_group + DG_GROUP_NUMBER;
    const uint32_t picture = group / a.tiles, tile = group % a.tiles;
    const int32_t x0 = (int32_t)(tile % a.columns * DG_RENDER_WIDTH);
    const int32_t y0 = (int32_t)(tile / a.columns * DG_RENDER_HEIGHT);
    /* Normals are rounded to 2^-16, which is 32 units of 1/256 pixel at the far end of the longest segment.
     */
    const int32_t margin = (int32_t)a.reach + 64;
    const uint32_t begin = first[picture], end = first[picture + 1];
    DG_LANES(l)
    {
        DG_MINE(coverage, l) = 0;
    }
    for (uint32_t from = begin; from < end; from += DG_GROUP) {
        DG_LANES(l)
        {
            if (l == 0) count[0] = 0;
        }
        DG_BARRIER
        DG_LANES(l)
        {
            if (from + l >= end) continue;
            const dg_stroke r = strokes[from + l], q = strokes[from + l - (uint32_t)dg_render_has_segment(r)];
            if (dg_render_meets(q.x, r.x, margin, 256 * x0, 256 * (x0 + DG_RENDER_WIDTH - 1)) &&
                dg_render_meets(q.y, r.y, margin, 256 * y0, 256 * (y0 + DG_RENDER_HEIGHT - 1)))
                listed[DG_ATOMIC_ADD(&count[0], 1)] = from + l;
        }
        DG_BARRIER
        DG_LANES(l)
        {
            const int32_t px = 256 * (x0 + (int32_t)(l % DG_RENDER_WIDTH));
            const int32_t py = 256 * (y0 + (int32_t)(l / DG_RENDER_WIDTH));
            int32_t most = DG_MINE(coverage, l);
            for (uint32_t k = 0; k < count[0]; k++) {
                const uint32_t i = listed[k];
                const dg_stroke r = strokes[i], q = strokes[i - (uint32_t)dg_render_has_segment(r)];
                most = dg_render_larger(most, dg_render_coverage(q, r, px, py, (int32_t)a.reach));
            }
            DG_MINE(coverage, l) = most;
        }
        DG_BARRIER
    }
    DG_LANES(l)
    {
        const uint32_t x = (uint32_t)x0 + l % DG_RENDER_WIDTH, y = (uint32_t)y0 + l / DG_RENDER_WIDTH;
        if (x >= a.width || y >= a.height) continue;
        pixels[(uint64_t)picture * a.stride + (uint64_t)y * a.width + x] =
            samples[dg_least((uint32_t)DG_MINE(coverage, l), 255)];
    }
}
