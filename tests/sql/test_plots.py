"""sql/plots.sql: the two pictures that README.md shows are the ones it draws."""

import pathlib
import subprocess

import pytest

PIL = pytest.importorskip("PIL.Image")

SHOWN = pathlib.Path(__file__).resolve().parents[1] / "golden" / "plots"

# 2,000 hashes without a pattern, and 500 near copies.
PHOTOS = """
CREATE TABLE photos(id INTEGER PRIMARY KEY, phash BLOB);
WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM c WHERE i < 2000)
INSERT INTO photos
SELECT i, hash_blob(printf('%04x%04x%04x%04x', i * i % 65521, i * 40503 % 65519, i * i % 65497 * i % 65479,
                           i * 25717 % 65449)) FROM c;
INSERT INTO photos(phash)
SELECT hash_int(phash) & ~(1 << (id % 61)) & ~(1 << (id % 13)) & ~(1 << (id % 37)) FROM photos WHERE id % 4 = 0;
UPDATE photos SET phash = hash_blob(phash);
"""


def draw(extension, scripts, folder, sql):
    command = ["sqlite3", "-batch", "-bail", "-cmd", f".load {extension}", ":memory:"]
    done = subprocess.run(command, input=f"{sql}\n.read {scripts / 'plots.sql'}\n", cwd=folder, capture_output=True,
                          text=True, timeout=100)
    assert done.returncode == 0 and done.stdout == "1\n1\n", done.stderr


def pixels(file):
    with PIL.open(file) as image:
        return image.size, image.convert("RGB").tobytes()


def test_pictures_shown_are_remade(extension, scripts, tmp_path):
    draw(extension, scripts, tmp_path, PHOTOS)
    for name in ("histogram.png", "series.png"):
        assert pixels(tmp_path / name) == pixels(SHOWN / name), name


def test_a_view_of_ones_own(extension, scripts, tmp_path):
    draw(extension, scripts, tmp_path, PHOTOS + "CREATE TEMP VIEW series AS SELECT id AS at, 7 AS value FROM photos;")
    size, flat = pixels(tmp_path / "series.png")
    assert size == (480, 160) and len({flat[3 * 480 * y + 720:3 * 480 * y + 723] for y in range(160)}) > 1
    assert flat[:3] == bytes.fromhex("f6f4ee") and flat[3 * 480 * 80 + 720:3 * 480 * 80 + 723] != flat[:3]
