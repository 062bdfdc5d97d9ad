/*
 * The operations a backend runs, one row each, and the plain data they take.
 *
 * Vocabulary of a join. A *row* is a distinct hash. A *chunk* is a run of bits of it. An *index* holds the
 * rows of one table ordered by the value of one chunk (rows of equal value form a *bucket*), with the
 * *sieve*: the words of each row that are compared first, one array a word. A *unit* is a bounded piece of
 * comparing; units have numbers, and the hits of a unit are sorted, so results do not depend on who ran it.
 */
#ifndef DG_OPS_H
#define DG_OPS_H

#include <stddef.h>
#include <stdint.h>

/* X(name, argument type, what it does) */
#define DG_OP_LIST(X)                                                                                        \
    X(COLLAPSE, dg_op_collapse, "find the distinct rows of a column")                                        \
    X(PARTITION, dg_op_partition, "order rows by one chunk of their bits")                                   \
    X(COMPARE, dg_op_compare, "find the row pairs within a distance, unit by unit")                          \
    X(HISTOGRAM, dg_op_histogram, "count the row pairs at each distance, unit by unit")                      \
    X(NEAREST, dg_op_nearest, "find the k nearest rows of each query")                                       \
    X(RESIZE, dg_op_resize, "shrink grey pictures to planes of one size")                                    \
    X(PHASH, dg_op_phash, "take the phash of planes")                                                        \
    X(BLOCKS, dg_op_blocks, "add up the blocks of planes")                                                   \
    X(RENDER, dg_op_render, "draw line pictures")                                                            \
    X(QUALITY, dg_op_quality, "take the sums of pictures' quality metrics")

enum dg_op {
#define X(name, type, what) DG_OP_##name,
    DG_OP_LIST(X)
#undef X
};

/* Memory of a device. `host` is its address where the host may read and write it directly, else NULL. */
typedef struct dg_buffer {
    void *handle;
    void *host;
    size_t bytes;
} dg_buffer;

static inline int dg_buffer_empty(const dg_buffer *buffer)
{
    return !buffer->handle && !buffer->host;
}

/* Bits [start, start + width) of a row, bit 0 being the most significant of word 0; width 1..32. */
typedef struct dg_chunk {
    uint32_t start, width;
    uint32_t radius; /* values up to this many bits apart are brought together */
} dg_chunk;

/* The bits of the chunk as a number. `row` may also be the XOR of two rows. */
static inline uint32_t dg_chunk_value(const uint64_t *row, uint32_t start, uint32_t width)
{
    const uint64_t *word = row + start / 64;
    uint32_t offset = start % 64;
    uint64_t top = word[0] << offset;
    if (offset + width > 64) top |= word[1] >> (64 - offset);
    return (uint32_t)(top >> (64 - width));
}

/*
 * COLLAPSE (a host operation: CPU backend only). Rows that are equal become one.
 *
 * In: hashes = n * words uint64; scratch = n uint64 of work space. Out, in host memory: the distinct rows at
 * the front of hashes; distinct row u stands for rows[first[u]] .. rows[first[u+1]-1], ascending. Where words
 * is 1, distinct rows are in ascending order, and if split_parity is set those of even popcount come first.
 */
typedef struct dg_op_collapse {
    uint64_t *hashes;
    uint64_t *scratch;
    uint32_t *rows;  /* n */
    uint32_t *first; /* n + 1 */
    uint32_t n;
    uint32_t words;
    int split_parity;
    uint32_t unique; /* out */
    uint32_t even;   /* out: distinct rows of even popcount, where split_parity */
} dg_op_collapse;

enum {
    DG_SIEVE_WORDS_MAX = 4,
    DG_WORDS_MAX = 128, /* words of the widest row: 8192 bits */
};

/*
 * A table made ready for COMPARE: rows [begin, begin + count) of `hashes`, which has `words` words a row.
 * With a chunk (width > 0) position p of the order holds row index[p] and bucket v is offsets[v] ..
 * offsets[v+1]-1; without, position p holds row begin + p and there are no buckets. Where `index` is empty,
 * rows already are in that order. sieve_bits is 32, 64, 128 or 256: the low half of word sieve_word[0], or 1,
 * 2 or 4 whole words. `sieve` holds an array of `count` elements for each. Where it is empty, COMPARE takes
 * them from the rows; a table with a chunk then has rows of one word, in its order, and is on a device whose
 * memory is not the host's.
 */
typedef struct dg_index {
    dg_buffer hashes;
    uint32_t words, begin, count;
    dg_chunk chunk;
    uint32_t sieve_bits;
    uint32_t sieve_word[DG_SIEVE_WORDS_MAX];
    dg_buffer sieve, index, offsets;
} dg_index;

static inline uint32_t dg_sieve_words(const dg_index *index)
{
    return index->sieve_bits <= 64 ? 1 : index->sieve_bits / 64;
}

/*
 * PARTITION. In: an index with hashes, words, begin, count, chunk, sieve_* filled in and its buffers
 * allocated: sieve count * sieve_bits / 8 bytes, index count uint32, offsets 2^width + 1 uint32. With
 * `sorted` the rows are in chunk order already and only offsets are written. Stable: rows of a bucket keep
 * their order.
 */
typedef struct dg_op_partition {
    dg_index *index;
    int sorted;
} dg_op_partition;

/*
 * A piece of comparing. DG_UNIT_BUCKETS: buckets [a0, a1) of the first index, each with the buckets of the
 * second one reached by every mask. DG_UNIT_TILE: positions [a0, a1) with [b0, b1); in a self join the two
 * ranges are equal or disjoint.
 */
enum dg_unit_kind { DG_UNIT_BUCKETS, DG_UNIT_TILE };

typedef struct dg_unit {
    enum dg_unit_kind kind;
    uint32_t a0, a1, b0, b1;
} dg_unit;

typedef struct dg_hit {
    uint32_t a, b; /* row numbers; in a self join a < b */
    uint32_t distance;
} dg_hit;

enum { DG_TILE_MAX = 8192 }; /* longest side of a DG_UNIT_TILE */

/*
 * COMPARE. Finds the pairs of a unit with distance <= threshold that match in none of the `seen` chunks (a
 * pair matches in a chunk when it differs there in at most `radius` bits).
 *
 * Out, for unit u: counts[u] hits at hits[slots[u] * capacity], sorted by (a, b). counts[u] > capacity: too
 * many hits, those stored mean nothing. candidates[u]: pairs looked at. In a self join (b == a) a bucket v
 * meets the buckets u = v ^ mask with u > v, and itself for mask 0.
 */
typedef struct dg_op_compare {
    const dg_index *a, *b;
    uint32_t threshold;
    const uint32_t *masks; /* DG_UNIT_BUCKETS: bucket distances to visit, in this order */
    uint32_t mask_count;
    const dg_chunk *seen;
    uint32_t seen_count;
    const dg_unit *units;
    uint32_t unit_count;
    const uint32_t *slots; /* all different */
    dg_hit *hits;          /* host memory */
    uint32_t capacity;
    uint32_t *counts;
    uint64_t *candidates;
} dg_op_compare;

/*
 * HISTOGRAM. Counts the pairs of each unit by distance. Units are DG_UNIT_TILE, the tables have no chunk, and
 * self joins are as in COMPARE.
 *
 * Out: counts[u * (bits + 1) + d], the pairs of unit u at distance d. `bits` is at most 64 * words.
 */
typedef struct dg_op_histogram {
    const dg_index *a, *b;
    uint32_t bits;
    const dg_unit *units;
    uint32_t unit_count;
    uint32_t *counts;
} dg_op_histogram;

typedef struct dg_neighbour {
    uint32_t row, distance;
} dg_neighbour;

/*
 * NEAREST. For each row q of `queries` the k rows of `rows` that come first by (distance, row number) among
 * those with distance <= limit. Neither table has a chunk. k is 1 or more.
 *
 * In and out, for query number i (0 the first): found[i] rows, at most k, in that order at neighbours[i * k].
 * Those given on entry compete with the rows of the table, and have smaller row numbers than all of them: so
 * a table may be searched in pieces, first rows first.
 */
typedef struct dg_op_nearest {
    const dg_index *rows, *queries;
    uint32_t k, limit;
    uint32_t *found;
    dg_neighbour *neighbours;
} dg_op_nearest;

enum { DG_PICTURE_ALIGNMENT = 64 }; /* of pictures and planes in their buffers, bytes */

/*
 * A grey picture that is resized: width * height samples at `pixels` of their buffer, and room at `between`
 * for what the first pass makes of it. Its axes' weights begin at taps[across] and taps[down].
 */
typedef struct dg_resize_picture {
    uint64_t pixels, between; /* bytes, multiples of DG_PICTURE_ALIGNMENT, below 2^38 */
    uint32_t width, height;
    uint32_t across, down;
    int down_first; /* the pass along columns comes first */
} dg_resize_picture;

/*
 * RESIZE (a device's operation; the CPU does it while it decodes: kernels/image/resize.h). Resizes pictures
 * to planes of width x height, at most DG_PLANE_SIDE_MAX a side, in two passes, each rounded to 8 bits, as
 * Pillow does (imagehash.md section 4); an axis that keeps its length is a pass with weights of one.
 *
 * A tap is three uint32: an output's first input, how many it draws on, and the place of the first one's
 * weight among `weights`, which are int32, 2^22 being one. Plane i comes to lie at i * dg_plane_stride.
 */
typedef struct dg_op_resize {
    const dg_buffer *pixels, *taps, *weights;
    dg_buffer *between, *planes;
    const dg_resize_picture *pictures;
    uint32_t count;
    uint32_t width, height;
} dg_op_resize;

static inline uint32_t dg_plane_stride(uint32_t width, uint32_t height)
{
    return (width * height + DG_PICTURE_ALIGNMENT - 1) / DG_PICTURE_ALIGNMENT * DG_PICTURE_ALIGNMENT;
}

/*
 * PHASH (a device's operation, for devices with doubles). The phash of `size` (2, 4, 8, 16 or 32) of `count`
 * planes as RESIZE makes them, 4 * size samples a side. `factors` are dg_dct_factors(4 * size). Out, in host
 * memory: the hashes, (size * size + 7) / 8 bytes each.
 */
typedef struct dg_op_phash {
    const dg_buffer *planes, *factors;
    uint32_t count, size;
    uint8_t *hashes;
} dg_op_phash;

enum {
    DG_PLANE_SIDE_MAX = 32768, /* of RESIZE: dg_plane_stride fits its type */
    DG_BLOCK_SIDE_MAX = 4096,  /* of BLOCKS: a block's sum fits 32 bits */
};

/*
 * BLOCKS (a device's operation; the CPU's is kernels/image/haar.h). Adds up the samples of the blocks of
 * `count` planes as RESIZE makes them, `side` samples a side and `along` blocks a side, both powers of two; a
 * block has 1 to DG_BLOCK_SIDE_MAX samples a side. Out, in host memory: along * along sums for each plane,
 * row by row.
 */
typedef struct dg_op_blocks {
    const dg_buffer *planes;
    uint32_t count, side, along;
    uint32_t *sums;
} dg_op_blocks;

/*
 * RENDER (a device's operation; the CPU's is kernels/image/line.h). Draws `count` line pictures of width x
 * height pixels: pixel (x, y) of picture i comes to lie at i * dg_plane_stride(width, height) + y * width + x
 * of `pixels`, and is samples[a], a being its coverage (render.md section 5).
 *
 * A stroke is four int32: a point in units of 1/256 pixel, and 2^16 times the unit vector across the segment
 * that leads to it from the point before; 0, 0 where none does. Those of picture i are number first[i] ..
 * first[i + 1] - 1, uint32. `reach` is the distance at which coverage ends, half the line's width + 128.
 */
typedef struct dg_op_render {
    const dg_buffer *strokes, *first, *samples; /* 256 bytes of samples */
    dg_buffer *pixels;
    uint32_t count, width, height, reach;
} dg_op_render;

/* A picture of QUALITY: where its samples are, where the smaller levels of its pyramid may lie, one after
 * another from a multiple of DG_PICTURE_ALIGNMENT each, and which block is its first. */
typedef struct dg_quality_picture {
    uint64_t pixels, smaller; /* bytes, multiples of DG_PICTURE_ALIGNMENT, below 2^38 */
    uint32_t width, height, levels;
    uint32_t block;
} dg_quality_picture;

enum { DG_QUALITY_LEVELS = 7 };

/* What QUALITY adds up of one picture: image/metrics.h. Even places of the grid only. */
typedef struct dg_quality_sums {
    uint32_t counts[256];
    uint64_t laplace[DG_QUALITY_LEVELS]; /* modulo 2^64 */
    uint64_t laplace2[DG_QUALITY_LEVELS];
    uint64_t gradient2, noise;
    uint64_t across[4], down[4];
} dg_quality_sums;

/*
 * QUALITY (a device's operation; the CPU does it while it decodes: kernels/image/quality.h). The sums that
 * quality metrics are made of: sums[i] of picture i, all zero at first, and a word of each of its blocks row
 * by row, as in image/metrics.h.
 */
typedef struct dg_op_quality {
    const dg_buffer *pixels;
    dg_buffer *smaller, *sums, *blocks;
    const dg_quality_picture *pictures;
    uint32_t count;
} dg_op_quality;

#endif
