"""What join.py measures dupgpu against: FAISS's exact range search, and joins in plain SQL.

Each peer gives seconds for the whole self-join and the number of pairs; where only a part of it was run, the seconds
are scaled by the share of the work done, which is exact for methods that look at every pair, and `scaled` says so.
"""

import time
from typing import NamedTuple, Optional

import numpy


class Measured(NamedTuple):
    seconds: float
    pairs: Optional[int]  # None where only a part was run
    scaled: str = ""


def faiss_words():
    import faiss
    return f"faiss {faiss.__version__} ({faiss.get_compile_options().strip()})"


def faiss_flat(values, threshold, threads, queries=None):
    """IndexBinaryFlat.range_search. Its radius is strict, and it finds both directions and every row itself."""
    import faiss
    faiss.omp_set_num_threads(threads)
    rows, width = values.shape
    index = faiss.IndexBinaryFlat(8 * width)
    index.add(values)
    asked = values if queries is None else values[:queries]
    start = time.perf_counter()
    limits, _, _ = index.range_search(asked, threshold + 1)
    seconds = time.perf_counter() - start
    if queries is None:
        return Measured(seconds, (int(limits[-1]) - rows) // 2)
    return Measured(seconds * rows / queries, None, f"from {queries} queries")


def timed(db, sql, *parameters):
    start = time.perf_counter()
    rows = db.execute(sql, parameters).fetchall()
    return time.perf_counter() - start, rows


def nested_loop(db, rows, threshold, function="hamming(a.phash, b.phash)", limit=50_000_000):
    """A nested loop in SQL with a function in C. Where there are more than `limit` pairs, the first rows only."""
    outer = rows
    if rows * (rows - 1) // 2 > limit:
        outer = max(1, limit // rows)
    seconds, ((count,),) = timed(
        db, f"SELECT count(*) FROM photos a JOIN photos b ON b.id > a.id WHERE a.id <= ? AND {function} <= ?",
        outer, threshold)
    if outer == rows:
        return Measured(seconds, count)
    looked_at = outer * rows - outer * (outer + 1) // 2
    return Measured(seconds * (rows * (rows - 1) // 2) / looked_at, None, f"from {looked_at:,} pairs")


def band_candidates(rows, threshold):
    """Pairs that agree in one of threshold + 1 bands of 64 bits, on uniform rows."""
    edges = numpy.linspace(0, 64, threshold + 2).astype(int)
    return sum(rows * (rows - 1) / 2 / 2.0 ** width for width in numpy.diff(edges))


def band_join(db, threshold):
    """The honest rival in plain SQL: threshold + 1 bands of the 64 bits in an indexed table, joined and verified."""
    edges = numpy.linspace(0, 64, threshold + 2).astype(int)
    start = time.perf_counter()
    db.execute("CREATE TEMP TABLE band(number INTEGER, value INTEGER, id INTEGER, hash INTEGER,"
               " PRIMARY KEY(number, value, id)) WITHOUT ROWID")
    for number, (low, high) in enumerate(zip(edges, edges[1:])):
        db.execute("INSERT INTO band SELECT ?, hash_int(phash) >> ? & ?, id, hash_int(phash) FROM photos",
                   (number, int(low), (1 << int(high - low)) - 1 if high - low < 64 else -1))
    ((count,),) = db.execute(
        "SELECT count(*) FROM (SELECT DISTINCT a.id, b.id FROM band a JOIN band b"
        " ON b.number = a.number AND b.value = a.value AND b.id > a.id WHERE hamming(a.hash, b.hash) <= ?)",
        (threshold,)).fetchall()
    seconds = time.perf_counter() - start
    db.execute("DROP TABLE band")
    return Measured(seconds, count)


def sql_functions():
    """[(name, extension to load, expression)] of other extensions' Hamming functions."""
    import sqlite_vec
    return [("sqlite-vec", sqlite_vec.loadable_path(), "vec_distance_hamming(vec_bit(a.phash), vec_bit(b.phash))")]
