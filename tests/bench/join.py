"""`make bench`, joins: similar_pairs against its peers and against goals.md, as ratios in one run.

    build/bench-venv/bin/python tests/bench/join.py [--quick] [--large]

--quick leaves out everything above 87,500 rows; --large adds 10,000,000 rows. Columns are "rand": uniform rows, a
tenth of them copies with 0 to 6 flipped bits. Ours and the peer take turns; figures are medians. "engine" is what
dupgpu_stats reports, "SQL" the wall time of SELECT count(*) FROM similar_pairs('photos', 'phash', t) on a connection
that has run nothing else but the reading of the column, so that nothing is cached but the file. Every pair count is
compared with the peer's; a difference ends the run.
"""

import argparse
import os
import sqlite3
import statistics
import time

import data
import peers

EXTENSION = str(data.ROOT / "build" / "dupgpu")


class Ours:
    """One fresh connection: seconds to read the column, seconds of the statement, seconds in the engine."""

    def __init__(self, path, threshold, threads, plan="auto", statement="SELECT count(*) FROM {}"):
        db = connect(path)
        db.execute("SELECT dupgpu_config('threads', ?)", (threads,)).fetchall()
        db.execute("SELECT dupgpu_config('plan', ?)", (plan,)).fetchall()
        self.read, _ = peers.timed(db, "SELECT sum(length(phash)) FROM photos")
        self.sql, ((self.pairs, *_),) = peers.timed(
            db, statement.format(f"similar_pairs('photos', 'phash', {threshold})"))
        self.engine, self.plan, self.candidates, self.bytes, self.rows = db.execute(
            "SELECT seconds, plan, candidates, bytes, rows FROM dupgpu_stats WHERE op = 'similar_pairs'").fetchone()
        db.close()


class Median:
    """Medians of several runs of Ours."""

    def __init__(self, runs):
        for name in ("read", "sql", "engine"):
            setattr(self, name, statistics.median(getattr(run, name) for run in runs))
        last = runs[-1]
        self.plan, self.pairs, self.bytes, self.rows = last.plan, last.pairs, last.bytes, last.rows


def connect(path, *extensions):
    db = sqlite3.connect(path)
    db.enable_load_extension(True)
    for extension in (EXTENSION, *extensions):
        db.load_extension(str(extension))
    db.execute("PRAGMA cache_size = -1000000")
    db.execute("PRAGMA temp_store = MEMORY")
    return db


def repeat(count, *arguments, **options):
    return Median([Ours(*arguments, **options) for _ in range(count)])


def seconds(value):
    if value < 0.1:
        return f"{1000 * value:.2f} ms"
    return f"{value:.2f} s" if value < 100 else f"{value:,.0f} s"


class Report:
    """Prints lines as they come and the goals at the end."""

    def __init__(self):
        self.goals = []

    def line(self, *cells):
        widths = (30, 12, 34, 14, 12)
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths)).rstrip(), flush=True)

    def peer(self, name, measured, ours):
        ratio = f"{measured.seconds / ours:,.0f} x" if measured.seconds > 10 * ours else \
            f"{measured.seconds / ours:.1f} x"
        self.line("", "", name, seconds(measured.seconds), ratio)
        if measured.scaled:
            self.line("", "", f"  ({measured.scaled}, scaled)")

    def goal(self, what, measured, limit, unit="s", least=False):
        self.goals.append((what, measured, limit, unit, measured >= limit if least else measured <= limit, least))

    def finish(self):
        print("\nGoals (goals.md)")
        for what, measured, limit, unit, met, least in self.goals:
            shown = seconds(measured) if unit == "s" else f"{measured:,.2f} {unit}"
            asked = seconds(limit) if unit == "s" else f"{limit:,.2f} {unit}"
            print(f"  {'met    ' if met else 'NOT MET'} {what:<66} {shown:>14}   {'>=' if least else '<='} {asked}")


def agree(name, ours, theirs):
    if theirs.pairs is not None and theirs.pairs != ours.pairs:
        raise SystemExit(f"{name} finds {theirs.pairs} pairs, similar_pairs {ours.pairs}")


def self_joins(report, sizes):
    """Each size and threshold on one and on two threads, FAISS taking turns with ours; then the joins in SQL."""
    for rows in sizes:
        values = data.rand(rows)
        path = data.database(f"rand-{rows}", values)
        queries = 2000 if rows > 200_000 else None
        for threshold in (5, 10):
            for threads in (1, 2):
                turns = 5
                ours, theirs = [], []
                for turn in range(turns):
                    ours.append(Ours(path, threshold, threads))
                    if turn < (turns if rows <= 20_000 else 3):
                        theirs.append(peers.faiss_flat(values, threshold, threads, queries))
                        agree("FAISS", ours[-1], theirs[-1])
                median = Median(ours)
                faiss = theirs[0]._replace(seconds=statistics.median(peer.seconds for peer in theirs))
                report.line(f"{rows:,} rows, t = {threshold}", f"{threads} thread{'s'[:threads - 1]}",
                            f"engine ({median.pairs:,} pairs)", seconds(median.engine))
                report.line("", "", "SQL", seconds(median.sql))
                report.line("", "", "only reading the column", seconds(median.read))
                report.peer("FAISS IndexBinaryFlat", faiss, median.engine)
                note_goals(report, rows, threshold, threads, median, faiss)
            sql_peers(report, path, rows, threshold, median)


def note_goals(report, rows, threshold, threads, median, faiss):
    what = f"{rows:,} rows, t = {threshold}, {threads} thread{'s'[:threads - 1]}"
    engine_goals = {(10_000, 5, 1): .001, (87_500, 5, 1): .007, (1_000_000, 5, 2): .09, (1_000_000, 10, 2): .38}
    faiss_goals = {(87_500, 5, 1): 300, (1_000_000, 5, 1): 3000}
    key = rows, threshold, threads
    if key in engine_goals:
        report.goal(f"{what}: engine", median.engine, engine_goals[key])
    if key in faiss_goals:
        report.goal(f"{what}: FAISS flat / engine", faiss.seconds / median.engine, faiss_goals[key], "x", least=True)
    if key == (10_000, 5, 1):
        report.goal(f"{what}: SQL statement", median.sql, .015)
    if key == (1_000_000, 5, 2):
        report.goal(f"{what}: SQL statement / reading the column", median.sql / median.read, 2.2, "x")


def sql_peers(report, path, rows, threshold, median):
    """Joins in plain SQL against our SQL statement on two threads. They use one."""
    db = connect(path)
    loop = peers.nested_loop(db, rows, threshold)
    agree("the nested loop", median, loop)
    report.peer("SQL: nested loop, hamming()", loop, median.sql)
    candidates = peers.band_candidates(rows, threshold)
    if candidates <= 4e7:
        bands = peers.band_join(db, threshold)
        agree("the band join", median, bands)
        report.peer("SQL: pigeonhole band join", bands, median.sql)
    else:
        report.line("", "", "SQL: pigeonhole band join", "not run", f"{candidates:.0e} candidates")
    db.close()
    if rows > 20_000 or threshold != 5:
        return
    for name, extension, expression in peers.sql_functions():
        db = connect(path, extension)
        loop = peers.nested_loop(db, rows, threshold, expression)
        agree(name, median, loop)
        report.peer(f"SQL: nested loop, {name}", loop, median.sql)
        db.close()


def other_goals(report, quick, large):
    """Wide hashes, large thresholds, brute force, the hard case, the cost of a row."""
    path = data.database("rand-87500", data.rand(87_500))
    pairs = 87_500 * 87_499 / 2
    for threshold, limit in ((5, .9 * 34), (12, .9 * 17)):
        median = repeat(5, path, threshold, 1, plan="brute")
        report.goal(f"brute force, 87,500 rows, t = {threshold}, 1 thread", pairs / median.engine / 1e9, limit,
                    "G pairs/s", least=True)
    path = data.database("subcube-40000", data.subcube(40_000))
    auto, brute = (repeat(5, path, 3, 1, plan=plan) for plan in ("auto", "brute"))
    report.goal("hard case: 40,000 rows within 16 bits, t = 3: auto / brute force",
                auto.engine / (brute.engine + 5e-9 * brute.pairs), 1.3, "x")
    path = data.database("wide-100000", data.rand(100_000, 256))
    report.goal("100,000 rows of 256 bits, t = 31, 1 thread", repeat(5, path, 31, 1).engine, .078)
    if quick:
        return
    path = data.database("wide-1000000", data.rand(1_000_000, 256))
    report.goal("1,000,000 rows of 256 bits, t = 31, 1 thread", repeat(5, path, 31, 1).engine, .8)
    path = data.database("rand-1000000", data.rand(1_000_000))
    median = repeat(5, path, 16, 2)
    report.goal("1,000,000 rows, t = 16, 2 threads: engine", median.engine, 3.0)
    emitted = repeat(3, path, 16, 2, statement="SELECT count(*), sum(id_a + id_b + distance) FROM {}")
    report.goal(f"ns for each of {emitted.pairs:,} rows emitted, three columns read",
                1e9 * (emitted.sql - emitted.engine - emitted.read) / emitted.pairs, 110, "ns")
    if not large:
        return
    path = data.database("rand-10000000", data.rand(10_000_000))
    for threshold, limit in ((5, 1.45), (8, 10.8), (10, 16.8)):
        median = repeat(3, path, threshold, 2)
        report.goal(f"10,000,000 rows, t = {threshold}, 2 threads: engine", median.engine, limit)
    report.goal("10,000,000 rows: bytes a row beside 64 MB", (median.bytes - 64e6) / median.rows, 32, "bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--large", action="store_true")
    options = parser.parse_args()
    db = connect(":memory:")
    print(db.execute("SELECT dupgpu_debug()").fetchone()[0])
    print(f"SQLite {sqlite3.sqlite_version}, {os.cpu_count()} processors, {peers.faiss_words()}")
    db.close()
    load = os.getloadavg()[0]
    print(f"load average {load:.1f}" + ("; other work disturbs the figures, above all on two threads" * (load > 0.7)))
    start = time.monotonic()
    report = Report()
    report.line("", "", "", "time", "ratio to ours")
    self_joins(report, (10_000, 87_500) if options.quick else (10_000, 87_500, 1_000_000))
    other_goals(report, options.quick, options.large)
    report.finish()
    print(f"\n{time.monotonic() - start:.0f} s in all. FAISS is compared with the engine, SQL with the SQL statement.")


if __name__ == "__main__":
    main()
