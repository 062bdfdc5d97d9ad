/*
 * The shadow tables of an index, row by row: their statements, the configuration, and the delta that takes
 * every change.
 */
#include "hash_index.h"

#include "vtab.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* --- errors --- */

int dg_index_fail(dg_hash_index *index, int rc, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *what = sqlite3_vmprintf(format, args);
    va_end(args);
    dg_vtab_fail(&index->base, rc, what ? sqlite3_mprintf("%s: %s", index->name, what) : NULL);
    sqlite3_free(what);
    return rc;
}

int dg_index_fail_sqlite(dg_hash_index *index, int rc)
{
    if (rc == SQLITE_NOMEM || rc == SQLITE_INTERRUPT) return rc;
    return dg_index_fail(index, rc, "%s", sqlite3_errmsg(index->db));
}

int dg_index_damaged(dg_hash_index *index, const char *suffix, int64_t key)
{
    return dg_index_fail(index, SQLITE_CORRUPT_VTAB,
                         "%s_%s, row %lld, is damaged; the command 'rebuild' makes the index anew",
                         index->name, suffix, (long long)key);
}

/* --- statements --- */

static const char *const texts[DG_INDEX_STATEMENTS] = {
    [DG_INDEX_CONFIG_GET] = "SELECT value FROM \"%w\".\"%w_config\" WHERE key = ?1",
    [DG_INDEX_CONFIG_PUT] = "REPLACE INTO \"%w\".\"%w_config\" VALUES(?1, ?2)",
    [DG_INDEX_DELTA_GET] = "SELECT hash FROM \"%w\".\"%w_delta\" WHERE id = ?1",
    [DG_INDEX_DELTA_PUT] = "REPLACE INTO \"%w\".\"%w_delta\" VALUES(?1, ?2, ?3)",
    [DG_INDEX_DELTA_ALL] = "SELECT id, mark, hash FROM \"%w\".\"%w_delta\" ORDER BY id",
    [DG_INDEX_DELTA_COUNT] = "SELECT count(*) FROM \"%w\".\"%w_delta\"",
    [DG_INDEX_DELTA_LAST] = "SELECT max(id) FROM \"%w\".\"%w_delta\"",
    [DG_INDEX_DELTA_CLEAR] = "DELETE FROM \"%w\".\"%w_delta\"",
    [DG_INDEX_ROWS_AT] = "SELECT id, block FROM \"%w\".\"%w_rows\" WHERE id <= ?1 ORDER BY id DESC LIMIT 1",
    [DG_INDEX_ROWS_AFTER] = "SELECT id, block FROM \"%w\".\"%w_rows\" WHERE id > ?1 ORDER BY id LIMIT 1",
    [DG_INDEX_ROWS_FIRST] = "SELECT id, block FROM \"%w\".\"%w_rows\" ORDER BY id LIMIT 1",
    [DG_INDEX_ROWS_FROM] = "SELECT id, block FROM \"%w\".\"%w_rows\" WHERE id >= coalesce("
                           "(SELECT max(id) FROM \"%w\".\"%w_rows\" WHERE id <= ?1), ?1) ORDER BY id LIMIT 1",
    [DG_INDEX_ROWS_LAST] = "SELECT id, block FROM \"%w\".\"%w_rows\" ORDER BY id DESC LIMIT 1",
    [DG_INDEX_ROWS_ALL] = "SELECT id, block FROM \"%w\".\"%w_rows\" ORDER BY id",
    [DG_INDEX_ROWS_PUT] = "REPLACE INTO \"%w\".\"%w_rows\" VALUES(?1, ?2)",
    [DG_INDEX_ROWS_DELETE] = "DELETE FROM \"%w\".\"%w_rows\" WHERE id = ?1",
    [DG_INDEX_ROWS_CLEAR] = "DELETE FROM \"%w\".\"%w_rows\"",
    [DG_INDEX_BANDS_AT] =
        "SELECT code, block FROM \"%w\".\"%w_bands\" WHERE code <= ?1 ORDER BY code DESC LIMIT 1",
    [DG_INDEX_BANDS_AFTER] =
        "SELECT code, block FROM \"%w\".\"%w_bands\" WHERE code > ?1 ORDER BY code LIMIT 1",
    [DG_INDEX_BANDS_RANGE] =
        "SELECT code, block FROM \"%w\".\"%w_bands\" WHERE code > ?1 AND code <= ?2 ORDER BY code",
    [DG_INDEX_BANDS_ALL] = "SELECT code, block FROM \"%w\".\"%w_bands\" ORDER BY code",
    [DG_INDEX_BANDS_PUT] = "REPLACE INTO \"%w\".\"%w_bands\" VALUES(?1, ?2)",
    [DG_INDEX_BANDS_DELETE] = "DELETE FROM \"%w\".\"%w_bands\" WHERE code = ?1",
    [DG_INDEX_BANDS_CLEAR] = "DELETE FROM \"%w\".\"%w_bands\"",
};

int dg_index_statement_get(dg_hash_index *index, enum dg_index_statement which, sqlite3_stmt **statement)
{
    *statement = index->statements[which];
    if (*statement) return SQLITE_OK;
    char *sql = sqlite3_mprintf(texts[which], index->schema, index->name, index->schema, index->name);
    if (!sql) return SQLITE_NOMEM;
    int rc = sqlite3_prepare_v3(index->db, sql, -1,
                                SQLITE_PREPARE_PERSISTENT | SQLITE_PREPARE_NO_VTAB | SQLITE_PREPARE_FROM_DDL,
                                &index->statements[which], NULL);
    sqlite3_free(sql);
    *statement = index->statements[which];
    return rc == SQLITE_OK ? rc : dg_index_fail_sqlite(index, rc);
}

int dg_index_end(dg_hash_index *index, sqlite3_stmt *statement, int rc)
{
    const int fine = rc == SQLITE_ROW || rc == SQLITE_DONE || rc == SQLITE_OK;
    if (!fine) dg_index_fail_sqlite(index, rc);
    sqlite3_reset(statement);
    return fine ? SQLITE_OK : rc;
}

int dg_index_run(dg_hash_index *index, sqlite3_stmt *statement)
{
    return dg_index_end(index, statement, sqlite3_step(statement));
}

void dg_index_statements_free(dg_hash_index *index)
{
    for (int i = 0; i < DG_INDEX_STATEMENTS; i++) {
        sqlite3_finalize(index->statements[i]);
        index->statements[i] = NULL;
    }
}

int dg_index_exec(dg_hash_index *index, const char *format)
{
    const char *s = index->schema, *n = index->name;
    char *sql = sqlite3_mprintf(format, s, n, s, n, s, n, s, n);
    if (!sql) return SQLITE_NOMEM;
    int rc = sqlite3_exec(index->db, sql, NULL, NULL, NULL);
    sqlite3_free(sql);
    return rc == SQLITE_OK ? rc : dg_index_fail_sqlite(index, rc);
}

/* The one INTEGER of a statement's one row; found 0: NULL, or no row. */
static int ask(dg_hash_index *index, enum dg_index_statement which, const char *key, int64_t *value,
               int *found)
{
    sqlite3_stmt *statement;
    *found = 0;
    int rc = dg_index_statement_get(index, which, &statement);
    if (rc != SQLITE_OK) return rc;
    if (key) rc = sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK) rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW && sqlite3_column_type(statement, 0) != SQLITE_NULL) {
        *value = sqlite3_column_int64(statement, 0);
        *found = 1;
    }
    return dg_index_end(index, statement, rc);
}

/* --- configuration --- */

int dg_index_config_get(dg_hash_index *index, const char *key, int64_t *value, int *found)
{
    return ask(index, DG_INDEX_CONFIG_GET, key, value, found);
}

int dg_index_config_put(dg_hash_index *index, const char *key, int64_t value)
{
    sqlite3_stmt *statement;
    int rc = dg_index_statement_get(index, DG_INDEX_CONFIG_PUT, &statement);
    if (rc != SQLITE_OK) return rc;
    rc = sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK) rc = sqlite3_bind_int64(statement, 2, value);
    return rc == SQLITE_OK ? dg_index_run(index, statement) : rc;
}

/* The four tables, with the words before their names. */
#define TABLES(create)                                                                                       \
    create "\"%w\".\"%w_config\"(key TEXT PRIMARY KEY, value) WITHOUT ROWID;" create                         \
           "\"%w\".\"%w_delta\"(id INTEGER PRIMARY KEY, mark INTEGER, hash BLOB);" create                    \
           "\"%w\".\"%w_rows\"(id INTEGER PRIMARY KEY, block BLOB);" create                                  \
           "\"%w\".\"%w_bands\"(code INTEGER PRIMARY KEY, block BLOB);"

int dg_index_mend(dg_hash_index *index)
{
    return dg_index_exec(index, TABLES("CREATE TABLE IF NOT EXISTS "));
}

int dg_index_create(dg_hash_index *index)
{
    int rc = dg_index_exec(index, TABLES("CREATE TABLE "));
    if (rc == SQLITE_OK) rc = dg_index_config_put(index, "version", DG_INDEX_VERSION);
    if (rc == SQLITE_OK) rc = dg_index_config_put(index, "bits", (int64_t)index->shape.bytes * 8);
    if (rc == SQLITE_OK) rc = dg_index_config_put(index, "mark", 0);
    if (rc == SQLITE_OK) rc = dg_index_config_put(index, "rows", 0);
    return rc;
}

int dg_index_check_version(dg_hash_index *index, int64_t *rows)
{
    int64_t version = 0, bits = 0;
    int found, rows_found;
    int rc = dg_index_config_get(index, "version", &version, &found);
    if (rc == SQLITE_OK && version != DG_INDEX_VERSION)
        return dg_index_fail(index, SQLITE_ERROR, "its format is version %lld; this dupgpu reads version %d",
                             (long long)version, DG_INDEX_VERSION);
    if (rc == SQLITE_OK) rc = dg_index_config_get(index, "bits", &bits, &found);
    if (rc == SQLITE_OK && bits != (int64_t)index->shape.bytes * 8)
        return dg_index_fail(index, SQLITE_ERROR,
                             "it was made for hashes of %lld bits and is declared for %d", (long long)bits,
                             (int)index->shape.bytes * 8);
    if (rc == SQLITE_OK) rc = dg_index_config_get(index, "rows", rows, &rows_found);
    if (rc == SQLITE_OK && (!rows_found || *rows < 0))
        return dg_index_fail(index, SQLITE_CORRUPT_VTAB, "%s_config lacks the number of rows", index->name);
    return rc;
}

/* --- single rows --- */

static int64_t last_of(const dg_index_rows_view *view)
{
    return dg_packed_get(&view->ids, view->count - 1);
}

/* The highest id in i_rows. */
static int last_merged(dg_hash_index *index, int *found, int64_t *id)
{
    sqlite3_stmt *statement;
    dg_index_rows_view view;
    *found = 0;
    int rc = dg_index_statement_get(index, DG_INDEX_ROWS_LAST, &statement);
    if (rc != SQLITE_OK) return rc;
    rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        const void *block = sqlite3_column_blob(statement, 1);
        const int64_t key = sqlite3_column_int64(statement, 0);
        *found = dg_index_rows_open(&index->shape, block, (size_t)sqlite3_column_bytes(statement, 1), &view);
        if (*found)
            *id = last_of(&view);
        else
            rc = dg_index_damaged(index, "rows", key);
    }
    if (rc != SQLITE_CORRUPT_VTAB) return dg_index_end(index, statement, rc);
    sqlite3_reset(statement);
    return rc;
}

/* The row in i_delta: found 1, or -1 for one that is gone. */
static int get_delta(dg_hash_index *index, int64_t id, int *found, uint8_t *hash)
{
    sqlite3_stmt *statement;
    *found = 0;
    int rc = dg_index_statement_get(index, DG_INDEX_DELTA_GET, &statement);
    if (rc == SQLITE_OK) rc = sqlite3_bind_int64(statement, 1, id);
    if (rc != SQLITE_OK) return rc;
    rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        const void *bytes = sqlite3_column_blob(statement, 0);
        const size_t size = (size_t)sqlite3_column_bytes(statement, 0);
        *found = sqlite3_column_type(statement, 0) == SQLITE_NULL ? -1 : 1;
        if (*found > 0 && (!bytes || size != index->shape.bytes)) {
            sqlite3_reset(statement);
            return dg_index_damaged(index, "delta", id);
        }
        if (*found > 0) memcpy(hash, bytes, size);
    }
    return dg_index_end(index, statement, rc);
}

int dg_index_get_merged(dg_hash_index *index, int64_t id, int *found, uint8_t *hash)
{
    sqlite3_stmt *statement;
    dg_index_rows_view view;
    *found = 0;
    int rc = dg_index_statement_get(index, DG_INDEX_ROWS_AT, &statement);
    if (rc == SQLITE_OK) rc = sqlite3_bind_int64(statement, 1, id);
    if (rc != SQLITE_OK) return rc;
    rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        const void *block = sqlite3_column_blob(statement, 1);
        const size_t size = (size_t)sqlite3_column_bytes(statement, 1);
        const int64_t key = sqlite3_column_int64(statement, 0);
        if (!dg_index_rows_open(&index->shape, block, size, &view)) {
            sqlite3_reset(statement);
            return dg_index_damaged(index, "rows", key);
        }
        const int64_t at = dg_index_rows_find(&view, id);
        *found = at >= 0;
        if (*found) memcpy(hash, view.hashes + (size_t)at * index->shape.bytes, index->shape.bytes);
    }
    return dg_index_end(index, statement, rc);
}

int dg_index_get(dg_hash_index *index, int64_t id, int *found, uint8_t *hash)
{
    *found = 0;
    if (index->mark >= 0 && id > index->highest) return SQLITE_OK;
    int rc = get_delta(index, id, found, hash);
    if (rc != SQLITE_OK || *found > 0) return rc;
    const int gone = *found < 0;
    *found = 0;
    if (gone) return SQLITE_OK;
    return dg_index_get_merged(index, id, found, hash);
}

/* The highest id of all, INT64_MIN where there is none. */
static int find_highest(dg_hash_index *index, int64_t *id)
{
    int64_t merged;
    int found, any;
    int rc = ask(index, DG_INDEX_DELTA_LAST, NULL, id, &found);
    if (!found) *id = INT64_MIN;
    if (rc == SQLITE_OK) rc = last_merged(index, &any, &merged);
    if (rc == SQLITE_OK && any && merged > *id) *id = merged;
    return rc;
}

/* --- writing --- */

/*
 * When a schema changes, or such a change is rolled back, SQLite opens a table anew in the midst of a
 * transaction, and ends the old dg_hash_index only with it. What the one has written the other must know of.
 * Whether `other` is such a twin that has written.
 */
static int is_twin(const dg_hash_index *index, const dg_hash_index *other)
{
    return other != index && other->mark >= 0 && sqlite3_stricmp(other->name, index->name) == 0 &&
           sqlite3_stricmp(other->schema, index->schema) == 0;
}

static void learn_from_twins(dg_hash_index *index)
{
    for (const dg_hash_index *other = index->connection->indexes; other; other = other->next) {
        if (!is_twin(index, other)) continue;
        if (other->mark > index->mark) index->mark = other->mark;
        if (other->highest > index->highest) index->highest = other->highest;
    }
}

int dg_index_mark(dg_hash_index *index, int64_t *mark)
{
    int found;
    if (index->mark >= 0) {
        learn_from_twins(index);
        *mark = index->mark;
        return SQLITE_OK;
    }
    int rc = dg_index_config_get(index, "mark", mark, &found);
    if (rc == SQLITE_OK && (!found || *mark < 0))
        rc = dg_index_fail(index, SQLITE_CORRUPT_VTAB, "%s_config lacks the mark", index->name);
    for (const dg_hash_index *other = index->connection->indexes; other; other = other->next)
        if (is_twin(index, other) && other->mark > *mark) *mark = other->mark;
    return rc;
}

int dg_index_begin_writing(dg_hash_index *index)
{
    int64_t mark;
    int found;
    if (index->mark >= 0) {
        learn_from_twins(index);
        return SQLITE_OK;
    }
    int rc = dg_index_check_version(index, &index->merged);
    if (rc == SQLITE_OK) rc = dg_index_mark(index, &mark);
    if (rc == SQLITE_OK) rc = ask(index, DG_INDEX_DELTA_COUNT, NULL, &index->pending, &found);
    if (rc == SQLITE_OK) rc = dg_index_config_get(index, "delta", &index->most, &found);
    if (rc == SQLITE_OK && (!found || index->most < 0)) index->most = DG_INDEX_DELTA;
    if (rc == SQLITE_OK) rc = find_highest(index, &index->highest);
    if (rc == SQLITE_OK && mark == INT64_MAX)
        rc = dg_index_fail(index, SQLITE_FULL, "it has given all its marks");
    if (rc == SQLITE_OK) index->mark = mark;
    index->asked = 0;
    return rc;
}

int dg_index_write(dg_hash_index *index, int64_t id, const uint8_t *hash)
{
    sqlite3_stmt *statement;
    int rc = dg_index_begin_writing(index);
    if (rc == SQLITE_OK) rc = dg_index_statement_get(index, DG_INDEX_DELTA_PUT, &statement);
    if (rc != SQLITE_OK) return rc;
    index->delta_known = 0;
    rc = sqlite3_bind_int64(statement, 1, id);
    if (rc == SQLITE_OK) rc = sqlite3_bind_int64(statement, 2, ++index->mark);
    if (rc == SQLITE_OK)
        rc = hash ? sqlite3_bind_blob(statement, 3, hash, (int)index->shape.bytes, SQLITE_STATIC)
                  : sqlite3_bind_null(statement, 3);
    if (rc == SQLITE_OK) rc = dg_index_run(index, statement);
    if (rc != SQLITE_OK) return rc;
    index->pending++;
    if (id > index->highest) index->highest = id;
    const int64_t most = index->asked || index->merged < index->most ? index->most : index->merged;
    return index->pending > most ? dg_index_merge(index) : SQLITE_OK;
}

/* --- the delta in memory --- */

static void free_delta(dg_index_delta *delta)
{
    free(delta->ids);
    free(delta->marks);
    free(delta->present);
    free(delta->hashes);
    *delta = (dg_index_delta){0};
}

void dg_index_delta_forget(dg_hash_index *index)
{
    free_delta(&index->delta);
    index->delta_known = 0;
}

static int grow_delta(dg_index_delta *delta, size_t bytes)
{
    const size_t capacity = delta->capacity ? (size_t)delta->capacity * 2 : 256;
    if (capacity > UINT32_MAX) return 0;
    void *memory = realloc(delta->ids, capacity * sizeof *delta->ids);
    if (memory) delta->ids = memory;
    if (memory) memory = realloc(delta->marks, capacity * sizeof *delta->marks);
    if (memory) delta->marks = memory;
    if (memory) memory = realloc(delta->present, capacity);
    if (memory) delta->present = memory;
    if (memory) memory = realloc(delta->hashes, capacity * bytes);
    if (!memory) return 0;
    delta->hashes = memory;
    delta->capacity = (uint32_t)capacity;
    return 1;
}

static int add_to_delta(dg_hash_index *index, sqlite3_stmt *row)
{
    dg_index_delta *delta = &index->delta;
    const size_t bytes = index->shape.bytes;
    const int64_t id = sqlite3_column_int64(row, 0);
    if (delta->count == delta->capacity && !grow_delta(delta, bytes)) return SQLITE_NOMEM;
    const int present = sqlite3_column_type(row, 2) != SQLITE_NULL;
    const void *hash = sqlite3_column_blob(row, 2);
    if (present && (!hash || (size_t)sqlite3_column_bytes(row, 2) != bytes))
        return dg_index_damaged(index, "delta", id);
    delta->ids[delta->count] = id;
    delta->marks[delta->count] = sqlite3_column_int64(row, 1);
    delta->present[delta->count] = (uint8_t)present;
    if (present) memcpy(delta->hashes + delta->count * bytes, hash, bytes);
    delta->count++;
    return SQLITE_OK;
}

static int load_delta(dg_hash_index *index)
{
    sqlite3_stmt *statement;
    int rc = dg_index_statement_get(index, DG_INDEX_DELTA_ALL, &statement), taken = SQLITE_OK;
    index->delta.count = 0;
    if (rc != SQLITE_OK) return rc;
    while (taken == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW)
        taken = add_to_delta(index, statement);
    if (taken == SQLITE_OK) return dg_index_end(index, statement, rc);
    sqlite3_reset(statement);
    return taken;
}

/* Another connection's commits change the version; writes of this one, its changes; and it is told when they
 * are rolled back, if they went through the index. */
int dg_index_stamp_get(dg_hash_index *index, dg_index_stamp *stamp)
{
    memset(stamp, 0, sizeof *stamp);
    if (!index->writing && sqlite3_txn_state(index->db, index->schema) == SQLITE_TXN_WRITE) return 0;
    stamp->changes = sqlite3_total_changes64(index->db);
    stamp->generation = index->generation;
    return sqlite3_file_control(index->db, index->schema, SQLITE_FCNTL_DATA_VERSION, &stamp->version) ==
           SQLITE_OK;
}

int dg_index_stamp_equal(const dg_index_stamp *a, const dg_index_stamp *b)
{
    return a->changes == b->changes && a->version == b->version && a->generation == b->generation;
}

int dg_index_delta_get(dg_hash_index *index, const dg_index_delta **delta)
{
    dg_index_stamp stamp;
    const int good = dg_index_stamp_get(index, &stamp);
    *delta = &index->delta;
    if (good && index->delta_known && dg_index_stamp_equal(&stamp, &index->stamp)) return SQLITE_OK;
    index->delta_known = 0;
    int rc = load_delta(index);
    if (rc != SQLITE_OK) return rc;
    index->stamp = stamp;
    index->delta_known = good;
    return SQLITE_OK;
}

int64_t dg_index_delta_find(const dg_index_delta *delta, int64_t id)
{
    uint32_t low = 0, high = delta->count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (delta->ids[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < delta->count && delta->ids[low] == id ? (int64_t)low : -1;
}
