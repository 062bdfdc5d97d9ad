"""nearest_join: equal to brute force, in order, over one table and two, and as part of larger queries."""

import oracle
import pytest

JOIN = "SELECT * FROM nearest_join('a', 'h', 'b', 'h', ?)"
SELF = "SELECT * FROM nearest_join('a', 'h', 'a', 'h', ?)"


def expected(left, right, k, limit=10**6):
    """[(id_left, id_right, distance, rank)]; ids count from 1, None is skipped."""
    rows = []
    for a, value in enumerate(left, 1):
        if value is not None:
            found = sorted((oracle.hamming(value, other), b) for b, other in enumerate(right, 1) if other is not None)
            rows += [(a, b, distance, rank) for rank, (distance, b) in enumerate(found[:k], 1) if distance <= limit]
    return rows


@pytest.fixture
def two(db):
    db.left = oracle.sample("planted", 150, 64, seed=1)
    db.right = db.left[:40] + oracle.sample("planted", 110, 64, seed=2)
    db.left[7] = db.right[9] = None
    return db.table("a", db.left).table("b", db.right)


@pytest.mark.parametrize("bits", [8, 64, 136, 512])
@pytest.mark.parametrize("shape", oracle.SHAPES)
def test_equals_brute_force(db, shape, bits):
    left, right = oracle.sample(shape, 90, bits), oracle.sample(shape, 130, bits, seed=2)
    db.table("a", left).table("b", right)
    for k in (1, 3, 130, 131, 2**63 - 1):
        assert db.rows(JOIN, k) == expected(left, right, k)
    assert db.rows(SELF, 4) == expected(left, left, 4)


def test_batches_threads_and_memory_do_not_matter(db):
    """More rows than a first batch, answers larger than a batch's bound."""
    left = oracle.sample("planted", 1000, 64)
    db.table("a", left)
    for k in (2, 600):
        answer = expected(left, left, k)
        for threads in (1, 3):
            for gigabytes in (0, 0.00001):
                db.run("SELECT dupgpu_config('threads', ?), dupgpu_config('memory_limit_gb', ?)", threads, gigabytes)
                assert db.rows(SELF, k) == answer


def test_answers_larger_than_a_batch(db):
    """k answers of a row fill the bound of a batch many times."""
    count = 6000
    db.table("a", oracle.sample("uniform", count, 64))
    sql = "SELECT count(*), sum(rank), max(rank), sum(id_right) FROM nearest_join('a', 'h', 'a', 'h', 1000000)"
    total = count * count * (count + 1) // 2
    assert db.row(sql) == (count * count, total, count, total)
    assert db.value("SELECT batches FROM dupgpu_stats ORDER BY rowid DESC LIMIT 1") >= count * count * 8 >> 24


def test_without_itself(two):
    """README's way to leave a row's own hash out."""
    rows = [(a, b, d) for a, b, d, _ in expected(two.left, two.left, 3) if a != b]
    assert two.rows("SELECT id_left, id_right, distance FROM nearest_join('a', 'h', 'a', 'h', 3)"
                    " WHERE id_left <> id_right") == rows


@pytest.mark.parametrize("condition, keep", [
    ("distance <= 20", lambda d: d <= 20), ("distance < 20", lambda d: d < 20), ("distance = 20", lambda d: d == 20),
    ("distance = 0", lambda d: d == 0), ("distance <= -1", lambda d: False), ("distance < NULL", lambda d: False),
    ("distance > 20", lambda d: d > 20), ("distance <= 20 AND distance <> 0", lambda d: 0 < d <= 20)])
def test_conditions_on_the_distance(two, condition, keep):
    for k in (1, 10, 200):
        rows = [row for row in expected(two.left, two.right, k) if keep(row[2])]
        assert two.rows(f"{JOIN} WHERE {condition}", k) == rows


def test_one_row_of_left(two):
    answer = expected(two.left, two.right, 6)
    for key in (1, 8, 77, 150, 151, 77.0, "77", 77.5, None, "x"):
        try:
            number = float(key)
        except (TypeError, ValueError):
            number = None
        rows = [row for row in answer if row[0] == number]
        assert two.rows(f"{JOIN} WHERE id_left = ?", 6, key) == (rows if not isinstance(key, str) else [])
    assert two.rows(f"{JOIN} WHERE id_left = 3 AND rank = 1", 6) == [answer[12]]
    before = two.value("SELECT count(*) FROM dupgpu_stats")
    two.run(f"{JOIN} WHERE id_left = 5", 2)
    assert two.value("SELECT candidates FROM dupgpu_stats ORDER BY rowid DESC LIMIT 1") == 149
    assert two.value("SELECT count(*) FROM dupgpu_stats") == before + 1


def test_keys_that_are_not_unique(db):
    db.run("CREATE TABLE a(name, h)").run("INSERT INTO a VALUES('x', 1), ('y', 2), ('x', 4)")
    db.run("CREATE TABLE b(id INTEGER PRIMARY KEY, h)").run("INSERT INTO b VALUES(5, 1), (6, 4)")
    sql = ("SELECT id_left, id_right, distance FROM nearest_join('a', 'h', 'b', 'h', 1)"
           " WHERE left_id_column = 'name'")
    rows = [("x", 5, 0), ("x", 6, 0), ("y", 5, 2)]
    assert db.rows(sql) == rows
    assert db.rows(sql + " AND id_left = 'x'") == rows[:2]


def test_order(two):
    answer = expected(two.left, two.right, 3)
    assert "ORDER BY" not in two.plan(f"{JOIN} ORDER BY id_left", 3)
    assert two.rows(f"{JOIN} ORDER BY id_left", 3) == answer
    assert two.rows(f"{JOIN} ORDER BY id_left, rank", 3) == answer
    assert two.rows(f"{JOIN} ORDER BY id_left DESC, rank", 3) == sorted(answer, key=lambda r: (-r[0], r[3]))
    assert two.rows(f"{JOIN} ORDER BY distance, id_left, id_right", 3) == sorted(answer, key=lambda r: (r[2], *r))


def test_limit_stops_early(db):
    db.table("a", oracle.sample("uniform", 3000, 64))
    assert len(db.rows(SELF + " LIMIT 4", 2)) == 4
    assert db.value("SELECT candidates FROM dupgpu_stats ORDER BY rowid DESC LIMIT 1") < 3000 * 200


def searches(db):
    return db.value("SELECT count(*) FROM dupgpu_stats WHERE op = 'nearest_join'")


def test_a_join_searches_once(two):
    answer = expected(two.left, two.right, 2)
    for words in (None, "1 1", "1000000 1"):
        if words:
            two.run("ANALYZE").run("DELETE FROM sqlite_stat1").run("INSERT INTO sqlite_stat1 VALUES('a', NULL, ?)", words)
            two.run("ANALYZE sqlite_schema")
        before = searches(two)
        rows = two.rows("SELECT a.id, j.id_right, j.distance, j.rank FROM a JOIN nearest_join('a', 'h', 'b', 'h', 2) AS j"
                        " ON j.id_left = a.id ORDER BY 1, 4")
        assert rows == answer and searches(two) == before + 1
    assert two.value("SELECT count(*) FROM a WHERE id IN (SELECT id_left FROM nearest_join('a', 'h', 'b', 'h', 1)"
                     " WHERE distance = 0)") == sum(d == 0 for *_, d, _ in expected(two.left, two.right, 1))
    before = searches(two)
    assert two.value("SELECT count(*) FROM a WHERE EXISTS (SELECT 1 FROM nearest_join('a', 'h', 'b', 'h', 1)"
                     " WHERE id_left = a.id AND distance = 0)") == 38
    assert searches(two) == before + 1


def test_columns_are_read_once(two):
    def sources():
        return two.column("SELECT source FROM dupgpu_stats WHERE op = 'nearest_join'")

    two.run(SELF, 2).run(SELF, 3).run(JOIN, 2).run(JOIN, 2)
    assert sources() == ["read", "cached", "read", "cached"]


def test_a_column_with_itself_is_read_once_also_where_it_is_not_kept(db):
    """Read twice, a view over random() would differ from itself."""
    db.table("t", [1] * 50)
    db.run("CREATE VIEW v AS SELECT id, hash_blob(random()) AS h FROM t")
    rows = db.rows("SELECT id_left, id_right, distance FROM nearest_join('v', 'h', 'v', 'h', 1)")
    assert rows == [(row, row, 0) for row in range(1, 51)]


def test_schemas_and_ids(two, tmp_path):
    two.run("ATTACH ? AS other", str(tmp_path / "other.db")).run("CREATE TABLE other.b AS SELECT id + 500 AS k, h FROM b")
    rows = two.rows(JOIN + " WHERE right_schema = 'other' AND right_id_column = 'k' AND left_schema = 'main'", 2)
    assert rows == [(a, b + 500, d, r) for a, b, d, r in expected(two.left, two.right, 2)]
    two.run("CREATE TEMP VIEW some AS SELECT id, h FROM a WHERE id > 140")
    assert two.rows("SELECT * FROM nearest_join('some', 'h', 'b', 'h', 2)") == [
        row for row in expected(two.left, two.right, 2) if row[0] > 140]


def test_empty_sides(two):
    two.table("none", []).table("nulls", [None])
    for left, right in (("a", "none"), ("none", "a"), ("nulls", "nulls"), ("none", "nulls")):
        assert two.rows("SELECT * FROM nearest_join(?, 'h', ?, 'h', 3)", left, right) == []


def test_named_table(two):
    two.run("CREATE VIRTUAL TABLE twins USING nearest_join(a, h, b, h, 2)")
    assert two.rows("SELECT * FROM twins") == expected(two.left, two.right, 2)


def test_unfit_arguments(two):
    two.table("wide", oracle.sample("uniform", 3, 128))
    text = two.error("SELECT * FROM nearest_join('a', 'h', 'wide', 'h', 3)")
    assert text == "nearest_join: a.h has hashes of 64 bits, wide.h of 128"
    for k in (0, -1, 1.5, "x", None, -2**63):
        assert "nearest_join: k is" in two.error(JOIN, k)
    assert "no such table" in two.error("SELECT * FROM nearest_join('a', 'h', 'nowhere', 'h', 3)")
    assert "no such column" in two.error("SELECT * FROM nearest_join('a', 'nope', 'b', 'h', 3)")
    assert "right_column is missing" in two.error("SELECT * FROM nearest_join('a', 'h', 'b')")
    two.run("CREATE VIEW loop AS SELECT id_left AS id, hash_blob(distance) AS h"
            " FROM nearest_join('loop', 'h', 'loop', 'h', 3)")
    assert "loop" in two.error("SELECT * FROM nearest_join('loop', 'h', 'loop', 'h', 3)")


def test_written_while_rows_are_pending(two):
    rows = two.cursor(SELF, 1)
    first = next(rows)
    two.run("UPDATE a SET h = zeroblob(8)").run("DELETE FROM a WHERE id > 3")
    assert [first, *rows] == expected(two.left, two.left, 1)


def test_plan_is_in_words(two):
    plan = two.plan("SELECT * FROM nearest_join('a', 'h', 'b', 'h', 7) WHERE distance < 5 AND id_left = 3")
    assert "7 nearest in b.h for one row of a.h and distance < 5" in plan
    assert "for each row of a.h" in two.plan(JOIN, 7)
