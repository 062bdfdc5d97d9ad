/*
 * The operations on a GPU whose device is the emulator, against those of the CPU: the same bytes for every
 * shape of data, width, kind of unit and hard size. What the CPU backend does is held to the oracle by
 * tests/core.
 */
#include "../../kernels/bits.h"
#include "../../kernels/cpu/cpu.h"
#include "../core/columns.h"
#include "../core/dg_test.h"
#include "../emulator/driver.h"
#include "side_by_side.h"

#include <stdlib.h>

enum {
    CAPACITY = 4096,
    UNITS_MAX = 300,
    STAGING_HITS = (4 << 20) / sizeof(dg_hit), /* that come from the device at a time */
};

static uint32_t words_of(uint32_t bits)
{
    return (bits + 63) / 64;
}

static void begin_with(int eager, size_t memory)
{
    dg_emulator_settings settings = {.eager = eager, .memory = memory};
    dg_emulator_reset(&settings);
}

static void end_clean(void)
{
    assert_null(dg_emulator_misuse());
    assert_int_equal(dg_emulator_live(), 0);
}

/* --- PARTITION --- */

static void assert_same_bytes(place *x, const dg_buffer *bx, place *y, const dg_buffer *by, size_t bytes,
                              const char *what)
{
    dg_err err = {DG_OK, ""};
    char *mx = malloc(bytes + 1), *my = malloc(bytes + 1);
    assert_true(mx && my);
    assert_int_equal(x->backend->get(x->device, bx, 0, mx, bytes, &err), DG_OK);
    assert_int_equal(y->backend->get(y->device, by, 0, my, bytes, &err), DG_OK);
    if (memcmp(mx, my, bytes) != 0) fail_msg("%s differs", what);
    free(mx);
    free(my);
}

static void check_partition(enum column_shape shape, uint32_t rows, uint32_t bits, uint32_t begin,
                            dg_chunk chunk, uint32_t sieve_bits)
{
    const uint32_t words = words_of(bits);
    const table_spec spec = {.begin = begin, .count = rows - begin, .chunk = chunk};
    uint64_t *column = make_column(shape, rows ? rows : 1, bits, rows + chunk.width);
    place cpu, gpu;
    begin_with(rows % 2, 0);
    assert_int_equal(place_open(&cpu, &dg_backend_cpu, column, rows, words), DG_OK);
    assert_int_equal(place_open(&gpu, &dg_backend_emulator, column, rows, words), DG_OK);
    assert_int_equal(place_table(&cpu, &cpu.a, &spec, words, sieve_bits), DG_OK);
    assert_int_equal(place_table(&gpu, &gpu.a, &spec, words, sieve_bits), DG_OK);
    assert_same_bytes(&cpu, &cpu.a.offsets, &gpu, &gpu.a.offsets,
                      (((size_t)1 << chunk.width) + 1) * sizeof(uint32_t), "offsets");
    assert_same_bytes(&cpu, &cpu.a.index, &gpu, &gpu.a.index, spec.count * sizeof(uint32_t), "index");
    assert_same_bytes(&cpu, &cpu.a.sieve, &gpu, &gpu.a.sieve, (size_t)spec.count * sieve_bits / 8, "sieve");
    place_close(&cpu);
    place_close(&gpu);
    end_clean();
    free(column);
}

static void partitions_of_hard_sizes(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {0, 1, 2, 7, 8, 9, 255, 256, 257, 2047, 2048, 2049, 4096, 4097, 10000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        check_partition(PLANTED, sizes[i], 64, 0, (dg_chunk){5, 12, 0}, 64);
}

static void partitions_of_every_width(void **state)
{
    (void)state;
    for (uint32_t width = 1; width <= 20; width++)
        check_partition(SKEWED, 3000, 64, 0, (dg_chunk){width * 2, width, 0}, 64);
    check_partition(UNIFORM, 5000, 64, 0, (dg_chunk){40, 24, 0}, 64);
    check_partition(UNIFORM, 1, 64, 0, (dg_chunk){0, 24, 0}, 64);
}

static void partitions_of_every_shape(void **state)
{
    (void)state;
    for (int shape = 0; shape < COLUMN_SHAPES; shape++) {
        check_partition((enum column_shape)shape, 5000, 64, 100, (dg_chunk){50, 13, 0}, 64);
        check_partition((enum column_shape)shape, 3000, 256, 0, (dg_chunk){57, 14, 0}, 128);
    }
}

static void partitions_with_every_sieve(void **state)
{
    (void)state;
    static const uint32_t bits[] = {64, 128, 256, 512, 1024, 8192};
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++)
        for (uint32_t sieve = 32; sieve <= 256; sieve *= 2)
            if (sieve <= bits[i])
                check_partition(PLANTED, bits[i] > 1024 ? 300 : 2500, bits[i], 3,
                                (dg_chunk){bits[i] > 64 ? 60 : 59, 5, 0}, sieve);
    check_partition(PLANTED, 1000, 1024, 0, (dg_chunk){1024 - 11, 11, 0}, 256);
}

/* Enough groups that the scan takes several steps, and launches are cut. */
static void partitions_many_rows(void **state)
{
    (void)state;
    check_partition(SKEWED, 4500000, 64, 0, (dg_chunk){11, 9, 0}, 64);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void finds_the_offsets_of_sorted_rows(void **state)
{
    (void)state;
    const uint32_t rows = 5000;
    uint64_t *column = make_column(SKEWED, rows, 64, 9);
    qsort(column, rows, sizeof *column, by_value);
    for (uint32_t width = 1; width <= 16; width += 5) {
        const table_spec spec = {.begin = 17, .count = rows - 17, .chunk = {0, width, 0}, .sorted = 1};
        place cpu, gpu;
        begin_with(0, 0);
        assert_int_equal(place_open(&cpu, &dg_backend_cpu, column, rows, 1), DG_OK);
        assert_int_equal(place_open(&gpu, &dg_backend_emulator, column, rows, 1), DG_OK);
        assert_int_equal(place_table(&cpu, &cpu.a, &spec, 1, 64), DG_OK);
        assert_int_equal(place_table(&gpu, &gpu.a, &spec, 1, 64), DG_OK);
        assert_same_bytes(&cpu, &cpu.a.offsets, &gpu, &gpu.a.offsets,
                          (((size_t)1 << width) + 1) * sizeof(uint32_t), "offsets");
        place_close(&cpu);
        place_close(&gpu);
        end_clean();
    }
    free(column);
}

/* --- COMPARE --- */

typedef struct comparison {
    uint32_t bits, sieve_bits, threshold, capacity;
    table_spec a, b;
    int self;
    uint32_t masks[64], mask_count;
    dg_chunk seen[3];
    uint32_t seen_count;
    dg_unit units[UNITS_MAX];
    uint32_t unit_count;
} comparison;

/* What a comparison brought. */
typedef struct outcome {
    dg_hit *hits;
    uint32_t counts[UNITS_MAX], slots[UNITS_MAX];
    uint64_t candidates[UNITS_MAX];
} outcome;

static enum dg_code compare_on(place *p, const comparison *c, outcome *out)
{
    dg_op_compare op = {.a = &p->a,
                        .b = c->self ? &p->a : &p->b,
                        .threshold = c->threshold,
                        .masks = c->masks,
                        .mask_count = c->mask_count,
                        .seen = c->seen,
                        .seen_count = c->seen_count,
                        .units = c->units,
                        .unit_count = c->unit_count,
                        .slots = out->slots,
                        .hits = out->hits,
                        .capacity = c->capacity,
                        .counts = out->counts,
                        .candidates = out->candidates};
    if (place_table(p, &p->a, &c->a, words_of(c->bits), c->sieve_bits)) return p->err.code;
    if (!c->self && place_table(p, &p->b, &c->b, words_of(c->bits), c->sieve_bits)) return p->err.code;
    return place_run(p, DG_OP_COMPARE, &op);
}

static outcome make_outcome(const comparison *c)
{
    outcome out = {.hits = malloc((size_t)c->unit_count * c->capacity * sizeof(dg_hit) + 1)};
    assert_non_null(out.hits);
    for (uint32_t u = 0; u < c->unit_count; u++) out.slots[u] = c->unit_count - 1 - u;
    return out;
}

/* Asserts that both are the same, and returns the hits there are. */
static uint64_t assert_same_outcome(const comparison *c, const outcome *x, const outcome *y)
{
    uint64_t hits = 0;
    for (uint32_t u = 0; u < c->unit_count; u++) {
        const dg_unit *unit = &c->units[u];
        if (x->counts[u] > c->capacity && y->counts[u] > c->capacity) continue;
        if (x->counts[u] != y->counts[u] || x->candidates[u] != y->candidates[u])
            fail_msg("unit %u (%d: %u %u %u %u): %u hits of %llu, not %u of %llu; bits %u sieve %u t %u", u,
                     unit->kind, unit->a0, unit->a1, unit->b0, unit->b1, y->counts[u],
                     (unsigned long long)y->candidates[u], x->counts[u], (unsigned long long)x->candidates[u],
                     c->bits, c->sieve_bits, c->threshold);
        const dg_hit *hx = x->hits + (size_t)x->slots[u] * c->capacity;
        const dg_hit *hy = y->hits + (size_t)y->slots[u] * c->capacity;
        if (memcmp(hx, hy, x->counts[u] * sizeof *hx) != 0)
            fail_msg("unit %u: other hits; bits %u sieve %u t %u", u, c->bits, c->sieve_bits, c->threshold);
        hits += x->counts[u];
    }
    return hits;
}

static uint64_t check_compare(const uint64_t *column, uint32_t rows, const comparison *c)
{
    place cpu, gpu;
    outcome x = make_outcome(c), y = make_outcome(c);
    begin_with(c->unit_count % 2, 0);
    assert_int_equal(place_open(&cpu, &dg_backend_cpu, column, rows, words_of(c->bits)), DG_OK);
    assert_int_equal(place_open(&gpu, &dg_backend_emulator, column, rows, words_of(c->bits)), DG_OK);
    assert_int_equal(compare_on(&cpu, c, &x), DG_OK);
    if (compare_on(&gpu, c, &y)) fail_msg("%s", gpu.err.text);
    uint64_t hits = assert_same_outcome(c, &x, &y);
    place_close(&cpu);
    place_close(&gpu);
    end_clean();
    free(x.hits);
    free(y.hits);
    return hits;
}

static void add_unit(comparison *c, enum dg_unit_kind kind, uint32_t a0, uint32_t a1, uint32_t b0,
                     uint32_t b1)
{
    c->units[c->unit_count++] = (dg_unit){kind, a0, a1, b0, b1};
}

/* Two tables over one column; the second one has its middle part, so that some rows are in both. */
static comparison comparison_of(uint32_t rows, uint32_t bits, uint32_t sieve_bits, uint32_t threshold,
                                int self)
{
    return (comparison){.bits = bits,
                        .sieve_bits = sieve_bits,
                        .threshold = threshold,
                        .capacity = CAPACITY,
                        .a = {.begin = 0, .count = self ? rows : rows / 2},
                        .b = {.begin = rows / 3, .count = rows - rows / 3},
                        .self = self};
}

/* All values of at most `radius` bits, as masks in the engine's order. */
static void add_masks(comparison *c, uint32_t width, uint32_t radius)
{
    for (uint32_t weight = 0; weight <= radius; weight++)
        for (uint32_t v = 0; v < 1u << width; v++)
            if (dg_bits_set(v) == weight && c->mask_count < 64) c->masks[c->mask_count++] = v;
}

/* Buckets in ranges of uneven size. */
static void add_bucket_units(comparison *c, uint32_t width)
{
    for (uint32_t v = 0, step = 1; v < 1u << width; v += step, step = step % 7 + 1) {
        uint32_t end = v + step < 1u << width ? v + step : 1u << width;
        add_unit(c, DG_UNIT_BUCKETS, v, end, 0, 0);
    }
}

static uint64_t check_buckets(enum column_shape shape, uint32_t rows, uint32_t bits, uint32_t sieve_bits,
                              uint32_t threshold, uint32_t radius, int self)
{
    const uint32_t width = 8;
    uint64_t *column = make_column(shape, rows, bits, bits + threshold);
    comparison c = comparison_of(rows, bits, sieve_bits, threshold, self);
    c.a.chunk = c.b.chunk = (dg_chunk){bits > 64 ? 60 : 17, width, radius};
    c.seen[0] = (dg_chunk){0, 9, 1};
    c.seen[1] = (dg_chunk){bits - 10, 10, 0};
    c.seen_count = threshold % 3;
    add_masks(&c, width, radius);
    add_bucket_units(&c, width);
    uint64_t hits = check_compare(column, rows, &c);
    free(column);
    return hits;
}

static void buckets_of_every_shape(void **state)
{
    (void)state;
    uint64_t hits = 0;
    for (int shape = 0; shape < EQUAL; shape++)
        for (int self = 0; self < 2; self++)
            for (uint32_t t = 3; t <= 5; t++)
                hits += check_buckets((enum column_shape)shape, 1500, 64, 64, t, t % 3, self);
    assert_true(hits > 1000);
}

static void buckets_of_every_sieve(void **state)
{
    (void)state;
    static const uint32_t bits[] = {64, 128, 256, 512, 1024};
    uint64_t hits = 0;
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++)
        for (uint32_t sieve = 32; sieve <= 256; sieve *= 2)
            for (int self = 0; self < 2; self++)
                if (sieve <= bits[i]) hits += check_buckets(PLANTED, 1200, bits[i], sieve, 6 + self, 1, self);
    assert_true(hits > 500);
}

static void buckets_of_sorted_rows(void **state)
{
    (void)state;
    const uint32_t rows = 2000;
    uint64_t *column = make_column(SKEWED, rows, 64, 4);
    qsort(column, rows, sizeof *column, by_value);
    comparison c = comparison_of(rows, 64, 64, 6, 1);
    c.a.chunk = (dg_chunk){0, 8, 1};
    c.a.sorted = 1;
    add_masks(&c, 8, 1);
    add_bucket_units(&c, 8);
    /* The CPU's buckets need a sieve; the device takes it from the rows. */
    place cpu, gpu;
    outcome x = make_outcome(&c), y = make_outcome(&c);
    begin_with(0, 0);
    comparison unsorted = c;
    unsorted.a.sorted = 0;
    assert_int_equal(place_open(&cpu, &dg_backend_cpu, column, rows, 1), DG_OK);
    assert_int_equal(place_open(&gpu, &dg_backend_emulator, column, rows, 1), DG_OK);
    assert_int_equal(compare_on(&cpu, &unsorted, &x), DG_OK);
    assert_int_equal(compare_on(&gpu, &c, &y), DG_OK);
    assert_true(assert_same_outcome(&c, &x, &y) > 100);
    place_close(&cpu);
    place_close(&gpu);
    end_clean();
    free(x.hits);
    free(y.hits);
    free(column);
}

/* Tiles of these sizes, with each other and on the diagonal. */
static const uint32_t sides[] = {1, 2, 15, 16, 17, 255, 256, 257, 700};

static void add_tiles(comparison *c)
{
    const size_t n = sizeof sides / sizeof *sides;
    for (size_t i = 0; i < n; i++) {
        add_unit(c, DG_UNIT_TILE, 3, 3 + sides[i], 3, 3 + sides[i]);
        for (size_t k = 0; k < n; k += 2) add_unit(c, DG_UNIT_TILE, 10, 10 + sides[i], 710, 710 + sides[k]);
    }
    add_unit(c, DG_UNIT_TILE, 5, 5, 100, 200);
}

static uint64_t check_tiles(enum column_shape shape, uint32_t bits, uint32_t sieve_bits, uint32_t threshold,
                            int self, uint32_t width)
{
    const uint32_t rows = 3000;
    uint64_t *column = make_column(shape, rows, bits, bits + threshold);
    comparison c = comparison_of(rows, bits, sieve_bits, threshold, self);
    c.capacity = 30000;
    c.a.chunk = c.b.chunk = (dg_chunk){3, width, 0};
    c.seen[0] = (dg_chunk){20, 12, 0};
    c.seen[1] = (dg_chunk){bits - 20, 20, 1};
    c.seen_count = width ? threshold % 3 : 0;
    add_tiles(&c);
    uint64_t hits = check_compare(column, rows, &c);
    free(column);
    return hits;
}

static void tiles_of_every_shape(void **state)
{
    (void)state;
    uint64_t hits = 0;
    for (int shape = 0; shape < EQUAL; shape++)
        for (int self = 0; self < 2; self++)
            hits += check_tiles((enum column_shape)shape, 64, 64, 7, self, 0);
    assert_true(hits > 1000);
}

static void tiles_of_every_sieve(void **state)
{
    (void)state;
    static const uint32_t bits[] = {8, 64, 100, 128, 256, 512, 1024};
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++)
        for (uint32_t sieve = 32; sieve <= 256; sieve *= 2)
            for (int self = 0; self < 2; self++)
                if (sieve == 32 || sieve <= bits[i] + 63) {
                    if (sieve > 64 * words_of(bits[i])) continue;
                    check_tiles(PLANTED, bits[i], sieve, bits[i] == 8 ? 1 : 6, self, 0);
                }
}

static void tiles_of_the_widest_rows(void **state)
{
    (void)state;
    const uint32_t rows = 300;
    uint64_t *column = make_column(PLANTED, rows, 8192, 5);
    comparison c = comparison_of(rows, 8192, 256, 30, 1);
    add_unit(&c, DG_UNIT_TILE, 0, rows, 0, rows);
    assert_true(check_compare(column, rows, &c) > 3);
    free(column);
}

/* Tiles of large buckets: through an index, pairs seen before left out. */
static void tiles_of_indexed_rows(void **state)
{
    (void)state;
    for (int self = 0; self < 2; self++)
        for (uint32_t t = 6; t <= 8; t++) {
            check_tiles(SKEWED, 64, 32, t, self, 4);
            check_tiles(SKEWED, 64, 64, t, self, 4);
            check_tiles(SKEWED, 256, 128, t, self, 5);
            check_tiles(SKEWED, 256, 256, t, self, 5);
        }
}

static void tiles_of_the_longest_sides(void **state)
{
    (void)state;
    const uint32_t rows = 2 * DG_TILE_MAX + 1;
    uint64_t *column = make_column(PLANTED, rows, 64, 6);
    comparison c = comparison_of(rows, 64, 64, 8, 1);
    c.capacity = 65536;
    add_unit(&c, DG_UNIT_TILE, 0, DG_TILE_MAX, 0, DG_TILE_MAX);
    add_unit(&c, DG_UNIT_TILE, 0, DG_TILE_MAX, DG_TILE_MAX, 2 * DG_TILE_MAX);
    add_unit(&c, DG_UNIT_TILE, 0, DG_TILE_MAX, 2 * DG_TILE_MAX, rows);
    add_unit(&c, DG_UNIT_TILE, DG_TILE_MAX, DG_TILE_MAX + 1, 0, DG_TILE_MAX);
    assert_true(check_compare(column, rows, &c) > 100);
    free(column);
}

/* So many hits that they are merged from several sorted runs, and fetched in several pieces. */
static void sorts_many_hits(void **state)
{
    (void)state;
    const uint32_t rows = 4 * 360;
    uint64_t *column = make_column(UNIFORM, rows, 64, 3);
    comparison c = comparison_of(rows, 64, 64, 64, 1);
    c.capacity = 65536;
    static const uint32_t near[] = {1, 64, 65, 90, 91, 128, 200, 256, 361, 362, 363};
    for (size_t i = 0; i < sizeof near / sizeof *near; i++)
        add_unit(&c, DG_UNIT_TILE, 0, near[i], 0, near[i]);
    for (uint32_t i = 0; i < 9; i++) add_unit(&c, DG_UNIT_TILE, i, i + 230, 700, 980);
    assert_true(check_compare(column, rows, &c) > STAGING_HITS);
    free(column);
}

static void counts_past_the_capacity(void **state)
{
    (void)state;
    const uint32_t rows = 3000;
    uint64_t *column = make_column(TEMPLATES, rows, 64, 8);
    for (uint32_t capacity = 1; capacity < 5000; capacity = capacity * 5 + 1)
        for (int self = 0; self < 2; self++) {
            comparison c = comparison_of(rows, 64, 64, 4, self);
            c.capacity = capacity;
            add_tiles(&c);
            c.units[0] = (dg_unit){DG_UNIT_TILE, 0, 500, 0, 500};
            check_compare(column, rows, &c);
        }
    free(column);
}

/* More units than a side takes, few slots that fit the device's memory. */
static void works_in_little_memory(void **state)
{
    (void)state;
    const uint32_t rows = 3000;
    uint64_t *column = make_column(PLANTED, rows, 64, 6);
    comparison c = comparison_of(rows, 64, 64, 7, 1);
    c.capacity = 65536;
    for (uint32_t i = 0; i < 150; i++) add_unit(&c, DG_UNIT_TILE, 5 * i, 5 * i + 20, 1000 + i, 1100 + i);
    place cpu, gpu;
    outcome x = make_outcome(&c), y = make_outcome(&c);
    assert_int_equal(place_open(&cpu, &dg_backend_cpu, column, rows, 1), DG_OK);
    assert_int_equal(compare_on(&cpu, &c, &x), DG_OK);
    begin_with(0, 10 << 20);
    assert_int_equal(place_open(&gpu, &dg_backend_emulator, column, rows, 1), DG_OK);
    if (compare_on(&gpu, &c, &y)) fail_msg("%s", gpu.err.text);
    assert_same_outcome(&c, &x, &y);
    place_close(&gpu);
    end_clean();
    begin_with(0, 4 << 20);
    assert_int_equal(place_open(&gpu, &dg_backend_emulator, column, rows, 1), DG_OK);
    assert_int_equal(compare_on(&gpu, &c, &y), DG_DEVICE_NOMEM);
    place_close(&gpu);
    end_clean();
    place_close(&cpu);
    free(x.hits);
    free(y.hits);
    free(column);
}

/* --- HISTOGRAM --- */

static uint32_t distance_of(const uint64_t *x, const uint64_t *y, uint32_t words)
{
    uint32_t sum = 0;
    for (uint32_t w = 0; w < words; w++) sum += dg_bits_set(x[w] ^ y[w]);
    return sum;
}

static void check_histogram(enum column_shape shape, uint32_t rows, uint32_t bits, int self, uint32_t side)
{
    const uint32_t words = words_of(bits), begin_b = self ? 0 : rows / 3, bins = bits + 1;
    uint64_t *column = make_column(shape, rows, bits, bits);
    dg_unit units[UNITS_MAX];
    uint32_t n = 0, count_a = self ? rows : rows / 2, count_b = rows - begin_b;
    for (uint32_t i = 0; i < count_a; i += side)
        for (uint32_t k = self ? i : 0; k < count_b; k += side)
            units[n++] = (dg_unit){DG_UNIT_TILE, i, i + side < count_a ? i + side : count_a, k,
                                   k + side < count_b ? k + side : count_b};
    uint32_t *counts = malloc((size_t)n * bins * sizeof *counts);
    uint32_t *expected = calloc((size_t)n * bins, sizeof *expected);
    assert_true(counts && expected);
    for (uint32_t u = 0; u < n; u++)
        for (uint32_t i = units[u].a0; i < units[u].a1; i++)
            for (uint32_t k = self && units[u].a0 == units[u].b0 ? i + 1 : units[u].b0; k < units[u].b1; k++)
                expected[u * bins + distance_of(column + (size_t)i * words,
                                                column + (size_t)(begin_b + k) * words, words)]++;
    place gpu;
    begin_with(n % 2, 0);
    assert_int_equal(place_open(&gpu, &dg_backend_emulator, column, rows, words), DG_OK);
    const table_spec a = {.count = count_a}, b = {.begin = begin_b, .count = count_b};
    assert_int_equal(place_table(&gpu, &gpu.a, &a, words, 64), DG_OK);
    assert_int_equal(place_table(&gpu, &gpu.b, &b, words, 64), DG_OK);
    dg_op_histogram op = {.a = &gpu.a,
                          .b = self ? &gpu.a : &gpu.b,
                          .bits = bits,
                          .units = units,
                          .unit_count = n,
                          .counts = counts};
    if (place_run(&gpu, DG_OP_HISTOGRAM, &op)) fail_msg("%s", gpu.err.text);
    for (uint32_t i = 0; i < n * bins; i++)
        if (counts[i] != expected[i])
            fail_msg("bits %u rows %u self %d: unit %u distance %u: %u, not %u", bits, rows, self, i / bins,
                     i % bins, counts[i], expected[i]);
    place_close(&gpu);
    end_clean();
    free(column);
    free(counts);
    free(expected);
}

static void histograms_of_every_width(void **state)
{
    (void)state;
    static const uint32_t bits[] = {8, 64, 100, 128, 256, 512, 1024, 4095, 4096, 8192};
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++)
        for (int self = 0; self < 2; self++)
            check_histogram(PLANTED, bits[i] > 1024 ? 150 : 700, bits[i], self, 128);
}

static void histograms_of_hard_sizes(void **state)
{
    (void)state;
    static const uint32_t rows[] = {2, 63, 64, 65, 513, 1100};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int shape = 0; shape < COLUMN_SHAPES; shape += 2) {
            check_histogram((enum column_shape)shape, rows[i], 64, 1, 8192);
            check_histogram((enum column_shape)shape, rows[i], 64, 0, 100);
        }
}

/* --- NEAREST --- */

static int by_distance(const void *a, const void *b)
{
    const dg_neighbour *x = a, *y = b;
    if (x->distance != y->distance) return x->distance < y->distance ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* The rows [begin, end) of the column searched in `pieces` pieces, for all its rows from `from` on. */
static void check_nearest(enum column_shape shape, uint32_t rows, uint32_t bits, uint32_t from,
                          uint32_t begin, uint32_t end, uint32_t k, uint32_t limit, uint32_t pieces)
{
    const uint32_t words = words_of(bits), queries = rows - from;
    uint64_t *column = make_column(shape, rows, bits, bits + k);
    uint32_t *found = calloc(queries, sizeof *found);
    dg_neighbour *neighbours = calloc((size_t)queries * k, sizeof *neighbours);
    dg_neighbour *all = malloc((end - begin + 1) * sizeof *all);
    assert_true(found && neighbours && all);
    place gpu;
    begin_with(k % 2, 0);
    assert_int_equal(place_open(&gpu, &dg_backend_emulator, column, rows, words), DG_OK);
    const table_spec b = {.begin = from, .count = queries};
    assert_int_equal(place_table(&gpu, &gpu.b, &b, words, 64), DG_OK);
    for (uint32_t i = 0; i < pieces; i++) {
        uint32_t first = begin + (end - begin) / pieces * i;
        uint32_t last = i + 1 == pieces ? end : begin + (end - begin) / pieces * (i + 1);
        const table_spec a = {.begin = first, .count = last - first};
        assert_int_equal(place_table(&gpu, &gpu.a, &a, words, 64), DG_OK);
        dg_op_nearest op = {.rows = &gpu.a,
                            .queries = &gpu.b,
                            .k = k,
                            .limit = limit,
                            .found = found,
                            .neighbours = neighbours};
        if (place_run(&gpu, DG_OP_NEAREST, &op)) fail_msg("%s", gpu.err.text);
    }
    place_close(&gpu);
    end_clean();
    for (uint32_t q = 0; q < queries; q++) {
        uint32_t n = 0;
        for (uint32_t r = begin; r < end; r++) {
            uint32_t d = distance_of(column + (size_t)r * words, column + (size_t)(from + q) * words, words);
            if (d <= limit) all[n++] = (dg_neighbour){r, d};
        }
        qsort(all, n, sizeof *all, by_distance);
        if (n > k) n = k;
        if (found[q] != n || memcmp(all, neighbours + (size_t)q * k, n * sizeof *all) != 0)
            fail_msg("bits %u k %u limit %u pieces %u: query %u has %u neighbours, not these %u", bits, k,
                     limit, pieces, q, found[q], n);
    }
    free(column);
    free(found);
    free(neighbours);
    free(all);
}

static void nearest_of_every_width(void **state)
{
    (void)state;
    static const uint32_t bits[] = {8, 64, 128, 256, 320, 1024, 8192};
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++) {
        uint32_t rows = bits[i] > 1024 ? 1300 : 4000;
        check_nearest(PLANTED, rows, bits[i], rows - 21, 10, rows, 5, UINT32_MAX, 1);
        check_nearest(SKEWED, rows, bits[i], rows - 3, 0, rows - 7, 10, bits[i] / 3, 2);
    }
}

static void nearest_of_every_shape(void **state)
{
    (void)state;
    for (int shape = 0; shape < COLUMN_SHAPES; shape++)
        for (uint32_t pieces = 1; pieces <= 3; pieces++)
            check_nearest((enum column_shape)shape, 5000, 64, 4970, 0, 5000, 1 + 20 * pieces, 24, pieces);
}

static void nearest_of_hard_sizes(void **state)
{
    (void)state;
    static const uint32_t rows[] = {1, 2, 255, 256, 257, 1023, 1024, 1025, 3100};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        check_nearest(TEMPLATES, rows[i] + 9, 64, rows[i], 0, rows[i], 1, 64, 1);
        check_nearest(TEMPLATES, rows[i] + 1, 64, rows[i], 0, rows[i], 3000, 64, 2);
    }
    check_nearest(UNIFORM, 30, 64, 20, 5, 5, 4, 64, 1);
    check_nearest(UNIFORM, 30, 64, 20, 0, 20, 4, 0, 1);
}

static void nearest_of_many_neighbours(void **state)
{
    (void)state;
    check_nearest(UNIFORM, 40000, 64, 39994, 0, 40000, 6000, 64, 3);
}

static void nearest_of_many_queries(void **state)
{
    (void)state;
    check_nearest(PLANTED, 700, 64, 0, 0, 700, 4, 64, 2);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(partitions_of_hard_sizes),
    cmocka_unit_test(partitions_of_every_width),
    cmocka_unit_test(partitions_of_every_shape),
    cmocka_unit_test(partitions_with_every_sieve),
    cmocka_unit_test(partitions_many_rows),
    cmocka_unit_test(finds_the_offsets_of_sorted_rows),
    cmocka_unit_test(buckets_of_every_shape),
    cmocka_unit_test(buckets_of_every_sieve),
    cmocka_unit_test(buckets_of_sorted_rows),
    cmocka_unit_test(tiles_of_every_shape),
    cmocka_unit_test(tiles_of_every_sieve),
    cmocka_unit_test(tiles_of_the_widest_rows),
    cmocka_unit_test(tiles_of_indexed_rows),
    cmocka_unit_test(tiles_of_the_longest_sides),
    cmocka_unit_test(sorts_many_hits),
    cmocka_unit_test(counts_past_the_capacity),
    cmocka_unit_test(works_in_little_memory),
    cmocka_unit_test(histograms_of_every_width),
    cmocka_unit_test(histograms_of_hard_sizes),
    cmocka_unit_test(nearest_of_every_width),
    cmocka_unit_test(nearest_of_every_shape),
    cmocka_unit_test(nearest_of_hard_sizes),
    cmocka_unit_test(nearest_of_many_neighbours),
    cmocka_unit_test(nearest_of_many_queries),
};
DG_TEST_MAIN(tests)
