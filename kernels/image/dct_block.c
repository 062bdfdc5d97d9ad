/*
 * Lines whose length is a power of two take SciPy's own steps; others are multiplied by the matrix.
 */
#include "dct_block.h"

#include "dct.h"

#include <math.h>
#include <stdlib.h>

typedef struct transform {
    int n;
    const double *cosine; /* cosine[i] = cos(pi*i/(2n)), i < 4n; NULL: dg_dct2 takes n */
    double *line, *out;
} transform;

static int has_fast_way(int n)
{
    return n >= 8 && n <= DG_DCT_MAX && (n & (n - 1)) == 0;
}

/* out[k] = 2 * sum over i of line[i]*cos(pi*k*(2i+1)/(2n)) */
static void multiply(const transform *t)
{
    for (int k = 0; k < t->n; k++) {
        double sum = 0;
        for (int i = 0; i < t->n; i++) sum += t->line[i] * t->cosine[k * (2 * i + 1) % (4 * t->n)];
        t->out[k] = 2 * sum;
    }
}

/* The orthonormal transform of t->line into t->out. */
static void transform_line(const transform *t)
{
    if (t->cosine) {
        multiply(t);
    } else {
        for (int i = 0; i < t->n; i++) t->out[i] = t->line[i];
        dg_dct2(t->out, t->n);
    }
    t->out[0] *= sqrt(1.0 / (4 * t->n));
    for (int k = 1; k < t->n; k++) t->out[k] *= sqrt(1.0 / (2 * t->n));
}

/* The lines of the values in `grid`: n of them, `apart` apart, values `step` apart. */
static void transform_lines(const transform *t, double *grid, size_t apart, size_t step)
{
    for (int l = 0; l < t->n; l++) {
        double *line = grid + (size_t)l * apart;
        for (int i = 0; i < t->n; i++) t->line[i] = line[(size_t)i * step];
        transform_line(t);
        for (int i = 0; i < t->n; i++) line[(size_t)i * step] = t->out[i];
    }
}

enum dg_code dg_dct_block(float *block, int n, dg_err *err)
{
    size_t side = (size_t)n, count = side * side;
    double *work = malloc((count + 6 * side) * sizeof *work);
    if (!work) return dg_fail_nomem(err, "a cosine transform");

    double *cosine = work + count;
    for (int i = 0; i < 4 * n; i++) cosine[i] = cos(M_PI * i / (2.0 * n));
    transform t = {n, has_fast_way(n) ? NULL : cosine, cosine + 4 * side, cosine + 5 * side};
    for (size_t i = 0; i < count; i++) work[i] = (double)block[i];
    transform_lines(&t, work, 1, side);
    transform_lines(&t, work, side, 1);
    for (size_t i = 0; i < count; i++) block[i] = (float)work[i];
    free(work);
    return DG_OK;
}
