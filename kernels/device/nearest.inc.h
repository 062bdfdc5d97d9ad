/*
 * NEAREST: a group serves DG_NEAREST_QUERIES queries and reads every row once for all of them, in order.
 *
 * Each query has a buffer of `room` keys (distance in the high half, row in the low one: their order is that
 * of the result) and a bound: a row enters when its distance is below it. Where a buffer might not hold
 * what the next rows bring, the k least keys are selected and stay, and the bound becomes the distance of the
 * greatest of them: a later row of that distance comes behind all of these. Between launches the number of
 * keys and the bound are in `state`, two words for each query.
 */

/* Bits of a digit of the selection, one value a lane, and of a key: distances are at most 8192. */
#define DG_SELECT_BITS 8
#define DG_SELECT_TOP 48

DG_KERNEL(nearest, DG_GLOBAL const uint64_t *rows, DG_GLOBAL const uint64_t *queries,
          DG_GLOBAL uint64_t *buffers, DG_GLOBAL uint32_t *state, DG_GLOBAL uint64_t *best,
          DG_GLOBAL uint32_t *found, const dg_nearest_arguments a)
{
    DG_SHARED(uint64_t, query, DG_NEAREST_QUERIES * DG_ROW_WORDS_MAX); /* word by word, all queries of each */
    DG_SHARED(uint32_t, count, DG_NEAREST_QUERIES);
    DG_SHARED(uint32_t, bound, DG_NEAREST_QUERIES);
    DG_SHARED(uint32_t, tally, DG_GROUP);
    DG_SHARED(uint64_t, cut, 1);
    DG_SHARED(uint32_t, left, 1);
    DG_SHARED(uint32_t, kept, 1);
    DG_PER_LANE(uint32_t, mine);
    DG_PER_LANE(uint64_t, held);
    const uint32_t first = DG_GROUP_NUMBER * DG_NEAREST_QUERIES; /* query of these launches */
    const uint32_t n = dg_least(a.queries_end - a.queries_begin - first, DG_NEAREST_QUERIES);
    DG_LANES(l)
    {
        for (uint32_t i = l; i < DG_NEAREST_QUERIES * a.words; i += DG_GROUP) {
            const uint32_t q = dg_least(i % DG_NEAREST_QUERIES, n - 1), w = i / DG_NEAREST_QUERIES;
            query[i] = queries[((uint64_t)a.queries_begin + first + q) * a.words + w];
        }
        if (l < DG_NEAREST_QUERIES) {
            count[l] = bound[l] = 0; /* nothing enters where there is no query */
            if (l < n && !a.first) {
                count[l] = state[2 * (first + l)];
                bound[l] = state[2 * (first + l) + 1];
            }
        }
        for (uint32_t q = 0; a.first && q < n; q++) {
            const uint32_t given = found[first + q];
            DG_GLOBAL const uint64_t *from = best + (uint64_t)(first + q) * a.k;
            DG_GLOBAL uint64_t *to = buffers + (uint64_t)(first + q) * a.room;
            for (uint32_t i = l; i < given; i += DG_GROUP) to[i] = from[i];
            if (l == q) {
                count[q] = given;
                bound[q] = a.limit + 1;
                if (given == a.k) bound[q] = dg_least(bound[q], (uint32_t)(from[given - 1] >> 32));
            }
        }
    }
    DG_BARRIER
    for (uint64_t step = a.rows_begin; step < a.rows_end; step += DG_NEAREST_STEP) {
        DG_LANES(l)
        {
            for (uint32_t j = 0; j < DG_NEAREST_STEP; j += DG_GROUP) {
                const uint64_t row = step + j + l;
                if (row >= a.rows_end) break;
                uint32_t distance[DG_NEAREST_QUERIES];
                DG_UNROLL(8)
                for (uint32_t q = 0; q < DG_NEAREST_QUERIES; q++) distance[q] = 0;
                uint32_t w = 0;
                for (; w + 4 <= a.words; w += 4) {
                    DG_GLOBAL const uint64_t *x = rows + row * a.words + w;
                    const uint64_t x0 = x[0], x1 = x[1], x2 = x[2], x3 = x[3];
                    DG_LOCAL const uint64_t *y = query + w * DG_NEAREST_QUERIES;
                    DG_UNROLL(8)
                    for (uint32_t q = 0; q < DG_NEAREST_QUERIES; q++)
                        distance[q] += dg_bits_256(x0 ^ y[q], x1 ^ y[q + DG_NEAREST_QUERIES],
                                                   x2 ^ y[q + 2 * DG_NEAREST_QUERIES],
                                                   x3 ^ y[q + 3 * DG_NEAREST_QUERIES]);
                }
                for (; w < a.words; w++) {
                    const uint64_t word = rows[row * a.words + w];
                    DG_UNROLL(8)
                    for (uint32_t q = 0; q < DG_NEAREST_QUERIES; q++)
                        distance[q] += dg_bits_64(word ^ query[w * DG_NEAREST_QUERIES + q]);
                }
                DG_UNROLL(8)
                for (uint32_t q = 0; q < DG_NEAREST_QUERIES; q++)
                    if (distance[q] < bound[q])
                        buffers[(uint64_t)(first + q) * a.room + DG_ATOMIC_ADD(&count[q], 1u)] =
                            (uint64_t)distance[q] << 32 | (uint32_t)row;
            }
        }
        DG_BARRIER
        const int end = a.last && step + DG_NEAREST_STEP >= a.rows_end;
        for (uint32_t q = 0; q < n; q++) {
            const uint32_t keys = count[q];
            if (keys <= a.k || (!end && keys + DG_NEAREST_STEP <= a.room)) continue;
            DG_GLOBAL uint64_t *buffer = buffers + (uint64_t)(first + q) * a.room;
            DG_BARRIER
            DG_LANES(l)
            {
                if (l > 0) continue;
                cut[0] = 0;
                left[0] = a.k;
                kept[0] = 0;
            }
            /* The k-th key, digit by digit from the highest: of the keys that agree with it so far, `left`
             * are not above it. */
            for (uint32_t above = DG_SELECT_TOP; above > 0; above -= DG_SELECT_BITS) {
                DG_LANES(l)
                {
                    tally[l] = 0;
                }
                DG_BARRIER
                DG_LANES(l)
                {
                    for (uint32_t i = l; i < keys; i += DG_GROUP)
                        if (buffer[i] >> above == cut[0] >> above)
                            DG_ATOMIC_ADD(&tally[buffer[i] >> (above - DG_SELECT_BITS) & 255], 1u);
                }
                DG_BARRIER
                DG_SCAN(tally, mine)
                DG_LANES(l)
                {
                    DG_MINE(mine, l) = left[0];
                }
                DG_BARRIER
                DG_LANES(l)
                {
                    const uint32_t before = l > 0 ? tally[l - 1] : 0, wanted = DG_MINE(mine, l);
                    if (wanted <= before || wanted > tally[l]) continue;
                    cut[0] |= (uint64_t)l << (above - DG_SELECT_BITS);
                    left[0] = wanted - before;
                }
                DG_BARRIER
            }
            /* What stays moves to the front, which has been read by then. */
            for (uint32_t at = 0; at < keys; at += DG_GROUP) {
                DG_LANES(l)
                {
                    if (at + l < keys) DG_MINE(held, l) = buffer[at + l];
                }
                DG_BARRIER
                DG_LANES(l)
                {
                    if (at + l < keys && DG_MINE(held, l) <= cut[0])
                        buffer[DG_ATOMIC_ADD(&kept[0], 1u)] = DG_MINE(held, l);
                }
                DG_BARRIER
            }
            DG_LANES(l)
            {
                if (l > 0) continue;
                count[q] = a.k;
                bound[q] = dg_least(bound[q], (uint32_t)(cut[0] >> 32));
            }
            DG_BARRIER
        }
        DG_BARRIER
    }
    DG_LANES(l)
    {
        for (uint32_t q = 0; q < n; q++) {
            if (l == q) {
                state[2 * (first + q)] = count[q];
                state[2 * (first + q) + 1] = bound[q];
            }
            if (!a.last) continue;
            DG_GLOBAL const uint64_t *from = buffers + (uint64_t)(first + q) * a.room;
            DG_GLOBAL uint64_t *to = best + (uint64_t)(first + q) * a.k;
            for (uint32_t i = l; i < count[q]; i += DG_GROUP) to[i] = from[i];
            if (l == q) found[first + q] = count[q];
        }
    }
}

#undef DG_SELECT_BITS
#undef DG_SELECT_TOP
