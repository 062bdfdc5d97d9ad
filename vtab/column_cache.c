#include "column_cache.h"

#include "hash_index_source.h"

#include "../kernels/backend.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { NAMES = 4, MAX_DATABASES = 64 };

struct dg_cached_column {
    char *names[NAMES];
    char *stamp;        /* the state of its databases when it was read */
    uint64_t databases; /* a bit for each that it was read from */
    dg_column column;
    dg_search *search;
    uint64_t bytes;
    int references; /* loans, and one while it is kept */
    dg_cached_column *next;
};

/* Those that are kept, the one used last first. */
typedef struct cache {
    dg_cached_column *first;
    uint64_t bytes;
} cache;

/* --- the state of the databases --- */

/* The one INTEGER that the statement gives; 0: it gives none. */
static int ask(sqlite3 *db, const char *sql, int *number)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (rc == SQLITE_OK) rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) *number = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return rc == SQLITE_ROW;
}

/* Whether the database without a file is main or temp in this process's memory alone, and not an image that
 * sqlite3_deserialize may replace unnoticed. */
static int is_lasting(sqlite3 *db, int number, const char *name)
{
    char *vfs = NULL;
    if (number > 1) return 0;
    sqlite3_file_control(db, name, SQLITE_FCNTL_VFSNAME, &vfs);
    int image = vfs && strncmp(vfs, "memdb", 5) == 0;
    sqlite3_free(vfs);
    return !image;
}

/* Appends what tells this state of a database's content from any other; 0: nothing does. */
static int add_content(sqlite3 *db, int number, const char *name, const char *file, sqlite3_str *text)
{
    unsigned version = 0;
    struct stat s;
    if (sqlite3_file_control(db, name, SQLITE_FCNTL_DATA_VERSION, &version) != SQLITE_OK) return 0;
    sqlite3_str_appendf(text, " %u", version);
    if (!file || !file[0]) return is_lasting(db, number, name);
    if (stat(file, &s) != 0) return 0;
    sqlite3_str_appendf(text, " %lld %lld %lld %lld %ld", (long long)s.st_dev, (long long)s.st_ino,
                        (long long)s.st_size, (long long)s.st_mtim.tv_sec, s.st_mtim.tv_nsec);
    return 1;
}

/* One row of PRAGMA database_list. Reading the cookie starts a transaction, which is what notices the commits
 * of others. */
static int add_database(sqlite3 *db, sqlite3_stmt *list, uint64_t databases, sqlite3_str *text)
{
    const int number = sqlite3_column_int(list, 0);
    const char *name = (const char *)sqlite3_column_text(list, 1);
    const char *file = (const char *)sqlite3_column_text(list, 2);
    int cookie = 0;
    if (!name) return 0;
    char *sql = sqlite3_mprintf("PRAGMA \"%w\".schema_version", name);
    int good = sql && ask(db, sql, &cookie);
    sqlite3_free(sql);
    if (!good) return 0;
    sqlite3_str_appendf(text, "%d %s %d", number, name, cookie);
    if (number < MAX_DATABASES && databases >> number & 1) good = add_content(db, number, name, file, text);
    sqlite3_str_appendall(text, "\n");
    return good;
}

/* A text that differs whenever the content of these databases does, or what a name stands for. NULL where
 * that cannot be told, or while a transaction writes. */
static char *stamp_of(sqlite3 *db, uint64_t databases)
{
    sqlite3_stmt *list = NULL;
    int dirty = 1;
    if (sqlite3_txn_state(db, NULL) == SQLITE_TXN_WRITE) return NULL;
    if (!ask(db, "PRAGMA read_uncommitted", &dirty) || dirty) return NULL;
    sqlite3_str *text = sqlite3_str_new(db);
    int rc = sqlite3_prepare_v2(db, "PRAGMA database_list", -1, &list, NULL), good = rc == SQLITE_OK;
    while (good && (rc = sqlite3_step(list)) == SQLITE_ROW) good = add_database(db, list, databases, text);
    sqlite3_finalize(list);
    char *stamp = sqlite3_str_finish(text);
    if (good && rc == SQLITE_DONE) return stamp;
    sqlite3_free(stamp);
    return NULL;
}

/* --- what a statement depends on --- */

/* Whether the function gives the same for the same rows, at any time. */
static int is_constant(sqlite3 *db, const char *name)
{
    static const char *const clocks[] = {"date",      "time",     "datetime", "julianday",
                                         "unixepoch", "strftime", "timediff"};
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++)
        if (sqlite3_stricmp(name, clocks[i]) == 0) return 0;
    int constant = 0;
    char *sql = sqlite3_mprintf("SELECT min(flags & %d OR builtin AND type <> 's') FROM pragma_function_list "
                                "WHERE name = '%q' COLLATE NOCASE",
                                SQLITE_DETERMINISTIC, name);
    if (sql) ask(db, sql, &constant);
    sqlite3_free(sql);
    return constant;
}

/* One instruction of the program: notes its database; 0: what it does may depend on other things than rows.
 */
static int check_instruction(sqlite3 *db, sqlite3_stmt *program, uint64_t *databases)
{
    const char *opcode = (const char *)sqlite3_column_text(program, 1);
    if (!opcode || strcmp(opcode, "VOpen") == 0) return 0;
    if (strcmp(opcode, "Transaction") == 0) {
        const int number = sqlite3_column_int(program, 2);
        if (number >= MAX_DATABASES) return 0;
        *databases |= (uint64_t)1 << number;
    }
    if (strcmp(opcode, "Function") == 0 || strcmp(opcode, "PureFunc") == 0 ||
        strcmp(opcode, "AggStep") == 0) {
        const char *text = (const char *)sqlite3_column_text(program, 5); /* name(arguments) */
        const char *end = text ? strrchr(text, '(') : NULL;
        if (!end) return 0;
        if (strncmp(text, DG_COLUMN_COLLECT "(", sizeof DG_COLUMN_COLLECT) == 0) return 1;
        char *name = sqlite3_mprintf("%.*s", (int)(end - text), text);
        int constant = name && is_constant(db, name);
        sqlite3_free(name);
        return constant;
    }
    return 1;
}

/* Whether the source is an index, whose rows depend on its shadow tables alone, and its database. */
static int is_index(const dg_connection *connection, const dg_column_source *source, uint64_t *databases)
{
    int number;
    if (!dg_index_of_source(connection, source, &number) || number >= MAX_DATABASES) return 0;
    *databases = (uint64_t)1 << number;
    return 1;
}

/* Whether the statement's rows depend on the content of databases alone, and which. */
static int depends_on_databases(sqlite3 *db, const char *select, uint64_t *databases)
{
    sqlite3_stmt *program = NULL;
    *databases = 0;
    char *sql = sqlite3_mprintf("EXPLAIN %s", select);
    int rc = sql ? sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_FROM_DDL, &program, NULL) : SQLITE_NOMEM;
    int good = rc == SQLITE_OK;
    while (good && (rc = sqlite3_step(program)) == SQLITE_ROW)
        good = check_instruction(db, program, databases);
    sqlite3_finalize(program);
    sqlite3_free(sql);
    return good && rc == SQLITE_DONE;
}

/* --- keeping --- */

static void drop(dg_cached_column *c)
{
    if (--c->references > 0) return;
    dg_search_close(&c->search);
    dg_column_free(&c->column);
    for (int i = 0; i < NAMES; i++) sqlite3_free(c->names[i]);
    sqlite3_free(c->stamp);
    free(c);
}

/* Takes the column out of the list. */
static void unlink_column(cache *all, dg_cached_column **at)
{
    dg_cached_column *c = *at;
    *at = c->next;
    c->next = NULL;
    all->bytes -= c->bytes;
}

static void link_first(cache *all, dg_cached_column *c)
{
    c->next = all->first;
    all->first = c;
    all->bytes += c->bytes;
}

static void free_cache(void *columns)
{
    cache *all = columns;
    while (all->first) {
        dg_cached_column *c = all->first;
        unlink_column(all, &all->first);
        drop(c);
    }
    free(all);
}

/* The bytes that may be kept. */
static uint64_t limit_of(const dg_settings *settings)
{
    dg_err ignored = {0};
    dg_device_info info;
    uint64_t bytes;
    if (dg_settings_memory_limit(settings, &bytes, &ignored) != DG_OK) return 0;
    if (bytes) return bytes;
    const dg_backend *cpu = dg_backend_find("cpu", &ignored);
    return cpu && cpu->probe(0, &info, &ignored) == DG_OK ? info.memory_free / 5 * 4 : 0;
}

/* Keeps the column, and lets those go that are too many. Without memory nothing is kept. */
static void keep(dg_connection *connection, dg_cached_column *c)
{
    if (!connection->columns) {
        connection->columns = calloc(1, sizeof(cache));
        connection->free_columns = free_cache;
    }
    cache *all = connection->columns;
    const uint64_t limit = limit_of(&connection->settings);
    if (!all) return;
    c->bytes = dg_column_trim(&c->column);
    c->references++;
    link_first(all, c);
    while (all->bytes > limit) {
        dg_cached_column **last = &all->first;
        while ((*last)->next) last = &(*last)->next;
        dg_cached_column *old = *last;
        unlink_column(all, last);
        drop(old);
    }
}

/* --- borrowing --- */

static void list_names(const dg_column_source *source, const char *names[NAMES])
{
    names[0] = source->table;
    names[1] = source->column;
    names[2] = source->schema;
    names[3] = source->id_column;
}

static int has_names(const dg_cached_column *c, const dg_column_source *source)
{
    const char *names[NAMES];
    list_names(source, names);
    for (int i = 0; i < NAMES; i++) {
        const char *a = c->names[i], *b = names[i];
        if (a != b && (!a || !b || strcmp(a, b) != 0)) return 0;
    }
    return 1;
}

/* The kept column, if its source is as it was, now first of the list. One whose source is not is let go. */
static dg_cached_column *look_up(dg_connection *connection, const dg_column_source *source)
{
    cache *all = connection->columns;
    if (!all) return NULL;
    dg_cached_column **at = &all->first;
    while (*at && !has_names(*at, source)) at = &(*at)->next;
    dg_cached_column *c = *at;
    if (!c) return NULL;
    char *stamp = stamp_of(connection->db, c->databases);
    if (!stamp) return NULL;
    int same = strcmp(stamp, c->stamp) == 0;
    sqlite3_free(stamp);
    unlink_column(all, at);
    if (same) {
        link_first(all, c);
        return c;
    }
    drop(c);
    return NULL;
}

static dg_cached_column *new_column(const dg_column_source *source)
{
    const char *names[NAMES];
    dg_cached_column *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->references = 1;
    list_names(source, names);
    for (int i = 0; i < NAMES; i++) {
        if (!names[i]) continue;
        c->names[i] = sqlite3_mprintf("%s", names[i]);
        if (!c->names[i]) {
            drop(c);
            return NULL;
        }
    }
    return c;
}

/* Reads the column and keeps it where that can be done. The stamp comes first: if another connection commits
 * in between, it is the rows that are newer, and the next look finds them changed. */
static int read_column(dg_connection *connection, const dg_column_source *source, sqlite3_stmt *statement,
                       dg_cached_column **out, char **error)
{
    dg_cached_column *c = new_column(source);
    if (!c) {
        sqlite3_finalize(statement);
        return SQLITE_NOMEM;
    }
    if (is_index(connection, source, &c->databases) ||
        depends_on_databases(connection->db, sqlite3_sql(statement), &c->databases))
        c->stamp = stamp_of(connection->db, c->databases);
    int rc = dg_column_scan(connection, source, statement, &c->column, error);
    if (rc != SQLITE_OK) {
        drop(c);
        return rc;
    }
    if (c->stamp) keep(connection, c);
    *out = c;
    return SQLITE_OK;
}

int dg_column_borrow(dg_connection *connection, const dg_column_source *source, dg_borrowed *borrowed,
                     char **error)
{
    const sqlite3_int64 changes = sqlite3_total_changes64(connection->db);
    sqlite3_stmt *statement;
    *error = NULL;
    borrowed->fresh = 0;
    if (borrowed->cached && borrowed->changes == changes && has_names(borrowed->cached, source))
        return SQLITE_OK;
    dg_column_return(borrowed);
    int rc = dg_column_prepare(connection, source, &statement, error);
    if (rc != SQLITE_OK) return rc;
    dg_cached_column *c = look_up(connection, source);
    if (c) {
        c->references++;
        sqlite3_finalize(statement);
        *borrowed = (dg_borrowed){c, changes, "cached", 1, NULL};
        return SQLITE_OK;
    }
    rc = read_column(connection, source, statement, &c, error);
    if (rc == SQLITE_OK) *borrowed = (dg_borrowed){c, changes, "read", 1, NULL};
    return rc;
}

void dg_column_share(const dg_borrowed *lender, dg_borrowed *borrowed)
{
    borrowed->fresh = 0;
    if (borrowed->cached == lender->cached && borrowed->changes == lender->changes) return;
    dg_column_return(borrowed);
    lender->cached->references++;
    *borrowed = (dg_borrowed){lender->cached, lender->changes, lender->from, 1, NULL};
}

void dg_column_return(dg_borrowed *borrowed)
{
    dg_search_close(&borrowed->search);
    if (borrowed->cached) drop(borrowed->cached);
    *borrowed = (dg_borrowed){0};
}

const dg_column *dg_borrowed_column(const dg_borrowed *borrowed)
{
    return &borrowed->cached->column;
}

uint64_t *dg_borrowed_hashes(const dg_borrowed *borrowed)
{
    const dg_column *column = &borrowed->cached->column;
    const size_t bytes = (size_t)column->rows * column->words * sizeof *column->hashes;
    uint64_t *hashes = malloc(bytes ? bytes : sizeof *hashes);
    if (hashes && bytes) memcpy(hashes, column->hashes, bytes);
    return hashes;
}

dg_search **dg_borrowed_search(const dg_borrowed *borrowed)
{
    return &borrowed->cached->search;
}
