/*
 * Counting bits, and chunks of rows.
 *
 * NVIDIA's processors count the bits of 16 words a clock and add or combine 64, so wide rows are first added
 * bit by bit: a full adder makes of three words one of weight 1 and one of weight 2 (Harley and Seal), two
 * instructions that save one count. Elsewhere counting is as fast as adding, and the plain sum is better.
 */
#if defined(__CUDACC__) || defined(__CUDA__) || defined(DG_HOST)
#define DG_COUNT_BY_ADDERS
#endif

DG_INLINE uint32_t dg_bits_64(uint64_t x)
{
    return DG_BITS_32((uint32_t)x) + DG_BITS_32((uint32_t)(x >> 32));
}

#if defined(DG_COUNT_BY_ADDERS)

/* The adder's two outputs. Compilers, left alone, take more than the two instructions of three inputs that
 * NVIDIA's processors need. */
DG_INLINE uint32_t dg_adder_sum(uint32_t x, uint32_t y, uint32_t z)
{
#if defined(DG_HOST)
    return x ^ y ^ z;
#else
    uint32_t sum;
    asm("lop3.b32 %0, %1, %2, %3, 0x96;" : "=r"(sum) : "r"(x), "r"(y), "r"(z));
    return sum;
#endif
}

DG_INLINE uint32_t dg_adder_carry(uint32_t x, uint32_t y, uint32_t z)
{
#if defined(DG_HOST)
    return (x & y) | (x & z) | (y & z);
#else
    uint32_t carry;
    asm("lop3.b32 %0, %1, %2, %3, 0xe8;" : "=r"(carry) : "r"(x), "r"(y), "r"(z));
    return carry;
#endif
}

/* Set bits of 4 words of 32 bits: 3 counts. */
DG_INLINE uint32_t dg_bits_128(uint64_t x, uint64_t y)
{
    const uint32_t x0 = (uint32_t)x, x1 = (uint32_t)(x >> 32), y0 = (uint32_t)y, y1 = (uint32_t)(y >> 32);
    return DG_BITS_32(dg_adder_sum(x0, x1, y0)) + 2 * DG_BITS_32(dg_adder_carry(x0, x1, y0)) + DG_BITS_32(y1);
}

/* Set bits of 8 words of 32 bits: 4 counts. */
DG_INLINE uint32_t dg_bits_256(uint64_t w, uint64_t x, uint64_t y, uint64_t z)
{
    const uint32_t w0 = (uint32_t)w, w1 = (uint32_t)(w >> 32), x0 = (uint32_t)x, x1 = (uint32_t)(x >> 32);
    const uint32_t y0 = (uint32_t)y, y1 = (uint32_t)(y >> 32), z0 = (uint32_t)z, z1 = (uint32_t)(z >> 32);
    const uint32_t one_a = dg_adder_sum(w0, w1, x0), two_a = dg_adder_carry(w0, w1, x0);
    const uint32_t one_b = dg_adder_sum(x1, y0, y1), two_b = dg_adder_carry(x1, y0, y1);
    const uint32_t one = dg_adder_sum(one_a, one_b, z0), two_c = dg_adder_carry(one_a, one_b, z0);
    const uint32_t two = dg_adder_sum(two_a, two_b, two_c), four = dg_adder_carry(two_a, two_b, two_c);
    return DG_BITS_32(one) + DG_BITS_32(z1) + 2 * DG_BITS_32(two) + 4 * DG_BITS_32(four);
}

#else

DG_INLINE uint32_t dg_bits_128(uint64_t x, uint64_t y)
{
    return dg_bits_64(x) + dg_bits_64(y);
}

DG_INLINE uint32_t dg_bits_256(uint64_t w, uint64_t x, uint64_t y, uint64_t z)
{
    return dg_bits_128(w, x) + dg_bits_128(y, z);
}

#endif

/* Adds to a sum of 64 bits, which are two words, the lower first. */
DG_INLINE void dg_add_64(DG_GLOBAL uint32_t *sum, uint32_t low, uint32_t high)
{
    const uint32_t before = DG_ATOMIC_ADD(&sum[0], low);
    const uint32_t more = high + (before + low < before);
    if (more) DG_ATOMIC_ADD(&sum[1], more);
}

/* Defines name(table, count, group): the last entry whose `first` group is not beyond that one. */
#define DG_DEFINE_SEARCH(name, type)                                                                         \
    DG_INLINE uint32_t name(DG_GLOBAL const type *table, uint32_t count, uint32_t group)                     \
    {                                                                                                        \
        uint32_t begin = 0, end = count;                                                                     \
        while (end - begin > 1) {                                                                            \
            const uint32_t middle = begin + (end - begin) / 2;                                               \
            if (table[middle].first <= group)                                                                \
                begin = middle;                                                                              \
            else                                                                                             \
                end = middle;                                                                                \
        }                                                                                                    \
        return begin;                                                                                        \
    }

DG_DEFINE_SEARCH(dg_piece_of, dg_piece)
DG_DEFINE_SEARCH(dg_resize_pass_of, dg_resize_pass)
DG_DEFINE_SEARCH(dg_quality_pass_of, dg_quality_pass)

/* Bits [start, start + width) of a row, as dg_chunk_value of ops.h. */
DG_INLINE uint32_t dg_chunk_of(DG_GLOBAL const uint64_t *row, uint32_t start, uint32_t width)
{
    const uint32_t word = start / 64, offset = start % 64;
    uint64_t top = row[word] << offset;
    if (offset + width > 64) top |= row[word + 1] >> (64 - offset);
    return (uint32_t)(top >> (64 - width));
}

/* The number of bits in which two rows differ. */
DG_INLINE uint32_t dg_distance(DG_GLOBAL const uint64_t *x, DG_GLOBAL const uint64_t *y, uint32_t words)
{
    uint32_t sum = 0, w = 0;
    for (; w + 4 <= words; w += 4)
        sum += dg_bits_256(x[w] ^ y[w], x[w + 1] ^ y[w + 1], x[w + 2] ^ y[w + 2], x[w + 3] ^ y[w + 3]);
    for (; w < words; w++) sum += dg_bits_64(x[w] ^ y[w]);
    return sum;
}

DG_KERNEL(zero, DG_GLOBAL uint32_t *memory, const dg_zero_arguments a)
{
    DG_LANES(l)
    {
        if (DG_NUMBER(l) < a.count) memory[DG_NUMBER(l)] = 0;
    }
}
