/*
 * Each hash is a function from a small grey plane to hash_size*hash_size bits, in a table by kind.
 */
#include "hash.h"

#include "dct.h"
#include "haar.h"
#include "median.h"

#include <string.h>

enum { BITS_MAX = DG_HASH_SIZE_MAX * DG_HASH_SIZE_MAX };

/* The n*n low-frequency coefficients of phash's plane, `low[k*n + l]` of vertical frequency k. */
static void low_frequencies(const uint8_t *plane, int n, double *low)
{
    int side = 4 * n;
    double line[DG_DCT_MAX], columns[DG_HASH_SIZE_MAX][DG_DCT_MAX];

    for (int x = 0; x < side; x++) {
        for (int y = 0; y < side; y++) line[y] = plane[y * side + x];
        dg_dct2(line, side);
        for (int k = 0; k < n; k++) columns[k][x] = line[k];
    }
    for (int k = 0; k < n; k++) {
        dg_dct2(columns[k], side);
        memcpy(&low[k * n], columns[k], (size_t)n * sizeof *low);
    }
}

static void above_median(const double *values, int count, uint8_t *bits)
{
    double median = dg_median(values, (size_t)count);
    for (int i = 0; i < count; i++) bits[i] = values[i] > median;
}

static enum dg_code phash_bits(const uint8_t *plane, dg_size size, int n, uint8_t *bits, dg_err *err)
{
    double low[BITS_MAX];

    (void)size;
    (void)err;
    low_frequencies(plane, n, low);
    above_median(low, n * n, bits);
    return DG_OK;
}

static enum dg_code dhash_bits(const uint8_t *plane, dg_size size, int n, uint8_t *bits, dg_err *err)
{
    (void)err;
    for (int y = 0; y < n; y++)
        for (int x = 0; x < n; x++)
            bits[y * n + x] = plane[y * (int)size.width + x + 1] > plane[y * (int)size.width + x];
    return DG_OK;
}

static enum dg_code dhash_vertical_bits(const uint8_t *plane, dg_size size, int n, uint8_t *bits, dg_err *err)
{
    (void)size;
    (void)err;
    for (int i = 0; i < n * n; i++) bits[i] = plane[i + n] > plane[i];
    return DG_OK;
}

static enum dg_code ahash_bits(const uint8_t *plane, dg_size size, int n, uint8_t *bits, dg_err *err)
{
    int sum = 0;

    (void)size;
    (void)err;
    for (int i = 0; i < n * n; i++) sum += plane[i];
    for (int i = 0; i < n * n; i++) bits[i] = n * n * plane[i] > sum;
    return DG_OK;
}

static enum dg_code whash_bits(const uint8_t *plane, dg_size size, int n, uint8_t *bits, dg_err *err)
{
    return dg_haar_bits(plane, size.width, n, bits, err);
}

static const struct kind {
    const char *name;
    int powers_only; /* hash sizes: 2, 4, 8, 16, 32 instead of 2..32 */
    enum dg_code (*bits)(const uint8_t *plane, dg_size size, int n, uint8_t *bits, dg_err *err);
} kinds[DG_HASH_KINDS] = {
    [DG_PHASH] = {"phash", 1, phash_bits},
    [DG_DHASH] = {"dhash", 0, dhash_bits},
    [DG_DHASH_VERTICAL] = {"dhash_vertical", 0, dhash_vertical_bits},
    [DG_AHASH] = {"ahash", 0, ahash_bits},
    [DG_WHASH] = {"whash", 1, whash_bits},
};

const char *dg_hash_name(enum dg_hash_kind kind)
{
    return kinds[kind].name;
}

enum dg_code dg_hash_size_check(enum dg_hash_kind kind, int64_t size, dg_err *err)
{
    int in_range = size >= 2 && size <= DG_HASH_SIZE_MAX;

    if (in_range && (!kinds[kind].powers_only || (size & (size - 1)) == 0)) return DG_OK;
    return dg_fail(err, DG_ERROR, "%s: hash size %lld; it takes %s", kinds[kind].name, (long long)size,
                   kinds[kind].powers_only ? "2, 4, 8, 16 or 32" : "2 to 32");
}

dg_size dg_hash_plane_size(enum dg_hash_kind kind, int hash_size, dg_size picture)
{
    uint32_t n = (uint32_t)hash_size, side = n;
    uint32_t smaller = picture.width < picture.height ? picture.width : picture.height;

    switch (kind) {
    case DG_PHASH: return (dg_size){4 * n, 4 * n};
    case DG_DHASH: return (dg_size){n + 1, n};
    case DG_DHASH_VERTICAL: return (dg_size){n, n + 1};
    case DG_WHASH:
        while (side <= smaller / 2) side *= 2;
        return (dg_size){side, side};
    default: return (dg_size){n, n};
    }
}

/* Zeros come first where the bits do not fill whole bytes. */
static void pack(const uint8_t *bits, int hash_size, uint8_t *hash)
{
    size_t count = (size_t)hash_size * (size_t)hash_size, bytes = dg_hash_bytes(hash_size);
    size_t padding = bytes * 8 - count;

    memset(hash, 0, bytes);
    for (size_t i = 0; i < count; i++)
        hash[(padding + i) / 8] |= (uint8_t)(bits[i] << (7 - (padding + i) % 8));
}

dg_hash_plan dg_hash_plan_for(unsigned hashes, int hash_size, dg_size picture)
{
    dg_hash_plan p = {0};

    for (int kind = 0; kind < DG_HASH_KINDS; kind++) {
        if (!(hashes & 1u << kind)) continue;
        dg_size size = dg_hash_plane_size((enum dg_hash_kind)kind, hash_size, picture);
        int at = 0;
        while (at < p.count && (p.planes[at].width != size.width || p.planes[at].height != size.height)) at++;
        if (at == p.count) p.planes[p.count++] = size;
        p.of[kind] = at;
    }
    return p;
}

enum dg_code dg_hash_plane(enum dg_hash_kind kind, int hash_size, const uint8_t *plane, dg_size plane_size,
                           uint8_t *hash, dg_err *err)
{
    uint8_t bits[BITS_MAX];
    enum dg_code code = kinds[kind].bits(plane, plane_size, hash_size, bits, err);

    if (!code) pack(bits, hash_size, hash);
    return code;
}

int dg_hash_of_blocks(const uint32_t *sums, int hash_size, uint8_t *hash)
{
    uint8_t bits[BITS_MAX];
    uint64_t wide[BITS_MAX];

    for (int i = 0; i < hash_size * hash_size; i++) wide[i] = sums[i];
    if (!dg_haar_bits_of_sums(wide, hash_size, bits)) return 0;
    pack(bits, hash_size, hash);
    return 1;
}

void dg_hash_views(int hash_size, const uint8_t *plane, uint8_t views[DG_VIEWS][DG_HASH_BYTES_MAX])
{
    /* By orientation: whether horizontal and vertical frequency change places, then odd horizontal or
     * vertical frequencies their sign. */
    static const struct {
        uint8_t transposed, mirrored, flipped;
    } views_of[DG_VIEWS] = {{0, 0, 0}, {0, 1, 0}, {0, 1, 1}, {0, 0, 1},
                            {1, 0, 0}, {1, 1, 0}, {1, 1, 1}, {1, 0, 1}};
    double low[BITS_MAX], seen[BITS_MAX];
    uint8_t bits[BITS_MAX];
    int n = hash_size;

    low_frequencies(plane, n, low);
    for (int v = 0; v < DG_VIEWS; v++) {
        for (int k = 0; k < n; k++) {
            for (int l = 0; l < n; l++) {
                double c = views_of[v].transposed ? low[l * n + k] : low[k * n + l];
                int negative = (views_of[v].mirrored && l % 2) != (views_of[v].flipped && k % 2);
                seen[k * n + l] = negative ? -c : c;
            }
        }
        above_median(seen, n * n, bits);
        pack(bits, n, views[v]);
    }
}
