"""nearest: equal to brute force in numpy, in order, for every form of hash and key, and as part of larger queries."""

import numpy
import oracle
import pytest

NEAREST = "SELECT id, distance FROM nearest('t', 'h', ?, ?)"


def expected(hashes, query, k, limit=10**6, ids=None):
    """[(id, distance)] of the k nearest by (distance, id); None is skipped."""
    ids = ids or range(1, len(hashes) + 1)
    found = sorted((oracle.hamming(value, query), key) for key, value in zip(ids, hashes, strict=True)
                   if value is not None)
    return [(key, distance) for distance, key in found[:k] if distance <= limit]


@pytest.mark.parametrize("bits", [8, 64, 72, 256])
@pytest.mark.parametrize("shape", oracle.SHAPES)
def test_equals_brute_force(db, shape, bits):
    hashes = oracle.sample(shape, 700, bits)
    db.table("t", hashes)
    for query in (hashes[5], oracle.sample("uniform", 1, bits, seed=9)[0]):
        everything = expected(hashes, query, 700)
        for k in (1, 2, 10, 699, 700, 701, 2**63 - 1):
            assert db.rows(NEAREST, query, k) == everything[:k]


def test_threads_and_memory_do_not_matter(db):
    hashes = oracle.sample("planted", 5000, 64)
    db.table("t", hashes)
    for threads in (1, 2, 3):
        for gigabytes in (0, 0.00001):
            db.run("SELECT dupgpu_config('threads', ?), dupgpu_config('memory_limit_gb', ?)", threads, gigabytes)
            assert db.rows(NEAREST, hashes[0], 100) == expected(hashes, hashes[0], 100)


def test_forms_of_hashes(db):
    hashes = oracle.sample("planted", 300, 64)
    query = hashes[17]
    answer = expected(hashes, query, 20)
    for stored in (hashes, [value.hex() for value in hashes], [oracle.as_integer(value) for value in hashes]):
        db.run("DROP TABLE IF EXISTS t").table("t", stored)
        for asked in (query, query.hex(), query.hex().upper(), oracle.as_integer(query)):
            assert db.rows(NEAREST, asked, 20) == answer


def test_nulls(db):
    hashes = oracle.sample("uniform", 50, 64)
    hashes[3] = hashes[49] = None
    db.table("t", hashes)
    assert db.rows(NEAREST, hashes[0], 99) == expected(hashes, hashes[0], 99)
    assert db.rows(NEAREST, None, 5) == []
    assert db.value("SELECT count(*) FROM t AS o, nearest('t', 'h', o.h, 1) AS n") == 48


def test_no_rows(db):
    db.table("t", [])
    assert db.rows(NEAREST, "ff", 5) == []
    db.run("INSERT INTO t VALUES(1, NULL)")
    assert db.rows(NEAREST, 7, 5) == []


def test_keys(db):
    hashes = oracle.sample("clustered", 100, 64)
    names = [f"{number * 37 % 100:02}" for number in range(100)]
    db.run("CREATE TABLE t(id TEXT PRIMARY KEY, b BLOB UNIQUE, h) WITHOUT ROWID")
    for name, value in zip(names, hashes, strict=True):
        db.run("INSERT INTO t VALUES(?, ?, ?)", name, name.encode(), value)
    assert db.rows(NEAREST, hashes[0], 30) == expected(hashes, hashes[0], 30, ids=names)
    blobs = [name.encode() for name in names]
    assert db.rows(NEAREST + " WHERE id_column = 'b'", hashes[0], 30) == expected(hashes, hashes[0], 30, ids=blobs)


@pytest.mark.parametrize("condition, keep", [
    ("distance <= 20", lambda d: d <= 20), ("distance < 20", lambda d: d < 20), ("distance = 20", lambda d: d == 20),
    ("distance <= 19.5", lambda d: d <= 19.5), ("distance = 19.5", lambda d: False), ("distance <= -1", lambda d: False),
    ("distance <= '20'", lambda d: d <= 20), ("distance < NULL", lambda d: False), ("distance <= 1e300", lambda d: True),
    ("distance >= 20", lambda d: d >= 20), ("distance <> 20", lambda d: d != 20),
    ("distance IN (18, 20)", lambda d: d in (18, 20)), ("distance BETWEEN 18 AND 20", lambda d: 18 <= d <= 20)])
def test_conditions_on_the_distance(db, condition, keep):
    hashes = oracle.sample("uniform", 2000, 64)
    db.table("t", hashes)
    for k in (5, 100, 2000):
        answer = [row for row in expected(hashes, hashes[0], k) if keep(row[1])]
        assert db.rows(f"{NEAREST} WHERE {condition}", hashes[0], k) == answer


def test_order(db):
    hashes = oracle.sample("clustered", 300, 64)
    db.table("t", hashes)
    rows = expected(hashes, hashes[0], 50)
    for order in ("distance", "distance, id", "distance ASC, id ASC"):
        assert "ORDER BY" not in db.plan(f"{NEAREST} ORDER BY {order}", hashes[0], 50)
        assert db.rows(f"{NEAREST} ORDER BY {order}", hashes[0], 50) == rows
    for order, key in (("id", lambda r: r[0]), ("distance DESC, id", lambda r: (-r[1], r[0])),
                       ("distance, id DESC", lambda r: (r[1], -r[0])), ("id, distance", lambda r: r)):
        assert "ORDER BY" in db.plan(f"{NEAREST} ORDER BY {order}", hashes[0], 50)
        assert db.rows(f"{NEAREST} ORDER BY {order}", hashes[0], 50) == sorted(rows, key=key)
    assert db.rows(f"{NEAREST} ORDER BY distance LIMIT 3 OFFSET 2", hashes[0], 50) == rows[2:5]
    counts = {}
    for _, distance in rows:
        counts[distance] = counts.get(distance, 0) + 1
    sql = "SELECT distance, count(*) FROM nearest('t', 'h', ?, 50) GROUP BY distance"
    assert db.rows(sql, hashes[0]) == sorted(counts.items())
    assert db.column("SELECT DISTINCT distance FROM nearest('t', 'h', ?, 50)", hashes[0]) == sorted(counts)


def test_order_by_text_keys(db):
    hashes = [bytes(8)] * 4
    db.run("CREATE TABLE t(name TEXT PRIMARY KEY, h)")
    for name in "bDaC":
        db.run("INSERT INTO t VALUES(?, zeroblob(8))", name)
    sql = "SELECT id FROM nearest('t', 'h', ?, 9) WHERE id_column = 'name' ORDER BY distance, id"
    assert db.column(sql, hashes[0]) == list("CDab")
    assert db.column(sql + " COLLATE NOCASE", hashes[0]) == list("abCD")


def stats(db, op="nearest"):
    return db.rows("SELECT rows, candidates, results, source FROM dupgpu_stats WHERE op = ?", op)


def test_once_for_each_row_of_an_outer_table(db):
    """One read of the column and one row of statistics, whatever form the loop has."""
    hashes = oracle.sample("uniform", 400, 64)
    db.table("t", hashes)
    answer = [(left, *row) for left in range(1, 401) for row in expected(hashes, hashes[left - 1], 5)]
    assert db.rows("SELECT p.id, n.id, n.distance FROM t AS p, nearest('t', 'h', p.h, 5) AS n") == answer
    assert stats(db) == [(400, 160000, 2000, "read")]
    assert db.column("SELECT (SELECT id FROM nearest('t', 'h', p.h, 2) WHERE id <> p.id LIMIT 1) FROM t AS p") == [
        next(key for key, _ in expected(hashes, value, 2) if key != row) for row, value in enumerate(hashes, 1)]
    assert stats(db)[1] == (400, 160000, 800, "cached")
    assert db.value("SELECT count(*) FROM t AS p LEFT JOIN nearest('t', 'h', p.h, 2) AS n ON n.distance < 0") == 400
    assert len(stats(db)) <= 3


def test_a_constant_search_is_not_repeated(db):
    """Statistics that say the other table is tiny make SQLite loop; the answer is then still there."""
    hashes = oracle.sample("planted", 1700, 64)
    db.table("t", hashes)
    for words in ("1 1", "1000000 1"):
        db.run("ANALYZE").run("DELETE FROM sqlite_stat1")
        db.run("INSERT INTO sqlite_stat1 VALUES('t', NULL, ?)", words).run("ANALYZE sqlite_schema")
        before = len(stats(db))
        sql = "SELECT t.id, distance FROM t JOIN nearest('t', 'h', ?, 7) AS n ON n.id = t.id ORDER BY distance, t.id"
        assert db.rows(sql, hashes[0]) == expected(hashes, hashes[0], 7)
        assert [row[1] for row in stats(db)[before:]] == [1700]


def test_uncommitted_rows_and_savepoints(db):
    db.table("t", [1, 3, 255])
    db.run("BEGIN").run("INSERT INTO t VALUES(9, 0)")
    assert db.column("SELECT id FROM nearest('t', 'h', 0, 1)") == [9]
    db.run("SAVEPOINT s").run("UPDATE t SET h = 15 WHERE id = 9")
    assert db.column("SELECT id FROM nearest('t', 'h', 0, 1)") == [1]
    db.run("ROLLBACK TO s")
    assert db.column("SELECT id FROM nearest('t', 'h', 0, 1)") == [9]
    db.run("ROLLBACK")
    assert db.column("SELECT id FROM nearest('t', 'h', 0, 9)") == [1, 2, 3]


def test_in_writing_statements(db):
    hashes = oracle.sample("planted", 200, 64)
    db.table("t", hashes).run("ALTER TABLE t ADD COLUMN twin")
    db.run("UPDATE t SET twin = (SELECT n.id FROM nearest('t', 'h', t.h, 2) AS n WHERE n.id <> t.id LIMIT 1)")
    twins = [next(key for key, _ in expected(hashes, value, 2) if key != row) for row, value in enumerate(hashes, 1)]
    assert db.column("SELECT twin FROM t ORDER BY id") == twins
    db.run("CREATE TABLE copy AS SELECT p.id AS a, n.id AS b FROM t AS p, nearest('t', 'h', p.h, 3) AS n")
    assert db.value("SELECT count(*) FROM copy") == 600
    db.run("CREATE TABLE found(id)").run(
        "CREATE TRIGGER new AFTER INSERT ON t BEGIN"
        " INSERT INTO found SELECT id FROM nearest('t', 'h', NEW.h, 2) WHERE id <> NEW.id LIMIT 1; END")
    db.run("INSERT INTO t(id, h) VALUES(1000, ?), (1001, ?)", hashes[7], bytes(8))
    assert db.column("SELECT id FROM found")[0] == expected(hashes, hashes[7], 1)[0][0]


def test_named_table(db):
    hashes = oracle.sample("planted", 100, 64)
    db.table("t", hashes)
    db.run(f"CREATE VIRTUAL TABLE near USING nearest(t, h, '{hashes[4].hex()}', 6)")
    assert db.rows("SELECT * FROM near") == expected(hashes, hashes[4], 6)
    assert db.rows("SELECT * FROM near WHERE distance < 5") == expected(hashes, hashes[4], 6, 4)
    for arguments in ("t, h, ff, 0", "t, h, ff", "t, h"):
        assert "nearest" in db.error(f"CREATE VIRTUAL TABLE bad USING nearest({arguments})")
    assert "query" in db.run("CREATE VIRTUAL TABLE odd USING nearest(t, h, xyz, 3)").error("SELECT * FROM odd")


@pytest.mark.parametrize("k", [0, -1, -2**63, 1.5, "many", b"1", None, 1e300])
def test_unfit_k(db, k):
    db.table("t", [1, 2])
    text = db.error(NEAREST, 1, k)
    assert "nearest: k is" in text and "1 or more" in text


@pytest.mark.parametrize("query, words", [
    ("ff", ("8 bits", "t.h has 64")), (bytes(16), ("128 bits", "t.h has 64")), (1.5, ("REAL",)), ("xyz!", ("hex",)),
    (b"", ("0 bytes",)), ("", ("0 characters",))])
def test_unfit_query(db, query, words):
    db.table("t", [1, 2])
    text = db.error(NEAREST, query, 3)
    assert text.startswith("nearest: query ") and all(word in text for word in words), text


def test_unfit_sources(db):
    db.table("t", [1, 2])
    assert "no such table" in db.error("SELECT * FROM nearest('nowhere', 'h', 1, 1)")
    assert "no such column" in db.error("SELECT * FROM nearest('t', 'nope', 1, 1)")
    assert "x.t" in db.error("SELECT * FROM nearest('t', 'h', 1, 1) WHERE schema = 'x'")
    assert "argument k is missing" in db.error("SELECT * FROM nearest('t', 'h', 1)")
    assert "source is INTEGER" in db.error("SELECT * FROM nearest(5, 'h', 1, 1)")
    assert "row 3" in db.run("INSERT INTO t VALUES(3, 'ff')").error("SELECT * FROM nearest('t', 'h', 1, 1)")
    db.run("CREATE VIEW loop AS SELECT id, hash_blob(distance) AS h FROM nearest('loop', 'h', 1, 1)")
    assert "loop" in db.error("SELECT * FROM nearest('loop', 'h', 1, 1)")


def test_plan_is_in_words(db):
    db.table("t", [1, 2])
    plan = db.plan("SELECT * FROM nearest('t', 'h', 1, 7) WHERE distance <= 5")
    assert "7 nearest to the query in t.h and distance <= 5" in plan


def test_large_random_table_against_numpy(debian):
    hashes = oracle.sample("uniform", 30000, 64)
    debian.table("t", hashes)
    table = numpy.frombuffer(b"".join(hashes), dtype=numpy.uint8).reshape(-1, 8)
    for row in (0, 777, 29999):
        distances = oracle.POPCOUNT[table ^ table[row]].sum(axis=1)
        order = numpy.argsort(distances, kind="stable")[:1000]
        assert debian.rows(NEAREST, hashes[row], 1000) == [(int(i) + 1, int(distances[i])) for i in order]
