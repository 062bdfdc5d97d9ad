"""Stopping: sqlite3_interrupt, a progress handler, Ctrl-C in the shell, closing early.

The contract says 100 ms. Each test prints what it measured; the bound is only generous enough for a busy machine.
"""

import signal
import sqlite3
import subprocess
import threading
import time

import oracle
import pytest

BOUND = 1.0
ROWS = 400_000
# Each search would run for minutes if nothing stopped it.
SLOW = "SELECT count(*) FROM similar_pairs('t', 'h', 28)"


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    """A database with 400,000 random 64-bit hashes."""
    path = tmp_path_factory.mktemp("big") / "big.db"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, h)")
    db.executemany("INSERT INTO t(h) VALUES(?)",
                   ((oracle.as_integer(value),) for value in oracle.sample("uniform", ROWS, 64)))
    db.commit()
    db.close()
    return path


def stopped_after(db, stop, sql=SLOW, delay=1.5):
    """Runs the statement, calls stop() after `delay` seconds, and gives the seconds from there to the error."""
    asked = []

    def later():
        time.sleep(delay)
        asked.append(time.monotonic())
        stop()

    thread = threading.Thread(target=later)
    thread.start()
    text = db.error(sql)
    seconds = time.monotonic() - asked[0]
    thread.join()
    assert "interrupt" in text.lower(), text
    print(f"stopped after {1000 * seconds:.0f} ms")
    return seconds


@pytest.mark.parametrize("plan", ["brute", "multi_index"])
@pytest.mark.parametrize("threads", [1, 2])
def test_interrupt_from_another_thread(connect, big, plan, threads):
    db = connect(big)
    db.run("SELECT dupgpu_config('plan', ?)", plan)
    db.run("SELECT dupgpu_config('threads', ?)", threads)
    assert stopped_after(db, db.interrupt) < BOUND
    assert db.value("SELECT count(*) FROM t") == ROWS


@pytest.mark.parametrize("sql", [
    "SELECT count(*) FROM nearest_join('t', 'h', 't', 'h', 10)",
    "SELECT count(*) FROM nearest_join('t', 'h', 't', 'h', 400000)",
    "SELECT sum(pairs) FROM distance_histogram('t', 'h')",
    "SELECT count(*) FROM t AS o, nearest('t', 'h', o.h, 10)"])
def test_nearest_and_histogram(connect, big, sql):
    db = connect(big)
    assert stopped_after(db, db.interrupt, sql) < BOUND
    assert db.value("SELECT id FROM nearest('t', 'h', (SELECT h FROM t WHERE id = 9), 1)") == 9


@pytest.mark.parametrize("delay", [0.0, 0.005, 0.02, 0.05, 0.1, 0.3])
def test_interrupt_at_any_moment(connect, big, delay):
    """While reading, collapsing, planning, searching. Once it is asked before the statement runs it has no effect."""
    db = connect(big)
    stop = threading.Event()

    def insist():
        time.sleep(delay)
        while not stop.wait(0.01):
            db.interrupt()

    thread = threading.Thread(target=insist)
    thread.start()
    start = time.monotonic()
    text = db.error(SLOW)
    seconds = time.monotonic() - start - delay
    stop.set()
    thread.join()
    assert "interrupt" in text.lower()
    print(f"stopped after {1000 * seconds:.0f} ms")
    assert seconds < BOUND


@pytest.mark.parametrize("steps", [1, 1000, 85000])
def test_progress_handler(connect, big, steps):
    db = connect(big)
    start = time.monotonic()
    calls = []

    def handler():
        now = time.monotonic()
        calls.append(now)
        return now - start > 1.5

    db.progress(handler, steps)
    text = db.error(SLOW)
    late = time.monotonic() - start - 1.5
    db.progress(None, 0)
    assert "interrupt" in text.lower()
    print(f"stopped {1000 * late:.0f} ms late, {len(calls)} calls")
    assert late < BOUND


def test_equal_rows_can_be_interrupted(db):
    db.run("CREATE TABLE t(id INTEGER PRIMARY KEY, h)")
    db.run("WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) INSERT INTO t SELECT i, 42 FROM n")
    assert stopped_after(db, db.interrupt, delay=0.5) < BOUND


def test_work_after_an_interrupt_is_whole(connect, big):
    db = connect(big)
    stopped_after(db, db.interrupt, delay=0.5)
    column = oracle.sample("planted", 500, 64)
    db.table("temp.small", column)
    assert len(db.rows("SELECT * FROM similar_pairs('small', 'h', 6)")) == len(oracle.pairs(column, 6))


def test_closing_a_cursor_early_is_quick(connect, big):
    db = connect(big)
    db.run("SELECT dupgpu_config('plan', 'brute')")
    start = time.monotonic()
    db.rows("SELECT * FROM similar_pairs('t', 'h', 28) LIMIT 1")
    seconds = time.monotonic() - start
    print(f"first row after {1000 * seconds:.0f} ms")
    assert seconds < 10 * BOUND


def test_ctrl_c_in_the_shell(big, extension):
    shell = subprocess.Popen(["sqlite3", "-batch", "-cmd", f".load {extension}", str(big), SLOW],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(2)
    assert shell.poll() is None
    start = time.monotonic()
    shell.send_signal(signal.SIGINT)
    _, errors = shell.communicate(timeout=60)
    print(f"stopped after {1000 * (time.monotonic() - start):.0f} ms")
    assert "interrupted" in errors.lower() and shell.returncode != 0
    assert time.monotonic() - start < 2 * BOUND
