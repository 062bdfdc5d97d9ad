"""line_images: every picture is render_line's, whatever the threads, batches and memory; windows; errors."""

import array
import json
import random
import threading
import time

import pytest

SMALL = '{"width": 40, "height": 30, "line_width": 1}'


def walk(n, seed=1, gaps=0.0):
    chance, at, values = random.Random(seed), 0.0, []
    for _ in range(n):
        at += chance.gauss(0, 1)
        values.append(None if chance.random() < gaps else at)
    return values


def fill(db, values, name="p"):
    db.run(f"CREATE TABLE {name}(ts INTEGER PRIMARY KEY, v)")
    db.run("BEGIN")
    for i, v in enumerate(values):
        db.run(f"INSERT INTO {name} VALUES(?, ?)", 10 * i, v)
    db.run("COMMIT")


def draw(db, values, options=SMALL):
    return db.value("SELECT render_line(?, ?)", json.dumps(values), options)


def test_windows_are_the_window_function(db):
    fill(db, walk(1000, gaps=0.02))
    expected = db.rows("SELECT ts, render_line_agg(v, ?) OVER (ORDER BY ts ROWS 99 PRECEDING) FROM p", SMALL)[99:]
    for threads, batch in (1, 0), (2, 0), (8, 1), (2, 256), (1, 7):
        db.run("SELECT dupgpu_config('threads', ?), dupgpu_config('batch_size', ?)", threads, batch)
        assert db.rows("SELECT id, image FROM line_images('p', 'v') WHERE window = 100 AND stride = 1 AND options = ?",
                       SMALL) == expected
    assert db.rows("SELECT id, image FROM line_images('p', 'v', 100, 1, ?)", SMALL) == expected


@pytest.mark.parametrize("rows, window, stride", [
    (0, 1, 1), (1, 1, 1), (5, 5, 1), (5, 6, 1), (20, 1, 1), (20, 4, 3), (21, 4, 3), (22, 4, 3), (30, 7, 100), (30, 30, 5)])
def test_number_and_ids_of_windows(db, rows, window, stride):
    values = walk(rows)
    fill(db, values)
    expected = [(10 * (k + window - 1), draw(db, values[k:k + window])) for k in range(0, rows - window + 1, stride)]
    assert db.rows("SELECT * FROM line_images('p', 'v') WHERE window = ? AND stride = ? AND options = ?",
                   window, stride, SMALL) == expected


def test_partitions_and_order(db):
    chance = random.Random(2)
    db.run("CREATE TABLE q(name TEXT PRIMARY KEY, symbol COLLATE NOCASE, day, v) WITHOUT ROWID")
    rows = []
    for i in range(200):
        rows.append((f"r{i:03}", chance.choice(["a", "A", "b", None, 3]), chance.randint(0, 30), chance.gauss(0, 1)))
        db.run("INSERT INTO q VALUES(?, ?, ?, ?)", *rows[-1])
    order = {None: 0, 3: 1, "A": 2, "a": 3, "b": 4}
    rows.sort(key=lambda row: (order[row[1]], row[2], row[0]))
    expected = []
    for symbol in order:
        part = [row for row in rows if row[1] == symbol]
        expected += [(part[k + 4][0], draw(db, [row[3] for row in part[k:k + 5]])) for k in range(0, len(part) - 4, 2)]
    assert len(expected) > 60
    assert db.rows("SELECT id, image FROM line_images('q', 'v') WHERE window = 5 AND stride = 2 AND order_by = 'day' AND "
                   "partition_by = 'symbol' AND id_column = 'name' AND options = ?", SMALL) == expected


def test_sequences(db):
    sequences = [walk(n, n) for n in (0, 1, 2, 50, 3000)]
    db.run("CREATE TABLE s(id INTEGER PRIMARY KEY, v)")
    for i, values in enumerate(sequences):
        db.run("INSERT INTO s VALUES(?, ?)", 3 * i, json.dumps(values))
        db.run("INSERT INTO s VALUES(?, ?)", 3 * i + 1, array.array("d", values).tobytes())
        db.run("INSERT INTO s VALUES(?, NULL)", 3 * i + 2)
    expected = []
    for i, values in enumerate(sequences):
        image = draw(db, values)
        expected += [(3 * i, image), (3 * i + 1, image), (3 * i + 2, None)]
    for threads in (1, 2, 8):
        db.run("SELECT dupgpu_config('threads', ?)", threads)
        assert db.rows("SELECT id, image FROM line_images('s', 'v') WHERE options = ?", SMALL) == expected
    assert db.rows("SELECT image FROM line_images('s', 'v') WHERE options = ? AND id = 9", SMALL) == [expected[9][1:]]
    assert db.rows("SELECT id, image FROM line_images('s', 'v') WHERE options = ? ORDER BY id DESC LIMIT 2", SMALL) == \
        expected[:-3:-1]
    narrow = array.array("f", [1, 5, 2])
    db.run("CREATE TABLE f(id INTEGER PRIMARY KEY, v)").run("INSERT INTO f VALUES(1, ?)", narrow.tobytes())
    assert db.value("SELECT image FROM line_images('f', 'v') WHERE options = '{\"dtype\": \"f4\"}'") == \
        db.value("SELECT render_line('[1, 5, 2]')")


@pytest.mark.parametrize("options", ["{}", '{"format": "raw", "width": 100, "height": 80}',
                                     '{"color": "#aa2211", "background": "#eeffee", "width": 90, "height": 90}',
                                     '{"background": "transparent", "bits": 2}', '{"antialias": 0, "bits": 1}'])
def test_hashes_of_pictures(db, options):
    fill(db, walk(60))
    where = "WHERE window = 20 AND stride = 5 AND options = ?"
    hashes = db.rows(f"SELECT id, image FROM line_images('p', 'v') {where} AND output = 'hash'", options)
    file = options.replace('"format": "raw", ', '"bits": 8, ')
    assert hashes == db.rows(f"SELECT id, phash(image) FROM line_images('p', 'v') {where}", file)


@pytest.mark.parametrize("value, words", [
    ("'[1, 2'", ["row 77", "byte 6"]), ("5", ["row 77", "number", "window"]), ("2.5", ["row 77"]),
    ("x'0011'", ["row 77", "2 bytes", "f8"]), ("'x'", ["row 77", "byte 1"])])
def test_bad_sequences_name_their_row(db, value, words):
    db.run("CREATE TABLE s(id INTEGER PRIMARY KEY, v)")
    for i in range(100):
        db.run("INSERT INTO s VALUES(?, '[1, 2]')", i)
    db.run(f"UPDATE s SET v = {value} WHERE id = 77")
    error = db.error("SELECT sum(length(image)) FROM line_images('s', 'v')")
    assert all(word in error for word in ["line_images: s.v", *words]), error
    assert len(db.rows("SELECT image FROM line_images('s', 'v') LIMIT 77")) == 77
    assert db.value("SELECT count(*) FROM line_images('s', 'v')") == 100  # nothing is drawn for a count


def test_errors(db):
    fill(db, [1, 2, 3])
    images = "SELECT image FROM line_images('p', 'v') WHERE "
    for condition, words in [
            ("stride = 2", ["stride", "window"]), ("order_by = 'v'", ["order_by", "window"]),
            ("partition_by = 'v'", ["partition_by", "window"]), ("window = 0", ["window", "1 or more"]),
            ("window = 1 AND stride = 0", ["stride"]), ("window = 'x'", ["window", "'x'"]),
            ("window = 200000000", ["window", "134217728"]), ("options = 5", ["options", "JSON"]),
            ("options = '{\"bit\": 1}'", ["unknown option", "bit"]), ("output = 'png'", ["'image', 'hash'"]),
            ("window = 1 AND order_by = 'nope'", ["no such column", "nope"]),
            ("window = 1 AND partition_by = 'nope'", ["no such column"]), ("id_column = 'nope'", ["no such column"])]:
        error = db.error(images + condition)
        assert all(word in error for word in ["line_images", *words]), (condition, error)
    assert "no such table" in db.error("SELECT * FROM line_images('nope', 'v')")
    assert "column is missing" in db.error("SELECT * FROM line_images('p')")
    db.run("INSERT INTO p VALUES(55, 'five')")
    error = db.error(images + "window = 2")
    assert "row 55" in error and "TEXT" in error


def test_memory_limit(db):
    fill(db, walk(400))
    images = "SELECT id, image FROM line_images('p', 'v') WHERE window = 50 AND options = ?"
    expected = db.rows(images, SMALL)
    db.run("SELECT dupgpu_config('memory_limit_gb', 0.004), dupgpu_config('threads', 8)")
    assert db.rows(images, SMALL) == expected
    assert db.value("SELECT bytes FROM dupgpu_stats ORDER BY rowid DESC LIMIT 1") < 0.004 * 2 ** 30
    assert "memory limit" in db.error(images, '{"width": 8000, "height": 8000}')
    db.run("SELECT dupgpu_config('memory_limit_gb', 0.000001)")
    assert "memory limit" in db.error(images, SMALL)


def test_series_beyond_the_memory_limit(db):
    db.run("CREATE TABLE p(v)").run(
        "WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM c WHERE i < 400000) INSERT INTO p SELECT i FROM c")
    db.run("SELECT dupgpu_config('memory_limit_gb', 0.002)")
    error = db.error("SELECT count(*) FROM line_images('p', 'v') WHERE window = 50 AND options = ?", SMALL)
    assert "memory limit" in error and "rows" in error


def test_in_statements(db):
    fill(db, walk(300))
    db.run("CREATE TABLE pictures(id INTEGER PRIMARY KEY, image BLOB)")
    db.run("INSERT INTO pictures SELECT id, image FROM line_images('p', 'v') WHERE window = 100 AND options = ?", SMALL)
    assert db.value("SELECT count(*) FROM pictures") == 201
    assert db.rows("SELECT op, backend, rows, results FROM dupgpu_stats") == [("line_images", "cpu", 300, 201)]
    db.run("CREATE VIRTUAL TABLE kept USING line_images(p, v, window=100, options='" + SMALL + "')")
    assert db.rows("SELECT * FROM kept") == db.rows("SELECT * FROM pictures")
    assert "windows of p.v drawn" in db.plan("SELECT * FROM kept")
    assert "windows of p.v drawn" in db.plan("SELECT * FROM line_images('p', 'v') WHERE window = 3")
    assert "sequences of p.v drawn" in db.plan("SELECT * FROM line_images('p', 'v')")
    assert db.value("SELECT count(*) FROM p JOIN line_images('p', 'v') ON id = ts WHERE window = 100 AND v > 0 AND "
                    "length(image) > 0 AND options = ?", SMALL) == \
        db.value("SELECT count(*) FROM p WHERE ts >= 990 AND v > 0")
    db.run("BEGIN").run("DELETE FROM p WHERE ts > 1500")
    assert db.value("SELECT count(*) FROM line_images('p', 'v') WHERE window = 100") == 52
    db.run("ROLLBACK")
    assert db.value("SELECT count(*) FROM line_images('p', 'v') WHERE window = 100") == 201
    db.run("CREATE VIEW w AS SELECT ts AS k, -v AS v FROM p")
    assert db.value("SELECT count(*) FROM line_images('w', 'v') WHERE window = 100 AND id_column = 'k'") == 201
    db.run("CREATE VIEW again AS SELECT id, 1 AS v FROM line_images('again', 'v') WHERE window = 1")
    assert "back to itself" in db.error("SELECT * FROM line_images('again', 'v') WHERE window = 1")


def test_rows_changed_while_they_are_drawn(db):
    db.run("CREATE TABLE s(id INTEGER PRIMARY KEY, v, image)")
    for i in range(500):
        db.run("INSERT INTO s(id, v) VALUES(?, '[1, 2]')", i)
    db.run("UPDATE s SET image = d.image FROM line_images('s', 'v') AS d WHERE s.id = d.id AND options = ?", SMALL)
    assert db.value("SELECT count(*) FROM s WHERE image = render_line('[1, 2]', ?)", SMALL) == 500


def test_interrupt(db):
    fill(db, walk(3000))
    statement = ("SELECT sum(length(image)) FROM line_images('p', 'v') WHERE window = 1000 AND "
                 "options = '{\"width\": 4000, \"height\": 3000}'")
    for threads in (1, 2):
        db.run("SELECT dupgpu_config('threads', ?)", threads)
        stopped = []

        def stop():
            time.sleep(0.4)
            stopped.append(time.monotonic())
            db.interrupt()

        thread = threading.Thread(target=stop)
        thread.start()
        error = db.error(statement)
        late = time.monotonic() - stopped[0]
        thread.join()
        assert "interrupt" in error and late < 0.5  # 0.1 s, on a machine that is busy with other tests


def test_progress(db, connect):
    fill(db, walk(300))
    watcher = connect()
    rows = db.cursor("SELECT length(image) FROM line_images('p', 'v') WHERE window = 100 AND options = ?", SMALL)
    for _ in range(5):
        next(rows)
    (op, source, done, total), = watcher.rows("SELECT op, source, done, total FROM dupgpu_progress")
    assert (op, source, total) == ("line_images", "p.v", 201) and 4 <= done <= 5  # Python steps one row ahead
    assert len(list(rows)) == 196
    assert watcher.rows("SELECT * FROM dupgpu_progress") == []
