"""Every table of the join family in the places SQL has for tables: the rows are those of a plain copy of it, and the engine
runs a few times, never once for each outer row. Read-only databases serve as well."""

import oracle
import pytest

# name: (call, the column that is compared with t.id)
TABLES = {
    "similar_pairs": ("similar_pairs('t', 'h', 6)", "id_a"),
    "similarity_join": ("similarity_join('t', 'h', 'u', 'h', 6)", "id_left"),
    "similar_groups": ("similar_groups('t', 'h', 6)", "id"),
    "nearest": ("nearest('t', 'h', 12345, 40)", "id"),
    "nearest_join": ("nearest_join('t', 'h', 'u', 'h', 2)", "id_left"),
    "distance_histogram": ("distance_histogram('t', 'h')", "distance"),
}
QUERIES = {
    "join": "SELECT count(*), sum(t.id) FROM t JOIN {f} AS f ON f.{id} = t.id",
    "join, the table first": "SELECT count(*), sum(t.id) FROM {f} AS f JOIN t ON f.{id} = t.id",
    "left join": "SELECT count(*), count(f.{id}), sum(t.id) FROM t LEFT JOIN {f} AS f ON f.{id} = t.id",
    "in": "SELECT count(*), sum(id) FROM t WHERE id IN (SELECT {id} FROM {f})",
    "not in": "SELECT count(*), sum(id) FROM t WHERE id NOT IN (SELECT {id} FROM {f})",
    "exists": "SELECT count(*), sum(id) FROM t WHERE EXISTS (SELECT 1 FROM {f} AS f WHERE f.{id} = t.id)",
    "subquery in a column": "SELECT sum((SELECT count(*) FROM {f} AS f WHERE f.{id} = t.id)) FROM t",
    "common table": "WITH d AS (SELECT * FROM {f}) SELECT count(*) FROM d AS a JOIN d AS b ON a.{id} = b.{id}",
    "order and limit": "SELECT {id}, distance FROM {f} ORDER BY {id} DESC, distance, 1 LIMIT 7",
    "group": "SELECT distance, count(*) FROM {f} GROUP BY distance ORDER BY 1",
    "union": "SELECT {id} FROM {f} UNION SELECT id FROM u ORDER BY 1",
    "window": "SELECT {id}, row_number() OVER (ORDER BY {id}, distance) FROM {f} ORDER BY 2 LIMIT 20",
    "several values": "SELECT count(*) FROM {f} WHERE {id} IN (3, 5, 8, 13, 21, 34)",
}


@pytest.fixture
def two(db):
    column = oracle.sample("clustered", 360, 64, seed=8)
    return db.table("t", column[:300]).table("u", column[120:])


def runs(db, name):
    return db.value("SELECT count(*) FROM dupgpu_stats WHERE op = ?", name)


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("name", TABLES)
def test_queries(two, name, query):
    call, column = TABLES[name]
    two.run(f"CREATE TEMP TABLE copy AS SELECT * FROM {call}")
    before = runs(two, name)
    assert two.rows(QUERIES[query].format(f=call, id=column)) == two.rows(QUERIES[query].format(f="copy", id=column))
    assert 1 <= runs(two, name) - before <= 7


@pytest.mark.parametrize("name", TABLES)
def test_changes_by_what_it_finds(two, name):
    """UPDATE FROM, DELETE, INSERT SELECT, a trigger and a view."""
    call, column = TABLES[name]
    two.run(f"CREATE TEMP TABLE copy AS SELECT * FROM {call}").run("CREATE TABLE log(id, d)")
    two.run("CREATE TABLE marks(id INTEGER PRIMARY KEY, d)").run("INSERT INTO marks SELECT id, NULL FROM t")
    ids = sorted(set(two.column(f"SELECT {column} FROM copy WHERE {column} BETWEEN 1 AND 300")))
    assert ids
    before = runs(two, name)
    two.run(f"UPDATE marks SET d = 1 FROM {call} AS f WHERE f.{column} = marks.id")
    assert two.column("SELECT id FROM marks WHERE d ORDER BY id") == ids
    two.run(f"DELETE FROM marks WHERE id IN (SELECT {column} FROM {call})")
    assert two.value("SELECT count(*) FROM marks") == 300 - len(ids)
    two.run(f"INSERT INTO log SELECT {column}, distance FROM {call}")
    assert sorted(two.rows("SELECT id, d FROM log")) == sorted(two.rows(f"SELECT {column}, distance FROM copy"))
    two.run(f"CREATE TEMP VIEW found AS SELECT * FROM {call}")
    assert two.value("SELECT count(*) FROM found") == two.value("SELECT count(*) FROM copy")
    two.run(f"CREATE TEMP TRIGGER seen AFTER INSERT ON marks BEGIN INSERT INTO log SELECT 'new', count(*) FROM {call}; END")
    two.run("INSERT INTO marks VALUES(999, NULL)")
    assert two.value("SELECT d FROM log WHERE id = 'new'") == two.value("SELECT count(*) FROM copy")
    assert runs(two, name) - before <= 12


@pytest.mark.parametrize("name", TABLES)
def test_a_read_only_database(connect, tmp_path, name):
    call, _ = TABLES[name]
    column = oracle.sample("clustered", 100, 64, seed=9)
    made = connect(str(tmp_path / "photos.db")).table("t", column).table("u", column[50:])
    expected = made.rows(f"SELECT * FROM {call}")
    made.close()
    assert connect(f"file:{tmp_path}/photos.db?mode=ro", uri=True).rows(f"SELECT * FROM {call}") == expected and expected
