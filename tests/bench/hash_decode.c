/*
 * What a hash costs beside the decoding it cannot do without: processor milliseconds for each JPEG file
 * named, medians of interleaved runs.
 *
 *     hash_decode runs file...
 *
 * One line a file: bare libjpeg-turbo decode to RGB, phash, all five hashes, quality, phash with dhash,
 * ahash, whash and quality, pdq, and the path. The bare decode reads row by row into one buffer, as a program
 * does that has no use for the whole picture; of an aligned and an unaligned buffer the quicker counts.
 */
#include "../../kernels/image/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <jpeglib.h>

enum { RUNS_MAX = 99 };

static const dg_image_work works[] = {
    {.hash_size = 8, .hashes = 1u << DG_PHASH},
    {.hash_size = 8, .hashes = (1u << DG_HASH_KINDS) - 1},
    {.metrics = (1u << DG_METRICS) - 1},
    {.hash_size = 8,
     .hashes = 1u << DG_PHASH | 1u << DG_DHASH | 1u << DG_AHASH | 1u << DG_WHASH,
     .metrics = (1u << DG_METRICS) - 1},
    {.pdq = 1},
};

enum { BARE_WAYS = 2, WORKS = sizeof works / sizeof works[0], WAYS = BARE_WAYS + WORKS };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static void bare_decode(const uint8_t *file, size_t bytes, size_t misalignment)
{
    struct jpeg_decompress_struct libjpeg;
    struct jpeg_error_mgr messages;

    libjpeg.err = jpeg_std_error(&messages);
    jpeg_create_decompress(&libjpeg);
    jpeg_mem_src(&libjpeg, file, bytes);
    jpeg_read_header(&libjpeg, TRUE);
    libjpeg.out_color_space = JCS_RGB;
    jpeg_start_decompress(&libjpeg);
    uint8_t *buffer = aligned_alloc(64, ((size_t)libjpeg.output_width * 3 + 127) & ~(size_t)63);
    if (!buffer) exit(1);
    JSAMPROW row = buffer + misalignment;
    while (libjpeg.output_scanline < libjpeg.output_height) jpeg_read_scanlines(&libjpeg, &row, 1);
    jpeg_finish_decompress(&libjpeg);
    jpeg_destroy_decompress(&libjpeg);
    free(buffer);
}

static void measure(const uint8_t *file, size_t bytes, const dg_image_work *work)
{
    dg_image_options options = {.max_pixels = UINT64_MAX};
    dg_image_result result;
    dg_err err = {DG_OK, ""};

    if (dg_image_measure(file, bytes, &options, work, &result, &err) != DG_OK) {
        fprintf(stderr, "hash_decode: %s\n", err.text);
        exit(1);
    }
}

static double run(int way, const uint8_t *file, size_t bytes)
{
    double start = now();

    if (way < BARE_WAYS)
        bare_decode(file, bytes, (size_t)way);
    else
        measure(file, bytes, &works[way - BARE_WAYS]);
    return now() - start;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static uint8_t *read_file(const char *path, size_t *bytes)
{
    FILE *stream = fopen(path, "rb");
    uint8_t *data = NULL;

    if (stream && fseek(stream, 0, SEEK_END) == 0) {
        *bytes = (size_t)ftell(stream);
        rewind(stream);
        data = malloc(*bytes);
        if (data && fread(data, 1, *bytes, stream) != *bytes) data = NULL;
    }
    if (!data) {
        fprintf(stderr, "hash_decode: %s cannot be read\n", path);
        exit(1);
    }
    fclose(stream);
    return data;
}

int main(int argc, char **argv)
{
    int runs = argc > 1 ? atoi(argv[1]) : 0;

    if (argc < 3 || runs < 1 || runs > RUNS_MAX) {
        fprintf(stderr, "usage: hash_decode runs(1..%d) file...\n", RUNS_MAX);
        return 2;
    }
    for (int f = 2; f < argc; f++) {
        size_t bytes = 0;
        uint8_t *file = read_file(argv[f], &bytes);
        double times[WAYS][RUNS_MAX];

        for (int way = 0; way < WAYS; way++) run(way, file, bytes);
        for (int r = 0; r < runs; r++)
            for (int way = 0; way < WAYS; way++) times[way][r] = run(way, file, bytes);
        for (int way = 0; way < WAYS; way++) qsort(times[way], (size_t)runs, sizeof(double), ascending);
        double aligned = times[0][runs / 2], unaligned = times[1][runs / 2];
        printf("%.3f ", aligned < unaligned ? aligned : unaligned);
        for (int way = BARE_WAYS; way < WAYS; way++) printf("%.3f ", times[way][runs / 2]);
        puts(argv[f]);
        free(file);
    }
    return 0;
}
