/*
 * Writes kernels/image/dct_table.h on standard output: pocketfft's twiddle factors as hexadecimal constants,
 * so that the library does not depend on the C library's sines.
 *
 *     cc -o dct_table tests/golden/dct_table.c -lm && ./dct_table | clang-format > kernels/image/dct_table.h
 *
 * E_n(k) stands for exp(2*pi*i*k/n) as pocketfft (sincos_2PibyN) computes it: the binary64 product of two
 * table entries, each a correctly placed sine and cosine of an angle within the first eighth of the circle.
 * The result is up to 28 units in the last place off the true value, and hashes depend on it. See
 * imagehash.md section 5.
 */
#include <math.h>
#include <stdio.h>

typedef struct complex_number {
    double re, im;
} complex_number;

/* exp(2*pi*i*k/n) from one sine and one cosine of an angle up to pi/4. */
static complex_number base(int k, int n)
{
    const double unit = (double)(3.141592653589793238462643383279502884197L / (4 * (long double)n));
    int x = 8 * k, below = x >= 4 * n; /* the circle is 8n units; the lower half mirrors the upper */
    complex_number c;

    if (k == 0) return (complex_number){1, 0};
    if (below) x = 8 * n - x;
    if (x < n)
        c = (complex_number){cos(x * unit), sin(x * unit)};
    else if (x < 2 * n)
        c = (complex_number){sin((2 * n - x) * unit), cos((2 * n - x) * unit)};
    else if (x < 3 * n)
        c = (complex_number){-sin((x - 2 * n) * unit), cos((x - 2 * n) * unit)};
    else
        c = (complex_number){-cos((4 * n - x) * unit), sin((4 * n - x) * unit)};
    if (below) c.im = -c.im;
    return c;
}

/* E_n(k), 0 <= k < n. */
static complex_number twiddle(int k, int n)
{
    int mirrored = 2 * k > n, shift = 1;

    if (mirrored) k = n - k;
    while ((1 << 2 * shift) < (n + 2) / 2) shift++;
    complex_number a = base(k % (1 << shift), n), b = base(k >> shift << shift, n);
    complex_number c = {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
    if (mirrored) c.im = -c.im;
    return c;
}

static void print_table(int n)
{
    printf("static const double factors_%d[%d] = {\n", n, 2 * n);
    for (int k = 0; k < n / 2; k++) printf("    %a, %a,\n", twiddle(k, n).re, twiddle(k, n).im);
    for (int i = 0; i < n - 1; i++) printf("    %a,\n", twiddle(i + 1, 4 * n).re);
    printf("};\n\n");
}

int main(void)
{
    printf("/*\n"
           " * Twiddle factors of pocketfft's cosine transform, written by tests/golden/dct_table.c; do not "
           "edit.\n"
           " * In the order that kernels/device/dct.inc.h wants.\n"
           " */\n"
           "#ifndef DG_IMAGE_DCT_TABLE_H\n"
           "#define DG_IMAGE_DCT_TABLE_H\n"
           "\n");
    for (int n = 8; n <= 128; n *= 2) print_table(n);
    printf("#endif\n");
    return 0;
}
