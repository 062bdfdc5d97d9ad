/*
 * As slow and as plain as it can be: every metric looks at every sample by itself.
 */
#include "ref_quality.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct plane {
    const uint8_t *samples;
    int width, height;
} plane;

/* Border reflect-101. */
static int reflected(int i, int count)
{
    if (count == 1) return 0;
    if (i < 0) return -i;
    return i < count ? i : 2 * count - 2 - i;
}

static int at(const plane *p, int x, int y)
{
    return p->samples[(size_t)reflected(y, p->height) * (size_t)p->width + (size_t)reflected(x, p->width)];
}

static int laplacian(const plane *p, int x, int y)
{
    return at(p, x, y - 1) + at(p, x, y + 1) + at(p, x - 1, y) + at(p, x + 1, y) - 4 * at(p, x, y);
}

/* Mean, then mean of the squared distances from it: not the way of sums of squares. */
static double variance(const plane *p, int (*field)(const plane *p, int x, int y))
{
    long double sum = 0, squares = 0, count = (long double)p->width * p->height;

    for (int y = 0; y < p->height; y++)
        for (int x = 0; x < p->width; x++) sum += field(p, x, y);
    for (int y = 0; y < p->height; y++)
        for (int x = 0; x < p->width; x++) {
            long double d = field(p, x, y) - sum / count;
            squares += d * d;
        }
    return (double)(squares / count);
}

static double sharpness(const plane *p)
{
    double sum = 0;

    for (int y = 0; y < p->height; y++)
        for (int x = 0; x < p->width; x++) {
            int gx = 0, gy = 0;
            for (int i = -1; i <= 1; i++) {
                int weight = i == 0 ? 2 : 1;
                gx += weight * (at(p, x + 1, y + i) - at(p, x - 1, y + i));
                gy += weight * (at(p, x + i, y + 1) - at(p, x + i, y - 1));
            }
            sum += gx * gx + gy * gy;
        }
    return sum / ((double)p->width * p->height);
}

static int mask(const plane *p, int x, int y)
{
    static const int weights[3][3] = {{1, -2, 1}, {-2, 4, -2}, {1, -2, 1}};
    int sum = 0;

    for (int j = 0; j < 3; j++)
        for (int i = 0; i < 3; i++) sum += weights[j][i] * at(p, x + i - 1, y + j - 1);
    return abs(sum);
}

static int ascending(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

/* Block sums of the mask into `sums`, of blocks without too many clipped samples unless `all`. */
static int block_sums(const plane *p, int all, int *sums)
{
    int count = 0;

    for (int top = 1; top + 16 <= p->height - 1; top += 16)
        for (int left = 1; left + 16 <= p->width - 1; left += 16) {
            int sum = 0, clipped = 0;
            for (int y = top; y < top + 16; y++)
                for (int x = left; x < left + 16; x++) {
                    sum += mask(p, x, y);
                    clipped += at(p, x, y) <= 5 || at(p, x, y) >= 250;
                }
            if (all || clipped <= 64) sums[count++] = sum;
        }
    return count;
}

static double noise(const plane *p, int *sums)
{
    double scale = sqrt(M_PI / 2) / 6, total = 0;
    int count = block_sums(p, 1, sums);

    if (count < 4) {
        for (int y = 1; y < p->height - 1; y++)
            for (int x = 1; x < p->width - 1; x++) total += mask(p, x, y);
        return scale * total / ((p->width - 2.0) * (p->height - 2.0));
    }
    count = block_sums(p, 0, sums);
    if (count < 4) count = block_sums(p, 1, sums);
    qsort(sums, (size_t)count, sizeof *sums, ascending);
    return 1.12 * scale * sums[count / 10] / 256;
}

/* Of the steps along the rows, or of the transposed plane. */
static double grid_excess(const plane *p, int transposed)
{
    double mean[8];
    int length = transposed ? p->height : p->width, lines = transposed ? p->width : p->height;

    for (int j = 0; j < 8; j++) {
        double sum = 0, count = 0;
        for (int i = 2; i <= length - 2; i++) {
            if (i % 8 != j) continue;
            for (int l = 0; l < lines; l++) {
                int v[4];
                for (int k = 0; k < 4; k++) v[k] = transposed ? at(p, l, i - 2 + k) : at(p, i - 2 + k, l);
                int d = 2 * abs(v[1] - v[2]) - abs(v[0] - v[1]) - abs(v[2] - v[3]);
                sum += d > 0 ? d : 0;
                count++;
            }
        }
        mean[j] = sum / count;
    }
    double base = fmax(mean[2], fmax(mean[4], mean[6]));
    return (mean[0] - base) / (base + 0.25);
}

/* Halves a plane in place. */
static void halve(plane *p, uint8_t *samples)
{
    int width = p->width / 2, height = p->height / 2;

    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            int sum = at(p, 2 * x, 2 * y) + at(p, 2 * x + 1, 2 * y) + at(p, 2 * x, 2 * y + 1) +
                      at(p, 2 * x + 1, 2 * y + 1);
            samples[(size_t)y * (size_t)width + (size_t)x] = (uint8_t)((sum + 2) >> 2);
        }
    *p = (plane){samples, width, height};
}

/* `samples` is a copy of the plane and is overwritten. */
static double eff_pixels(plane p, uint8_t *samples, double sigma)
{
    double pixels = (double)p.width * p.height, d[7];
    int levels = 0;

    for (p.samples = samples; levels < 7; halve(&p, samples)) {
        int smaller = p.width < p.height ? p.width : p.height;
        if (smaller < 8) break;
        d[levels] = fmax(0, variance(&p, laplacian) - 24 * (sigma * sigma / pow(4, levels) + 1.0 / 12));
        levels++;
    }
    if (levels < 2) return pixels;
    double e = pow(4, -(levels - 1));
    for (int k = levels - 2; k >= 0; k--) {
        double rho = d[k + 1] == 0 ? (d[k] > 0 ? 1 : 0) : d[k] / d[k + 1];
        double r = rho * rho / (rho * rho + 1.0 / 16);
        e = r * pow(4, -k) + (1 - r) * e;
    }
    return pixels * e;
}

static double overall(const double *metric, int jpeg_quality)
{
    double r = log2(fmax(metric[DG_METRIC_EFF_PIXELS], 1) / 64) / 20;
    double grid = fmin(1, log2(1 + fmax(0, metric[DG_METRIC_BLOCKINESS])) / 3);
    double j = fmax(jpeg_quality ? 1 - jpeg_quality / 100.0 : 0, grid);

    r = r < 0 ? 0 : r > 1 ? 1 : r;
    return r * (1 - 0.20 * j - 0.25 * fmin(1, metric[DG_METRIC_NOISE] / 20) -
                0.15 * (1 - metric[DG_METRIC_ENTROPY] / 8));
}

int dg_ref_quality(const uint8_t *samples, int width, int height, int jpeg_quality, double metric[DG_METRICS],
                   unsigned *null)
{
    plane p = {samples, width, height};
    double count = (double)width * height, histogram[256] = {0};
    uint8_t *copy = malloc((size_t)width * (size_t)height);
    int *sums = malloc(((size_t)width * (size_t)height / 256 + 1) * sizeof *sums);
    int has_noise = width >= 3 && height >= 3;

    if (!copy || !sums) {
        free(copy);
        free(sums);
        return 0;
    }
    memcpy(copy, samples, (size_t)width * (size_t)height);
    memset(metric, 0, DG_METRICS * sizeof *metric);
    for (size_t i = 0; i < (size_t)width * (size_t)height; i++) histogram[samples[i]]++;
    for (int v = 0; v < 256; v++) {
        double share = histogram[v] / count;
        metric[DG_METRIC_BRIGHTNESS] += share * v / 255;
        metric[v <= 5 ? DG_METRIC_CLIP_LO : DG_METRIC_CLIP_HI] += v <= 5 || v >= 250 ? share : 0;
        metric[DG_METRIC_ENTROPY] -= share > 0 ? share * log2(share) : 0;
    }
    for (int v = 0; v < 256; v++) {
        double d = v / 255.0 - metric[DG_METRIC_BRIGHTNESS];
        metric[DG_METRIC_CONTRAST] += histogram[v] / count * d * d;
    }
    metric[DG_METRIC_CONTRAST] = sqrt(metric[DG_METRIC_CONTRAST]);
    metric[DG_METRIC_BLUR] = variance(&p, laplacian);
    metric[DG_METRIC_SHARPNESS] = sharpness(&p);
    metric[DG_METRIC_NOISE] = has_noise ? noise(&p, sums) : 0;
    if (width >= 32 && height >= 32)
        metric[DG_METRIC_BLOCKINESS] = (grid_excess(&p, 0) + grid_excess(&p, 1)) / 2;
    metric[DG_METRIC_JPEG_QUALITY] = jpeg_quality;
    metric[DG_METRIC_EFF_PIXELS] = eff_pixels(p, copy, metric[DG_METRIC_NOISE]);
    metric[DG_METRIC_OVERALL] = overall(metric, jpeg_quality);
    *null = (has_noise ? 0 : 1u << DG_METRIC_NOISE) | (jpeg_quality ? 0 : 1u << DG_METRIC_JPEG_QUALITY);
    free(copy);
    free(sums);
    return 1;
}
