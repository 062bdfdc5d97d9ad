"""image_hashes: the same answers as the scalar functions, one row for each row of the source, whatever the source is."""

import os
import pathlib

import pytest
from conftest import SqlError

GOLDEN = sorted((pathlib.Path(__file__).resolve().parents[1] / "golden" / "pictures").glob("*.*"))
HASHES = ("phash", "dhash", "dhash_vertical", "ahash", "whash")
METRICS = ("blur", "sharpness", "brightness", "contrast", "clip_lo", "clip_hi", "entropy", "noise", "blockiness",
           "jpeg_quality", "eff_pixels")
OTHERS = ("pdq", "pdq_quality", "colorhash", "phash_orientations", "quality")
HEADER = ("width", "height", "format", "bytes")
NO_PICTURES = (None, 5, 1.5, "a path", b"", b"GIF89a", b"\xff\xd8\xff")
FUNCTIONS = {name: f"{name}(data)" for name in HASHES + OTHERS} | {name: f"quality(data, '{name}')" for name in METRICS}
SQUARE = (pathlib.Path(GOLDEN[0].parent) / "checks-128-128.png").read_bytes()
TALL = (pathlib.Path(GOLDEN[0].parent) / "stripes-64-300.png").read_bytes()


def fill(db):
    """A table of the golden pictures, two of them damaged, and of values that are no pictures."""
    db.run("CREATE TABLE photos(id INTEGER PRIMARY KEY, name, data)")
    for path in GOLDEN:
        db.run("INSERT INTO photos(name, data) VALUES(?, ?)", path.name, path.read_bytes())
    for value in NO_PICTURES:
        db.run("INSERT INTO photos(name, data) VALUES(?, ?)", repr(value), value)
    return db


@pytest.fixture
def photos(db):
    return fill(db)


def answer(db, expression, row):
    """What the function says of the row's picture: its value, and its error without its name."""
    try:
        return db.value(f"SELECT {expression} FROM photos WHERE id = ?", row), None
    except SqlError as failure:
        return None, str(failure).split(": ", 1)[1]


def is_same_error(error, expected):
    return error == expected or error.startswith(expected) and "read_files" in error


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_hashes_are_those_of_the_functions(photos, threads):
    photos.run("SELECT dupgpu_config('threads', ?)", threads)
    found = photos.rows(f"SELECT id, error, {', '.join(HASHES)} FROM image_hashes('photos', 'data')")
    assert [row[0] for row in found] == photos.column("SELECT id FROM photos ORDER BY id")
    for row, error, *hashes in found:
        for function, value in zip(HASHES, hashes):
            expected, failure = answer(photos, f"{function}(data)", row)
            assert value == expected, (row, function)
            assert is_same_error(error, failure), (row, function)


def test_every_column_is_what_its_function_says(photos):
    columns = list(FUNCTIONS)
    found = photos.rows(f"SELECT id, error, {', '.join(columns)} FROM image_hashes('photos', 'data')")
    assert len(columns) == len(METRICS) + 10
    alone = {column: photos.rows(f"SELECT id, {column} FROM image_hashes('photos', 'data')") for column in columns}
    for row, error, *values in found:
        for column, value in zip(columns, values):
            assert value == answer(photos, FUNCTIONS[column], row)[0], (row, column)
            assert (row, value) in alone[column], (row, column)


def test_headers(photos):
    for row, width, height, form, size, error in photos.rows(
            f"SELECT id, {', '.join(HEADER)}, error FROM image_hashes('photos', 'data')"):
        info, failure = answer(photos, "image_info(data)", row)
        assert is_same_error(error, failure)
        for key, value in zip(HEADER, (width, height, form, size)):
            expected = photos.value("SELECT json_extract(?, ?)", info, f"$.{key}") if info else None
            assert value == expected, (row, key)


def test_only_what_is_read_is_computed(photos):
    """A damaged picture shows by its error how far it was read."""
    cut = photos.value("SELECT id FROM photos WHERE name = 'cut.jpg'")
    one = f"FROM image_hashes('photos', 'data') WHERE id = {cut}"
    assert photos.row(f"SELECT width, error {one}") == (50, None)
    assert "truncated" in photos.value(f"SELECT error {one}")
    assert photos.row(f"SELECT width, phash, error {one}")[:2] == (50, None)
    assert "for id, width, error" in photos.plan(f"SELECT width, error {one}")
    assert "for no column" in photos.plan("SELECT count(*) FROM image_hashes('photos', 'data')")
    assert "pictures of photos.data decoded and id = 3 for id" in photos.plan(
        "SELECT phash FROM image_hashes('photos', 'data') WHERE id = 3")
    assert photos.value("SELECT count(*) FROM image_hashes('photos', 'data')") == len(GOLDEN) + len(NO_PICTURES)


@pytest.mark.parametrize("where, options", [
    ("hash_size = 16", (16,)), ("hash_size = 4 AND orient = 1", (4, '{"orient": 1}')),
    ("luma = 'pillow6'", (8, '{"luma": "pillow6"}')), ("truncated = 'lenient'", (8, '{"truncated": "lenient"}')),
    ("decode = 'scaled'", (8, '{"decode": "scaled"}')), ("alpha = 'white'", (8, '{"alpha": "white"}')), ("alpha = 'black' AND orient = 1",
                                                     (8, '{"alpha": "black", "orient": 1}'))])
def test_options(photos, where, options):
    arguments = ", ".join(repr(option) for option in options)
    for row, *hashes in photos.rows(f"SELECT id, phash, whash FROM image_hashes('photos', 'data') WHERE {where}"):
        for function, value in zip(("phash", "whash"), hashes):
            assert value == answer(photos, f"{function}(data, {arguments})", row)[0], (row, function)


@pytest.mark.parametrize("call, text", [
    ("('photos')", "argument column is missing"),
    ("('photos', 'nope')", "image_hashes: no such column: photos.nope"),
    ("('nope', 'data')", "image_hashes: no such table: nope"),
    ("('photos', 'data') WHERE hash_size = 12", "12"),
    ("('photos', 'data') WHERE hash_size = 1", "hash_size is 1; it takes an INTEGER of 2 or more"),
    ("('photos', 'data') WHERE orient = 2", "orient is 2; it takes 0 or 1"),
    ("('photos', 'data') WHERE luma = 'pillow'", "'pillow7', 'pillow6'"),
    ("(NULL, 'data')", "source is NULL"),
    ("('photos', 'data') WHERE id_column = 'nope'", "no such column: photos.nope")])
def test_bad_arguments(photos, call, text):
    assert text in photos.error(f"SELECT phash FROM image_hashes{call}")


def test_a_backend_that_is_not_there(photos):
    photos.run("SELECT dupgpu_config('hash_backend', 'cuda'), dupgpu_config('fallback', 0)")
    assert "cuda" in photos.error("SELECT phash FROM image_hashes('photos', 'data')")
    photos.run("SELECT dupgpu_config('fallback', 1)")
    assert photos.value("SELECT count(phash) FROM image_hashes('photos', 'data')") > 80
    backend, fallback = photos.row("SELECT backend, fallback FROM dupgpu_stats ORDER BY rowid DESC LIMIT 1")
    assert backend == "cpu" and "cuda" in fallback


# --- sources ---


def numbered(db, keys, declaration="key", options=""):
    """A table t(key, data) whose pictures alternate; the height tells which is which."""
    db.run(f"CREATE TABLE t({declaration}, data){options}")
    for number, key in enumerate(keys):
        db.run("INSERT INTO t VALUES(?, ?)", key, TALL if number % 2 else SQUARE)
    return db


def heights(db, source="t", where="id_column = 'key'"):
    return db.rows(f"SELECT id, height FROM image_hashes('{source}', 'data') WHERE {where}")


def expected_heights(db):
    return db.rows("SELECT key, iif(length(data) = ?, 128, 300) FROM t ORDER BY key COLLATE BINARY", len(SQUARE))


@pytest.mark.parametrize("batch", [0, 1, 3])
@pytest.mark.parametrize("keys", [
    ["b", "a", "B", "", "a long key", "é", "\U0001F600", "\uffff"], [3, 1, 2 ** 62, -5], [1.5, 2, "2", b"2", None],
    [None, None, 7, 7, 7, "x", "x", 1, 1.0], list(range(100, 0, -1))], ids=["text", "integers", "mixed", "twice", "many"])
def test_keys_of_any_type(db, keys, batch):
    db.run("SELECT dupgpu_config('batch_size', ?)", batch)
    numbered(db, keys)
    assert sorted(map(repr, heights(db))) == sorted(map(repr, expected_heights(db)))
    assert [repr(row[0]) for row in heights(db)] == [repr(row[0]) for row in expected_heights(db)]


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
@pytest.mark.parametrize("declaration, options", [
    ("key TEXT PRIMARY KEY", " WITHOUT ROWID"), ("key TEXT PRIMARY KEY COLLATE NOCASE", " WITHOUT ROWID"),
    ("key TEXT COLLATE RTRIM", ""), ("key", "")])
def test_text_keys(connect, encoding, declaration, options):
    db = connect()
    db.run(f"PRAGMA encoding = '{encoding}'").run("SELECT dupgpu_config('batch_size', 2)")
    numbered(db, ["Zoo", "ant", "Bee", "é", "z", "\uffff", "\U0001F600", "bat "], declaration, options)
    assert heights(db) == sorted(expected_heights(db), key=lambda row: row[0].encode())


def test_a_view_and_its_rows_in_order_of_their_ids(db):
    numbered(db, range(40))
    db.run("CREATE VIEW v AS SELECT 100 - key AS id, data FROM t WHERE key % 3 = 0 ORDER BY random()")
    found = heights(db, "v", "id > 0")
    assert found == db.rows("SELECT 100 - key, iif(key % 2, 300, 128) FROM t WHERE key % 3 = 0 ORDER BY 1")


def test_a_view_without_a_key(db):
    numbered(db, [1]).run("CREATE VIEW v AS SELECT data FROM t")
    assert "neither a rowid nor a column id" in db.error("SELECT height FROM image_hashes('v', 'data')")


def test_a_view_that_must_be_searched_through(db):
    """Thousands of rows without an index: a window must not cost one search for a few rows."""
    db.run("CREATE TABLE t AS WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM c WHERE i < 20000) "
           "SELECT i * 7919 % 20011 AS key, ? AS data FROM c", SQUARE)
    db.run("CREATE VIEW v AS SELECT key AS id, data FROM t GROUP BY key")
    assert db.value("SELECT count(*) FROM image_hashes('v', 'data') WHERE height = 128") == 20000


def test_schemas(db, tmp_path):
    db.run("ATTACH ? AS other", str(tmp_path / "other.db"))
    numbered(db, [1, 2, 3])
    db.run("CREATE TABLE other.t AS SELECT * FROM t LIMIT 2").run("CREATE TEMP TABLE t AS SELECT * FROM t LIMIT 1")
    assert [len(heights(db, where=where)) for where in ("1", "schema = 'main'", "schema = 'other'")] == [1, 3, 2]


def test_named_for_good(photos):
    photos.run("CREATE VIRTUAL TABLE sixteen USING image_hashes(photos, data, hash_size=16)")
    assert photos.rows("SELECT id, dhash FROM sixteen") == photos.rows(
        "SELECT id, dhash FROM image_hashes('photos', 'data') WHERE hash_size = 16")


def test_a_view_over_itself(db):
    numbered(db, [1])
    db.run("CREATE VIEW v AS SELECT id, phash AS data FROM image_hashes('v', 'data')")
    assert "leads back to itself" in db.error("SELECT phash FROM image_hashes('v', 'data')")


def test_hashes_of_hashes(db):
    """A source that is itself made by the table: work inside work."""
    numbered(db, range(50))
    db.run("CREATE VIEW v AS SELECT h.id, t.data FROM image_hashes('t', 'data') AS h JOIN t ON t.rowid = h.id "
           "WHERE h.height = 300")
    assert db.value("SELECT count(*) FROM image_hashes('v', 'data') WHERE height = 300") == 25


def test_an_empty_table_and_one_of_nulls(db):
    db.run("CREATE TABLE t(data)")
    assert db.rows("SELECT * FROM image_hashes('t', 'data')") == []
    db.run("INSERT INTO t VALUES(NULL)")
    assert db.rows("SELECT * FROM image_hashes('t', 'data')") == [(1,) + (None,) * 26]


# --- one row ---


def test_one_row_by_its_id(photos):
    everything = dict(photos.rows("SELECT id, phash FROM image_hashes('photos', 'data')"))
    for number in (1, 7, 88):
        assert photos.rows("SELECT id, phash FROM image_hashes('photos', 'data') WHERE id = ?",
                           number) == [(number, everything[number])]
    assert photos.rows("SELECT id FROM image_hashes('photos', 'data') WHERE id = 4.0") == [(4,)]
    assert photos.rows("SELECT id FROM image_hashes('photos', 'data') WHERE id IN (3, 2, 999)") == [(2,), (3,)]
    for nobody in (0, "x", 2.5, None, b"1"):
        assert photos.rows("SELECT id FROM image_hashes('photos', 'data') WHERE id = ?", nobody) == []


def runs(db):
    return db.value("SELECT count(*) FROM dupgpu_stats WHERE op = 'image_hashes'")


JOIN = ("SELECT p.name, h.phash FROM photos AS p JOIN image_hashes('photos', 'data') AS h ON h.id = p.id "
        "WHERE p.name LIKE '%.png'")
UPDATE = "UPDATE photos SET name = h.ahash FROM image_hashes('photos', 'data') AS h WHERE h.id = photos.id"


def hashed(db):
    return db.value("SELECT sum(rows) FROM dupgpu_stats WHERE op = 'image_hashes'")


def test_one_search_in_a_join(photos):
    assert len(photos.rows(JOIN)) == sum(path.suffix == ".png" for path in GOLDEN)
    photos.run(UPDATE)
    assert runs(photos) == 2 and hashed(photos) == 2 * (len(GOLDEN) + len(NO_PICTURES))
    assert photos.value("SELECT count(*) FROM photos WHERE id < 15 AND name IS ahash(data)") == 14


@pytest.mark.parametrize("words", ["1", "1 1", "1000000"])
def test_no_picture_is_hashed_twice_whatever_statistics_say(photos, words):
    """Statistics of one row make the planner look each of the many up by its id."""
    photos.run("ANALYZE").run("DELETE FROM sqlite_stat1").run("INSERT INTO sqlite_stat1 VALUES('photos', NULL, ?)", words)
    photos.run("ANALYZE sqlite_schema")
    assert len(photos.rows(JOIN)) == sum(path.suffix == ".png" for path in GOLDEN)
    assert hashed(photos) <= len(GOLDEN) + len(NO_PICTURES)


def test_a_few_rows_of_another_table_are_looked_up(photos):
    photos.run("CREATE UNIQUE INDEX by_name ON photos(name)")
    assert len(photos.rows("SELECT h.phash FROM photos AS p JOIN image_hashes('photos', 'data') AS h ON h.id = p.id "
                           "WHERE p.name IN ('tall.jpg', 'ycck.jpg')")) == 2
    assert hashed(photos) == 2


def test_outer_joins(photos):
    found = photos.rows("SELECT p.id, h.width FROM photos AS p LEFT JOIN image_hashes('photos', 'data') AS h "
                        "ON h.id = p.id WHERE p.id < 20 ORDER BY 1")
    assert found == photos.rows("SELECT id, width FROM image_hashes('photos', 'data') WHERE id < 20")


# --- changes while it runs ---


def test_the_statement_of_the_readme(photos):
    photos.run("ALTER TABLE photos ADD COLUMN phash").run("ALTER TABLE photos ADD COLUMN error")
    photos.run("UPDATE photos SET phash = h.phash, error = h.error FROM image_hashes('photos', 'data') AS h "
               "WHERE h.id = photos.id")
    for row, phash, error in photos.rows("SELECT id, phash, error FROM photos"):
        expected, failure = answer(photos, "phash(data)", row)
        assert phash == expected and is_same_error(error, failure)


def test_inserting_into_the_source(db):
    numbered(db, range(60))
    db.run("INSERT INTO t SELECT id + 1000, x'00' FROM image_hashes('t', 'data') WHERE id_column = 'key'")
    assert db.value("SELECT count(*) FROM t") == 120


def test_rows_deleted_and_changed_while_others_are_handed_out(db):
    numbered(db, range(300), "key INTEGER PRIMARY KEY")
    rows = db.cursor("SELECT id, height, error FROM image_hashes('t', 'data')")
    assert next(rows) == (0, 128, None)
    db.run("DELETE FROM t WHERE key BETWEEN 250 AND 259").run("UPDATE t SET data = ? WHERE key >= 290", TALL)
    db.run("INSERT INTO t VALUES(1000, x'')")
    found = {row[0]: row[1:] for row in rows}
    assert sorted(found) == list(range(1, 300))
    assert all(found[key][0] is None and "gone" in found[key][1] for key in range(250, 260))
    assert all(found[key] == (300, None) for key in range(290, 300))


def test_a_savepoint_rolled_back_in_the_middle(db):
    numbered(db, range(200), "key TEXT PRIMARY KEY", " WITHOUT ROWID")
    db.run("SAVEPOINT s").run("INSERT INTO t SELECT 'x' || key, data FROM t WHERE key > 150")
    rows = heights(db)
    assert len(rows) == db.value("SELECT count(*) FROM t")
    db.run("ROLLBACK TO s")
    assert len(heights(db)) == 200


def test_uncommitted_rows_and_a_commit_in_the_middle(db):
    db.run("CREATE TABLE t(key INTEGER PRIMARY KEY, data)").run("BEGIN")
    for key in range(100):
        db.run("INSERT INTO t VALUES(?, ?)", key, SQUARE)
    rows = db.cursor("SELECT height FROM image_hashes('t', 'data')")
    assert next(rows) == (128,)
    db.run("COMMIT")
    assert len(list(rows)) == 99


def test_the_table_can_be_dropped_afterwards(photos):
    rows = photos.cursor("SELECT phash FROM image_hashes('photos', 'data')")
    next(rows)
    rows.close()
    del rows
    photos.run("DROP TABLE photos")


def test_in_a_trigger(photos, library):
    photos.run("CREATE TABLE log(id, phash)").run("CREATE TEMP TRIGGER hash AFTER INSERT ON photos BEGIN "
               "INSERT INTO log SELECT id, phash FROM image_hashes('photos', 'data') WHERE id = new.id; END")
    photos.run("INSERT INTO photos(id, data) VALUES(1000, ?), (1001, NULL)", TALL)
    assert photos.rows("SELECT * FROM log") == [(1000, photos.value("SELECT phash(?)", TALL)), (1001, None)]


def test_several_at_once(photos):
    """Two cursors of one statement, and one statement inside another's rows."""
    two = photos.rows("SELECT a.id FROM image_hashes('photos', 'data') AS a JOIN image_hashes('photos', 'data') AS b "
                      "ON a.id = b.id WHERE a.phash = b.phash AND a.id < 20")
    assert len(two) == 17
    for number, (row,) in enumerate(photos.cursor("SELECT id FROM image_hashes('photos', 'data') LIMIT 5")):
        assert photos.value("SELECT count(*) FROM image_hashes('photos', 'data')") > 90 and row == number + 1


# --- resources ---


def test_memory_limit(db):
    """60 BLOBs of 1 MB within 4 MB, one of them too large for it."""
    blob = SQUARE + bytes(1 << 20)
    db.run("CREATE TABLE t(key INTEGER PRIMARY KEY, data)").run("SELECT dupgpu_config('memory_limit_gb', 0.016)")
    for key in range(60):
        db.run("INSERT INTO t VALUES(?, ?)", key, blob if key != 30 else SQUARE + bytes(3 << 20))
    found = db.rows("SELECT id, height, error FROM image_hashes('t', 'data')")
    assert [row for row in found if row[0] != 30] == [(key, 128, None) for key in range(60) if key != 30]
    assert found[30][2].startswith(f"the image is a BLOB of {len(SQUARE) + (3 << 20)} bytes; the memory limit leaves it ")
    assert db.value("SELECT max(bytes) FROM dupgpu_stats WHERE op = 'image_hashes'") <= 0.016 * 2 ** 30


def test_statistics(photos):
    photos.run("SELECT dupgpu_config('threads', 2)")
    photos.rows("SELECT phash FROM image_hashes('photos', 'data')")
    count = len(GOLDEN) + len(NO_PICTURES)
    assert photos.row("SELECT op, backend, device, plan, rows, batches, results, seconds > 0, bytes > 0 FROM dupgpu_stats "
                      "ORDER BY rowid DESC LIMIT 1") == ("image_hashes", "cpu", "CPU, 2 threads",
                                                         "about 16 rows read at a time", count, -(-count // 16), count, 1, 1)


def test_limit_stops_early(db):
    numbered(db, range(3000), "key INTEGER PRIMARY KEY")
    assert len(db.rows("SELECT phash FROM image_hashes('t', 'data') LIMIT 3")) == 3
    assert db.value("SELECT rows FROM dupgpu_stats ORDER BY rowid DESC LIMIT 1") < 1000


def test_in_a_forked_child(photos, extension):
    photos.rows("SELECT phash FROM image_hashes('photos', 'data')")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            other = fill(type(photos)().load(extension))
            status = other.value("SELECT count(phash) FROM image_hashes('photos', 'data')") != len(GOLDEN) - 2
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


# --- some rows ---


@pytest.mark.parametrize("where, count", [
    ("id IN (3, 2, 999, 3)", 2), ("id IN (SELECT id FROM photos WHERE id % 10 = 0)", 9), ("id IN ()", 0),
    ("id IN ('x', NULL)", 0), ("id IN (5.0, 6.5)", 1), ("id IN (SELECT CAST(id AS TEXT) FROM photos WHERE id < 4)", 0),
    ("id IN (SELECT x.i FROM (SELECT '7' AS i) AS x)", 0), ("id > 90", None), ("id >= 90 AND id < 93", 3),
    ("id <= 3 AND id > 1", 2), ("id BETWEEN 4 AND 6", 3), ("id > 3.5 AND id < 5.5", 2), ("id > NULL", 0), ("id < 'x'", None),
    ("id > 'x'", 0), ("id < -9e18", 0), ("id > 9223372036854775807", 0), ("id >= 9223372036854775807", 0),
    ("id IN (1, 2, 3) AND id > 1 AND id = 3", 1), ("id = 4 OR id = 5", 2)])
def test_conditions_on_the_id(photos, where, count):
    everything = "SELECT id, dhash, error FROM image_hashes('photos', 'data')"
    photos.run(f"CREATE TEMP TABLE copy AS {everything}")
    photos.run("CREATE TEMP TABLE untyped(id, dhash, error)").run("INSERT INTO untyped SELECT * FROM copy")
    before = hashed(photos)
    found = photos.rows(f"{everything} WHERE {where}")
    assert found == photos.rows(f"SELECT * FROM untyped WHERE {where}")
    assert count is None or len(found) == count
    if count is not None and "x" not in where and "CAST" not in where:
        assert hashed(photos) - before <= count + 4, "more was hashed than asked for"


def test_conditions_on_ids_of_other_types(db):
    numbered(db, ["5", 5, 5.0, "a", None, b"5", 6])
    for where in ("id IN (5, 6)", "id IN ('5', 'a')", "id > 5", "id >= 5", "id <= 5", "id < 'b'", "id IS NULL",
                  "id IN (SELECT 5)", "id = 5", "id = '5'"):
        found = db.column(f"SELECT height FROM image_hashes('t', 'data') WHERE id_column = 'key' AND {where}")
        plain = db.column(f"SELECT iif(length(data) = ?, 128, 300) FROM (SELECT key AS id, data FROM t) WHERE {where} "
                          "ORDER BY id", len(SQUARE))
        assert sorted(found) == sorted(plain), where


def test_conditions_joined_by_or(db):
    """New releases search for each condition and tell by the rowid which rows they have had."""
    numbered(db, ["5", 5, 5.0, "a", None, b"5", 6, 6, 7, "a", 5])
    for where in ("id = 5 OR id = 6", "id = 5 OR id > 5", "id = 'a' OR id IN (5, 6)", "id = 5 OR id = 7 OR id = 'a'",
                  "id = 5 OR height > 0", "id = 6 OR (id = 7 AND height > 0)"):
        found = db.column(f"SELECT height FROM image_hashes('t', 'data') WHERE id_column = 'key' AND ({where})")
        plain = db.column("SELECT height FROM (SELECT key AS id, iif(length(data) = ?, 128, 300) AS height FROM t) "
                          f"WHERE {where}", len(SQUARE))
        assert sorted(found) == sorted(plain), where
    found = db.column("SELECT height FROM t JOIN image_hashes('t', 'data') AS h ON h.id_column = 'key' AND "
                      "(h.id = t.rowid OR h.id = t.key) WHERE t.rowid = 6 OR t.rowid = 2")
    assert len(found) == 3 + 3


def test_rowids(db):
    numbered(db, [3, 1, 2, "a", "b", None, None, 2.5, 2])
    rowids = db.rows("SELECT rowid, id FROM image_hashes('t', 'data') WHERE id_column = 'key'")
    assert len({row[0] for row in rowids}) == 9 and [row[0] for row in rowids if row[1] in (1, 3)] == [1, 3]
    assert rowids == db.rows("SELECT rowid, id FROM image_hashes('t', 'data') WHERE id_column = 'key'")


def test_one_run_for_the_rows_still_to_do(photos):
    photos.run("ALTER TABLE photos ADD COLUMN ahash").run("UPDATE photos SET ahash = x'00' WHERE id > 40")
    photos.run("UPDATE photos SET ahash = h.ahash FROM image_hashes('photos', 'data') AS h WHERE h.id = photos.id AND "
               "h.id IN (SELECT id FROM photos WHERE ahash IS NULL)")
    assert runs(photos) == 1 and hashed(photos) == 40
