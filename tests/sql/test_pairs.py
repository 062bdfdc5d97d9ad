"""similar_pairs against brute force: every shape, width, threshold, form, plan and number of threads."""

import os
import struct

import oracle
import pytest

WIDTHS = (8, 16, 24, 40, 64, 72, 128, 256, 512, 1024)


def search(db, threshold, table="t", column="h", where=""):
    rows = db.rows(f"SELECT id_a, id_b, distance, similarity FROM similar_pairs(?, ?, ?) {where}", table, column,
                   threshold)
    found = {(a, b): distance for a, b, distance, _ in rows}
    assert len(found) == len(rows), "a pair came twice"
    return rows, found


def thresholds(bits):
    few = [t for t in (0, 1, 2, 3, 5, 8, 10, 16, 31) if t <= bits]
    return sorted({*few, bits // 2, bits - 1, bits, bits + 1})


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("shape", oracle.SHAPES)
def test_exact(db, shape, bits):
    rows = 150 if bits <= 128 else 80
    column = oracle.sample(shape, rows, bits)
    db.table("t", column)
    expected = oracle.pairs(column, bits)
    for threshold in thresholds(bits):
        got, found = search(db, threshold)
        assert found == {pair: d for pair, d in expected.items() if d <= threshold}, (shape, bits, threshold)
        assert all(a < b and similarity == 1 - d / bits for a, b, d, similarity in got)


@pytest.mark.parametrize("plan", ["auto", "brute", "multi_index"])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("bits", [8, 64, 128, 256])
def test_exact_under_every_plan(debian, plan, threads, bits):
    debian.run("SELECT dupgpu_config('plan', ?)", plan)
    debian.run("SELECT dupgpu_config('threads', ?)", threads)
    for shape in oracle.SHAPES:
        column = oracle.sample(shape, 150 if bits == 8 or shape == "equal" else 400, bits, seed=3)
        debian.table("t", column)
        expected = oracle.pairs(column, 12)
        for threshold in (0, 1, 2, 3, 4, 5, 7, 12):
            _, found = search(debian, threshold)
            assert found == {pair: d for pair, d in expected.items() if d <= threshold}, (shape, threshold)
        debian.run("DROP TABLE t")


@pytest.mark.parametrize("plan", ["brute", "multi_index"])
def test_several_tiles(debian, plan):
    """Sizes at and around the sizes of tiles; 10,000 planted rows."""
    debian.run("SELECT dupgpu_config('plan', ?)", plan)
    for rows in (0, 1, 2, 63, 64, 65, 255, 256, 257, 4095, 4097, 10000):
        column = oracle.sample("planted", rows, 64, seed=4)
        debian.run("DROP TABLE IF EXISTS t").table("t", column)
        expected = oracle.pairs(column, 6)
        for threshold in (0, 3, 6):
            _, found = search(debian, threshold)
            assert found == {pair: d for pair, d in expected.items() if d <= threshold}, (rows, threshold)


def test_one_row_and_none(db):
    db.table("empty", []).table("one", [7]).table("nulls", [None, None])
    for table in ("empty", "one", "nulls"):
        assert search(db, 64, table)[0] == []


@pytest.mark.parametrize("shape", ["planted", "phash", "clustered"])
def test_the_three_forms(db, shape):
    column = oracle.sample(shape, 400, 64, seed=5)
    expected = oracle.pairs(column, 7)
    for form in (bytes, oracle.as_integer, bytes.hex, lambda value: value.hex().upper()):
        db.run("DROP TABLE IF EXISTS t").table("t", [form(value) for value in column])
        assert search(db, 7)[1] == expected


def test_upper_and_lower_case_mix(db):
    column = oracle.sample("planted", 300, 64, seed=5)
    db.table("t", [value.hex().upper() if row % 2 else value.hex() for row, value in enumerate(column)])
    assert search(db, 7)[1] == oracle.pairs(column, 7)


@pytest.mark.parametrize("bits", [8, 64, 256])
def test_text_columns(db, bits):
    column = oracle.sample("planted", 300, bits, seed=6)
    db.table("t", [value.hex() for value in column])
    assert search(db, 5)[1] == oracle.pairs(column, 5)


def test_null_rows_are_skipped(db):
    column = oracle.sample("planted", 300, 64, seed=7)
    column = [None if row % 7 == 0 else value for row, value in enumerate(column)]
    db.table("t", column)
    assert search(db, 6)[1] == oracle.pairs(column, 6)


def test_all_equal(db):
    db.table("t", [42] * 500)
    for threshold in (0, 1, 64):
        rows, found = search(db, threshold)
        assert len(found) == 500 * 499 // 2 and set(found.values()) == {0}
        assert all(row[3] == 1.0 for row in rows)


def test_every_pair_when_the_threshold_is_the_width(db):
    column = oracle.sample("uniform", 200, 16)
    db.table("t", column)
    for threshold in (16, 17, 1000, 2**31, 2**40):
        assert search(db, threshold)[1] == oracle.pairs(column, 16)


@pytest.mark.parametrize("plan", ["brute", "multi_index"])
@pytest.mark.parametrize("shape, rows, threshold", [("uniform", 3000, 14), ("planted", 3000, 8), ("phash", 3000, 8),
                                                    ("clustered", 600, 8), ("subcube", 600, 4), ("equal", 300, 2)])
def test_same_order_whatever_the_threads(debian, plan, shape, rows, threshold):
    debian.table("t", oracle.sample(shape, rows, 64, seed=8))
    debian.run("SELECT dupgpu_config('plan', ?)", plan)
    orders = []
    for threads in (1, 2, 3, 1):
        debian.run("SELECT dupgpu_config('threads', ?)", threads)
        orders.append(debian.rows("SELECT id_a, id_b, distance FROM similar_pairs('t', 'h', ?)", threshold))
    assert orders[0] and orders.count(orders[0]) == len(orders)


@pytest.mark.parametrize("plan", ["brute", "multi_index"])
def test_plan_is_reported(db, plan):
    db.table("t", oracle.sample("planted", 2000, 64))
    db.run("SELECT dupgpu_config('plan', ?)", plan)
    db.run("SELECT count(*) FROM similar_pairs('t', 'h', 3)")
    reported = db.value("SELECT plan FROM dupgpu_stats WHERE op = 'similar_pairs'")
    assert plan.replace("_", " ") in reported.replace("_", " ").replace("-", " "), reported


def test_stats_tell_what_happened(db):
    column = oracle.sample("planted", 2000, 64, seed=9)
    db.table("t", column + [None])
    count = db.value("SELECT count(*) FROM similar_pairs('t', 'h', 5)")
    op, backend, device, rows, results, seconds, size, fallback = db.row(
        "SELECT op, backend, device, rows, results, seconds, bytes, fallback FROM dupgpu_stats"
        " WHERE op = 'similar_pairs'")
    assert (op, backend, rows, results) == ("similar_pairs", os.environ.get("DUPGPU_BACKEND", "cpu"), 2000, count)
    assert device and 0 <= seconds < 60 and size >= 16000 and not fallback


def test_distance_is_pushed_down(db):
    column = oracle.sample("planted", 1000, 64, seed=10)
    db.table("t", column)
    everything = oracle.pairs(column, 20)
    for condition, keep in (("distance <= 4", lambda d: d <= 4), ("distance < 4", lambda d: d < 4),
                            ("distance = 4", lambda d: d == 4), ("distance = 0", lambda d: d == 0),
                            ("distance <= 6.5", lambda d: d <= 6), ("distance < 6.5", lambda d: d <= 6),
                            ("distance = 6.5", lambda d: False), ("distance <= '6'", lambda d: d <= 6),
                            ("distance <= 1e300", lambda d: True), ("distance < -1", lambda d: False),
                            ("distance <= -1e300", lambda d: False), ("distance <= NULL", lambda d: False),
                            ("distance <= 2 AND distance < 9", lambda d: d <= 2),
                            ("distance = 3 AND distance <= 2", lambda d: False),
                            ("distance > 3", lambda d: d > 3), ("distance BETWEEN 2 AND 5", lambda d: 2 <= d <= 5),
                            ("distance <> 2", lambda d: d != 2), ("distance IN (1, 5)", lambda d: d in (1, 5)),
                            ("4 >= distance", lambda d: d <= 4), ("similarity >= 0.95", lambda d: 1 - d / 64 >= .95),
                            ("distance <= 9223372036854775807", lambda d: True), ("distance IS NULL", lambda d: False)):
        found = search(db, 20, where=f"WHERE {condition}")[1]
        if condition == "distance <= '6'":
            # As SQLite compares an INTEGER column with TEXT that looks like a number, or as it does without affinity.
            assert found in ({p: d for p, d in everything.items() if d <= 6}, everything)
        else:
            assert found == {pair: d for pair, d in everything.items() if keep(d)}, condition


def test_push_down_lowers_the_work(db):
    """`distance <= 2` of a wide search costs what the narrow search costs."""
    db.table("t", oracle.sample("uniform", 6000, 64, seed=11))
    db.run("SELECT dupgpu_config('plan', 'multi_index')")
    candidates = []
    for question in ("similar_pairs('t', 'h', 2)", "similar_pairs('t', 'h', 30) WHERE distance <= 2"):
        db.run(f"SELECT count(*) FROM {question}")
        candidates.append(db.column("SELECT candidates FROM dupgpu_stats WHERE op = 'similar_pairs'"))
    assert {candidates[0][0]} <= set(candidates[1]) and len(set(candidates[1])) == 1


def test_limit_stops_early(db):
    """100,000 equal hashes are 5e9 pairs: only a search that stops can answer."""
    db.run("CREATE TABLE t(id INTEGER PRIMARY KEY, h)")
    db.run("WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) INSERT INTO t SELECT i, 42 FROM n")
    assert len(db.rows("SELECT * FROM similar_pairs('t', 'h', 0) LIMIT 1000")) == 1000
    rows = db.rows("SELECT id_a, id_b, distance FROM similar_pairs('t', 'h', 5) LIMIT 10 OFFSET 100000")
    assert len(set(rows)) == 10 and {row[2] for row in rows} == {0}
    cursor = db.cursor("SELECT * FROM similar_pairs('t', 'h', 64)")
    assert [next(cursor)[2] for _ in range(5)] == [0] * 5
    cursor.close()


def test_limit_with_other_conditions_loses_nothing(db):
    column = oracle.sample("clustered", 300, 64, seed=12)
    db.table("t", column)
    expected = oracle.pairs(column, 6)
    odd = {pair: d for pair, d in expected.items() if pair[0] % 2 and d > 1}
    for limit in (1, 7, len(odd), len(odd) + 5):
        rows = db.rows("SELECT id_a, id_b, distance FROM similar_pairs('t', 'h', 6)"
                       " WHERE id_a % 2 AND distance > 1 LIMIT ?", limit)
        assert len(rows) == min(limit, len(odd)) and all(odd[a, b] == d for a, b, d in rows)
    ordered = db.rows("SELECT id_a, id_b, distance FROM similar_pairs('t', 'h', 6)"
                      " ORDER BY distance DESC, id_a, id_b LIMIT 5 OFFSET 3")
    assert ordered == sorted(((a, b, d) for (a, b), d in expected.items()),
                             key=lambda row: (-row[2], row[0], row[1]))[3:8]


def test_one_row_against_all(db):
    column = oracle.sample("planted", 2000, 64, seed=13)
    db.table("t", column)
    expected = oracle.pairs(column, 10)
    for row in (1, 17, 1500, 2000):
        for side in (0, 1):
            name = ("id_a", "id_b")[side]
            found = search(db, 10, where=f"WHERE {name} = {row}")[1]
            assert found == {pair: d for pair, d in expected.items() if pair[side] == row}
    some = next(iter(expected))
    assert search(db, 10, where=f"WHERE id_a = {some[0]} AND id_b = {some[1]}")[1] == {some: expected[some]}
    assert search(db, 10, where="WHERE id_a = 99999")[0] == []
    assert search(db, 10, where="WHERE id_a = 'x'")[0] == []
    assert search(db, 10, where="WHERE id_a IS NULL")[0] == []
    wanted = {1, 17, 1500}
    found = search(db, 10, where="WHERE id_a IN (1, 17, 1500)")[1]
    assert found == {pair: d for pair, d in expected.items() if pair[0] in wanted}


def test_100000_equal_hashes_in_one_row_lookup(db):
    db.run("CREATE TABLE t(id INTEGER PRIMARY KEY, h)")
    db.run("WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) INSERT INTO t SELECT i, 42 FROM n")
    assert db.value("SELECT count(*) FROM similar_pairs('t', 'h', 3) WHERE id_a = 1") == 99999
    assert db.value("SELECT count(*) FROM similar_pairs('t', 'h', 3) WHERE id_b = 100000") == 99999


def test_50000_rows_against_a_second_oracle(debian):
    """Two hashes at distance 3 or less agree in one of four 16-bit quarters: compare inside those buckets only."""
    column = oracle.sample("phash", 50000, 64, seed=14)
    debian.table("t", column)
    words = [struct.unpack(">Q", value)[0] for value in column]
    expected = {}
    for shift in (0, 16, 32, 48):
        buckets = {}
        for row, word in enumerate(words, 1):
            buckets.setdefault(word >> shift & 0xFFFF, []).append(row)
        for rows in buckets.values():
            for i, a in enumerate(rows):
                for b in rows[i + 1:]:
                    distance = (words[a - 1] ^ words[b - 1]).bit_count()
                    if distance <= 3:
                        expected[a, b] = distance
    assert search(debian, 3)[1] == expected
