"""Joins over phash_orientations: turned and mirrored copies, each pair once with its least distance."""

import io
import random

import pytest
from PIL import Image, ImageOps

VIEWS = 8
TURNS = [None, Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_180, Image.Transpose.FLIP_TOP_BOTTOM,
         Image.Transpose.TRANSPOSE, Image.Transpose.ROTATE_270, Image.Transpose.TRANSVERSE, Image.Transpose.ROTATE_90]


def difference(a, b):
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_count()


def views_of(row):
    size = len(row) // VIEWS
    return [row[view * size:(view + 1) * size] for view in range(VIEWS)]


def turned_distance(a, b):
    return min(difference(views_of(a)[0], view) for view in views_of(b))


def rows_of(count, size, seed):
    """Rows of eight hashes, some of which hold a near copy of another row's first hash in one of their views."""
    source = random.Random(seed)
    rows = [source.randbytes(VIEWS * size) for _ in range(count)]
    for _ in range(count // 2):
        i, j, view = source.randrange(count), source.randrange(count), source.randrange(VIEWS)
        near = bytearray(views_of(rows[i])[0])
        for _ in range(source.randrange(4)):
            near[source.randrange(size)] ^= 1 << source.randrange(8)
        rows[j] = rows[j][:view * size] + bytes(near) + rows[j][(view + 1) * size:]
    return rows


def fill(db, table, rows):
    db.run(f"CREATE TABLE {table}(id INTEGER PRIMARY KEY, views BLOB)")
    for row in rows:
        db.run(f"INSERT INTO {table}(views) VALUES(?)", row)


@pytest.mark.parametrize("size, threshold", [(8, 5), (8, 24), (2, 3), (32, 40)])
def test_pairs_equal_brute_force(db, size, threshold):
    rows = rows_of(120, size, 1000 * size + threshold)
    fill(db, "t", rows)
    expected = {(i + 1, j + 1, d) for j in range(len(rows)) for i in range(j)
                if (d := min(turned_distance(rows[i], rows[j]), turned_distance(rows[j], rows[i]))) <= threshold}
    found = db.rows("SELECT id_a, id_b, distance FROM similar_pairs('t', 'views', ?) WHERE orientations = 1", threshold)
    assert len(found) == len(set(found)) and set(found) == expected and len(expected) > 20
    low = db.rows("SELECT id_a, id_b, distance FROM similar_pairs('t', 'views', ?) WHERE orientations = 1 AND distance = 1",
                  threshold)
    assert set(low) == {pair for pair in expected if pair[2] == 1}
    one = next(iter(expected))[0]
    assert set(db.rows("SELECT id_a, id_b, distance FROM similar_pairs('t', 'views', ?) WHERE orientations = 1 AND id_a = ?",
                       threshold, one)) == {pair for pair in expected if pair[0] == one}
    parts = [row for part in range(3)
             for row in db.rows("SELECT id_a, id_b, distance FROM similar_pairs('t', 'views', ?) "
                                "WHERE orientations = 1 AND shard = ? AND shards = 3", threshold, part)]
    assert sorted(parts) == sorted(found)


def test_join_equals_brute_force(db):
    left, right = rows_of(80, 8, 5), rows_of(90, 8, 6)
    right[7] = left[3][24:32] + right[7][8:]  # a picture that is a turned one on the left, upright here
    right[8] = right[8][:40] + left[4][:8] + right[8][48:]
    fill(db, "a", left)
    fill(db, "b", right)
    expected = {(i + 1, j + 1, d) for i, x in enumerate(left) for j, y in enumerate(right) if (d := turned_distance(x, y)) <= 16}
    found = db.rows("SELECT id_left, id_right, distance FROM similarity_join('a', 'views', 'b', 'views', 16) "
                    "WHERE orientations = 1")
    assert len(found) == len(set(found)) and set(found) == expected and (5, 9, 0) in expected


def test_copies_of_a_photograph(db, root):
    """All eight ways to hold a picture are found, and without the option only one."""
    scene = Image.effect_mandelbrot((240, 180), (-2.2, -1.1, 0.9, 0.8), 60)
    scene = ImageOps.autocontrast(Image.blend(scene, Image.linear_gradient("L").resize((240, 180)), 0.4))
    db.run("CREATE TABLE photos(id INTEGER PRIMARY KEY, data BLOB, views BLOB)")
    for turn in TURNS:
        out = io.BytesIO()
        (scene if turn is None else scene.transpose(turn)).save(out, "PNG")
        db.run("INSERT INTO photos(data) VALUES(?)", out.getvalue())
    db.run("UPDATE photos SET views = phash_orientations(data)")
    pairs = db.rows("SELECT id_a, id_b, distance FROM similar_pairs('photos', 'views', 6) WHERE orientations = 1")
    assert len(pairs) == 28 and [d for a, b, d in pairs if a == 1 and b < 5] == [0, 0, 0]
    db.run("ALTER TABLE photos ADD COLUMN phash BLOB")
    db.run("UPDATE photos SET phash = phash(data)")
    assert db.value("SELECT count(*) FROM similar_pairs('photos', 'phash', 6)") == 0


@pytest.mark.parametrize("value, text", [("x'0011'", "16 bits"), ("1234", "64 bits"), ("'00112233445566778899'", "80 bits")])
def test_rows_that_are_not_eight_hashes(db, value, text):
    db.run("CREATE TABLE t(id INTEGER PRIMARY KEY, views)")
    db.run(f"INSERT INTO t(views) VALUES({value})")
    error = db.error("SELECT * FROM similar_pairs('t', 'views', 3) WHERE orientations = 1")
    assert text in error and "phash_orientations" in error and "t.views" in error


def test_the_option_takes_0_and_1(db):
    db.run("CREATE TABLE t(id INTEGER PRIMARY KEY, views)")
    assert db.rows("SELECT * FROM similar_pairs('t', 'views', 3) WHERE orientations = 1") == []
    assert db.rows("SELECT * FROM similar_pairs('t', 'views', 3) WHERE orientations = 0") == []
    assert "it takes 0 or 1" in db.error("SELECT * FROM similar_pairs('t', 'views', 3) WHERE orientations = 2")
    plan = db.rows("EXPLAIN QUERY PLAN SELECT * FROM similar_pairs('t', 'views', 3) WHERE orientations = 1")
    assert "in any orientation" in str(plan)
