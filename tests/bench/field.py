"""`make bench`, the field: all pairs of a column by dupgpu and by everything else there is, as a Markdown table.

    build/bench-venv/bin/python tests/bench/field.py [--quick] [--large]

--quick leaves out everything above 100,000 rows; --large adds 10,000,000 rows for dupgpu alone.

Each method runs in a process of its own, on one thread. Time is processor time, so that other work on the machine
disturbs it little, the building of the index included; of the search it is the median of three. Slow methods are asked
for the neighbours of so many rows as take 0.3 s and their search is scaled to all rows, which is marked by ~.
Memory is what the process took at its peak beyond what it had with its libraries and the column loaded.

The number of pairs within the threshold of the rows asked for is compared with dupgpu's, for exact methods; a
difference ends the run. For others the share of them that was found is given.
"""

import argparse
import ctypes
import json
import pathlib
import statistics
import subprocess
import sys
import time

import data
import methods

BUDGET = .3  # seconds of processor time for a search
KINDS = {
    "uniform": lambda rows: data.rand(rows),
    "photographs": data.photographs,
    "uniform, 256 bits": lambda rows: data.rand(rows, 256),
}
FLAT, HASH, BAND, LOOP, VEC, BRUTE, TREE, GRAPH = list(methods.METHODS)[1:]
ALL = (FLAT, HASH, BAND, LOOP, VEC, BRUTE, TREE, GRAPH)
ROWS = (  # kind, rows, threshold, peers
    ("uniform", 10_000, 0, (FLAT, HASH, BAND)),
    ("uniform", 10_000, 5, ALL),
    ("uniform", 10_000, 16, (FLAT, HASH, TREE)),
    ("uniform", 100_000, 0, (FLAT, HASH, BAND)),
    ("uniform", 100_000, 5, ALL),
    ("uniform", 100_000, 10, (FLAT, HASH)),
    ("uniform", 100_000, 16, (FLAT, HASH)),
    ("photographs", 100_000, 5, (FLAT, HASH, TREE)),
    ("photographs", 100_000, 10, (FLAT, HASH)),
    ("uniform, 256 bits", 100_000, 31, (FLAT, HASH, LOOP, VEC)),
    ("uniform", 1_000_000, 0, (FLAT, HASH, BAND)),
    ("uniform", 1_000_000, 5, (FLAT, HASH, LOOP, VEC, BRUTE)),
    ("uniform", 1_000_000, 10, (FLAT, HASH)),
    ("uniform", 1_000_000, 16, (FLAT, HASH)),
    ("photographs", 1_000_000, 5, (FLAT, HASH)),
    ("photographs", 1_000_000, 10, (FLAT, HASH)),
    ("uniform, 256 bits", 1_000_000, 31, (FLAT, HASH)),
    ("uniform", 10_000_000, 0, ()),
    ("uniform", 10_000_000, 5, ()),
    ("uniform", 10_000_000, 8, ()),
)


def resident(line):
    """Bytes of this process as the named line of its status file has them."""
    for found in pathlib.Path("/proc/self/status").read_text().splitlines():
        if found.startswith(line):
            return 1024 * int(found.split()[1])
    raise SystemExit(f"/proc/self/status has no {line}")


def timed(work):
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def columns(kind, rows):
    name = f"{kind.replace(', ', '-').replace(' ', '-')}-{rows}"
    values = data.array(name, lambda: KINDS[kind](rows))
    return values, data.database(name, values)


def measure(name, kind, rows, threshold):
    """In a process of its own: a dictionary of what one method needs and finds."""
    values, path = columns(kind, rows)
    method = methods.METHODS[name]
    if not method.whole:
        method(values[:64], threshold, path).ask(1)  # its libraries are loaded before memory is measured
    ctypes.CDLL(None).malloc_trim(0)
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    build, searcher = timed(lambda: method(values, threshold, path))
    asked = rows
    if not method.whole:
        few = min(rows, 2)
        once, _ = timed(lambda: searcher.ask(few))
        if few < rows and once < BUDGET / 20:
            few = min(rows, 100)
            once, _ = timed(lambda: searcher.ask(few))
        asked = min(rows, max(few, int(few * BUDGET / max(once, 1e-6))))
    turns = [timed(lambda: searcher.ask(asked)) for _ in range(3)]
    return {"build": build, "search": statistics.median(seconds for seconds, _ in turns), "asked": asked,
            "found": turns[0][1], "memory": max(0, resident("VmHWM") - before)}


def in_a_process(*job):
    done = subprocess.run([sys.executable, __file__, "--one", json.dumps(job)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{job}: {done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def expected(path, threshold, asked):
    """{n: rows within the threshold of the first n rows, themselves included} by dupgpu, for each n."""
    if not asked:
        return {}
    db = methods.connect(path)
    sums = ", ".join(f"total((id_a <= {n}) + (id_b <= {n}))" for n in asked)
    (row,) = db.execute(f"SELECT {sums} FROM similar_pairs('photos', 'phash', {threshold})").fetchall()
    db.close()
    return {n: int(count) + n for n, count in zip(asked, row)}


def span(seconds):
    if seconds < 1:
        return f"{1000 * seconds:.{1 if seconds < .01 else 0}f} ms"
    if seconds < 6000:
        return f"{seconds:,.{1 if seconds < 100 else 0}f} s"
    return f"{seconds / 3600:,.0f} h"


def cells(kind, rows, threshold, names):
    """{method: what it found and needed}, after comparing the counts."""
    _, path = columns(kind, rows)
    results = {name: in_a_process(name, kind, rows, threshold) for name in ("dupgpu", *names)}
    counts = expected(path, threshold, sorted({result["asked"] for result in results.values()} if names else ()))
    for name, result in results.items():
        result["seconds"] = result["build"] + result["search"] * rows / result["asked"] * methods.METHODS[name].work
        result["share"] = result["found"] / counts[result["asked"]] if counts else 1
        if methods.METHODS[name].exact and result["share"] != 1:
            raise SystemExit(f"{name}, {kind}, {rows} rows, t = {threshold}: found {result['found']} near "
                             f"{result['asked']} rows, dupgpu {counts[result['asked']]}")
    return results


def cell(result, rows, ours):
    text = ("~ " if result["asked"] < rows else "") + span(result["seconds"])
    ratio = result["seconds"] / ours["seconds"]
    text += f" ({ratio:,.{1 if ratio < 10 else 0}f} x"
    if result["share"] != 1:
        text += f"; finds {100 * result['share']:.1f} %"
    return text + ")"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(*json.loads(options.one))))
        return
    limit = 100_000 if options.quick else 10_000_000 if options.large else 1_000_000
    start = time.monotonic()
    memory = []
    print("\n| hashes | rows | t | pairs | " + " | ".join(methods.METHODS) + " |")
    print("|---" * (4 + len(methods.METHODS)) + "|", flush=True)
    for kind, rows, threshold, names in ROWS:
        if rows > limit:
            continue
        results = cells(kind, rows, threshold, names)
        pairs = (results["dupgpu"]["found"] - rows) // 2
        head = [kind, f"{rows:,}", str(threshold), f"{pairs:,}"]
        print("| " + " | ".join(head + [span(results["dupgpu"]["seconds"])] + [
            cell(results[name], rows, results["dupgpu"]) if name in results else "-" for name in ALL]) + " |", flush=True)
        memory.append((head, results))
    print("\nMB of memory at the peak, beyond the column and the libraries:\n")
    print("| hashes | rows | t | pairs | " + " | ".join(methods.METHODS) + " |")
    print("|---" * (4 + len(methods.METHODS)) + "|")
    for head, results in memory:
        print("| " + " | ".join(head + [f"{results[name]['memory'] / 1e6:,.0f}" if name in results else "-"
                                        for name in methods.METHODS]) + " |")
    print(f"\n{time.monotonic() - start:.0f} s in all; one thread each, seconds of the processor.")


if __name__ == "__main__":
    main()
