"""Columns kept between statements: used when nothing has changed, and never when something has.

Each test asks nearest() for the row nearest to 0 and looks both at the answer and at where the column came from.
"""

import shutil
import sqlite3

import oracle
import pytest

FIRST = "SELECT id FROM nearest('t', 'h', 0, 1)"


class Asker:
    """Asks on one connection. `nearest` gives the nearest id and the source of its column."""

    def __init__(self, db):
        self.db = db

    def nearest(self, sql=FIRST, *parameters):
        key = self.db.value(sql, *parameters)
        return key, self.db.value("SELECT source FROM dupgpu_stats ORDER BY rowid DESC LIMIT 1")


@pytest.fixture
def file(tmp_path):
    """A database with t: ids 1 to 3, hashes 1, 3, 7."""
    path = tmp_path / "a.db"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, h)")
    db.executemany("INSERT INTO t VALUES(?, ?)", [(1, 1), (2, 3), (3, 7)])
    db.commit()
    db.close()
    return path


@pytest.fixture(params=["memory", "rollback", "wal"])
def place(request, connect, file):
    """A connection to each kind of database with t."""
    if request.param == "memory":
        db = connect()
        db.table("t", [1, 3, 7])
    else:
        db = connect(file)
        db.rows(f"PRAGMA journal_mode = {'wal' if request.param == 'wal' else 'delete'}")
    db.asker = Asker(db)
    return db


def test_unchanged_columns_are_kept(place):
    ask = place.asker
    assert ask.nearest() == (1, "read")
    assert ask.nearest() == (1, "cached")
    assert ask.nearest("SELECT id FROM nearest('t', 'h', 7, 1)") == (3, "cached")
    place.run("SELECT count(*) FROM distance_histogram('t', 'h')").run("SELECT * FROM nearest_join('t', 'h', 't', 'h', 1)")
    assert place.column("SELECT source FROM dupgpu_stats") == ["read"] + 4 * ["cached"]


def test_other_names_are_other_columns(place):
    ask = place.asker
    place.run("ALTER TABLE t ADD COLUMN g").run("UPDATE t SET g = 7 - h")
    assert ask.nearest() == (1, "read")
    assert ask.nearest("SELECT id FROM nearest('t', 'g', 0, 1)") == (3, "read")
    assert ask.nearest("SELECT id FROM nearest('t', 'h', 0, 1) WHERE id_column = 'h'") == (1, "read")
    assert ask.nearest("SELECT id FROM nearest('t', 'h', 3, 1) WHERE id_column = 'h'") == (3, "cached")
    assert ask.nearest("SELECT id FROM nearest('t', 'h', 0, 1) WHERE schema = 'main'") == (1, "read")
    assert ask.nearest() == (1, "cached")


CHANGES = ["UPDATE t SET h = 15 WHERE id = 1", "DELETE FROM t WHERE id = 1", "INSERT INTO t VALUES(0, 0)",
           "REPLACE INTO t VALUES(1, 255)", "UPDATE t SET id = 9 WHERE id = 1", "DELETE FROM t"]


@pytest.mark.parametrize("change", CHANGES)
def test_own_changes(place, change):
    ask = place.asker
    before = ask.nearest()
    place.run(change)
    after = place.rows("SELECT id FROM t ORDER BY hamming(h, 0), id LIMIT 1")
    assert place.rows(FIRST) == after
    assert [before] == [(1, "read")]
    if after:
        assert ask.nearest() == (after[0][0], "cached")


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("savepoint", [False, True])
def test_rolled_back_changes(place, change, savepoint):
    """Rolling back does not count as a change, so what was seen in between must not be kept."""
    ask = place.asker
    assert ask.nearest() == (1, "read")
    place.run("BEGIN")
    place.run("SAVEPOINT s")
    place.run(change)
    seen = place.rows("SELECT id FROM t ORDER BY hamming(h, 0), id LIMIT 1")
    assert place.rows(FIRST) == seen and place.rows(FIRST) == seen
    place.run("ROLLBACK TO s" if savepoint else "ROLLBACK")
    assert place.value(FIRST) == 1
    place.run("COMMIT" if savepoint else "SELECT 1")
    assert place.value(FIRST) == 1
    assert ask.nearest() == (1, "cached")


def test_reading_transactions_keep_columns(place):
    ask = place.asker
    place.run("BEGIN")
    assert [ask.nearest(), ask.nearest()] == [(1, "read"), (1, "cached")]
    place.run("COMMIT")
    assert ask.nearest() == (1, "cached")


def test_nothing_is_kept_while_a_transaction_writes(place):
    ask = place.asker
    place.run("BEGIN").run("INSERT INTO t VALUES(0, 0)")
    assert [ask.nearest(), ask.nearest()] == [(0, "read"), (0, "read")]
    place.run("COMMIT")
    assert [ask.nearest(), ask.nearest()] == [(0, "read"), (0, "cached")]


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_commits_of_other_connections(connect, file, journal):
    one, two = connect(file), connect(file)
    one.rows(f"PRAGMA journal_mode = {journal}")
    ask = Asker(one)
    assert [ask.nearest(), ask.nearest()] == [(1, "read"), (1, "cached")]
    two.run("BEGIN").run("INSERT INTO t VALUES(0, 0)")
    assert ask.nearest() == (1, "cached")
    two.run("COMMIT")
    assert [ask.nearest(), ask.nearest()] == [(0, "read"), (0, "cached")]
    two.run("UPDATE t SET h = 255 WHERE id = 0")
    assert ask.nearest() == (1, "read")


def test_a_snapshot_is_kept_to(connect, file):
    """In a reading transaction the other connection's commit is not there yet."""
    one, two = connect(file), connect(file)
    one.rows("PRAGMA journal_mode = wal")
    ask = Asker(one)
    one.run("BEGIN")
    assert ask.nearest() == (1, "read")
    two.run("INSERT INTO t VALUES(0, 0)")
    assert ask.nearest() == (1, "cached")
    one.run("COMMIT")
    assert ask.nearest() == (0, "read")


DDL = [("ALTER TABLE t RENAME COLUMN h TO g", "no such column"), ("DROP TABLE t", "no such table"),
       ("ALTER TABLE t RENAME TO u", "no such table"), ("ALTER TABLE t DROP COLUMN h", "no such column")]


@pytest.mark.parametrize("change, words", DDL)
def test_the_source_goes(place, change, words):
    place.asker.nearest()
    place.run(change)
    assert words in place.error(FIRST)


def test_the_source_is_made_anew(place):
    """CREATE TABLE AS SELECT does not count as a change either."""
    ask = place.asker
    assert ask.nearest() == (1, "read")
    place.run("DROP TABLE t").run("CREATE TABLE t AS SELECT 5 AS id, 0 AS h")
    assert ask.nearest() == (1, "read")
    place.run("CREATE TEMP TABLE t AS SELECT 8 AS id, 0 AS h UNION ALL SELECT 9, 0")
    assert place.column("SELECT id FROM nearest('t', 'h', 0, 9) WHERE id_column = 'id'") == [8, 9]
    assert place.column("SELECT id FROM nearest('t', 'h', 0, 9) WHERE id_column = 'id' AND schema = 'main'") == [5]
    place.run("DROP TABLE temp.t")
    assert place.column("SELECT id FROM nearest('t', 'h', 0, 9) WHERE id_column = 'id'") == [5]


def test_a_rolled_back_shadow(place):
    """A temp table that takes the name, rolled back, and another that takes it for good."""
    ask = place.asker
    place.run("CREATE TEMP TABLE other(x)")
    assert ask.nearest() == (1, "read")
    place.run("BEGIN").run("CREATE TEMP TABLE t AS SELECT 8 AS id, 0 AS h")
    assert place.value("SELECT id FROM nearest('t', 'h', 0, 1) WHERE id_column = 'id'") == 8
    place.run("ROLLBACK")
    place.run("BEGIN").run("CREATE TEMP TABLE unrelated(x)")
    assert place.value(FIRST) == 1
    place.run("ROLLBACK").run("CREATE TEMP TABLE t AS SELECT 8 AS id, 0 AS h")
    assert place.value("SELECT id FROM nearest('t', 'h', 0, 1) WHERE id_column = 'id'") == 8


def test_vacuum_may_renumber_rows(connect, tmp_path):
    db = connect(tmp_path / "v.db")
    db.run("CREATE TABLE t(h)").run("INSERT INTO t VALUES(1), (3), (7)").run("DELETE FROM t WHERE h = 1")
    assert db.value(FIRST) == 2
    db.run("VACUUM")
    assert db.value(FIRST) == db.value("SELECT rowid FROM t WHERE h = 3")


def test_attached_databases(connect, file, tmp_path):
    """Another file in the same schema; the same file changed by somebody while it was detached."""
    shutil.copy(file, tmp_path / "b.db")
    shutil.copy(file, tmp_path / "c.db")
    for name, key in (("b.db", 20), ("c.db", 30)):
        other = sqlite3.connect(tmp_path / name)
        other.execute("UPDATE t SET id = ? WHERE id = 1", (key,))
        other.commit()
        other.close()
    db = connect()
    ask = Asker(db)
    db.run("ATTACH ? AS d", str(tmp_path / "b.db"))
    assert [ask.nearest(), ask.nearest()] == [(20, "read"), (20, "cached")]
    db.run("DETACH d").run("ATTACH ? AS d", str(tmp_path / "c.db"))
    assert [ask.nearest(), ask.nearest()] == [(30, "read"), (30, "cached")]
    db.run("DETACH d")
    other = sqlite3.connect(tmp_path / "c.db")
    other.execute("UPDATE t SET id = 40 WHERE id = 30")
    other.commit()
    other.close()
    db.run("ATTACH ? AS d", str(tmp_path / "c.db"))
    assert ask.nearest() == (40, "read")
    db.run("DETACH d")
    shutil.copy(tmp_path / "b.db", tmp_path / "c.db")
    db.run("ATTACH ? AS d", str(tmp_path / "c.db"))
    assert ask.nearest() == (20, "read")
    assert "no such table" in db.run("DETACH d").error(FIRST)


def test_attached_databases_in_memory(db):
    """One takes the other's place after the same number of commits."""
    for key in (5, 6, 7):
        db.run("ATTACH ':memory:' AS d").run(f"CREATE TABLE d.t AS SELECT {key} AS id, 1 AS h")
        for _ in range(2):
            assert db.value("SELECT id FROM nearest('t', 'h', 0, 1) WHERE id_column = 'id'") == key
        db.run("DETACH d")


def test_deserialized_databases(debian):
    """The content of main is exchanged behind SQLite's back."""
    if not hasattr(sqlite3.Connection, "deserialize"):
        pytest.skip("this Python cannot deserialize")
    for key in (5, 6, 7):
        image = sqlite3.connect(":memory:")
        image.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, h)")
        image.execute("INSERT INTO t VALUES(?, 1)", (key,))
        image.commit()
        debian.raw.deserialize(image.serialize())
        assert [debian.value(FIRST), debian.value(FIRST)] == [key, key]


def test_backup_into_a_database(debian):
    debian.table("t", [1, 3])
    assert debian.value(FIRST) == 1
    for key in (5, 6):
        image = sqlite3.connect(":memory:")
        image.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, h)")
        image.execute("INSERT INTO t VALUES(?, 1)", (key,))
        image.commit()
        image.backup(debian.raw)
        assert [debian.value(FIRST), debian.value(FIRST)] == [key, key]


def test_incremental_blob_writes(debian):
    """They are not counted as changes."""
    debian.table("t", [bytes([1]), bytes([3])])
    sql = "SELECT id FROM nearest('t', 'h', '00', 1)"
    assert debian.value(sql) == 1
    for begin in (False, True):
        if begin:
            debian.run("BEGIN")
        with debian.raw.blobopen("t", "h", 1) as blob:
            blob.write(b"\xff")
        assert debian.value(sql) == 2
        if begin:
            debian.run("ROLLBACK")
            continue
        debian.run("UPDATE t SET h = x'01' WHERE id = 1")
        assert debian.value(sql) == 1
    assert debian.value(sql) == 1


def test_views(place, tmp_path):
    """A view over two databases: each counts."""
    ask = place.asker
    place.run("ATTACH ? AS d", str(tmp_path / "d.db")).run("CREATE TABLE d.extra(id INTEGER PRIMARY KEY, h)")
    place.run("CREATE TEMP TABLE hidden(id)")
    place.run("CREATE TEMP VIEW v AS SELECT id, h FROM main.t UNION ALL SELECT id, h FROM d.extra"
              " WHERE id NOT IN (SELECT id FROM hidden)")
    sql = "SELECT id FROM nearest('v', 'h', 0, 1)"
    assert [ask.nearest(sql), ask.nearest(sql)] == [(1, "read"), (1, "cached")]
    place.run("INSERT INTO d.extra VALUES(50, 0)")
    assert [ask.nearest(sql), ask.nearest(sql)] == [(50, "read"), (50, "cached")]
    place.run("INSERT INTO hidden VALUES(50)")
    assert [ask.nearest(sql), ask.nearest(sql)] == [(1, "read"), (1, "cached")]
    place.run("UPDATE t SET id = 60 WHERE id = 1")
    assert ask.nearest(sql) == (60, "read")
    place.run("DROP VIEW v").run("CREATE TEMP VIEW v AS SELECT id, h FROM t WHERE id < 50")
    assert ask.nearest(sql) == (2, "read")


def test_changes_elsewhere_do_not_matter(connect, file, tmp_path):
    db = connect(file)
    ask = Asker(db)
    db.run("ATTACH ? AS d", str(tmp_path / "d.db")).run("CREATE TABLE d.x(y)").run("CREATE TEMP TABLE z(y)")
    assert ask.nearest() == (1, "read")
    db.run("INSERT INTO d.x VALUES(1)").run("INSERT INTO z VALUES(1)")
    assert ask.nearest() == (1, "cached")


@pytest.mark.parametrize("view, kept", [
    ("SELECT id, h FROM t WHERE hash_int(h) <> 0 AND abs(id) < 100 AND id IN (SELECT max(id) FROM t GROUP BY h)", True),
    ("SELECT id, h FROM t WHERE random() IS NOT NULL", False),
    ("SELECT id, h FROM t WHERE date('now') > '2000-01-01'", False),
    ("SELECT id, h FROM t WHERE CURRENT_TIMESTAMP > '2000-01-01'", False),
    ("SELECT id, h FROM t WHERE changes() >= 0", False),
    ("SELECT id, h FROM t WHERE mine(id)", False),
    ("SELECT id, h FROM t WHERE id IN (SELECT value FROM json_each('[1,2,3]'))", False),
    ("SELECT id, h FROM t WHERE id IN (SELECT id_b FROM similar_pairs('t', 'h', 9)) OR id = 1", False)])
def test_views_that_depend_on_more_than_tables(debian, view, kept):
    debian.table("t", [1, 3, 7]).raw.create_function("mine", 1, lambda _: 1)
    debian.run(f"CREATE TEMP VIEW v AS {view}")
    ask = Asker(debian)
    sql = "SELECT id FROM nearest('v', 'h', 0, 1)"
    assert [ask.nearest(sql), ask.nearest(sql)] == [(1, "read"), (1, "cached" if kept else "read")]


def test_virtual_tables_are_read_each_time(db):
    db.run("CREATE VIRTUAL TABLE words USING fts4(h)").run("INSERT INTO words(docid, h) VALUES(1, 'ff'), (2, '01')")
    ask = Asker(db)
    sql = "SELECT id FROM nearest('words', 'h', '00', 1)"
    assert [ask.nearest(sql), ask.nearest(sql)] == [(2, "read"), (2, "read")]


def test_permission_is_asked_for_each_time(place):
    ask = place.asker
    assert ask.nearest() == (1, "read")
    place.authorize(lambda action, first, second, *_: 1 if action == 20 and (first, second) == ("t", "h") else 0)
    assert "prohibited" in place.error(FIRST)
    place.authorize(None)
    assert ask.nearest() == (1, "cached")


def test_an_authorizer_without_pragmas_means_no_cache(place):
    ask = place.asker
    place.authorize(lambda action, *_: 1 if action == 19 else 0)
    assert [ask.nearest(), ask.nearest()] == [(1, "read"), (1, "read")]
    place.authorize(None)


def test_memory_limit(db):
    """Three columns of 320 KB in a limit of 700 KB: the one used longest ago goes."""
    for name in "abc":
        db.table(name, oracle.sample("uniform", 20_000, 64, seed=name))
    ask = Asker(db)

    def source(name):
        return ask.nearest("SELECT id FROM nearest(?, 'h', 0, 1)", name)[1]

    db.run("SELECT dupgpu_config('memory_limit_gb', ?)", 700_000 / 2**30)
    assert [source(name) for name in "abab"] == ["read", "read", "cached", "cached"]
    assert [source(name) for name in "cba"] == ["read", "cached", "read"]
    db.run("SELECT dupgpu_config('memory_limit_gb', ?)", 1000 / 2**30)
    assert [source(name) for name in "ccc"] == ["read"] * 3
    db.run("SELECT dupgpu_config('memory_limit_gb', 0)")
    assert [source(name) for name in "abcabc"] == ["read"] * 3 + ["cached"] * 3


def test_text_keys_count_for_the_limit(db):
    db.run("CREATE TABLE t(id TEXT PRIMARY KEY, h) WITHOUT ROWID")
    db.run("WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM c WHERE i < 1000)"
           " INSERT INTO t SELECT printf('%0500d', i), i FROM c")
    ask = Asker(db)
    sql = "SELECT 1 FROM nearest('t', 'h', 0, 1)"
    for limit, source in ((400_000, "read"), (700_000, "cached")):
        db.run("SELECT dupgpu_config('memory_limit_gb', ?)", limit / 2**30)
        assert [ask.nearest(sql), ask.nearest(sql)] == [(1, "read"), (1, source)]


def test_a_column_in_use_survives_its_eviction(db):
    hashes = oracle.sample("uniform", 5000, 64)
    db.table("t", hashes).table("u", hashes[::-1])
    db.run("SELECT dupgpu_config('memory_limit_gb', ?)", 100_000 / 2**30)
    rows = db.cursor("SELECT id_left, distance FROM nearest_join('t', 'h', 't', 'h', 1)")
    first = [next(rows) for _ in range(100)]
    db.run("SELECT * FROM nearest('u', 'h', 0, 1)").run("UPDATE t SET h = 0").run("SELECT * FROM nearest('t', 'h', 0, 1)")
    assert first + list(rows) == [(key, 0) for key in range(1, 5001)]


def test_settings_apply_to_kept_columns(db):
    db.table("t", oracle.sample("uniform", 2000, 64))
    ask = Asker(db)
    key = ask.nearest()[0]
    for threads in (1, 3):
        db.run("SELECT dupgpu_config('threads', ?)", threads)
        assert ask.nearest() == (key, "cached")
    db.run("SELECT dupgpu_config('backend', 'cuda'), dupgpu_config('fallback', 0), dupgpu_config('enabled', 0)")
    for _ in range(2):
        db.error(FIRST)
    db.run("SELECT dupgpu_config('backend', 'auto'), dupgpu_config('enabled', 1)")
    assert ask.nearest() == (key, "cached")


def test_connections_close(connect, file):
    """Nothing that is kept holds a connection open, or its database locked."""
    for _ in range(20):
        db = connect(file)
        db.value(FIRST)
        db.close()
        other = sqlite3.connect(file, timeout=0)
        other.execute("BEGIN EXCLUSIVE")
        other.close()
    assert connect(file).value(FIRST) == 1
