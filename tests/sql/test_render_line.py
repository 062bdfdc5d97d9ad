"""render_line and render_line_agg: exact pictures, every error, windows equal to the scalar."""

import array
import hashlib
import io
import json
import math
import random

import pytest

PIL = pytest.importorskip("PIL.Image")

COVERAGE = {"color": 255, "background": 0, "format": "raw"}  # a sample is then the coverage itself
S = [(7 * i * i % 101) - 50 for i in range(100)]
U = [None if 1000 <= i < 1300 else ((3 * i * i + 17 * i) % 4099) / 10 - 200 for i in range(5000)]


def digest(data):
    return hashlib.sha256(data).hexdigest()[:16]


def coverage(db, values, **options):
    return db.value("SELECT render_line(?, ?)", json.dumps(values), json.dumps(COVERAGE | options))


def rows(db, values, width, height, line_width):
    data = coverage(db, values, width=width, height=height, line_width=line_width)
    return [list(data[y * width:(y + 1) * width]) for y in range(height)]


def test_worked_pictures(db):
    assert rows(db, [0, 1, 0], 9, 6, 1) == [
        [0, 0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 75, 255, 75, 0, 0, 0],
        [0, 0, 75, 255, 75, 255, 75, 0, 0],
        [0, 75, 255, 75, 0, 75, 255, 75, 0],
        [0, 255, 75, 0, 0, 0, 75, 255, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 0]]
    assert rows(db, [0, None, 1, 2, None], 10, 6, 2) == [
        [0, 0, 0, 0, 0, 0, 121, 64, 0, 0],
        [0, 0, 0, 0, 10, 176, 255, 192, 0, 0],
        [0, 0, 0, 0, 203, 255, 232, 65, 0, 0],
        [22, 128, 22, 0, 203, 204, 37, 0, 0, 0],
        [128, 255, 128, 0, 0, 0, 0, 0, 0, 0],
        [22, 128, 22, 0, 0, 0, 0, 0, 0, 0]]
    for values, middle in ([5, 5, 5], [0, 255, 255, 255, 255, 255, 0]), ([5], [0, 0, 255, 255, 255, 0, 0]):
        assert rows(db, values, 7, 5, 3)[2] == middle


@pytest.mark.parametrize("values, width, height, line_width, expected", [
    (S, 64, 64, 1, "87feae9d131332c4"),
    (S, 224, 224, 3, "262794743ddb8af0"),
    (S, 800, 500, 3, "9d46e585856cadf3"),
    (U, 40, 30, 1, "0e609e266bf8da06"),
])
def test_worked_checksums(db, values, width, height, line_width, expected):
    assert digest(coverage(db, values, width=width, height=height, line_width=line_width)) == expected


def test_default_formats(db):
    assert digest(db.value("SELECT render_line(?, '{\"format\": \"raw\"}')", json.dumps(S))) == "77c26ec51db07a74"
    image = PIL.open(io.BytesIO(db.value("SELECT render_line(?)", json.dumps(S))))
    assert image.format == "PNG" and image.size == (800, 500)
    samples = [grey // 17 for grey in image.convert("L").tobytes()]
    packed = bytes(high << 4 | low for high, low in zip(samples[::2], samples[1::2]))
    assert digest(packed) == "8ef95e0b69d2e2c6"


def test_files_are_as_pillow_reads_them(db):
    chance = random.Random(5)
    for bits in (1, 2, 4, 8):
        for background in (255, "#0080ff", "transparent"):
            width, height = chance.randint(1, 200), chance.randint(1, 90)
            values = [chance.random() for _ in range(chance.randint(0, 40))]
            options = {"width": width, "height": height, "line_width": 2}
            plain = coverage(db, values, **options)
            most = 2 ** bits - 1
            file = db.value("SELECT render_line(?, ?)", json.dumps(values),
                            json.dumps(options | {"bits": bits, "background": background, "color": "#102030"}))
            pixels = PIL.open(io.BytesIO(file)).convert("RGBA").tobytes()
            below = {255: (255, 255, 255), "#0080ff": (0, 128, 255)}.get(background)
            for i, a in enumerate(plain):
                k = (a * most + 127) // 255
                if below:
                    expected = [(b * (most - k) + c * k + most // 2) // most
                                for b, c in zip(below, (16, 32, 48))] + [255]
                else:
                    expected = [16, 32, 48, (255 * k + most // 2) // most]
                assert list(pixels[4 * i:4 * i + 4]) == expected


def test_forms_of_a_sequence(db):
    values = [1.5, -2.25, 1e300, 4, 0.1]
    text = db.value("SELECT render_line(?)", json.dumps(values))
    assert text == db.value("SELECT render_line(?)", array.array("d", values).tobytes())
    assert text == db.value("SELECT render_line(' [1.5e0 ,\n-225E-2,1E+300\t, 4.0,0.1 ] ')")
    narrow = array.array("f", [1, 2.5, -3])
    assert db.value("SELECT render_line(?, '{\"dtype\": \"f4\"}')", narrow.tobytes()) == \
        db.value("SELECT render_line('[1, 2.5, -3]')")
    gaps = array.array("d", [1, math.nan, 2, math.inf, -math.inf, 3]).tobytes()
    assert db.value("SELECT render_line(?)", gaps) == db.value("SELECT render_line('[1,null,2,null,1e999,3]')")
    blank = db.value("SELECT render_line('[]')")
    assert blank == db.value("SELECT render_line(x'')") == db.value("SELECT render_line('[null, null]')")
    assert set(coverage(db, [])) == {0}
    assert db.value("SELECT render_line(NULL)") is None and db.value("SELECT render_line('[1]', NULL)") is None


def test_range_of_values(db):
    inside = coverage(db, [0, 1, 0.5], min=0, max=1)
    assert inside == coverage(db, [-7, 3, 0.5], min=0, max=1)
    assert inside != coverage(db, [0, 1, 0.5], min=0, max=2)
    assert coverage(db, [0, 1], min=1, max=1) == coverage(db, [7, 7])
    assert coverage(db, [-1e300, 1e300, -1e300]) == coverage(db, [0, 1, 0])


@pytest.mark.parametrize("sequence, words", [
    ("'[1, 2'", ["byte 6", "comma or ]"]),
    ("'[1, 2] x'", ["byte 8"]),
    ("'[1, [2]]'", ["byte 5", "a number or null"]),
    ("'[1, true]'", ["byte 5"]),
    ("'[1, NaN]'", ["byte 5"]),
    ("'[1, \"2\"]'", ["byte 5"]),
    ("'[1,]'", ["byte 4"]),
    ("'[01]'", ["byte 2"]),
    ("'[1.]'", ["byte 2"]),
    ("'[+1]'", ["byte 2"]),
    ("''", ["byte 1", "JSON array"]),
    ("'{}'", ["byte 1"]),
    ("x'00112233'", ["4 bytes", "f8", "8"]),
    ("1", ["INTEGER", "JSON array"]),
    ("1.5", ["REAL", "BLOB"]),
])
def test_bad_sequences(db, sequence, words):
    error = db.error(f"SELECT render_line({sequence})")
    assert all(word in error for word in ["render_line", *words]), error


@pytest.mark.parametrize("options, words", [
    ('{"wdth": 1}', ["wdth", "width, height, line_width, padding, min, max"]),
    ('{"width": 0}', ["width", "1 to 8192"]),
    ('{"height": 8193}', ["height", "8193", "8192"]),
    ('{"width": 1.5}', ["width", "whole"]),
    ('{"width": "9"}', ["width", '"9"']),
    ('{"width": null}', ["width", "null"]),
    ('{"line_width": 0.2}', ["line_width", "0.25 to 64"]),
    ('{"line_width": 65}', ["line_width", "65"]),
    ('{"padding": -1}', ["padding", "-1"]),
    ('{"min": 1e999}', ["min", "finite"]),
    ('{"min": 2, "max": 1}', ["min", "2", "max", "1"]),
    ('{"antialias": 2}', ["antialias", "0 or 1"]),
    ('{"color": 256}', ["color", "256", "#rrggbb"]),
    ('{"color": "red"}', ["color", "red"]),
    ('{"color": "#12345"}', ["color", "#12345"]),
    ('{"color": "transparent"}', ["color", "transparent"]),
    ('{"background": "#12345g"}', ["background", "transparent"]),
    ('{"bits": 3}', ["bits", "1, 2, 4 or 8"]),
    ('{"format": "jpeg"}', ["format", "jpeg", '"png", "raw" or "pgm"']),
    ('{"dtype": "f2"}', ["dtype", "f2", '"f8" or "f4"']),
    ('{"color": "#102030", "format": "raw"}', ["color", "#102030", "raw", "grey"]),
    ('{"background": "#102030", "format": "pgm"}', ["background", "pgm"]),
    ('{"background": "transparent", "format": "raw"}', ["background", "transparent", "raw"]),
    ('{"width": 3', ["options"]),
    ("[]", ["options"]),
])
def test_bad_options(db, options, words):
    for sql in ("SELECT render_line('[1, 2]', ?)", "SELECT render_line_agg(1, ?)"):
        error = db.error(sql, options)
        assert all(word in error for word in ["render_line", *words]), error


def test_options_of_another_type(db):
    assert "INTEGER" in db.error("SELECT render_line('[1]', 5)")
    assert "NULL" in db.error("SELECT render_line_agg(1, NULL)")


def test_options_that_are_taken(db):
    value = db.value
    assert value("SELECT render_line('[1, 2]', '{\"antialias\": false}') = render_line('[1, 2]', '{\"antialias\": 0}')")
    assert value("SELECT render_line('[1, 2]', '{}') = render_line('[1, 2]')")
    assert value("SELECT render_line('[1, 2]', '{\"color\": \"#0A0b0C\", \"format\": \"png\"}')")
    assert value("SELECT render_line('[1, 2]', '{\"padding\": 1e300}')")
    pgm = value("SELECT render_line('[1, 2]', '{\"format\": \"pgm\", \"width\": 30, \"height\": 20}')")
    assert pgm.startswith(b"P5\n30 20\n255\n") and len(pgm) == 13 + 600


# --- aggregate and window function ---

def fill(db, values):
    db.run("CREATE TABLE y(i INTEGER PRIMARY KEY, v)")
    for i, v in enumerate(values):
        db.run("INSERT INTO y VALUES(?, ?)", i, v)


def test_aggregate(db):
    values = [1, 2.5, None, -3, 7]
    fill(db, values)
    options = '{"width": 50, "height": 40}'
    assert db.value("SELECT render_line_agg(v, ?) FROM y", options) == \
        db.value("SELECT render_line(?, ?)", json.dumps(values), options)
    assert db.value("SELECT render_line_agg(v) FROM y") == db.value("SELECT render_line(?)", json.dumps(values))
    blank = db.value("SELECT render_line('[]')")
    assert db.value("SELECT render_line_agg(v) FROM y WHERE 0") == blank
    assert db.value("SELECT render_line_agg(NULL) FROM y") == blank
    assert db.rows("SELECT i % 2, render_line_agg(v, ?) FROM y GROUP BY 1", options) == [
        (k, db.value("SELECT render_line(?, ?)", json.dumps(values[k::2]), options)) for k in (0, 1)]
    assert "TEXT" in db.error("SELECT render_line_agg('1') FROM y")
    assert "BLOB" in db.error("SELECT render_line_agg(x'00') FROM y")
    error = db.error("SELECT render_line_agg(v, iif(i < 3, '{}', '{\"bits\": 2}')) FROM y")
    assert "options differ" in error and "bits" in error
    db.run("SELECT render_line_agg(v, '{\"bits\": ' || (1 + i % 2) || '}') FROM y GROUP BY i")


@pytest.mark.parametrize("frame, span", [
    ("ROWS 9 PRECEDING", lambda i, n: (i - 9, i + 1)),
    ("ROWS BETWEEN 3 PRECEDING AND 4 FOLLOWING", lambda i, n: (i - 3, i + 5)),
    ("ROWS BETWEEN 2 FOLLOWING AND 6 FOLLOWING", lambda i, n: (i + 2, i + 7)),
    ("ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW", lambda i, n: (0, i + 1)),
    ("ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING", lambda i, n: (i, n)),
    ("ROWS BETWEEN 5 PRECEDING AND 3 PRECEDING", lambda i, n: (i - 5, i - 2)),
])
def test_every_window_is_the_scalar(db, frame, span):
    chance = random.Random(3)
    values = [None if chance.random() < 0.1 else chance.gauss(0, 1) for _ in range(300)]
    fill(db, values)
    options = json.dumps(COVERAGE | {"width": 30, "height": 20, "line_width": 1})
    got = db.rows(f"SELECT i, render_line_agg(v, ?) OVER (ORDER BY i {frame}) FROM y", options)
    for i, image in got:
        first, end = span(i, len(values))
        window = values[max(first, 0):max(end, 0)]
        if not window and i < 3:  # no row has been seen, so no options
            assert image == db.value("SELECT render_line('[]')")
            continue
        assert image == db.value("SELECT render_line(?, ?)", json.dumps(window), options), (i, window)


def test_window_with_filter_partition_and_range(db):
    values = [float(i * i % 17) for i in range(60)]
    fill(db, values)
    options = '{"width": 20, "height": 20}'
    draw = "SELECT render_line(?, ?)"
    for i, image in db.rows("SELECT i, render_line_agg(v, ?) FILTER (WHERE i % 3) OVER "
                            "(ORDER BY i ROWS 9 PRECEDING) FROM y", options):
        window = [values[k] for k in range(max(i - 9, 0), i + 1) if k % 3]
        if window:
            assert image == db.value(draw, json.dumps(window), options)
    for i, image in db.rows("SELECT i, render_line_agg(v, ?) OVER (PARTITION BY i / 20 ORDER BY i "
                            "RANGE BETWEEN 4 PRECEDING AND CURRENT ROW) FROM y", options):
        window = values[max(i - 4, i // 20 * 20):i + 1]
        assert image == db.value(draw, json.dumps(window), options)


# --- what SQLite asks of functions ---

def test_may_be_used_in_indexes_and_checks(db):
    db.run("PRAGMA trusted_schema = OFF")
    db.run("CREATE TABLE s(v TEXT, image BLOB AS (render_line(v, '{\"width\": 8, \"height\": 8}')) STORED, "
           "CHECK (length(render_line(v)) > 0))")
    db.run("INSERT INTO s(v) VALUES('[1, 2]')")
    assert db.value("SELECT image = render_line('[1, 2]', '{\"width\": 8, \"height\": 8}') FROM s")
    assert "byte 2" in db.error("INSERT INTO s(v) VALUES('[x]')")


def test_long_sequences(db):
    values = array.array("d", [0.0]) * 1_000_000
    values[123_456] = 1
    image = db.value("SELECT render_line(?, ?)", values.tobytes(), json.dumps(COVERAGE | {"width": 300, "height": 50}))
    assert max(image[2 * 300:3 * 300]) == 255


def test_the_largest_canvas(db):
    options = '{"width": 8192, "height": 8192, "bits": 1}'
    assert len(db.value("SELECT render_line('[0, 1, 0]', ?)", options)) < 200_000
