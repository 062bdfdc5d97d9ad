"""A database that version 1 of hash_index's format was written in opens in every later version.

tests/golden/index_v1.db was made by `python tests/sql/test_hash_index_format.py EXTENSION FILE` (with Debian's SQLite)
and is not to be made again.
"""

import hashlib
import pathlib
import shutil
import sqlite3
import sys

import oracle

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden" / "index_v1.db"
WIDTHS = {"narrow": 4, "usual": 8, "wide": 32}
MERGED, WAITING = 300, 40


def hash_of(row, width):
    return hashlib.sha256(str(row).encode()).digest()[:width]


def rows_of(width):
    """Rows 3, 6, 9 ...; of the merged ones every tenth is gone, and every tenth of the rest was changed since."""
    rows = {3 * n: hash_of(3 * n, width) for n in range(1, MERGED + WAITING + 1)}
    for n in range(10, MERGED + 1, 10):
        del rows[3 * n]
        rows[3 * n - 3] = hash_of(-n, width)
    return rows


def make(extension, path):
    db = sqlite3.connect(path, isolation_level=None)
    db.enable_load_extension(True)
    db.load_extension(extension)
    db.execute("PRAGMA page_size = 1024")
    for name, width in WIDTHS.items():
        db.execute(f"CREATE TABLE {name}_content(id INTEGER PRIMARY KEY, hash BLOB)")
        db.execute(f"CREATE VIRTUAL TABLE {name} USING hash_index(bits={8 * width}, content={name}_content, "
                   "content_column=hash, content_rowid=id)")
        db.execute(f"INSERT INTO {name}({name}) VALUES('create-triggers')")
        rows = [(3 * n, hash_of(3 * n, width)) for n in range(1, MERGED + WAITING + 1)]
        db.executemany(f"INSERT INTO {name}_content VALUES(?, ?)", rows[:MERGED])
        db.execute(f"INSERT INTO {name}({name}) VALUES('optimize')")
        db.executemany(f"INSERT INTO {name}_content VALUES(?, ?)", rows[MERGED:])
        for n in range(10, MERGED + 1, 10):
            db.execute(f"DELETE FROM {name}_content WHERE id = ?", (3 * n,))
            db.execute(f"UPDATE {name}_content SET hash = ? WHERE id = ?", (hash_of(-n, width), 3 * n - 3))
    db.execute("VACUUM")
    db.close()


def test_version_1_opens(connect, tmp_path):
    path = tmp_path / "v1.db"
    shutil.copy(GOLDEN, path)
    db = connect(path)
    for name, width in WIDTHS.items():
        rows = rows_of(width)
        db.run(f"INSERT INTO {name}({name}) VALUES('integrity-check')")
        assert dict(db.rows(f"SELECT rowid, hash FROM {name}")) == rows
        assert db.value(f"SELECT count(*) FROM {name}_delta") > WAITING
        mark = db.value(f"SELECT hash_index_mark('{name}')")
        for plan in ("multi_index", "brute"):
            db.value("SELECT dupgpu_config('plan', ?)", plan)
            for row in (3, 27, 903, 1017):
                query = oracle.flip(rows[row], [5, 17])
                near = sorted((oracle.hamming(query, value), key) for key, value in rows.items())
                assert db.rows(f"SELECT distance, rowid FROM {name} WHERE hash MATCH ? AND k = 9", query) == near[:9]
        db.run(f"INSERT INTO {name}_content VALUES(5000, ?)", rows[3])
        db.run(f"INSERT INTO {name}({name}) VALUES('optimize')").run(f"INSERT INTO {name}({name}) VALUES('integrity-check')")
        assert (3, 5000, 0) in db.rows(f"SELECT id_a, id_b, distance FROM similar_pairs('{name}', 'hash', 0) "
                                       "WHERE newer_than = ?", mark)


if __name__ == "__main__":
    make(*sys.argv[1:])
