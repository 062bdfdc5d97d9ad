/*
 * SciPy's cosine transform (scipy.fftpack.dct, type 2) of 8, 16, 32, 64 or 128 values, bit for bit: by way of
 * a backward real transform with factors 4 and 2, in pocketfft's order of operations (imagehash.md section
 * 5). On flat, symmetric or striped pictures many coefficients are exactly equal or zero, and which bits of a
 * hash are set is then decided by rounding; so nothing here may be reordered, fused or contracted, and the
 * twiddle factors are pocketfft's own, not the nearest doubles.
 *
 * For n values the factors come as one array of 2n doubles: exp(2*pi*i*k/n) as (re, im) for k < n/2, then the
 * n - 1 real parts of exp(2*pi*i*(k+1)/(4n)), then a zero. kernels/image/dct.c has them.
 */

/* One pass of the backward real transform: radix r reads `from`, writes `to`. */
typedef struct dg_dct_pass {
    const dg_real *from;
    dg_real *to;
    int radix;
    int rows;   /* l1: product of the factors before this one */
    int length; /* ido: n/(rows*radix) */
} dg_dct_pass;

/* Element a of input block b of row k; of output row k of block b. */
DG_INLINE dg_real dg_dct_in(const dg_dct_pass *p, int a, int b, int k)
{
    return p->from[a + p->length * (b + p->radix * k)];
}

DG_INLINE dg_real *dg_dct_out(const dg_dct_pass *p, int a, int k, int b)
{
    return &p->to[a + p->length * (k + p->rows * b)];
}

/* Stores (r, s) turned by the twiddle factor of block b, element i (even). */
DG_INLINE void dg_dct_turn(const dg_dct_pass *p, DG_GLOBAL const dg_real *factors, int i, int k, int b,
                           dg_real r, dg_real s)
{
    const int at = 2 * (b * p->rows * (i / 2));
    const dg_real re = factors[at], im = factors[at + 1];
    *dg_dct_out(p, i, k, b) = re * s + im * r;
    *dg_dct_out(p, i - 1, k, b) = re * r - im * s;
}

DG_INLINE void dg_dct_radix2(const dg_dct_pass *p, DG_GLOBAL const dg_real *factors)
{
    const int ido = p->length;
    for (int k = 0; k < p->rows; k++) {
        *dg_dct_out(p, 0, k, 0) = dg_dct_in(p, 0, 0, k) + dg_dct_in(p, ido - 1, 1, k);
        *dg_dct_out(p, 0, k, 1) = dg_dct_in(p, 0, 0, k) - dg_dct_in(p, ido - 1, 1, k);
        if (ido % 2 == 0) {
            *dg_dct_out(p, ido - 1, k, 0) = 2 * dg_dct_in(p, ido - 1, 0, k);
            *dg_dct_out(p, ido - 1, k, 1) = -2 * dg_dct_in(p, 0, 1, k);
        }
        for (int i = 2; i < ido; i += 2) {
            const int j = ido - i;
            *dg_dct_out(p, i - 1, k, 0) = dg_dct_in(p, i - 1, 0, k) + dg_dct_in(p, j - 1, 1, k);
            *dg_dct_out(p, i, k, 0) = dg_dct_in(p, i, 0, k) - dg_dct_in(p, j, 1, k);
            dg_dct_turn(p, factors, i, k, 1, dg_dct_in(p, i - 1, 0, k) - dg_dct_in(p, j - 1, 1, k),
                        dg_dct_in(p, i, 0, k) + dg_dct_in(p, j, 1, k));
        }
    }
}

DG_INLINE void dg_dct_radix4(const dg_dct_pass *p, DG_GLOBAL const dg_real *factors)
{
    const dg_real sqrt2 = (dg_real)1.414213562373095048801688724209698079;
    const int ido = p->length;
    for (int k = 0; k < p->rows; k++) {
        dg_real t1, t2, t3, t4, u1, u2, u3, u4;
        t2 = dg_dct_in(p, 0, 0, k) + dg_dct_in(p, ido - 1, 3, k);
        t1 = dg_dct_in(p, 0, 0, k) - dg_dct_in(p, ido - 1, 3, k);
        t3 = 2 * dg_dct_in(p, ido - 1, 1, k);
        t4 = 2 * dg_dct_in(p, 0, 2, k);
        *dg_dct_out(p, 0, k, 0) = t2 + t3;
        *dg_dct_out(p, 0, k, 1) = t1 - t4;
        *dg_dct_out(p, 0, k, 2) = t2 - t3;
        *dg_dct_out(p, 0, k, 3) = t1 + t4;
        if (ido % 2 == 0) {
            u1 = dg_dct_in(p, 0, 3, k) + dg_dct_in(p, 0, 1, k);
            u2 = dg_dct_in(p, 0, 3, k) - dg_dct_in(p, 0, 1, k);
            t2 = dg_dct_in(p, ido - 1, 0, k) + dg_dct_in(p, ido - 1, 2, k);
            t1 = dg_dct_in(p, ido - 1, 0, k) - dg_dct_in(p, ido - 1, 2, k);
            *dg_dct_out(p, ido - 1, k, 0) = t2 + t2;
            *dg_dct_out(p, ido - 1, k, 1) = sqrt2 * (t1 - u1);
            *dg_dct_out(p, ido - 1, k, 2) = u2 + u2;
            *dg_dct_out(p, ido - 1, k, 3) = -sqrt2 * (t1 + u1);
        }
        for (int i = 2; i < ido; i += 2) {
            const int j = ido - i;
            t2 = dg_dct_in(p, i - 1, 0, k) + dg_dct_in(p, j - 1, 3, k);
            t1 = dg_dct_in(p, i - 1, 0, k) - dg_dct_in(p, j - 1, 3, k);
            u1 = dg_dct_in(p, i, 0, k) + dg_dct_in(p, j, 3, k);
            u2 = dg_dct_in(p, i, 0, k) - dg_dct_in(p, j, 3, k);
            t4 = dg_dct_in(p, i, 2, k) + dg_dct_in(p, j, 1, k);
            u3 = dg_dct_in(p, i, 2, k) - dg_dct_in(p, j, 1, k);
            t3 = dg_dct_in(p, i - 1, 2, k) + dg_dct_in(p, j - 1, 1, k);
            u4 = dg_dct_in(p, i - 1, 2, k) - dg_dct_in(p, j - 1, 1, k);
            *dg_dct_out(p, i - 1, k, 0) = t2 + t3;
            *dg_dct_out(p, i, k, 0) = u2 + u3;
            dg_dct_turn(p, factors, i, k, 1, t1 - t4, u1 + u4);
            dg_dct_turn(p, factors, i, k, 2, t2 - t3, u2 - u3);
            dg_dct_turn(p, factors, i, k, 3, t1 + t4, u1 - u4);
        }
    }
}

/* The passes, through `other` and back; a two that is left over when all fours are taken comes second to
 * nothing: it goes first. Returns whichever of the two arrays holds the result. */
DG_INLINE dg_real *dg_dct_backward(dg_real *c, dg_real *other, int n, DG_GLOBAL const dg_real *factors)
{
    int fours = 0, rest = n;
    for (; rest % 4 == 0; rest /= 4) fours++;
    dg_dct_pass p;
    p.from = c;
    p.to = other;
    p.rows = 1;
    for (int left = fours + (rest == 2); left > 0; left--) {
        p.radix = left > fours ? 2 : 4;
        p.length = n / (p.rows * p.radix);
        if (p.radix == 4)
            dg_dct_radix4(&p, factors);
        else
            dg_dct_radix2(&p, factors);
        p.rows *= p.radix;
        dg_real *const written = p.to;
        p.to = written == c ? other : c;
        p.from = written;
    }
    return p.to == c ? other : c;
}

/* Transforms c[0..n), with `other` for work; returns whichever of the two holds 2 * sum over i of
 * c[i]*cos(pi*k*(2i+1)/(2n)) for k < n. */
DG_INLINE dg_real *dg_dct_forward(dg_real *c, dg_real *other, int n, DG_GLOBAL const dg_real *factors)
{
    DG_GLOBAL const dg_real *t = factors + n;
    c[0] *= 2;
    c[n - 1] *= 2;
    for (int k = 1; k < n - 1; k += 2) {
        const dg_real sum = c[k + 1] + c[k], difference = c[k + 1] - c[k];
        c[k] = sum;
        c[k + 1] = difference;
    }
    c = dg_dct_backward(c, other, n, factors);
    for (int k = 1; k < n / 2; k++) {
        const int m = n - k;
        const dg_real p = t[k - 1] * c[m] + t[m - 1] * c[k];
        const dg_real q = t[k - 1] * c[k] - t[m - 1] * c[m];
        c[k] = (dg_real)0.5 * (p + q);
        c[m] = (dg_real)0.5 * (p - q);
    }
    c[n / 2] *= t[n / 2 - 1];
    return c;
}
