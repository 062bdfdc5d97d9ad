/*
 * Every call of a driver failed in turn, seen from SQL: libcuda is the one of tests/fake, the extension is
 * linked in with -DSQLITE_CORE.
 *
 * A search runs with its 1st, 2nd, 3rd ... driver call failing, once with only that one failing and once with
 * all from there on, until a run needs no more calls. With fallback = 1 its rows must always be those of the
 * CPU, in the CPU's order, none twice and none lost; with fallback = 0 they are that or an error in the
 * driver's words. After each run the driver has everything back, and it has seen no misuse.
 *
 * The proof and the measuring of a device are left out (tests/place/unproven.c); test_cuda.c sweeps what they
 * do.
 */
#include "../core/dg_test.h"

#include "../../ext/dupgpu.h"
#include "../fake/fake_cuda.h"

#include <sqlite3.h>
#include <stdlib.h>

enum { OUT_OF_MEMORY = 2, LAUNCH_FAILED = 719 };

/* The rows of a search as text; the statement's error, if it had one. */
typedef struct answer {
    int code;
    char error[400];
    size_t length;
    char rows[1 << 20];
    char backend[16], fallback[400];
} answer;

static sqlite3 *open_catalogue(const char *backend, const char *settings)
{
    sqlite3 *db = NULL;
    char *error = NULL;
    char *sql = sqlite3_mprintf("SELECT dupgpu_config('backend', %Q), dupgpu_config('threads', 1); %s;"
                                "ATTACH 'file:catalogue?mode=memory&cache=shared' AS c",
                                backend, settings);
    assert_int_equal(sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_dupgpu_init(db, &error, NULL), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &error)) fail_msg("%s: %s", sql, error);
    sqlite3_free(sql);
    return db;
}

static void ask(sqlite3 *db, const char *sql, answer *a)
{
    sqlite3_stmt *statement;
    a->length = 0;
    a->error[0] = a->backend[0] = a->fallback[0] = a->rows[0] = '\0';
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL)) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    while ((a->code = sqlite3_step(statement)) == SQLITE_ROW) {
        a->length += (size_t)snprintf(a->rows + a->length, sizeof a->rows - a->length, "%d %d %d\n",
                                      sqlite3_column_int(statement, 0), sqlite3_column_int(statement, 1),
                                      sqlite3_column_int(statement, 2));
        assert_true(a->length < sizeof a->rows);
    }
    if (a->code != SQLITE_DONE) snprintf(a->error, sizeof a->error, "%s", sqlite3_errmsg(db));
    sqlite3_finalize(statement);
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT backend, fallback FROM dupgpu_stats ORDER BY rowid DESC LIMIT 1", -1,
                           &statement, NULL),
        SQLITE_OK);
    if (sqlite3_step(statement) == SQLITE_ROW) {
        const char *fallback = (const char *)sqlite3_column_text(statement, 1);
        snprintf(a->backend, sizeof a->backend, "%s", sqlite3_column_text(statement, 0));
        snprintf(a->fallback, sizeof a->fallback, "%s", fallback ? fallback : "");
    }
    sqlite3_finalize(statement);
}

static void nothing_is_left(const char *when)
{
    const char *words;
    if (fake_cuda_violations(&words)) fail_msg("%s: misuse of the driver: %s", when, words);
    if (fake_cuda_entries()) fail_msg("%s: %ld things of the driver left behind", when, fake_cuda_entries());
}

/* One run; returns whether the fault struck. */
static int run_once(const char *settings, const char *sql, const answer *expected, long n, unsigned code,
                    int sticky, int fallback)
{
    static answer got;
    char when[100];
    snprintf(when, sizeof when, "call %ld%s, code %u, fallback %d", n, sticky ? " and all after" : "", code,
             fallback);
    sqlite3 *db = open_catalogue("cuda", settings);
    if (!fallback) sqlite3_exec(db, "SELECT dupgpu_config('fallback', 0)", NULL, NULL, NULL);
    fake_cuda_reset();
    fake_cuda_fail(n, code, sticky);
    ask(db, sql, &got);
    int failed = fake_cuda_failed();
    fake_cuda_fail(0, 0, 0);
    if (got.code == SQLITE_DONE) {
        if (strcmp(got.rows, expected->rows) != 0) fail_msg("%s: other rows (%s)", when, got.fallback);
        if (strcmp(got.backend, "cuda") != 0 && !got.fallback[0])
            fail_msg("%s: ran on %s without a word", when, got.backend);
    } else {
        if (fallback || !failed) fail_msg("%s: %s", when, got.error);
        if (!strstr(got.error, "cuda: ")) fail_msg("%s: not the driver's words: %s", when, got.error);
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    nothing_is_left(when);
    return failed;
}

static void sweep(const char *settings, const char *sql)
{
    static answer expected, undisturbed;
    static const unsigned codes[] = {OUT_OF_MEMORY, LAUNCH_FAILED};
    sqlite3 *db = open_catalogue("cpu", settings);
    ask(db, sql, &expected);
    assert_int_equal(expected.code, SQLITE_DONE);
    assert_true(expected.length > 0);
    sqlite3_close(db);

    db = open_catalogue("cuda", settings);
    ask(db, sql, &undisturbed);
    sqlite3_close(db);
    assert_string_equal(undisturbed.error, "");
    assert_string_equal(undisturbed.backend, "cuda");
    assert_string_equal(undisturbed.rows, expected.rows);

    for (size_t c = 0; c < sizeof codes / sizeof *codes; c++)
        for (int sticky = 0; sticky < 2; sticky++)
            for (int fallback = 0; fallback < 2; fallback++) {
                long n = 1;
                while (run_once(settings, sql, &expected, n, codes[c], sticky, fallback)) n++;
                assert_true(n > 20);
            }
}

/* Near-duplicates enough that results come from several passes and batches. Lives as long as `keeper` is
 * open. */
static int make_catalogue(void **state)
{
    sqlite3 *keeper;
    assert_int_equal(sqlite3_open_v2("file:catalogue?mode=memory&cache=shared", &keeper,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI, NULL),
                     SQLITE_OK);
    *state = keeper;
    return sqlite3_exec(
        keeper,
        "DROP TABLE IF EXISTS t; CREATE TABLE t(id INTEGER PRIMARY KEY, h);"
        "INSERT INTO t WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM c WHERE i < 900)"
        " SELECT i, (i - i % 3 * (i % 7 = 0)) * 2654435761 * 999983 + (1 << i % 13) FROM c",
        NULL, NULL, NULL);
}

static int drop_catalogue(void **state)
{
    return sqlite3_close(*state);
}

#define PAIRS "SELECT id_a, id_b, distance FROM similar_pairs('t', 'h', 5)"

static void brute_force(void **state)
{
    (void)state;
    sweep("SELECT dupgpu_config('plan', 'brute')", PAIRS);
}

static void multi_index(void **state)
{
    (void)state;
    sweep("SELECT dupgpu_config('plan', 'multi_index'), dupgpu_config('batch_size', 2)", PAIRS);
}

/* A table ten times larger than the limit goes to the device piece by piece. */
static void windows(void **state)
{
    (void)state;
    sweep("SELECT dupgpu_config('memory_limit_gb', 0.0000006)", PAIRS);
}

/* Pictures that come back, and hashes of pictures that do not. */
static void lines(void **state)
{
    (void)state;
#define LINES "FROM line_images('t', 'h') WHERE window = 20 AND stride = 150 AND options = "
    sweep("SELECT dupgpu_config('batch_size', 4)",
          "SELECT id, length(image), hash_int(substr(image, 401, 8)) % 1000003 " LINES
          "'{\"format\": \"raw\", \"width\": 40, \"height\": 30}'");
    sweep("SELECT dupgpu_config('batch_size', 0)", "SELECT id, hash_int(image) % 1000003, 0 " LINES
                                                   "'{\"width\": 70, \"height\": 20}' AND output = 'hash'");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(lines, make_catalogue, drop_catalogue),
    cmocka_unit_test_setup_teardown(brute_force, make_catalogue, drop_catalogue),
    cmocka_unit_test_setup_teardown(multi_index, make_catalogue, drop_catalogue),
    cmocka_unit_test_setup_teardown(windows, make_catalogue, drop_catalogue),
};

DG_TEST_MAIN(tests)
