/*
 * Pictures to hashes: the worked checks of imagehash.md, the golden set with ImageHash's own answers, what
 * headers tell, and what must be refused.
 */
#include "../../kernels/image/grey.h"
#include "../../kernels/image/image.h"
#include "dg_test.h"
#include "pictures.h"

#include <stdlib.h>

enum { ALL = (1 << DG_HASH_KINDS) - 1 };

static const dg_image_options defaults = {.max_pixels = 178956970};

/* Hexadecimal of a hash, in lower case. */
static const char *hex(const uint8_t *hash, int size)
{
    static char text[2 * DG_HASH_BYTES_MAX + 1];
    for (size_t i = 0; i < dg_hash_bytes(size); i++) snprintf(text + 2 * i, 3, "%02x", hash[i]);
    return text;
}

static enum dg_code hash_all(picture_file file, const dg_image_options *options, int size,
                             dg_image_result *set, dg_err *err)
{
    dg_image_work work = {.hashes = ALL, .hash_size = size};
    *err = (dg_err){DG_OK, ""};
    return dg_image_measure(file.data, file.bytes, options, &work, set, err);
}

static void assert_hashes(picture_file file, int size, const char *const expected[DG_HASH_KINDS])
{
    dg_image_result set;
    dg_err err;
    assert_int_equal(hash_all(file, &defaults, size, &set, &err), DG_OK);
    for (int kind = 0; kind < DG_HASH_KINDS; kind++)
        if (expected[kind]) assert_string_equal(hex(set.hash[kind], size), expected[kind]);
}

/* The pictures of imagehash.md section 12. */

static void flat(int x, int y, int *v)
{
    (void)x, (void)y;
    v[0] = 77;
}

static void ramp(int x, int y, int *v)
{
    (void)y;
    v[0] = 2 * x;
}

static void falling(int x, int y, int *v)
{
    (void)x;
    v[0] = 255 - 2 * y;
}

static void rings(int x, int y, int *v)
{
    v[0] = (x * x + 3 * y * y) / 64;
}

static void colours(int x, int y, int *v)
{
    v[0] = x, v[1] = 2 * y, v[2] = x + y;
}

static void checkers(int x, int y, int *v)
{
    v[0] = 255 * ((x / 32 + y / 32) % 2);
}

static void mirrored(int x, int y, int *v)
{
    v[0] = (2 * x - 95) * (2 * x - 95) / 40 + y;
}

static void tiny(int x, int y, int *v)
{
    v[0] = 17 * (3 * x + 5 * y);
}

static void odd_sized(int x, int y, int *v)
{
    v[0] = 7 * x + 13 * y + x * y / 5;
}

static void large(int x, int y, int *v)
{
    v[0] = x * x / 97 + y, v[1] = x * y / 131, v[2] = y * y / 53 + 2 * x;
}

static void tied_dct(int x, int y, int *v)
{
    v[0] = (3 * x + y) % 32 * 255 / 32;
}

static void tied_middle(int x, int y, int *v)
{
    v[0] = (5 * x + y) % 18 * 255 / 18;
}

static void strip(int x, int y, int *v)
{
    v[0] = 80 * x + 7 * y;
}

static void worked_checks(void **state)
{
    static const struct {
        int width, height, channels;
        picture_pixel *pixel;
        const char *hashes[DG_HASH_KINDS];
    } rows[] = {
        {100,
         75,
         1,
         flat,
         {"8000000000000000", "0000000000000000", "0000000000000000", "0000000000000000",
          "0000000000000000"}},
        {120,
         90,
         1,
         ramp,
         {"8000000000000000", "ffffffffffffffff", "0000000000000000", "0f0f0f0f0f0f0f0f",
          "0f0f0f0f0f0f0f0f"}},
        {120,
         90,
         1,
         falling,
         {"8080008000800080", "0000000000000000", "0000000000000000", "ffffffff00000000",
          "ffffffff00000000"}},
        {200,
         150,
         1,
         rings,
         {"8d0d1d1d39f3e286", "f2f2e51bf609e41b", "f2f5ed1af58a7588", "0a1a77cd3aef7fef",
          "0a1a35cd32cae5f5"}},
        {160,
         120,
         3,
         colours,
         {"802a552a552b5f7f", "fffffffffffffffe", "fffffffffffffffe", "000001071f7fffff",
          "000000071fffffff"}},
        {256,
         256,
         1,
         checkers,
         {"8000000000000000", "a55aa55aa55aa55a", "aa55aa5555aa55aa", "55aa55aa55aa55aa",
          "55aa55aa55aa55aa"}},
        {96,
         64,
         1,
         mirrored,
         {"a82a002a002a002a", "0f0f0f0f0f0f0f8e", "ffffff7e7e7e7e7e", "8181c3c3c3c3c3c3",
          "c3c3c3c3c3c3c3c3"}},
        {5,
         3,
         1,
         tiny,
         {"831c2d66db3ea926", "fffff8f8f8cccfc7", "7cfcfcfce1e3e3e3", "070f1f1e7ce4e0e1",
          "070f1f1e7ce4e0e1"}},
        {333,
         217,
         1,
         odd_sized,
         {"f7589a81c21f2eb2", "21001044c4420809", "c201106703188471", "1dde8da067338ef5",
          "1cf84fa463638ee1"}},
        {640,
         480,
         3,
         large,
         {"80073f1c3e797363", "fde4d9b4a894a951", "ffe0da342ad4a9a4", "013f6f5f7f7fffff",
          "01386c546f3baba7"}},
        {32,
         32,
         1,
         tied_dct,
         {"ff818b16a296aa96", "db92b6b6246d4949", "d2d296b4a52d694b", "694b5ad296b4a52d",
          "694b5ad296b4a52d"}},
        {32,
         32,
         1,
         tied_middle,
         {"a7aaaa0055ff4555", "a54942428281554a", "89a602404581962a", "55898282424195aa",
          "071e79e0934f3cf0"}},
        {3,
         600,
         1,
         strip,
         {"9b5d9a599918331d", "f80004380000001f", "e00007f8e0001f07", "1ff0001ff8e0000f",
          "1ff0001ff8f8380f"}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        picture_file file = picture_png(rows[i].width, rows[i].height, rows[i].channels, rows[i].pixel);
        assert_hashes(file, 8, rows[i].hashes);
        picture_free(file);
    }
}

static void worked_checks_of_256_bits(void **state)
{
    (void)state;
    picture_file file = picture_png(200, 150, 1, rings);
    assert_hashes(
        file, 16,
        (const char *[DG_HASH_KINDS]){"8daa0daa1d2a1d223956f354e25406ad1da9f959e25104ba3976e6e51dade3d9"});
    picture_free(file);
    file = picture_png(333, 217, 1, odd_sized);
    assert_hashes(
        file, 16,
        (const char *[DG_HASH_KINDS]){"f7dd58ea9a7e8157c28b1f282e14bab351486e58168ce887bbf875c83706ab48"});
    picture_free(file);
}

static void golden_set(void **state)
{
    FILE *stream = fopen("tests/golden/hashes.txt", "r");
    char line[1024], name[128], choice[16], first[128];
    int lines = 0;
    (void)state;
    assert_non_null(stream);
    while (fgets(line, sizeof line, stream)) {
        int size, at;
        if (line[0] == '#') continue;
        assert_int_equal(sscanf(line, "%127s %15s %d: %n%127s", name, choice, &size, &at, first), 4);
        dg_image_options options = defaults;
        options.orient = strcmp(choice, "orient") == 0;
        if (strcmp(choice, "lenient") == 0) options.truncated = DG_TRUNCATED_LENIENT;
        picture_file file = picture_golden(name);
        dg_image_result set;
        dg_err err;
        enum dg_code code = hash_all(file, &options, size, &set, &err);
        picture_free(file);
        lines++;
        if (strcmp(first, "refused") == 0) {
            assert_int_equal(code, DG_ERROR);
            continue;
        }
        char got[1024] = "";
        for (int kind = 0; kind < DG_HASH_KINDS; kind++) {
            strcat(got, hex(set.hash[kind], size));
            strcat(got, kind < DG_HASH_KINDS - 1 ? " " : "\n");
        }
        if (code || strcmp(got, line + at)) fail_msg("%s %s: %s, ImageHash %s", name, choice, got, line + at);
    }
    fclose(stream);
    assert_true(lines > 180);
}

/* One call for all hashes gives what five calls give. */
static void one_decode_for_all(void **state)
{
    picture_file file = picture_golden("420.jpg");
    (void)state;
    for (int size = 2; size <= 32; size *= 2) {
        dg_image_result all, single;
        dg_err err;
        assert_int_equal(hash_all(file, &defaults, size, &all, &err), DG_OK);
        for (int kind = 0; kind < DG_HASH_KINDS; kind++) {
            dg_image_work work = {.hashes = 1u << kind, .hash_size = size};
            assert_int_equal(dg_image_measure(file.data, file.bytes, &defaults, &work, &single, &err), DG_OK);
            assert_memory_equal(single.hash[kind], all.hash[kind], DG_HASH_BYTES_MAX);
        }
    }
    picture_free(file);
}

/* The grey picture that is kept, turned where that is asked for, gives the same hashes again. */
static void the_grey_picture_is_kept(void **state)
{
    static const char *const names[] = {"orientation-1.jpg", "orientation-5.jpg", "orientation-6.jpg",
                                        "orientation-6.png", "palette-2.png",     "grey-16-interlaced.png"};
    const unsigned all = (1u << DG_HASH_KINDS) - 1;
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (int orient = 0; orient < 2; orient++)
            for (int with_hashes = 0; with_hashes < 2; with_hashes++) {
                dg_image_options options = defaults;
                dg_image_work work = {.hashes = with_hashes ? all : 0, .hash_size = 8, .grey = 1};
                dg_image_result expected, kept;
                uint8_t hash[DG_HASH_KINDS][DG_HASH_BYTES_MAX] = {{0}};
                dg_err err;
                picture_file file = picture_golden(names[i]);
                options.orient = orient;
                assert_int_equal(hash_all(file, &options, 8, &expected, &err), DG_OK);
                assert_int_equal(dg_image_measure(file.data, file.bytes, &options, &work, &kept, &err),
                                 DG_OK);
                const dg_grey grey = {kept.grey, {kept.grey_width, kept.grey_height}};
                assert_int_equal(dg_grey_hash(&grey, all, 8, hash, &err), DG_OK);
                assert_memory_equal(hash, expected.hash, sizeof hash);
                if (with_hashes) assert_memory_equal(kept.hash, expected.hash, sizeof hash);
                free(kept.grey);
                picture_free(file);
            }
}

static void hash_sizes(void **state)
{
    (void)state;
    for (int kind = 0; kind < DG_HASH_KINDS; kind++) {
        for (int64_t size = -1; size <= 65; size++) {
            dg_err err = {DG_OK, ""};
            int powers = kind == DG_PHASH || kind == DG_WHASH;
            int allowed = size >= 2 && size <= 32 && (!powers || (size & (size - 1)) == 0);
            assert_int_equal(dg_hash_size_check((enum dg_hash_kind)kind, size, &err),
                             allowed ? DG_OK : DG_ERROR);
            assert_int_equal(strstr(err.text, dg_hash_name((enum dg_hash_kind)kind)) != NULL, !allowed);
        }
    }
}

static void headers(void **state)
{
    static const struct {
        const char *name;
        dg_image_info info;
    } rows[] = {
        {"quality-75.jpg", {"jpeg", 61, 43, 3, 8, 1, 75, 0}},
        {"quality-1.jpg", {"jpeg", 61, 43, 3, 8, 1, 1, 0}},
        {"quality-100.jpg", {"jpeg", 61, 43, 3, 8, 1, 100, 0}},
        {"grey-progressive.jpg", {"jpeg", 61, 43, 1, 8, 1, 75, 0}},
        {"cmyk.jpg", {"jpeg", 61, 43, 4, 8, 1, 75, 0}},
        {"orientation-7.jpg", {"jpeg", 40, 21, 3, 8, 7, 75, 0}},
        {"orientation-6.png", {"png", 11, 30, 1, 8, 6, 0, 0}},
        {"grey-2.png", {"png", 23, 17, 1, 2, 1, 0, 0}},
        {"palette-4-trns-interlaced.png", {"png", 23, 17, 1, 4, 1, 0, 0}},
        {"grey-alpha-16.png", {"png", 23, 17, 2, 16, 1, 0, 0}},
        {"rgb-16.png", {"png", 23, 17, 3, 16, 1, 0, 0}},
        {"rgba-8.png", {"png", 23, 17, 4, 8, 1, 0, 0}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        picture_file file = picture_golden(rows[i].name);
        dg_image_info info, expected = rows[i].info;
        dg_err err = {DG_OK, ""};
        assert_int_equal(dg_image_info_read(file.data, file.bytes, &info, &err), DG_OK);
        assert_string_equal(info.format, expected.format);
        assert_int_equal(info.width, expected.width);
        assert_int_equal(info.height, expected.height);
        assert_int_equal(info.channels, expected.channels);
        assert_int_equal(info.bit_depth, expected.bit_depth);
        assert_int_equal(info.orientation, expected.orientation);
        assert_int_equal(info.jpeg_quality, expected.jpeg_quality);
        assert_int_equal(info.bytes, file.bytes);
        picture_free(file);
    }
}

/* Refused with a text that contains `words`; nothing is left in the results. */
static void assert_refused(picture_file file, const dg_image_options *options, const char *words)
{
    dg_image_result set;
    dg_err err;
    static const uint8_t nothing[sizeof set.hash];
    assert_int_equal(hash_all(file, options, 8, &set, &err), DG_ERROR);
    if (!strstr(err.text, words)) fail_msg("\"%s\" does not say \"%s\"", err.text, words);
    assert_memory_equal(set.hash, nothing, sizeof nothing);
}

static void not_an_image(void **state)
{
    static const char *const files[] = {
        "\xFF\xD8", "\x89PNG\r\n\x1a", "GIF89a", "RIFF\1\2\3\4WEBP", "BM", "x", "\xFF"};
    dg_image_info info;
    dg_err err = {DG_OK, ""};
    (void)state;
    assert_refused((picture_file){NULL, 0}, &defaults, "empty");
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        picture_file file = {(uint8_t *)strdup(files[i]), strlen(files[i])};
        assert_refused(file, &defaults, "not an image");
        assert_int_equal(dg_image_info_read(file.data, file.bytes, &info, &err), DG_ERROR);
        assert_null(info.format);
        picture_free(file);
    }
}

static void too_many_pixels(void **state)
{
    dg_image_options options = {.max_pixels = 23 * 17 - 1};
    picture_file file = picture_golden("rgb-8.png");
    dg_image_result set;
    dg_err err;
    (void)state;
    assert_refused(file, &options, "max_pixels");
    options.max_pixels++;
    assert_int_equal(hash_all(file, &options, 8, &set, &err), DG_OK);
    picture_free(file);

    static const int shapes[][2] = {{1, 0}, {8, 0}, {16, 0}, {8, 2}, {16, 6}, {16, 4}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        file = picture_bare_png(60000, 60000, shapes[i][0], shapes[i][1], 30);
        assert_refused(file, &defaults, "60000 x 60000");
        picture_free(file);
    }
    file = picture_bare_png(0x7FFFFFFF, 0x7FFFFFFF, 16, 6, 30);
    assert_refused(file, &defaults, "png");
    picture_free(file);
    file = picture_bare_png(1000001, 1, 8, 0, 30);
    assert_refused(file, &defaults, "png");
    picture_free(file);
}

/* Where the frame header's height and width are in a JPEG file. */
static uint8_t *frame_size(picture_file file)
{
    for (size_t at = 2; at + 9 < file.bytes; at += 2 + (size_t)(file.data[at + 2] << 8 | file.data[at + 3]))
        if (file.data[at + 1] == 0xC0 || file.data[at + 1] == 0xC2) return file.data + at + 5;
    fail_msg("no frame header");
    return NULL;
}

static void jpeg_sizes(void **state)
{
    static const char *const names[] = {"quality-75.jpg", "420-progressive.jpg", "grey.jpg"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        picture_file file = picture_golden(names[i]);
        uint8_t *size = frame_size(file);
        memcpy(size, "\xEA\x60\xEA\x60", 4);
        assert_refused(file, &defaults, "60000 x 60000");
        memset(size, 0, 2);
        assert_refused(file, &defaults, "jpeg");
        memcpy(size, "\0\1\0\0", 4);
        assert_refused(file, &defaults, "jpeg");
        picture_free(file);
    }
}

static void png_without_size(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        picture_file file = picture_bare_png(i & 1, i >> 1, 8, 0, 2);
        assert_refused(file, &defaults, "png");
        picture_free(file);
    }
}

/* A tiny file that promises as many pixels as are allowed costs no more than its own decoding. */
static void small_bombs(void **state)
{
    (void)state;
    picture_file file = picture_bare_png(13377, 13377, 8, 0, 30);
    assert_refused(file, &defaults, "image data");
    picture_free(file);
    file = picture_bare_png(1000000, 178, 16, 6, 30);
    assert_refused(file, &defaults, "image data");
    picture_free(file);
}

/* Every beginning of a file: refused, or, where only what follows the pixels is missing, the same hashes. */
static void every_cut(void **state)
{
    static const char *const names[] = {"grey.jpg",  "420-progressive.jpg", "arithmetic.jpg",
                                        "cmyk.jpg",  "palette-8-trns.png",  "rgb-16-interlaced.png",
                                        "grey-1.png"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        picture_file file = picture_golden(names[i]);
        dg_image_result whole, part;
        dg_err err;
        assert_int_equal(hash_all(file, &defaults, 8, &whole, &err), DG_OK);
        size_t accepted = 0;
        for (size_t bytes = 0; bytes < file.bytes; bytes++) {
            picture_file cut = picture_cut(file, bytes);
            enum dg_code code = hash_all(cut, &defaults, 8, &part, &err);
            if (code == DG_OK) {
                assert_memory_equal(part.hash, whole.hash, sizeof part.hash);
                accepted++;
            } else {
                assert_int_equal(code, DG_ERROR);
                assert_true(err.text[0] && accepted == 0);
            }
            dg_image_options lenient = defaults;
            lenient.truncated = DG_TRUNCATED_LENIENT;
            hash_all(cut, &lenient, 8, &part, &err);
            picture_free(cut);
        }
        assert_true(accepted < 24);
        picture_free(file);
    }
}

/* Whatever bytes are changed, the answer is hashes or an error, and the same each time. */
static void changed_bytes(void **state)
{
    static const char *const names[] = {"quality-30.jpg",    "420-progressive.jpg", "arithmetic.jpg",
                                        "orientation-6.jpg", "palette-2-trns.png",  "grey-16-interlaced.png",
                                        "orientation-6.png"};
    uint64_t random = 1;
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        picture_file file = picture_golden(names[i]);
        for (int round = 0; round < 1000; round++) {
            picture_file bad = picture_cut(file, file.bytes);
            for (uint64_t n = 1 + picture_random(&random) % 3; n > 0; n--)
                bad.data[picture_random(&random) % bad.bytes] = (uint8_t)picture_random(&random);
            dg_image_options options = {.orient = round & 1,
                                        .truncated = round & 2 ? DG_TRUNCATED_LENIENT : DG_TRUNCATED_REFUSE,
                                        .alpha = round & 4 ? DG_ALPHA_WHITE : DG_ALPHA_IGNORE,
                                        .max_pixels = 100000};
            dg_image_result first, second;
            dg_err err;
            enum dg_code code = hash_all(bad, &options, 4, &first, &err);
            assert_true(code == DG_OK || (code == DG_ERROR && err.text[0]));
            assert_int_equal(hash_all(bad, &options, 4, &second, &err), code);
            assert_memory_equal(&first, &second, sizeof first);
            picture_free(bad);
        }
        picture_free(file);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(worked_checks), cmocka_unit_test(worked_checks_of_256_bits),
    cmocka_unit_test(golden_set),    cmocka_unit_test(one_decode_for_all),
    cmocka_unit_test(hash_sizes),    cmocka_unit_test(headers),
    cmocka_unit_test(not_an_image),  cmocka_unit_test(too_many_pixels),
    cmocka_unit_test(jpeg_sizes),    cmocka_unit_test(png_without_size),
    cmocka_unit_test(small_bombs),   cmocka_unit_test(every_cut),
    cmocka_unit_test(changed_bytes), cmocka_unit_test(the_grey_picture_is_kept),
};

DG_TEST_MAIN(tests)
