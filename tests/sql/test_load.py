"""Loading: by every road, twice, into many connections, read-only, and what is left behind."""

import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import threading
import time

import apsw
import pytest

LIBRARY_VERSIONS = {"debian": sqlite3.sqlite_version, "newest": apsw.sqlite_lib_version()}


def test_version_names_itself(db):
    assert db.value("SELECT dupgpu_version()").count(".") == 2
    debug = db.value("SELECT dupgpu_debug()")
    assert db.value("SELECT dupgpu_version()") in debug
    for word in ("gcc", "jpeg", "png"):
        assert word in debug.lower(), debug


def test_both_libraries_are_what_they_should_be(db, library):
    version = db.value("SELECT sqlite_version()")
    assert version == LIBRARY_VERSIONS[library.name]
    if library.name == "newest":
        assert tuple(map(int, version.split("."))) >= (3, 50)


def test_load_twice_by_the_c_interface(connect, extension):
    db = connect().load(extension).load(extension)
    assert db.value("SELECT hamming(1, 2)") == 2


def test_load_twice_by_sql(connect, extension):
    db = connect()
    for _ in range(2):
        db.run("SELECT load_extension(?)", extension)
    assert db.value("SELECT hamming(1, 2)") == 2


def test_load_by_sql_while_a_statement_runs(connect, extension):
    db = connect(load=False)
    rows = db.cursor("SELECT 1 UNION ALL SELECT load_extension(?) UNION ALL SELECT load_extension(?)", extension,
                     extension)
    assert next(rows) == (1,)
    assert list(rows) == [(None,), (None,)]
    assert db.value("SELECT dupgpu_hamming(1, 2)") == 2


def test_shell_loads_twice_both_ways(shell, extension):
    assert shell(f".load {extension}\nSELECT load_extension('{extension}');\nSELECT hamming(0, 7);").split() == ["3"]


def test_names_with_lib_and_version_find_the_entry_point(connect, build, tmp_path):
    for name in ("libdupgpu.so", "dupgpu-1.2.so", "dupgpu.so"):
        shutil.copy(build / "dupgpu.so", tmp_path / name)
        assert connect(load=False).load(str(tmp_path / name)).value("SELECT hamming(0, 1)") == 1


def test_foreign_hamming_does_not_prevent_loading(connect, extension):
    db = connect(load=False)
    if db.name == "debian":
        db.raw.create_function("hamming", 2, lambda a, b: "theirs")
    else:
        db.raw.create_scalar_function("hamming", lambda a, b: "theirs", 2)
    db.run("SELECT load_extension(?)", extension)
    assert db.value("SELECT dupgpu_hamming(1, 2)") == 2
    assert db.value("SELECT hamming(1, 2)") in ("theirs", 2)


def test_load_into_a_read_only_database(connect, tmp_path):
    path = tmp_path / "photos.db"
    connect(path).table("t", [1, 3, 7]).close()
    before = path.read_bytes()
    db = connect(f"file:{path}?mode=ro", uri=True)
    assert db.value("SELECT count(*) FROM similar_pairs('t', 'h', 1)") == 2
    assert "readonly" in db.error("INSERT INTO t VALUES(9, 9)")
    assert path.read_bytes() == before


def test_nothing_is_left_behind(connect, tmp_path):
    path = tmp_path / "photos.db"
    db = connect(path)
    db.table("t", [1, 3, 7])
    db.rows("SELECT * FROM similar_pairs('t', 'h', 64)")
    assert db.column("SELECT name FROM sqlite_schema") == ["t"]
    assert db.column("SELECT name FROM sqlite_temp_schema") == []
    db.close()
    assert os.listdir(tmp_path) == ["photos.db"]


def test_loading_is_quick(extension, record_property):
    """goals.md: under 10 ms. The bound here only guards against opening drivers or starting threads at load."""
    program = ("import sqlite3, sys, time\n"
               "db = sqlite3.connect(':memory:')\n"
               "db.enable_load_extension(True)\n"
               "start = time.perf_counter()\n"
               "db.load_extension(sys.argv[1])\n"
               "print(time.perf_counter() - start)\n"
               "tasks = len(__import__('os').listdir('/proc/self/task'))\n"
               "assert tasks == 1, tasks\n")
    seconds = []
    for _ in range(5):
        done = subprocess.run([sys.executable, "-c", program, extension], capture_output=True, text=True, check=True)
        seconds.append(float(done.stdout))
    record_property("milliseconds", 1000 * statistics.median(seconds))
    print(f"load: {1000 * statistics.median(seconds):.2f} ms")
    assert statistics.median(seconds) < 1


def test_200_load_and_close_cycles(library, extension):
    for turn in range(200):
        db = library().load(extension)
        if turn % 20 == 0:
            db.table("t", range(3000))
            db.run("SELECT dupgpu_config('threads', 2)")
            assert db.value("SELECT count(*) FROM similar_pairs('t', 'h', 1)") > 3000
        db.close()


def test_many_threads_each_with_a_connection(library, extension):
    failures = []
    gate = threading.Barrier(8)

    def work(number):
        try:
            gate.wait()
            for turn in range(5):
                db = library().load(extension)
                db.table("t", [number * 1000 + k for k in range(400)])
                expected = sum((a ^ b).bit_count() <= 1 for b in range(number * 1000, number * 1000 + 400)
                               for a in range(number * 1000, b))
                assert db.value("SELECT count(*) FROM similar_pairs('t', 'h', 1)") == expected
                db.close()
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    assert not failures


FORK = """
import os, sqlite3, sys
db = sqlite3.connect(':memory:')
db.enable_load_extension(True)
db.load_extension(sys.argv[1])
db.execute("SELECT dupgpu_config('threads', 2)").fetchall()
db.execute("CREATE TABLE t AS WITH n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 7999) "
           "SELECT i AS id, i * 104729 AS h FROM n")
question = "SELECT count(*), sum(distance) FROM similar_pairs('t', 'h', 12)"
before = db.execute(question).fetchall()
child = os.fork()
if child == 0:
    status = 1
    try:
        own = sqlite3.connect(':memory:')
        own.enable_load_extension(True)
        own.load_extension(sys.argv[1])
        own.execute("CREATE TABLE t AS WITH n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 7999) "
                    "SELECT i AS id, i * 104729 AS h FROM n")
        status = 0 if own.execute(question).fetchall() == before else 2
    finally:
        os._exit(status)
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0, status
assert db.execute(question).fetchall() == before
print("same")
"""


def test_forked_child_neither_hangs_nor_differs(extension):
    done = subprocess.run([sys.executable, "-c", FORK, extension], capture_output=True, text=True, timeout=120)
    assert done.stdout == "same\n", done.stderr


def test_multiprocessing_pool_after_use(extension):
    program = (FORK.split("child = os.fork()")[0] +
               "import multiprocessing\n"
               "def ask(_):\n"
               "    own = sqlite3.connect(':memory:')\n"
               "    own.enable_load_extension(True)\n"
               "    own.load_extension(sys.argv[1])\n"
               "    return own.execute(\"SELECT hex(hash_blob(258)), hamming(0, 255)\").fetchall()\n"
               "with multiprocessing.get_context('fork').Pool(2) as pool:\n"
               "    assert set(map(str, pool.map(ask, range(4)))) == {\"[('0000000000000102', 8)]\"}\n"
               "print('same')\n")
    done = subprocess.run([sys.executable, "-c", program, extension], capture_output=True, text=True, timeout=120)
    assert done.stdout == "same\n", done.stderr


def test_database_with_a_named_table_opens_without_the_extension(connect, tmp_path):
    path = tmp_path / "photos.db"
    db = connect(path)
    db.table("photos", [1, 3, 7])
    db.run("CREATE VIRTUAL TABLE photo_dups USING similar_pairs(photos, h, 1)")
    assert len(db.rows("SELECT * FROM photo_dups")) == 2
    db.close()
    plain = connect(path, load=False)
    assert plain.value("SELECT count(*) FROM photos") == 3
    assert "no such module" in plain.error("SELECT * FROM photo_dups")
    plain.close()
    again = connect(path)
    assert len(again.rows("SELECT * FROM photo_dups")) == 2
    again.run("ALTER TABLE photo_dups RENAME TO pairs")
    assert len(again.rows("SELECT * FROM pairs")) == 2
    again.run("DROP TABLE pairs")
    assert again.value("SELECT count(*) FROM photos") == 3


def test_static_build_offers_the_header(root):
    header = (root / "ext" / "dupgpu.h").read_text()
    assert "sqlite3_dupgpu_init" in header


@pytest.mark.parametrize("mode", ["ON", "OFF"])
def test_trusted_schema(connect, mode):
    """Functions are innocuous and work in views and triggers of the file; tables that read tables only when trusted."""
    db = connect()
    db.table("t", [1, 3, 7])
    db.run("CREATE VIEW far AS SELECT id, hamming(h, 0) AS d FROM t")
    db.run("CREATE VIEW dups AS SELECT * FROM similar_pairs('t', 'h', 1)")
    db.run(f"PRAGMA trusted_schema = {mode}")
    assert db.column("SELECT d FROM far ORDER BY id") == [1, 2, 3]
    assert len(db.rows("SELECT * FROM similar_pairs('t', 'h', 1)")) == 2
    db.run("CREATE TEMP VIEW own AS SELECT * FROM similar_pairs('t', 'h', 1)")
    assert len(db.rows("SELECT * FROM own")) == 2
    if mode == "ON":
        assert len(db.rows("SELECT * FROM dups")) == 2
    else:
        assert "unsafe use" in db.error("SELECT * FROM dups")


def test_functions_in_constraints_indexes_and_generated_columns(connect):
    db = connect()
    db.run("PRAGMA trusted_schema = OFF")
    db.run("CREATE TABLE t(id INTEGER PRIMARY KEY, h BLOB CHECK(hamming(h, h) = 0),"
           " n INTEGER GENERATED ALWAYS AS (hash_int(h)) STORED)")
    db.run("CREATE INDEX by_blob ON t(hash_blob(h))")
    db.run("INSERT INTO t(h) VALUES(x'00000000000000ff')")
    assert db.row("SELECT n, hash_blob(n) FROM t") == (255, b"\0" * 7 + b"\xff")
    assert "by_blob" in db.plan("SELECT * FROM t WHERE hash_blob(h) = x'00'")


def test_defensive_mode(shell):
    assert shell(".dbconfig defensive on\nCREATE TABLE t(id INTEGER PRIMARY KEY, h);\n"
                 "INSERT INTO t VALUES(1, 1), (2, 3);\n"
                 "SELECT id_a, id_b, distance FROM similar_pairs('t', 'h', 1);").splitlines()[-1] == "1|2|1"


def test_progress_bar_is_off(connect, capfd):
    db = connect()
    db.table("t", range(2000))
    db.rows("SELECT count(*) FROM similar_pairs('t', 'h', 2)")
    assert capfd.readouterr() == ("", "")


def test_time_to_first_answer_in_the_shell(shell, extension):
    """A hang guard: the shell starts, loads and answers."""
    start = time.monotonic()
    shell("SELECT dupgpu_version();")
    assert time.monotonic() - start < 20
