/*
 * COLLAPSE: find equal rows.
 *
 * Rows of one word are sorted as (key, row) by a radix sort from the most significant varying digit down.
 * Looking at varying bits only keeps it linear on any data: bits all rows share cost nothing, and a bucket of
 * equal keys is recognised by one scan. The first pass scatters into the scratch array; each bucket is then
 * sorted on its own, inside the cache, between the two halves of the work space (the input array is dead
 * after the first pass), so no memory beyond the arguments is needed.
 *
 * Wider rows are sorted by a mixed hash of their words in the same way; runs of equal mixed hash are compared
 * in full. Their distinct rows keep the order of first occurrence, so that they can move down in place.
 */
#include "cpu.h"
#include "radix.h"

#include <stdlib.h>
#include <string.h>

enum {
    TOP_BITS_MAX = 11,  /* first pass: 2048 open cache lines and pages are what a core's L2 and TLB follow */
    LOCAL_BITS_MAX = 8, /* later passes */
    INSERTION_MAX = 24, /* shorter runs are sorted by insertion */
    PIECE_ROWS = 1 << 19, /* rows between two questions to the poll */
};

/* Keys with the row each came from; the same position of both arrays belongs together. */
typedef struct items {
    uint64_t *key;
    uint32_t *row;
} items;

static items items_at(items x, size_t offset)
{
    return (items){x.key + offset, x.row + offset};
}

static uint64_t varying_bits(const uint64_t *key, size_t n)
{
    uint64_t varying = 0;
    for (size_t i = 1; i < n; i++) varying |= key[i] ^ key[0];
    return varying;
}

static uint32_t highest_bit(uint64_t x)
{
    return 63 - (uint32_t)__builtin_clzll(x);
}

static void insertion_sort(items x, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        uint64_t key = x.key[i];
        uint32_t row = x.row[i];
        size_t j = i;
        for (; j > 0 && x.key[j - 1] > key; j--) {
            x.key[j] = x.key[j - 1];
            x.row[j] = x.row[j - 1];
        }
        x.key[j] = key;
        x.row[j] = row;
    }
}

/* Sorts n items of x stably by key, with `spare` as work space of the same length; the result is in x. */
static void sort_run(items x, items spare, size_t n)
{
    if (n <= INSERTION_MAX) {
        insertion_sort(x, n);
        return;
    }
    uint64_t varying = varying_bits(x.key, n);
    if (varying == 0) return;
    uint32_t high = highest_bit(varying) + 1, bits = highest_bit(n) - 1;
    if (bits > LOCAL_BITS_MAX) bits = LOCAL_BITS_MAX;
    if (bits > high) bits = high;
    uint32_t shift = high - bits, mask = (1u << bits) - 1;
    uint32_t end[1 << LOCAL_BITS_MAX] = {0};
    for (size_t i = 0; i < n; i++) end[(x.key[i] >> shift) & mask]++;
    for (uint32_t d = 0, sum = 0; d <= mask; d++) {
        uint32_t count = end[d];
        end[d] = sum;
        sum += count;
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t to = end[(x.key[i] >> shift) & mask]++;
        spare.key[to] = x.key[i];
        spare.row[to] = x.row[i];
    }
    memcpy(x.key, spare.key, n * sizeof *x.key);
    memcpy(x.row, spare.row, n * sizeof *x.row);
    for (uint32_t d = 0, begin = 0; d <= mask; begin = end[d++])
        if (end[d] - begin > 1) sort_run(items_at(x, begin), items_at(spare, begin), end[d] - begin);
}

/* The first digit of a key: its parity where asked for, then `bits` bits from `shift` up. */
typedef struct top_digit {
    uint32_t shift, bits;
    int parity;
} top_digit;

static inline uint32_t digit_of(top_digit d, uint64_t key)
{
    uint32_t digit = (uint32_t)(key >> d.shift) & ((1u << d.bits) - 1);
    if (d.parity) digit |= (uint32_t)__builtin_parityll(key) << d.bits;
    return digit;
}

/*
 * Sorts keys 0..n-1, stably, into `out`; `key` is work space afterwards, as is `spare_row`. With `parity`
 * keys of even popcount come first. *even is their number.
 */
static enum dg_code sort_all(uint64_t *key, uint32_t *spare_row, items out, uint32_t n, int parity,
                             dg_team *team, uint32_t *even, dg_err *err)
{
    uint32_t threads = n < DG_SERIAL_ROWS ? 1 : team->threads;
    top_digit digit = {0, 0, parity};
    uint64_t varying = 0;
#pragma omp parallel for num_threads(threads) if (threads > 1) reduction(| : varying) schedule(static)
    for (uint32_t i = 0; i < n; i++) varying |= key[i] ^ key[0];
    if (varying) {
        uint32_t high = highest_bit(varying) + 1, rows_log2 = highest_bit(n);
        digit.bits = rows_log2 > 6 ? rows_log2 - 6 : 1;
        if (digit.bits > TOP_BITS_MAX) digit.bits = TOP_BITS_MAX;
        if (digit.bits > high) digit.bits = high;
        digit.shift = high - digit.bits;
    }
    uint32_t digits = 1u << (digit.bits + (uint32_t)parity);
    /* position[part * digits + d]: where the part's next key of digit d goes. bucket[d]: where the digit
     * begins. */
    uint32_t *position = calloc((size_t)(threads + 1) * digits + 1, sizeof *position);
    if (!position) return dg_fail_nomem(err, "sorting hashes");
    uint32_t *bucket = position + (size_t)threads * digits;

#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(static, 1)
    for (uint32_t part = 0; part < threads; part++) {
        uint32_t *count = position + (size_t)part * digits;
        for (uint32_t i = dg_part_begin(n, part, threads); i < dg_part_begin(n, part + 1, threads); i++)
            count[digit_of(digit, key[i])]++;
    }
    dg_counts_to_positions(position, threads, digits, bucket);
    *even = parity ? bucket[digits / 2] : n;

#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(static, 1)
    for (uint32_t part = 0; part < threads; part++) {
        uint32_t *to = position + (size_t)part * digits;
        uint32_t begin = dg_part_begin(n, part, threads), end = dg_part_begin(n, part + 1, threads);
        for (uint32_t i = begin; i < end; i++) {
            if ((i - begin) % PIECE_ROWS == 0 && dg_team_stop(team)) break;
            uint32_t at = to[digit_of(digit, key[i])]++;
            out.key[at] = key[i];
            out.row[at] = i;
        }
    }
#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(dynamic, 8)
    for (uint32_t d = 0; d < digits; d++) {
        if (dg_team_stop(team)) continue;
        items spare = {key, spare_row};
        sort_run(items_at(out, bucket[d]), items_at(spare, bucket[d]), bucket[d + 1] - bucket[d]);
    }
    free(position);
    return team->stop == DG_OK ? DG_OK : dg_fail(err, DG_INTERRUPT, "interrupted");
}

/* Writes the distinct keys of the sorted `in` to `key`, and where each begins to first[]. Returns their
 * number. */
static uint32_t keep_distinct(items in, uint32_t n, uint64_t *key, uint32_t *first, dg_team *team)
{
    uint32_t threads = n < DG_SERIAL_ROWS ? 1 : team->threads, unique = 0;
    uint32_t *before = calloc(threads + 1, sizeof *before);
    if (!before) threads = 1; /* then the one part begins at 0 and needs no table */
#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(static, 1)
    for (uint32_t part = 0; part < threads; part++) {
        uint32_t count = 0;
        for (uint32_t i = dg_part_begin(n, part, threads); i < dg_part_begin(n, part + 1, threads); i++)
            count += i == 0 || in.key[i] != in.key[i - 1];
        if (before) before[part + 1] = count;
    }
    for (uint32_t part = 0; before && part < threads; part++) before[part + 1] += before[part];
#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(static, 1) reduction(max : unique)
    for (uint32_t part = 0; part < threads; part++) {
        uint32_t u = before ? before[part] : 0;
        for (uint32_t i = dg_part_begin(n, part, threads); i < dg_part_begin(n, part + 1, threads); i++)
            if (i == 0 || in.key[i] != in.key[i - 1]) {
                key[u] = in.key[i];
                first[u++] = i;
            }
        unique = u;
    }
    free(before);
    first[unique] = n;
    return unique;
}

/* One word a row: the keys are the rows. */
static enum dg_code collapse_narrow(dg_op_collapse *op, dg_team *team, dg_err *err)
{
    items sorted = {op->scratch, op->rows};
    uint32_t even;
    if (sort_all(op->hashes, op->first, sorted, op->n, op->split_parity, team, &even, err)) return err->code;
    op->unique = keep_distinct(sorted, op->n, op->hashes, op->first, team);
    op->even = op->unique;
    if (op->split_parity) {
        uint32_t low = 0, high = op->unique; /* the first distinct row at or after sorted position `even` */
        while (low < high) {
            uint32_t middle = low + (high - low) / 2;
            if (op->first[middle] < even)
                low = middle + 1;
            else
                high = middle;
        }
        op->even = low;
    }
    return DG_OK;
}

/* Mixes a row into 64 bits: multiply and fold a word, with the odd constants of splitmix64 (Steele et al.
 * 2014). */
static uint64_t mix_row(const uint64_t *row, uint32_t words)
{
    uint64_t h = words;
    for (uint32_t w = 0; w < words; w++) {
        h = (h ^ row[w]) * 0xbf58476d1ce4e5b9u;
        h ^= h >> 29;
        h *= 0x94d049bb133111ebu;
        h ^= h >> 32;
    }
    return h;
}

static int compare_rows(const uint64_t *hashes, uint32_t words, uint32_t a, uint32_t b)
{
    int order = memcmp(hashes + (size_t)a * words, hashes + (size_t)b * words, words * sizeof *hashes);
    return order ? order : (a > b) - (a < b);
}

/* Sorts row numbers by (row content, number): heap sort, since qsort takes no context and this hardly ever
 * runs. */
static void sort_by_content(uint32_t *row, uint32_t n, const uint64_t *hashes, uint32_t words)
{
    uint32_t heap = n / 2, end = n;
    for (;;) {
        uint32_t value;
        if (heap > 0)
            value = row[--heap];
        else if (end > 1)
            value = row[--end], row[end] = row[0];
        else
            break;
        uint32_t at = heap;
        for (uint32_t child; (child = 2 * at + 1) < end; at = child) {
            if (child + 1 < end && compare_rows(hashes, words, row[child], row[child + 1]) < 0) child++;
            if (compare_rows(hashes, words, value, row[child]) >= 0) break;
            row[at] = row[child];
        }
        row[at] = value;
    }
}

/* Several words a row. */
static enum dg_code collapse_wide(dg_op_collapse *op, dg_team *team, dg_err *err)
{
    uint32_t n = op->n, words = op->words, even;
    size_t row_bytes = words * sizeof *op->hashes;
    items sorted = {op->scratch, op->rows};
    uint64_t *mixed = malloc((size_t)n * sizeof *mixed);
    if (!mixed) return dg_fail_nomem(err, "sorting hashes");
    uint32_t threads = n < DG_SERIAL_ROWS ? 1 : team->threads;
#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(static)
    for (uint32_t i = 0; i < n; i++) mixed[i] = mix_row(op->hashes + (size_t)i * words, words);
    if (sort_all(mixed, op->first, sorted, n, 0, team, &even, err)) {
        free(mixed);
        return err->code;
    }

    /* leader[r] for a row: the first row equal to it. The mixed hashes are dead, their array holds it. */
    uint32_t *leader = (uint32_t *)mixed, *ordered = op->rows;
    for (uint32_t begin = 0, end; begin < n; begin = end) {
        int same = 1;
        for (end = begin + 1; end < n && sorted.key[end] == sorted.key[begin]; end++)
            if (same && memcmp(op->hashes + (size_t)ordered[begin] * words,
                               op->hashes + (size_t)ordered[end] * words, row_bytes))
                same = 0;
        if (!same) sort_by_content(ordered + begin, end - begin, op->hashes, words);
        for (uint32_t i = begin, lead = begin; i < end; i++) {
            if (memcmp(op->hashes + (size_t)ordered[lead] * words, op->hashes + (size_t)ordered[i] * words,
                       row_bytes))
                lead = i;
            leader[ordered[i]] = ordered[lead];
        }
        if (begin % 1024 == 0 && dg_team_stop(team)) break;
    }
    if (team->stop != DG_OK) {
        free(mixed);
        return dg_fail(err, DG_INTERRUPT, "interrupted");
    }

    /* Number the leaders in read order, move their rows down, and list the rows of each. */
    uint32_t *number = (uint32_t *)op->scratch, unique = 0;
    for (uint32_t i = 0; i < n; i++)
        if (leader[i] == i) {
            number[i] = unique;
            memmove(op->hashes + (size_t)unique * words, op->hashes + (size_t)i * words, row_bytes);
            unique++;
        }
    memset(op->first, 0, ((size_t)unique + 1) * sizeof *op->first);
    for (uint32_t i = 0; i < n; i++) op->first[number[leader[i]] + 1]++;
    for (uint32_t u = 0; u < unique; u++) op->first[u + 1] += op->first[u];
    uint32_t *next = number + n; /* scratch is n uint64: twice as many uint32 */
    memcpy(next, op->first, (size_t)unique * sizeof *next);
    for (uint32_t i = 0; i < n; i++) op->rows[next[number[leader[i]]]++] = i;
    free(mixed);
    op->unique = op->even = unique;
    return DG_OK;
}

enum dg_code dg_cpu_collapse(dg_op_collapse *op, dg_team *team, dg_err *err)
{
    if (op->n == 0) {
        op->unique = op->even = op->first[0] = 0;
        return DG_OK;
    }
    return op->words == 1 ? collapse_narrow(op, team, err) : collapse_wide(op, team, err);
}
