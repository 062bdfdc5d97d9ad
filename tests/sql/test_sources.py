"""Names and sources of similar_pairs: quoting, schemas, kinds of ids, and every way to be wrong about them."""

import pytest

NAMES = ["photos", "my photos", "a.b", 'say "hi"', "it's", "группа", "写真", "select", "x]y", "`tick`", "semi;colon",
         "-- no", "%s%n", "1", " ", "a\nb"]


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


@pytest.mark.parametrize("name", NAMES)
def test_any_name_of_table_and_column(db, name):
    db.run(f"CREATE TABLE {quoted(name)}(id INTEGER PRIMARY KEY, {quoted(name)})")
    db.run(f"INSERT INTO {quoted(name)} VALUES(1, 1), (2, 3), (5, 255)")
    rows = [(1, 2, 1)]
    assert db.rows("SELECT id_a, id_b, distance FROM similar_pairs(?, ?, 2)", name, name) == rows
    literal = "'" + name.replace("'", "''") + "'"
    db.run(f"CREATE VIRTUAL TABLE dups USING similar_pairs({literal}, {literal}, 2)")
    assert db.rows("SELECT id_a, id_b, distance FROM dups") == rows


def test_names_are_case_insensitive_as_in_sqlite(db):
    db.run("CREATE TABLE Photos(ID INTEGER PRIMARY KEY, PHash)").run("INSERT INTO Photos VALUES(1, 1), (2, 3)")
    assert db.rows("SELECT id_a, id_b FROM similar_pairs('PHOTOS', 'phash', 1)") == [(1, 2)]


def test_unknown_table(db):
    text = db.error("SELECT * FROM similar_pairs('nowhere', 'h', 1)")
    assert "nowhere" in text and "no such table" in text
    assert "main.t" in db.run("CREATE TABLE t(id INTEGER PRIMARY KEY, h)").error(
        "SELECT * FROM similar_pairs('main.t', 'h', 1)")


def test_mistyped_column_is_an_error_and_no_string(db):
    db.table("t", [1, 3])
    text = db.error("SELECT * FROM similar_pairs('t', 'nope', 64)")
    assert "nope" in text and "no such column" in text


def test_sql_text_as_a_source_is_refused(db):
    db.table("t", [1, 3])
    for source in ("(SELECT * FROM t)", "SELECT * FROM t", "t WHERE 1", 't"; DROP TABLE t; --', "t, t"):
        assert "no such table" in db.error("SELECT * FROM similar_pairs(?, 'h', 1)", source)
        assert "no such column" in db.error("SELECT * FROM similar_pairs('t', ?, 1)", source)
    assert db.value("SELECT count(*) FROM t") == 2


@pytest.mark.parametrize("arguments", ["", "'t'", "'t', 'h'"])
def test_missing_arguments_are_named(db, arguments):
    db.table("t", [1, 3])
    text = db.error(f"SELECT * FROM similar_pairs({arguments})" if arguments else "SELECT * FROM similar_pairs")
    assert "similar_pairs" in text and ("threshold" in text or "column" in text or "source" in text)


def test_too_many_arguments(db):
    assert "too many arguments" in db.error("SELECT * FROM similar_pairs('t', 'h', 1, 2, 3, 4, 5, 6, 7, 8)")


@pytest.mark.parametrize("source, column", [(None, "h"), ("t", None), (None, None), (b"t", "h"), (5, "h"), ("t", 5),
                                            ("", "h"), ("t", "")])
def test_source_and_column_that_are_no_names(db, source, column):
    """A NULL must not become a table called (NULL)."""
    db.table("t", [1, 3]).run('CREATE TABLE "(NULL)"(id INTEGER PRIMARY KEY, h)')
    text = db.error("SELECT * FROM similar_pairs(?, ?, 1)", source, column)
    assert "similar_pairs" in text or "no such" in text


@pytest.mark.parametrize("threshold", [-1, -2**63, "six", b"6", 2.5, "", float("inf"), float("-inf")])
def test_thresholds_that_are_errors(db, threshold):
    db.table("t", [1, 3])
    text = db.error("SELECT * FROM similar_pairs('t', 'h', ?)", threshold)
    assert "similar_pairs" in text and "threshold" in text


def test_null_threshold_is_an_error_or_no_rows_but_never_all_rows(db):
    db.table("t", [1, 3])
    text = db.error("SELECT * FROM similar_pairs('t', 'h', NULL)")
    assert "threshold" in text and "NULL" in text


def test_thresholds_that_are_numbers(db):
    db.table("t", [1, 3, 255])
    for threshold in (1, 1.0, 2**62):
        assert len(db.rows("SELECT * FROM similar_pairs('t', 'h', ?)", threshold)) == (3 if threshold == 2**62 else 1)


@pytest.mark.parametrize("good, bad, words", [
    (1, 1.5, ["REAL"]), (1, b"\0" * 8, ["BLOB", "INTEGER"]), (1, "00000000000000ff", ["TEXT", "INTEGER"]),
    (b"\0" * 8, b"\0", ["8", "64"]), (b"\0" * 8, b"\0" * 16, ["128", "64"]), (b"\0" * 8, 1, ["INTEGER", "BLOB"]),
    (b"\0" * 8, b"", []), ("00000000000000ff", "ff", ["8", "64"]), ("ff", "f", []), ("ff", "fg", []), ("ff", "", []),
    ("ff", 1.5, ["REAL"]), (None, "xyz", []), (None, 1.5, ["REAL"])])
def test_an_unfit_hash_names_source_column_and_row(db, good, bad, words):
    db.run("CREATE TABLE catalogue(id INTEGER PRIMARY KEY, finger)")
    db.run("INSERT INTO catalogue VALUES(1, ?), (2, NULL), (31337, ?)", good, bad)
    text = db.error("SELECT * FROM similar_pairs('catalogue', 'finger', 1)")
    for word in ("catalogue", "finger", "31337", *words):
        assert word in text, text


def test_unfit_hash_in_a_table_with_text_ids(db):
    db.run("CREATE TABLE t(id TEXT PRIMARY KEY, h) WITHOUT ROWID")
    db.run("INSERT INTO t VALUES('apple', 1), ('pear', x'00')")
    assert "pear" in db.error("SELECT * FROM similar_pairs('t', 'h', 1)")


def test_rowid_names(db):
    db.run("CREATE TABLE plain(h)").run("INSERT INTO plain(rowid, h) VALUES(7, 1), (9, 3)")
    db.run("CREATE TABLE shadowed(rowid TEXT, oid TEXT, _rowid_ TEXT, id TEXT, h)")
    db.run("INSERT INTO shadowed VALUES('a', 'b', 'c', 'one', 1), ('d', 'e', 'f', 'two', 3)")
    assert db.rows("SELECT id_a, id_b FROM similar_pairs('plain', 'h', 1)") == [(7, 9)]
    assert db.rows("SELECT id_a, id_b FROM similar_pairs('shadowed', 'h', 1)") in ([(1, 2)], [("one", "two")])


def test_without_rowid(db):
    db.run("CREATE TABLE t(id TEXT PRIMARY KEY, h) WITHOUT ROWID")
    db.run("INSERT INTO t VALUES('b', 3), ('a', 1), ('c', 255)")
    (a, b, distance), = db.rows("SELECT id_a, id_b, distance FROM similar_pairs('t', 'h', 1)")
    assert ({a, b}, distance) == ({"a", "b"}, 1)
    db.run("CREATE TABLE keyed(k TEXT PRIMARY KEY, h) WITHOUT ROWID").run("INSERT INTO keyed VALUES('a', 1), ('b', 1)")
    text = db.error("SELECT * FROM similar_pairs('keyed', 'h', 1)")
    assert "keyed" in text and "id" in text
    assert len(db.rows("SELECT * FROM similar_pairs('keyed', 'h', 1) WHERE id_column = 'k'")) == 1


@pytest.mark.parametrize("identifiers", [
    ["0a9b", "ff00", "zz"], [b"\x00\x01", b"\xff", b""], [1.5, 2.5, -1e300], [2**63 - 1, -2**63, 0], ["a", 1, b"c"]])
def test_ids_of_any_type(db, identifiers):
    db.run("CREATE TABLE t(key, h)")
    for identifier in identifiers:
        db.run("INSERT INTO t VALUES(?, 5)", identifier)
    rows = db.rows("SELECT id_a, id_b FROM similar_pairs('t', 'h', 0) WHERE id_column = 'key'")
    assert len(rows) == 3
    assert {frozenset(map(repr, row)) for row in rows} == \
        {frozenset(map(repr, (identifiers[i], identifiers[j]))) for i, j in ((0, 1), (0, 2), (1, 2))}
    one = identifiers[0]
    looked_up = db.rows("SELECT id_a, id_b FROM similar_pairs('t', 'h', 0) WHERE id_column = 'key' AND id_a = ?", one)
    assert sorted(map(repr, looked_up)) == sorted(repr(row) for row in rows if row[0] == one)


def test_unknown_id_column(db):
    db.table("t", [1, 3])
    assert "nope" in db.error("SELECT * FROM similar_pairs('t', 'h', 1) WHERE id_column = 'nope'")


def test_schemas(connect, tmp_path):
    connect(tmp_path / "other.db").table("t", [1, 2, 4]).close()
    db = connect()
    db.table("t", [1, 255])
    db.run("ATTACH ? AS 'the other'", str(tmp_path / "other.db"))
    count = "SELECT count(*) FROM similar_pairs('t', 'h', 2)"
    assert db.value(count) == 0
    assert db.value(count + " WHERE schema = 'main'") == 0
    assert db.value(count + " WHERE schema = 'the other'") == 3
    db.run("CREATE TEMP TABLE t(id INTEGER PRIMARY KEY, h)").run("INSERT INTO temp.t VALUES(1, 1), (2, 1)")
    assert db.value(count) == 1
    assert db.value(count + " WHERE schema = 'temp'") == 1
    assert db.value(count + " WHERE schema = 'main'") == 0
    text = db.error(count + " WHERE schema = 'nowhere'")
    assert "nowhere" in text
    db.run("DROP TABLE temp.t").run("DROP TABLE main.t")
    assert db.value(count) == 3


def test_a_named_table_in_an_attached_database(connect, tmp_path):
    db = connect()
    db.run("ATTACH ? AS aux", str(tmp_path / "other.db"))
    db.run("CREATE TABLE aux.t(id INTEGER PRIMARY KEY, h)").run("INSERT INTO aux.t VALUES(1, 1), (2, 3)")
    db.run("CREATE VIRTUAL TABLE aux.dups USING similar_pairs(t, h, 1)")
    assert db.rows("SELECT id_a, id_b FROM aux.dups") == [(1, 2)]


def test_generated_and_hidden_columns_as_the_hash(db):
    db.run("CREATE TABLE t(id INTEGER PRIMARY KEY, n, h GENERATED ALWAYS AS (hash_blob(n)))")
    db.run("INSERT INTO t(n) VALUES(1), (3), (255)")
    assert db.rows("SELECT id_a, id_b FROM similar_pairs('t', 'h', 1)") == [(1, 2)]


def test_the_rowid_itself_as_the_hash(db):
    db.run("CREATE TABLE t(x)").run("INSERT INTO t(rowid) VALUES(1), (3), (255)")
    assert db.rows("SELECT id_a, id_b FROM similar_pairs('t', 'rowid', 1)") == [(1, 3)]


def test_hidden_columns_do_not_show(db):
    db.table("t", [1, 3])
    assert db.rows("SELECT * FROM similar_pairs('t', 'h', 1)") == [(1, 2, 1, 1 - 1 / 64)]
    names = db.column("SELECT name FROM pragma_table_info('similar_pairs')")
    assert names == ["id_a", "id_b", "distance", "similarity"]


def test_column_types(db):
    db.table("t", [1, 3])
    assert db.row("SELECT typeof(distance), typeof(similarity) FROM similar_pairs('t', 'h', 1)") == ("integer", "real")
