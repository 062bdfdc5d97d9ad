"""`make bench`, nearest rows: the engine against FAISS's IndexBinaryFlat, one thread each, as ratios in one run.

    build/bench-venv/bin/python tests/bench/nearest.py [--quick]

64-bit uniform hashes, k nearest of each query; both look at all rows. Ours and FAISS take turns; figures are medians.
FAISS's time is linear in the queries, so a large table is asked with few. The sums of all distances found are compared;
a difference ends the run. FAISS does not say in which order ties come, so its rows are not.

Then others are asked for the 10 nearest at 87,500 rows, each for as many queries as it can answer in about a second:
sqlite-vec's vec0 table in SQL, usearch's exact search and its graph. The graph is not exact; what share of the rows it
gives are as near as the true ones is printed, and what it took to build.
"""

import argparse
import re
import sqlite3
import statistics
import subprocess
import tempfile
import time

import faiss
import numpy
import sqlite_vec
from usearch.index import Index, MetricKind, ScalarKind, search

import data

ENGINE = data.ROOT / "build" / "bench" / "nearest_engine"
WORK = ((10_000, 10_000, 100, None), (87_500, 4_000, 100, 4), (87_500, 4_000, 10, None),
        (1_000_000, 500, 100, 7), (1_000_000, 500, 10, None))  # rows, queries, k, ratio that is the goal


def ours(path, rows, queries, k):
    line = subprocess.run([ENGINE, "nearest", str(rows), str(queries), str(k), "64", f"@{path}", "best", "1", "1"],
                          capture_output=True, text=True, check=True).stdout
    return float(re.search(r"([0-9.]+) ms", line)[1]) / 1e3, int(re.search(r"sum=(\d+)", line)[1])


def theirs(index, queries, k):
    begun = time.perf_counter()
    distances, _ = index.search(queries, k)
    return time.perf_counter() - begun, int(distances.sum())


def compare(rows, queries, k, goal, runs):
    table = numpy.random.default_rng(rows).integers(0, 256, (rows, 8), dtype=numpy.uint8)
    index = faiss.IndexBinaryFlat(64)
    index.add(table)
    engine, peer = [], []
    with tempfile.NamedTemporaryFile() as file:
        table.tofile(file.name)
        for _ in range(runs):
            for times, (seconds, total) in ((engine, ours(file.name, rows, queries, k)),
                                            (peer, theirs(index, table[:queries], k))):
                times.append((seconds, total))
    assert len({total for _, total in engine + peer}) == 1, "the distances differ"
    engine, peer = (statistics.median(seconds for seconds, _ in times) for times in (engine, peer))
    distances = rows * queries / 1e9
    print(f"{rows:>9,} rows, {queries:>6,} queries, k = {k:<3}  ours {distances / engine:6.2f} G/s"
          f"  FAISS {distances / peer:5.2f} G/s  ratio {peer / engine:5.1f}" + (f"  (goal {goal})" if goal else ""))


def vec0(table, queries, k):
    """Distances that a vec0 table of bit vectors gives, the table in memory, one statement a query."""
    db = sqlite3.connect(":memory:")
    db.enable_load_extension(True)
    sqlite_vec.load(db)
    db.execute(f"CREATE VIRTUAL TABLE photos USING vec0(hash bit[{8 * table.shape[1]}])")
    db.executemany("INSERT INTO photos(rowid, hash) VALUES(?, vec_bit(?))",
                   ((row, value.tobytes()) for row, value in enumerate(table)))
    begun = time.perf_counter()
    rows = [db.execute("SELECT distance FROM photos WHERE hash MATCH vec_bit(?) AND k = ?", (value.tobytes(), k)).fetchall()
            for value in queries]
    return time.perf_counter() - begun, numpy.array(rows)[:, :, 0]


def others(rows=87_500, k=10):
    table = numpy.random.default_rng(rows).integers(0, 256, (rows, 8), dtype=numpy.uint8)
    exact = faiss.IndexBinaryFlat(64)
    exact.add(table)
    begun = time.perf_counter()
    graph = Index(ndim=64, metric=MetricKind.Hamming, dtype=ScalarKind.B1)
    graph.add(numpy.arange(rows), table, threads=1)
    built = time.perf_counter() - begun

    def usearch_exact(queries):
        begun = time.perf_counter()
        found = search(table, queries, k, MetricKind.Hamming, exact=True, threads=1)
        return time.perf_counter() - begun, found.distances

    def usearch_graph(queries):
        begun = time.perf_counter()
        found = graph.search(queries, k, threads=1)
        return time.perf_counter() - begun, found.distances

    print(f"\n{rows:,} rows, k = {k}, one query after another, ms each:")
    with tempfile.NamedTemporaryFile() as file:
        table.tofile(file.name)
        seconds, _ = ours(file.name, rows, 2000, k)
    print(f"  {'dupgpu, engine':<28} {1e3 * seconds / 2000:8.3f}")
    for name, ask, asked in (("FAISS IndexBinaryFlat", lambda queries: theirs(exact, queries, k), 2000),
                             ("sqlite-vec vec0, in SQL", lambda queries: vec0(table, queries, k), 300),
                             ("usearch, exact", usearch_exact, 100), ("usearch, graph", usearch_graph, 2000)):
        seconds, distances = ask(table[:asked])
        line = f"  {name:<28} {1e3 * seconds / asked:8.3f}"
        truth, _ = exact.search(table[:asked], k)
        if name == "usearch, graph":
            near = (distances <= truth[:, -1:]).sum() / truth.size
            line += f"   finds {100 * near:.1f} % of the nearest; {built:.0f} s to build"
        elif name != "FAISS IndexBinaryFlat":
            assert (numpy.sort(distances, axis=1) == truth).all(), f"{name}: the distances differ"
        print(line, flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="nothing above 87,500 rows")
    options = parser.parse_args()
    subprocess.run(["make", "-s", ENGINE.relative_to(data.ROOT)], cwd=data.ROOT, check=True)
    faiss.omp_set_num_threads(1)
    print(f"nearest rows, 64 bits, one thread; FAISS {faiss.__version__}, {faiss.get_compile_options().strip()}")
    for rows, queries, k, goal in WORK:
        if rows <= 87_500 or not options.quick:
            compare(rows, queries, k, goal, runs=5)
    others()


if __name__ == "__main__":
    main()
