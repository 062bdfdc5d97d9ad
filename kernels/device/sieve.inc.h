/*
 * The loops of COMPARE for a sieve of DG_SIEVE bits.
 *
 * After DG_BLOCK rows that passed, a lane looks whether one of them was near: few enough that a random hit
 * among all lanes that look together stays rare.
 */
#if DG_SIEVE == 32
#define DG_WORD uint32_t
#define DG_SIEVE_WORDS 1
#define DG_BLOCK 8
#else
#define DG_WORD uint64_t
#define DG_SIEVE_WORDS (DG_SIEVE / 64)
#define DG_BLOCK 16
#endif
#define DG_HELD DG_TILE_HELD(DG_SIEVE)
#define DG_PASSING DG_TILE_PASSING(DG_SIEVE)

DG_INLINE void DG_SIZED(dg_sieve_load)(const dg_view *v, uint32_t position, DG_WORD *out)
{
#if DG_SIEVE == 32
    out[0] = dg_sieve_half(v, position);
#else
    DG_UNROLL(4)
    for (uint32_t w = 0; w < DG_SIEVE_WORDS; w++) out[w] = dg_sieve_word(v, position, w);
#endif
}

DG_INLINE uint32_t DG_SIZED(dg_sieve_distance)(const DG_WORD *x, const DG_WORD *y)
{
#if DG_SIEVE == 32
    return DG_BITS_32(x[0] ^ y[0]);
#elif DG_SIEVE == 64
    return dg_bits_64(x[0] ^ y[0]);
#elif DG_SIEVE == 128
    return dg_bits_128(x[0] ^ y[0], x[1] ^ y[1]);
#else
    return dg_bits_256(x[0] ^ y[0], x[1] ^ y[1], x[2] ^ y[2], x[3] ^ y[3]);
#endif
}

/*
 * A group compares DG_GROUP * DG_HELD rows, held in registers, with DG_PASSING rows in shared memory. A lane
 * keeps the least distance of each of its rows and looks at it once for DG_BLOCK rows that passed; only
 * where it is within the threshold are these compared again, one by one.
 */
DG_SIZED_KERNEL(tiles, DG_SIEVE, DG_GLOBAL const uint64_t *hashes_a, DG_GLOBAL const uint64_t *sieve_a,
                DG_GLOBAL const uint32_t *index_a, DG_GLOBAL const uint64_t *hashes_b,
                DG_GLOBAL const uint64_t *sieve_b, DG_GLOBAL const uint32_t *index_b,
                DG_GLOBAL const dg_piece *pieces, DG_GLOBAL const uint32_t *seen, DG_GLOBAL uint32_t *counts,
                DG_GLOBAL uint64_t *keys, const dg_compare_arguments arguments)
{
    DG_SHARED(DG_WORD, passing, DG_PASSING * DG_SIEVE_WORDS);
    const uint32_t group = arguments.first_group + DG_GROUP_NUMBER;
    const dg_piece piece = pieces[dg_piece_of(pieces, arguments.pieces, group)];
    const dg_view a = dg_view_of(hashes_a, sieve_a, index_a, arguments.a);
    const dg_view b = dg_view_of(hashes_b, sieve_b, index_b, arguments.b);
    const int swapped = (piece.flags & DG_PIECE_SWAPPED) != 0;
    const int diagonal = (piece.flags & DG_PIECE_DIAGONAL) != 0;
    const dg_view held_view = swapped ? b : a, passing_view = swapped ? a : b;

    /* Positions [x0, x0 + rows) are held, [y0, y0 + n) pass. */
    const uint32_t part = group - piece.first;
    const uint32_t x0 = (swapped ? piece.b0 : piece.a0) + part / piece.columns * (DG_GROUP * DG_HELD);
    const uint32_t y0 = (swapped ? piece.a0 : piece.b0) + part % piece.columns * DG_PASSING;
    const uint32_t rows = dg_least((swapped ? piece.b1 : piece.a1) - x0, DG_GROUP * DG_HELD);
    const uint32_t n = dg_least((swapped ? piece.a1 : piece.b1) - y0, DG_PASSING);
    if (diagonal && y0 + n <= x0) return;

    /* The last row stands in for those a block lacks: it is near whenever one of them is. */
    const uint32_t filled = (n + DG_BLOCK - 1) / DG_BLOCK * DG_BLOCK;
    DG_LANES(l)
    {
        for (uint32_t i = l; i < filled; i += DG_GROUP) {
            DG_WORD y[DG_SIEVE_WORDS];
            DG_SIZED(dg_sieve_load)(&passing_view, y0 + dg_least(i, n - 1), y);
            DG_UNROLL(4)
            for (uint32_t w = 0; w < DG_SIEVE_WORDS; w++) passing[i * DG_SIEVE_WORDS + w] = y[w];
        }
    }
    DG_BARRIER
    DG_LANES(l)
    {
        DG_WORD held[DG_HELD][DG_SIEVE_WORDS];
        DG_UNROLL(8)
        for (uint32_t r = 0; r < DG_HELD; r++)
            DG_SIZED(dg_sieve_load)(&held_view, x0 + dg_least(r * DG_GROUP + l, rows - 1), held[r]);
        int full = 0;
        for (uint32_t block = 0; block < n && !full; block += DG_BLOCK) {
            uint32_t best[DG_HELD];
            DG_UNROLL(8)
            for (uint32_t r = 0; r < DG_HELD; r++) best[r] = ~0u;
            DG_UNROLL(4)
            for (uint32_t k = 0; k < DG_BLOCK; k++) {
                DG_WORD y[DG_SIEVE_WORDS];
                DG_UNROLL(4)
                for (uint32_t w = 0; w < DG_SIEVE_WORDS; w++)
                    y[w] = passing[(block + k) * DG_SIEVE_WORDS + w];
                DG_UNROLL(8)
                for (uint32_t r = 0; r < DG_HELD; r++)
                    best[r] = dg_least(best[r], DG_SIZED(dg_sieve_distance)(held[r], y));
            }
            uint32_t near = 0;
            DG_UNROLL(8)
            for (uint32_t r = 0; r < DG_HELD; r++) near |= (uint32_t)(best[r] <= arguments.threshold) << r;
            for (uint32_t r = 0; near >> r; r++) {
                if (!(near >> r & 1) || r * DG_GROUP + l >= rows) continue;
                const uint32_t x = x0 + r * DG_GROUP + l;
                DG_WORD again[DG_SIEVE_WORDS];
                DG_SIZED(dg_sieve_load)(&held_view, x, again);
                for (uint32_t k = block; k < dg_least(block + DG_BLOCK, n); k++) {
                    DG_WORD y[DG_SIEVE_WORDS];
                    DG_UNROLL(4)
                    for (uint32_t w = 0; w < DG_SIEVE_WORDS; w++) y[w] = passing[k * DG_SIEVE_WORDS + w];
                    if (DG_SIZED(dg_sieve_distance)(again, y) > arguments.threshold) continue;
                    if (diagonal && y0 + k <= x) continue;
                    full |= dg_verify(&a, &b, swapped ? y0 + k : x, swapped ? x : y0 + k, seen, &arguments,
                                      &counts[piece.slot], keys + (uint64_t)piece.slot * arguments.capacity);
                }
            }
        }
    }
}

/*
 * The groups of a piece share the positions of its buckets, a position a lane at a time: its row meets the
 * rows of every bucket a mask away, four at a time. Lanes beside each other are mostly of one bucket and
 * read the same rows. Behind the hits of all slots, counts has two words for each: the pairs compared.
 */
DG_SIZED_KERNEL(buckets, DG_SIEVE, DG_GLOBAL const uint64_t *hashes_a, DG_GLOBAL const uint64_t *sieve_a,
                DG_GLOBAL const uint32_t *index_a, DG_GLOBAL const uint32_t *offsets_a,
                DG_GLOBAL const uint64_t *hashes_b, DG_GLOBAL const uint64_t *sieve_b,
                DG_GLOBAL const uint32_t *index_b, DG_GLOBAL const uint32_t *offsets_b,
                DG_GLOBAL const dg_piece *pieces, DG_GLOBAL const uint32_t *masks,
                DG_GLOBAL const uint32_t *seen, DG_GLOBAL uint32_t *counts, DG_GLOBAL uint64_t *keys,
                const dg_compare_arguments arguments)
{
    DG_SHARED(uint64_t, sum, DG_GROUP);
    const uint32_t group = arguments.first_group + DG_GROUP_NUMBER;
    const uint32_t number = dg_piece_of(pieces, arguments.pieces, group);
    const dg_piece piece = pieces[number];
    const uint32_t groups = pieces[number + 1].first - piece.first;
    const dg_view a = dg_view_of(hashes_a, sieve_a, index_a, arguments.a);
    const dg_view b = dg_view_of(hashes_b, sieve_b, index_b, arguments.b);
    DG_GLOBAL uint32_t *count = &counts[piece.slot];
    DG_GLOBAL uint64_t *slot = keys + (uint64_t)piece.slot * arguments.capacity;
    DG_LANES(l)
    {
        uint64_t compared = 0;
        int full = 0;
        const uint32_t end = offsets_a[piece.a1];
        for (uint64_t at = offsets_a[piece.a0] + (uint64_t)(group - piece.first) * DG_GROUP + l;
             at < end && !full; at += (uint64_t)groups * DG_GROUP) {
            const uint32_t p = (uint32_t)at;
            const uint32_t v =
                dg_chunk_of(dg_row_words(&a, dg_row_at(&a, p)), arguments.a.start, arguments.a.width);
            DG_WORD x[DG_SIEVE_WORDS];
            DG_SIZED(dg_sieve_load)(&a, p, x);
            for (uint32_t m = 0; m < arguments.mask_count && !full; m++) {
                const uint32_t u = v ^ masks[m];
                if (arguments.self && u < v) continue;
                const uint32_t stop = offsets_b[u + 1];
                const uint32_t begin = arguments.self && u == v ? p + 1 : offsets_b[u];
                compared += stop - begin;
                for (uint64_t q = begin; q < stop && !full; q += 4) {
                    const uint32_t left = stop - (uint32_t)q;
                    uint32_t near = 0;
                    DG_UNROLL(4)
                    for (uint32_t i = 0; i < 4; i++) {
                        DG_WORD y[DG_SIEVE_WORDS];
                        DG_SIZED(dg_sieve_load)(&b, (uint32_t)q + dg_least(i, left - 1), y);
                        near |= (uint32_t)(DG_SIZED(dg_sieve_distance)(x, y) <= arguments.threshold) << i;
                    }
                    for (uint32_t i = 0; near >> i && i < left; i++)
                        if (near >> i & 1)
                            full |= dg_verify(&a, &b, p, (uint32_t)q + i, seen, &arguments, count, slot);
                }
            }
        }
        sum[l] = compared;
    }
    DG_BARRIER
    DG_SUM_UP(sum)
    DG_LANES(l)
    {
        if (l == 0) dg_add_64(counts + DG_SLOTS + 2 * piece.slot, (uint32_t)sum[0], (uint32_t)(sum[0] >> 32));
    }
}

#undef DG_WORD
#undef DG_SIEVE_WORDS
#undef DG_HELD
#undef DG_BLOCK
#undef DG_PASSING
