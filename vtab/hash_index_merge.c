/*
 * Writing blocks: the delta is merged into them, or all of them are made anew.
 *
 * Merging goes through the changes in the order of a table's keys. For each block that has some it decodes
 * the block, applies them, and writes it back, in several pieces if it has grown too large. What the rows
 * were before is learnt on the way through i_rows, and tells what to remove from the bands.
 */
#include "hash_index.h"

#include "vtab.h"

#include <stdlib.h>
#include <string.h>

enum { FEW_PIECES = 4 }; /* a list that makes fewer is cut into equal ones, which all have room to grow */

/* A block at hand: its key, and the next block's. */
struct place {
    int exists, last;
    int64_t key, next;
};

/* One of the two tables of blocks. */
struct blocks {
    const char *suffix;
    enum dg_index_statement at, after, put, delete;
};

static const struct blocks rows_table = {"rows", DG_INDEX_ROWS_AT, DG_INDEX_ROWS_AFTER, DG_INDEX_ROWS_PUT,
                                         DG_INDEX_ROWS_DELETE};
static const struct blocks bands_table = {"bands", DG_INDEX_BANDS_AT, DG_INDEX_BANDS_AFTER,
                                          DG_INDEX_BANDS_PUT, DG_INDEX_BANDS_DELETE};

/* --- one block --- */

static int put_block(dg_hash_index *index, const struct blocks *table, int64_t key, const dg_bytes *block)
{
    sqlite3_stmt *statement;
    int rc = dg_index_statement_get(index, table->put, &statement);
    if (rc == SQLITE_OK) rc = sqlite3_bind_int64(statement, 1, key);
    if (rc == SQLITE_OK) rc = sqlite3_bind_blob64(statement, 2, block->data, block->size, SQLITE_STATIC);
    if (rc == SQLITE_OK) rc = dg_index_run(index, statement);
    if (statement) sqlite3_clear_bindings(statement);
    return rc;
}

static int delete_block(dg_hash_index *index, const struct blocks *table, int64_t key)
{
    sqlite3_stmt *statement;
    int rc = dg_index_statement_get(index, table->delete, &statement);
    if (rc == SQLITE_OK) rc = sqlite3_bind_int64(statement, 1, key);
    return rc == SQLITE_OK ? dg_index_run(index, statement) : rc;
}

static int clear_blocks(dg_hash_index *index)
{
    static const enum dg_index_statement all[] = {DG_INDEX_ROWS_CLEAR, DG_INDEX_BANDS_CLEAR,
                                                  DG_INDEX_DELTA_CLEAR};
    int rc = SQLITE_OK;
    for (int i = 0; i < 3 && rc == SQLITE_OK; i++) {
        sqlite3_stmt *statement;
        rc = dg_index_statement_get(index, all[i], &statement);
        if (rc == SQLITE_OK) rc = dg_index_run(index, statement);
    }
    dg_index_delta_forget(index);
    return rc;
}

/* What a look-up does with the block it finds. */
struct sink {
    dg_index_rows *rows; /* one of the two */
    dg_index_entries *entries;
};

static int take_block(dg_hash_index *index, const struct blocks *table, sqlite3_stmt *row,
                      const struct sink *sink)
{
    const void *block = sqlite3_column_blob(row, 1);
    const size_t size = (size_t)sqlite3_column_bytes(row, 1);
    const int good = sink->rows ? dg_index_rows_decode(&index->shape, block, size, sink->rows)
                                : dg_index_entries_decode(&index->shape, block, size, sink->entries);
    if (good < 0) return SQLITE_NOMEM;
    return good ? SQLITE_OK : dg_index_damaged(index, table->suffix, sqlite3_column_int64(row, 0));
}

/* Looks up one block within [low, high); found 0: there is none. */
static int look_up(dg_hash_index *index, const struct blocks *table, enum dg_index_statement which,
                   int64_t key, int64_t low, int64_t high, const struct sink *sink, int *found, int64_t *at)
{
    sqlite3_stmt *statement;
    *found = 0;
    int rc = dg_index_statement_get(index, which, &statement), taken = SQLITE_OK;
    if (rc == SQLITE_OK) rc = sqlite3_bind_int64(statement, 1, key);
    if (rc != SQLITE_OK) return rc;
    rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        *at = sqlite3_column_int64(statement, 0);
        *found = *at >= low && *at <= high;
        if (*found && sink) taken = take_block(index, table, statement, sink);
    }
    if (taken == SQLITE_OK) return dg_index_end(index, statement, rc);
    sqlite3_reset(statement);
    return taken;
}

/* The block that `key` belongs to, decoded; of the blocks with keys in low..high. */
static int open_block(dg_hash_index *index, const struct blocks *table, int64_t key, int64_t low,
                      int64_t high, const struct sink *sink, struct place *place)
{
    int more;
    int rc = look_up(index, table, table->at, key, low, high, sink, &place->exists, &place->key);
    if (rc == SQLITE_OK && !place->exists)
        rc = look_up(index, table, table->after, key, low, high, sink, &place->exists, &place->key);
    place->last = 1;
    if (rc != SQLITE_OK || !place->exists) return rc;
    rc = look_up(index, table, table->after, place->key, low, high, NULL, &more, &place->next);
    place->last = !more;
    return rc;
}

/* --- writing lists --- */

/* The key of a list's first piece; deletes the old block where that is not its key. */
static int first_key(dg_hash_index *index, const struct blocks *table, const struct place *place,
                     int64_t first, int64_t *key)
{
    *key = first;
    if (!place->exists) return SQLITE_OK;
    if (place->key > first) return delete_block(index, table, place->key);
    *key = place->key;
    return SQLITE_OK;
}

/* Pieces of a list: as full as can be for a list that is written one piece after another, else of equal size.
 */
struct cut {
    uint32_t count; /* of the list */
    uint32_t each;  /* 0: as full as can be */
};

static struct cut cut_of(uint32_t count, uint32_t pieces, int growing)
{
    if (growing || pieces >= FEW_PIECES) return (struct cut){count, 0};
    return (struct cut){count, (count + pieces - 1) / pieces};
}

static struct cut cut_rows(const dg_index_shape *shape, const dg_index_rows *rows, int growing)
{
    uint32_t pieces = 0;
    for (uint32_t from = 0; from < rows->count && pieces < FEW_PIECES; pieces++)
        from += dg_index_rows_fit(shape, rows, from, DG_INDEX_BLOCK_MAX);
    return cut_of(rows->count, pieces, growing && pieces > 1);
}

static int write_rows(dg_hash_index *index, const struct place *place, const dg_index_rows *rows,
                      dg_bytes *block)
{
    int64_t key;
    if (rows->count == 0) return place->exists ? delete_block(index, &rows_table, place->key) : SQLITE_OK;
    const struct cut cut = cut_rows(&index->shape, rows, place->last);
    int rc = first_key(index, &rows_table, place, rows->ids[0], &key);
    for (uint32_t from = 0; from < rows->count && rc == SQLITE_OK;) {
        uint32_t count = cut.each;
        if (count == 0) count = dg_index_rows_fit(&index->shape, rows, from, DG_INDEX_BLOCK_FULL);
        if (count > rows->count - from) count = rows->count - from;
        if (!dg_index_rows_encode(&index->shape, rows, from, count, block)) return SQLITE_NOMEM;
        rc = put_block(index, &rows_table, from ? rows->ids[from] : key, block);
        from += count;
    }
    return rc;
}

static struct cut cut_entries(const dg_index_shape *shape, const dg_index_entries *entries)
{
    uint32_t pieces = 0;
    for (uint32_t from = 0; from < entries->count && pieces < FEW_PIECES; pieces++)
        from += dg_index_entries_fit(shape, entries, from, DG_INDEX_BLOCK_MAX);
    return cut_of(entries->count, pieces, 0);
}

/* As many entries as `count`, and those of the same prefix as the last. */
static uint32_t whole_prefixes(const dg_index_entries *entries, uint32_t from, uint32_t count)
{
    if (count >= entries->count - from) return entries->count - from;
    while (from + count < entries->count &&
           entries->prefixes[from + count] == entries->prefixes[from + count - 1])
        count++;
    return count;
}

static int write_entries(dg_hash_index *index, uint32_t band, const struct place *place,
                         const dg_index_entries *entries, dg_bytes *block)
{
    const int64_t base = (int64_t)band << 32;
    int64_t key;
    if (entries->count == 0) return place->exists ? delete_block(index, &bands_table, place->key) : SQLITE_OK;
    const struct cut cut = cut_entries(&index->shape, entries);
    int rc = first_key(index, &bands_table, place, base | entries->prefixes[0], &key);
    for (uint32_t from = 0; from < entries->count && rc == SQLITE_OK;) {
        const uint32_t count = cut.each
                                   ? whole_prefixes(entries, from, cut.each)
                                   : dg_index_entries_fit(&index->shape, entries, from, DG_INDEX_BLOCK_FULL);
        if (!dg_index_entries_encode(&index->shape, entries, from, count, block)) return SQLITE_NOMEM;
        rc = put_block(index, &bands_table, from ? base | entries->prefixes[from] : key, block);
        from += count;
    }
    return rc;
}

/* --- sorting --- */

/* Sorts numbers by their high 32 bits; equal ones keep their order. Three passes of eleven bits. */
static int sort_by_prefix(uint64_t *numbers, uint32_t count)
{
    enum { DIGIT = 11, DIGITS = 1 << DIGIT, PASSES = 3 };
    uint64_t *other = malloc((count ? count : 1) * sizeof *other), *from = numbers, *to = other;
    if (!other) return 0;
    for (int pass = 0; pass < PASSES; pass++) {
        const int shift = 32 + DIGIT * pass;
        uint32_t start[DIGITS] = {0}, sum = 0;
        for (uint32_t i = 0; i < count; i++) start[from[i] >> shift & (DIGITS - 1)]++;
        for (uint32_t d = 0; d < DIGITS; d++) {
            const uint32_t here = start[d];
            start[d] = sum;
            sum += here;
        }
        for (uint32_t i = 0; i < count; i++) to[start[from[i] >> shift & (DIGITS - 1)]++] = from[i];
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    memcpy(numbers, other, count * sizeof *numbers);
    free(other);
    return 1;
}

/* --- merging --- */

/* The work of one merge. */
struct merge {
    dg_hash_index *index;
    const dg_index_delta *delta;
    uint8_t *had;    /* of each change: the row was there */
    uint8_t *before; /* its hash then */
    int64_t gained;  /* rows more than before */
    dg_bytes block;
};

static const uint8_t *hash_now(const struct merge *m, uint32_t change)
{
    return m->delta->hashes + (size_t)change * m->index->shape.bytes;
}

static uint8_t *hash_before(const struct merge *m, uint32_t change)
{
    return m->before + (size_t)change * m->index->shape.bytes;
}

/* Takes the old rows [*at, ...) up to the change's id over to `rows`, and then the change. */
static void apply_to_rows(struct merge *m, const dg_index_rows *old, uint32_t *at, uint32_t change,
                          dg_index_rows *rows)
{
    const dg_index_shape *shape = &m->index->shape;
    const int64_t id = m->delta->ids[change];
    for (; *at < old->count && old->ids[*at] < id; ++*at)
        dg_index_rows_add(shape, rows, old->ids[*at], old->marks[*at],
                          old->hashes + (size_t)*at * shape->bytes);
    m->had[change] = *at < old->count && old->ids[*at] == id;
    if (m->had[change]) {
        memcpy(hash_before(m, change), old->hashes + (size_t)*at * shape->bytes, shape->bytes);
        ++*at;
    }
    if (m->delta->present[change])
        dg_index_rows_add(shape, rows, id, m->delta->marks[change], hash_now(m, change));
    m->gained += m->delta->present[change] - m->had[change];
}

/* Merges the changes from *at on that belong to one block of rows. */
static int merge_rows_block(struct merge *m, uint32_t *at, dg_index_rows *old, dg_index_rows *rows)
{
    const struct sink sink = {.rows = old};
    const dg_index_delta *delta = m->delta;
    struct place place;
    uint32_t next = 0, end = *at;
    old->count = rows->count = 0;
    int rc = open_block(m->index, &rows_table, delta->ids[*at], INT64_MIN, INT64_MAX, &sink, &place);
    if (rc != SQLITE_OK) return rc;
    while (end < delta->count && (place.last || delta->ids[end] < place.next)) end++;
    if (end == *at) return dg_index_damaged(m->index, "rows", place.key);
    if (!dg_index_rows_reserve(&m->index->shape, rows, old->count + (end - *at))) return SQLITE_NOMEM;
    for (; *at < end; ++*at) apply_to_rows(m, old, &next, *at, rows);
    for (; next < old->count; next++)
        dg_index_rows_add(&m->index->shape, rows, old->ids[next], old->marks[next],
                          old->hashes + (size_t)next * m->index->shape.bytes);
    return write_rows(m->index, &place, rows, &m->block);
}

static int merge_rows(struct merge *m)
{
    dg_index_rows old = {0}, rows = {0};
    int rc = SQLITE_OK;
    for (uint32_t at = 0; at < m->delta->count && rc == SQLITE_OK;)
        rc = merge_rows_block(m, &at, &old, &rows);
    dg_index_rows_free(&old);
    dg_index_rows_free(&rows);
    return rc;
}

/* Changes of one band: number 2 i removes what change i replaces, 2 i + 1 adds what it brings. Sorted they
 * are prefix << 32 | number. */
struct edits {
    uint64_t *order;
    uint32_t count;
    uint8_t *tails; /* of each number */
};

static int make_edits(const struct merge *m, uint32_t band, struct edits *edits)
{
    const dg_index_shape *shape = &m->index->shape;
    uint8_t mixed[DG_INDEX_MIXED_MAX];
    edits->count = 0;
    for (uint32_t i = 0; i < m->delta->count; i++) {
        const int both = m->had[i] && m->delta->present[i];
        if (both && memcmp(hash_before(m, i), hash_now(m, i), shape->bytes) == 0) continue;
        for (uint32_t add = 0; add < 2; add++) {
            if (!(add ? m->delta->present[i] : m->had[i])) continue;
            uint8_t *tail = edits->tails + (2 * (size_t)i + add) * shape->tail;
            dg_index_mix(shape, add ? hash_now(m, i) : hash_before(m, i), mixed);
            const uint32_t bucket = dg_index_code(shape, mixed, band, tail);
            edits->order[edits->count++] = (uint64_t)dg_index_prefix(bucket, tail) << 32 | (2 * i + add);
        }
    }
    return sort_by_prefix(edits->order, edits->count);
}

/* Whether the entry comes before (prefix, id). */
static int entry_before(const dg_index_entries *entries, uint32_t at, uint32_t prefix, int64_t id)
{
    return entries->prefixes[at] < prefix || (entries->prefixes[at] == prefix && entries->ids[at] < id);
}

static void copy_entry(const dg_index_shape *shape, const dg_index_entries *from, uint32_t at,
                       dg_index_entries *to)
{
    dg_index_entries_add(shape, to, from->prefixes[at], from->ids[at],
                         from->tails + (size_t)at * shape->tail);
}

/* Applies one edit; 0: it does not fit what is there. An entry that is added may follow one that was removed
 * from the same place. */
static int apply_edit(const struct merge *m, const struct edits *edits, uint32_t edit,
                      const dg_index_entries *old, uint32_t *at, dg_index_entries *entries)
{
    const dg_index_shape *shape = &m->index->shape;
    const uint32_t prefix = (uint32_t)(edits->order[edit] >> 32), number = (uint32_t)edits->order[edit];
    const int64_t id = m->delta->ids[number / 2];
    while (*at < old->count && entry_before(old, *at, prefix, id)) copy_entry(shape, old, (*at)++, entries);
    const int there = *at < old->count && old->prefixes[*at] == prefix && old->ids[*at] == id;
    if (number % 2) {
        dg_index_entries_add(shape, entries, prefix, id, edits->tails + (size_t)number * shape->tail);
        return !there;
    }
    *at += (uint32_t)there;
    return there;
}

static int merge_band_block(struct merge *m, uint32_t band, const struct edits *edits, uint32_t *at,
                            dg_index_entries *old, dg_index_entries *entries)
{
    const struct sink sink = {.entries = old};
    const int64_t base = (int64_t)band << 32;
    struct place place = {0};
    uint32_t next = 0, end = *at;
    old->count = entries->count = 0;
    int rc = open_block(m->index, &bands_table, base | (int64_t)(edits->order[*at] >> 32), base,
                        base | UINT32_MAX, &sink, &place);
    if (rc != SQLITE_OK) return rc;
    while (end < edits->count && (place.last || (base | (int64_t)(edits->order[end] >> 32)) < place.next))
        end++;
    if (!dg_index_entries_reserve(&m->index->shape, entries, old->count + (end - *at))) return SQLITE_NOMEM;
    for (; *at < end; ++*at)
        if (!apply_edit(m, edits, *at, old, &next, entries))
            return dg_index_damaged(m->index, "bands", place.exists ? place.key : base);
    while (next < old->count) copy_entry(&m->index->shape, old, next++, entries);
    return write_entries(m->index, band, &place, entries, &m->block);
}

static int merge_bands(struct merge *m)
{
    const size_t changes = m->delta->count;
    dg_index_entries old = {0}, entries = {0};
    struct edits edits = {.order = malloc(2 * changes * sizeof *edits.order),
                          .tails = malloc(2 * changes * m->index->shape.tail)};
    int rc = edits.order && edits.tails ? SQLITE_OK : SQLITE_NOMEM;
    for (uint32_t band = 0; band < m->index->shape.bands && rc == SQLITE_OK; band++) {
        if (!make_edits(m, band, &edits)) rc = SQLITE_NOMEM;
        for (uint32_t at = 0; at < edits.count && rc == SQLITE_OK;)
            rc = merge_band_block(m, band, &edits, &at, &old, &entries);
    }
    dg_index_entries_free(&old);
    dg_index_entries_free(&entries);
    free(edits.order);
    free(edits.tails);
    return rc;
}

/* Writes down what is true after a merge, and forgets the delta. */
static int settle(dg_hash_index *index, int64_t rows, int64_t mark)
{
    sqlite3_stmt *statement;
    int rc = dg_index_config_put(index, "rows", rows);
    if (rc == SQLITE_OK) rc = dg_index_config_put(index, "mark", mark);
    if (rc == SQLITE_OK) rc = dg_index_statement_get(index, DG_INDEX_DELTA_CLEAR, &statement);
    if (rc == SQLITE_OK) rc = dg_index_run(index, statement);
    dg_index_delta_forget(index);
    index->generation++;
    index->pending = 0;
    index->asked = 0;
    index->merged = rows;
    if (index->mark >= 0 && index->mark < mark) index->mark = mark;
    return rc;
}

static int merge_blocks(dg_hash_index *index, const dg_index_delta *delta, int64_t rows, int64_t mark)
{
    struct merge m = {.index = index, .delta = delta};
    m.had = calloc(delta->count, 1);
    m.before = malloc((size_t)delta->count * index->shape.bytes);
    int rc = m.had && m.before && delta->count <= INT32_MAX ? SQLITE_OK : SQLITE_NOMEM;
    if (rc == SQLITE_OK) rc = merge_rows(&m);
    if (rc == SQLITE_OK && index->shape.bands) rc = merge_bands(&m);
    free(m.had);
    free(m.before);
    dg_bytes_free(&m.block);
    return rc == SQLITE_OK ? settle(index, rows + m.gained, mark) : rc;
}

/* --- making everything anew --- */

/* The rows of a new index, and the band being made of them. */
struct build {
    dg_hash_index *index;
    const dg_index_rows *rows;
    uint8_t *mixed;       /* of each row */
    uint64_t *order;      /* prefix << 32 | row, in the order of the band */
    uint32_t band, taken; /* how much of the order is in the window or behind it */
    dg_index_entries window;
    dg_bytes *block;
};

static const uint8_t *mixed_of(const struct build *b, uint32_t row)
{
    return b->mixed + (size_t)row * b->index->shape.mixed;
}

/* Takes up to `count` entries more into the window. */
static int widen(struct build *b, uint32_t count)
{
    const dg_index_shape *shape = &b->index->shape;
    uint8_t tail[DG_INDEX_TAIL_MAX];
    if (count > b->rows->count - b->taken) count = b->rows->count - b->taken;
    if (!dg_index_entries_reserve(shape, &b->window, count)) return SQLITE_NOMEM;
    for (const uint32_t end = b->taken + count; b->taken < end; b->taken++) {
        const uint32_t row = (uint32_t)b->order[b->taken];
        dg_index_code(shape, mixed_of(b, row), b->band, tail);
        dg_index_entries_add(shape, &b->window, (uint32_t)(b->order[b->taken] >> 32), b->rows->ids[row],
                             tail);
    }
    return SQLITE_OK;
}

/* Writes one block from the front of the window, which is made as wide as it takes. */
static int build_block(struct build *b)
{
    enum { WIDTH = 1024 }; /* entries; a block has no more but of equal prefixes */
    const dg_index_shape *shape = &b->index->shape;
    uint32_t wanted = WIDTH, fit;
    do {
        if (b->window.count < wanted && widen(b, wanted - b->window.count) != SQLITE_OK) return SQLITE_NOMEM;
        fit = dg_index_entries_fit(shape, &b->window, 0, DG_INDEX_BLOCK_FULL);
        wanted = wanted < UINT32_MAX / 2 ? wanted * 2 : UINT32_MAX;
    } while (fit == b->window.count && b->taken < b->rows->count);
    if (!dg_index_entries_encode(shape, &b->window, 0, fit, b->block)) return SQLITE_NOMEM;
    const int64_t key = (int64_t)b->band << 32 | b->window.prefixes[0];
    dg_index_entries_drop(shape, &b->window, fit);
    return put_block(b->index, &bands_table, key, b->block);
}

static int build_band(struct build *b)
{
    const dg_index_shape *shape = &b->index->shape;
    uint8_t tail[DG_INDEX_TAIL_MAX];
    int rc = SQLITE_OK;
    for (uint32_t i = 0; i < b->rows->count; i++) {
        const uint32_t bucket = dg_index_code(shape, mixed_of(b, i), b->band, tail);
        b->order[i] = (uint64_t)dg_index_prefix(bucket, tail) << 32 | i;
    }
    if (!sort_by_prefix(b->order, b->rows->count)) return SQLITE_NOMEM;
    b->taken = 0;
    while (rc == SQLITE_OK && (b->window.count || b->taken < b->rows->count)) rc = build_block(b);
    return rc;
}

static int build_bands(dg_hash_index *index, const dg_index_rows *rows, dg_bytes *block)
{
    const dg_index_shape *shape = &index->shape;
    struct build b = {.index = index, .rows = rows, .block = block};
    if (rows->count == 0 || shape->bands == 0) return SQLITE_OK;
    b.order = malloc(rows->count * sizeof *b.order);
    b.mixed = malloc((size_t)rows->count * shape->mixed);
    int rc = b.order && b.mixed ? SQLITE_OK : SQLITE_NOMEM;
    for (uint32_t i = 0; rc == SQLITE_OK && i < rows->count; i++)
        dg_index_mix(shape, rows->hashes + (size_t)i * shape->bytes, b.mixed + (size_t)i * shape->mixed);
    for (; b.band < shape->bands && rc == SQLITE_OK; b.band++) rc = build_band(&b);
    dg_index_entries_free(&b.window);
    free(b.order);
    free(b.mixed);
    return rc;
}

int dg_index_highest_mark(dg_hash_index *index, const dg_index_rows *rows, int64_t *mark)
{
    int rc = dg_index_mark(index, mark);
    if (rc == SQLITE_CORRUPT_VTAB) {
        rc = dg_vtab_fail(&index->base, SQLITE_OK, NULL);
        *mark = 0;
    }
    if (index->mark > *mark) *mark = index->mark;
    for (uint32_t i = 0; i < rows->count; i++)
        if (rows->marks[i] > *mark) *mark = rows->marks[i];
    return rc;
}

int dg_index_build(dg_hash_index *index, const dg_index_rows *rows)
{
    const struct place nowhere = {.last = 1};
    dg_bytes block = {0};
    int64_t mark;
    int rc = dg_index_highest_mark(index, rows, &mark);
    if (rc == SQLITE_OK) rc = clear_blocks(index);
    if (rc == SQLITE_OK) rc = write_rows(index, &nowhere, rows, &block);
    if (rc == SQLITE_OK) rc = build_bands(index, rows, &block);
    dg_bytes_free(&block);
    if (rows->count && index->mark >= 0 && rows->ids[rows->count - 1] > index->highest)
        index->highest = rows->ids[rows->count - 1];
    return rc == SQLITE_OK ? settle(index, rows->count, mark) : rc;
}

int dg_index_clear(dg_hash_index *index)
{
    const dg_index_rows none = {0};
    return dg_index_build(index, &none);
}

int dg_index_pack(dg_hash_index *index)
{
    dg_index_rows rows = {0};
    int rc = dg_index_read(index, &rows);
    if (rc == SQLITE_OK) rc = dg_index_build(index, &rows);
    dg_index_rows_free(&rows);
    return rc;
}

int dg_index_merge(dg_hash_index *index)
{
    enum { DENSE = 8 }; /* a block has dozens of rows, so one change to so many rows reaches them all */
    const dg_index_delta *delta;
    int64_t rows, mark;
    int rc = dg_index_check_version(index, &rows);
    if (rc == SQLITE_OK) rc = dg_index_mark(index, &mark);
    if (rc == SQLITE_OK) rc = dg_index_delta_get(index, &delta);
    if (rc != SQLITE_OK || delta->count == 0) return rc;
    /* Where most blocks would change, making them anew is faster and leaves them full. */
    return delta->count >= rows / DENSE ? dg_index_pack(index) : merge_blocks(index, delta, rows, mark);
}
