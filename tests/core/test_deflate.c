/*
 * The writer of zlib streams: codes of every kind of histogram are prefix codes within their limit, and zlib
 * reads back what was written. DUPGPU_DEFLATE_CASES sets how many random histograms there are.
 */
#include "../../kernels/image/deflate.h"
#include "dg_test.h"

#include <stdlib.h>

#include <zlib.h>

static uint64_t seed = 88172645463325252u;

static uint64_t any(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static unsigned up_to(unsigned most)
{
    return (unsigned)(any() % (most + 1));
}

static uint32_t any_frequency(unsigned kind, unsigned s)
{
    static const uint32_t fibonacci[] = {1,    1,    2,     3,     5,     8,     13,   21,   34,
                                         55,   89,   144,   233,   377,   610,   987,  1597, 2584,
                                         4181, 6765, 10946, 17711, 28657, 46368, 75025};
    switch (kind) {
    case 0: return up_to(20);
    case 1: return up_to(3) ? 0 : 1 + up_to(1000);
    case 2: return fibonacci[s % 25]; /* the deepest trees */
    case 3: return up_to(1) ? 1 : 1u << up_to(20);
    case 4: return s % 7 == 0 ? 1u << s % 23 : 0;
    default: return up_to(s) == 0;
    }
}

/* Kraft's sum of a code that is to be complete is exactly 1; words of frequent symbols are not longer. */
static void check_lengths(const uint32_t *frequency, unsigned count, unsigned most)
{
    uint8_t lengths[DG_DEFLATE_LITERALS];
    uint32_t sum = 0;
    unsigned used = 0;
    dg_deflate_lengths(frequency, count, most, lengths);
    for (unsigned s = 0; s < count; s++) {
        assert_int_equal(frequency[s] != 0, lengths[s] != 0);
        assert_true(lengths[s] <= most);
        if (!lengths[s]) continue;
        sum += 1u << (most - lengths[s]);
        used++;
        for (unsigned other = s % 3; other < count; other += 3)
            if (frequency[other] > frequency[s]) assert_true(lengths[other] <= lengths[s]);
    }
    assert_int_equal(sum, used == 0 ? 0 : used == 1 ? 1u << (most - 1) : 1u << most);
}

static void every_histogram_gives_a_prefix_code(void **state)
{
    (void)state;
    const char *wanted = getenv("DUPGPU_DEFLATE_CASES");
    long cases = wanted ? atol(wanted) : 3000;
    for (long i = 0; i < cases; i++) {
        static const unsigned limits[] = {7, 15, 9, 15};
        uint32_t frequency[DG_DEFLATE_LITERALS];
        unsigned most = limits[i % 4], kind = up_to(5);
        unsigned room = most == 7 ? 19 : most == 9 ? 286 : DG_DEFLATE_LITERALS;
        unsigned count = 1 + up_to(room - 1);
        for (unsigned s = 0; s < count; s++) frequency[s] = any_frequency(kind, s);
        check_lengths(frequency, count, most);
    }
}

/* The cost of a code is that of the best one, where the limit does not bind: Huffman's merging, done slowly.
 */
static void codes_are_as_short_as_can_be(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++) {
        uint32_t frequency[60];
        uint64_t weight[60], best = 0, cost = 0;
        unsigned count = 2 + up_to(58);
        uint8_t lengths[60];
        for (unsigned s = 0; s < count; s++) weight[s] = frequency[s] = 1 + up_to(i % 2 ? 100 : 30000);
        dg_deflate_lengths(frequency, count, 15, lengths);
        for (unsigned s = 0; s < count; s++) cost += (uint64_t)frequency[s] * lengths[s];
        for (unsigned left = count; left > 1; left--) {
            for (unsigned pick = 0; pick < 2; pick++) /* the two lightest go to the end */
                for (unsigned s = 0; s + 1 + pick < left; s++)
                    if (weight[s] < weight[left - 1 - pick]) {
                        uint64_t swap = weight[s];
                        weight[s] = weight[left - 1 - pick];
                        weight[left - 1 - pick] = swap;
                    }
            best += weight[left - 2] += weight[left - 1];
        }
        assert_int_equal(cost, best);
    }
}

/* A row of random bytes and where they change; bytes that do not are not to be read. */
static void fill_row(uint8_t lead, uint8_t *row, uint8_t *told, uint64_t *starts, size_t count, unsigned kind)
{
    uint8_t before = lead;
    memset(starts, 0, (count / 64 + 1) * sizeof *starts);
    for (size_t i = 0; i < count; i++) {
        row[i] = (uint8_t)(kind == 1 ? up_to(1) : up_to(kind == 2 ? 40 : 4) ? before : up_to(255));
        told[i] = row[i] == before ? (uint8_t)up_to(255) : row[i];
        if (row[i] != before) starts[i / 64] |= (uint64_t)1 << i % 64;
        before = row[i];
    }
}

/* Writes a stream of rows and runs while noting what they stand for, and lets zlib read it. */
static void check_stream(unsigned pieces, unsigned kind)
{
    enum { ROOM = 1 << 21 };
    static uint8_t expected[ROOM], got[ROOM], told[DG_DEFLATE_ROW_MAX];
    static uint64_t starts[DG_DEFLATE_ROW_MAX / 64 + 1];
    dg_deflate *stream = malloc(sizeof *stream);
    dg_bytes out = {0};
    size_t count = 0;
    assert_non_null(stream);
    dg_deflate_start(stream, &out);
    for (unsigned i = 0; i < pieces; i++) {
        size_t size = up_to(kind == 0 ? DG_DEFLATE_ROW_MAX : 300);
        if (up_to(3) == 0) size = (size_t)(258 * up_to(3)) + up_to(4);
        if (count + size + 1 > ROOM) break;
        if (up_to(1)) {
            uint8_t byte = (uint8_t)up_to(up_to(3) ? 1 : 255);
            memset(expected + count, byte, size);
            dg_deflate_run(stream, byte, size);
        } else {
            uint8_t lead = expected[count++] = (uint8_t)up_to(up_to(3) ? 1 : 255);
            fill_row(lead, expected + count, told, starts, size, kind);
            dg_deflate_row(stream, lead, told, starts, size);
        }
        count += size;
    }
    assert_true(dg_deflate_finish(stream));
    uLongf length = ROOM;
    assert_int_equal(uncompress(got, &length, out.data, out.count), Z_OK);
    assert_int_equal(length, count);
    assert_memory_equal(got, expected, count);
    free(out.data);
    free(stream);
}

static void zlib_reads_every_stream(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 400; i++) check_stream(up_to(30), i % 3);
    check_stream(0, 0);
    check_stream(2000, 0); /* many blocks */
}

/* 67 million bytes in runs are told and taken in as such. */
static void long_runs(void **state)
{
    (void)state;
    const uint64_t size = (uint64_t)1 << 26;
    dg_deflate *stream = malloc(sizeof *stream);
    dg_bytes out = {0};
    uint8_t *got = malloc(size);
    assert_true(stream && got);
    dg_deflate_start(stream, &out);
    dg_deflate_run(stream, 7, size - 1);
    dg_deflate_row(stream, 255, NULL, NULL, 0);
    assert_true(dg_deflate_finish(stream));
    assert_true(out.count < 70000);
    uLongf length = size;
    assert_int_equal(uncompress(got, &length, out.data, out.count), Z_OK);
    assert_true(length == size && got[0] == 7 && got[size - 2] == 7 && got[size - 1] == 255);
    free(got);
    free(out.data);
    free(stream);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_histogram_gives_a_prefix_code),
    cmocka_unit_test(codes_are_as_short_as_can_be),
    cmocka_unit_test(zlib_reads_every_stream),
    cmocka_unit_test(long_runs),
};

DG_TEST_MAIN(tests)
