"""Devices as a user meets them: dupgpu_devices, the settings that choose, the same rows everywhere, and what a fault leaves.

CUDA is the library of tests/fake, found by LD_LIBRARY_PATH, so everything that touches it runs in processes of their own;
OpenCL is PoCL behind the library of tests/opencl, which can lie about it.
"""

import json
import os
import subprocess
import sys

import pytest

import oracle

COLUMNS = ["backend", "device", "name", "vendor", "driver", "capability", "units", "memory_total", "memory_free", "selected",
           "why_not"]


@pytest.fixture
def pocl_cache(build):
    """A folder for what PoCL compiles, shared by the tests: compiling takes seconds."""
    folder = build / "tests" / "opencl" / "pocl"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def devices(build, tmp_path, pocl_cache):
    """Runs a Python script in a process that finds the libraries for tests; returns what it prints as JSON."""

    def run(script, libraries=("fake", "opencl"), **environment):
        folders = [str(build / "tests" / name) for name in libraries]
        env = dict(os.environ, LD_LIBRARY_PATH=":".join(folders), POCL_CACHE_DIR=str(pocl_cache),
                   DUPGPU_CACHE=str(tmp_path / "dupgpu"), FAKE_CUDA_REPORT=str(tmp_path / "report"))
        env.update({name: str(value) for name, value in environment.items()})
        prelude = ("import json, sqlite3\n"
                   "def connect(path=':memory:'):\n"
                   "    db = sqlite3.connect(path, isolation_level=None)\n"
                   "    db.enable_load_extension(True)\n"
                   f"    db.load_extension({str(build / 'dupgpu')!r})\n"
                   "    return db\n"
                   "def rows(db, sql, *parameters):\n"
                   "    return [list(row) for row in db.execute(sql, parameters)]\n")
        done = subprocess.run(["/usr/bin/python3", "-"], input=prelude + script, env=env, capture_output=True, text=True,
                              timeout=300)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return json.loads(done.stdout)

    return run


def test_columns(db):
    assert [row[1] for row in db.rows("SELECT * FROM pragma_table_info('dupgpu_devices')")] == COLUMNS


def test_the_cpu_is_always_there(db):
    name, units, total, free, why_not = db.row(
        "SELECT name, units, memory_total, memory_free, why_not FROM dupgpu_devices WHERE backend = 'cpu' AND selected")
    assert name.startswith("CPU") and units >= 1 and 0 < free <= total and why_not is None


def test_enabled_0_touches_no_driver(devices):
    script = ("db = connect(); db.execute(\"SELECT dupgpu_config('enabled', 0)\")\n"
              "print(json.dumps(rows(db, 'SELECT backend, device, selected, why_not FROM dupgpu_devices')))")
    got = {row[0]: row[1:] for row in devices(script)}
    assert got["cpu"] == [0, 1, None]
    assert got["cuda"][:2] == [None, 0] and "enabled" in got["cuda"][2] and "enabled" in got["opencl"][2]


def test_devices_that_work(devices):
    script = "print(json.dumps(rows(connect(), 'SELECT backend, device, units, memory_free > 0, selected, why_not FROM dupgpu_devices')))"
    got = {row[0]: row[1:] for row in devices(script)}
    assert got["cuda"][0] == 0 and got["cuda"][1] > 0 and got["cuda"][2:] == [1, 1, None]
    assert got["opencl"][3] == 0 and "asked for" in got["opencl"][4]  # PoCL is a CPU
    assert got["cpu"][3] == 1


def test_without_any_driver(devices):
    """Loaders that find nothing: the loader's words, and searches run on the CPU."""
    script = ("db = connect(); db.execute('CREATE TABLE t(id INTEGER PRIMARY KEY, h)')\n"
              "db.execute('INSERT INTO t VALUES(1, 1), (2, 3)')\n"
              "answer = [rows(db, 'SELECT backend, why_not FROM dupgpu_devices')]\n"
              "for backend in ('auto', 'cuda', 'gpu'):\n"
              "    db.execute(\"SELECT dupgpu_config('backend', ?)\", (backend,)).fetchall()\n"
              "    try: answer.append(rows(db, \"SELECT * FROM similar_pairs('t', 'h', 1)\"))\n"
              "    except sqlite3.Error as failure: answer.append(str(failure))\n"
              "answer.append(rows(db, 'SELECT backend, fallback FROM dupgpu_stats ORDER BY rowid'))\n"
              "db.execute(\"SELECT dupgpu_config('backend', 'cuda'), dupgpu_config('fallback', 0)\").fetchall()\n"
              "try: answer.append(rows(db, \"SELECT * FROM similar_pairs('t', 'h', 1)\"))\n"
              "except sqlite3.Error as failure: answer.append(str(failure))\n"
              "print(json.dumps(answer))")
    found, auto, cuda, gpu, stats, strict = devices(script, libraries=())
    cuda_why = dict(found)["cuda"]
    assert "libcuda.so.1" in cuda_why
    assert auto == cuda == [[1, 2, 1, 0.984375]]
    assert "no GPU" in gpu and "libcuda.so.1" in gpu
    assert stats[0] == ["cpu", None] and stats[1][0] == "cpu" and "libcuda.so.1" in stats[1][1]
    assert "libcuda.so.1" in strict


ORDER = """
db = connect()
db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, h BLOB)")
db.executemany("INSERT INTO t(h) VALUES(?)", [(bytes.fromhex(h),) for h in json.loads(HASHES)])
answer = []
for backend in ("cpu", "cuda", "opencl"):
    for plan in ("brute", "multi_index"):
        for gigabytes in (0, 0.000005):
            db.execute("SELECT dupgpu_config('backend', ?), dupgpu_config('plan', ?), dupgpu_config('memory_limit_gb', ?)",
                       (backend, plan, gigabytes)).fetchall()
            db.execute("UPDATE t SET h = h WHERE id = 1")
            found = rows(db, "SELECT * FROM similar_pairs('t', 'h', ?)", THRESHOLD)
            answer.append([plan, gigabytes, found, rows(db, "SELECT backend, plan FROM dupgpu_stats ORDER BY rowid DESC LIMIT 1")[0]])
db.close()
print(json.dumps(answer))
"""


@pytest.mark.parametrize("shape, bits, threshold", [("planted", 64, 5), ("planted", 64, 12), ("planted", 256, 20),
                                                    ("planted", 1024, 60), ("planted", 40, 3)])
def test_the_same_rows_in_the_same_order(devices, tmp_path, shape, bits, threshold):
    hashes = [value.hex() for value in oracle.sample(shape, 1500, bits)]
    got = devices(f"HASHES = {json.dumps(hashes)!r}\nTHRESHOLD = {threshold}\n{ORDER}")
    expected = {(plan, size): found for plan, size, found, (backend, _) in got if backend == "cpu"}
    assert len(expected) == 4 and all(len(found) > 50 for found in expected.values())
    ran = set()
    for plan, size, found, (backend, words) in got:
        assert found == expected[plan, size], (backend, plan, size, words)
        ran.add((backend, "windows" in words))
    assert ran == {("cpu", False), ("cuda", False), ("cuda", True), ("opencl", False), ("opencl", True)}
    calls, violations, ledger = (tmp_path / "report").read_text().split()[1:6:2]
    assert int(calls) > 100 and (violations, ledger) == ("0", "0")


PICTURES = """
import pathlib
db = connect()
db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, data)")
files = sorted(pathlib.Path(FOLDER).iterdir())
db.executemany("INSERT INTO t(data) VALUES(?)", [(path.read_bytes(),) for path in files])
hashes = "hex(phash), hex(dhash), hex(dhash_vertical), hex(ahash), hex(whash)"
metrics = "quality, blur, sharpness, brightness, clip_lo, entropy, noise, blockiness, jpeg_quality, eff_pixels"
answer = []
for backend in ("cpu", "cuda", "opencl"):
    for size, orient, batch, gigabytes in ((8, 1, 0, 0), (16, 0, 5, 0), (4, 0, 0, 0.0005)):
        db.execute("SELECT dupgpu_config('hash_backend', ?), dupgpu_config('batch_size', ?), "
                   "dupgpu_config('memory_limit_gb', ?)", (backend, batch, gigabytes)).fetchall()
        wanted = metrics if size == 4 else f"{hashes}, {metrics}"
        found = rows(db, f"SELECT id, {wanted}, width, error FROM image_hashes('t', 'data') "
                         "WHERE hash_size = ? AND orient = ?", size, orient)
        answer.append([size, found, rows(db, "SELECT backend, batches FROM dupgpu_stats ORDER BY rowid DESC LIMIT 1")[0]])
db.close()
print(json.dumps(answer))
"""


def test_the_same_hashes_of_pictures(devices, tmp_path, root):
    got = devices(f"FOLDER = {str(root / 'tests' / 'golden' / 'pictures')!r}\n{PICTURES}")
    expected = {size: found for size, found, (backend, _) in got if backend == "cpu"}
    assert sorted(expected) == [4, 8, 16] and all(len(found) > 70 for found in expected.values())
    for size, found, (backend, _) in got:
        assert found == expected[size], (backend, size)
    ran = [(backend, size, batches) for size, _, (backend, batches) in got]
    assert [backend for backend, _, _ in ran] == ["cpu"] * 3 + ["cuda"] * 3 + ["opencl"] * 3
    assert all(batches > 10 for backend, size, batches in ran if backend != "cpu" and size == 16)  # of five pictures
    calls, violations, ledger = (tmp_path / "report").read_text().split()[1:6:2]
    assert int(calls) > 100 and (violations, ledger) == ("0", "0")


LINES = """
db = connect()
db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v)")
db.executemany("INSERT INTO t(v) VALUES(?)", [(i * i * 7919 % 1009 if i % 50 else None,) for i in range(500)])
answer = []
for backend in ("cpu", "cuda", "opencl"):
    for options, output in (("{}", "image"), ('{"format": "raw", "width": 90, "height": 70}', "image"),
                            ('{"color": "#a01020", "width": 90, "height": 70, "bits": 2}', "hash")):
        for batch, gigabytes in ((5, 0), (0, 0.005)):
            db.execute("SELECT dupgpu_config('render_backend', ?), dupgpu_config('batch_size', ?), "
                       "dupgpu_config('memory_limit_gb', ?)", (backend, batch, gigabytes)).fetchall()
            found = rows(db, "SELECT id, hex(image) FROM line_images('t', 'v') WHERE window = 100 AND stride = 20 "
                             "AND options = ? AND output = ?", options, output)
            answer.append([options + output, found, *rows(db, "SELECT backend, fallback FROM dupgpu_stats "
                                                             "ORDER BY rowid DESC LIMIT 1")[0]])
db.close()
print(json.dumps(answer))
"""


def test_the_same_line_pictures(devices, tmp_path):
    got = devices(LINES)
    expected = {what: found for what, found, backend, _ in got if backend == "cpu"}
    assert len(expected) == 3 and all(len(found) == 21 for found in expected.values())
    assert [backend for _, _, backend, _ in got] == ["cpu"] * 6 + ["cuda"] * 6 + ["opencl"] * 6
    for what, found, backend, fallback in got:
        assert found == expected[what] and fallback is None, (backend, what)
    calls, violations, ledger = (tmp_path / "report").read_text().split()[1:6:2]
    assert int(calls) > 100 and (violations, ledger) == ("0", "0")


ONE_SEARCH = """
db = connect()
db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, h)")
db.executemany("INSERT INTO t(h) VALUES(?)", [(i * i * 2654435761 % 2**60,) for i in range(300)])
try: answer = [rows(db, "SELECT count(*), sum(distance) FROM similar_pairs('t', 'h', 20)")[0]]
except sqlite3.Error as failure: answer = [str(failure)]
answer += rows(db, "SELECT backend, fallback FROM dupgpu_stats")
answer += rows(db, "SELECT backend, selected, why_not FROM dupgpu_devices WHERE backend <> 'cpu'")
db.close()
print(json.dumps(answer))
"""


def test_a_device_that_answers_wrongly_is_refused(devices):
    expected = devices(ONE_SEARCH, DUPGPU_BACKEND="cpu")[0]
    for name, disturbance in (("cuda", {"FAKE_CUDA_CORRUPT": 3}), ("opencl", {"DUPGPU_PROXY": "flip=1"})):
        found, (backend, fallback), *table = devices(ONE_SEARCH, DUPGPU_BACKEND=name, **disturbance)
        assert found == expected and backend == "cpu" and "self-test" in fallback
        (why_not,) = [row[2] for row in table if row[0] == name]
        assert "self-test" in why_not
        refused = devices(ONE_SEARCH, DUPGPU_BACKEND=name, DUPGPU_FALLBACK=0, **disturbance)
        assert "self-test" in refused[0]


def test_an_image_the_driver_cannot_run(devices):
    found, (backend, fallback), *_ = devices(ONE_SEARCH, DUPGPU_BACKEND="cuda", FAKE_CUDA_IMAGE=209)
    assert backend == "cpu" and "CUDA_ERROR_NO_BINARY_FOR_GPU" in fallback and "sm_" in fallback


def test_gpu_takes_the_next_backend(devices):
    """`gpu` is any GPU: where CUDA has none, OpenCL's."""
    found, (backend, fallback), *_ = devices(ONE_SEARCH, DUPGPU_BACKEND="gpu", FAKE_CUDA_DEVICES=0,
                                             DUPGPU_PROXY="gpu=1")
    assert backend == "opencl" and fallback is None


def test_an_operation_can_be_sent_elsewhere(devices):
    assert devices(ONE_SEARCH, DUPGPU_BACKEND="cuda", DUPGPU_JOIN_BACKEND="cpu")[1] == ["cpu", None]
    assert devices(ONE_SEARCH, DUPGPU_BACKEND="cpu", DUPGPU_JOIN_BACKEND="cuda")[1] == ["cuda", None]


def test_another_device(devices):
    assert devices(ONE_SEARCH, DUPGPU_BACKEND="cuda", DUPGPU_DEVICE_ID=1, FAKE_CUDA_DEVICES=2)[1] == ["cuda", None]
    none = devices(ONE_SEARCH, DUPGPU_BACKEND="cuda", DUPGPU_DEVICE_ID=5, FAKE_CUDA_DEVICES=2)
    assert none[1][0] == "cpu" and "no device 5" in none[1][1]


def test_small_work_starts_no_driver(devices, tmp_path):
    """auto asks for no GPU where the CPU is done before one could begin."""
    script = ONE_SEARCH.replace("FROM dupgpu_devices", "FROM dupgpu_devices WHERE 0 AND 'x'").replace("WHERE 0 AND 'x' WHERE", "WHERE 0 AND")
    devices(script + "\n")
    assert not (tmp_path / "report").exists() or "calls 0 " in (tmp_path / "report").read_text()


def test_after_fork(devices):
    """A child of a process that used CUDA searches on the CPU; one forked before uses CUDA itself."""
    script = """
import os
def search():
    db = connect()
    db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, h)")
    db.execute("INSERT INTO t VALUES(1, 1), (2, 3)")
    found = rows(db, "SELECT * FROM similar_pairs('t', 'h', 1)")
    answer = [found] + rows(db, "SELECT backend, fallback FROM dupgpu_stats")
    return db, answer
def in_child(work):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, json.dumps(work()).encode())
        os._exit(0)
    os.close(writing)
    text = os.fdopen(reading).read()
    assert os.waitpid(child, 0)[1] == 0
    return json.loads(text)
before = in_child(lambda: search()[1])
db, own = search()
def again():
    db.execute("UPDATE t SET h = h")
    inherited = rows(db, "SELECT * FROM similar_pairs('t', 'h', 1)")
    db.close()
    return [inherited, search()[1]]
inherited, fresh = in_child(again)
db.execute("UPDATE t SET h = h")
still = rows(db, "SELECT * FROM similar_pairs('t', 'h', 1)")
print(json.dumps([before, own, inherited, fresh, still, rows(db, "SELECT backend FROM dupgpu_stats")]))
"""
    pair = [[1, 2, 1, 0.984375]]
    before, own, inherited, fresh, still, stats = devices(script, DUPGPU_BACKEND="cuda")
    assert before == own == [pair, ["cuda", None]]
    assert inherited == still == pair
    assert fresh[0] == pair and fresh[1][0] == "cpu" and "fork" in fresh[1][1]
    assert stats == [["cuda"], ["cuda"]]


def test_threads_and_connections_on_one_device(devices, tmp_path):
    script = """
import threading
expected, wrong = None, []
def work(number):
    for turn in range(5):
        db = connect()
        db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, h)")
        db.executemany("INSERT INTO t(h) VALUES(?)", [(i * i * 2654435761 % 2**60,) for i in range(300)])
        found = rows(db, "SELECT * FROM similar_pairs('t', 'h', 22)")
        results.append([found, rows(db, "SELECT backend, fallback FROM dupgpu_stats")])
        db.close()
results = []
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(json.dumps([len(results), all(r == results[0] for r in results), results[0][1], len(results[0][0])]))
"""
    count, same, stats, found = devices(script, DUPGPU_BACKEND="cuda")
    assert count == 20 and same and found > 10 and stats == [["cuda", None]]
    assert "violations 0 ledger 0" in (tmp_path / "report").read_text()


# Each table on one device. That both give the same for each operation is tested above and in tests/device, fake and opencl.
ON_DEVICES = [("cuda", "test_pairs.py"), ("opencl", "test_pairs_in_sql.py"), ("opencl", "test_similarity_join.py"),
              ("cuda", "test_similar_groups.py"), ("opencl", "test_nearest.py"), ("cuda", "test_distance_histogram.py")]


@pytest.mark.parametrize("backend, file", ON_DEVICES)
def test_the_tests_of_a_table_on_a_device(root, build, tmp_path, pocl_cache, backend, file):
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    env.update(DUPGPU_BACKEND=backend, LD_LIBRARY_PATH=f"{build}/tests/fake:{build}/tests/opencl",
               POCL_CACHE_DIR=str(pocl_cache), DUPGPU_CACHE=str(tmp_path / "dupgpu"))
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-k", "debian", f"tests/sql/{file}"], cwd=root, env=env,
                          capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-4000:]
