"""image_hashes: the same answers as the scalar functions, one row for each row of the source, whatever the source is."""

import pathlib

import pytest

GOLDEN = sorted((pathlib.Path(__file__).resolve().parents[1] / "golden" / "pictures").glob("*.*"))
HASHES = ("phash", "dhash", "dhash_vertical", "ahash", "whash")


@pytest.fixture
def photos(db):
    """A table of the golden pictures, two of them damaged, and of values that are no pictures."""
    db.run("CREATE TABLE photos(id INTEGER PRIMARY KEY, name, data)")
    for path in GOLDEN:
        db.run("INSERT INTO photos(name, data) VALUES(?, ?)", path.name, path.read_bytes())
    for value in (None, 5, 1.5, "a path", b"", b"GIF89a", b"\xff\xd8\xff"):
        db.run("INSERT INTO photos(name, data) VALUES(?, ?)", repr(value), value)
    return db


def scalar(db, expression, row):
    """The scalar function's value, or its error."""
    try:
        return db.value(f"SELECT {expression} FROM photos WHERE id = ?", row), None
    except Exception as failure:
        return None, str(failure)


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_hashes_are_those_of_the_functions(photos, threads):
    photos.run("SELECT dupgpu_config('threads', ?)", threads)
    found = photos.rows(f"SELECT id, error, {', '.join(HASHES)} FROM image_hashes('photos', 'data')")
    assert [row[0] for row in found] == photos.column("SELECT id FROM photos ORDER BY id")
    for row, error, *hashes in found:
        for function, value in zip(HASHES, hashes):
            expected, failure = scalar(photos, f"{function}(data)", row)
            assert value == expected, (row, function)
            expected = failure and failure.removeprefix(f"{function}: ")
            assert error == expected or "read_files" in error and error.startswith(expected), (row, failure)
