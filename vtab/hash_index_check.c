/*
 * Looking for damage: every block is read, checked against its checksum and its neighbours, and the bands are
 * compared with the rows.
 *
 * What a band must hold follows from the rows. So that this takes no memory, each entry gets a number that
 * depends on all of it, as if drawn at random, and the numbers of each band are summed: once made from the
 * rows, once read from the band. Sums of different entries agree by chance once in 2^64.
 */
#include "hash_index.h"

#include "vtab.h"

#include "../ext/hashvalue.h"

#include <stdarg.h>
#include <string.h>

struct check {
    dg_hash_index *index;
    int64_t mark, newest, counted;    /* the index's; the highest in i_rows; rows there */
    uint64_t sums[DG_INDEX_BANDS];    /* of entries, as the rows have it */
    uint64_t entries[DG_INDEX_BANDS]; /* how many each band has */
    uint64_t found[DG_INDEX_BANDS];   /* of entries, as the band has it */
    char *fault;
};

/* Notes the first fault. Returns an SQLite code, so that a caller may return it. */
static int note(struct check *c, const char *format, ...)
{
    va_list args;
    if (c->fault) return SQLITE_OK;
    va_start(args, format);
    char *what = sqlite3_vmprintf(format, args);
    va_end(args);
    if (what) c->fault = sqlite3_mprintf("%s: %s", c->index->name, what);
    sqlite3_free(what);
    return c->fault ? SQLITE_OK : SQLITE_NOMEM;
}

static int note_block(struct check *c, const char *suffix, int64_t key, const char *what)
{
    return note(c, "%s_%s, row %lld: %s", c->index->name, suffix, (long long)key, what);
}

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t scramble(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static uint64_t entry_number(uint32_t prefix, int64_t id, const uint8_t *tail, uint32_t bytes)
{
    uint64_t number = scramble((uint64_t)id) ^ prefix;
    for (uint32_t i = 0; i < bytes; i++) number = scramble(number ^ tail[i]);
    return number;
}

/* --- rows --- */

static void sum_rows(struct check *c, const dg_index_rows *rows)
{
    const dg_index_shape *shape = &c->index->shape;
    uint8_t mixed[DG_INDEX_MIXED_MAX], tail[DG_INDEX_TAIL_MAX];
    for (uint32_t i = 0; shape->bands && i < rows->count; i++) {
        dg_index_mix(shape, rows->hashes + (size_t)i * shape->bytes, mixed);
        for (uint32_t band = 0; band < shape->bands; band++) {
            const uint32_t bucket = dg_index_code(shape, mixed, band, tail);
            c->sums[band] += entry_number(dg_index_prefix(bucket, tail), rows->ids[i], tail, shape->tail);
        }
    }
}

static int check_rows_block(struct check *c, sqlite3_stmt *row, int64_t *last, dg_index_rows *rows)
{
    const int64_t key = sqlite3_column_int64(row, 0);
    const void *block = sqlite3_column_blob(row, 1);
    const size_t size = (size_t)sqlite3_column_bytes(row, 1);
    rows->count = 0;
    const int good = block && dg_index_block_intact(block, size)
                         ? dg_index_rows_decode(&c->index->shape, block, size, rows)
                         : 0;
    if (good < 0) return SQLITE_NOMEM;
    if (!good) return note_block(c, "rows", key, "the block is damaged");
    if (rows->ids[0] < key || (c->counted && key <= *last))
        return note_block(c, "rows", key, "the block lies in the wrong place");
    for (uint32_t i = 0; i < rows->count; i++) {
        const int64_t mark = rows->marks[i];
        if (mark < 1 || mark > c->mark) return note_block(c, "rows", key, "a mark that was never given");
        if (mark > c->newest) c->newest = mark;
    }
    *last = rows->ids[rows->count - 1];
    c->counted += rows->count;
    sum_rows(c, rows);
    return SQLITE_OK;
}

static int check_rows(struct check *c)
{
    dg_index_rows rows = {0};
    sqlite3_stmt *statement;
    int64_t last = 0;
    int taken = SQLITE_OK, rc = dg_index_statement_get(c->index, DG_INDEX_ROWS_ALL, &statement);
    if (rc != SQLITE_OK) return rc;
    while (taken == SQLITE_OK && !c->fault && (rc = sqlite3_step(statement)) == SQLITE_ROW)
        taken = check_rows_block(c, statement, &last, &rows);
    dg_index_rows_free(&rows);
    if (taken == SQLITE_OK) return dg_index_end(c->index, statement, rc);
    sqlite3_reset(statement);
    return taken;
}

/* --- bands --- */

/* What was seen before a block of a band. */
struct before {
    int band;        /* -1: nothing */
    uint32_t prefix; /* the highest */
};

static int check_band_block(struct check *c, sqlite3_stmt *row, struct before *before,
                            dg_index_entries *entries)
{
    const dg_index_shape *shape = &c->index->shape;
    const int64_t key = sqlite3_column_int64(row, 0);
    const void *block = sqlite3_column_blob(row, 1);
    const size_t size = (size_t)sqlite3_column_bytes(row, 1);
    entries->count = 0;
    if (key < 0 || key >> 32 >= shape->bands) return note_block(c, "bands", key, "there is no such band");
    const int good = block && dg_index_block_intact(block, size)
                         ? dg_index_entries_decode(shape, block, size, entries)
                         : 0;
    if (good < 0) return SQLITE_NOMEM;
    if (!good) return note_block(c, "bands", key, "the block is damaged");
    const int band = (int)(key >> 32);
    if (entries->prefixes[0] < (uint32_t)key || (before->band == band && (uint32_t)key <= before->prefix))
        return note_block(c, "bands", key, "the block lies in the wrong place");
    *before = (struct before){band, entries->prefixes[entries->count - 1]};
    for (uint32_t i = 0; i < entries->count; i++)
        c->found[band] += entry_number(entries->prefixes[i], entries->ids[i],
                                       entries->tails + (size_t)i * shape->tail, shape->tail);
    c->entries[band] += entries->count;
    return SQLITE_OK;
}

static int check_bands(struct check *c)
{
    dg_index_entries entries = {0};
    struct before before = {-1, 0};
    sqlite3_stmt *statement;
    int taken = SQLITE_OK, rc = dg_index_statement_get(c->index, DG_INDEX_BANDS_ALL, &statement);
    if (rc != SQLITE_OK) return rc;
    while (taken == SQLITE_OK && !c->fault && (rc = sqlite3_step(statement)) == SQLITE_ROW)
        taken = check_band_block(c, statement, &before, &entries);
    dg_index_entries_free(&entries);
    if (taken == SQLITE_OK) return dg_index_end(c->index, statement, rc);
    sqlite3_reset(statement);
    return taken;
}

static int compare_bands(struct check *c)
{
    int rc = SQLITE_OK;
    for (uint32_t band = 0; band < c->index->shape.bands && rc == SQLITE_OK; band++) {
        if (c->entries[band] != (uint64_t)c->counted)
            rc = note(c, "band %u has %lld entries, there are %lld rows", band, (long long)c->entries[band],
                      (long long)c->counted);
        else if (c->found[band] != c->sums[band])
            rc = note(c, "band %u holds other entries than the rows", band);
    }
    return rc;
}

/* --- the delta and the whole --- */

static int check_delta(struct check *c)
{
    const dg_index_delta *delta;
    int rc = dg_index_delta_get(c->index, &delta);
    if (rc != SQLITE_OK) return rc;
    for (uint32_t i = 0; i < delta->count && rc == SQLITE_OK && !c->fault; i++)
        if (delta->marks[i] <= c->newest || delta->marks[i] > c->mark)
            rc = note_block(c, "delta", delta->ids[i], "a mark that was never given");
    return rc;
}

static int check_all(struct check *c)
{
    int64_t rows;
    int rc = dg_index_check_version(c->index, &rows);
    if (rc == SQLITE_OK) rc = dg_index_mark(c->index, &c->mark);
    if (rc == SQLITE_OK) rc = check_rows(c);
    if (rc == SQLITE_OK && !c->fault) rc = check_bands(c);
    if (rc == SQLITE_OK && !c->fault && c->counted != rows)
        rc = note(c, "%s_config says %lld rows, there are %lld", c->index->name, (long long)rows,
                  (long long)c->counted);
    if (rc == SQLITE_OK && !c->fault) rc = compare_bands(c);
    if (rc == SQLITE_OK && !c->fault) rc = check_delta(c);
    return rc;
}

/* --- the content table --- */

/* The index's row at *at against the content's row `id`: the first difference is noted. */
static int compare_row(struct check *c, const dg_index_rows *rows, uint32_t *at, int64_t id,
                       const uint8_t *hash)
{
    const uint32_t bytes = c->index->shape.bytes;
    if (*at < rows->count && rows->ids[*at] < id)
        return note(c, "row %lld is not in %s", (long long)rows->ids[*at], c->index->content);
    if (*at == rows->count || rows->ids[*at] > id)
        return note(c, "row %lld of %s is missing", (long long)id, c->index->content);
    if (memcmp(rows->hashes + (size_t)*at * bytes, hash, bytes) != 0)
        return note(c, "row %lld has another hash in %s", (long long)id, c->index->content);
    ++*at;
    return SQLITE_OK;
}

static int check_content(struct check *c)
{
    uint8_t hash[DG_HASHVALUE_MAX];
    dg_index_rows rows = {0};
    sqlite3_stmt *statement = NULL;
    uint32_t at = 0;
    int64_t id;
    int step = SQLITE_DONE;
    int rc = dg_index_read(c->index, &rows);
    if (rc == SQLITE_OK) rc = dg_index_content_prepare(c->index, &statement);
    while (rc == SQLITE_OK && !c->fault && (step = sqlite3_step(statement)) == SQLITE_ROW) {
        rc = dg_index_content_row(c->index, statement, &id, hash);
        if (rc == SQLITE_OK) rc = compare_row(c, &rows, &at, id, hash);
    }
    if (rc == SQLITE_OK && step != SQLITE_DONE && step != SQLITE_ROW)
        rc = dg_index_fail_sqlite(c->index, step);
    if (rc == SQLITE_OK && !c->fault && at < rows.count)
        rc = note(c, "row %lld is not in %s", (long long)rows.ids[at], c->index->content);
    sqlite3_finalize(statement);
    dg_index_rows_free(&rows);
    return rc;
}

int dg_index_integrity(dg_hash_index *index, int content, char **fault)
{
    struct check c = {.index = index};
    int rc = check_all(&c);
    if (rc == SQLITE_OK && !c.fault && content && index->content) rc = check_content(&c);
    /* A shadow table that is missing or malformed is damage as well, with its text already there. */
    if ((rc == SQLITE_CORRUPT_VTAB || rc == SQLITE_ERROR) && !c.fault && index->base.zErrMsg) {
        c.fault = sqlite3_mprintf("%s", index->base.zErrMsg);
        rc = c.fault ? dg_vtab_fail(&index->base, SQLITE_OK, NULL) : SQLITE_NOMEM;
    }
    if (rc != SQLITE_OK) {
        sqlite3_free(c.fault);
        c.fault = NULL;
    }
    *fault = c.fault;
    return rc;
}
