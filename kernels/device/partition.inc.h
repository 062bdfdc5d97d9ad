/*
 * Kernels of PARTITION: a stable radix sort of (key, row) from the least significant digit up, DG_DIGIT_BITS
 * bits a pass, where the key is the chunk's value.
 *
 * A pass has three launches. digit_count counts the digits of each group's keys; digit_scan sums the counts
 * of each digit over the groups before; digit_scatter places the keys.
 */

/* keys[i] is the chunk's value in row begin + i, rows[i] is begin + i. */
DG_KERNEL(keys, DG_GLOBAL const uint64_t *hashes, DG_GLOBAL uint32_t *keys, DG_GLOBAL uint32_t *rows,
          const dg_keys_arguments a)
{
    DG_LANES(l)
    {
        const uint64_t i = DG_NUMBER(l) + (uint64_t)a.first_group * DG_GROUP;
        if (i >= a.count) continue;
        keys[i] = dg_chunk_of(hashes + (a.begin + i) * a.words, a.start, a.width);
        rows[i] = a.begin + (uint32_t)i;
    }
}

/* counts[digit * groups + group]: the group's keys with that digit. */
DG_KERNEL(digit_count, DG_GLOBAL const uint32_t *keys, DG_GLOBAL uint32_t *counts, const dg_digit_arguments a)
{
    /* Each digit has counters for every 16th lane, which keeps lanes out of each other's way. */
    DG_SHARED(uint32_t, tally, DG_DIGITS * 16);
    const uint32_t group = a.first_group + DG_GROUP_NUMBER;
    DG_LANES(l)
    {
        tally[l] = 0;
    }
    DG_BARRIER
    DG_LANES(l)
    {
        for (uint32_t j = 0; j < DG_SORT_RUN; j++) {
            const uint64_t i = (uint64_t)group * DG_SORT_ROWS + j * DG_GROUP + l;
            if (i < a.count) DG_ATOMIC_ADD(&tally[(keys[i] >> a.shift) % DG_DIGITS * 16 + l % 16], 1u);
        }
    }
    DG_BARRIER
    DG_LANES(l)
    {
        if (l >= DG_DIGITS) continue;
        uint32_t sum = 0;
        for (uint32_t j = 0; j < 16; j++) sum += tally[l * 16 + j];
        counts[(uint64_t)l * a.groups + group] = sum;
    }
}

/* Group d replaces the counts of digit d by the sums of those before, and writes their total. */
DG_KERNEL(digit_scan, DG_GLOBAL uint32_t *counts, DG_GLOBAL uint32_t *totals, const dg_digit_arguments a)
{
    DG_SHARED(uint32_t, sum, DG_GROUP);
    DG_PER_LANE(uint32_t, mine);
    const uint32_t digit = a.first_group + DG_GROUP_NUMBER;
    const uint64_t begin = (uint64_t)digit * a.groups;
    uint32_t before = 0;
    for (uint64_t step = 0; step < a.groups; step += DG_GROUP * DG_SCAN_RUN) {
        DG_LANES(l)
        {
            sum[l] = 0;
            for (uint32_t j = 0; j < DG_SCAN_RUN; j++) {
                const uint64_t i = step + l * DG_SCAN_RUN + j;
                if (i < a.groups) sum[l] += counts[begin + i];
            }
        }
        DG_BARRIER
        DG_SCAN(sum, mine)
        DG_LANES(l)
        {
            uint32_t at = before + (l > 0 ? sum[l - 1] : 0);
            for (uint32_t j = 0; j < DG_SCAN_RUN; j++) {
                const uint64_t i = step + l * DG_SCAN_RUN + j;
                if (i >= a.groups) break;
                const uint32_t count = counts[begin + i];
                counts[begin + i] = at;
                at += count;
            }
        }
        before += sum[DG_GROUP - 1];
        DG_BARRIER
    }
    DG_LANES(l)
    {
        if (l == 0) totals[digit] = before;
    }
}

/*
 * Places the group's keys and rows by their digit. A lane ranks a run of neighbouring keys; the group's keys
 * are put in order in shared memory first, so that neighbouring lanes write to neighbouring places.
 */
DG_KERNEL(digit_scatter, DG_GLOBAL const uint32_t *keys, DG_GLOBAL const uint32_t *rows,
          DG_GLOBAL const uint32_t *counts, DG_GLOBAL const uint32_t *totals, DG_GLOBAL uint32_t *keys_out,
          DG_GLOBAL uint32_t *rows_out, const dg_digit_arguments a)
{
    DG_SHARED(uint16_t, rank, DG_DIGITS * DG_GROUP); /* [digit][lane] */
    DG_SHARED(uint32_t, sum, DG_GROUP);
    DG_SHARED(uint32_t, base, DG_DIGITS); /* of a digit: the target of the group's first key, less its rank */
    DG_SHARED(uint32_t, key, DG_SORT_ROWS);
    DG_SHARED(uint32_t, row, DG_SORT_ROWS);
    DG_PER_LANE(uint32_t, mine);
    const uint32_t group = a.first_group + DG_GROUP_NUMBER;
    const uint64_t begin = (uint64_t)group * DG_SORT_ROWS;
    const uint32_t n = a.count - begin < DG_SORT_ROWS ? (uint32_t)(a.count - begin) : DG_SORT_ROWS;
    DG_LANES(l)
    {
        for (uint32_t d = 0; d < DG_DIGITS; d++) rank[d * DG_GROUP + l] = 0;
        for (uint32_t i = l * DG_SORT_RUN; i < dg_least(n, (l + 1) * DG_SORT_RUN); i++)
            rank[(keys[begin + i] >> a.shift) % DG_DIGITS * DG_GROUP + l]++;
    }
    DG_BARRIER
    DG_LANES(l)
    {
        sum[l] = 0;
        for (uint32_t j = 0; j < DG_DIGITS; j++) sum[l] += rank[l * DG_DIGITS + j];
    }
    DG_BARRIER
    DG_SCAN(sum, mine)
    DG_LANES(l)
    {
        uint32_t at = l > 0 ? sum[l - 1] : 0;
        for (uint32_t j = 0; j < DG_DIGITS; j++) {
            const uint32_t count = rank[l * DG_DIGITS + j];
            rank[l * DG_DIGITS + j] = (uint16_t)at;
            at += count;
        }
    }
    DG_BARRIER
    DG_LANES(l)
    {
        if (l >= DG_DIGITS) continue;
        uint32_t at = counts[(uint64_t)l * a.groups + group] - rank[l * DG_GROUP];
        for (uint32_t d = 0; d < l; d++) at += totals[d];
        base[l] = at;
    }
    DG_BARRIER
    DG_LANES(l)
    {
        for (uint32_t i = l * DG_SORT_RUN; i < dg_least(n, (l + 1) * DG_SORT_RUN); i++) {
            const uint32_t value = keys[begin + i];
            const uint32_t to = rank[(value >> a.shift) % DG_DIGITS * DG_GROUP + l]++;
            key[to] = value;
            row[to] = rows[begin + i];
        }
    }
    DG_BARRIER
    DG_LANES(l)
    {
        for (uint32_t i = l; i < n; i += DG_GROUP) {
            const uint32_t to = base[(key[i] >> a.shift) % DG_DIGITS] + i;
            keys_out[to] = key[i];
            rows_out[to] = row[i];
        }
    }
}

/* offsets[v] is the first of the ascending keys that is v or more. Without keys the rows' own values count.
 */
DG_KERNEL(bounds, DG_GLOBAL const uint64_t *hashes, DG_GLOBAL const uint32_t *keys,
          DG_GLOBAL uint32_t *offsets, const dg_bounds_arguments a)
{
    DG_LANES(l)
    {
        const uint64_t v = DG_NUMBER(l) + (uint64_t)a.rows.first_group * DG_GROUP;
        if (v > (uint64_t)1 << a.rows.width) continue;
        uint32_t begin = 0, end = a.rows.count;
        while (begin < end) {
            const uint32_t middle = begin + (end - begin) / 2;
            const uint32_t value =
                a.from_rows ? dg_chunk_of(hashes + ((uint64_t)a.rows.begin + middle) * a.rows.words,
                                          a.rows.start, a.rows.width)
                            : keys[middle];
            if (value < v)
                begin = middle + 1;
            else
                end = middle;
        }
        offsets[v] = begin;
    }
}

/* The sieve words of row index[p] to position p. */
DG_KERNEL(gather, DG_GLOBAL const uint64_t *hashes, DG_GLOBAL const uint32_t *index,
          DG_GLOBAL uint64_t *sieve, const dg_gather_arguments a)
{
    DG_LANES(l)
    {
        const uint64_t p = DG_NUMBER(l) + (uint64_t)a.first_group * DG_GROUP;
        if (p >= a.count) continue;
        DG_GLOBAL const uint64_t *row = hashes + (uint64_t)index[p] * a.words;
        if (a.sieve_bits == 32) {
            ((DG_GLOBAL uint32_t *)sieve)[p] = (uint32_t)row[a.sieve_word[0]];
            continue;
        }
        for (uint32_t w = 0; w < a.sieve_bits / 64; w++)
            sieve[(uint64_t)w * a.count + p] = row[a.sieve_word[w]];
    }
}
