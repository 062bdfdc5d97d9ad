"""similarity_join against brute force: two tables, views, one table twice; plans, one row, errors; and shards of both joins."""

import oracle
import pytest

PLANS = ("auto", "brute", "multi_index")


def expected(left, right, threshold):
    return {(i, j): d for i, a in enumerate(left, 1) for j, b in enumerate(right, 1)
            if (d := oracle.hamming(a, b)) <= threshold}


def search(db, threshold, where="", left="l", right="r"):
    rows = db.rows(f"SELECT id_left, id_right, distance, similarity FROM similarity_join(?, 'h', ?, 'h', ?) {where}", left,
                   right, threshold)
    found = {(a, b): d for a, b, d, _ in rows}
    assert len(found) == len(rows), "a pair came twice"
    return found


@pytest.fixture
def two(db):
    column = oracle.sample("planted", 900, 64, seed=4)
    db.table("l", column[:600]).table("r", column[300:])
    return db, column[:600], column[300:]


@pytest.mark.parametrize("plan", PLANS)
def test_two_tables(two, plan):
    db, left, right = two
    db.run("SELECT dupgpu_config('plan', ?)", plan)
    for threshold in (0, 1, 4, 12):
        assert search(db, threshold) == expected(left, right, threshold)
    # The other way round it is the same, mirrored.
    assert search(db, 4, left="r", right="l") == {(b, a): d for (a, b), d in expected(left, right, 4).items()}


@pytest.mark.parametrize("bits", [8, 40, 128, 256, 1024])
def test_widths(db, bits):
    column = oracle.sample("planted", 300, bits, seed=5)
    db.table("l", column[:200]).table("r", column[100:])
    for threshold in (0, bits // 16, bits):
        assert search(db, threshold) == expected(column[:200], column[100:], threshold)


def test_both_orders_of_size_and_none(db):
    column = oracle.sample("planted", 500, 64, seed=6)
    db.table("l", column[:3]).table("r", column).table("empty", []).table("nulls", [None, None])
    assert search(db, 8) == expected(column[:3], column, 8)
    assert search(db, 8, left="r", right="l") == expected(column, column[:3], 8)
    for other in ("empty", "nulls"):
        assert search(db, 64, right=other) == search(db, 64, left=other, right="r") == {}


def test_a_table_with_itself_and_a_view_of_it(db):
    column = oracle.sample("planted", 200, 64, seed=7)
    db.table("l", column)
    db.run("CREATE TEMP VIEW young AS SELECT id, h FROM l WHERE id > 150")
    assert search(db, 5, right="l") == expected(column, column, 5)
    found = search(db, 5, left="young", right="l")
    assert found == {pair: d for pair, d in expected(column, column, 5).items() if pair[0] > 150}


def test_rows_of_one_id(two):
    db, left, right = two
    whole = expected(left, right, 9)
    some = sorted(whole)[:: len(whole) // 7]
    for a, b in some:
        assert search(db, 9, f"WHERE id_left = {a}") == {pair: d for pair, d in whole.items() if pair[0] == a}
        assert search(db, 9, f"WHERE id_right = {b}") == {pair: d for pair, d in whole.items() if pair[1] == b}
    assert search(db, 9, "WHERE id_left = 99999") == {}


def test_distance_and_limit(two):
    db, left, right = two
    assert search(db, 12, "WHERE distance <= 3") == expected(left, right, 3)
    assert set(search(db, 12, "WHERE distance = 2").values()) == {2}
    assert len(search(db, 12, "LIMIT 5")) == 5


def test_the_search_runs_once(two):
    """As the inner side of a join it does not run for each outer row."""
    db, left, right = two
    db.run("ANALYZE")
    count = db.value("SELECT count(*) FROM l JOIN similarity_join('l', 'h', 'r', 'h', 6) d ON d.id_left = l.id")
    assert count == len(expected(left, right, 6))
    assert db.value("SELECT count(*) FROM dupgpu_stats WHERE op = 'similarity_join'") == 1


def test_named_for_good_and_in_other_schemas(two):
    db, left, right = two
    db.run("CREATE VIRTUAL TABLE between_them USING similarity_join(l, h, r, h, 4)")
    assert db.value("SELECT count(*) FROM between_them") == len(expected(left, right, 4))
    db.run("ATTACH ':memory:' AS other").run("CREATE TABLE other.r(key TEXT PRIMARY KEY, h) WITHOUT ROWID")
    db.run("INSERT INTO other.r SELECT 'k' || id, h FROM r WHERE id < 50")
    rows = db.rows("SELECT id_left, id_right FROM similarity_join('l', 'h', 'r', 'h', 4) WHERE right_schema = 'other'"
                   " AND right_id_column = 'key'")
    assert rows and {(a, int(key[1:])) for a, key in rows} == {p for p in expected(left, right, 4) if p[1] < 50}


@pytest.mark.parametrize("arguments, words", [
    ("'l', 'h', 'r', 'h', -1", "threshold is -1"), ("'l', 'h', 'r', 'h', 1.5", "threshold is 1.5"),
    ("'l', 'h', 'r', 'h', NULL", "threshold is NULL"), ("'l', 'h', 'r', 'h'", "argument threshold is missing"),
    ("'l', 'h', 'nowhere', 'h', 4", "no such table"), ("'l', 'h', 'r', 'g', 4", "no such column"),
    ("'l', 'h', 5, 'h', 4", "right is"), ("'l', 'h', 'wide', 'h', 4", "64 bits"), ("'l', 'id', 'words', 'h', 4", "words"),
    ("'l', 'h', 'r', 'h', 4) WHERE (shard = 0", "shard is given without shards"),
    ("'l', 'h', 'r', 'h', 4) WHERE (shard = 4 AND shards = 4", "0 to 3"),
    ("'l', 'h', 'r', 'h', 4) WHERE (shard = -1 AND shards = 4", "shard is -1"),
    ("'l', 'h', 'r', 'h', 4) WHERE (shard = 0 AND shards = 0", "shards is 0")])
def test_errors(two, arguments, words):
    db, *_ = two
    db.table("wide", [b"0123456789abcdef"]).table("words", ["no hash"])
    text = db.error(f"SELECT * FROM similarity_join({arguments})")
    assert "similarity_join" in text and words in text


@pytest.mark.parametrize("shards", [1, 2, 7, 64])
@pytest.mark.parametrize("plan", PLANS)
def test_shards(two, plan, shards):
    db, left, right = two
    db.run("SELECT dupgpu_config('plan', ?)", plan)
    db.run("INSERT INTO l(h) SELECT h FROM l WHERE id <= 40")  # equal rows too
    for table in ("similarity_join('l', 'h', 'r', 'h', 6)", "similar_pairs('l', 'h', 6)"):
        whole = db.rows(f"SELECT * FROM {table}")
        parts = [db.rows(f"SELECT * FROM {table} WHERE shard = {n} AND shards = {shards}") for n in range(shards)]
        assert sorted(sum(parts, [])) == sorted(whole) and len(whole) > 100
    one = db.value("SELECT min(id_left) FROM similarity_join('l', 'h', 'r', 'h', 6)")
    parts = [db.rows("SELECT id_right FROM similarity_join('l', 'h', 'r', 'h', 6) WHERE shard = ? AND shards = ? AND id_left = ?",
                     n, shards, one) for n in range(shards)]
    assert sorted(sum(parts, [])) == sorted(db.rows(
        "SELECT id_right FROM similarity_join('l', 'h', 'r', 'h', 6) WHERE id_left = ?", one))
