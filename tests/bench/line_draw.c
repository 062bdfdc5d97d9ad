/*
 * Line pictures without SQLite, for lines.py: prints, for each size and format, pictures a second of
 * processor time on one thread and their mean bytes, then the milliseconds that a sequence of 1,000,000
 * numbers takes. Medians of `runs` runs over the sequences in a file of binary64 numbers, 100 each.
 *
 *     line_draw FILE RUNS
 */
#include "../../kernels/image/line.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { POINTS = 100, LONG = 1000000, RUNS_MOST = 99 };

static const dg_poll never = {0};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, ascending);
    return values[count / 2];
}

/* Seconds for each picture, and the bytes of all. */
static double draw(dg_line *line, const double *values, size_t points, int sequences, int count, size_t *sum)
{
    const double start = now();
    *sum = 0;
    for (int i = 0; i < count; i++) {
        const dg_line_values sequence = {values + (size_t)(i % sequences) * points, points, 0};
        uint8_t *picture;
        size_t bytes;
        dg_err err = {0};
        if (dg_line_picture(line, &sequence, &never, &picture, &bytes, &err)) exit(1);
        *sum += bytes;
        free(picture);
    }
    return (now() - start) / count;
}

static dg_line *open_line(uint32_t width, uint32_t height, enum dg_line_format format)
{
    const dg_line_options options = {.width = width,
                                     .height = height,
                                     .line_width = 3 * DG_LINE_ONE,
                                     .padding = 2 * DG_LINE_ONE,
                                     .lo = NAN,
                                     .hi = NAN,
                                     .antialias = 1,
                                     .bits = format == DG_LINE_PNG ? 4 : 8,
                                     .background = {255, 255, 255},
                                     .format = format};
    dg_err err = {0};
    dg_line *line;
    if (dg_line_open(&line, &options, &err)) exit(1);
    return line;
}

static void measure(uint32_t width, uint32_t height, enum dg_line_format format, const double *values,
                    int sequences, int runs)
{
    double seconds[RUNS_MOST];
    size_t bytes;
    dg_line *line = open_line(width, height, format);
    int count = (int)(0.1 / draw(line, values, POINTS, sequences, sequences, &bytes)) / sequences * sequences;
    if (count < sequences) count = sequences;
    for (int r = 0; r < runs; r++) seconds[r] = draw(line, values, POINTS, sequences, count, &bytes);
    printf("%s %u %u %.0f %.0f\n", format == DG_LINE_PNG ? "PNG" : "raw", width, height,
           1 / median(seconds, runs), (double)bytes / count);
    dg_line_close(line);
}

static void measure_long(int runs)
{
    double seconds[RUNS_MOST], at = 0, *values = malloc(LONG * sizeof *values);
    size_t bytes;
    dg_line *line = open_line(800, 500, DG_LINE_PNG);
    if (!values) exit(1);
    for (int i = 0; i < LONG; i++) values[i] = at += rand() / (double)RAND_MAX - 0.5;
    for (int r = 0; r < runs; r++) seconds[r] = draw(line, values, LONG, 1, 1, &bytes);
    printf("long 800 500 %.2f\n", 1e3 * median(seconds, runs));
    free(values);
    dg_line_close(line);
}

int main(int argc, char **argv)
{
    static double values[4096 * POINTS];
    FILE *file = argc == 3 ? fopen(argv[1], "rb") : NULL;
    int runs = argc == 3 ? atoi(argv[2]) : 0;
    if (!file || runs < 1 || runs > RUNS_MOST) return 2;
    int sequences = (int)(fread(values, sizeof *values, sizeof values / sizeof *values, file) / POINTS);
    fclose(file);
    if (!sequences) return 2;
    static const uint32_t sizes[][2] = {{800, 500}, {224, 224}, {64, 64}};
    for (int s = 0; s < 3; s++) {
        measure(sizes[s][0], sizes[s][1], DG_LINE_PNG, values, sequences, runs);
        measure(sizes[s][0], sizes[s][1], DG_LINE_RAW, values, sequences, runs);
    }
    measure_long(runs);
    return 0;
}
