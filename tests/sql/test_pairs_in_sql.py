"""similar_pairs as a citizen of SQL: joins and the planner, changes under it, where its rows may be used."""

import oracle
import pytest

PAIRS = "similar_pairs('photos', 'phash', 6)"


@pytest.fixture
def photos(db):
    """2,000 photographs; `taken` for filters."""
    db.run("CREATE TABLE photos(id INTEGER PRIMARY KEY, phash, taken INTEGER, keep INTEGER DEFAULT 1)")
    column = oracle.sample("planted", 2000, 64, seed=20)
    for value in column:
        db.run("INSERT INTO photos(phash, taken) VALUES(?, random() & 4095)", value)
    db.expected = oracle.pairs(column, 6)
    return db


def found(db, sql=f"SELECT id_a, id_b, distance FROM {PAIRS}"):
    return {(a, b): distance for a, b, distance in db.rows(sql)}


def test_explain_query_plan_is_in_words(photos):
    text = photos.plan(f"SELECT * FROM {PAIRS} WHERE distance <= 3")
    assert "pairs" in text and "distance" in text, text
    focused = photos.plan(f"SELECT * FROM {PAIRS} WHERE id_a = 5")
    assert "id_a" in focused or "one row" in focused, focused


# The trap: a table function believed cheap is put inside the loop and the search runs once for each outer row.

TRAPS = (
    f"SELECT count(*) FROM photos p JOIN {PAIRS} d ON d.id_a = p.id WHERE p.taken > 100",
    f"SELECT count(*) FROM {PAIRS} d JOIN photos p ON d.id_a = p.id JOIN photos q ON d.id_b = q.id WHERE p.taken > 100",
    f"SELECT count(*) FROM photos p, photos q, {PAIRS} d WHERE d.id_a = p.id AND d.id_b = q.id AND q.taken > 100",
    f"SELECT count(*) FROM photos p JOIN {PAIRS} d ON p.id IN (d.id_a, d.id_b) WHERE p.taken > 4000",
    f"SELECT count(*) FROM photos p WHERE p.id IN (SELECT id_b FROM {PAIRS})",
    f"SELECT count(*) FROM photos p WHERE EXISTS (SELECT 1 FROM {PAIRS} d WHERE d.id_a = p.id) AND taken > 4000",
    f"SELECT count(*) FROM photos p LEFT JOIN {PAIRS} d ON d.id_a = p.id",
)


@pytest.mark.parametrize("statistics", [None, "1 1", "2000 1", "1000000 1"])
@pytest.mark.parametrize("sql", TRAPS[:3], ids=range(3))
def test_a_join_searches_once(photos, sql, statistics):
    if statistics:
        with_statistics(photos, statistics)
    before = photos.searches()
    photos.run(sql)
    assert photos.searches() - before == 1, photos.plan(sql)


def with_statistics(photos, words):
    photos.run("CREATE INDEX by_taken ON photos(taken)").run("ANALYZE").run("DELETE FROM sqlite_stat1")
    photos.run("INSERT INTO sqlite_stat1 VALUES('photos', 'by_taken', ?)", words)
    photos.run("ANALYZE sqlite_schema")


@pytest.mark.parametrize("sql", TRAPS[3:], ids=range(3, len(TRAPS)))
def test_other_shapes_of_query_stay_few_searches(photos, sql):
    """Lookups by id_a are a cheap plan of their own, so here the number of whole searches counts."""
    photos.run("SELECT count(*) FROM dupgpu_stats")
    photos.run(sql)
    whole = photos.value("SELECT count(*) FROM dupgpu_stats WHERE op = 'similar_pairs' AND candidates > 3000")
    assert whole <= 1, photos.plan(sql)


def test_joins_give_the_right_rows(photos):
    taken = dict(photos.rows("SELECT id, taken FROM photos"))
    expected = {pair for pair in photos.expected if taken[pair[0]] > 1000 and taken[pair[1]] > 1000}
    for sql in (f"SELECT p.id, q.id FROM {PAIRS} d JOIN photos p ON p.id = d.id_a JOIN photos q ON q.id = d.id_b"
                " WHERE p.taken > 1000 AND q.taken > 1000",
                f"SELECT p.id, q.id FROM photos p CROSS JOIN photos q CROSS JOIN {PAIRS} d"
                " WHERE p.id = d.id_a AND d.id_b = q.id AND p.taken > 1000 AND q.taken > 1000 AND q.id < 200"):
        rows = photos.rows(sql)
        limit = {pair for pair in expected if "< 200" not in sql or pair[1] < 200}
        assert len(rows) == len(limit) and set(rows) == limit


def test_lateral_arguments(photos):
    """Arguments from an outer row; ON with LEFT JOIN; IN and correlated EXISTS."""
    photos.run("CREATE TABLE wish(name TEXT, col TEXT, t INTEGER)")
    photos.run("INSERT INTO wish VALUES('photos', 'phash', 0), ('photos', 'phash', 4), ('photos', 'phash', 6)")
    rows = photos.rows("SELECT wish.t, count(*) FROM wish, similar_pairs(wish.name, wish.col, wish.t) GROUP BY 1")
    for threshold, count in rows:
        assert count == sum(d <= threshold for d in photos.expected.values())
    members = {row for pair in photos.expected for row in pair}
    assert set(photos.column(f"SELECT id FROM photos p WHERE EXISTS (SELECT 1 FROM {PAIRS} d WHERE d.id_a = p.id)"
                             f" OR id IN (SELECT id_b FROM {PAIRS})")) == members
    unmatched = photos.value(f"SELECT count(*) FROM photos p LEFT JOIN {PAIRS} d ON d.id_a = p.id"
                             " WHERE d.id_b IS NULL")
    assert unmatched == 2000 - len({a for a, _ in photos.expected})


def test_two_cursors_at_once(photos):
    sql = (f"SELECT count(*) FROM similar_pairs('photos', 'phash', 2) x, {PAIRS} y"
           " WHERE x.id_a = y.id_a AND x.id_b = y.id_b")
    assert photos.value(sql) == sum(d <= 2 for d in photos.expected.values())
    first, second = photos.cursor(f"SELECT * FROM {PAIRS}"), photos.cursor(f"SELECT * FROM {PAIRS}")
    together = list(zip(first, second))
    assert len(together) == len(photos.expected) and all(a == b for a, b in together)


def test_aggregates_windows_and_set_operations(photos):
    counts = dict(photos.rows(f"SELECT distance, count(*) FROM {PAIRS} GROUP BY distance"))
    assert sum(counts.values()) == len(photos.expected)
    assert photos.value(f"SELECT count(*) FROM (SELECT id_a FROM {PAIRS} UNION SELECT id_b FROM {PAIRS})") == \
        len({row for pair in photos.expected for row in pair})
    assert photos.value(f"SELECT max(n) FROM (SELECT row_number() OVER (ORDER BY distance) AS n FROM {PAIRS})") == \
        len(photos.expected)
    nearest = photos.rows(f"SELECT id_a, min(distance) FROM {PAIRS} GROUP BY id_a")
    for row, distance in nearest:
        assert distance == min(d for (a, _), d in photos.expected.items() if a == row)


# Changes.

def test_uncommitted_rows_and_savepoints(photos):
    photos.run("BEGIN").run("SAVEPOINT here")
    photos.run("INSERT INTO photos(id, phash) SELECT 10000, phash FROM photos WHERE id = 1")
    assert (1, 10000) in found(photos)
    photos.run("ROLLBACK TO here")
    assert found(photos) == photos.expected
    photos.run("DELETE FROM photos WHERE id > 1000")
    assert found(photos) == {pair: d for pair, d in photos.expected.items() if pair[1] <= 1000}
    photos.run("ROLLBACK")
    assert found(photos) == photos.expected


def test_the_cache_notices_changes(connect, tmp_path):
    """By this connection, by another one, by a rolled back transaction, by DDL."""
    one, two = connect(tmp_path / "a.db"), connect(tmp_path / "a.db")
    one.table("t", [1, 2, 4])
    sql = "SELECT count(*) FROM similar_pairs('t', 'h', 2)"
    assert one.value(sql) == 3
    one.run("INSERT INTO t VALUES(4, 8)")
    assert one.value(sql) == 6
    two.run("DELETE FROM t WHERE id = 4")
    assert one.value(sql) == 3 and two.value(sql) == 3
    one.run("UPDATE t SET h = 255 WHERE id = 1")
    assert one.value(sql) == 1
    one.run("BEGIN").run("UPDATE t SET h = 1 WHERE id = 1")
    assert one.value(sql) == 3
    one.run("ROLLBACK")
    assert one.value(sql) == 1
    one.run("CREATE TEMP TABLE t(id INTEGER PRIMARY KEY, h)")
    assert one.value(sql) == 0
    one.run("DROP TABLE temp.t")
    assert one.value(sql) == 1
    one.run("ALTER TABLE t RENAME COLUMN h TO old").run("ALTER TABLE t ADD COLUMN h")
    assert one.value(sql) == 0
    assert two.value(sql) == 0


def test_changes_within_one_statement_between_lookups(photos):
    """A trigger deletes as rows are written; each row written must see the pairs of its moment or of the start."""
    photos.run("CREATE TABLE log(id, pairs)")
    photos.run(f"CREATE TEMP TRIGGER gone AFTER DELETE ON photos BEGIN "
               f"INSERT INTO log SELECT old.id, count(*) FROM {PAIRS}; END")
    pair = next(iter(photos.expected))
    photos.run("DELETE FROM photos WHERE id IN (?, ?)", *pair)
    remaining = [sum(not set(gone) & set(p) for p in photos.expected) for gone in ((pair[0],), pair)]
    assert sorted(photos.column("SELECT pairs FROM log")) == sorted(remaining)


def test_source_written_while_rows_are_pending(photos):
    rows = photos.cursor(f"SELECT id_a, id_b, distance FROM {PAIRS}")
    start = [next(rows) for _ in range(3)]
    photos.run("UPDATE photos SET phash = hash_blob(0)").run("DELETE FROM photos WHERE id % 2")
    photos.run("BEGIN").run("INSERT INTO photos(phash) VALUES(1)").run("COMMIT")
    assert {(a, b): d for a, b, d in start + list(rows)} == photos.expected


def test_source_dropped_while_rows_are_pending(photos):
    rows = photos.cursor(f"SELECT id_a, id_b, distance FROM {PAIRS}")
    start = [next(rows)]
    assert "locked" in photos.error("DROP TABLE photos")
    assert {(a, b): d for a, b, d in start + list(rows)} == photos.expected
    photos.run("DROP TABLE photos")
    text = photos.error(f"SELECT * FROM {PAIRS}")
    assert "photos" in text and "no such table" in text


def test_source_dropped_and_changed_between_calls(photos):
    photos.run("CREATE VIRTUAL TABLE dups USING similar_pairs(photos, phash, 6)")
    assert found(photos, "SELECT id_a, id_b, distance FROM dups") == photos.expected
    photos.run("ALTER TABLE photos RENAME TO pictures")
    assert "photos" in photos.error("SELECT * FROM dups")
    photos.run("CREATE TABLE photos(id INTEGER PRIMARY KEY, other)")
    assert "phash" in photos.error("SELECT * FROM dups")
    photos.run("DROP TABLE photos").run("CREATE VIEW photos AS SELECT id, phash FROM pictures")
    assert found(photos, "SELECT id_a, id_b, distance FROM dups") == photos.expected


def test_update_from(photos):
    photos.run(f"UPDATE photos SET keep = 0 FROM {PAIRS} AS d WHERE photos.id = d.id_b")
    assert set(photos.column("SELECT id FROM photos WHERE keep = 0")) == {b for _, b in photos.expected}


def test_update_and_delete_where_in(photos):
    photos.run(f"UPDATE photos SET phash = zeroblob(8) WHERE id IN (SELECT id_b FROM {PAIRS})")
    assert photos.value("SELECT count(*) FROM photos WHERE phash = zeroblob(8)") == len({b for _, b in photos.expected})
    photos.run(f"DELETE FROM photos WHERE id IN (SELECT id_b FROM {PAIRS})")
    assert found(photos) == {}


def test_insert_select_into_the_source_and_elsewhere(photos):
    photos.run(f"INSERT INTO photos(phash, taken) SELECT p.phash, d.distance FROM {PAIRS} d JOIN photos p"
               " ON p.id = d.id_a WHERE d.distance > 0")
    photos.run("DELETE FROM photos WHERE id > 2000")
    photos.run(f"CREATE TABLE duplicates AS SELECT * FROM {PAIRS}")
    assert found(photos, "SELECT id_a, id_b, distance FROM duplicates") == photos.expected
    assert photos.run("CREATE TABLE t2(a, b, d, PRIMARY KEY(a, b))").run(
        f"INSERT INTO t2 SELECT id_a, id_b, distance FROM {PAIRS}").value("SELECT count(*) FROM t2") == \
        len(photos.expected)


def test_triggers(photos):
    """The pairs are asked for inside a trigger on the source, before and after the new row is there."""
    photos.run("CREATE TABLE seen(moment, pairs)")
    for moment in ("BEFORE", "AFTER"):
        photos.run(f"CREATE TRIGGER {moment}_insert {moment} INSERT ON photos BEGIN"
                   f" INSERT INTO seen SELECT '{moment}', count(*) FROM {PAIRS}; END")
    photos.run("INSERT INTO photos(phash) VALUES(hash_blob(0))")
    photos.run("INSERT INTO photos(phash) VALUES(hash_blob(1))")
    count = len(photos.expected)
    assert photos.rows("SELECT moment, pairs FROM seen") == [
        ("BEFORE", count), ("AFTER", count), ("BEFORE", count), ("AFTER", count + 1)]


def test_it_cannot_be_written(photos):
    for sql in ("INSERT INTO similar_pairs VALUES(1, 2, 3, 4)", "DELETE FROM similar_pairs"):
        assert photos.error(sql)


def test_no_inner_statement_stays_open(connect, tmp_path):
    """COMMIT, ROLLBACK, VACUUM and another connection's write go through while rows have only partly been read."""
    one, two = connect(tmp_path / "a.db"), connect(tmp_path / "a.db")
    one.table("t", [1, 2, 4, 8, 16])
    one.run("BEGIN").run("INSERT INTO t VALUES(6, 32)")
    rows = one.cursor("SELECT id_a, id_b FROM similar_pairs('t', 'h', 2)")
    next(rows)
    one.run("COMMIT")
    assert len(list(rows)) == 14
    rows.close()
    two.run("INSERT INTO t VALUES(7, 64)")
    one.run("VACUUM")


def test_prepared_statement_with_changing_parameters(photos):
    for threshold in (0, 6, 2, 6, 4):
        assert photos.value("SELECT count(*) FROM similar_pairs('photos', 'phash', ?)", threshold) == \
            sum(d <= threshold for d in photos.expected.values())


def test_named_table(photos):
    for arguments in ("photos, phash, 6", "'photos', 'phash', 6", '"photos", "phash", 6', "photos,phash,6",
                      " [photos] , `phash` , 6 "):
        photos.run(f"CREATE VIRTUAL TABLE dups USING similar_pairs({arguments})")
        assert found(photos, "SELECT id_a, id_b, distance FROM dups") == photos.expected
        assert photos.value("SELECT count(*) FROM dups WHERE distance <= 2") == \
            sum(d <= 2 for d in photos.expected.values())
        photos.run("DROP TABLE dups")
    assert found(photos) == photos.expected


@pytest.mark.parametrize("arguments", ["", "photos", "photos, phash", "photos, phash, x", "photos, phash, 6, 7, 8, 9",
                                       "photos, phash, -1"])
def test_named_table_with_unfit_arguments(photos, arguments):
    try:
        photos.run(f"CREATE VIRTUAL TABLE dups USING similar_pairs({arguments})")
    except Exception as failure:
        assert "similar_pairs" in str(failure)
    else:
        assert "similar_pairs" in photos.error("SELECT * FROM dups")


def test_authorizer_is_obeyed(photos):
    def decide(action, first, second, *_):
        return 1 if action == 20 and (first, second) == ("photos", "phash") else 0

    photos.authorize(decide)
    text = photos.error(f"SELECT * FROM {PAIRS}")
    assert "prohibited" in text and "photos.phash" in text
    photos.authorize(None)
    assert found(photos) == photos.expected


def test_views(photos):
    photos.run("CREATE VIEW recent AS SELECT id, phash AS print FROM photos WHERE id <= 500")
    small = {pair: d for pair, d in photos.expected.items() if pair[1] <= 500}
    assert found(photos, "SELECT id_a, id_b, distance FROM similar_pairs('recent', 'print', 6)") == small
    photos.run("CREATE TEMP VIEW older AS SELECT id AS number, phash FROM photos WHERE id > 500")
    text = photos.error("SELECT * FROM similar_pairs('older', 'phash', 6)")
    assert "older" in text and "id" in text
    rest = {pair: d for pair, d in photos.expected.items() if pair[0] > 500}
    assert found(photos, "SELECT id_a, id_b, distance FROM similar_pairs('older', 'phash', 6)"
                         " WHERE id_column = 'number'") == rest


def test_view_over_itself(photos):
    photos.run("CREATE VIEW loop AS SELECT id_a AS id, hash_blob(distance) AS phash"
               " FROM similar_pairs('loop', 'phash', 6)")
    assert "loop" in photos.error("SELECT * FROM similar_pairs('loop', 'phash', 6)")
    assert photos.error("SELECT * FROM loop")
    photos.run("CREATE VIEW ping AS SELECT id_a AS id, hash_blob(distance) AS phash"
               " FROM similar_pairs('pong', 'phash', 6)")
    photos.run("CREATE VIEW pong AS SELECT id_a AS id, hash_blob(distance) AS phash"
               " FROM similar_pairs('ping', 'phash', 6)")
    assert photos.error("SELECT * FROM ping")
    assert found(photos) == photos.expected


def test_view_over_another_search_is_no_loop(photos):
    photos.run("CREATE VIEW level1 AS SELECT id_a AS id, phash FROM"
               f" (SELECT DISTINCT id_a FROM {PAIRS}) JOIN photos ON id = id_a")
    photos.run("CREATE VIEW level2 AS SELECT id, phash FROM photos WHERE id IN"
               " (SELECT id_a FROM similar_pairs('level1', 'phash', 6))")
    first = {a for a, _ in photos.expected}
    inner = {pair for pair in photos.expected if set(pair) <= first}
    second = {a for a, _ in inner}
    expected = {pair: d for pair, d in photos.expected.items() if set(pair) <= second}
    assert found(photos, "SELECT id_a, id_b, distance FROM similar_pairs('level2', 'phash', 6)") == expected


def test_a_source_that_is_a_virtual_table(photos):
    photos.run("CREATE VIRTUAL TABLE text USING fts4(phash)")
    photos.run("INSERT INTO text(docid, phash) VALUES(1, 'ff'), (2, 'fe'), (3, '00')")
    assert found(photos, "SELECT id_a, id_b, distance FROM similar_pairs('text', 'phash', 1)") == {(1, 2): 1}
