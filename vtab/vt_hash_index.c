/*
 * CREATE VIRTUAL TABLE i USING hash_index(bits=64 [, content=t, content_column=c [, content_rowid=id]]): an
 * index of hashes that is kept up to date and answers within milliseconds. It follows FTS5: the rowid is the
 * key; without content the index is all there is of a row, and with it the rows belong to the table t, whose
 * triggers keep the index in step ('create-triggers' makes them). Commands are INSERT INTO i(i)
 * VALUES('...').
 *
 *     hash       what is indexed; rows with NULL are not kept
 *     i          hidden: takes commands; as in FTS5, `i MATCH ?`, `i = ?` and i(?) are `hash MATCH ?`
 *     k          hidden: `k = ?` asks for the k nearest
 *     distance   hidden: of the row from the query; distance <=, < and = limit it
 *
 * Rows that match come ordered by (distance, rowid). EXPLAIN QUERY PLAN reads <k nearest to|rows near> the
 * query[ and distance <op> ?], row by rowid, or all rows by rowid. What lies where: hash_index.h.
 */
#include "hash_index.h"

#include "arguments.h"
#include "plan.h"
#include "vtab.h"

#include "../ext/hashvalue.h"

#include <stdlib.h>
#include <string.h>

enum { COLUMN_HASH, COLUMN_SELF, COLUMN_K, COLUMN_DISTANCE };

enum { ARGUMENT_BITS, ARGUMENT_CONTENT, ARGUMENT_COLUMN, ARGUMENT_ROWID, ARGUMENTS };

/* The slots of a plan, a bit for each in idxNum. */
enum { SLOT_MATCH, SLOT_ROWID, SLOT_K, SLOT_DISTANCE, SLOTS = SLOT_DISTANCE + DG_DISTANCE_SLOTS };

static const dg_plan_slot slots[SLOTS] = {
    [SLOT_MATCH] = {DG_SLOT_OPTIONAL, COLUMN_HASH, SQLITE_INDEX_CONSTRAINT_MATCH, 1, "hash"},
    [SLOT_ROWID] = {DG_SLOT_FILTER, -1, SQLITE_INDEX_CONSTRAINT_EQ, 1, "rowid ="},
    [SLOT_K] = {DG_SLOT_OPTIONAL, COLUMN_K, SQLITE_INDEX_CONSTRAINT_EQ, 1, "k"},
    [SLOT_DISTANCE +
        DG_DISTANCE_LE] = {DG_SLOT_OPTIONAL, COLUMN_DISTANCE, SQLITE_INDEX_CONSTRAINT_LE, 1, "distance <="},
    [SLOT_DISTANCE +
        DG_DISTANCE_LT] = {DG_SLOT_OPTIONAL, COLUMN_DISTANCE, SQLITE_INDEX_CONSTRAINT_LT, 1, "distance <"},
    [SLOT_DISTANCE +
        DG_DISTANCE_EQ] = {DG_SLOT_OPTIONAL, COLUMN_DISTANCE, SQLITE_INDEX_CONSTRAINT_EQ, 1, "distance ="},
};

struct cursor {
    sqlite3_vtab_cursor base;
    int plan;           /* idxNum of the last xFilter */
    dg_index_hits hits; /* of MATCH */
    size_t at, end;     /* of hits, or of the one row */
    dg_index_scan scan;
    int64_t id;                     /* of the one row */
    int64_t k;                      /* as asked */
    uint8_t hash[DG_HASHVALUE_MAX]; /* of the one row, or the query */
};

static dg_hash_index *index_of(sqlite3_vtab_cursor *cursor)
{
    return (dg_hash_index *)cursor->pVtab;
}

/* --- making and opening --- */

static void free_index(dg_hash_index *index)
{
    dg_index_statements_free(index);
    dg_index_delta_forget(index);
    dg_hash_index **at = &index->connection->indexes;
    while (*at && *at != index) at = &(*at)->next;
    if (*at) *at = index->next;
    sqlite3_free(index->schema);
    sqlite3_free(index->name);
    sqlite3_free(index->content);
    sqlite3_free(index->content_column);
    sqlite3_free(index->content_rowid);
    sqlite3_free(index);
}

static int refuse_argument(const char *argument, char **error)
{
    *error =
        sqlite3_mprintf("hash_index: argument '%s'; it takes bits=..., content=..., content_column=... and "
                        "content_rowid=..., each once",
                        argument);
    return SQLITE_ERROR;
}

/* The arguments' texts without quotes, NULL for those not given. */
static int read_arguments(int argc, const char *const *argv, char *texts[ARGUMENTS], char **error)
{
    static const char *const names[ARGUMENTS] = {"bits", "content", "content_column", "content_rowid"};
    for (int a = 0; a < argc; a++) {
        int i = 0;
        const char *raw = NULL;
        while (i < ARGUMENTS && !(raw = dg_argument_named(argv[a], names[i]))) i++;
        if (!raw || texts[i]) return refuse_argument(argv[a], error);
        texts[i] = dg_argument_value(raw);
        if (!texts[i]) return SQLITE_NOMEM;
    }
    return SQLITE_OK;
}

static int use_arguments(dg_hash_index *index, char *texts[ARGUMENTS], char **error)
{
    int64_t bits = 0;
    if (!texts[ARGUMENT_BITS] || !dg_argument_integer(texts[ARGUMENT_BITS], &bits) || bits < 8 || bits % 8 ||
        bits > DG_JOIN_MAX_BITS) {
        *error = sqlite3_mprintf("hash_index: bits is %s; it takes a multiple of 8 up to %d",
                                 texts[ARGUMENT_BITS] ? texts[ARGUMENT_BITS] : "not given", DG_JOIN_MAX_BITS);
        return SQLITE_ERROR;
    }
    dg_index_shape_make(&index->shape, (uint32_t)bits / 8);
    const int external = texts[ARGUMENT_CONTENT] && texts[ARGUMENT_CONTENT][0];
    if (external != (texts[ARGUMENT_COLUMN] != NULL) || (texts[ARGUMENT_ROWID] && !external)) {
        *error =
            sqlite3_mprintf("hash_index: content and content_column go together, content_rowid with them");
        return SQLITE_ERROR;
    }
    if (!external) return SQLITE_OK;
    index->content = texts[ARGUMENT_CONTENT];
    index->content_column = texts[ARGUMENT_COLUMN];
    index->content_rowid = texts[ARGUMENT_ROWID] ? texts[ARGUMENT_ROWID] : sqlite3_mprintf("rowid");
    texts[ARGUMENT_CONTENT] = texts[ARGUMENT_COLUMN] = texts[ARGUMENT_ROWID] = NULL;
    return index->content_rowid ? SQLITE_OK : SQLITE_NOMEM;
}

static int declare(sqlite3 *db, const char *name, char **error)
{
    static const char *const taken[] = {"hash", "distance", "k", "rowid", "oid", "_rowid_"};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (sqlite3_stricmp(name, taken[i]) == 0) {
            *error = sqlite3_mprintf("hash_index: a table cannot be named %s", name);
            return SQLITE_ERROR;
        }
    char *sql = sqlite3_mprintf(
        "CREATE TABLE x(hash, \"%w\" HIDDEN, k INTEGER HIDDEN, distance INTEGER HIDDEN)", name);
    int rc = sql ? sqlite3_declare_vtab(db, sql) : SQLITE_NOMEM;
    sqlite3_free(sql);
    return rc;
}

static int open_index(sqlite3 *db, dg_connection *connection, int argc, const char *const *argv,
                      dg_hash_index **out, char **error)
{
    char *texts[ARGUMENTS] = {NULL};
    dg_hash_index *index = sqlite3_malloc64(sizeof *index);
    *out = NULL;
    if (!index) return SQLITE_NOMEM;
    memset(index, 0, sizeof *index);
    index->connection = connection;
    index->db = db;
    index->mark = -1;
    index->schema = sqlite3_mprintf("%s", argv[1]);
    index->name = sqlite3_mprintf("%s", argv[2]);
    int rc = index->schema && index->name ? SQLITE_OK : SQLITE_NOMEM;
    if (rc == SQLITE_OK) rc = read_arguments(argc - 3, argv + 3, texts, error);
    if (rc == SQLITE_OK) rc = use_arguments(index, texts, error);
    if (rc == SQLITE_OK) rc = declare(db, index->name, error);
    if (rc == SQLITE_OK) rc = sqlite3_vtab_config(db, SQLITE_VTAB_CONSTRAINT_SUPPORT, 1);
    if (rc == SQLITE_OK) rc = sqlite3_vtab_config(db, SQLITE_VTAB_INNOCUOUS);
    for (int i = 0; i < ARGUMENTS; i++) sqlite3_free(texts[i]);
    if (rc != SQLITE_OK) {
        free_index(index);
        return rc;
    }
    index->next = connection->indexes;
    connection->indexes = index;
    *out = index;
    return SQLITE_OK;
}

static int index_connect(sqlite3 *db, void *client, int argc, const char *const *argv, sqlite3_vtab **out,
                         char **error)
{
    dg_hash_index *index;
    int rc = open_index(db, client, argc, argv, &index, error);
    *out = index ? &index->base : NULL;
    return rc;
}

static int index_create(sqlite3 *db, void *client, int argc, const char *const *argv, sqlite3_vtab **out,
                        char **error)
{
    dg_hash_index *index;
    *out = NULL;
    int rc = open_index(db, client, argc, argv, &index, error);
    if (rc != SQLITE_OK) return rc;
    rc = dg_index_create(index);
    if (rc != SQLITE_OK) {
        *error = index->base.zErrMsg;
        free_index(index);
        return rc;
    }
    *out = &index->base;
    return SQLITE_OK;
}

static int index_disconnect(sqlite3_vtab *vtab)
{
    free_index((dg_hash_index *)vtab);
    return SQLITE_OK;
}

static int index_destroy(sqlite3_vtab *vtab)
{
    dg_hash_index *index = (dg_hash_index *)vtab;
    dg_index_statements_free(index);
    int rc = dg_index_exec(
        index, "DROP TABLE IF EXISTS \"%w\".\"%w_config\"; DROP TABLE IF EXISTS \"%w\".\"%w_delta\";"
               "DROP TABLE IF EXISTS \"%w\".\"%w_rows\"; DROP TABLE IF EXISTS \"%w\".\"%w_bands\";");
    if (rc == SQLITE_OK) free_index(index);
    return rc;
}

static int index_rename(sqlite3_vtab *vtab, const char *name)
{
    dg_hash_index *index = (dg_hash_index *)vtab;
    const char *s = index->schema, *n = index->name;
    char *renamed = sqlite3_mprintf("%s", name);
    char *sql = sqlite3_mprintf("ALTER TABLE \"%w\".\"%w_config\" RENAME TO \"%w_config\";"
                                "ALTER TABLE \"%w\".\"%w_delta\" RENAME TO \"%w_delta\";"
                                "ALTER TABLE \"%w\".\"%w_rows\" RENAME TO \"%w_rows\";"
                                "ALTER TABLE \"%w\".\"%w_bands\" RENAME TO \"%w_bands\";",
                                s, n, name, s, n, name, s, n, name, s, n, name);
    dg_index_statements_free(index);
    int rc = sql && renamed ? sqlite3_exec(index->db, sql, NULL, NULL, NULL) : SQLITE_NOMEM;
    sqlite3_free(sql);
    if (rc == SQLITE_OK) {
        sqlite3_free(index->name);
        index->name = renamed;
        return SQLITE_OK;
    }
    sqlite3_free(renamed);
    return dg_index_fail_sqlite(index, rc);
}

static int index_shadow_name(const char *suffix)
{
    static const char *const names[] = {"config", "delta", "rows", "bands"};
    for (int i = 0; i < 4; i++)
        if (sqlite3_stricmp(suffix, names[i]) == 0) return 1;
    return 0;
}

/* --- planning --- */

static int has(const sqlite3_index_info *info, int slot)
{
    return info->idxNum >> slot & 1;
}

static void describe(const sqlite3_index_info *info, sqlite3_str *words)
{
    if (!has(info, SLOT_MATCH)) {
        sqlite3_str_appendall(words, has(info, SLOT_ROWID) ? "row by rowid" : "all rows by rowid");
        return;
    }
    sqlite3_str_appendall(words, has(info, SLOT_K) ? "k nearest to the query" : "rows near the query");
    for (int i = 0; i < DG_DISTANCE_SLOTS; i++)
        if (has(info, SLOT_DISTANCE + i))
            sqlite3_str_appendf(words, " and %s ?", slots[SLOT_DISTANCE + i].name);
}

/* Whether the constraint asks for rows near a query. */
static int is_query(const struct sqlite3_index_constraint *c)
{
    if (c->op == SQLITE_INDEX_CONSTRAINT_MATCH) return c->iColumn == COLUMN_HASH || c->iColumn == COLUMN_SELF;
    return c->op == SQLITE_INDEX_CONSTRAINT_EQ && c->iColumn == COLUMN_SELF;
}

/* Distance and k mean something beside a query alone: without one they are tested by SQLite, on NULL. A rowid
 * beside one is left to SQLite too. Returns whether there is a query. */
static int choose_slots(sqlite3_index_info *info, dg_plan_slot chosen[SLOTS])
{
    int query = -1;
    for (int i = 0; i < info->nConstraint; i++)
        if (is_query(&info->aConstraint[i])) query = i;
    memcpy(chosen, slots, sizeof slots);
    if (query >= 0) {
        chosen[SLOT_MATCH].column = info->aConstraint[query].iColumn;
        chosen[SLOT_MATCH].op = info->aConstraint[query].op;
    }
    for (int i = 0; i < SLOTS; i++)
        if ((i != SLOT_ROWID) != (query >= 0)) chosen[i].op = 0; /* no constraint has it */
    return query >= 0;
}

static void estimate(sqlite3_index_info *info)
{
    static const int by_distance[] = {COLUMN_DISTANCE, -1}, by_rowid[] = {-1};
    if (has(info, SLOT_MATCH)) {
        info->estimatedCost = 1e4;
        info->estimatedRows = 10;
        dg_plan_order(info, by_distance, 2);
    } else if (has(info, SLOT_ROWID)) {
        info->estimatedCost = 10;
        info->estimatedRows = 1;
        info->idxFlags = SQLITE_INDEX_SCAN_UNIQUE;
    } else {
        info->estimatedCost = 1e7;
        info->estimatedRows = 1000000;
        dg_plan_order(info, by_rowid, 1);
    }
}

static int index_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    dg_hash_index *index = (dg_hash_index *)vtab;
    dg_plan_slot chosen[SLOTS];
    int missing;
    const int match = choose_slots(info, chosen);
    int rc = dg_plan_choose(info, chosen, SLOTS, &missing);
    if (rc != SQLITE_OK) return rc;
    if (match && !(info->idxNum >> SLOT_K))
        return dg_index_fail(index, SQLITE_ERROR, "hash MATCH takes distance <= ... or k = ... beside it");
    estimate(info);
    sqlite3_str *words = sqlite3_str_new(index->db);
    describe(info, words);
    info->idxStr = sqlite3_str_finish(words);
    info->needToFreeIdxStr = 1;
    return info->idxStr ? SQLITE_OK : SQLITE_NOMEM;
}

/* --- reading --- */

static int index_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out)
{
    (void)vtab;
    struct cursor *cursor = sqlite3_malloc64(sizeof *cursor);
    if (!cursor) return SQLITE_NOMEM;
    memset(cursor, 0, sizeof *cursor);
    *out = &cursor->base;
    return SQLITE_OK;
}

static int index_close(sqlite3_vtab_cursor *base)
{
    struct cursor *cursor = (struct cursor *)base;
    dg_index_scan_free(&cursor->scan);
    free(cursor->hits.list);
    sqlite3_free(cursor);
    return SQLITE_OK;
}

/* A hash in the width of the index. `what` begins the error's text. */
static int read_hash(dg_hash_index *index, sqlite3_value *value, const char *what, uint8_t *hash)
{
    dg_hashvalue read;
    dg_err err = {0};
    if (dg_hashvalue_read(value, &read, &err) != DG_OK)
        return err.code == DG_NOMEM ? SQLITE_NOMEM
                                    : dg_index_fail(index, SQLITE_ERROR, "%s is %s", what, err.text);
    if (read.count != index->shape.bytes)
        return dg_index_fail(index, SQLITE_ERROR, "%s has %d bits, the index %d", what, (int)read.count * 8,
                             (int)index->shape.bytes * 8);
    memcpy(hash, read.bytes, read.count);
    return SQLITE_OK;
}

/* k is NULL or a whole number; nothing else can be a number of rows. */
static int read_k(dg_hash_index *index, sqlite3_value *value, int64_t *k)
{
    const int type = sqlite3_value_numeric_type(value);
    *k = sqlite3_value_int64(value);
    if (type == SQLITE_NULL || (type == SQLITE_INTEGER && *k >= 0)) return SQLITE_OK;
    if (type == SQLITE_FLOAT && sqlite3_value_double(value) == (double)*k && *k >= 0) return SQLITE_OK;
    const char *text = (const char *)sqlite3_value_text(value);
    return dg_index_fail(index, SQLITE_ERROR, "k is %s; it takes an INTEGER of 0 or more",
                         text ? text : "NULL");
}

static int filter_match(struct cursor *cursor, sqlite3_value *const *values)
{
    dg_hash_index *index = index_of(&cursor->base);
    dg_range distances = {0, (int64_t)index->shape.bytes * 8};
    dg_index_question question = {.hash = cursor->hash, .k = UINT64_MAX};
    int rc = SQLITE_OK;
    if (values[SLOT_K]) rc = read_k(index, values[SLOT_K], &cursor->k);
    if (rc != SQLITE_OK || sqlite3_value_type(values[SLOT_MATCH]) == SQLITE_NULL) return rc;
    rc = read_hash(index, values[SLOT_MATCH], "the query", cursor->hash);
    if (rc != SQLITE_OK) return rc;
    if (values[SLOT_K]) question.k = (uint64_t)cursor->k;
    dg_range_narrow_all(&distances, values + SLOT_DISTANCE);
    if (distances.high < 0 || distances.low > distances.high) return SQLITE_OK;
    question.radius = (uint32_t)distances.high;
    rc = dg_index_find(index, &question, &cursor->hits);
    if (rc != SQLITE_OK) return rc;
    cursor->end = cursor->hits.count;
    while (cursor->at < cursor->end && cursor->hits.list[cursor->at].distance < distances.low) cursor->at++;
    return SQLITE_OK;
}

static int filter_rowid(struct cursor *cursor, sqlite3_value *value)
{
    dg_hash_index *index = index_of(&cursor->base);
    int64_t merged;
    int found;
    int rc = dg_index_check_version(index, &merged);
    const int type = sqlite3_value_numeric_type(value);
    cursor->id = sqlite3_value_int64(value);
    const int whole =
        type == SQLITE_INTEGER || (type == SQLITE_FLOAT && sqlite3_value_double(value) == (double)cursor->id);
    if (rc != SQLITE_OK || !whole) return rc;
    rc = dg_index_get(index, cursor->id, &found, cursor->hash);
    cursor->end = rc == SQLITE_OK && found;
    return rc;
}

static int index_filter(sqlite3_vtab_cursor *base, int number, const char *words, int argc,
                        sqlite3_value **argv)
{
    (void)words, (void)argc;
    struct cursor *cursor = (struct cursor *)base;
    sqlite3_value *values[SLOTS];
    dg_plan_values(number, argv, SLOTS, values);
    cursor->plan = number;
    cursor->at = cursor->end = 0;
    if (values[SLOT_MATCH]) return filter_match(cursor, values);
    if (values[SLOT_ROWID]) return filter_rowid(cursor, values[SLOT_ROWID]);
    return dg_index_scan_begin(&cursor->scan, index_of(base));
}

static int is_scan(const struct cursor *cursor)
{
    return !(cursor->plan >> SLOT_MATCH & 1) && !(cursor->plan >> SLOT_ROWID & 1);
}

static int is_match(const struct cursor *cursor)
{
    return cursor->plan >> SLOT_MATCH & 1;
}

static int index_next(sqlite3_vtab_cursor *base)
{
    struct cursor *cursor = (struct cursor *)base;
    if (is_scan(cursor)) return dg_index_scan_next(&cursor->scan, index_of(base));
    cursor->at++;
    return SQLITE_OK;
}

static int index_eof(sqlite3_vtab_cursor *base)
{
    const struct cursor *cursor = (const struct cursor *)base;
    return is_scan(cursor) ? dg_index_scan_eof(&cursor->scan) : cursor->at >= cursor->end;
}

static int64_t current_id(const struct cursor *cursor)
{
    if (is_scan(cursor)) return cursor->scan.rows.ids[cursor->scan.at];
    return is_match(cursor) ? cursor->hits.list[cursor->at].id : cursor->id;
}

static int index_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid)
{
    *rowid = current_id((const struct cursor *)base);
    return SQLITE_OK;
}

/* A hit's hash is looked up when it is asked for. */
static int result_hash(struct cursor *cursor, sqlite3_context *context)
{
    dg_hash_index *index = index_of(&cursor->base);
    const int bytes = (int)index->shape.bytes;
    uint8_t hash[DG_HASHVALUE_MAX];
    int found = 1, rc = SQLITE_OK;
    if (is_scan(cursor))
        sqlite3_result_blob(context, cursor->scan.rows.hashes + (size_t)cursor->scan.at * index->shape.bytes,
                            bytes, SQLITE_TRANSIENT);
    else if (!is_match(cursor))
        sqlite3_result_blob(context, cursor->hash, bytes, SQLITE_TRANSIENT);
    else if ((rc = dg_index_get(index, current_id(cursor), &found, hash)) == SQLITE_OK && found)
        sqlite3_result_blob(context, hash, bytes, SQLITE_TRANSIENT);
    return rc;
}

static int index_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
    struct cursor *cursor = (struct cursor *)base;
    if (column == COLUMN_HASH) return result_hash(cursor, context);
    if (column == COLUMN_DISTANCE && is_match(cursor))
        sqlite3_result_int64(context, cursor->hits.list[cursor->at].distance);
    if (column == COLUMN_K && cursor->plan >> SLOT_K & 1) sqlite3_result_int64(context, cursor->k);
    return SQLITE_OK;
}

/* --- writing --- */

static int next_id(dg_hash_index *index, int64_t *id)
{
    if (index->highest == INT64_MAX) return dg_index_fail(index, SQLITE_FULL, "the highest rowid is taken");
    *id = index->highest < 0 ? 1 : index->highest + 1;
    return SQLITE_OK;
}

/* Writes a row in the place of the row `old`, if it is not NULL. */
static int put_row(dg_hash_index *index, const int64_t *old, sqlite3_value *rowid, sqlite3_value *value,
                   sqlite3_int64 *out)
{
    uint8_t hash[DG_HASHVALUE_MAX], other[DG_HASHVALUE_MAX];
    int64_t id = 0;
    int found = 0, rc = dg_index_begin_writing(index);
    const int kept = sqlite3_value_type(value) != SQLITE_NULL;
    const int type = sqlite3_value_numeric_type(rowid);
    if (rc == SQLITE_OK && kept) rc = read_hash(index, value, "the hash", hash);
    if (rc != SQLITE_OK) return rc;
    if (type == SQLITE_NULL)
        rc = next_id(index, &id);
    else if (type == SQLITE_INTEGER)
        id = sqlite3_value_int64(rowid);
    else
        rc = dg_index_fail(index, SQLITE_MISMATCH, "the rowid is %s; it takes an INTEGER",
                           dg_value_type_name(rowid));
    if (rc != SQLITE_OK) return rc;
    const int moves = !old || *old != id;
    if (moves) rc = dg_index_get(index, id, &found, other);
    if (rc == SQLITE_OK && found && sqlite3_vtab_on_conflict(index->db) != SQLITE_REPLACE)
        return dg_index_fail(index, SQLITE_CONSTRAINT, "there is a row %lld already", (long long)id);
    if (rc == SQLITE_OK && old && moves) rc = dg_index_write(index, *old, NULL);
    if (rc == SQLITE_OK && (kept || found || !moves)) rc = dg_index_write(index, id, kept ? hash : NULL);
    *out = id;
    return rc;
}

static int delete_row(dg_hash_index *index, int64_t id)
{
    uint8_t hash[DG_HASHVALUE_MAX];
    int found = 0;
    int rc = dg_index_begin_writing(index);
    if (rc == SQLITE_OK) rc = dg_index_get(index, id, &found, hash);
    return rc == SQLITE_OK && found ? dg_index_write(index, id, NULL) : rc;
}

static int index_update(sqlite3_vtab *vtab, int argc, sqlite3_value **argv, sqlite3_int64 *rowid)
{
    dg_hash_index *index = (dg_hash_index *)vtab;
    if (argc == 1) return delete_row(index, sqlite3_value_int64(argv[0]));
    sqlite3_value **columns = argv + 2;
    const int inserts = sqlite3_value_type(argv[0]) == SQLITE_NULL;
    *rowid = sqlite3_last_insert_rowid(index->db); /* as it was, after a command */
    if (inserts && sqlite3_value_type(columns[COLUMN_SELF]) != SQLITE_NULL)
        return dg_index_command(index, columns[COLUMN_SELF], columns[COLUMN_K]);
    const int64_t old = sqlite3_value_int64(argv[0]);
    return put_row(index, inserts ? NULL : &old, argv[1], columns[COLUMN_HASH], rowid);
}

/* --- transactions --- */

/* What was known of the tables holds no longer. */
static void forget(dg_hash_index *index)
{
    dg_index_delta_forget(index);
    index->generation++;
}

static int index_begin(sqlite3_vtab *vtab)
{
    dg_hash_index *index = (dg_hash_index *)vtab;
    index->writing = 1;
    index->mark = -1;
    return SQLITE_OK;
}

/* Before a commit: writes the mark down, and merges a delta that has grown too long to be looked through for
 * each question. */
static int index_sync(sqlite3_vtab *vtab)
{
    dg_hash_index *index = (dg_hash_index *)vtab;
    int64_t mark;
    if (index->mark < 0) return SQLITE_OK;
    const sqlite3_int64 last = sqlite3_last_insert_rowid(index->db);
    int rc = index->pending > index->most ? dg_index_merge(index) : SQLITE_OK;
    if (rc == SQLITE_OK) rc = dg_index_mark(index, &mark);
    if (rc == SQLITE_OK) rc = dg_index_config_put(index, "mark", mark);
    sqlite3_set_last_insert_rowid(index->db, last);
    return rc;
}

static int index_commit(sqlite3_vtab *vtab)
{
    dg_hash_index *index = (dg_hash_index *)vtab;
    index->writing = 0;
    index->mark = -1;
    return SQLITE_OK;
}

static int index_rollback(sqlite3_vtab *vtab)
{
    forget((dg_hash_index *)vtab);
    return index_commit(vtab);
}

static int index_savepoint(sqlite3_vtab *vtab, int number)
{
    (void)vtab, (void)number;
    return SQLITE_OK;
}

static int index_rollback_to(sqlite3_vtab *vtab, int number)
{
    (void)number;
    forget((dg_hash_index *)vtab);
    return SQLITE_OK;
}

static int index_integrity(sqlite3_vtab *vtab, const char *schema, const char *name, int flags, char **fault)
{
    (void)schema, (void)name, (void)flags;
    return dg_index_integrity((dg_hash_index *)vtab, 0, fault);
}

/* --- registration --- */

/* The module with the field that SQLite 3.44 added behind those of Debian's header. */
struct module {
    sqlite3_module base;
#if SQLITE_VERSION_NUMBER < 3044000
    int (*xIntegrity)(sqlite3_vtab *vtab, const char *schema, const char *name, int flags, char **fault);
#endif
};

int dg_vt_hash_index_register(dg_connection *connection)
{
    static const struct module module = {
        .base = {.iVersion = 4,
                 .xCreate = index_create,
                 .xConnect = index_connect,
                 .xBestIndex = index_best_index,
                 .xDisconnect = index_disconnect,
                 .xDestroy = index_destroy,
                 .xOpen = index_open,
                 .xClose = index_close,
                 .xFilter = index_filter,
                 .xNext = index_next,
                 .xEof = index_eof,
                 .xColumn = index_column,
                 .xRowid = index_rowid,
                 .xUpdate = index_update,
                 .xBegin = index_begin,
                 .xSync = index_sync,
                 .xCommit = index_commit,
                 .xRollback = index_rollback,
                 .xRename = index_rename,
                 .xSavepoint = index_savepoint,
                 .xRelease = index_savepoint,
                 .xRollbackTo = index_rollback_to,
                 .xShadowName = index_shadow_name,
#if SQLITE_VERSION_NUMBER >= 3044000
                 .xIntegrity = index_integrity
#endif
        },
#if SQLITE_VERSION_NUMBER < 3044000
        .xIntegrity = index_integrity,
#endif
    };
    return sqlite3_create_module_v2(connection->db, "hash_index", &module.base,
                                    dg_connection_hold(connection), dg_connection_drop);
}
