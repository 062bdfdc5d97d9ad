"""hash_index when things go wrong: processes killed while they write, shadow tables edited by hand.

DUPGPU_INDEX_KILLS sets how many processes are killed in each case; 200 was run by hand.
"""

import os
import random
import signal
import subprocess
import sys
import time

import oracle
import pytest

KILLS = int(os.environ.get("DUPGPU_INDEX_KILLS", 3))
WRITER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.enable_load_extension(True)
db.load_extension(sys.argv[2])
print("ready", flush=True)
row = db.execute("SELECT count(*) FROM t").fetchone()[0]
while True:
    count = 1 if sys.argv[3] == "single" else 700
    db.execute("INSERT INTO t(h) WITH RECURSIVE c(n) AS (VALUES(1) UNION ALL SELECT n + 1 FROM c WHERE n < ?) "
               "SELECT hash_blob(random()) FROM c", (count,))
    row += count
    print(row, flush=True)
"""


@pytest.mark.parametrize("journal", ["delete", "wal"])
@pytest.mark.parametrize("size", ["single", "bulk"])
def test_killed_writers(extension, tmp_path, connect, library, journal, size):
    """What a process had committed is there, in table and index, and nothing else is."""
    if library.name == "newest":
        pytest.skip("one library is enough")
    path = tmp_path / "a.db"
    db = connect(path).run(f"PRAGMA journal_mode = {journal}").run("CREATE TABLE t(id INTEGER PRIMARY KEY, h)")
    db.run("CREATE VIRTUAL TABLE i USING hash_index(bits=64, content=t, content_column=h)")
    db.run("INSERT INTO i(i) VALUES('create-triggers')").run("INSERT INTO i(i, k) VALUES('delta', 100)")
    db.close()
    draw = random.Random(f"{journal} {size}")
    for _ in range(KILLS):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path), extension, size], stdout=subprocess.PIPE,
                              text=True) as writer:
            assert writer.stdout.readline() == "ready\n"
            time.sleep(draw.random() * 0.1)
            writer.send_signal(signal.SIGKILL)
            told = [line for line in writer.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
        assert writer.returncode == -signal.SIGKILL
        db = connect(path)
        assert db.value("PRAGMA integrity_check") == "ok"
        db.run("INSERT INTO i(i) VALUES('integrity-check')")
        count = db.value("SELECT count(*) FROM i")
        assert count == db.value("SELECT count(*) FROM t") and (not told or count >= int(told[-1]))
        db.close()


DAMAGES = {
    "a row block is missing": "DELETE FROM i_rows WHERE id = (SELECT max(id) FROM i_rows)",
    "a band block is missing": "DELETE FROM i_bands WHERE code = (SELECT max(code) FROM i_bands)",
    "all bands are missing": "DELETE FROM i_bands",
    "a row block is empty": "UPDATE i_rows SET block = x'' WHERE id = (SELECT max(id) FROM i_rows)",
    "a band block is NULL": "UPDATE i_bands SET block = NULL WHERE code = (SELECT min(code) FROM i_bands)",
    "a row block is cut": "UPDATE i_rows SET block = substr(block, 1, 500)",
    "a band block is cut": "UPDATE i_bands SET block = substr(block, 1, length(block) - 1)",
    "a byte of a hash is another": "UPDATE i_rows SET block = CAST(substr(block, 1, 2000) || x'5a' || substr(block, 2002) "
                                   "AS BLOB) WHERE id = (SELECT min(id) FROM i_rows)",
    "a byte of a tail is another": "UPDATE i_bands SET block = CAST(substr(block, 1, 1000) || x'5a' || substr(block, 1002) "
                                   "AS BLOB) WHERE code = (SELECT min(code) FROM i_bands)",
    "a block lies elsewhere": "UPDATE i_bands SET code = code + 1000000 WHERE code = (SELECT min(code) FROM i_bands)",
    "a row block lies elsewhere": "UPDATE i_rows SET id = id - 3 WHERE id = (SELECT max(id) FROM i_rows)",
    "a block of another band": "UPDATE i_bands SET block = (SELECT block FROM i_bands WHERE code < 4294967296) "
                               "WHERE code = (SELECT max(code) FROM i_bands)",
    "a block twice": "INSERT INTO i_bands SELECT code + 1, block FROM i_bands LIMIT 1",
    "a band too many": "INSERT INTO i_bands SELECT code + (5 << 32), block FROM i_bands LIMIT 1",
    "another number of rows": "UPDATE i_config SET value = value - 1 WHERE key = 'rows'",
    "no number of rows": "DELETE FROM i_config WHERE key = 'rows'",
    "another version": "UPDATE i_config SET value = 99 WHERE key = 'version'",
    "another width": "UPDATE i_config SET value = 32 WHERE key = 'bits'",
    "a mark too low": "UPDATE i_config SET value = 1 WHERE key = 'mark'",
    "no mark": "DELETE FROM i_config WHERE key = 'mark'",
    "a short hash waits": "UPDATE i_delta SET hash = x'01' WHERE id = (SELECT max(id) FROM i_delta)",
    "an old mark waits": "UPDATE i_delta SET mark = 1 WHERE id = (SELECT max(id) FROM i_delta)",
    "a waiting row is another": "UPDATE i_delta SET id = id + 100000 WHERE id = (SELECT max(id) FROM i_delta)",
    "a waiting hash is another": "UPDATE i_delta SET hash = zeroblob(8) WHERE id = (SELECT max(id) FROM i_delta)",
    "no waiting rows": "DELETE FROM i_delta",
    "no configuration": "DROP TABLE i_config",
    "no rows": "DROP TABLE i_rows",
    "no bands": "DROP TABLE i_bands",
    "no delta": "DROP TABLE i_delta",
    "another table of rows": "DROP TABLE i_rows; CREATE TABLE i_rows(a, b)",
}


@pytest.fixture
def damaged(db):
    """An index on 1,000 rows, 900 of them merged."""
    column = oracle.sample("planted", 1000, 64, seed=2)
    db.table("t", column)
    db.run("CREATE VIRTUAL TABLE i USING hash_index(bits=64, content=t, content_column=h, content_rowid=id)")
    db.run("INSERT INTO i(i) VALUES('create-triggers')")
    db.run("INSERT INTO i(rowid, hash) SELECT id, h FROM t WHERE id <= 900").run("INSERT INTO i(i) VALUES('optimize')")
    db.run("INSERT INTO i(rowid, hash) SELECT id, h FROM t WHERE id > 900")
    db.run("INSERT INTO i(i) VALUES('integrity-check')")
    return db


def try_everything(db):
    """Each answers or ends in an error."""
    for sql in ("SELECT * FROM i", "SELECT rowid, hash FROM i WHERE hash MATCH 5 AND distance <= 4",
                "SELECT rowid FROM i WHERE hash MATCH 5 AND k = 20", "SELECT hash FROM i WHERE rowid = 700",
                "SELECT rowid, hash FROM i WHERE hash MATCH 5 AND distance <= 40", "SELECT hash_index_mark('i')",
                "SELECT count(*) FROM similar_pairs('i', 'hash', 4)", "UPDATE i SET hash = 7 WHERE rowid = 20",
                "SELECT count(*) FROM similar_pairs('i', 'hash', 4) WHERE newer_than = 3",
                "INSERT INTO i(hash) VALUES(77)", "DELETE FROM i WHERE rowid = 9", "INSERT INTO t(h) VALUES(zeroblob(8))",
                "INSERT INTO i(i) VALUES('optimize')", "INSERT INTO i(i) VALUES('integrity-check')"):
        for plan in ("multi_index", "auto"):
            db.value("SELECT dupgpu_config('plan', ?)", plan)
            try:
                db.rows(sql)
            except Exception as failure:
                assert str(failure)


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_found(damaged, damage):
    for sql in DAMAGES[damage].split(";"):
        damaged.run(sql)
    assert damaged.error("INSERT INTO i(i) VALUES('integrity-check')").startswith("i: ")
    damaged.run("SAVEPOINT s")
    try_everything(damaged)
    damaged.run("ROLLBACK TO s")
    if damage == "another version":
        assert "version 99; this dupgpu reads version 1" in damaged.error("INSERT INTO i(i) VALUES('rebuild')")
    elif damage != "another table of rows":
        damaged.run("INSERT INTO i(i) VALUES('rebuild')").run("INSERT INTO i(i) VALUES('integrity-check')")
        assert damaged.value("SELECT count(*) FROM i") == 1000
    damaged.run("DROP TABLE i")


def test_random_bytes_do_no_harm(damaged):
    """Bytes of any block replaced by any others."""
    draw = random.Random(5)
    blocks = [(table, key, id, block) for table, key in (("i_rows", "id"), ("i_bands", "code"))
              for id, block in damaged.rows(f"SELECT {key}, block FROM {table}")]
    for _ in range(60):
        table, key, id, block = draw.choice(blocks)
        changed = bytearray(block)
        for _ in range(draw.choice((1, 2, 20))):
            at = draw.randrange(draw.choice((9, 40, len(changed))))
            changed[at] = draw.choice((0, 1, 127, 128, 255, draw.randrange(256)))
        if draw.random() < 0.2:
            changed = changed[:draw.randrange(len(changed))]
        damaged.run("SAVEPOINT s")
        damaged.run(f"UPDATE {table} SET block = ? WHERE {key} = ?", bytes(changed), id)
        if bytes(changed) != block:
            assert damaged.error("INSERT INTO i(i) VALUES('integrity-check')")
        try_everything(damaged)
        damaged.run("ROLLBACK TO s").run("RELEASE s")
    damaged.run("INSERT INTO i(i) VALUES('integrity-check')")
