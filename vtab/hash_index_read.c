/*
 * Reading all rows of an index in the order of their ids: those of the blocks, with those of the delta in
 * their places.
 */
#include "hash_index.h"

/* Appends delta rows from *at on whose id is at most `last`. */
static int add_changes(const dg_index_shape *shape, const dg_index_delta *delta, uint32_t *at, int64_t last,
                       dg_index_rows *rows)
{
    for (; *at < delta->count && delta->ids[*at] <= last; ++*at) {
        if (!delta->present[*at]) continue;
        if (!dg_index_rows_reserve(shape, rows, 1)) return SQLITE_NOMEM;
        dg_index_rows_add(shape, rows, delta->ids[*at], delta->marks[*at],
                          delta->hashes + (size_t)*at * shape->bytes);
    }
    return SQLITE_OK;
}

/* Appends the block's rows and the delta's up to the block's last id; *after: that id. Ids must ascend from
 * the last call's. */
static int add_block(dg_hash_index *index, sqlite3_stmt *row, const dg_index_delta *delta, uint32_t *at,
                     int first, int64_t *after, dg_index_rows *rows)
{
    const dg_index_shape *shape = &index->shape;
    dg_index_rows_view view;
    const int64_t key = sqlite3_column_int64(row, 0);
    const void *block = sqlite3_column_blob(row, 1);
    if (!dg_index_rows_open(shape, block, (size_t)sqlite3_column_bytes(row, 1), &view))
        return dg_index_damaged(index, "rows", key);
    if (!dg_index_rows_reserve(shape, rows, view.count)) return SQLITE_NOMEM;
    for (uint32_t i = 0; i < view.count; i++) {
        const int64_t id = dg_packed_get(&view.ids, i);
        if (!(first && i == 0) && id <= *after) return dg_index_damaged(index, "rows", key);
        *after = id;
        if (*at < delta->count && delta->ids[*at] <= id) {
            int rc = add_changes(shape, delta, at, id, rows);
            if (rc == SQLITE_OK && !dg_index_rows_reserve(shape, rows, view.count - i)) rc = SQLITE_NOMEM;
            if (rc != SQLITE_OK) return rc;
            if (delta->ids[*at - 1] == id) continue;
        }
        dg_index_rows_add(shape, rows, id, dg_packed_get(&view.marks, i),
                          view.hashes + (size_t)i * shape->bytes);
    }
    return SQLITE_OK;
}

int dg_index_each(dg_hash_index *index, dg_index_taker *take, void *state)
{
    const dg_index_delta *delta;
    dg_index_rows rows = {0};
    sqlite3_stmt *statement;
    uint32_t at = 0;
    int64_t merged, after = 0;
    int first = 1, step = SQLITE_DONE;
    int rc = dg_index_check_version(index, &merged);
    if (rc == SQLITE_OK) rc = dg_index_delta_get(index, &delta);
    if (rc == SQLITE_OK) rc = dg_index_statement_get(index, DG_INDEX_ROWS_ALL, &statement);
    if (rc != SQLITE_OK) return rc;
    while (rc == SQLITE_OK && (step = sqlite3_step(statement)) == SQLITE_ROW) {
        rows.count = 0;
        rc = add_block(index, statement, delta, &at, first, &after, &rows);
        if (rc == SQLITE_OK && rows.count > 0) rc = take(state, index, &rows);
        first = 0;
    }
    if (rc == SQLITE_OK)
        rc = dg_index_end(index, statement, step);
    else
        sqlite3_reset(statement);
    rows.count = 0;
    if (rc == SQLITE_OK) rc = add_changes(&index->shape, delta, &at, INT64_MAX, &rows);
    if (rc == SQLITE_OK && rows.count > 0) rc = take(state, index, &rows);
    dg_index_rows_free(&rows);
    return rc;
}

/* The first place in the delta with an id above `after`. */
static uint32_t first_change(const dg_index_delta *delta, int begun, int64_t after)
{
    uint32_t low = 0, high = delta->count;
    while (begun && low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (delta->ids[middle] <= after)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The statement that gives the next block: the one behind the last; where blocks were written anew since, the
 * one that the last id belongs to. */
static int next_block(dg_index_scan *scan, dg_hash_index *index, sqlite3_stmt **statement)
{
    const int moved = scan->begun && scan->generation != index->generation;
    int rc = dg_index_statement_get(index,
                                    !scan->begun ? DG_INDEX_ROWS_FIRST
                                    : moved      ? DG_INDEX_ROWS_FROM
                                                 : DG_INDEX_ROWS_AFTER,
                                    statement);
    scan->generation = index->generation;
    return rc == SQLITE_OK && scan->begun ? sqlite3_bind_int64(*statement, 1, moved ? scan->after : scan->key)
                                          : rc;
}

/* The next block, or what is left of the delta. Rows that were there already are passed over. */
static int read_block(dg_index_scan *scan, dg_hash_index *index, const dg_index_delta *delta)
{
    sqlite3_stmt *statement;
    uint32_t at = first_change(delta, scan->begun, scan->after);
    int64_t last = 0;
    int added = SQLITE_OK;
    int rc = next_block(scan, index, &statement);
    if (rc != SQLITE_OK) return rc;
    scan->rows.count = scan->at = 0;
    rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        scan->key = sqlite3_column_int64(statement, 0);
        added = add_block(index, statement, delta, &at, 1, &last, &scan->rows);
        while (scan->begun && scan->at < scan->rows.count && scan->rows.ids[scan->at] <= scan->after)
            scan->at++;
        if (!scan->begun || last > scan->after) scan->after = last;
        scan->begun = 1;
    } else if (rc == SQLITE_DONE) {
        scan->ended = 1;
        added = add_changes(&index->shape, delta, &at, INT64_MAX, &scan->rows);
    }
    if (added == SQLITE_OK) return dg_index_end(index, statement, rc);
    sqlite3_reset(statement);
    return added;
}

static int read_on(dg_index_scan *scan, dg_hash_index *index)
{
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && dg_index_scan_eof(scan) && !scan->ended) {
        const dg_index_delta *delta;
        rc = dg_index_delta_get(index, &delta);
        if (rc == SQLITE_OK) rc = read_block(scan, index, delta);
    }
    return rc;
}

int dg_index_scan_begin(dg_index_scan *scan, dg_hash_index *index)
{
    int64_t merged;
    int rc = dg_index_check_version(index, &merged);
    scan->rows.count = scan->at = 0;
    scan->begun = scan->ended = 0;
    return rc == SQLITE_OK ? read_on(scan, index) : rc;
}

int dg_index_scan_next(dg_index_scan *scan, dg_hash_index *index)
{
    scan->at++;
    return read_on(scan, index);
}

void dg_index_scan_free(dg_index_scan *scan)
{
    dg_index_rows_free(&scan->rows);
}
