/*
 * The blocks of an index: what is written is read back, for all sorts of numbers; blocks keep to their size;
 * any bytes are safe to read; and codes hold what a hash holds.
 */
#include "../../kernels/bits.h"
#include "../../kernels/engine/index_block.h"
#include "../../kernels/engine/index_compare.h"
#include "dg_test.h"

#include <stdlib.h>

static const uint32_t widths[] = {8, 9, 16, 24, 32, 64, 1024};

/* xorshift64*; the tests are the same each time. */
static uint64_t draw(void)
{
    static uint64_t state = 88172645463325252u;
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 2685821657736338717u;
}

static void fill(uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) bytes[i] = (uint8_t)(draw() >> 40);
}

/* The shapes of ids and marks: a run, a range, gaps of all sizes, the ends of the numbers. */
static int64_t number(int shape, uint32_t i)
{
    switch (shape) {
    case 0: return 1000 + i;
    case 1: return 7;
    case 2: return (int64_t)i * 3 - 500;
    case 3: return i == 0 ? INT64_MIN : INT64_MAX - 5000 + i;
    default: return (int64_t)((uint64_t)i << 50 >> (draw() % 3));
    }
}

static dg_index_rows make_rows(const dg_index_shape *shape, uint32_t count, int ids, int marks)
{
    dg_index_rows rows = {0};
    uint8_t hash[1024];
    assert_true(dg_index_rows_reserve(shape, &rows, count));
    for (uint32_t i = 0; i < count; i++) {
        fill(hash, shape->bytes);
        dg_index_rows_add(shape, &rows, number(ids, i), number(marks, i), hash);
    }
    return rows;
}

static void rows_are_read_back(void **state)
{
    (void)state;
    static dg_index_shape shape;
    dg_bytes block = {0};
    for (uint32_t w = 0; w < sizeof widths / sizeof *widths; w++)
        for (int ids = 0; ids < 4; ids++)
            for (int marks = 0; marks < 5; marks++) {
                const uint32_t count = 1 + (uint32_t)(draw() % 300);
                dg_index_shape_make(&shape, widths[w]);
                dg_index_rows rows = make_rows(&shape, count, ids == 1 ? 0 : ids, marks), back = {0};
                dg_index_rows_view view;
                assert_true(dg_index_rows_encode(&shape, &rows, 0, count, &block));
                assert_true(dg_index_block_intact(block.data, block.size));
                assert_int_equal(dg_index_rows_decode(&shape, block.data, block.size, &back), 1);
                assert_int_equal(back.count, count);
                assert_memory_equal(back.ids, rows.ids, count * sizeof *rows.ids);
                assert_memory_equal(back.marks, rows.marks, count * sizeof *rows.marks);
                assert_memory_equal(back.hashes, rows.hashes, count * shape.bytes);
                assert_true(dg_index_rows_open(&shape, block.data, block.size, &view));
                for (uint32_t i = 0; i < count; i++)
                    assert_int_equal(dg_index_rows_find(&view, rows.ids[i]), i);
                assert_int_equal(dg_index_rows_find(&view, rows.ids[count - 1] - 1),
                                 count > 1 && rows.ids[count - 2] == rows.ids[count - 1] - 1 ? (int)count - 2
                                                                                             : -1);
                dg_index_rows_free(&rows);
                dg_index_rows_free(&back);
            }
    dg_bytes_free(&block);
}

/* Entries in their order; some buckets hold many, some prefixes are equal. */
static dg_index_entries make_entries(const dg_index_shape *shape, uint32_t count)
{
    dg_index_entries entries = {0};
    uint8_t tail[DG_INDEX_TAIL_MAX];
    uint64_t prefix = draw() % 100000;
    assert_true(dg_index_entries_reserve(shape, &entries, count));
    for (uint32_t i = 0; i < count; i++) {
        if (draw() % 4) prefix += draw() % 3 ? draw() % 30000 : draw() % 10000000;
        if (prefix > UINT32_MAX) prefix = UINT32_MAX;
        fill(tail, shape->tail);
        tail[0] = (uint8_t)(prefix >> 8);
        tail[1] = (uint8_t)prefix;
        dg_index_entries_add(shape, &entries, (uint32_t)prefix, 5 + i, tail);
    }
    return entries;
}

static void entries_are_read_back(void **state)
{
    (void)state;
    static dg_index_shape shape;
    dg_bytes block = {0};
    for (uint32_t w = 0; w < sizeof widths / sizeof *widths; w++)
        for (int round = 0; round < 20; round++) {
            const uint32_t count = 1 + (uint32_t)(draw() % 3000);
            dg_index_shape_make(&shape, widths[w]);
            dg_index_entries entries = make_entries(&shape, count), back = {0};
            for (uint32_t from = 0; from < count;) {
                const uint32_t fit = dg_index_entries_fit(&shape, &entries, from, DG_INDEX_BLOCK_FULL);
                assert_true(fit > 0 && from + fit <= count);
                assert_true(from + fit == count ||
                            entries.prefixes[from + fit] != entries.prefixes[from + fit - 1]);
                assert_true(dg_index_entries_encode(&shape, &entries, from, fit, &block));
                assert_true(block.size <= DG_INDEX_BLOCK_MAX ||
                            entries.prefixes[from] == entries.prefixes[from + fit - 1]);
                assert_int_equal(dg_index_entries_decode(&shape, block.data, block.size, &back), 1);
                from += fit;
                assert_int_equal(back.count, from);
            }
            assert_memory_equal(back.prefixes, entries.prefixes, count * sizeof *entries.prefixes);
            assert_memory_equal(back.ids, entries.ids, count * sizeof *entries.ids);
            assert_memory_equal(back.tails, entries.tails, count * shape.tail);
            dg_index_entries_free(&entries);
            dg_index_entries_free(&back);
        }
    dg_bytes_free(&block);
}

/* Reads a block in every way. The copy ends where its memory ends, so that sanitizers see any step beyond. */
static void read_all_ways(const dg_index_shape *shape, const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    dg_index_rows rows = {0};
    dg_index_entries entries = {0};
    dg_index_rows_view row_view;
    dg_index_band_view view;
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    dg_index_rows_decode(shape, copy, size, &rows);
    dg_index_entries_decode(shape, copy, size, &entries);
    if (dg_index_rows_open(shape, copy, size, &row_view)) dg_index_rows_find(&row_view, 1234);
    const uint64_t query[2] = {draw(), draw()}, mask[2] = {UINT64_MAX, UINT64_MAX};
    if (dg_index_band_open(shape, copy, size, &view))
        while (dg_index_band_next(&view) > 0) {
            dg_index_near *near = malloc(view.entries * sizeof *near);
            assert_non_null(near);
            dg_index_near_tails(view.tails + (size_t)view.first * shape->tail, shape->tail, view.entries,
                                query, mask, 0, 40, near);
            free(near);
        }
    dg_index_rows_free(&rows);
    dg_index_entries_free(&entries);
    free(copy);
}

static void any_bytes_are_safe(void **state)
{
    (void)state;
    static const uint8_t favourites[] = {0, 1, 2, 127, 128, 255};
    static dg_index_shape shape;
    dg_bytes block = {0};
    for (int round = 0; round < 4000; round++) {
        dg_index_shape_make(&shape, round % 2 ? 8 : 32);
        dg_index_rows rows = make_rows(&shape, 1 + (uint32_t)(draw() % 20), 2, 4);
        dg_index_entries entries = make_entries(&shape, 1 + (uint32_t)(draw() % 20));
        assert_true(round % 3 ? dg_index_entries_encode(&shape, &entries, 0, entries.count, &block)
                              : dg_index_rows_encode(&shape, &rows, 0, rows.count, &block));
        for (uint64_t changes = draw() % 4; changes; changes--) {
            const size_t at = draw() % (draw() % 2 ? 40 : block.size);
            block.data[at % block.size] = draw() % 2 ? favourites[draw() % 6] : (uint8_t)draw();
        }
        read_all_ways(&shape, block.data, draw() % 3 ? block.size : draw() % (block.size + 1));
        dg_index_rows_free(&rows);
        dg_index_entries_free(&entries);
    }
    dg_bytes_free(&block);
}

/* Of 8 bytes the code holds every bit, whichever band it begins with; of more, some of them, each once. */
static void codes_hold_the_bits(void **state)
{
    (void)state;
    static dg_index_shape shape;
    uint8_t a[1024], b[1024], mixed_a[DG_INDEX_MIXED_MAX], mixed_b[DG_INDEX_MIXED_MAX];
    for (uint32_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        const uint32_t bytes = widths[w];
        dg_index_shape_make(&shape, bytes);
        assert_true(shape.bands == DG_INDEX_BANDS && shape.tail + 2 <= bytes && shape.tail >= 6);
        for (int round = 0; round < 50; round++) {
            uint32_t distance = 0;
            fill(a, bytes);
            fill(b, bytes);
            for (uint32_t i = 0; i < bytes; i++) distance += dg_bits_set(a[i] ^ b[i]);
            dg_index_mix(&shape, a, mixed_a);
            dg_index_mix(&shape, b, mixed_b);
            for (uint32_t band = 0; band < shape.bands; band++) {
                uint8_t tail_a[DG_INDEX_TAIL_MAX], tail_b[DG_INDEX_TAIL_MAX];
                uint32_t apart = dg_index_code(&shape, mixed_a, band, tail_a);
                assert_int_equal(apart, dg_index_band_of(dg_index_bands_of(mixed_a), band));
                if (bytes == 8)
                    assert_true(dg_index_bands_of_code(band, apart, tail_a) == dg_index_bands_of(mixed_a));
                apart = dg_bits_set(apart ^ dg_index_code(&shape, mixed_b, band, tail_b));
                for (uint32_t i = 0; i < shape.tail; i++) apart += dg_bits_set(tail_a[i] ^ tail_b[i]);
                assert_true(bytes == 8 ? apart == distance : apart <= distance);
            }
        }
    }
}

/* The order of bits belongs to the format. */
static void the_order_of_bits_stays(void **state)
{
    (void)state;
    static dg_index_shape shape;
    uint8_t hash[32], mixed[DG_INDEX_MIXED_MAX];
    static const uint8_t expected_8[] = {0xc2, 0x1d, 0x6a, 0x82, 0xd8, 0x49, 0xc7, 0xd7};
    static const uint8_t expected_32[] = {0xee, 0xb7, 0x46, 0xd1, 0x97, 0x58, 0xf8, 0xd0,
                                          0xdd, 0x17, 0x31, 0x63, 0x9e, 0xe9, 0x85, 0x87,
                                          0x11, 0x1c, 0xbb, 0x44, 0x15, 0xae, 0xd4, 0x0f};
    for (int i = 0; i < 32; i++) hash[i] = (uint8_t)(i * 37 + 11);
    dg_index_shape_make(&shape, 8);
    dg_index_mix(&shape, hash, mixed);
    assert_memory_equal(mixed, expected_8, 8);
    dg_index_shape_make(&shape, 32);
    dg_index_mix(&shape, hash, mixed);
    assert_memory_equal(mixed, expected_32, 24);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(rows_are_read_back),      cmocka_unit_test(entries_are_read_back),
    cmocka_unit_test(any_bytes_are_safe),      cmocka_unit_test(codes_hold_the_bits),
    cmocka_unit_test(the_order_of_bits_stays),
};

int main(int argc, char **argv)
{
    int status = dg_test_select(tests, sizeof tests / sizeof *tests, argc, argv);
    return status >= 0 ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
