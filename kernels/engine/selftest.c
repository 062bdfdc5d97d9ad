#include "selftest.h"

#include "../image/hash.h"
#include "grade.h"
#include "render.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS = 1500,
    CAPACITY = 4096, /* hits of a unit */
    UNITS = 4,
    QUERIES = 40,
    K = 5,
    WORDS_MAX = 4,
    CHUNK_WIDTH = 7,
    BUCKETS = 1 << CHUNK_WIDTH,
    PICTURES = 3,
};

/* One device under test, or the CPU beside it, with the same table made ready on it. */
typedef struct bench {
    const dg_backend *backend;
    dg_device *device;
    dg_index plain, chunked;
} bench;

/* What the operations give. */
typedef struct answers {
    uint32_t offsets[BUCKETS + 1], index[ROWS];
    uint64_t sieve[ROWS * WORDS_MAX];
    uint32_t counts[2 * UNITS];
    uint64_t candidates[2 * UNITS];
    dg_hit hits[2 * UNITS * CAPACITY];
    uint32_t histogram[UNITS * (64 * WORDS_MAX + 1)];
    uint32_t found[QUERIES];
    dg_neighbour neighbours[QUERIES * K];
} answers;

/* Marsaglia's xorshift64. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

/* Random rows, every third a near copy of an earlier one. */
static void make_rows(uint64_t *rows, uint32_t words)
{
    uint64_t state = 0x9e3779b97f4a7c15u;
    for (uint32_t i = 0; i < ROWS; i++) {
        uint64_t *row = rows + (size_t)i * words;
        uint32_t source = i ? (uint32_t)(next_random(&state) % i) : 0;
        for (uint32_t w = 0; w < words; w++)
            row[w] = i % 3 == 2 ? rows[(size_t)source * words + w] : next_random(&state);
        for (uint32_t flips = i % 5; flips > 0; flips--)
            row[next_random(&state) % words] ^= (uint64_t)1 << next_random(&state) % 64;
    }
}

static enum dg_code run(const bench *b, enum dg_op op, void *arguments, const dg_poll *poll, dg_err *err)
{
    if (b->backend->run(b->device, op, arguments, poll, err)) return err->code;
    return b->backend->wait(b->device, poll, err);
}

static enum dg_code set_up(bench *b, uint64_t *rows, uint32_t words, const dg_poll *poll, dg_err *err)
{
    uint32_t sieve_words = words < DG_SIEVE_WORDS_MAX ? words : DG_SIEVE_WORDS_MAX;
    b->plain = (dg_index){.words = words, .count = ROWS, .sieve_bits = 64 * sieve_words};
    for (uint32_t w = 0; w < sieve_words; w++) b->plain.sieve_word[w] = w;
    if (b->backend->alloc(b->device, (size_t)ROWS * words * sizeof *rows, rows, &b->plain.hashes, err))
        return err->code;
    b->chunked = b->plain;
    b->chunked.chunk = (dg_chunk){11, CHUNK_WIDTH, 1};
    if (b->backend->alloc(b->device, (size_t)ROWS * sieve_words * sizeof(uint64_t), NULL, &b->chunked.sieve,
                          err) ||
        b->backend->alloc(b->device, ROWS * sizeof(uint32_t), NULL, &b->chunked.index, err) ||
        b->backend->alloc(b->device, (BUCKETS + 1) * sizeof(uint32_t), NULL, &b->chunked.offsets, err))
        return err->code;
    dg_op_partition op = {&b->chunked, 0};
    return run(b, DG_OP_PARTITION, &op, poll, err);
}

static void clear(bench *b)
{
    b->backend->free(b->device, &b->chunked.offsets);
    b->backend->free(b->device, &b->chunked.index);
    b->backend->free(b->device, &b->chunked.sieve);
    b->backend->free(b->device, &b->plain.hashes);
}

static enum dg_code compare(const bench *b, const dg_index *index, const dg_unit *units, uint32_t first,
                            uint32_t threshold, answers *out, const dg_poll *poll, dg_err *err)
{
    static const dg_chunk seen[] = {{0, 11, 1}};
    static const uint32_t masks[] = {0, 1, 2, 4, 8, 16, 32, 64}, slots[UNITS] = {0, 1, 2, 3};
    dg_op_compare op = {.a = index,
                        .b = index,
                        .threshold = threshold,
                        .masks = masks,
                        .mask_count = sizeof masks / sizeof *masks,
                        .seen = seen,
                        .seen_count = index == &b->chunked,
                        .units = units,
                        .unit_count = UNITS,
                        .slots = slots,
                        .hits = out->hits + (size_t)first * CAPACITY,
                        .capacity = CAPACITY,
                        .counts = out->counts + first,
                        .candidates = out->candidates + first};
    return run(b, DG_OP_COMPARE, &op, poll, err);
}

static enum dg_code answer(bench *b, uint32_t words, answers *out, const dg_poll *poll, dg_err *err)
{
    const uint32_t half = ROWS / 2, quarter = ROWS / 4, threshold = 9 * words;
    const dg_unit tiles[UNITS] = {{DG_UNIT_TILE, 0, half, 0, half},
                                  {DG_UNIT_TILE, 0, half, half, ROWS},
                                  {DG_UNIT_TILE, half, ROWS, half, ROWS},
                                  {DG_UNIT_TILE, 0, 1, quarter, half}};
    const dg_unit buckets[UNITS] = {{DG_UNIT_BUCKETS, 0, 1, 0, 0},
                                    {DG_UNIT_BUCKETS, 1, BUCKETS / 2, 0, 0},
                                    {DG_UNIT_BUCKETS, BUCKETS / 2, BUCKETS, 0, 0},
                                    {DG_UNIT_TILE, 0, quarter, quarter, ROWS}};
    const uint32_t sieve_words = dg_sieve_words(&b->chunked);
    if (b->backend->get(b->device, &b->chunked.offsets, 0, out->offsets, sizeof out->offsets, err) ||
        b->backend->get(b->device, &b->chunked.index, 0, out->index, sizeof out->index, err) ||
        b->backend->get(b->device, &b->chunked.sieve, 0, out->sieve,
                        (size_t)ROWS * sieve_words * sizeof(uint64_t), err))
        return err->code;
    if (compare(b, &b->plain, tiles, 0, threshold, out, poll, err) ||
        compare(b, &b->chunked, buckets, UNITS, threshold, out, poll, err))
        return err->code;
    dg_op_histogram histogram = {&b->plain, &b->plain, 64 * words, tiles, UNITS, out->histogram};
    if (run(b, DG_OP_HISTOGRAM, &histogram, poll, err)) return err->code;
    dg_index queries = b->plain;
    queries.begin = quarter;
    queries.count = QUERIES;
    dg_op_nearest nearest = {&b->plain, &queries, K, 64 * words, out->found, out->neighbours};
    return run(b, DG_OP_NEAREST, &nearest, poll, err);
}

/* The operation whose answers differ; NULL: none. */
static const char *difference(const answers *x, const answers *y)
{
    if (memcmp(x->offsets, y->offsets, sizeof x->offsets) || memcmp(x->index, y->index, sizeof x->index) ||
        memcmp(x->sieve, y->sieve, sizeof x->sieve))
        return "PARTITION";
    for (uint32_t u = 0; u < 2 * UNITS; u++)
        if (x->counts[u] != y->counts[u] || x->candidates[u] != y->candidates[u] || x->counts[u] > CAPACITY ||
            memcmp(x->hits + u * CAPACITY, y->hits + u * CAPACITY, x->counts[u] * sizeof *x->hits))
            return u < UNITS ? "COMPARE of tiles" : "COMPARE of buckets";
    if (memcmp(x->histogram, y->histogram, sizeof x->histogram)) return "HISTOGRAM";
    if (memcmp(x->found, y->found, sizeof x->found) ||
        memcmp(x->neighbours, y->neighbours, sizeof x->neighbours))
        return "NEAREST";
    return NULL;
}

static enum dg_code test_width(bench *tested, bench *host, uint64_t *rows, answers *both, uint32_t words,
                               const dg_poll *poll, dg_err *err)
{
    bench *const sides[] = {host, tested};
    make_rows(rows, words);
    memset(both, 0, 2 * sizeof *both);
    for (int s = 0; s < 2 && !err->code; s++) {
        if (set_up(sides[s], rows, words, poll, err) == DG_OK) answer(sides[s], words, &both[s], poll, err);
        clear(sides[s]);
    }
    if (err->code) return err->code;
    const char *wrong = difference(&both[0], &both[1]);
    if (!wrong) return DG_OK;
    return dg_fail(err, DG_DEVICE_ERROR, "%s: self-test: %s on hashes of %u bits is not what the CPU gives",
                   tested->backend->name, wrong, 64 * words);
}

/* Random pictures, shrunk, hashed and measured, the planes of phash and whash being of one size; one loses
 * more height than width, which turns the passes round. */
static enum dg_code test_pictures(const bench *tested, uint8_t *samples, size_t count, const dg_poll *poll,
                                  dg_err *err)
{
    static const dg_size sizes[PICTURES] = {{60, 45}, {40, 150}, {32, 40}};
    enum { HASH_SIZE = 8, SIDE = 4 * HASH_SIZE };
    const unsigned kinds = 1u << DG_PHASH | 1u << DG_AHASH | 1u << DG_WHASH;
    uint8_t expected[DG_HASH_KINDS][DG_HASH_BYTES_MAX], hashes[PICTURES][HASH_SIZE];
    uint8_t planes[PICTURES * DG_PICTURE_ALIGNMENT], plane_hash[DG_HASH_BYTES_MAX];
    uint32_t sums[PICTURES][HASH_SIZE * HASH_SIZE];
    const dg_size small = {HASH_SIZE, HASH_SIZE};
    const unsigned metrics = (1u << DG_METRICS) - 1;
    const int jpeg_quality[PICTURES] = {0, 75, 90};
    dg_grade grades[PICTURES], grade;
    dg_grey pictures[PICTURES];
    dg_shrink shrink;
    uint64_t state = 88172645463325252u;
    int wrong = 0;
    for (size_t i = 0; i < count; i++) samples[i] = (uint8_t)next_random(&state);
    for (int i = 0; i < PICTURES; i++) pictures[i] = (dg_grey){samples, sizes[i]};
    dg_device_info info;
    if (tested->backend->describe(tested->device, &info, err)) return err->code;
    if (dg_shrink_open(&shrink, tested->backend, tested->device, pictures, PICTURES, err) == DG_OK &&
        dg_shrink_resize(&shrink, small, poll, err) == DG_OK &&
        dg_shrink_planes(&shrink, planes, err) == DG_OK &&
        dg_grade_pictures(&shrink, metrics, jpeg_quality, grades, poll, err) == DG_OK &&
        dg_shrink_resize(&shrink, (dg_size){SIDE, SIDE}, poll, err) == DG_OK &&
        dg_shrink_blocks(&shrink, HASH_SIZE, sums[0], poll, err) == DG_OK && info.doubles)
        dg_shrink_phash(&shrink, HASH_SIZE, hashes[0], poll, err);
    dg_shrink_close(&shrink);
    for (int i = 0; i < PICTURES && !err->code; i++) {
        if (dg_grey_hash(&pictures[i], kinds, HASH_SIZE, expected, err) ||
            dg_grey_metrics(&pictures[i], metrics, jpeg_quality[i], grade.metric, &grade.null, err))
            break;
        wrong |= memcmp(grades[i].metric, grade.metric, sizeof grade.metric) != 0;
        dg_hash_plane(DG_AHASH, HASH_SIZE, planes + i * DG_PICTURE_ALIGNMENT, small, plane_hash, err);
        wrong |= memcmp(plane_hash, expected[DG_AHASH], HASH_SIZE) != 0;
        wrong |= !dg_hash_of_blocks(sums[i], HASH_SIZE, plane_hash) ||
                 memcmp(plane_hash, expected[DG_WHASH], HASH_SIZE) != 0;
        wrong |= info.doubles && memcmp(hashes[i], expected[DG_PHASH], HASH_SIZE) != 0;
    }
    if (err->code || !wrong) return err->code;
    return dg_fail(err, DG_DEVICE_ERROR,
                   "%s: self-test: RESIZE, PHASH, BLOCKS or QUALITY is not what the CPU gives",
                   tested->backend->name);
}

enum { LINE_WIDTH = 70, LINE_HEIGHT = 40, LINE_VALUES = 90, LINES = 2 };

/* Draws sequence number `number` on the host and adds its strokes. */
static enum dg_code draw_line(dg_line *line, int number, const uint64_t *rows, uint8_t **picture,
                              dg_line_stroke *strokes, uint32_t *first, const dg_poll *poll, dg_err *err)
{
    double values[LINE_VALUES];
    const dg_line_stroke *more;
    size_t count, bytes;
    for (int i = 0; i < LINE_VALUES; i++) /* a gap every so often */
        values[i] = i % 13 == 12 ? NAN : (double)(rows[i + number] >> 32);
    const dg_line_values sequence = {values, LINE_VALUES, 0};
    if (dg_line_picture(line, &sequence, poll, picture, &bytes, err) ||
        dg_line_strokes(line, &sequence, poll, &more, &count, err))
        return err->code;
    memcpy(strokes + first[number], more, count * sizeof *more);
    first[number + 1] = first[number] + (uint32_t)count;
    return DG_OK;
}

/* Random lines, on the host and on the device. */
static enum dg_code test_lines(const bench *tested, const uint64_t *rows, const dg_poll *poll, dg_err *err)
{
    static const dg_line_options options = {.width = LINE_WIDTH,
                                            .height = LINE_HEIGHT,
                                            .line_width = 700,
                                            .padding = 300,
                                            .lo = NAN,
                                            .hi = NAN,
                                            .antialias = 1,
                                            .bits = 8,
                                            .color = {255, 255, 255},
                                            .format = DG_LINE_RAW};
    const size_t stride = dg_plane_stride(LINE_WIDTH, LINE_HEIGHT), size = (size_t)LINE_WIDTH * LINE_HEIGHT;
    dg_line_stroke strokes[LINES * LINE_VALUES];
    uint32_t first[LINES + 1] = {0};
    uint8_t *pictures[LINES] = {0}, *planes = malloc(LINES * stride);
    dg_line *line = NULL;
    dg_buffer pixels = {0};
    int wrong = 0;
    const dg_render_spec spec = {.options = &options, .strokes = strokes, .first = first, .count = LINES};
    if (!planes) dg_fail_nomem(err, "the self-test");
    if (!err->code) dg_line_open(&line, &options, err);
    for (int i = 0; i < LINES && !err->code; i++)
        draw_line(line, i, rows, &pictures[i], strokes, first, poll, err);
    if (!err->code && dg_render(tested->backend, tested->device, &spec, &pixels, poll, err) == DG_OK)
        tested->backend->get(tested->device, &pixels, 0, planes, LINES * stride, err);
    tested->backend->free(tested->device, &pixels);
    for (int i = 0; i < LINES; i++) {
        if (!err->code) wrong |= memcmp(planes + (size_t)i * stride, pictures[i], size) != 0;
        free(pictures[i]);
    }
    free(planes);
    dg_line_close(line);
    if (err->code || !wrong) return err->code;
    return dg_fail(err, DG_DEVICE_ERROR, "%s: self-test: RENDER is not what the CPU gives",
                   tested->backend->name);
}

enum dg_code dg_selftest(const dg_backend *backend, dg_device *device, const dg_poll *poll, dg_err *err)
{
    static const uint32_t widths[] = {1, 4};
    const dg_open_options serial = {.threads = 1};
    bench tested = {.backend = backend, .device = device}, host = {.backend = dg_backend_find("cpu", err)};
    uint64_t *rows = malloc((size_t)ROWS * WORDS_MAX * sizeof *rows);
    answers *both = malloc(2 * sizeof *both);
    if (!rows || !both)
        dg_fail_nomem(err, "the self-test of a device");
    else if (host.backend && host.backend->open(0, &serial, &host.device, err) == DG_OK)
        for (size_t i = 0; i < sizeof widths / sizeof *widths && !err->code; i++)
            test_width(&tested, &host, rows, both, widths[i], poll, err);
    if (!err->code)
        test_pictures(&tested, (uint8_t *)rows, (size_t)ROWS * WORDS_MAX * sizeof *rows, poll, err);
    if (!err->code) test_lines(&tested, rows, poll, err);
    if (host.device) host.backend->close(host.device);
    free(rows);
    free(both);
    return err->code;
}
