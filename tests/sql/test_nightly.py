"""sql/nightly_pairs.sql: after any changes its table holds the pairs there are, and it prints those it has found."""

import random
import sqlite3

import oracle

PAIRS = ("SELECT a.id, b.id, hamming(a.phash, b.phash) AS d FROM photos AS a JOIN photos AS b ON a.id < b.id "
         "WHERE d <= {} AND (d > 0 OR hash_int(a.phash) <> 0) ORDER BY d, a.id, b.id")


def change(db, draw, night):
    """A day's work: pictures come, go, and get other hashes."""
    for value in oracle.sample("clustered", 15, 64, seed=night):
        db.execute("INSERT INTO photos(phash) VALUES(?)", (value,))
    db.execute("INSERT INTO photos(phash) VALUES(zeroblob(8)), (NULL)")
    ids = [id for (id,) in db.execute("SELECT id FROM photos")]
    db.execute("DELETE FROM photos WHERE id = ?", (draw.choice(ids),))
    value = oracle.sample("clustered", 1, 64, seed=1000 + night)[0]
    db.execute("UPDATE photos SET phash = ? WHERE id = ?", (value, draw.choice(ids)))
    db.execute("INSERT OR REPLACE INTO photos(id, phash) VALUES(?, ?)", (draw.choice(ids), value))
    db.commit()


def test_every_night(shell, scripts, extension, tmp_path):
    draw = random.Random(4)
    db = sqlite3.connect(tmp_path / "photos.db")
    db.enable_load_extension(True)
    db.load_extension(extension)
    db.execute("CREATE TABLE photos(id INTEGER PRIMARY KEY, phash BLOB)")
    before = set()
    for night, threshold in enumerate((6, 6, 6, 9, 9, 4, 6)):
        change(db, draw, night)
        printed = shell(f".parameter set :threshold {threshold}\n.read {scripts}/nightly_pairs.sql\n", tmp_path / "photos.db")
        expected = db.execute(PAIRS.format(threshold)).fetchall()
        assert db.execute("SELECT id_a, id_b, distance FROM nightly_pairs ORDER BY distance, id_a, id_b").fetchall() == expected
        printed = {tuple(map(int, line.split("|"))) for line in printed.splitlines()}
        assert set(expected) - before <= printed <= set(expected)
        if night in (1, 2, 4):
            assert len(printed) < len(expected)
        before = set(expected)
        db.execute("INSERT INTO photo_index(photo_index) VALUES('integrity-check')")
    db.close()
