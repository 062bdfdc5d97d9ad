/*
 * Every allocation failed in turn: SQLite's by a counting allocator, the kernels' and the tables' by the
 * linker's --wrap. The extension is linked in with -DSQLITE_CORE.
 *
 * A scenario is run with its 1st, 2nd, 3rd ... allocation failing, once with only that one failing and once
 * with all from there on, until a run needs no more. Each run must give the rows of an undisturbed one or an
 * SQL error, leave the connection closeable and leave no memory behind. Lookaside is off, so that SQLite's
 * small allocations count too.
 */
#include "../core/dg_test.h"

#include "../../ext/dupgpu.h"
#include "memory.h"

#include <sqlite3.h>
#include <stdlib.h>

static sqlite3_mem_methods plain;

static void *sqlite_malloc(int size)
{
    return memory_fails() ? NULL : memory_counted(plain.xMalloc(size));
}

static void *sqlite_realloc(void *block, int size)
{
    return memory_fails() ? NULL : plain.xRealloc(block, size);
}

static void sqlite_free(void *block)
{
    memory_freed(block);
    plain.xFree(block);
}

typedef struct answer {
    int code; /* SQLITE_OK, or the first error */
    size_t length;
    char rows[8192]; /* values, each followed by | or a line end */
} answer;

static void add_text(answer *a, const char *text, char end)
{
    int written =
        snprintf(a->rows + a->length, sizeof a->rows - a->length, "%s%c", text ? text : "NULL", end);
    a->length += (size_t)written;
    assert_true(a->length < sizeof a->rows);
}

/* Runs statements until the end of the text or the first error. */
static void ask(sqlite3 *db, const char *sql, answer *a)
{
    *a = (answer){0};
    while (*sql && a->code == SQLITE_OK) {
        sqlite3_stmt *statement = NULL;
        int code = sqlite3_prepare_v2(db, sql, -1, &statement, &sql);
        while (code == SQLITE_OK && statement) {
            code = sqlite3_step(statement);
            if (code != SQLITE_ROW) break;
            code = SQLITE_OK;
            int columns = sqlite3_column_count(statement);
            for (int i = 0; i < columns; i++) {
                int is_null = sqlite3_column_type(statement, i) == SQLITE_NULL;
                const char *text = (const char *)sqlite3_column_text(statement, i);
                if (!text && !is_null) code = SQLITE_NOMEM;
                add_text(a, text, i + 1 < columns ? '|' : '\n');
            }
        }
        sqlite3_finalize(statement);
        a->code = code == SQLITE_DONE ? SQLITE_OK : code;
    }
}

static sqlite3 *open_connection(void)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    return db;
}

static void load(sqlite3 *db)
{
    char *error = NULL;
    int code = sqlite3_dupgpu_init(db, &error, NULL);
    if (code != SQLITE_OK) fail_msg("%s", error);
}

static void must_run(sqlite3 *db, const char *sql)
{
    static answer a;
    ask(db, sql, &a);
    if (a.code != SQLITE_OK) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
}

static int is_clean_error(int code)
{
    return (code & 0xff) == SQLITE_NOMEM || (code & 0xff) == SQLITE_ERROR;
}

/* One run with a failure; returns 0 when no allocation was left to fail. */
static long run_once(const char *setup, const char *sql, const answer *expected, long fail_at, int and_after)
{
    static answer got;
    long living = atomic_load(&memory.living);
    sqlite3 *db = open_connection();
    load(db);
    must_run(db, setup);

    memory_arm(fail_at, and_after);
    ask(db, sql, &got);
    const long failed = memory_disarm();

    if (got.code == SQLITE_OK) {
        if (strcmp(got.rows, expected->rows) != 0)
            fail_msg("allocation %ld failed%s: wrong rows for %s\n%s", fail_at,
                     and_after ? " and all after" : "", sql, got.rows);
    } else if (got.code != expected->code && !is_clean_error(got.code)) {
        fail_msg("allocation %ld failed%s: code %d for %s", fail_at, and_after ? " and all after" : "",
                 got.code, sql);
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    if (atomic_load(&memory.living) != living)
        fail_msg("allocation %ld failed%s: %ld pieces of memory left behind by %s", fail_at,
                 and_after ? " and all after" : "", atomic_load(&memory.living) - living, sql);
    return failed;
}

/* The statements may end in an error without any failure; then that error is what is expected. Of every
 * `stride` allocations one fails. */
static void sweep_some(const char *setup, const char *sql, long stride)
{
    static answer expected;
    for (int warm = 0; warm < 2; warm++) { /* the first run fills what the process keeps */
        sqlite3 *db = open_connection();
        load(db);
        must_run(db, setup);
        ask(db, sql, &expected);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
    }
    for (int and_after = 0; and_after < 2; and_after++) {
        long n = 1;
        while (run_once(setup, sql, &expected, n, and_after)) n += stride;
        assert_true(n > 1);
    }
}

static void sweep(const char *setup, const char *sql)
{
    sweep_some(setup, sql, DG_TEST_STRIDE);
}

static void loading(void **state)
{
    (void)state;
    for (int and_after = 0; and_after < 2; and_after++) {
        long failed = 1;
        for (long n = 1; failed; n++) {
            sqlite3 *warm = open_connection();
            sqlite3_close(warm);
            long living = atomic_load(&memory.living);
            sqlite3 *db = open_connection();
            char *error = NULL;
            memory_arm(n, and_after);
            int code = sqlite3_dupgpu_init(db, &error, NULL);
            failed = memory_disarm();
            if (code != SQLITE_OK) assert_true(is_clean_error(code));
            if (code != SQLITE_OK && !and_after) assert_non_null(error);
            sqlite3_free(error);
            /* A second attempt finds a connection in any state and completes it. */
            load(db);
            must_run(db, "SELECT hamming('ff', '00'), (SELECT count(*) FROM dupgpu_settings)");
            assert_int_equal(sqlite3_close(db), SQLITE_OK);
            assert_int_equal(atomic_load(&memory.living), living);
        }
    }
}

static void loading_twice(void **state)
{
    (void)state;
    for (long n = 1, failed = 1; failed; n++) {
        long living = atomic_load(&memory.living);
        sqlite3 *db = open_connection();
        char *error = NULL;
        load(db);
        memory_arm(n, 0);
        int code = sqlite3_dupgpu_init(db, &error, NULL);
        failed = memory_disarm();
        if (code != SQLITE_OK) assert_true(is_clean_error(code));
        sqlite3_free(error);
        must_run(db, "SELECT hamming('ff', '00')");
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
        assert_int_equal(atomic_load(&memory.living), living);
    }
}

#define PNG                                                                                                  \
    "x'"                                                                                                     \
    "89504e470d0a1a0a0000000d4948445200000009000000090800000000c5fa59cc000000604944415478da636050f5ca9fb2f3" \
    "1eb306"                                                                                                 \
    "4374effe8fcaa1ed3b5f336cfb6a52bce9a341fe3a06c1d8955f1d7b6faa1632e41c952bbfa0d974db84e1b8eee49ff147b527" \
    "7e67509a"                                                                                               \
    "ca51fd2ef18afb2e86dabf50c87023f5533dcf4cb5cd0e00372f2ad1cfd59b320000000049454e44ae426082'"
#define JPEG                                                                                                 \
    "x'"                                                                                                     \
    "ffd8ffe000104a46494600010100000100010000ffdb004300140e0f120f0d14121012171514181e32211e1c1c1e3d2c2e2432" \
    "49404c"                                                                                                 \
    "4b47404645505a736250556d5645466488656d777b8182814e608d978c7d96737e817cffc0000b080009000901011100ffc400" \
    "16000101"                                                                                               \
    "0100000000000000000000000000030205ffc400271001000002060b0000000000000000000001000302051112313204131421" \
    "2234628292"                                                                                             \
    "b3e2ffda0008010100003f00b9521d9eecb9370c89425a089477dd730db82b8d9c2a0a6a3a2a9f0f882ac39fd1bbbde461c7ff" \
    "d9'"

static void image_hashes(void **state)
{
    (void)state;
    sweep("", "SELECT hex(phash(" PNG ")), hex(dhash(" PNG ", 16)), hex(dhash_vertical(" PNG "))");
    sweep("", "SELECT hex(ahash(" PNG ")), hex(whash(" PNG ", 4, '{\"orient\": 1, \"luma\": \"pillow6\"}'))");
    sweep("", "SELECT hex(phash(" JPEG ", 8, '{\"truncated\": \"lenient\"}')), hex(whash(" JPEG "))");
    sweep("", "SELECT phash(x'0102')");
    sweep("", "SELECT phash(" JPEG ", 8, '{\"luminance\": 1}')");
}

static void image_information(void **state)
{
    (void)state;
    sweep("", "SELECT image_info(" PNG "), json_array(image_info(" JPEG "))");
    sweep("", "SELECT image_info('text')");
}

static void image_measures(void **state)
{
    (void)state;
    sweep("", "SELECT quality(" PNG "), quality(" JPEG ", 'noise'), quality(" JPEG ", 'jpeg_quality')");
    sweep("", "SELECT hex(pdq(" PNG ")), pdq_quality(" JPEG "), hex(colorhash(" JPEG "))");
    sweep("", "SELECT hex(phash_orientations(" PNG ")), hex(phash_orientations(" JPEG ", 4))");
    sweep("", "SELECT hex(phash(" JPEG ", 8, '{\"decode\": \"scaled\", \"alpha\": \"white\"}'))");
    sweep("", "SELECT quality(" PNG ", 'beauty')");
    sweep("", "SELECT pdq(x'474946383961')");
}

static void pictures_made(void **state)
{
    (void)state;
    sweep("", "SELECT hex(image_resize(" PNG ", 5, 5)), length(image_resize(" JPEG ", 99, 99, 'png'))");
    sweep("", "SELECT length(image_resize(" JPEG ", 4, 9)), length(image_enhance(" PNG "))");
    sweep("", "SELECT hex(dct2(zeroblob(256))), hex(dct2(x'0000803f', 1)), length(dct2(zeroblob(36)))");
    sweep("", "SELECT image_resize(" PNG ", 5, 5, 'gif')");
    sweep("", "SELECT dct2(zeroblob(5))");
}

static void line_pictures(void **state)
{
    (void)state;
    sweep("", "SELECT hex(render_line('[1, 3.5, null, 2e1]', '{\"width\": 40, \"height\": 9}'))");
    sweep("", "SELECT length(render_line('[1, 3]')), length(render_line(x'', '{\"format\": \"raw\", "
              "\"height\": 5}'))");
    sweep(
        "",
        "SELECT length(render_line('[1, 2]', '{\"color\": \"#102030\", \"background\": \"transparent\"}'))");
    sweep("", "SELECT render_line('[1, x]')");
    sweep("", "SELECT render_line('[1]', '{\"colour\": 1}')");
    sweep("CREATE TABLE y(v); INSERT INTO y VALUES(1), (2), (NULL), (4), (0);",
          "SELECT length(render_line_agg(v)) FROM y; SELECT length(render_line_agg(v, '{\"bits\": 1}') OVER "
          "(ORDER BY "
          "rowid ROWS 2 PRECEDING)) FROM y");
    sweep("CREATE TABLE y(v); INSERT INTO y VALUES(1), (2);",
          "SELECT render_line_agg(v, '{\"bits\": ' || v || '}') FROM y");
}

#define SERIES                                                                                               \
    "CREATE TABLE y(id INTEGER PRIMARY KEY, k, v);"                                                          \
    "INSERT INTO y WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM c WHERE i < 40)"            \
    " SELECT i, 'k' || i, i * i % 17 FROM c;"

static void line_images(void **state)
{
    (void)state;
    sweep(SERIES, "SELECT id, length(image) FROM line_images('y', 'v') WHERE window = 30 AND stride = 4 AND "
                  "options = '{\"width\": 20, \"height\": 9}'");
    sweep(SERIES "SELECT dupgpu_config('threads', 2), dupgpu_config('batch_size', 2);",
          "SELECT id, hex(image) FROM line_images('y', 'v') WHERE window = 10 AND partition_by = 'v' AND "
          "order_by = 'k' OR output = 'hash' AND window = 30 AND id_column = 'k'");
    sweep(SERIES "CREATE TABLE s AS SELECT k AS id, '[1,' || v || ']' AS v FROM y WHERE y.id < 7;",
          "SELECT id, length(image) FROM line_images('s', 'v') WHERE options = '{\"width\": 9}'; SELECT op, "
          "results "
          "FROM dupgpu_stats");
    sweep(SERIES "CREATE VIRTUAL TABLE d USING line_images(y, v, window=39, options='{}');",
          "SELECT id FROM d");
    sweep(SERIES "CREATE TABLE s AS SELECT k AS id, '[1,' || v AS v FROM y;",
          "SELECT image FROM line_images('s', 'v')");
    sweep(SERIES, "SELECT * FROM line_images('y', 'k') WHERE window = 2");
    sweep(SERIES, "SELECT * FROM line_images('y', 'v')");
}

static void hash_arithmetic(void **state)
{
    (void)state;
    sweep("",
          "SELECT hamming(x'ff00000000000000', -1), dupgpu_hamming('ff', x'0f'), similarity('00ff', '0000')");
    sweep("", "SELECT hash_int('00000000000000ff'), hex(hash_blob(5)), hex(hash_blob('0aff'))");
    sweep("CREATE TABLE t(h); INSERT INTO t VALUES(zeroblob(32))", "SELECT hamming(h, zeroblob(32)) FROM t");
    sweep("PRAGMA encoding = 'UTF-16'; CREATE TABLE t(h); INSERT INTO t VALUES('00ff')",
          "SELECT hamming(h, '0fff') FROM t");
    sweep("", "SELECT hamming('ff', 'ffff')");
    sweep("", "SELECT hash_int(1.5)");
}

static void information(void **state)
{
    (void)state;
    sweep("", "SELECT dupgpu_version(), length(dupgpu_debug()) > 0");
    sweep("", "SELECT dupgpu_config('threads', 2), dupgpu_config('plan', 'brute'), dupgpu_config('threads')");
    sweep("", "SELECT dupgpu_config('plan', 'none')");
    sweep("", "SELECT * FROM dupgpu_settings");
}

/* Sixty rows in six places, a few bits apart. One thread makes the order of allocations repeat itself. */
#define ROWS                                                                                                 \
    "SELECT dupgpu_config('threads', 1); CREATE TABLE t(id INTEGER PRIMARY KEY, h);"                         \
    "INSERT INTO t WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM c WHERE i < 60)"            \
    " SELECT i, hash_blob((i % 6) * 81985529216486895 + (1 << (i % 9))) FROM c;"

static void pairs_of_blobs(void **state)
{
    (void)state;
    sweep(ROWS, "SELECT count(*), sum(id_a), sum(id_b), sum(distance), sum(similarity) FROM "
                "similar_pairs('t', 'h', 2)");
    sweep(ROWS, "SELECT * FROM similar_pairs('t', 'h', 0) ORDER BY 1, 2 LIMIT 9");
    sweep(ROWS, "SELECT source, \"column\", threshold, schema, id_column FROM similar_pairs('t', 'h', 0, "
                "'main', 'id') LIMIT 1");
    sweep(
        ROWS,
        "SELECT count(*) FROM similar_pairs('t', 'h', 64); SELECT op, plan, rows, results FROM dupgpu_stats");
    sweep(ROWS "SELECT dupgpu_config('plan', 'multi_index');",
          "SELECT count(*) FROM similar_pairs('t', 'h', 3)");
    sweep(ROWS "SELECT dupgpu_config('plan', 'brute');", "SELECT count(*) FROM similar_pairs('t', 'h', 3)");
    sweep(ROWS "SELECT dupgpu_config('threads', 2);", "SELECT count(*) FROM similar_pairs('t', 'h', 3)");
}

static void pairs_of_other_hashes(void **state)
{
    (void)state;
    sweep(ROWS "CREATE TABLE u AS SELECT id, hex(h) || hex(h) || 'ff' AS h FROM t;",
          "SELECT count(*), sum(distance) FROM similar_pairs('u', 'h', 3)");
    sweep(ROWS "CREATE TABLE u AS SELECT id, hash_int(h) AS h FROM t;",
          "SELECT count(*), sum(distance) FROM similar_pairs('u', 'h', 3)");
    sweep(ROWS "INSERT INTO t VALUES(1000, x'00');", "SELECT count(*) FROM similar_pairs('t', 'h', 3)");
    sweep(ROWS "INSERT INTO t VALUES(1000, 'xyz');", "SELECT count(*) FROM similar_pairs('t', 'h', 3)");
}

static void pairs_by_other_keys(void **state)
{
    (void)state;
    sweep(ROWS
          "CREATE TABLE u(id TEXT PRIMARY KEY, h) WITHOUT ROWID; INSERT INTO u SELECT 'k' || id, h FROM t;",
          "SELECT min(id_a), max(id_b), count(*) FROM similar_pairs('u', 'h', 3)");
    sweep(ROWS "CREATE INDEX th ON t(h);",
          "SELECT min(id_a), max(id_b), count(*) FROM similar_pairs('t', 'h', 3)");
    sweep(ROWS "CREATE VIEW v AS SELECT 'k' || (id * 7 % 61) AS key, h FROM t;",
          "SELECT min(id_a), max(id_b), count(*) FROM similar_pairs('v', 'h', 3) WHERE id_column = 'key'");
    sweep(ROWS "CREATE VIEW v AS SELECT CASE WHEN id > 30 THEN 'k' || id ELSE id END AS id, h FROM t;",
          "SELECT count(*) FROM similar_pairs('v', 'h', 3) WHERE id_a = 'k33'");
    sweep(ROWS "CREATE VIEW v AS SELECT id AS key, h FROM t;",
          "SELECT count(*) FROM similar_pairs('v', 'h', 3)");
    sweep(ROWS "CREATE VIEW v AS SELECT id_a AS id, zeroblob(1) AS h FROM similar_pairs('v', 'h', 1);",
          "SELECT count(*) FROM similar_pairs('v', 'h', 3)");
}

static void pairs_of_one_row(void **state)
{
    (void)state;
    sweep(ROWS, "SELECT count(*) FROM similar_pairs('t', 'h', 3) WHERE id_a = 5 AND distance <= 2.5");
    sweep(ROWS, "SELECT count(*) FROM similar_pairs('t', 'h', 3) WHERE id_b = '50' AND distance = 2");
    sweep(ROWS, "SELECT t.id, count(s.id_b), sum(s.distance) FROM t LEFT JOIN similar_pairs('t', 'h', 3) s"
                " ON s.id_a = t.id WHERE t.id < 20 GROUP BY t.id");
    sweep(ROWS, "SELECT count(*) FROM t WHERE EXISTS (SELECT 1 FROM similar_pairs('t', 'h', 3) s WHERE "
                "s.id_b = t.id)");
}

static void pairs_in_any_orientation(void **state)
{
    (void)state;
    sweep("CREATE TABLE w(id INTEGER PRIMARY KEY, v); INSERT INTO w VALUES(1, zeroblob(64)), (2, "
          "zeroblob(64)), "
          "(3, zeroblob(32) || x'ff' || zeroblob(31));",
          "SELECT count(*), sum(distance) FROM similar_pairs('w', 'v', 8) WHERE orientations = 1; SELECT "
          "count(*) FROM similarity_join('w', 'v', 'w', 'v', 0) WHERE orientations = 1");
}

static void pairs_again(void **state)
{
    (void)state;
    sweep(ROWS, "SELECT j.value, count(*) FROM json_each('[0,3,3,1]') j, similar_pairs('t', 'h', j.value) "
                "GROUP BY j.id");
    sweep(ROWS "CREATE TABLE d(a, b);", "INSERT INTO d SELECT id_a, id_b FROM similar_pairs('t', 'h', 1);"
                                        "SELECT count(*) FROM d");
}

static void pairs_by_name(void **state)
{
    (void)state;
    sweep(ROWS, "CREATE VIRTUAL TABLE d USING similar_pairs(t, \"h\", 3, schema = main, id_column = 'id');"
                "SELECT count(*) FROM d; ALTER TABLE d RENAME TO e; SELECT count(*) FROM e; DROP TABLE e");
    sweep(ROWS, "CREATE VIRTUAL TABLE d USING similar_pairs(t, h, many)");
    sweep(ROWS,
          "EXPLAIN QUERY PLAN SELECT * FROM similar_pairs('t', 'h', 3) WHERE id_a = 1 AND distance < 2");
    sweep(ROWS, "SELECT * FROM similar_pairs('t', 'h')");
    sweep(ROWS, "SELECT * FROM similar_pairs('nope', 'h', 3)");
    sweep(ROWS, "SELECT * FROM similar_pairs('t', 'h', -1)");
}

static void groups_of_rows(void **state)
{
    (void)state;
    sweep(ROWS, "SELECT count(*), max(group_id), sum(id), sum(distance), sum(representative) FROM "
                "similar_groups('t', 'h', 2)");
    sweep(ROWS, "SELECT * FROM similar_groups('t', 'h', 1, 'complete') WHERE id < 20");
    sweep(ROWS, "SELECT count(*), max(group_id) FROM similar_groups('t', 'h', 64, 'components')");
    /* One component of 700 distinct rows, which takes a second join. */
    sweep(ROWS "DELETE FROM t; INSERT INTO t WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM c "
               "WHERE i < 700) SELECT i, i FROM c;",
          "SELECT count(*), max(group_id), sum(distance) FROM similar_groups('t', 'h', 2)");
    sweep(ROWS "CREATE TABLE u AS SELECT 'k' || id AS id, hex(h) || hex(h) AS h FROM t;"
               "CREATE VIRTUAL TABLE g USING similar_groups(u, h, 3, method=complete, id_column=id);",
          "SELECT t.id, (SELECT group_id FROM g WHERE g.id = 'k' || t.id) FROM t WHERE t.id < 9");
    sweep(ROWS, "SELECT * FROM similar_groups('t', 'h', 2, 'chains')");
}

static void nearest_rows(void **state)
{
    (void)state;
    sweep(ROWS,
          "SELECT * FROM nearest('t', 'h', 0, 5); SELECT * FROM nearest('t', 'h', '00000000000000ff', 100) "
          "WHERE distance <= 20; SELECT op, rows, results FROM dupgpu_stats");
    sweep(ROWS, "SELECT t.id, sum(n.id), sum(n.distance) FROM t, nearest('t', 'h', t.h, 3) n GROUP BY t.id");
    sweep(ROWS, "SELECT (SELECT id FROM nearest('t', 'h', t.h, 2) ORDER BY distance, id LIMIT 1) FROM t");
    sweep(ROWS "CREATE TABLE u(id TEXT PRIMARY KEY, h) WITHOUT ROWID; INSERT INTO u SELECT 'k' || id, hex(h) "
               "FROM t;",
          "SELECT * FROM nearest('u', 'h', 5, 7); SELECT count(*) FROM nearest('u', 'h', 7, 70)");
    sweep(ROWS, "CREATE VIRTUAL TABLE d USING nearest(t, h, 00000000000000ff, 3); SELECT * FROM d");
    sweep(ROWS, "SELECT * FROM nearest('t', 'h', 'ff', 5)");
    sweep(ROWS,
          "EXPLAIN QUERY PLAN SELECT * FROM nearest('t', 'h', 5, 5) WHERE distance < 3 ORDER BY distance");
}

static void nearest_rows_of_two_tables(void **state)
{
    (void)state;
    sweep(ROWS "CREATE TABLE u AS SELECT id, hash_int(h) AS h FROM t WHERE id % 3 = 0;",
          "SELECT * FROM nearest_join('t', 'h', 'u', 'h', 2) WHERE distance < 9; SELECT count(*), sum(rank) "
          "FROM "
          "nearest_join('u', 'h', 't', 'h', 100)");
    sweep(ROWS, "SELECT sum(id_right), sum(distance) FROM nearest_join('t', 'h', 't', 'h', 3)");
    sweep(ROWS, "SELECT t.id, sum(j.id_right) FROM t LEFT JOIN nearest_join('t', 'h', 't', 'h', 3) j ON "
                "j.id_left = t.id WHERE t.id < 9 GROUP BY t.id");
    sweep(ROWS "CREATE TABLE u(id INTEGER PRIMARY KEY, h); INSERT INTO u VALUES(1, x'00');",
          "SELECT * FROM nearest_join('t', 'h', 'u', 'h', 2)");
}

static void pairs_counted(void **state)
{
    (void)state;
    sweep(ROWS, "SELECT * FROM distance_histogram('t', 'h') WHERE pairs; SELECT sum(pairs) FROM "
                "distance_histogram('t', 'h')");
}

static void kept_columns(void **state)
{
    (void)state;
    sweep(ROWS "CREATE VIEW v AS SELECT id, h FROM t WHERE abs(id) > 3 AND hash_int(h) <> 0;",
          "SELECT * FROM nearest('v', 'h', 0, 3); SELECT * FROM nearest('v', 'h', 9, 3); UPDATE t SET h = "
          "zeroblob(8) "
          "WHERE id = 50; SELECT * FROM nearest('v', 'h', 0, 3);");
    sweep(ROWS "ATTACH ':memory:' AS d; CREATE TABLE d.u AS SELECT * FROM t; SELECT "
               "dupgpu_config('memory_limit_gb', "
               "0.0000015); SELECT count(*) FROM nearest('t', 'h', 0, 3);",
          "SELECT id FROM nearest('t', 'h', 0, 3); SELECT count(*) FROM nearest('u', 'h', 0, 3) WHERE "
          "id_column = 'id'; "
          "SELECT id FROM nearest('t', 'h', 0, 3) WHERE schema = 'main'; SELECT id FROM nearest('t', 'h', 7, "
          "3)");
}

#define PICTURES                                                                                             \
    "CREATE TABLE p(id INTEGER PRIMARY KEY, data); INSERT INTO p VALUES(1, " PNG "), (2, NULL), (4, " JPEG   \
    "), (7, x'ffd8ff'), (9, 'file'), (10, " PNG ");"

static void tables_of_pictures(void **state)
{
    (void)state;
    static const char all[] =
        "SELECT id, hex(phash), hex(ahash), width, format, error FROM image_hashes('p', 'data')";
    sweep(PICTURES "SELECT dupgpu_config('threads', 1);", all);
    sweep(PICTURES "SELECT dupgpu_config('threads', 3);", all);
    sweep(PICTURES "SELECT dupgpu_config('threads', 2), dupgpu_config('batch_size', 1);",
          "SELECT sum(height), count(error) FROM image_hashes('p', 'data'); SELECT op, rows, results FROM "
          "dupgpu_stats");
    sweep(PICTURES "SELECT dupgpu_config('threads', 1); CREATE TABLE u(id TEXT PRIMARY KEY, data) WITHOUT "
                   "ROWID; INSERT INTO u SELECT 'k' || id, data FROM p;",
          "SELECT id, hex(dhash) FROM image_hashes('u', 'data')");
    sweep(PICTURES
          "SELECT dupgpu_config('threads', 1); CREATE VIEW v AS SELECT nullif(id % 3, 1) AS id, data "
          "FROM p;",
          "SELECT id, width FROM image_hashes('v', 'data')");
    sweep(PICTURES "SELECT dupgpu_config('threads', 1);",
          "UPDATE p SET data = h.phash FROM image_hashes('p', 'data') h WHERE h.id = p.id; SELECT * FROM p");
    sweep(PICTURES, "EXPLAIN QUERY PLAN SELECT phash, error FROM image_hashes('p', 'data') WHERE id = 4");
    sweep(PICTURES, "SELECT id, hex(ahash) FROM image_hashes('p', 'data') WHERE id IN (1, 4, 99) OR id > 9");
    sweep(PICTURES, "SELECT width FROM image_hashes('p', 'nope')");
    sweep(PICTURES, "SELECT phash FROM image_hashes('p', 'data') WHERE hash_size = 12");
}

static void tables_of_files(void **state)
{
    (void)state;
    sweep("SELECT dupgpu_config('read_files', 1);",
          "SELECT count(*), max(path), sum(size), count(error) FROM image_files('tests/golden')");
    sweep("SELECT dupgpu_config('read_files', 1), dupgpu_config('threads', 2); CREATE TABLE f(id INTEGER "
          "PRIMARY "
          "KEY, path); INSERT INTO f VALUES(1, 'tests/golden/pictures/cut.png'), (2, 'tests'), (3, "
          "'nowhere'), (4, "
          "'tests/golden/pictures/grey-1-interlaced.png');",
          "SELECT id, hex(phash), width, error FROM image_hashes('f', 'path')");
    sweep("", "SELECT * FROM image_files('.')");
    sweep("SELECT dupgpu_config('read_files', 1);", "SELECT * FROM image_files('nowhere')");
    sweep("", "SELECT count(*) FROM dupgpu_progress");
}

/* An index with forty rows in blocks, of sixty. */
#define INDEX                                                                                                \
    ROWS "CREATE VIRTUAL TABLE i USING hash_index(bits=64, content=t, content_column=h, content_rowid=id);"  \
         "INSERT INTO i(rowid, hash) SELECT id, h FROM t WHERE id <= 40; INSERT INTO i(i) "                  \
         "VALUES('optimize');"                                                                               \
         "INSERT INTO i(rowid, hash) SELECT id, h FROM t WHERE id > 40;"

#define SMALL "CREATE VIRTUAL TABLE i USING hash_index(bits=64);"

static void index_asked(void **state)
{
    (void)state;
    sweep(INDEX, "SELECT rowid, distance, hex(hash) FROM i WHERE hash MATCH 0 AND distance <= 9 LIMIT 9; "
                 "SELECT rowid FROM i WHERE hash MATCH '00000000000000ff' AND k = 3");
    sweep(
        INDEX "SELECT dupgpu_config('plan', 'multi_index');",
        "SELECT rowid, distance FROM i WHERE hash MATCH 9 AND distance <= 6; SELECT rowid FROM i WHERE hash "
        "MATCH 5 AND k = 5");
    sweep(INDEX,
          "SELECT count(*), sum(hash_int(hash)) FROM i; SELECT hex(hash) FROM i WHERE rowid IN (3, 50)");
    sweep(INDEX,
          "SELECT count(*) FROM similar_pairs('i', 'hash', 3); SELECT * FROM similar_pairs('i', 'hash', 2) "
          "WHERE newer_than = 58; SELECT hash_index_mark('i')");
    sweep(INDEX, "SELECT * FROM i WHERE hash MATCH 'ff' AND k = 1");
    sweep(INDEX, "EXPLAIN QUERY PLAN SELECT * FROM i WHERE hash MATCH 5 AND distance <= 5 ORDER BY distance");
}

static void index_written(void **state)
{
    (void)state;
    sweep(INDEX,
          "INSERT OR REPLACE INTO i(rowid, hash) VALUES(3, 5), (90, 6), (91, NULL); UPDATE i SET hash = 8 "
          "WHERE rowid = 7; DELETE FROM i WHERE rowid = 8; SELECT count(*), sum(hash_int(hash)) FROM i");
    sweep(INDEX "INSERT INTO i(i, k) VALUES('delta', 4);",
          "INSERT INTO i(hash) SELECT h FROM t WHERE id < 9; SELECT count(*), sum(rowid) FROM i");
    sweep(INDEX "INSERT INTO i(i) VALUES('create-triggers');",
          "UPDATE t SET h = zeroblob(8) WHERE id = 9; DELETE FROM t WHERE id = 50; SELECT count(*) FROM i");
    sweep(INDEX, "INSERT INTO i(rowid, hash) VALUES(3, 5)");
}

static void index_managed(void **state)
{
    (void)state;
    sweep("", SMALL);
    sweep("", "CREATE VIRTUAL TABLE i USING hash_index(bits=63)");
    sweep(INDEX, "INSERT INTO i(i) VALUES('rebuild'); SELECT count(*) FROM i");
    sweep(INDEX, "INSERT INTO i(i) VALUES('optimize')");
    sweep(INDEX, "INSERT INTO i(i) VALUES('integrity-check')");
    sweep(INDEX, "INSERT INTO i(i) VALUES('create-triggers')");
    sweep(INDEX, "INSERT INTO i(i) VALUES('delete-all'); SELECT count(*) FROM i");
    sweep_some(SMALL, "ALTER TABLE i RENAME TO j", 13); /* 5,000 allocations, nearly all of them SQLite's */
    sweep(SMALL, "DROP TABLE i");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(loading),
    cmocka_unit_test(loading_twice),
    cmocka_unit_test(image_hashes),
    cmocka_unit_test(image_information),
    cmocka_unit_test(image_measures),
    cmocka_unit_test(pictures_made),
    cmocka_unit_test(line_pictures),
    cmocka_unit_test(line_images),
    cmocka_unit_test(hash_arithmetic),
    cmocka_unit_test(information),
    cmocka_unit_test(pairs_of_blobs),
    cmocka_unit_test(pairs_of_other_hashes),
    cmocka_unit_test(pairs_by_other_keys),
    cmocka_unit_test(pairs_of_one_row),
    cmocka_unit_test(pairs_in_any_orientation),
    cmocka_unit_test(pairs_again),
    cmocka_unit_test(pairs_by_name),
    cmocka_unit_test(groups_of_rows),
    cmocka_unit_test(nearest_rows),
    cmocka_unit_test(nearest_rows_of_two_tables),
    cmocka_unit_test(pairs_counted),
    cmocka_unit_test(kept_columns),
    cmocka_unit_test(tables_of_pictures),
    cmocka_unit_test(tables_of_files),
    cmocka_unit_test(index_asked),
    cmocka_unit_test(index_written),
    cmocka_unit_test(index_managed),
};

int main(int argc, char **argv)
{
    int status = dg_test_select(tests, sizeof tests / sizeof *tests, argc, argv);
    if (status >= 0) return status;
    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &plain);
    sqlite3_mem_methods counting = plain;
    counting.xMalloc = sqlite_malloc;
    counting.xRealloc = sqlite_realloc;
    counting.xFree = sqlite_free;
    sqlite3_config(SQLITE_CONFIG_MALLOC, &counting);
    sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
