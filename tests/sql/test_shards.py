"""Shares of a search: their union is the whole result and each pair is in one of them; and the recipes that run them.

The recipes (shard_pairs.sh under xargs, GNU parallel, a Slurm array and PySpark, then merge_shards.sql) are run as
README.md has them. Slurm itself is not needed: its job script is run as it is, once for each number of the array.
PySpark's run is left out unless `make spark` has prepared it.
"""

import os
import re
import sqlite3
import subprocess

import oracle
import pytest

SHARDS = (1, 2, 7, 64)
ROWS = 700


def share(db, shard, shards, threshold):
    return db.rows("SELECT id_a, id_b, distance FROM similar_pairs('t', 'h', ?) WHERE shard = ? AND shards = ?",
                   threshold, shard, shards)


def together(shares):
    """{(id_a, id_b): distance} of the rows of all shares, none of which may come twice in either direction."""
    found = {}
    for id_a, id_b, distance in (row for rows in shares for row in rows):
        assert (id_a, id_b) not in found and (id_b, id_a) not in found
        found[id_a, id_b] = distance
    return found


@pytest.mark.parametrize("plan", ["auto", "brute", "multi_index"])
@pytest.mark.parametrize("shape", oracle.SHAPES)
@pytest.mark.parametrize("bits, threshold", [(64, 0), (64, 8), (256, 31)])
def test_shares_of_similar_pairs(db, shape, bits, threshold, plan):
    hashes = oracle.sample(shape, ROWS if shape != "equal" else 200, bits)
    db.table("t", hashes).run("SELECT dupgpu_config('plan', ?)", plan)
    whole = oracle.pairs(hashes, threshold)
    for shards in SHARDS:
        assert together(share(db, shard, shards, threshold) for shard in range(shards)) == whole


@pytest.mark.parametrize("shape", oracle.SHAPES)
def test_shares_of_similarity_join(db, shape):
    hashes = oracle.sample(shape, 400 if shape != "equal" else 150, 64)
    db.table("a", hashes[:150]).table("b", hashes[100:], range(1001, 1001 + len(hashes) - 100))
    statement = "SELECT id_left, id_right, distance FROM similarity_join('a', 'h', 'b', 'h', 6)"
    whole = db.rows(statement)
    assert sorted(whole) == [(left, right + 1001, distance) for left in range(1, 151)
                             for right, other in enumerate(hashes[100:])
                             if (distance := oracle.hamming(hashes[left - 1], other)) <= 6]
    for shards in SHARDS:
        rows = [row for shard in range(shards)
                for row in db.rows(statement + " WHERE shard = ? AND shards = ?", shard, shards)]
        assert sorted(rows) == sorted(whole)


def test_more_shares_than_rows(db):
    db.table("t", [b"\0" * 8, b"\0" * 7 + b"\1", b"\0" * 7 + b"\3"])
    assert together(share(db, shard, 64, 1) for shard in range(64)) == {(1, 2): 1, (2, 3): 1}


@pytest.fixture
def photos(tmp_path):
    """photos.db of a thousand hashes and some rows without one; its pairs within 8 bits."""
    hashes = oracle.sample("phash", 1000, 64)
    hashes[10] = hashes[500] = None
    write(tmp_path / "photos.db", hashes)
    return tmp_path, oracle.pairs(hashes, 8)


def write(path, hashes):
    db = sqlite3.connect(path)
    with db:
        db.execute("DROP TABLE IF EXISTS photos")
        db.execute("CREATE TABLE photos(id INTEGER PRIMARY KEY, path TEXT, phash BLOB)")
        db.executemany("INSERT INTO photos(phash) VALUES(?)", [(value,) for value in hashes])
    db.close()


@pytest.fixture
def run(extension, scripts):
    """A function that runs a command line of README.md in a folder."""

    def command(line, folder, status=0, **env):
        done = subprocess.run(["sh", "-c", line.replace("/usr/share/dupgpu", str(scripts))], cwd=folder, text=True,
                              capture_output=True, timeout=300, env=dict(os.environ, DUPGPU=extension, **env))
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    return command


MERGE = "sqlite3 -batch photos.db '.parameter set :shards {}' '.read /usr/share/dupgpu/merge_shards.sql'"


def merged(folder):
    db = sqlite3.connect(folder / "photos.db")
    rows = db.execute("SELECT id_a, id_b, distance FROM all_pairs").fetchall()
    tables = {name for name, in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    db.close()
    assert tables == {"photos", "all_pairs"}
    return together([rows])


@pytest.mark.parametrize("shards", SHARDS)
def test_under_xargs(photos, run, shards):
    folder, whole = photos
    before = (folder / "photos.db").read_bytes()
    output = run(f"seq 0 {shards - 1} |"
                 f" xargs -P 2 -I '{{}}' /usr/share/dupgpu/shard_pairs.sh photos.db '{{}}' {shards} 8", folder)
    assert len(re.findall(rf"^shard \d+ of {shards}: \d+ pairs$", output, re.MULTILINE)) == shards
    assert (folder / "photos.db").read_bytes() == before
    assert run(MERGE.format(shards), folder) == f"{len(whole)} pairs of {shards} shares\n"
    assert merged(folder) == whole
    assert sorted(file.name for file in folder.iterdir()) == sorted(
        ["photos.db"] + [f"pairs-{shard}-of-{shards}.db" for shard in range(shards)])


def block(root, first):
    """The one block of README.md that begins with `first`."""
    (text,) = [text for text in re.findall(r"^```sh\n(.*?)^```", (root / "README.md").read_text(), re.M | re.S)
               if text.startswith(first)]
    return text


def test_under_gnu_parallel(photos, run, root):
    folder, whole = photos
    run(block(root, "export DUPGPU_THREADS=1"), folder, HOME=str(folder))
    assert merged(folder) == whole


def test_under_a_slurm_array(photos, run, root):
    folder, whole = photos
    job = block(root, "#!/bin/sh\n#SBATCH")
    first, last = map(int, re.search(r"^#SBATCH --array=(\d+)-(\d+)$", job, re.MULTILINE).groups())
    for task in range(first, last + 1):
        run(job, folder, SLURM_ARRAY_TASK_ID=str(task))
    run(MERGE.format(last + 1), folder)
    assert merged(folder) == whole


def test_under_pyspark(photos, run, root):
    python = root / "build" / "spark-venv" / "bin" / "python"
    if not python.exists():
        pytest.skip("PySpark is not there; `make spark` installs it and runs this test")
    folder, whole = photos
    output = run(f"{python} /usr/share/dupgpu/shard_pairs_spark.py photos.db 7", folder, PYSPARK_PYTHON=str(python))
    assert len(re.findall(r"^.*shard \d of 7: \d+ pairs$", output, re.MULTILINE)) == 7
    run(MERGE.format(7), folder)
    assert merged(folder) == whole
    output = run(f"{python} /usr/share/dupgpu/shard_pairs_spark.py nothing.db 2", folder, status=1)
    assert "nothing.db" in output


@pytest.fixture
def shares(photos, run):
    """photos.db and its three shares."""
    folder, whole = photos
    for shard in range(3):
        run(f"/usr/share/dupgpu/shard_pairs.sh photos.db {shard} 3", folder)
    return folder, whole


def change(path, sql):
    db = sqlite3.connect(path)
    with db:
        db.execute(sql)
    db.close()


def refused(run, folder):
    """The error of merging three shares; what was merged before is left alone."""
    db = sqlite3.connect(folder / "photos.db")
    with db:
        db.execute("CREATE TABLE all_pairs AS SELECT 'earlier'")
    output = run(MERGE.format(3), folder, status=1)
    assert db.execute("SELECT * FROM all_pairs").fetchall() == [("earlier",)]
    db.close()
    return output


def test_shares_may_be_found_again(shares, run):
    folder, whole = shares
    run(MERGE.format(3), folder)
    run("/usr/share/dupgpu/shard_pairs.sh photos.db 1 3 8", folder)
    run(MERGE.format(3), folder)
    assert merged(folder) == whole


def test_shares_in_another_folder(shares, run):
    folder, whole = shares
    other = folder / "it's %d"
    other.mkdir()
    for file in folder.glob("pairs-*.db"):
        file.rename(other / file.name)
    run(MERGE.format(3).replace("photos.db", "photos.db \".parameter set :folder \\\"'it''s %d/'\\\"\""), folder)
    assert merged(folder) == whole


def test_a_share_is_missing(shares, run):
    folder, _ = shares
    (folder / "pairs-2-of-3.db").unlink()
    assert "pairs-2-of-3.db" in refused(run, folder)


def test_a_share_was_not_finished(shares, run):
    folder, whole = shares
    change(folder / "pairs-1-of-3.db", "DELETE FROM share")
    output = refused(run, folder)
    assert "not finished: ./pairs-1-of-3.db" in output and "each share must have been finished" in output
    run("/usr/share/dupgpu/shard_pairs.sh photos.db 1 3", folder)
    run(MERGE.format(3), folder)
    assert merged(folder) == whole


def test_shares_of_different_searches(shares, run):
    folder, _ = shares
    run("/usr/share/dupgpu/shard_pairs.sh photos.db 1 3 4", folder)
    assert "all shares must be of one search by one version" in refused(run, folder)


@pytest.mark.parametrize("plan", ["brute", "multi_index"])
def test_shares_by_different_plans(shares, run, plan):
    folder, _ = shares
    run("/usr/share/dupgpu/shard_pairs.sh photos.db 1 3", folder, DUPGPU_PLAN=plan)
    assert "all shares must be of one search by one version" in refused(run, folder)


@pytest.mark.parametrize("sql", ["INSERT INTO photos(phash) VALUES(x'0011223344556677')",
                                 "UPDATE photos SET phash = x'0011223344556677' WHERE id = 1"])
def test_the_catalogue_has_changed(shares, run, sql):
    folder, _ = shares
    change(folder / "photos.db", sql)
    run("/usr/share/dupgpu/shard_pairs.sh photos.db 1 3", folder)
    assert "all shares must be of the same hashes" in refused(run, folder)


def test_a_pair_comes_twice(shares, run):
    folder, _ = shares
    change(folder / "pairs-1-of-3.db", "INSERT INTO pairs SELECT * FROM pairs LIMIT 1")
    change(folder / "pairs-1-of-3.db", "UPDATE share SET pairs = pairs + 1")
    assert "no pair may come twice" in refused(run, folder)


def test_a_share_has_lost_pairs(shares, run):
    folder, _ = shares
    change(folder / "pairs-1-of-3.db", "DELETE FROM pairs WHERE rowid % 2")
    assert "each share must hold the pairs it was written with" in refused(run, folder)


@pytest.mark.parametrize("words, status, said", [
    ("photos.db 1", 2, "usage"),
    ("photos.db 1 2 3 4", 2, "usage"),
    ("photos.db one 2", 2, "'one' is not a number"),
    ("photos.db 0 -2", 2, "'-2' is not a number"),
    ("photo.db 0 2", 1, "no file 'photo.db'"),
    ("photos.db 2 2", 1, "similar_pairs: shard is 2; of 2 shards the numbers are 0 to 1"),
    ("photos.db 0 0", 1, "shards is 0"),
])
def test_wrong_arguments(photos, run, words, status, said):
    folder, _ = photos
    assert said in run(f"/usr/share/dupgpu/shard_pairs.sh {words}", folder, status=status)
    assert not (folder / "photo.db").exists()
