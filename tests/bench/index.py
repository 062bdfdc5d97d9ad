"""`make bench`, an index that stays: hash_index against others that keep one, in one run.

    build/bench-venv/bin/python tests/bench/index.py [--quick | --large]

64-bit hashes, a tenth of them near copies, in SQLite files on the disk; one thread. The peers: sqlite-vec's vec0 table
of bit vectors, which looks at every row; bands in plain SQL (seven indexed columns of nine or ten bits of which at least
one agrees within a distance of six, and a function in C that verifies); usearch's graph, in memory and not exact.
Building is measured from a table of hashes to the committed index, in seconds of the processor; size in bytes a row,
without that table. Queries are rows with up to six bits flipped, one statement each, on a connection that has been
used; the figures are medians of wall time. What a first query reads from the file is given in pages of 4 KB. Exact
methods must give the same rows; of the graph, the share of the k nearest it finds is given.

At 1,000,000 rows the graph takes minutes to build, so it is left out; --large adds 10,000,000 rows.
"""

import argparse
import os
import pathlib
import random
import sqlite3
import statistics
import tempfile
import time

import numpy
import sqlite_vec
from usearch.index import Index, MetricKind, ScalarKind

import data

RADIUS, K, QUERIES = 6, 10, 60
EDGES = (0, 9, 18, 27, 36, 45, 54, 64)
BANDS = [f"(h >> {low}) & {(1 << high - low) - 1}" for low, high in zip(EDGES, EDGES[1:])]


def connect(path):
    db = sqlite3.connect(path, isolation_level=None)
    db.enable_load_extension(True)
    db.load_extension(str(data.ROOT / "build" / "dupgpu"))
    sqlite_vec.load(db)
    return db


def bytes_read():
    return int(pathlib.Path("/proc/self/io").read_text().split()[1])


class HashIndex:
    name, exact = "dupgpu `hash_index`", True

    def build(self, db):
        db.execute("CREATE VIRTUAL TABLE i USING hash_index(bits=64, content=photos, content_column=phash, content_rowid=id)")
        db.execute("INSERT INTO i(i) VALUES('rebuild')")

    def near(self, db, query):
        return db.execute("SELECT rowid FROM i WHERE hash MATCH ? AND distance <= ?", (query, RADIUS)).fetchall()

    def nearest(self, db, query):
        return db.execute("SELECT distance FROM i WHERE hash MATCH ? AND k = ?", (query, K)).fetchall()


class Written(HashIndex):
    name = "the same, by INSERT ... SELECT"

    def build(self, db):
        db.execute("CREATE VIRTUAL TABLE i USING hash_index(bits=64)")
        db.execute("INSERT INTO i(rowid, hash) SELECT id, phash FROM photos")


class Vec0:
    name, exact = "sqlite-vec `vec0`", True

    def build(self, db):
        db.execute("CREATE VIRTUAL TABLE i USING vec0(hash bit[64])")
        db.execute("INSERT INTO i(rowid, hash) SELECT id, vec_bit(phash) FROM photos")

    def near(self, db, query):
        rows = db.execute("SELECT rowid, distance FROM i WHERE hash MATCH vec_bit(?) AND k = 50", (query,)).fetchall()
        return [(row,) for row, distance in rows if distance <= RADIUS]

    def nearest(self, db, query):
        return db.execute("SELECT distance FROM i WHERE hash MATCH vec_bit(?) AND k = ?", (query, K)).fetchall()


class Bands:
    name, exact = "bands in plain SQL", True

    def build(self, db):
        columns = ", ".join(f"b{number} INTEGER" for number in range(len(BANDS)))
        db.execute(f"CREATE TABLE i(id INTEGER PRIMARY KEY, h INTEGER, {columns})")
        db.execute(f"INSERT INTO i SELECT id, h, {', '.join(BANDS)} FROM (SELECT id, hash_int(phash) AS h FROM photos)")
        for number in range(len(BANDS)):
            db.execute(f"CREATE INDEX i{number} ON i(b{number}, h)")
        arms = " UNION ".join(f"SELECT id FROM i WHERE b{number} = {band.replace('h', ':h')} AND hamming(h, :h) <= {RADIUS}"
                              for number, band in enumerate(BANDS))
        self.sql = f"SELECT id FROM ({arms})"

    def near(self, db, query):
        return db.execute(self.sql, {"h": int.from_bytes(query, "big", signed=True)}).fetchall()

    nearest = None


class Graph:
    name, exact = "usearch's graph", False

    def build(self, db):
        rows = db.execute("SELECT id, phash FROM photos").fetchall()
        self.index = Index(ndim=64, metric=MetricKind.Hamming, dtype=ScalarKind.B1)
        self.index.add(numpy.array([row for row, _ in rows]),
                       numpy.frombuffer(b"".join(value for _, value in rows), dtype=numpy.uint8).reshape(-1, 8), threads=1)

    near = None

    def nearest(self, db, query):
        found = self.index.search(numpy.frombuffer(query, dtype=numpy.uint8), K, threads=1)
        return [(int(distance),) for distance in found.distances]


def timed(ask, db, queries):
    times, answers = [], []
    for query in queries:
        begun = time.perf_counter()
        answers.append(ask(db, query))
        times.append(time.perf_counter() - begun)
    return 1e3 * statistics.median(times), answers


def measure(peer, path, queries, truth):
    """One line of the table. `truth`: what the first method said."""
    db = connect(path)
    base, cpu = db.execute("PRAGMA page_count").fetchone()[0] * 4096, time.process_time()
    db.execute("BEGIN")
    peer.build(db)
    db.execute("COMMIT")
    cpu = time.process_time() - cpu
    rows = db.execute("SELECT count(*) FROM photos").fetchone()[0]
    size = (db.execute("PRAGMA page_count").fetchone()[0] * 4096 - base) / rows if peer.exact else \
        peer.index.memory_usage / rows
    cells = [f"{cpu:.2f} s", f"{size:.0f}"]
    first = "-"
    for kind in ("near", "nearest"):
        ask = getattr(peer, kind)
        if not ask:
            cells.append("-")
            continue
        db.close()
        db = connect(path)
        db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        before = bytes_read()
        ask(db, queries[0])
        if kind == "near":
            first = f"{(bytes_read() - before) // 4096:,}"
        asked = queries if len(truth) == 0 or rows <= 100_000 else queries[:12]
        median, answers = timed(ask, db, asked)
        answers = [sorted(answer) for answer in answers]
        cell = f"{median:.3f} ms"
        expected = truth.setdefault(kind, answers)
        if peer.exact:
            assert answers == expected[:len(answers)], (peer.name, kind)
        else:
            hits = sum(sum(row <= true[-1] for row in answer) for answer, true in zip(answers, expected))
            cell += f" ({100 * hits / K / len(answers):.0f} % found)"
        cells.append(cell)
    db.close()
    print(f"| {rows:,} | {peer.name} | {' | '.join(cells)} | {first} |", flush=True)


def run(rows, peers, folder):
    draw = random.Random(rows)
    values = data.rand(rows)
    source = folder / f"{rows}.db"
    db = connect(source)
    db.execute("CREATE TABLE photos(id INTEGER PRIMARY KEY, phash BLOB)")
    db.execute("BEGIN")
    db.executemany("INSERT INTO photos VALUES(?, ?)", ((row, value.tobytes()) for row, value in enumerate(values, 1)))
    db.execute("COMMIT")
    db.close()
    queries = []
    for _ in range(QUERIES):
        word = int.from_bytes(values[draw.randrange(rows)].tobytes(), "big")
        for bit in draw.sample(range(64), draw.randrange(7)):
            word ^= 1 << bit
        queries.append(word.to_bytes(8, "big"))
    truth = {}
    for peer in peers:
        path = folder / "peer.db"
        os.system(f"cp {source} {path}")
        measure(peer(), path, queries, truth)
        path.unlink()
    source.unlink()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="100,000 rows only")
    parser.add_argument("--large", action="store_true", help="10,000,000 rows as well; some minutes")
    options = parser.parse_args()
    print(f"\nSQLite {sqlite3.sqlite_version}, sqlite-vec {sqlite_vec.__version__}\n")
    print(f"| rows | index | build | bytes a row | within {RADIUS} bits | {K} nearest | pages the first query reads |")
    print("|---|---|---|---|---|---|---|")
    data.FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=data.FOLDER) as folder:
        run(100_000, (HashIndex, Written, Vec0, Bands, Graph), pathlib.Path(folder))
        if not options.quick:
            run(1_000_000, (HashIndex, Written, Vec0, Bands), pathlib.Path(folder))
        if options.large:
            run(10_000_000, (HashIndex, Written, Vec0, Bands), pathlib.Path(folder))


if __name__ == "__main__":
    main()
