/*
 * HISTOGRAM: a group counts DG_HISTOGRAM_SIDE rows with as many others, 64 with 64 at a time, of which a lane
 * has 4 with 4. Rows come through shared memory, 8 words at a time, so any width is the same work for each
 * word. Counters are in shared memory as long as they fit, several of each so that lanes do not wait for each
 * other, and are added to those of the unit at the end.
 */
#define DG_COUNT_SIDE 64
#define DG_COUNT_WORDS 8
#define DG_COUNT_STRIDE 9 /* words of a row in shared memory: odd, so that rows lie in different banks */

/* Words [w, w + n) of 64 rows from `row`, where there are any, to shared memory. */
DG_INLINE void dg_count_load(DG_GLOBAL const uint64_t *hashes, uint32_t words, uint32_t row, uint32_t rows,
                             uint32_t w, uint32_t n, uint32_t l, DG_LOCAL uint64_t *out)
{
    for (uint32_t i = l; i < DG_COUNT_SIDE * n; i += DG_GROUP) {
        const uint32_t r = i / n, k = i % n;
        if (r < rows) out[r * DG_COUNT_STRIDE + k] = hashes[((uint64_t)row + r) * words + w + k];
    }
}

DG_KERNEL(histogram, DG_GLOBAL const uint64_t *hashes_a, DG_GLOBAL const uint64_t *hashes_b,
          DG_GLOBAL const dg_piece *pieces, DG_GLOBAL uint32_t *counts, const dg_histogram_arguments a)
{
    DG_SHARED(uint64_t, x, DG_COUNT_SIDE * DG_COUNT_STRIDE);
    DG_SHARED(uint64_t, y, DG_COUNT_SIDE * DG_COUNT_STRIDE);
    DG_SHARED(uint32_t, tally, DG_HISTOGRAM_BINS);
    DG_PER_LANE_ARRAY(uint32_t, distance, 16);
    const uint32_t group = a.first_group + DG_GROUP_NUMBER;
    const dg_piece piece = pieces[dg_piece_of(pieces, a.pieces, group)];
    const uint32_t part = group - piece.first;
    const uint32_t p0 = piece.a0 + part / piece.columns * DG_HISTOGRAM_SIDE;
    const uint32_t q0 = piece.b0 + part % piece.columns * DG_HISTOGRAM_SIDE;
    const uint32_t p1 = p0 + dg_least(piece.a1 - p0, DG_HISTOGRAM_SIDE);
    const uint32_t q1 = q0 + dg_least(piece.b1 - q0, DG_HISTOGRAM_SIDE);
    const int diagonal = (piece.flags & DG_PIECE_DIAGONAL) != 0;
    const int shared = a.bins <= DG_HISTOGRAM_BINS;
    DG_GLOBAL uint32_t *out = counts + (uint64_t)piece.slot * a.bins;
    uint32_t copies = 1; /* of each counter, a power of two */
    while (copies < 32 && 2 * copies * a.bins <= DG_HISTOGRAM_BINS) copies *= 2;
    DG_LANES(l)
    {
        for (uint32_t i = l; i < DG_HISTOGRAM_BINS; i += DG_GROUP) tally[i] = 0;
    }
    for (uint32_t p = p0; p < p1; p += DG_COUNT_SIDE)
        for (uint32_t q = q0; q < q1; q += DG_COUNT_SIDE) {
            const uint32_t np = dg_least(p1 - p, DG_COUNT_SIDE), nq = dg_least(q1 - q, DG_COUNT_SIDE);
            if (diagonal && q + nq <= p) continue;
            DG_LANES(l)
            {
                DG_UNROLL(16)
                for (uint32_t i = 0; i < 16; i++) DG_MINE(distance, l)[i] = 0;
            }
            for (uint32_t w = 0; w < a.a.words; w += DG_COUNT_WORDS) {
                const uint32_t n = dg_least(a.a.words - w, DG_COUNT_WORDS);
                DG_BARRIER
                DG_LANES(l)
                {
                    dg_count_load(hashes_a, a.a.words, a.a.begin + p, np, w, n, l, x);
                    dg_count_load(hashes_b, a.b.words, a.b.begin + q, nq, w, n, l, y);
                }
                DG_BARRIER
                DG_LANES(l)
                {
                    for (uint32_t k = 0; k < n; k++) {
                        uint64_t row[4], column[4];
                        DG_UNROLL(4)
                        for (uint32_t i = 0; i < 4; i++) {
                            row[i] = x[(l / 16 + 16 * i) * DG_COUNT_STRIDE + k];
                            column[i] = y[(l % 16 + 16 * i) * DG_COUNT_STRIDE + k];
                        }
                        DG_UNROLL(16)
                        for (uint32_t i = 0; i < 16; i++)
                            DG_MINE(distance, l)[i] += dg_bits_64(row[i / 4] ^ column[i % 4]);
                    }
                }
            }
            DG_LANES(l)
            {
                DG_UNROLL(16)
                for (uint32_t i = 0; i < 16; i++) {
                    const uint32_t r = l / 16 + 16 * (i / 4), c = l % 16 + 16 * (i % 4);
                    const uint32_t d = DG_MINE(distance, l)[i];
                    if (r >= np || c >= nq || d >= a.bins || (diagonal && q + c <= p + r)) continue;
                    if (shared)
                        DG_ATOMIC_ADD(&tally[d * copies + l % copies], 1u);
                    else
                        DG_ATOMIC_ADD(&out[d], 1u);
                }
            }
        }
    if (!shared) return;
    DG_BARRIER
    DG_LANES(l)
    {
        for (uint32_t d = l; d < a.bins; d += DG_GROUP) {
            uint32_t sum = 0;
            for (uint32_t i = 0; i < copies; i++) sum += tally[d * copies + i];
            if (sum) DG_ATOMIC_ADD(&out[d], sum);
        }
    }
}
