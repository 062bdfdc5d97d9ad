/*
 * Drawing, for inclusion by the file of each instruction set, which defines before it
 *
 *     TARGET                                         the attribute its functions need
 *     raise_beside(row, first, last, e, step, reach)
 *     raise_around(row, first, last, dx, dy2, reach)
 *
 * the two loops along a row that everything here leads to, and after it the table of its functions. Both
 * loops raise pixels first..last of a row, all of which the canvas has, to their coverage. Beside a segment
 * the first pixel's product with the normal is e, modulo 2^32, and each next one's is larger by step; it is
 * below 2^31 in size at every pixel of the range. Around a point the first pixel is dx to its right, in 1/256
 * pixel, and dy2 is the square of its way down.
 */
#include "line_scalar.h"

struct point {
    int32_t x, y;
};

INLINE void mark(const dg_line_canvas *canvas, int32_t row, int32_t first, int32_t last)
{
    uint64_t *touched = canvas->touched + (size_t)row * canvas->words;
    int32_t a = first / DG_LINE_BLOCK, b = last / DG_LINE_BLOCK;
    for (; a / 64 < b / 64; a = (a | 63) + 1) touched[a / 64] |= ~(uint64_t)0 << a % 64;
    touched[a / 64] |= ~(uint64_t)0 >> (63 - (b - a)) << a % 64;
}

/* The first and last of `size` pixels along an axis whose centres are within `reach` of `at`. */
INLINE int32_t first_near(int32_t at, int32_t reach)
{
    return larger(0, (at - reach + 255) / 256);
}

INLINE int32_t last_near(int32_t at, int32_t reach, int32_t size)
{
    return smaller(size - 1, (at + reach) / 256);
}

/* A segment from its left end q, as the loop over its rows needs it. */
struct stroke {
    int32_t top, bottom;
    int64_t nx, ny; /* 2^16 times the unit vector across it */
    /* Pixel i of the row py below q lies beside the segment where near - py*lean <= i*divisor <= far -
     * py*lean; */
    double near, far, lean, divisor;
    /* and is not covered where it is `half` or more from middle + py*drift. */
    double middle, drift, half;
};

INLINE struct stroke stroke_of(struct point q, struct point r, int32_t reach, int32_t height)
{
    const double everywhere = 1e15;
    const int64_t dx = r.x - q.x, dy = r.y - q.y, square = dx * dx + dy * dy;
    const dg_line_normal n = dg_line_normal_of(dx, dy);
    const int64_t nx = n.x, ny = n.y;
    /* A normal is half a unit of 2^-16 off, which is 32 units of 1/256 pixel at the far end; rows that lie
     * further away hold nothing of the stroke. */
    const int32_t margin = dx ? reach + 64 : 0;

    struct stroke s = {.nx = nx, .ny = ny};
    s.top = first_near(smaller(q.y, r.y), margin);
    s.bottom = last_near(larger(q.y, r.y), margin, height);
    s.near = dx ? (double)(q.x * dx) : -everywhere;
    s.far = dx ? (double)(q.x * dx + square) : everywhere;
    s.lean = dx ? (double)dy : 0;
    s.divisor = dx ? (double)(256 * dx) : 1;
    s.middle = q.x / 256.0;
    s.drift = nx ? -(double)ny / (256.0 * (double)nx) : 0;
    s.half = nx ? reach * 256.0 / fabs((double)nx) + 1.0 / 64 : everywhere;
    return s;
}

enum {
    SPANS = 64,        /* rows whose spans are found together */
    SPANS_AT_ONCE = 8, /* of them, in one turn of a vectorised loop; some are found for nothing */
};

/*
 * The pixels of each row from `py` below the left end on that lie beside the segment and may be covered:
 * first..last, empty where first > last. The two quotients are exact as to which whole numbers lie beyond
 * them: numerators are below 2^45, so rounding moves a quotient by less than a part of 1/divisor.
 */
INLINE void find_spans(const struct stroke *s, double py, double width, int32_t *restrict first,
                       int32_t *restrict last)
{
    for (int32_t r = 0; r < SPANS_AT_ONCE; r++) {
        double down = py + 256.0 * r, middle = s->middle + down * s->drift;
        double left = (s->near - down * s->lean) / s->divisor, right = (s->far - down * s->lean) / s->divisor;
        left = middle - s->half > left ? middle - s->half : left;
        right = middle + s->half < right ? middle + s->half : right;
        left = left > 0 ? left : 0;
        left = left < width ? left : width;
        right = right > -1 ? right : -1;
        right = right < width - 1 ? right : width - 1;
        first[r] = (int32_t)width - (int32_t)(width - left);
        last[r] = (int32_t)(right + 1) - 1;
    }
}

TARGET INLINE void draw_segment(const dg_line_canvas *canvas, struct point q, struct point r, int32_t reach)
{
    int32_t first[SPANS], last[SPANS];
    if (q.x == r.x && q.y == r.y) return;
    const struct stroke s = stroke_of(q, r, reach, canvas->height);
    for (int32_t top = s.top; top <= s.bottom; top += SPANS) {
        int32_t rows = smaller(SPANS, s.bottom - top + 1);
        for (int32_t i = 0; i < rows; i += SPANS_AT_ONCE)
            find_spans(&s, 256.0 * (top + i) - q.y, canvas->width, first + i, last + i);
        for (int32_t i = 0; i < rows; i++) {
            if (first[i] > last[i]) continue;
            uint32_t px = (uint32_t)(256 * first[i] - q.x), py = (uint32_t)(256 * (top + i) - q.y);
            raise_beside(canvas->coverage + (size_t)(top + i) * canvas->stride, first[i], last[i],
                         px * (uint32_t)s.nx + py * (uint32_t)s.ny, 256 * (uint32_t)s.nx, reach);
            mark(canvas, top + i, first[i], last[i]);
        }
    }
}

TARGET INLINE void draw_disc(const dg_line_canvas *canvas, struct point at, int32_t reach)
{
    int32_t first = first_near(at.x, reach), last = last_near(at.x, reach, canvas->width);
    int32_t top = first_near(at.y, reach), bottom = last_near(at.y, reach, canvas->height);
    for (int32_t j = top; j <= bottom && first <= last; j++) {
        int32_t dy = 256 * j - at.y;
        raise_around(canvas->coverage + (size_t)j * canvas->stride, first, last, 256 * first - at.x, dy * dy,
                     reach);
        mark(canvas, j, first, last);
    }
}

TARGET static void draw(const dg_line_canvas *canvas, const dg_line_points *points, size_t from, size_t end,
                        int32_t reach)
{
    for (size_t i = from; i < end; i++) {
        const struct point at = {points->x[i], points->y[i]};
        draw_disc(canvas, at, reach);
        if (points->joined[i])
            draw_segment(canvas, (struct point){points->x[i - 1], points->y[i - 1]}, at, reach);
    }
}

TARGET static void blend(const uint8_t *coverage, size_t count, uint8_t color, uint8_t background,
                         uint8_t *out)
{
    blend_in_c(coverage, count, color, background, out);
}
