/*
 * The plain data kernels take: their arguments by value, and what lies in device memory. 32-bit fields only,
 * so that every compiler lays them out alike.
 *
 * Work may be cut into several launches: where first_group is the first field, the number of a group is that
 * in its launch + first_group.
 */
#ifndef DG_DEVICE_ARGUMENTS_H
#define DG_DEVICE_ARGUMENTS_H

#ifndef DG_DEVICE_PRELUDE_H
#include <stdint.h>
#endif

enum {
    DG_GROUP = 256, /* lanes in a group, for every kernel */

    DG_DIGIT_BITS = 4, /* of a pass of the radix sort */
    DG_DIGITS = 1 << DG_DIGIT_BITS,
    DG_SORT_RUN = 8,                       /* keys a lane places */
    DG_SORT_ROWS = DG_GROUP * DG_SORT_RUN, /* keys a group places */
    DG_SCAN_RUN = 8,                       /* counters a lane sums up in a step */

    DG_SLOTS = 64, /* units of COMPARE at a time */

    DG_BITONIC_KEYS = 2048,   /* keys a group sorts in shared memory */
    DG_BITONIC_PAIRS = 1024,  /* pairs a group puts in order in one step over longer distances */
    DG_HISTOGRAM_SIDE = 512,  /* a group counts the pairs of so many rows with so many */
    DG_HISTOGRAM_BINS = 4096, /* counters in shared memory */
    DG_NEAREST_QUERIES = 8,   /* queries a group serves */
    DG_NEAREST_STEP = 1024,   /* rows a group compares with them between two looks at its buffers */
    DG_ROW_WORDS_MAX = 128,   /* DG_WORDS_MAX of ops.h */
    DG_RESIZE_ALIGNMENT = 64, /* bytes in which the places of pictures are counted */
    DG_RESIZE_OUTPUTS = 8,    /* along rows a group makes so many samples */
    DG_RESIZE_ROWS = 8,       /* in so many rows, */
    DG_RESIZE_SHARE = 32,     /* with so many lanes for each; */
    DG_RESIZE_COLUMNS = 32,   /* along columns so many samples of a row */
    DG_PHASH_SIDE_LEAST = 8,  /* of the planes that phashes are made of: 4 * size */
    DG_PHASH_SIDE_MOST = 128,
    DG_QUALITY_BLOCK = 16, /* side of the blocks that noise is measured in */
    DG_QUALITY_CLIPPED_MOST = 64,
    DG_QUALITY_CLIPPED_FLAG = 1 << 20,
    DG_QUALITY_LEVELS_MOST = 7,
    DG_QUALITY_WORDS = 304, /* of a picture's sums: dg_quality_sums of ops.h */
    DG_RENDER_WIDTH = 32,   /* of a group's tile, pixels */
    DG_RENDER_HEIGHT = DG_GROUP / DG_RENDER_WIDTH,
    DG_PIECE_SWAPPED = 1,  /* rows of b are held, rows of a pass by */
    DG_PIECE_DIAGONAL = 2, /* both ranges are the same: only q > p counts */
};

/* Rows of a tile that a lane holds, and that pass by its group in shared memory, for a sieve of so many bits.
 */
#define DG_TILE_HELD(bits) ((bits) == 256 ? 4 : 8)
#define DG_TILE_PASSING(bits) ((bits) == 256 ? 512 : 1024)

/* A dg_index of ops.h without its buffers. */
typedef struct dg_table {
    uint32_t words, begin, count;
    uint32_t start, width; /* of its chunk */
    uint32_t sieve_word[4];
    uint32_t has_sieve, has_index;
} dg_table;

/*
 * A unit of COMPARE or HISTOGRAM in device memory. Its groups are those from `first` to the next piece's
 * first; the last piece of a list has no groups and only ends it.
 */
typedef struct dg_piece {
    uint32_t a0, a1, b0, b1; /* as in dg_unit */
    uint32_t slot;           /* where its results go */
    uint32_t first;
    uint32_t columns; /* tile: groups side by side */
    uint32_t flags;
} dg_piece;

typedef struct dg_zero_arguments {
    uint32_t count;
} dg_zero_arguments;

typedef struct dg_keys_arguments {
    uint32_t first_group;
    uint32_t words, begin, count, start, width;
} dg_keys_arguments;

typedef struct dg_digit_arguments {
    uint32_t first_group;
    uint32_t count, shift;
    uint32_t groups; /* of the whole pass, not of this launch */
} dg_digit_arguments;

typedef struct dg_bounds_arguments {
    dg_keys_arguments rows; /* where keys are taken from the rows */
    uint32_t from_rows;
} dg_bounds_arguments;

typedef struct dg_gather_arguments {
    uint32_t first_group;
    uint32_t words, count, sieve_bits;
    uint32_t sieve_word[4];
} dg_gather_arguments;

typedef struct dg_compare_arguments {
    uint32_t first_group;
    dg_table a, b;
    uint32_t self, threshold;
    uint32_t mask_count, seen_count;
    uint32_t pieces;
    uint32_t capacity;
} dg_compare_arguments;

/* Segments of keys, each sorted by itself: segment s begins at s * stride and has counts[s] keys, or none
 * where that is above `capacity`. */
typedef struct dg_bitonic_arguments {
    uint32_t stride, capacity;
    uint32_t blocks;   /* groups for each segment */
    uint32_t length;   /* of the runs being merged; for a block: 0 to sort it, 1 to end a merge in it */
    uint32_t distance; /* between the keys of a pair; 0: the first step, that meets the other run's mirror */
} dg_bitonic_arguments;

/* The hits from number `first` of all segments' on, `count` of them. */
typedef struct dg_pack_arguments {
    uint32_t capacity, blocks, words;
    uint32_t first, count;
} dg_pack_arguments;

typedef struct dg_histogram_arguments {
    uint32_t first_group;
    dg_table a, b;
    uint32_t bins; /* counters of a unit: bits + 1 */
    uint32_t pieces;
} dg_histogram_arguments;

typedef struct dg_nearest_arguments {
    uint32_t words;
    uint32_t rows_begin, rows_end; /* of this launch, row numbers */
    uint32_t queries_begin, queries_end;
    uint32_t k, room; /* neighbours wanted, keys in a query's buffer */
    uint32_t limit;
    uint32_t first, last; /* this is the first, the last launch for these queries */
} dg_nearest_arguments;

/* An output sample along an axis: weights[weight + k], 2^22 being one, belongs to input first + k, k < count.
 */
typedef struct dg_tap {
    uint32_t first, count, weight;
} dg_tap;

/*
 * A pass over one picture, along its rows or down its columns. Its groups are those from `first` to the next
 * pass's first.
 */
typedef struct dg_resize_pass {
    uint32_t from, to;      /* places of what comes in and what goes out, in DG_RESIZE_ALIGNMENT bytes */
    uint32_t width, height; /* of what comes in */
    uint32_t out;           /* samples along the axis that go out, */
    uint32_t taps;          /* the first of which is taps[taps] */
    uint32_t down;
    uint32_t first;
    uint32_t columns; /* groups side by side */
} dg_resize_pass;

typedef struct dg_resize_arguments {
    uint32_t first_group;
    uint32_t passes;
} dg_resize_arguments;

typedef struct dg_phash_arguments {
    uint32_t first_group;
    uint32_t plane, count; /* the first plane, and how many */
    uint32_t size;
    uint32_t stride; /* bytes from plane to plane */
} dg_phash_arguments;

typedef struct dg_blocks_arguments {
    uint32_t first_group;
    uint32_t plane; /* the first */
    uint32_t side, along;
    uint32_t stride; /* bytes from plane to plane */
} dg_blocks_arguments;

/* A point of a line in units of 1/256 pixel, and 2^16 times the unit vector across the segment that leads to
 * it from the point before; 0, 0: none does. */
typedef struct dg_stroke {
    int32_t x, y, nx, ny;
} dg_stroke;

typedef struct dg_render_arguments {
    uint32_t first_group;
    uint32_t columns, tiles; /* tiles side by side, and in all, of a picture */
    uint32_t width, height;
    uint32_t reach;
    uint32_t stride; /* bytes from picture to picture */
} dg_render_arguments;

/*
 * A level of a picture's pyramid. Its groups are those from `first` to the next pass's first, `columns` side
 * by side.
 */
typedef struct dg_quality_pass {
    uint32_t from, to; /* the places of this level and the next in DG_RESIZE_ALIGNMENT bytes: level 0 among
                        * the pictures, others among the smaller levels */
    uint32_t width, height;
    uint32_t level, last;    /* there is no next one */
    uint32_t picture, block; /* whose sums these are, and its first block */
    uint32_t first, columns;
} dg_quality_pass;

typedef struct dg_quality_arguments {
    uint32_t first_group;
    uint32_t passes;
} dg_quality_arguments;

#endif
