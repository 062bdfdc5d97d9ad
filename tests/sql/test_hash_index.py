"""hash_index in SQL: how it is made, written, asked, and kept in step with a table; errors; other connections."""

import random

import numpy
import oracle
import pytest

MAKE = "CREATE VIRTUAL TABLE i USING hash_index(bits=64)"
NEAR = "SELECT rowid, distance FROM i WHERE hash MATCH ? AND distance <= ?"


@pytest.fixture
def index(db):
    """A contentless index with rows 1 to 4: 0, 1, 3, 7."""
    db.run(MAKE)
    for row, value in enumerate((0, 1, 3, 7), 1):
        db.run("INSERT INTO i(rowid, hash) VALUES(?, ?)", row, value)
    return db


@pytest.fixture
def photos(db):
    """A table of photos with 300 hashes, every tenth NULL, and an index on it with triggers."""
    column = oracle.sample("clustered", 300, 64, seed=5)
    db.table("photos", [None if row % 10 == 9 else value for row, value in enumerate(column)])
    db.run("CREATE VIRTUAL TABLE i USING hash_index(bits=64, content=photos, content_column=h, content_rowid=id)")
    db.run("INSERT INTO i(i) VALUES('rebuild')").run("INSERT INTO i(i) VALUES('create-triggers')")
    return db


def brute(db, query, radius):
    return db.rows("SELECT id, hamming(h, ?) AS d FROM photos WHERE d <= ? ORDER BY d, id", query, radius)


def check(db):
    db.run("INSERT INTO i(i) VALUES('integrity-check')")


# --- making it ---

@pytest.mark.parametrize("arguments, words", [
    ("", "bits is not given"), ("bits=63", "multiple of 8"), ("bits=0", "multiple of 8"), ("bits=8200", "multiple of 8"),
    ("bits=64, bits=64", "each once"), ("bits=64, depth=3", "argument 'depth=3'"), ("64", "argument '64'"),
    ("bits=64, content=t", "go together"), ("bits=64, content_column=h", "go together"),
    ("bits=64, content_rowid=id", "go together"),
])
def test_arguments(db, arguments, words):
    assert words in db.error(f"CREATE VIRTUAL TABLE i USING hash_index({arguments})")
    assert db.rows("SELECT * FROM sqlite_schema") == []


@pytest.mark.parametrize("name", ["hash", "distance", "K", "rowid"])
def test_names_taken(db, name):
    assert "cannot be named" in db.error(f"CREATE VIRTUAL TABLE {name} USING hash_index(bits=64)")


def test_odd_names(db):
    db.run("""CREATE TABLE "my ""photos"(id INTEGER PRIMARY KEY, "a b")""")
    db.run("""CREATE VIRTUAL TABLE "it's an ""index" USING hash_index(bits = 64, content = 'my "photos',
              content_column = "a b", content_rowid = [id])""")
    db.run("""INSERT INTO "it's an ""index"("it's an ""index") VALUES('create-triggers')""")
    db.run("""INSERT INTO "my ""photos" VALUES(5, 9)""")
    assert db.rows("""SELECT rowid, hex(hash) FROM "it's an ""index" """) == [(5, "0000000000000009")]
    db.run("""ALTER TABLE "it's an ""index" RENAME TO "%w" """)
    assert db.value("""SELECT rowid FROM "%w" WHERE hash MATCH 8 AND distance < 2""") == 5
    db.run("""DROP TABLE "%w" """)
    assert not [name for name in db.column("SELECT name FROM sqlite_schema WHERE type = 'table'") if "%w" in name]


def test_shadow_tables_come_and_go(db):
    db.run(MAKE)
    names = {"i", "i_config", "i_delta", "i_rows", "i_bands"}
    assert set(db.column("SELECT name FROM sqlite_schema WHERE type = 'table'")) == names
    assert "already" in db.error(MAKE)
    db.run("DROP TABLE i")
    assert db.rows("SELECT * FROM sqlite_schema") == []


def test_a_table_in_the_way(db):
    db.run("CREATE TABLE i_rows(x)")
    assert db.error(MAKE)
    assert set(db.column("SELECT name FROM sqlite_schema")) == {"i_rows"}


def test_creating_is_rolled_back(db):
    db.run("BEGIN").run(MAKE).run("INSERT INTO i(hash) VALUES(1)").run("ROLLBACK")
    assert db.rows("SELECT * FROM sqlite_schema") == []
    db.run(MAKE)
    assert db.rows("SELECT rowid FROM i") == []


@pytest.mark.parametrize("bits", [8, 16, 32, 56, 64, 72, 128, 136, 256, 512, 1024, 8192])
def test_widths(db, bits):
    column = oracle.sample("clustered", 120, bits, seed=bits)
    db.run(f"CREATE VIRTUAL TABLE i USING hash_index(bits={bits})").run("INSERT INTO i(i, k) VALUES('delta', 50)")
    for value in column:
        db.run("INSERT INTO i(hash) VALUES(?)", value)
    check(db)
    for plan in ("auto", "brute", "multi_index"):
        db.value("SELECT dupgpu_config('plan', ?)", plan)
        for query in column[:5]:
            near = sorted((oracle.hamming(query, value), row) for row, value in enumerate(column, 1))
            assert db.rows("SELECT distance, rowid FROM i WHERE hash MATCH ? AND k = 7", query) == near[:7]
            for radius in (0, 2, 5, 11, bits // 2, bits):
                assert db.rows("SELECT distance, rowid FROM i WHERE hash MATCH ? AND distance <= ?", query,
                               radius) == [row for row in near if row[0] <= radius]


# --- writing ---

def test_forms_of_a_hash(db):
    db.run(MAKE).run("INSERT INTO i VALUES(255)").run("INSERT INTO i VALUES('00000000000000fE')")
    db.run("INSERT INTO i VALUES(x'00000000000000fc')").run("INSERT INTO i(hash) VALUES(-1)")
    assert db.rows("SELECT rowid, hex(hash) FROM i") == [
        (1, "00000000000000FF"), (2, "00000000000000FE"), (3, "00000000000000FC"), (4, "FFFFFFFFFFFFFFFF")]
    for query in (255, "00000000000000ff", bytes(7) + b"\xff"):
        assert db.rows(NEAR, query, 3) == [(1, 0), (2, 1), (3, 2)]


@pytest.mark.parametrize("value, words", [
    (b"\1", "the hash has 8 bits, the index 64"), ("zz", "not all hex digits"), (1.5, "REAL"), (b"", "BLOB of 0 bytes"),
    (bytes(9), "the hash has 72 bits"), ("abc", "hex digits come in pairs")])
def test_bad_hashes(index, value, words):
    assert words in index.error("INSERT INTO i(hash) VALUES(?)", value)
    assert words in index.error("UPDATE i SET hash = ? WHERE rowid = 2", value)
    assert words.replace("the hash", "the query") in index.error(NEAR, value, 3)
    assert index.column("SELECT rowid FROM i") == [1, 2, 3, 4]


def test_null_is_not_kept(index):
    index.run("INSERT INTO i(rowid, hash) VALUES(9, NULL)").run("UPDATE i SET hash = NULL WHERE rowid = 2")
    assert index.column("SELECT rowid FROM i") == [1, 3, 4]
    index.run("INSERT OR REPLACE INTO i(rowid, hash) VALUES(3, NULL)")
    assert index.column("SELECT rowid FROM i") == [1, 4]
    assert index.rows(NEAR, None, 3) == [] and index.rows("SELECT * FROM i WHERE hash MATCH NULL AND k = 3") == []


def test_rowids(index):
    assert "row 3 already" in index.error("INSERT INTO i(rowid, hash) VALUES(3, 5)")
    assert "row 3 already" in index.error("UPDATE i SET rowid = 3 WHERE rowid = 4")
    index.run("INSERT OR IGNORE INTO i(rowid, hash) VALUES(3, 5), (11, 5)")
    index.run("INSERT OR REPLACE INTO i(rowid, hash) VALUES(4, 5)")
    assert index.value("SELECT last_insert_rowid()") == 4
    assert index.rows("SELECT rowid, hash_int(hash) FROM i") == [(1, 0), (2, 1), (3, 3), (4, 5), (11, 5)]
    index.run("UPDATE OR REPLACE i SET rowid = 3, hash = 8 WHERE rowid = 11")
    assert index.rows("SELECT rowid, hash_int(hash) FROM i") == [(1, 0), (2, 1), (3, 8), (4, 5)]
    assert index.error("INSERT INTO i(rowid, hash) VALUES('x', 5)") and index.error("INSERT INTO i(rowid, hash) VALUES(1.5, 5)")
    index.run("INSERT INTO i(rowid, hash) VALUES(9223372036854775807, 1), (-9223372036854775808, 2)")
    check(index)
    assert "highest rowid" in index.error("INSERT INTO i(hash) VALUES(1)")
    assert index.rows(NEAR, 1, 1)[:2] == [(2, 0), (9223372036854775807, 0)]
    index.run("INSERT INTO i(i) VALUES('optimize')")
    assert index.column("SELECT rowid FROM i") == [-2**63, 1, 2, 3, 4, 2**63 - 1]
    assert index.value("SELECT rowid FROM i WHERE rowid = '3'") == 3
    assert index.rows("SELECT rowid FROM i WHERE rowid IN (2, 3.0, 2.5, 'x', NULL, 77)") == [(2,), (3,)]


def test_a_failed_statement_leaves_nothing(index):
    assert index.error("INSERT INTO i(rowid, hash) VALUES(20, 1), (21, 2), (3, 3)")
    assert index.column("SELECT rowid FROM i") == [1, 2, 3, 4]
    assert index.error("UPDATE i SET hash = CASE rowid WHEN 4 THEN 'x' ELSE 9 END")
    assert index.column("SELECT hash_int(hash) FROM i") == [0, 1, 3, 7]
    check(index)


def test_savepoints(index):
    index.run("BEGIN").run("DELETE FROM i WHERE rowid = 1").run("SAVEPOINT a").run("DELETE FROM i")
    assert index.rows(NEAR, 0, 64) == []
    index.run("ROLLBACK TO a")
    assert index.rows(NEAR, 0, 64) == [(2, 1), (3, 2), (4, 3)]
    index.run("ROLLBACK")
    assert index.column("SELECT rowid FROM i") == [1, 2, 3, 4]


@pytest.mark.parametrize("limit", [0, 10, 100000])
def test_merging_inside_a_savepoint(db, limit):
    """Merges that a rollback takes back leave the index as it was."""
    column = oracle.sample("planted", 900, 64, seed=limit)
    db.run(MAKE).run("INSERT INTO i(i, k) VALUES('delta', ?)", limit)
    db.table("t", column).run("INSERT INTO i(rowid, hash) SELECT id, h FROM t WHERE id <= 500")
    before = db.rows("SELECT rowid, hash FROM i")
    db.run("BEGIN").run("SAVEPOINT a").run("INSERT INTO i(rowid, hash) SELECT id, h FROM t WHERE id > 500")
    db.run("DELETE FROM i WHERE rowid % 3 = 0").run("INSERT INTO i(i) VALUES('optimize')")
    assert db.value("SELECT count(*) FROM i") == 600
    db.run("ROLLBACK TO a")
    assert db.rows("SELECT rowid, hash FROM i") == before
    db.run("INSERT INTO i(rowid, hash) VALUES(999, 1)").run("COMMIT")
    check(db)
    assert db.value("SELECT count(*) FROM i") == 501


def test_commands(index):
    assert "command 'explode'" in index.error("INSERT INTO i(i) VALUES('explode')")
    for command in ("rebuild", "OPTIMIZE", "integrity-check"):
        index.run("INSERT INTO i(i) VALUES(?)", command)
        assert index.value("SELECT last_insert_rowid()") == 4
        assert index.column("SELECT rowid FROM i") == [1, 2, 3, 4]
    assert "no content table" in index.error("INSERT INTO i(i) VALUES('create-triggers')")
    assert "takes k" in index.error("INSERT INTO i(i) VALUES('delta')")
    assert "takes k" in index.error("INSERT INTO i(i, k) VALUES('delta', -1)")
    index.run("INSERT INTO i(i) VALUES('delete-all')")
    assert index.rows("SELECT * FROM i") == []
    index.run("INSERT INTO i(hash) VALUES(5)")
    check(index)


# --- asking ---

def test_columns(index):
    assert index.rows("SELECT * FROM i WHERE rowid = 4") == [(bytes(7) + b"\7",)]
    assert index.rows("SELECT distance, k, i FROM i WHERE rowid = 4") == [(None, None, None)]
    assert index.rows("SELECT rowid, hex(hash), distance, k FROM i WHERE hash MATCH 7 AND k = 1") == [
        (4, "0000000000000007", 0, 1)]


def test_what_a_question_needs(index):
    assert "takes distance <= ... or k = ..." in index.error("SELECT * FROM i WHERE hash MATCH 5")
    assert "k is x" in index.error("SELECT * FROM i WHERE hash MATCH 5 AND k = 'x'")
    assert "k is -1" in index.error("SELECT * FROM i WHERE hash MATCH 5 AND k = -1")
    assert index.rows("SELECT * FROM i WHERE hash MATCH 5 AND k = 0") == []
    assert index.rows("SELECT rowid FROM i WHERE hash MATCH 0 AND k = 2.0") == [(1,), (2,)]


@pytest.mark.parametrize("condition, rows", [
    ("distance <= 1", [1, 2]), ("distance < 1", [1]), ("distance = 2", [3]), ("distance <= 1.5", [1, 2]),
    ("distance <= '1'", [1, 2]), ("distance < 1e300", [1, 2, 3, 4]), ("distance <= -1", []), ("distance <= NULL", []),
    ("distance <= 2 AND distance < 2", [1, 2]), ("distance <= 5 AND k = 2", [1, 2]), ("distance = 1 AND k = 1", []),
    ("distance = 1 AND k = 2", [2]), ("k = 100", [1, 2, 3, 4]), ("distance <= 9 AND rowid > 2", [3, 4]),
    ("distance <= 9 AND rowid = 2", [2]), ("distance <= 9 AND distance > 1", [3, 4]),
    ("distance <= 9 AND rowid IN (1, 4)", [1, 4])])
def test_conditions(index, condition, rows):
    assert index.column(f"SELECT rowid FROM i WHERE hash MATCH 0 AND {condition}") == rows


def test_order_and_plans(index):
    plan = index.plan("SELECT rowid FROM i WHERE hash MATCH 0 AND distance <= 3 ORDER BY distance, rowid")
    assert "rows near the query and distance <= ?" in plan and "TEMP B-TREE" not in plan
    assert "k nearest to the query" in index.plan("SELECT rowid FROM i WHERE hash MATCH 0 AND k = 3")
    assert "row by rowid" in index.plan("SELECT hash FROM i WHERE rowid = 3")
    assert "all rows by rowid" in index.plan("SELECT hash FROM i")
    assert index.column("SELECT rowid FROM i WHERE hash MATCH 0 AND distance <= 3 ORDER BY distance DESC") == [4, 3, 2, 1]
    assert index.column("SELECT rowid FROM i WHERE hash MATCH 0 AND distance <= 3 LIMIT 2 OFFSET 1") == [2, 3]


def test_many_questions_in_one_statement(photos):
    expected = photos.rows("SELECT a.id, b.id, hamming(a.h, b.h) AS d FROM photos a, photos b WHERE d <= 5 "
                           "ORDER BY a.id, d, b.id")
    joins = ("SELECT a.id, i.rowid, i.distance FROM photos a JOIN i ON i.hash MATCH a.h AND i.distance <= 5 "
             "ORDER BY a.id, i.distance, i.rowid",
             "SELECT a.id, i.rowid, i.distance FROM photos a, i(a.h) WHERE i.distance <= 5")
    for join in joins:
        assert photos.rows(join) == expected
    nearest = photos.rows("SELECT a.id, i.rowid FROM photos a JOIN i ON i.hash MATCH a.h AND i.k = 3")
    assert photos.rows("SELECT a.id, i.rowid FROM photos a, i(a.h, 3)") == nearest and len(nearest) == 810
    assert photos.rows("SELECT a.id, (SELECT count(*) FROM i WHERE hash MATCH a.h AND distance <= 5) FROM photos a") == \
        photos.rows("SELECT a.id, (SELECT count(*) FROM photos b WHERE hamming(a.h, b.h) <= 5) FROM photos a")
    assert photos.rows("SELECT a.id, n.rowid FROM photos a LEFT JOIN i n ON n.hash MATCH a.h AND n.k = 1 "
                       "WHERE a.id IN (9, 10)") == [(9, 9), (10, None)]


def test_large(connect, tmp_path):
    """Every way to answer a question at a size where each is taken: rings, blocks, rows in memory; and what others and
    this connection change in between."""
    path = tmp_path / "a.db"
    db, other = connect(path), connect(path)
    values = numpy.random.default_rng(3).integers(0, 256, (60000, 8), dtype=numpy.uint8)
    db.run("CREATE TABLE photos(id INTEGER PRIMARY KEY, h)")
    db.fill("photos", ((row, value.tobytes()) for row, value in enumerate(values)))
    db.run("CREATE VIRTUAL TABLE i USING hash_index(bits=64, content=photos, content_column=h, content_rowid=id)")
    db.run("INSERT INTO i(i) VALUES('rebuild')").run("INSERT INTO i(i) VALUES('create-triggers')")

    def ask():
        for plan, radii in (("auto", (0, 4, 9, 16, 16, 23, 23)), ("multi_index", (7, 14)), ("brute", (3, 23))):
            db.value("SELECT dupgpu_config('plan', ?)", plan)
            for radius in radii:
                query = oracle.flip(values[radius * 1000].tobytes(), range(0, 2 * radius, 5))
                assert db.rows(NEAR, query, radius) == brute(db, query, radius)
                assert db.rows("SELECT rowid, distance FROM i WHERE hash MATCH ? AND k = 5", query) == db.rows(
                    "SELECT id, hamming(h, ?) AS d FROM photos ORDER BY d, id LIMIT 5", query)

    ask()
    db.run("INSERT INTO i(i, k) VALUES('delta', 100)")
    assert "cached" in db.column("SELECT source FROM dupgpu_stats WHERE op = 'hash_index'")
    other.run("DELETE FROM photos WHERE id % 1000 = 0").run("UPDATE photos SET h = hash_blob(id) WHERE id % 1000 = 1")
    ask()
    db.run("BEGIN").run("INSERT INTO photos SELECT id + 100000, h FROM photos WHERE id % 50 = 3")
    ask()
    db.run("ROLLBACK")
    ask()
    check(db)


def test_as_fts5_is_asked(index):
    for query in ("i(3) WHERE distance <= 1", "i(3, 3)", "i WHERE i MATCH 3 AND k = 3", "i WHERE i = 3 AND distance < 2"):
        assert index.column(f"SELECT rowid FROM {query}") == [3, 2, 4]


# --- beside a content table ---

def test_content(photos):
    assert photos.value("SELECT count(*) FROM i") == 270
    for query in range(0, 50, 7):
        value = photos.value("SELECT coalesce(h, zeroblob(8)) FROM photos WHERE id = ?", query + 1)
        assert photos.rows(NEAR, value, 6) == brute(photos, value, 6)
    check(photos)


def test_triggers(photos):
    draw = random.Random(3)
    for step in range(200):
        row, value = draw.randint(1, 320), oracle.sample("clustered", 1, 64, seed=step)[0]
        photos.run(draw.choice(("INSERT OR REPLACE INTO photos(h, id) VALUES(?, ?)", "UPDATE photos SET h = ? WHERE id = ?",
                                "INSERT INTO photos(h, id) VALUES(?, ?) ON CONFLICT DO UPDATE SET h = excluded.h",
                                "DELETE FROM photos WHERE h = ? OR id = ?", "INSERT OR IGNORE INTO photos(h, id) VALUES(?, ?)",
                                "UPDATE photos SET h = iif(?, NULL, 0) WHERE id = ?")), value, row)
    photos.run("UPDATE OR REPLACE photos SET id = id + 5 WHERE id > 250").run("UPDATE photos SET id = -id WHERE id < 20")
    check(photos)
    photos.run("INSERT INTO i(i) VALUES('drop-triggers')").run("INSERT INTO photos VALUES(1000, 5)")
    assert "row 1000 of photos is missing" in photos.error("INSERT INTO i(i) VALUES('integrity-check')")
    photos.run("INSERT INTO i(i) VALUES('rebuild')")
    check(photos)
    photos.run("DELETE FROM photos WHERE id = 1000")
    assert "row 1000 is not in photos" in photos.error("INSERT INTO i(i) VALUES('integrity-check')")
    photos.run("INSERT OR REPLACE INTO photos VALUES(-100, 1)").run("INSERT INTO i(i) VALUES('rebuild')")
    photos.run("UPDATE photos SET h = 2 WHERE id = -100")
    assert "row -100 has another hash in photos" in photos.error("INSERT INTO i(i) VALUES('integrity-check')")


def test_content_that_is_wrong(photos):
    photos.run("INSERT INTO i(i) VALUES('drop-triggers')")
    photos.run("UPDATE photos SET h = 'junk' WHERE id = 77")
    message = photos.error("INSERT INTO i(i) VALUES('rebuild')")
    assert "photos.h, row 77: TEXT" in message
    photos.run("UPDATE photos SET h = x'00' WHERE id = 77")
    assert "row 77: 8 bits; the index has 64" in photos.error("INSERT INTO i(i) VALUES('rebuild')")
    assert photos.value("SELECT count(*) FROM i") == 270
    photos.run("ALTER TABLE photos RENAME COLUMN h TO other")
    assert "no such column: photos.h" in photos.error("INSERT INTO i(i) VALUES('rebuild')")
    photos.run("DROP TABLE photos")
    assert "no such table: main.photos" in photos.error("INSERT INTO i(i) VALUES('rebuild')")
    assert "no such table: main.photos" in photos.error("INSERT INTO i(i) VALUES('integrity-check')")
    assert photos.value("SELECT count(*) FROM i") == 270


def test_rebuild_keeps_marks(photos):
    mark = photos.value("SELECT hash_index_mark('i')")
    photos.run("UPDATE photos SET h = 12345 WHERE id = 3").run("INSERT INTO i(i) VALUES('rebuild')")
    pairs = photos.rows("SELECT id_a, id_b FROM similar_pairs('i', 'hash', 64) WHERE newer_than = ?", mark)
    assert len(pairs) == 269 and all(3 in pair for pair in pairs)


# --- as a source ---

def test_source(photos):
    for function in ("similar_pairs({}, 6)", "similar_groups({}, 6)", "nearest({}, 12345, 20)", "distance_histogram({})"):
        for change in ("SELECT 1", "BEGIN", "UPDATE photos SET h = hash_blob(7) WHERE id % 50 = 0", "DELETE FROM photos WHERE id < 30",
                       "ROLLBACK"):
            photos.run(change)
            of_index, of_photos = (sorted(photos.rows(f"SELECT * FROM {function.format(source)}"))
                                   for source in ("'i', 'hash'", "'photos', 'h'"))
            assert of_index == of_photos, (function, change)
    two = "SELECT * FROM similarity_join('{}', '{}', '{}', '{}', 5) ORDER BY 1, 2"
    expected = photos.rows(two.format("photos", "h", "photos", "h"))
    assert photos.rows(two.format("i", "hash", "i", "hash")) == expected
    assert photos.rows(two.format("photos", "h", "i", "HASH")) == expected
    assert photos.value("SELECT count(*) FROM nearest_join('i', 'hash', 'photos', 'h', 2)") == 540


def test_source_is_kept_between_statements(connect, tmp_path):
    path = tmp_path / "a.db"
    db, other = connect(path), connect(path)
    db.run(MAKE).run("INSERT INTO i(rowid, hash) VALUES(1, 1), (2, 9)")
    ask, source = "SELECT id FROM nearest('i', 'hash', 0, 1)", "SELECT source FROM dupgpu_stats ORDER BY rowid DESC LIMIT 1"
    assert (db.value(ask), db.value(source)) == (1, "read")
    assert (db.value(ask), db.value(source)) == (1, "cached")
    other.run("INSERT INTO i(rowid, hash) VALUES(3, 0)")
    assert (db.value(ask), db.value(source)) == (3, "read")
    db.run("BEGIN").run("DELETE FROM i WHERE rowid = 3")
    assert (db.value(ask), db.value(source)) == (1, "read")
    db.run("ROLLBACK")
    assert db.value(ask) == 3


def test_names_are_found_as_sqlite_finds_them(db):
    db.run("ATTACH ':memory:' AS other").run("CREATE VIRTUAL TABLE other.i USING hash_index(bits=64)")
    db.run("INSERT INTO other.i(rowid, hash) VALUES(1, 1)")
    ask = "SELECT id FROM nearest('i', 'hash', 0, 9)"
    assert db.column(ask) == [1]
    db.run(MAKE).run("INSERT INTO main.i(rowid, hash) VALUES(2, 1)")
    assert db.column(ask) == [2] and db.column(ask + " WHERE schema = 'other'") == [1]
    db.run("CREATE TEMP VIEW i AS SELECT 3 AS id, zeroblob(8) AS hash")
    assert db.column(ask) == [3] and db.column(ask + " WHERE schema = 'main'") == [2]
    db.run("DROP VIEW temp.i").run("CREATE VIRTUAL TABLE temp.i USING hash_index(bits=64)")
    db.run("INSERT INTO temp.i(rowid, hash) VALUES(4, 1)")
    assert db.column(ask) == [4]
    db.run("DROP TABLE temp.i").run("DROP TABLE main.i").run("CREATE TABLE main.i(id, hash)")
    db.run("INSERT INTO i VALUES(5, zeroblob(8))")
    assert db.column(ask + " WHERE id_column = 'id'") == [5]


def test_newer_than(photos):
    """Over random changes: exactly the pairs of which a row is newer."""
    draw = random.Random(8)
    newer, mark = set(), photos.value("SELECT hash_index_mark('i')")
    photos.run("INSERT INTO i(i, k) VALUES('delta', 40)")
    for step in range(60):
        row = draw.randint(1, 300)
        if step % 3:
            photos.run("UPDATE photos SET h = ? WHERE id = ?", oracle.sample("clustered", 1, 64, seed=step)[0], row)
            newer.add(row)
        elif step % 7 == 0:
            photos.run("DELETE FROM photos WHERE id = ?", row)
        if step == 40:
            photos.run("INSERT INTO i(i) VALUES('optimize')")
        pairs = photos.rows("SELECT id_a, id_b, distance FROM similar_pairs('i', 'hash', 6)")
        expected = sorted(pair for pair in pairs if newer & set(pair[:2]))
        found = photos.rows("SELECT id_a, id_b, distance FROM similar_pairs('i', 'hash', 6) WHERE newer_than = ?", mark)
        assert sorted(found) == expected
    low = photos.rows("SELECT id_a, id_b, distance FROM similar_pairs('i', 'hash', 6) WHERE newer_than = ? AND distance < 4 "
                      "AND id_a < 100", mark)
    assert sorted(low) == [pair for pair in expected if pair[2] < 4 and pair[0] < 100]
    shares = [photos.rows("SELECT id_a, id_b, distance FROM similar_pairs('i', 'hash', 6) WHERE newer_than = ? "
                          "AND shard = ? AND shards = 3", mark, shard) for shard in range(3)]
    assert sorted(sum(shares, [])) == expected
    assert "newer than a mark" in photos.plan("SELECT * FROM similar_pairs('i', 'hash', 6) WHERE newer_than = 3")
    assert len(photos.rows("SELECT * FROM similar_pairs('i', 'hash', 6) WHERE newer_than = NULL")) == len(pairs)
    assert photos.rows("SELECT * FROM similar_pairs('i', 'hash', 6) WHERE newer_than = hash_index_mark('i')") == []
    assert "photos.h is none" in photos.error("SELECT * FROM similar_pairs('photos', 'h', 6) WHERE newer_than = 3")
    assert "newer_than is -1" in photos.error("SELECT * FROM similar_pairs('i', 'hash', 6) WHERE newer_than = -1")


def test_schema_changes_inside_a_transaction(index):
    """SQLite opens the table anew in the middle of a transaction: marks and rowids go on."""
    index.run("BEGIN").run("INSERT INTO i(hash) VALUES(1)").run("SAVEPOINT a").run("CREATE TABLE x(y)")
    index.run("CREATE TEMP TABLE z(y)").run("INSERT INTO i(hash) VALUES(2)").run("ROLLBACK TO a")
    index.run("INSERT INTO i(hash) VALUES(3)").run("CREATE TABLE x(y)").run("INSERT INTO i(hash) VALUES(4)")
    mark = index.value("SELECT hash_index_mark('i')")
    assert "row 6 already" in index.error("INSERT INTO i(rowid, hash) VALUES(6, 3)")
    index.run("DROP TABLE x").run("INSERT INTO i(rowid, hash) VALUES(60, 5)").run("COMMIT")
    check(index)
    assert index.value("SELECT hash_index_mark('i')") == mark + 1
    found = index.rows("SELECT id_a, id_b FROM similar_pairs('i', 'hash', 64) WHERE newer_than = ?", mark)
    assert len(found) == index.value("SELECT count(*) FROM i") - 1 and all(pair[1] == 60 for pair in found)


def test_mark(index):
    mark = index.value("SELECT hash_index_mark('i')")
    assert mark == 4 and index.value("SELECT hash_index_mark('I', 'main')") == 4
    index.run("DELETE FROM i WHERE rowid = 4")
    assert index.value("SELECT hash_index_mark('i')") == 5
    index.run("INSERT INTO i(i) VALUES('optimize')").run("INSERT INTO i(i) VALUES('delete-all')")
    assert index.value("SELECT hash_index_mark('i')") == 5
    assert index.value("SELECT hash_index_mark(NULL)") is None
    index.run("CREATE TABLE t(hash)")
    for name in ("t", "nothing", ""):
        assert "is no hash_index" in index.error("SELECT hash_index_mark(?)", name)


# --- SQLite's places ---

def test_other_connections(connect, tmp_path):
    for journal in ("delete", "wal"):
        path = tmp_path / f"{journal}.db"
        a, b = connect(path), connect(path)
        assert a.value(f"PRAGMA journal_mode = {journal}") == journal
        a.run(MAKE).run("INSERT INTO i(i, k) VALUES('delta', 10)")
        for row in range(40):
            (a if row % 2 else b).run("INSERT INTO i(hash) VALUES(?)", row)
            for db in (a, b):
                assert len(db.rows(NEAR, 0, 64)) == row + 1
        b.run("BEGIN IMMEDIATE").run("DELETE FROM i WHERE rowid < 10")
        assert "locked" in a.error("INSERT INTO i(hash) VALUES(5)")
        if journal == "wal":
            assert len(a.rows(NEAR, 0, 64)) == 40
        b.run("COMMIT")
        assert len(a.rows(NEAR, 0, 64)) == 31
        a.run("INSERT INTO i(hash) VALUES(5)")
        check(b)


def test_attached_and_temp(connect, tmp_path):
    db = connect()
    db.run("ATTACH ? AS aux", str(tmp_path / "a.db"))
    for schema in ("aux", "temp"):
        db.run(f"CREATE TABLE {schema}.p(id INTEGER PRIMARY KEY, h)")
        db.run(f"CREATE VIRTUAL TABLE {schema}.i USING hash_index(bits=64, content=p, content_column=h)")
        db.run(f"INSERT INTO {schema}.i(i) VALUES('create-triggers')")
        db.run(f"INSERT INTO {schema}.p VALUES(1, 5), (2, NULL), (3, 6)")
        assert db.column(f"SELECT rowid FROM {schema}.i WHERE hash MATCH 7 AND distance <= 1") == [1, 3]
        db.run(f"INSERT INTO {schema}.i(i) VALUES('rebuild')").run(f"INSERT INTO {schema}.i(i) VALUES('integrity-check')")
        db.run(f"ALTER TABLE {schema}.i RENAME TO j")
        assert db.value(f"SELECT count(*) FROM {schema}.j") == 2
        db.run(f"DROP TABLE {schema}.j")
        assert db.column(f"SELECT name FROM {schema}.sqlite_schema WHERE type = 'table'") == ["p"]


def test_read_only(connect, tmp_path):
    path = tmp_path / "a.db"
    connect(path).run(MAKE).run("INSERT INTO i(rowid, hash) VALUES(1, 5)")
    db = connect(f"file:{path}?mode=ro", uri=True)
    assert db.rows(NEAR, 4, 1) == [(1, 1)]
    assert "readonly" in db.error("INSERT INTO i(hash) VALUES(1)")
    check_only = db.error("INSERT INTO i(i) VALUES('rebuild')")
    assert "readonly" in check_only


def test_full_disk(connect, tmp_path):
    """A file that may not grow: each failure leaves an index that is whole."""
    db = connect(tmp_path / "a.db")
    db.run(MAKE).run("INSERT INTO i(i, k) VALUES('delta', 100)").run("CREATE TABLE t(h)")
    db.run("INSERT INTO t WITH RECURSIVE c(n) AS (VALUES(1) UNION ALL SELECT n + 1 FROM c WHERE n < 3000) "
           "SELECT n * 7777777777777777 FROM c")
    full = kept = 0
    for pages in range(db.value("PRAGMA page_count"), 150, 3):
        db.value(f"PRAGMA max_page_count = {pages}")
        try:
            db.run("INSERT INTO i(hash) SELECT h FROM t LIMIT ?", 50 * (1 + pages % 7))
            kept += 50 * (1 + pages % 7)
        except Exception as failure:
            assert "full" in str(failure)
            full += 1
        check(db)
        assert db.value("SELECT count(*) FROM i") == kept
    assert full > 1 and kept > 500


def test_dumped_and_read_back(shell, tmp_path):
    script = (f"{MAKE}; INSERT INTO i(i, k) VALUES('delta', 3); "
              "INSERT INTO i(rowid, hash) VALUES(1,1),(2,2),(3,3),(4,4),(5,5),(6,6); INSERT INTO i(hash) VALUES(7);")
    shell(shell(script + "\n.dump\n"), tmp_path / "a.db")
    assert shell("SELECT count(*), sum(distance) FROM i WHERE hash MATCH 0 AND distance <= 64;"
                 "INSERT INTO i(i) VALUES('integrity-check');", tmp_path / "a.db").strip() == "7|12"


def test_defensive_mode(shell):
    script = f".dbconfig defensive on\n{MAKE}; INSERT INTO i(hash) VALUES(5), (6); INSERT INTO i(i) VALUES('optimize');\n"
    assert shell(script + "INSERT INTO i(i) VALUES('rebuild'); SELECT count(*) FROM i;").strip().endswith("2")
    assert "may not be modified" in shell(script + "DELETE FROM i_rows;", fails=True)
    assert shell(script + ".dbconfig trusted_schema off\nCREATE VIEW v AS SELECT rowid FROM i; SELECT count(*) FROM v;"
                 ).strip().endswith("2")


def test_pragma_integrity_check(index):
    """From SQLite 3.44 on it looks into the index too."""
    assert index.column("PRAGMA integrity_check") == ["ok"]
    index.run("UPDATE i_config SET value = 17 WHERE key = 'rows'")
    found = index.column("PRAGMA integrity_check")
    assert found == ["ok"] if index.name == "debian" else "i_config says 17 rows" in found[0]


def test_interrupted(photos):
    """Stopped anywhere, a command leaves the index as it was."""
    photos.run("INSERT INTO photos WITH RECURSIVE c(n) AS (VALUES(1000) UNION ALL SELECT n + 1 FROM c WHERE n < 3000) "
               "SELECT n, hash_blob(n * 3000000000000000) FROM c")
    for command in ("rebuild", "optimize", "integrity-check", "delete-all"):
        stopped = 0
        for calls in (1, 3, 9, 27, 81):
            left = [calls]

            def stop():
                left[0] -= 1
                return left[0] <= 0

            photos.progress(stop, 50)
            try:
                photos.run("INSERT INTO i(i) VALUES(?)", command)
            except Exception as failure:
                assert "interrupt" in str(failure).lower()
                stopped += 1
            photos.progress(None, 0)
            photos.run("PRAGMA integrity_check")
            if command != "delete-all":
                check(photos)
        assert stopped
        photos.run("INSERT INTO i(i) VALUES('rebuild')")


def test_open_cursors(index):
    cursor = index.cursor("SELECT rowid FROM i")
    assert next(cursor) == (1,)
    index.run("INSERT INTO i(rowid, hash) VALUES(10, 10)").run("INSERT INTO i(i) VALUES('optimize')")
    assert [row for (row,) in cursor][:3] == [2, 3, 4]
    cursor = index.cursor(NEAR, 0, 64)
    next(cursor)
    index.run("DELETE FROM i")
    assert len(list(cursor)) == 4
