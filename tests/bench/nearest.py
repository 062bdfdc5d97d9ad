"""`make bench`, nearest rows: the engine against FAISS's IndexBinaryFlat, one thread each, as ratios in one run.

    build/bench-venv/bin/python tests/bench/nearest.py [--quick]

64-bit uniform hashes, k nearest of each query; both look at all rows. Ours and FAISS take turns; figures are medians.
FAISS's time is linear in the queries, so a large table is asked with few. The sums of all distances found are compared;
a difference ends the run. FAISS does not say in which order ties come, so its rows are not.
"""

import argparse
import re
import statistics
import subprocess
import tempfile
import time

import faiss
import numpy

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


if __name__ == "__main__":
    main()
