"""similar_groups: the groups by their definition, arguments and their errors, use in SQL, caching, stopping."""

import os
import threading

import numpy
import oracle
import pytest

METHODS = ("star", "complete", "components")


def groups(hashes, threshold, method):
    """[(group_id, id, distance, representative)] by the definition; ids count from 1, None is skipped."""
    rows = [row for row, value in enumerate(hashes) if value is not None]
    if not rows:
        return []
    matrix = numpy.array([list(hashes[row]) for row in rows], dtype=numpy.uint8)
    distance = [oracle.POPCOUNT[matrix ^ row].sum(axis=1) for row in matrix]
    near = [set(numpy.nonzero(row <= threshold)[0]) for row in distance]
    order = sorted(range(len(rows)), key=lambda row: (-len(near[row]), row))
    found, taken = [], set()
    for leader in order:
        if leader in taken:
            continue
        members = [leader]
        for row in order if method != "components" else ():
            fits = row in near[leader] if method == "star" else all(row in near[member] for member in members)
            if row not in taken and row != leader and fits:
                members.append(row)
        if method == "components":
            for member in members:
                members += near[member].difference(members)
        taken.update(members)
        found.append((leader, sorted(members)))
    kept = sorted((members, leader) for leader, members in found if len(members) > 1)
    return [(number, rows[member] + 1, int(distance[leader][member]), rows[leader] + 1)
            for number, (members, leader) in enumerate(kept, 1) for member in members]


def search(db, threshold, *method, table="t", column="h"):
    marks = ", ?" * len(method)
    return db.rows(f"SELECT group_id, id, distance, representative FROM similar_groups(?, ?, ?{marks})", table, column,
                   threshold, *method)


def searches(db):
    return db.value("SELECT count(*) FROM dupgpu_stats WHERE op = 'similar_groups'")


@pytest.mark.parametrize("bits", (8, 24, 64, 128, 256))
@pytest.mark.parametrize("shape", oracle.SHAPES)
def test_exact(db, shape, bits):
    column = oracle.sample(shape, 150, bits)
    column[3] = column[70] = None
    db.table("t", column)
    for threshold in (0, 1, 2, 5, 8, bits - 1, bits, bits + 1):
        for method in METHODS:
            assert search(db, threshold, method) == groups(column, threshold, method), (threshold, method)
        assert search(db, threshold) == groups(column, threshold, "star")


@pytest.mark.parametrize("plan", ["brute", "multi_index"])
@pytest.mark.parametrize("threads", [1, 2])
def test_exact_under_every_plan(debian, plan, threads):
    debian.run("SELECT dupgpu_config('plan', ?), dupgpu_config('threads', ?)", plan, threads)
    for shape in oracle.SHAPES:
        column = oracle.sample(shape, 700, 64, seed=8)
        debian.run("DROP TABLE IF EXISTS t").table("t", column)
        for threshold in (0, 1, 3, 6):
            for method in METHODS:
                assert search(debian, threshold, method) == groups(column, threshold, method), (shape, threshold)


def test_the_three_forms(db):
    column = oracle.sample("phash", 300, 64, seed=5)
    for form in (bytes, oracle.as_integer, bytes.hex, lambda value: value.hex().upper()):
        db.run("DROP TABLE IF EXISTS t").table("t", [form(value) for value in column])
        assert search(db, 6, "complete") == groups(column, 6, "complete")


def test_no_rows_no_groups(db):
    db.table("empty", []).table("one", [7]).table("nulls", [None, None]).table("apart", [0, -1])
    for table in ("empty", "one", "nulls", "apart"):
        for method in METHODS:
            assert search(db, 5, method, table=table) == []


def test_methods_differ_as_they_should(db):
    """A chain of rows one bit apart. Row 6 is left alone by stars and cliques: row 5 went to row 4."""
    db.table("t", [0, 1, 3, 7, 15, 31])
    assert search(db, 1) == [(1, 1, 1, 2), (1, 2, 0, 2), (1, 3, 1, 2), (2, 4, 0, 4), (2, 5, 1, 4)]
    assert [row[:2] for row in search(db, 1, "complete")] == [(1, 2), (1, 3), (2, 4), (2, 5)]
    assert [row[:2] for row in search(db, 1, "components")] == [(1, id) for id in range(1, 7)]
    assert [row[2:] for row in search(db, 1, "components")] == [(d, 2) for d in (1, 0, 1, 2, 3, 4)]


def test_keys_of_any_type(db):
    db.run("CREATE TABLE t(id TEXT PRIMARY KEY, name TEXT, h) WITHOUT ROWID")
    db.run("INSERT INTO t VALUES('b', 'x', 1), ('a', 'y', 1), ('c', 'z', 77777), ('d', 'w', 3)")
    assert search(db, 1) == [(1, "a", 0, "a"), (1, "b", 0, "a"), (1, "d", 1, "a")]
    assert db.column("SELECT id FROM similar_groups('t', 'h', 1) WHERE id_column = 'name'") == ["w", "x", "y"]
    db.run("CREATE VIEW v AS SELECT id, h FROM t WHERE id < 'c'")
    assert search(db, 1, table="v") == [(1, "a", 0, "a"), (1, "b", 0, "a")]


def test_schema(db):
    db.run("ATTACH ':memory:' AS other").run("CREATE TABLE other.t(id INTEGER PRIMARY KEY, h)")
    db.table("t", [1, 2]).run("INSERT INTO other.t VALUES(7, 5), (8, 5)")
    assert db.column("SELECT id FROM similar_groups('t', 'h', 0) WHERE schema = 'other'") == [7, 8]
    assert db.column("SELECT id FROM similar_groups('t', 'h', 0, 'star', 'other')") == [7, 8]
    assert db.column("SELECT id FROM similar_groups('t', 'h', 0)") == []


@pytest.mark.parametrize("arguments, words", [
    ("", "argument source is missing; it takes (source, column, threshold)"),
    ("'t'", "column is missing"),
    ("'t', 'h'", "threshold is missing"),
    ("NULL, 'h', 1", "source is NULL"),
    ("1, 'h', 1", "source is"),
    ("'t', NULL, 1", "column is NULL"),
    ("'t', x'00', 1", "column is"),
    ("'nope', 'h', 1", "no such table: nope"),
    ("'t', 'nope', 1", "no such column"),
    ("'t', 'h', -1", "threshold is -1; it takes an INTEGER of 0 or more"),
    ("'t', 'h', 1.5", "threshold is 1.5"),
    ("'t', 'h', 'x'", "threshold is 'x'"),
    ("'t', 'h', NULL", "threshold is NULL"),
    ("'t', 'h', 1, 'chain'", "method is 'chain'; it takes 'star', 'complete', 'components'"),
    ("'t', 'h', 1, 'STAR'", "method is 'STAR'"),
    ("'t', 'h', 1, 2", "method is"),
    ("'t', 'h', 1, 'star', 7", "schema is"),
    ("'t', 'h', 1, 'star', 'nowhere'", "nowhere"),
    ("'t', 'h', 1, 'star', 'main', 'nope'", "no such column"),
    ("'t', 'h', 1, 'star', 'main', 'id', 1", "too many arguments"),
    ("'mixed', 'h', 1", "mixed.h, row 2"),
])
def test_errors_of_arguments(db, arguments, words):
    db.table("t", [1, 1]).table("mixed", [1, b"\0"])
    text = db.error(f"SELECT * FROM similar_groups({arguments})")
    assert words in text and "similar_groups" in text, text


def test_null_methods_and_names_stand_for_none(db):
    db.table("t", [1, 1])
    assert len(db.rows("SELECT * FROM similar_groups('t', 'h', 1, NULL, NULL, NULL)")) == 2


def test_hidden_columns_show_the_arguments(db):
    db.table("t", [1, 1])
    assert db.row("SELECT source, \"column\", threshold, method, schema, id_column"
                  " FROM similar_groups('t', 'h', '6', 'complete') LIMIT 1") == ("t", "h", 6, "complete", None, None)


def test_named_table(db):
    column = oracle.sample("phash", 200, 64, seed=9)
    db.table("t", column)
    db.run("CREATE VIRTUAL TABLE stars USING similar_groups(t, h, 6)")
    db.run("CREATE VIRTUAL TABLE cliques USING similar_groups('t', \"h\", 6, method = 'complete', id_column=id)")
    assert db.rows("SELECT * FROM stars") == groups(column, 6, "star")
    assert db.rows("SELECT * FROM cliques") == groups(column, 6, "complete")
    assert "'star', 'complete', 'components'" in db.error(
        "CREATE VIRTUAL TABLE x USING similar_groups(t, h, 6, method=any)")
    assert "similar_groups" in db.error("CREATE VIRTUAL TABLE x USING similar_groups(t, h)")


@pytest.fixture
def photos(db):
    db.run("CREATE TABLE photos(id INTEGER PRIMARY KEY, phash, pixels INTEGER, grp INTEGER)")
    db.hashes = oracle.sample("planted", 1500, 64, seed=20)
    for number, value in enumerate(db.hashes):
        db.run("INSERT INTO photos(phash, pixels) VALUES(?, ?)", value, number * 7919 % 1000)
    db.expected = groups(db.hashes, 6, "star")
    return db


def test_joined_to_the_catalogue_it_runs_once(photos):
    sql = ("SELECT g.group_id, g.id, g.distance, g.representative FROM {} ON p.id = g.id WHERE p.pixels > 100")
    wanted = [row for row in photos.expected if (row[1] - 1) * 7919 % 1000 > 100]
    for order in ("photos p JOIN similar_groups('photos', 'phash', 6) g",
                  "similar_groups('photos', 'phash', 6) g JOIN photos p"):
        before = searches(photos)
        assert sorted(photos.rows(sql.format(order))) == wanted
        assert searches(photos) - before == 1
    before = searches(photos)
    assert photos.value("SELECT count(*) FROM photos WHERE id IN"
                        " (SELECT id FROM similar_groups('photos', 'phash', 6))") == len(photos.expected)
    assert searches(photos) - before == 1


def test_asked_again_for_each_row_it_answers_from_its_groups(photos):
    """A correlated subquery, a LEFT JOIN and a lateral join filter a cursor once for every outer row."""
    group_of = {row[1]: row[0] for row in photos.expected}
    for sql in ("SELECT p.id, (SELECT group_id FROM similar_groups('photos', 'phash', 6) g WHERE g.id = p.id)"
                " FROM photos p WHERE id < 40",
                "SELECT p.id, g.group_id FROM photos p LEFT JOIN similar_groups('photos', 'phash', 6) g"
                " ON g.id = p.id WHERE p.id < 40"):
        before = searches(photos)
        assert photos.rows(sql) == [(id, group_of.get(id)) for id in range(1, 40)]
        assert searches(photos) - before == 1, photos.plan(sql)
    before = searches(photos)
    rows = photos.rows("SELECT value, count(*) FROM json_each('[0, 6, 6, 3, 3]'),"
                       " similar_groups('photos', 'phash', value) GROUP BY json_each.id")
    assert [count for _, count in rows] == [len(groups(photos.hashes, t, "star")) for t in (0, 6, 6, 3, 3)]
    assert searches(photos) - before == 3


def test_filters_and_order_are_sqlites(photos):
    first = photos.expected[0]
    assert photos.rows("SELECT * FROM similar_groups('photos', 'phash', 6) WHERE group_id = 1") == \
        [row for row in photos.expected if row[0] == 1]
    assert photos.rows("SELECT * FROM similar_groups('photos', 'phash', 6) WHERE id = ?", first[1]) == [first]
    assert photos.rows("SELECT * FROM similar_groups('photos', 'phash', 6) LIMIT 3 OFFSET 2") == photos.expected[2:5]
    assert photos.rows("SELECT * FROM similar_groups('photos', 'phash', 6) ORDER BY id DESC") == \
        sorted(photos.expected, key=lambda row: -row[1])


def test_update_from(photos):
    photos.run("UPDATE photos SET grp = g.group_id FROM similar_groups('photos', 'phash', 6) g WHERE g.id = photos.id")
    assert photos.rows("SELECT grp, id FROM photos WHERE grp NOT NULL ORDER BY 1, 2") == \
        [row[:2] for row in photos.expected]
    photos.run("DELETE FROM photos WHERE id IN (SELECT id FROM similar_groups('photos', 'phash', 6)"
               " WHERE id <> representative)")
    remaining = dict(photos.rows("SELECT id, phash FROM photos"))
    left = [remaining.get(id) for id in range(1, 1501)]
    assert photos.rows("SELECT * FROM similar_groups('photos', 'phash', 6)") == groups(left, 6, "star")


def test_the_keeper_by_a_column_of_the_catalogue(photos):
    rows = photos.rows("SELECT group_id, id FROM (SELECT g.group_id, g.id, row_number() OVER"
                       " (PARTITION BY g.group_id ORDER BY pixels DESC, g.id) AS place"
                       " FROM similar_groups('photos', 'phash', 6) g JOIN photos USING (id)) WHERE place = 1")
    best = {}
    for group_id, id, *_ in photos.expected:
        best[group_id] = max(best.get(group_id, (-1, 0)), ((id - 1) * 7919 % 1000, -id))
    assert dict(rows) == {group_id: -id for group_id, (_, id) in best.items()}


def test_changes_are_seen(photos):
    count = len(photos.expected)
    sql = "SELECT count(*) FROM similar_groups('photos', 'phash', 6)"
    photos.run("BEGIN").run("INSERT INTO photos(phash) VALUES(zeroblob(8)), (zeroblob(8))")
    assert photos.value(sql) == count + 2
    photos.run("ROLLBACK")
    assert photos.value(sql) == count
    photos.run("CREATE TABLE log(n)").run(
        f"CREATE TEMP TRIGGER after_delete AFTER DELETE ON photos BEGIN INSERT INTO log {sql}; END")
    photos.run("DELETE FROM photos WHERE id <= 3")
    left = [None, None, None] + photos.hashes[3:]
    assert photos.column("SELECT n FROM log")[-1] == len(groups(left, 6, "star"))


def test_group_ids_stay_and_rows_added_behind_change_only_their_own(photos):
    sql = "SELECT * FROM similar_groups('photos', 'phash', 6)"
    assert photos.rows(sql) == photos.rows(sql) == photos.expected
    photos.run("INSERT INTO photos(phash) VALUES(zeroblob(8)), (zeroblob(8))")
    assert photos.rows(sql) == photos.expected + [(photos.expected[-1][0] + 1, 1501, 0, 1501),
                                                 (photos.expected[-1][0] + 1, 1502, 0, 1501)]


def test_two_cursors_at_once(photos):
    assert photos.value("SELECT count(*) FROM similar_groups('photos', 'phash', 2) a"
                        " JOIN similar_groups('photos', 'phash', 6, 'components') b ON a.id = b.id") == \
        len(groups(photos.hashes, 2, "star"))


def test_a_view_over_itself_is_an_error(db):
    db.run("CREATE VIEW loop AS SELECT id, hash_blob(group_id) AS h FROM similar_groups('loop', 'h', 6)")
    text = db.error("SELECT * FROM loop")
    assert "similar_groups" in text and "leads back to itself" in text


def test_explain_query_plan_and_stats(photos):
    assert "groups within 6 of photos.phash, method complete" in photos.plan(
        "SELECT * FROM similar_groups('photos', 'phash', 6, 'complete')")
    assert "method star" in photos.plan("SELECT * FROM similar_groups('photos', 'phash', 6)")
    photos.run("SELECT * FROM similar_groups('photos', 'phash', 6)")
    op, backend, rows, results, size = photos.row("SELECT op, backend, rows, results, bytes FROM dupgpu_stats"
                                                  " ORDER BY rowid DESC LIMIT 1")
    assert (op, backend, rows, results) == ("similar_groups", os.environ.get("DUPGPU_BACKEND", "cpu"), 1500, len(photos.expected)) and size > 1500 * 8


def test_a_million_equal_rows(debian):
    debian.run("CREATE TABLE t(id INTEGER PRIMARY KEY, h)")
    debian.run("WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) INSERT INTO t SELECT i, 42"
               " FROM n")
    for method in METHODS:
        assert debian.row("SELECT count(*), max(group_id), sum(distance), max(representative)"
                          " FROM similar_groups('t', 'h', 5, ?)", method) == (1000000, 1, 0, 1)
    assert debian.value("SELECT sum(candidates) FROM dupgpu_stats") == 0


@pytest.mark.parametrize("method", METHODS)
def test_interrupt(db, method):
    """A search that would take minutes: 200,000 rows, most pairs within the threshold."""
    db.run("CREATE TABLE t(id INTEGER PRIMARY KEY, h)")
    db.run("WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)"
           " INSERT INTO t SELECT i, i * 2654435761 FROM n")
    stop = threading.Event()

    def insist():
        while not stop.wait(0.3):
            db.interrupt()

    thread = threading.Thread(target=insist)
    thread.start()
    text = db.error("SELECT * FROM similar_groups('t', 'h', 30, ?)", method)
    stop.set()
    thread.join()
    assert "interrupt" in text.lower()
    assert db.value("SELECT count(*) FROM t") == 200000


def test_bad_environment_is_named(connect, monkeypatch):
    monkeypatch.setenv("DUPGPU_PLAN", "fastest")
    db = connect().table("t", [1, 1])
    text = db.error("SELECT * FROM similar_groups('t', 'h', 1)")
    assert "similar_groups" in text and "DUPGPU_PLAN" in text
