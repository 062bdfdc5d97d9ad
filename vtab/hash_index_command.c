/*
 * The commands of an index: INSERT INTO i(i) VALUES('rebuild'), 'optimize', 'integrity-check', 'delete-all',
 * 'create-triggers' and 'drop-triggers'; INSERT INTO i(i, k) VALUES('delta', 1000).
 */
#include "hash_index.h"

#include "vtab.h"

#include "../ext/hashvalue.h"

#include <stdlib.h>
#include <string.h>

/* --- rows for a rebuild --- */

static int append(void *state, dg_hash_index *index, const dg_index_rows *rows)
{
    dg_index_rows *all = state;
    if (!dg_index_rows_reserve(&index->shape, all, rows->count)) return SQLITE_NOMEM;
    for (uint32_t i = 0; i < rows->count; i++)
        dg_index_rows_add(&index->shape, all, rows->ids[i], rows->marks[i],
                          rows->hashes + (size_t)i * index->shape.bytes);
    return SQLITE_OK;
}

int dg_index_read(dg_hash_index *index, dg_index_rows *rows)
{
    return dg_index_each(index, append, rows);
}

int dg_index_content_prepare(dg_hash_index *index, sqlite3_stmt **statement)
{
    *statement = NULL;
    const char *t = index->content;
    char *sql = sqlite3_mprintf(
        "SELECT \"%w\".\"%w\", \"%w\".\"%w\" FROM \"%w\".\"%w\" WHERE \"%w\".\"%w\" IS NOT NULL "
        "ORDER BY 1",
        t, index->content_rowid, t, index->content_column, index->schema, t, t, index->content_column);
    if (!sql) return SQLITE_NOMEM;
    int rc = sqlite3_prepare_v3(index->db, sql, -1, SQLITE_PREPARE_FROM_DDL, statement, NULL);
    sqlite3_free(sql);
    return rc == SQLITE_OK ? rc : dg_index_fail_sqlite(index, rc);
}

static int fail_row(dg_hash_index *index, sqlite3_stmt *row, const char *what)
{
    const char *id = (const char *)sqlite3_column_text(row, 0);
    return dg_index_fail(index, SQLITE_ERROR, "%s.%s, row %s: %s", index->content, index->content_column,
                         id ? id : "NULL", what);
}

int dg_index_content_row(dg_hash_index *index, sqlite3_stmt *row, int64_t *id, uint8_t *hash)
{
    dg_hashvalue read;
    dg_err err = {0};
    char width[80];
    if (sqlite3_column_type(row, 0) != SQLITE_INTEGER) return fail_row(index, row, "the rowid is no INTEGER");
    *id = sqlite3_column_int64(row, 0);
    if (dg_hashvalue_read(sqlite3_column_value(row, 1), &read, &err) != DG_OK)
        return err.code == DG_NOMEM ? SQLITE_NOMEM : fail_row(index, row, err.text);
    if (read.count != index->shape.bytes) {
        sqlite3_snprintf(sizeof width, width, "%d bits; the index has %d", (int)read.count * 8,
                         (int)index->shape.bytes * 8);
        return fail_row(index, row, width);
    }
    memcpy(hash, read.bytes, read.count);
    return SQLITE_OK;
}

/* The mark of a row of the content: the one it had, if its hash is the same; *at ascends through `old`. */
static int64_t mark_of(const dg_index_shape *shape, const dg_index_rows *old, uint32_t *at, int64_t id,
                       const uint8_t *hash, int64_t newest)
{
    while (*at < old->count && old->ids[*at] < id) ++*at;
    const int same = *at < old->count && old->ids[*at] == id &&
                     memcmp(old->hashes + (size_t)*at * shape->bytes, hash, shape->bytes) == 0;
    return same ? old->marks[*at] : newest;
}

static int read_content(dg_hash_index *index, const dg_index_rows *old, int64_t newest, dg_index_rows *rows)
{
    uint8_t hash[DG_HASHVALUE_MAX];
    sqlite3_stmt *statement;
    uint32_t at = 0;
    int64_t id;
    int step = SQLITE_DONE;
    int rc = dg_index_content_prepare(index, &statement);
    while (rc == SQLITE_OK && (step = sqlite3_step(statement)) == SQLITE_ROW) {
        rc = dg_index_content_row(index, statement, &id, hash);
        if (rc == SQLITE_OK && rows->count && rows->ids[rows->count - 1] == id)
            rc = fail_row(index, statement, "there are two rows of this number");
        if (rc == SQLITE_OK && !dg_index_rows_reserve(&index->shape, rows, 1)) rc = SQLITE_NOMEM;
        if (rc == SQLITE_OK)
            dg_index_rows_add(&index->shape, rows, id, mark_of(&index->shape, old, &at, id, hash, newest),
                              hash);
    }
    if (rc == SQLITE_OK && step != SQLITE_DONE) rc = dg_index_fail_sqlite(index, step);
    sqlite3_finalize(statement);
    return rc;
}

/* --- commands --- */

/* Shadow tables that were dropped or emptied by hand are there again, for what is rebuilt in them. */
static int mend(dg_hash_index *index)
{
    int64_t version;
    int found;
    int rc = dg_index_mend(index);
    if (rc == SQLITE_OK) rc = dg_index_config_get(index, "version", &version, &found);
    if (rc == SQLITE_OK && found && version > DG_INDEX_VERSION)
        return dg_index_check_version(index, &version);
    if (rc == SQLITE_OK) rc = dg_index_config_put(index, "version", DG_INDEX_VERSION);
    if (rc == SQLITE_OK) rc = dg_index_config_put(index, "bits", (int64_t)index->shape.bytes * 8);
    return rc;
}

/* The rows as they are; none where they cannot be read. */
static int read_old(dg_hash_index *index, dg_index_rows *old)
{
    int rc = dg_index_read(index, old);
    if (rc != SQLITE_CORRUPT_VTAB) return rc;
    dg_index_rows_free(old);
    return dg_vtab_fail(&index->base, SQLITE_OK, NULL);
}

/* Rows whose hash is what it was keep their marks, so that a rebuild makes nothing newer. */
static int rebuild(dg_hash_index *index)
{
    dg_index_rows old = {0}, rows = {0};
    int64_t mark = 0;
    int rc = mend(index);
    if (!index->content) {
        if (rc == SQLITE_OK) rc = dg_index_read(index, &rows);
    } else {
        if (rc == SQLITE_OK) rc = read_old(index, &old);
        if (rc == SQLITE_OK) rc = dg_index_highest_mark(index, &old, &mark);
        if (rc == SQLITE_OK) rc = read_content(index, &old, mark + 1, &rows);
    }
    dg_index_rows_free(&old);
    if (rc == SQLITE_OK) rc = dg_index_build(index, &rows);
    dg_index_rows_free(&rows);
    return rc;
}

static int delete_all(dg_hash_index *index)
{
    int rc = mend(index);
    return rc == SQLITE_OK ? dg_index_clear(index) : rc;
}

static int check(dg_hash_index *index)
{
    char *fault = NULL;
    int rc = dg_index_integrity(index, 1, &fault);
    if (rc != SQLITE_OK || !fault) return rc;
    dg_vtab_fail(&index->base, SQLITE_CORRUPT_VTAB, fault);
    return SQLITE_CORRUPT_VTAB;
}

/* How many changes may wait to be merged. */
static int set_delta(dg_hash_index *index, sqlite3_value *number)
{
    if (sqlite3_value_type(number) != SQLITE_INTEGER || sqlite3_value_int64(number) < 0)
        return dg_index_fail(index, SQLITE_ERROR, "'delta' takes k, an INTEGER of 0 or more");
    index->most = sqlite3_value_int64(number);
    return dg_index_config_put(index, "delta", sqlite3_value_int64(number));
}

/* --- triggers --- */

static int no_content(dg_hash_index *index)
{
    return dg_index_fail(index, SQLITE_ERROR, "it has no content table to make triggers on");
}

/* Each row is deleted before it is inserted, for INSERT OR REPLACE deletes rows without telling triggers. */
static int create_triggers(dg_hash_index *index)
{
    const char *s = index->schema, *n = index->name, *t = index->content, *c = index->content_column,
               *r = index->content_rowid;
    if (!t) return no_content(index);
    char *sql =
        sqlite3_mprintf("CREATE TRIGGER IF NOT EXISTS \"%w\".\"%w_ai\" AFTER INSERT ON \"%w\" BEGIN"
                        "  DELETE FROM \"%w\" WHERE rowid = new.\"%w\";"
                        "  INSERT INTO \"%w\"(rowid, hash) VALUES(new.\"%w\", new.\"%w\"); END;"
                        "CREATE TRIGGER IF NOT EXISTS \"%w\".\"%w_ad\" AFTER DELETE ON \"%w\" BEGIN"
                        "  DELETE FROM \"%w\" WHERE rowid = old.\"%w\"; END;"
                        "CREATE TRIGGER IF NOT EXISTS \"%w\".\"%w_au\" AFTER UPDATE ON \"%w\""
                        "  WHEN old.\"%w\" IS NOT new.\"%w\" OR old.\"%w\" IS NOT new.\"%w\" BEGIN"
                        "  DELETE FROM \"%w\" WHERE rowid = old.\"%w\";"
                        "  DELETE FROM \"%w\" WHERE rowid = new.\"%w\";"
                        "  INSERT INTO \"%w\"(rowid, hash) VALUES(new.\"%w\", new.\"%w\"); END;",
                        s, n, t, n, r, n, r, c, s, n, t, n, r, s, n, t, r, r, c, c, n, r, n, r, n, r, c);
    int rc = sql ? sqlite3_exec(index->db, sql, NULL, NULL, NULL) : SQLITE_NOMEM;
    sqlite3_free(sql);
    return rc == SQLITE_OK ? rc : dg_index_fail_sqlite(index, rc);
}

static int drop_triggers(dg_hash_index *index)
{
    if (!index->content) return no_content(index);
    return dg_index_exec(index,
                         "DROP TRIGGER IF EXISTS \"%w\".\"%w_ai\"; DROP TRIGGER IF EXISTS \"%w\".\"%w_ad\";"
                         "DROP TRIGGER IF EXISTS \"%w\".\"%w_au\"");
}

int dg_index_command(dg_hash_index *index, sqlite3_value *value, sqlite3_value *number)
{
    static const struct {
        const char *name;
        int (*run)(dg_hash_index *index);
    } commands[] = {
        {"rebuild", rebuild},       {"optimize", dg_index_pack},          {"delete-all", delete_all},
        {"integrity-check", check}, {"create-triggers", create_triggers}, {"drop-triggers", drop_triggers},
    };
    const char *text = (const char *)sqlite3_value_text(value);
    if (!text) return SQLITE_NOMEM;
    if (sqlite3_stricmp(text, "delta") == 0) return set_delta(index, number);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (sqlite3_stricmp(text, commands[i].name) == 0) {
            const sqlite3_int64 last = sqlite3_last_insert_rowid(index->db);
            int rc = commands[i].run(index);
            sqlite3_set_last_insert_rowid(index->db, last);
            return rc;
        }
    return dg_index_fail(index, SQLITE_ERROR,
                         "command '%s'; it takes 'rebuild', 'optimize', 'integrity-check', 'delete-all', "
                         "'create-triggers', 'drop-triggers' and 'delta'",
                         text);
}
