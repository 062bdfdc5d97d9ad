"""distance_histogram: equal to counting all pairs in numpy."""

import collections
import os

import oracle
import pytest

HISTOGRAM = "SELECT distance, pairs FROM distance_histogram('t', 'h')"


def expected(hashes, bits):
    counts = collections.Counter(oracle.pairs(hashes, bits).values())
    return [(distance, counts[distance]) for distance in range(bits + 1)]


@pytest.mark.parametrize("bits", [8, 64, 72, 256])
@pytest.mark.parametrize("shape", oracle.SHAPES)
def test_equals_brute_force(db, shape, bits):
    hashes = oracle.sample(shape, 400, bits)
    hashes[5] = None
    db.table("t", hashes)
    for threads in (1, 2):
        db.run("SELECT dupgpu_config('threads', ?)", threads)
        assert db.rows(HISTOGRAM) == expected(hashes, bits)


def test_few_rows(db):
    db.table("t", [])
    assert db.rows(HISTOGRAM) == []
    db.run("INSERT INTO t VALUES(1, NULL)")
    assert db.rows(HISTOGRAM) == []
    db.run("INSERT INTO t VALUES(2, 'ff')")
    assert db.rows(HISTOGRAM) == [(distance, 0) for distance in range(9)]
    db.run("INSERT INTO t VALUES(3, 'fe')")
    assert db.rows(HISTOGRAM + " WHERE pairs > 0") == [(1, 1)]


def test_many_equal_rows(db):
    db.table("t", [7] * 200_000)
    assert db.rows(HISTOGRAM + " WHERE pairs") == [(0, 200_000 * 199_999 // 2)]


def test_conditions_order_and_joins(db):
    hashes = oracle.sample("planted", 300, 64)
    db.table("t", hashes)
    rows = expected(hashes, 64)
    assert db.rows(HISTOGRAM + " WHERE distance <= 6") == rows[:7]
    assert db.rows(HISTOGRAM + " WHERE distance = 3") == [rows[3]]
    assert "ORDER BY" not in db.plan(HISTOGRAM + " ORDER BY distance")
    assert db.rows(HISTOGRAM + " ORDER BY distance DESC") == rows[::-1]
    assert db.rows("SELECT distance, sum(pairs) OVER (ORDER BY distance) FROM distance_histogram('t', 'h') LIMIT 3") == [
        (d, sum(pairs for _, pairs in rows[:d + 1])) for d in range(3)]
    operations = db.value("SELECT count(*) FROM dupgpu_stats")
    assert db.rows("SELECT t.id, pairs FROM t, distance_histogram('t', 'h') AS d ON d.distance = t.id ORDER BY 1") == \
        rows[1:]
    assert db.value("SELECT count(*) FROM dupgpu_stats") == operations + 1


def test_statistics(db):
    db.table("t", oracle.sample("uniform", 200, 64)).run(HISTOGRAM).run(HISTOGRAM)
    assert db.rows("SELECT op, backend, rows, candidates, results, source FROM dupgpu_stats") == [
        ("distance_histogram", os.environ.get("DUPGPU_BACKEND", "cpu"), 200, 19900, 65, source) for source in ("read", "cached")]


def test_uncommitted_rows_are_seen(db):
    db.table("t", [1, 2]).run("BEGIN").run("INSERT INTO t VALUES(3, 3)")
    assert db.value("SELECT sum(pairs) FROM distance_histogram('t', 'h')") == 3
    db.run("ROLLBACK")
    assert db.value("SELECT sum(pairs) FROM distance_histogram('t', 'h')") == 1


def test_named_table_schema_and_id_column(db):
    db.table("t", [1, 2, 3])
    db.run("CREATE VIRTUAL TABLE counts USING distance_histogram(t, h)")
    assert db.rows("SELECT * FROM counts WHERE pairs") == [(1, 2), (2, 1)]
    db.run("CREATE VIEW v AS SELECT id AS k, h FROM t")
    assert db.value("SELECT sum(pairs) FROM distance_histogram('v', 'h') WHERE id_column = 'k'") == 3
    assert "id_column" in db.error("SELECT * FROM distance_histogram('v', 'h')")
    assert db.value("SELECT sum(pairs) FROM distance_histogram('t', 'h') WHERE schema = 'main'") == 3


def test_unfit_sources(db):
    db.table("t", [1, 2])
    assert "distance_histogram" in db.error("SELECT * FROM distance_histogram('nowhere', 'h')")
    assert "no such column" in db.error("SELECT * FROM distance_histogram('t', 'nope')")
    assert "column is missing" in db.error("SELECT * FROM distance_histogram('t')")
    assert "row 3" in db.run("INSERT INTO t VALUES(3, 'ff')").error(HISTOGRAM)
    db.run("CREATE VIEW loop AS SELECT distance AS id, hash_blob(pairs) AS h FROM distance_histogram('loop', 'h')")
    assert "loop" in db.error("SELECT * FROM distance_histogram('loop', 'h')")


def test_plan_is_in_words(db):
    assert "all pairs of t.h counted" in db.table("t", [1]).plan(HISTOGRAM)
