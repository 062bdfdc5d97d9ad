#include "deflate.h"

#include <stdlib.h>
#include <string.h>

enum {
    END_OF_BLOCK = 256,
    MATCH_LEAST = 3,
    MATCH_MOST = 258,
    LENGTH_SYMBOLS = 19, /* of the code in which code lengths are written */
    TOKEN_KINDS = 256 + MATCH_MOST + 1,
    FIXED_SYMBOLS = 288, /* of the code that blocks may use without telling it */
    HEADER_BYTES = 600,  /* more than a header and an end take: 17 + 19*3 + 287*14 bits, 15, and a flush */
    TOKEN_BYTES = 4,     /* more than a token takes: 15 bits, 5 extra, 5 of distance */
};

int dg_bytes_reserve(dg_bytes *bytes, size_t more)
{
    if (bytes->capacity - bytes->count >= more) return 1;
    size_t capacity = bytes->capacity + bytes->capacity / 2;
    if (capacity < bytes->count + more) capacity = bytes->count + more;
    uint8_t *data = realloc(bytes->data, capacity);
    if (!data) return 0;
    bytes->data = data;
    bytes->capacity = capacity;
    return 1;
}

/* --- code lengths --- */

/* Symbols that occur, by frequency and then by number. `order` has room for `count`. Returns how many. */
static unsigned sort_symbols(const uint32_t *frequency, unsigned count, uint16_t *order)
{
    enum { DIGIT = 6, MASK = (1 << DIGIT) - 1 }; /* sorted by so many bits at a time */
    uint16_t other[DG_DEFLATE_LITERALS];
    uint32_t largest = 0;
    unsigned used = 0;
    for (unsigned s = 0; s < count; s++) { /* without a branch: which symbols occur cannot be foreseen */
        other[used] = (uint16_t)s;
        used += frequency[s] != 0;
        largest = frequency[s] > largest ? frequency[s] : largest;
    }
    memcpy(order, other, used * sizeof *order);
    for (unsigned shift = 0; shift < 32 && largest >> shift; shift += DIGIT) {
        uint16_t place[(1 << DIGIT) + 1] = {0};
        for (unsigned i = 0; i < used; i++) place[(frequency[order[i]] >> shift & MASK) + 1]++;
        for (unsigned d = 0; d < MASK; d++) place[d + 1] = (uint16_t)(place[d + 1] + place[d]);
        for (unsigned i = 0; i < used; i++) other[place[frequency[order[i]] >> shift & MASK]++] = order[i];
        memcpy(order, other, used * sizeof *order);
    }
    return used;
}

/*
 * Depths of the leaves of a Huffman tree over weights that ascend, in place; n >= 2. Moffat and Katajainen,
 * "In-place calculation of minimum-redundancy codes", 1995. The depths descend.
 */
static void huffman_depths(uint32_t *a, int n)
{
    int root = 0, leaf = 2;
    a[0] += a[1];
    for (int next = 1; next < n - 1; next++) {
        for (int pick = 0; pick < 2; pick++) {
            uint32_t weight;
            if (leaf >= n || (root < next && a[root] < a[leaf])) {
                weight = a[root];
                a[root++] = (uint32_t)next;
            } else {
                weight = a[leaf++];
            }
            a[next] = pick ? a[next] + weight : weight;
        }
    }
    a[n - 2] = 0;
    for (int next = n - 3; next >= 0; next--) a[next] = a[a[next]] + 1;
    int available = 1, next = n - 1;
    root = n - 2;
    for (uint32_t depth = 0; available > 0; depth++) {
        int used = 0;
        while (root >= 0 && a[root] == depth) used++, root--;
        while (available > used) a[next--] = depth, available--;
        available = 2 * used;
    }
}

/*
 * Shortens words longer than `most`, given how many there are of each length: too long ones become as long as
 * is allowed, and for each unit of 2^-most that this takes too much one word goes down a level.
 */
static void limit_lengths(unsigned *of_length, unsigned longest, unsigned most)
{
    for (unsigned l = most + 1; l <= longest; l++) of_length[most] += of_length[l];
    uint32_t taken = 0;
    for (unsigned l = 1; l <= most; l++) taken += of_length[l] << (most - l);
    for (; taken > 1u << most; taken--) {
        unsigned l = most - 1;
        while (of_length[l] == 0) l--;
        of_length[most]--;
        of_length[l]--;
        of_length[l + 1] += 2;
    }
}

void dg_deflate_lengths(const uint32_t *frequency, unsigned count, unsigned most, uint8_t *lengths)
{
    uint16_t order[DG_DEFLATE_LITERALS];
    uint32_t depth[DG_DEFLATE_LITERALS];
    unsigned of_length[DG_DEFLATE_LITERALS] = {0};
    unsigned used = sort_symbols(frequency, count, order);

    memset(lengths, 0, count);
    if (used == 1) lengths[order[0]] = 1;
    if (used < 2) return;
    for (unsigned i = 0; i < used; i++) depth[i] = frequency[order[i]];
    huffman_depths(depth, (int)used);
    for (unsigned i = 0; i < used; i++) of_length[depth[i]]++;
    limit_lengths(of_length, depth[0], most);
    unsigned next = used;
    for (unsigned l = 1; l <= most; l++)
        for (unsigned i = 0; i < of_length[l]; i++) lengths[order[--next]] = (uint8_t)l;
}

/* Sixteen bits in the opposite order. */
static uint32_t reversed(uint32_t w)
{
    w = (w & 0x5555) << 1 | (w >> 1 & 0x5555);
    w = (w & 0x3333) << 2 | (w >> 2 & 0x3333);
    w = (w & 0x0f0f) << 4 | (w >> 4 & 0x0f0f);
    return (w & 0x00ff) << 8 | w >> 8;
}

/* The code words that RFC 1951 gives to lengths, their first bit lowest. */
static void code_words(const uint8_t *lengths, unsigned count, uint32_t *words)
{
    uint32_t next[DG_DEFLATE_CODE_BITS + 1] = {0};
    for (unsigned s = 0; s < count; s++) next[lengths[s]]++;
    uint32_t word = 0;
    for (unsigned l = 1; l <= DG_DEFLATE_CODE_BITS; l++) {
        uint32_t words_of_length = next[l];
        next[l] = word;
        word = (word + words_of_length) << 1;
    }
    for (unsigned s = 0; s < count; s++) {
        const unsigned l = lengths[s];
        words[s] = l ? reversed(next[l]++) >> (16 - l) : 0;
    }
}

/* --- lengths of matches --- */

/* A symbol for lengths from `base` on: 2^extra of them. */
static const struct length_class {
    uint16_t base;
    uint8_t extra;
} length_classes[] = {
    {3, 0},  {4, 0},  {5, 0},  {6, 0},   {7, 0},   {8, 0},   {9, 0},   {10, 0},  {11, 1},  {13, 1},
    {15, 1}, {17, 1}, {19, 2}, {23, 2},  {27, 2},  {31, 2},  {35, 3},  {43, 3},  {51, 3},  {59, 3},
    {67, 4}, {83, 4}, {99, 4}, {115, 4}, {131, 5}, {163, 5}, {195, 5}, {227, 5}, {258, 0},
};

/* The symbol of a run's match; of one too short for a match, the place behind the symbols. */
#define TIMES_2(x) x, x
#define TIMES_4(x) TIMES_2(x), TIMES_2(x)
#define TIMES_8(x) TIMES_4(x), TIMES_4(x)
#define TIMES_16(x) TIMES_8(x), TIMES_8(x)
#define TIMES_32(x) TIMES_16(x), TIMES_16(x)
static const uint16_t symbol_of_run[MATCH_MOST + 1] = {
    286,           286,           286,           257,           258,           259,
    260,           261,           262,           263,           264,           TIMES_2(265),
    TIMES_2(266),  TIMES_2(267),  TIMES_2(268),  TIMES_4(269),  TIMES_4(270),  TIMES_4(271),
    TIMES_4(272),  TIMES_8(273),  TIMES_8(274),  TIMES_8(275),  TIMES_8(276),  TIMES_16(277),
    TIMES_16(278), TIMES_16(279), TIMES_16(280), TIMES_32(281), TIMES_32(282), TIMES_32(283),
    TIMES_16(284), TIMES_8(284),  TIMES_4(284),  TIMES_2(284),  284,           285,
};

/* --- output --- */

/* Bits on their way out: a copy of the stream's that can stay in registers. */
struct pen {
    uint64_t bits;
    unsigned count;
    uint8_t *to;
};

/* Up to 32 bits, those above `count` 0, of no more than 56 between two calls of flush. */
static inline void put(struct pen *pen, uint32_t bits, unsigned count)
{
    pen->bits |= (uint64_t)bits << pen->count;
    pen->count += count;
}

/* Writes whole bytes. There is room for eight. */
static inline void flush(struct pen *pen)
{
    for (int i = 0; i < 8; i++) pen->to[i] = (uint8_t)(pen->bits >> 8 * i);
    pen->to += pen->count / 8;
    pen->bits >>= pen->count & ~7u;
    pen->count &= 7;
}

static inline void put_and_flush(struct pen *pen, uint32_t bits, unsigned count)
{
    put(pen, bits, count);
    flush(pen);
}

/* What stands for a token in a block: its code word, extra bits and, for a match, the distance's one bit. */
struct word {
    uint32_t bits;
    uint32_t count;
};

static void make_words(const uint8_t *lengths, const uint32_t *codes, unsigned distance_bits,
                       struct word *words)
{
    for (unsigned byte = 0; byte < 256; byte++) words[byte] = (struct word){codes[byte], lengths[byte]};
    for (unsigned c = 0; c < sizeof length_classes / sizeof *length_classes; c++) {
        const unsigned symbol = 257 + c, base = 256 + length_classes[c].base, extra = length_classes[c].extra;
        if (lengths[symbol] == 0) continue;
        for (unsigned i = 0; i < 1u << extra && base + i < TOKEN_KINDS; i++)
            words[base + i] =
                (struct word){codes[symbol] | i << lengths[symbol], lengths[symbol] + extra + distance_bits};
    }
}

/* Writes one list of code lengths as runs: symbols 16, 17 and 18 repeat. Returns how many symbols. */
static unsigned run_lengths(const uint8_t *lengths, unsigned count, uint8_t *symbols, uint8_t *repeats)
{
    unsigned n = 0;
    for (unsigned i = 0, run; i < count; i += run) {
        for (run = 1; i + run < count && lengths[i + run] == lengths[i];) run++;
        unsigned left = run;
        if (lengths[i]) {
            symbols[n++] = lengths[i];
            left--;
        }
        while (left >= 3) {
            unsigned most = lengths[i] ? 6 : 138, take = left < most ? left : most;
            symbols[n] = lengths[i] ? 16 : take < 11 ? 17 : 18;
            repeats[n++] = (uint8_t)(take - (take < 11 ? 3 : 11));
            left -= take;
        }
        while (left--) symbols[n++] = lengths[i];
    }
    return n;
}

/* The header of a block with codes of its own. */
struct header {
    unsigned literals; /* lengths of the literal code that are written */
    uint8_t symbols[DG_DEFLATE_LITERALS + 1], repeats[DG_DEFLATE_LITERALS + 1];
    unsigned count;
    uint8_t lengths[LENGTH_SYMBOLS];
    unsigned written; /* of those */
    uint32_t bits;    /* of it all */
};

static const uint8_t length_order[LENGTH_SYMBOLS] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                     11, 4,  12, 3, 13, 2, 14, 1, 15};
static const uint8_t repeat_bits[LENGTH_SYMBOLS] = {[16] = 2, [17] = 3, [18] = 7};

static void make_header(const uint8_t *lengths, struct header *h)
{
    uint32_t frequency[LENGTH_SYMBOLS] = {0};
    uint8_t all[DG_DEFLATE_LITERALS + 1];
    h->literals = DG_DEFLATE_LITERALS;
    while (h->literals > 257 && lengths[h->literals - 1] == 0) h->literals--;
    memcpy(all, lengths, h->literals);
    all[h->literals] = 1; /* the one distance */
    h->count = run_lengths(all, h->literals + 1, h->symbols, h->repeats);
    for (unsigned i = 0; i < h->count; i++) frequency[h->symbols[i]]++;
    dg_deflate_lengths(frequency, LENGTH_SYMBOLS, 7, h->lengths);
    h->written = LENGTH_SYMBOLS;
    while (h->written > 4 && h->lengths[length_order[h->written - 1]] == 0) h->written--;
    h->bits = 3 + 14 + 3 * h->written;
    for (unsigned s = 0; s < LENGTH_SYMBOLS; s++) h->bits += frequency[s] * (h->lengths[s] + repeat_bits[s]);
}

static void write_header(struct pen *pen, const struct header *h)
{
    uint32_t codes[LENGTH_SYMBOLS];
    put_and_flush(pen, h->literals - 257, 5);
    put_and_flush(pen, 0, 5); /* one distance */
    put_and_flush(pen, h->written - 4, 4);
    for (unsigned i = 0; i < h->written; i++) put_and_flush(pen, h->lengths[length_order[i]], 3);
    code_words(h->lengths, LENGTH_SYMBOLS, codes);
    for (unsigned i = 0; i < h->count; i++) {
        unsigned s = h->symbols[i];
        put_and_flush(pen, codes[s], h->lengths[s]);
        if (repeat_bits[s]) put_and_flush(pen, h->repeats[i], repeat_bits[s]);
    }
}

/* Two at a time, which are no more than 50 bits. */
static void write_tokens(struct pen *pen, const dg_deflate *d, const struct word *words)
{
    size_t i = 0;
    for (; i + 2 <= d->count; i += 2) {
        const struct word a = words[d->tokens[i]], b = words[d->tokens[i + 1]];
        put(pen, a.bits, a.count);
        put_and_flush(pen, b.bits, b.count);
    }
    if (i < d->count) put_and_flush(pen, words[d->tokens[i]].bits, words[d->tokens[i]].count);
}

/* Bits of the only distance in a block with codes of its own, and in one with the fixed codes. */
enum { OWN_DISTANCE_BITS = 1, FIXED_DISTANCE_BITS = 5 };

static uint64_t body_bits(const uint32_t *frequency, const uint8_t *lengths)
{
    uint64_t bits = 0;
    for (unsigned s = 0; s < DG_DEFLATE_LITERALS; s++) bits += (uint64_t)frequency[s] * lengths[s];
    return bits;
}

static uint64_t fixed_bits(const uint32_t *frequency, uint8_t *fixed)
{
    uint64_t bits;
    for (unsigned s = 0; s < FIXED_SYMBOLS; s++) fixed[s] = s < 144 ? 8 : s < 256 ? 9 : s < 280 ? 7 : 8;
    bits = body_bits(frequency, fixed);
    for (unsigned s = END_OF_BLOCK + 1; s < DG_DEFLATE_LITERALS; s++)
        bits += (FIXED_DISTANCE_BITS - OWN_DISTANCE_BITS) * frequency[s];
    return bits;
}

/* Writes the tokens as a block, with codes of its own unless the fixed ones are shorter. */
static void write_block(dg_deflate *d, int last)
{
    uint8_t lengths[FIXED_SYMBOLS] = {0}, fixed[FIXED_SYMBOLS];
    uint32_t codes[FIXED_SYMBOLS];
    struct word words[TOKEN_KINDS];
    struct header header;

    d->frequency[END_OF_BLOCK] = 1;
    dg_deflate_lengths(d->frequency, DG_DEFLATE_LITERALS, DG_DEFLATE_CODE_BITS, lengths);
    make_header(lengths, &header);
    int is_fixed = fixed_bits(d->frequency, fixed) <= header.bits + body_bits(d->frequency, lengths);

    if (!dg_bytes_reserve(d->out, HEADER_BYTES + TOKEN_BYTES * d->count)) {
        d->failed = 1;
    } else {
        struct pen pen = {d->bits, d->bit_count, d->out->data + d->out->count};
        put_and_flush(&pen, (unsigned)last | (is_fixed ? 2 : 4), 3);
        if (!is_fixed) write_header(&pen, &header);
        if (is_fixed) memcpy(lengths, fixed, sizeof lengths);
        code_words(lengths, FIXED_SYMBOLS, codes);
        make_words(lengths, codes, is_fixed ? FIXED_DISTANCE_BITS : OWN_DISTANCE_BITS, words);
        write_tokens(&pen, d, words);
        put_and_flush(&pen, codes[END_OF_BLOCK], lengths[END_OF_BLOCK]);
        d->out->count = (size_t)(pen.to - d->out->data);
        d->bits = pen.bits;
        d->bit_count = pen.count;
    }
    memset(d->frequency, 0, sizeof d->frequency);
    d->count = 0;
}

/* --- tokens --- */

static inline void add_token(dg_deflate *d, unsigned symbol, unsigned token)
{
    if (d->count == DG_DEFLATE_TOKENS) write_block(d, 0);
    d->frequency[symbol]++;
    d->tokens[d->count++] = (uint16_t)token;
}

enum { ROW_TOKENS = 2 * (DG_DEFLATE_ROW_MAX + 1) }; /* more than a row has */

/* Turns the repetitions that wait into tokens, and leaves room for a row. */
static void end_run(dg_deflate *d)
{
    while (d->run) {
        unsigned length = d->run < MATCH_MOST ? (unsigned)d->run : MATCH_MOST;
        if (length >= MATCH_LEAST)
            add_token(d, symbol_of_run[length], 256 + length);
        else
            for (unsigned i = 0; i < length; i++) add_token(d, (uint8_t)d->previous, (uint8_t)d->previous);
        d->run -= length;
    }
    if (d->count + ROW_TOKENS > DG_DEFLATE_TOKENS) write_block(d, 0);
}

void dg_deflate_start(dg_deflate *d, dg_bytes *out)
{
    d->out = out;
    d->previous = -1;
    d->run = 0;
    d->sum1 = 1;
    d->sum2 = 0;
    d->bits = 0;
    d->bit_count = 0;
    d->count = 0;
    memset(d->frequency, 0, sizeof d->frequency);
    d->failed = !dg_bytes_reserve(out, 2);
    if (d->failed) return;
    out->data[out->count++] = 0x78; /* deflate, window of 32 KB */
    out->data[out->count++] = 0x01; /* the fastest method; a multiple of 31 with the byte before */
}

void dg_deflate_run(dg_deflate *d, uint8_t byte, uint64_t count)
{
    if (count == 0) return;
    d->sum2 += d->sum1 * count + byte * (count * (count + 1) / 2);
    d->sum1 += byte * count;
    if (d->previous != byte) {
        end_run(d);
        add_token(d, byte, byte);
        d->previous = byte;
        count--;
    }
    d->run += count;
}

/*
 * The run before a byte that differs, and the byte, where there is room for both. Most runs are a match or
 * nothing, and which of them cannot be foreseen; so that takes no branch: a match that is none is written
 * over, and counted where nobody looks.
 */
static inline void add_run_and_byte(dg_deflate *d, uint64_t run, uint8_t before, uint8_t byte)
{
    if (run - 1 < MATCH_LEAST - 1 || run > MATCH_MOST) {
        d->previous = before;
        d->run = run;
        end_run(d);
        run = 0;
    }
    d->frequency[symbol_of_run[run]]++;
    d->tokens[d->count] = (uint16_t)(256 + run);
    d->count += run != 0;
    d->frequency[byte]++;
    d->tokens[d->count++] = byte;
}

/*
 * Sums of Adler-32 over a row: where the byte changes by `step` with `left` bytes to come, itself among them,
 * each of those is larger by that.
 */
struct sums {
    int64_t bytes, weighted;
};

static inline void sum_step(struct sums *sums, int64_t step, int64_t left)
{
    sums->bytes += step * left;
    sums->weighted += step * (left * (left + 1) / 2);
}

void dg_deflate_row(dg_deflate *d, uint8_t lead, const uint8_t *bytes, const uint64_t *starts, size_t count)
{
    const int64_t size = (int64_t)count + 1;
    struct sums sums = {0};
    uint8_t before = lead;
    if (d->count + ROW_TOKENS > DG_DEFLATE_TOKENS) write_block(d, 0);
    if (d->previous != lead) {
        add_run_and_byte(d, d->run, (uint8_t)d->previous, lead);
        d->run = 0;
    } else {
        d->run++;
    }
    sum_step(&sums, lead, size);

    size_t next = 0; /* the byte after the last one taken */
    uint64_t run = d->run;
    for (size_t word = 0; word < count; word += 64)
        for (uint64_t bits = starts[word / 64]; bits; bits &= bits - 1) {
            const size_t at = word + (size_t)__builtin_ctzll(bits);
            add_run_and_byte(d, run + at - next, before, bytes[at]);
            sum_step(&sums, bytes[at] - before, (int64_t)(count - at));
            before = bytes[at];
            next = at + 1;
            run = 0;
        }
    d->run = run + count - next;
    d->previous = before;
    d->sum2 += d->sum1 * (uint64_t)size + (uint64_t)sums.weighted;
    d->sum1 += (uint64_t)sums.bytes;
}

int dg_deflate_finish(dg_deflate *d)
{
    enum { ADLER = 65521 };
    end_run(d);
    write_block(d, 1);
    if (d->failed || !dg_bytes_reserve(d->out, 8)) return 0;
    uint8_t *to = d->out->data + d->out->count;
    uint32_t sum = (uint32_t)(d->sum2 % ADLER) << 16 | (uint32_t)(d->sum1 % ADLER);
    if (d->bit_count) *to++ = (uint8_t)d->bits;
    for (int shift = 24; shift >= 0; shift -= 8) *to++ = (uint8_t)(sum >> shift);
    d->out->count = (size_t)(to - d->out->data);
    return 1;
}
