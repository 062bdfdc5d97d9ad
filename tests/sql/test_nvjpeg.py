"""decode = 'gpu' of image_hashes: what nvJPEG decodes, what it refuses, and what a fault leaves.

nvJPEG is the library of tests/nvjpeg on the driver of tests/fake; it decodes with libjpeg, so with it hashes are the exact
ones. Both are found by LD_LIBRARY_PATH, so everything runs in processes of its own.
"""

import json
import os
import subprocess

import pytest

PRELUDE = """
import json, os, pathlib, sqlite3
def connect():
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.enable_load_extension(True)
    db.load_extension(EXTENSION)
    return db
def rows(db, sql, *parameters):
    return [list(row) for row in db.execute(sql, parameters)]
def catalogue(names="*"):
    db = connect()
    db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, name, data)")
    for path in sorted(pathlib.Path(PICTURES).glob(names)):
        db.execute("INSERT INTO t(name, data) VALUES(?, ?)", (path.name, path.read_bytes()))
    return db
COLUMNS = "t.name, hex(h.phash), hex(h.dhash), hex(h.whash), hex(h.pdq), hex(h.colorhash), h.width, h.error"
def hashes(db, more="", columns=COLUMNS):
    sql = f"SELECT {columns} FROM image_hashes('t', 'data') AS h JOIN t USING(id) WHERE 1 {more} ORDER BY id"
    try: return rows(db, sql)
    except sqlite3.Error as failure: return str(failure)
def plan(db):
    return rows(db, "SELECT plan FROM dupgpu_stats ORDER BY rowid DESC LIMIT 1")[0][0]
"""


@pytest.fixture
def gpu(build, root, tmp_path):
    """Runs a Python script beside the libraries for tests; returns what it prints as JSON."""
    if (root / "build" / "cuda" / "targets").read_text() == "none":
        pytest.skip("built without CUDA")

    def run(script, libraries=("fake", "nvjpeg"), **environment):
        report = tmp_path / "report"
        report.unlink(missing_ok=True)
        env = dict(os.environ, LD_LIBRARY_PATH=":".join(str(build / "tests" / name) for name in libraries),
                   FAKE_CUDA_REPORT=str(report), FAKE_NVJPEG_REPORT=str(report))
        env.update({name: str(value) for name, value in environment.items()})
        names = f"EXTENSION = {str(build / 'dupgpu')!r}\nPICTURES = {str(root / 'tests' / 'golden' / 'pictures')!r}\n"
        done = subprocess.run(["/usr/bin/python3", "-"], input=names + PRELUDE + script, env=env, capture_output=True,
                              text=True, timeout=300)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        run.report = report.read_text() if report.exists() else ""
        return json.loads(done.stdout)

    return run


ONE = "db = catalogue('4*.jpg')\nprint(json.dumps(hashes(db, \"AND decode = 'gpu'\")))\ndb.close()\n"


def nothing_is_left(report):
    lines = report.splitlines()
    assert lines and all("violations 0 ledger 0" in line for line in lines), report


BOTH = """
db = catalogue()
answer = []
for threads in (1, 4):
    for more in ("", "AND orient = 1 AND hash_size = 16", "AND luma = 'pillow6'"):
        rows(db, f"SELECT dupgpu_config('threads', {threads})")
        exact = hashes(db, more + " AND decode = 'exact'")
        answer.append([exact, hashes(db, more + " AND decode = 'gpu'"), plan(db)])
db.close()
print(json.dumps(answer))
"""


def test_pictures_and_errors(gpu):
    """All golden pictures: PNG files as ever, JPEG files by nvJPEG, and what it does not take is an error of its row."""
    refused = {"cmyk.jpg": "nvjpeg: the colours are CMYK", "cmyk-progressive.jpg": "nvjpeg: the colours are CMYK",
               "arithmetic.jpg": "nvjpeg: nvjpegGetImageInfo: NVJPEG_STATUS_JPEG_NOT_SUPPORTED (4)",
               "ycck.jpg": "nvjpeg: the colours are CMYK", "ycck-progressive.jpg": "nvjpeg: the colours are CMYK",
               "rgb.jpg": "nvjpeg: the colours are not YCbCr", "cut.jpg": "nvjpeg: truncated: the file has no end marker"}
    for exact, got, words in gpu(BOTH):
        assert len(exact) == len(got) > 70
        errors = {row[0]: row[-1] for row in got if row[-1] and row[0].endswith(".jpg")}
        assert {name: text for name, text in refused.items() if text not in errors.pop(name)} == {} == errors
        expected = [row for row in exact if row[0] not in refused]
        assert [row for row in got if row[0] not in refused] == expected
        assert all(row[1:6] == [""] * 5 and row[6] for row in got if row[0] in refused)
        assert words.startswith("JPEGs decoded by nvjpeg 12.4.76, whose pixels differ; about ")
    nothing_is_left(gpu.report)
    assert " decoded 0 " not in gpu.report


def test_hashing_on_the_device_too(gpu):
    exact, got, words = gpu("""
db = catalogue("*quality*.jpg")
exact = hashes(db)
rows(db, "SELECT dupgpu_config('hash_backend', 'cuda')")
got = hashes(db, "AND decode = 'gpu'")
print(json.dumps([exact, got, plan(db)]))
db.close()
""")
    assert exact == got and len(got) == 5
    assert words.startswith("JPEGs decoded by nvjpeg 12.4.76, whose pixels differ; hashed on the device")
    nothing_is_left(gpu.report)


def test_other_pixels_show(gpu):
    exact, got = gpu("db = catalogue('42*.jpg')\nprint(json.dumps([hashes(db), hashes(db, \"AND decode = 'gpu'\")]))",
                     FAKE_NVJPEG_DRIFT=60)
    assert len(exact) == len(got) > 2 and all(a != b for a, b in zip(exact, got))


@pytest.mark.parametrize("name", ("libnvjpeg.so.12", "libnvjpeg.so.11", "libnvjpeg.so"))
def test_older_names(gpu, build, tmp_path, name):
    (tmp_path / name).symlink_to((build / "tests" / "nvjpeg" / "libnvjpeg.so.13").resolve())
    got = gpu(ONE, ("fake", tmp_path))
    assert len(got) > 5 and not any(row[-1] for row in got)


def test_headers_need_no_library(gpu):
    wide, words = gpu("db = catalogue()\n"
                      "print(json.dumps([hashes(db, \"AND decode = 'gpu'\", 'h.width, h.jpeg_quality'), plan(db)]))", ())
    assert len(wide) > 70 and "decoded" not in words and gpu.report == ""


@pytest.mark.parametrize("fallback", (0, 1))
def test_what_is_missing(gpu, fallback):
    """No library, no driver, no GPU: the statement fails, whatever the setting says."""
    installed = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True).stdout
    if "libnvjpeg.so" in installed or "libcuda.so" in installed:
        pytest.skip("this machine has them")
    for libraries, environment, words in ((("fake",), {}, "nvjpeg: libnvjpeg.so: cannot open shared object file"),
                                          (("nvjpeg",), {}, "cuda: libcuda.so.1: "),
                                          (("fake", "nvjpeg"), {"FAKE_CUDA_DEVICES": 0}, "CUDA_ERROR_NO_DEVICE"),
                                          (("fake", "nvjpeg"), {"DUPGPU_DEVICE_ID": 3}, "no device 3"),
                                          (("fake", "nvjpeg"), {"DUPGPU_ENABLED": 0}, "enabled is 0"),
                                          (("fake", "nvjpeg"), {"FAKE_NVJPEG_FAIL": "1:7"},
                                           "nvjpeg: nvjpegCreateSimple: NVJPEG_STATUS_ARCH_MISMATCH (7)")):
        error = gpu(ONE, libraries, DUPGPU_FALLBACK=fallback, **environment)
        assert isinstance(error, str) and error.startswith("image_hashes: ") and words in error, error
        if gpu.report:
            nothing_is_left(gpu.report)


def test_headers_that_are_read_otherwise(gpu):
    got = gpu(ONE, FAKE_NVJPEG_SIZE=1)
    assert len(got) > 5 and all("pixels" in row[-1] and row[-1].startswith("nvjpeg: ") for row in got)
    nothing_is_left(gpu.report)


def test_damaged_files(gpu):
    """Cut at many places, and with the end marker put back: an error, or what nvJPEG makes of it."""
    got = gpu("""
db = catalogue("420.jpg")
whole = rows(db, "SELECT data FROM t")[0][0]
db.execute("DELETE FROM t")
for size in range(2, len(whole), max(1, len(whole) // 200)):
    for tail in (b"", b"\\xff\\xd9"):
        db.execute("INSERT INTO t(name, data) VALUES(?, ?)", (str(len(tail)), whole[:size] + tail))
answer = [hashes(db, "AND decode = 'gpu'"), hashes(db, "AND decode = 'gpu' AND truncated = 'lenient'")]
print(json.dumps(answer))
db.close()
""")
    for rows in got:
        assert len(rows) > 300 and all(bool(row[-1]) != bool(row[1]) for row in rows)
    assert all(row[-1] for row in got[0] if row[0] == "0")
    nothing_is_left(gpu.report)


def test_little_device_memory(gpu):
    """Where it suffices for one picture at a time, all are decoded on four threads; where for none, each says so."""
    script = "db = catalogue('4*.jpg')\nrows(db, \"SELECT dupgpu_config('threads', 4)\")\n" \
             "print(json.dumps([hashes(db), hashes(db, \"AND decode = 'gpu'\")]))\ndb.close()\n"
    exact, got = gpu(script, FAKE_CUDA_MEMORY=14000)
    assert got == exact and len(got) > 5
    nothing_is_left(gpu.report)
    exact, got = gpu(script, FAKE_CUDA_MEMORY=3000)
    assert len(got) == len(exact) and all("cuMemAlloc: CUDA_ERROR_OUT_OF_MEMORY (2)" in row[-1] for row in got)
    nothing_is_left(gpu.report)


def test_metrics_are_refused(gpu):
    got = gpu(ONE.replace('"))', '", "h.quality, h.error"))'))
    assert len(got) > 5 and all(quality is None and '"exact"' in error for quality, error in got)


def test_functions_do_not_take_it(db):
    error = db.error("SELECT phash(x'FFD8FF', 8, '{\"decode\": \"gpu\"}')")
    assert "image_hashes" in error and '"gpu"' in error
    assert "'exact', 'scaled', 'gpu'" in db.error("SELECT * FROM image_hashes('sqlite_schema', 'sql') WHERE decode = 'cuda'")


SWEEP = """
import ctypes, gc
library = ctypes.CDLL(LIBRARY)
cuda, nvjpeg = ctypes.CDLL("libcuda.so.1"), ctypes.CDLL("libnvjpeg.so.13")
fail, failed = (getattr(library, name) for name in NAMES)
db = catalogue(FILES)
rows(db, "SELECT dupgpu_config('threads', 1), dupgpu_config('fallback', 1)")
exact = hashes(db)
assert hashes(db, "AND decode = 'gpu'") == exact
answer = []
for sticky in (0, 1):
    for n in range(1, 2000):
        fail(n, CODE, sticky)
        got = hashes(db, "AND decode = 'gpu'")
        struck = failed()
        fail(0, 0, 0)
        gc.collect()
        words = ctypes.c_char_p()
        wrong = [cuda.fake_cuda_entries(), cuda.fake_cuda_violations(ctypes.byref(words)), nvjpeg.fake_nvjpeg_violations()]
        if not (sticky and LIBRARY.startswith("libcuda")): wrong.append(nvjpeg.fake_nvjpeg_ledger())
        assert not any(wrong), (n, sticky, wrong, words.value, got)
        if not struck: break
        texts = [got] if isinstance(got, str) else [row[-1] for row in got if row[-1]]
        other = [] if isinstance(got, str) else [row for row, right in zip(got, exact, strict=True) if not row[-1] and row != right]
        assert not other, (n, other)
        answer.append([sticky, isinstance(got, str), texts])
    assert n < 1999
db.close()
print(json.dumps(answer))
"""


def sweep(gpu, library, names, code, files):
    """Each call failing in turn, alone and with all after it: every row is the exact one or has an error, or the
    statement has; and nothing is left, but what nvJPEG has of a device that will not be spoken to any more."""
    said = gpu(f"LIBRARY, NAMES, CODE, FILES = {library!r}, {names!r}, {code}, {files!r}\n{SWEEP}")
    return said


@pytest.mark.parametrize("code, word", ((8, "INTERNAL_ERROR (8)"), (5, "ALLOCATOR_FAILURE (5)")))
def test_every_call_of_nvjpeg_fails(gpu, code, word):
    said = sweep(gpu, "libnvjpeg.so.13", ("fake_nvjpeg_fail", "fake_nvjpeg_failed"), code, "42*.jpg")
    assert len(said) > 20 and all(word in text for _, _, texts in said for text in texts)
    assert {whole for _, whole, texts in said if texts} == ({False, True} if code == 8 else {True})
    rows = [texts for sticky, whole, texts in said if not sticky and not whole]
    assert all(len(texts) <= 1 for texts in rows)  # one fault, one picture; none where more memory helps
    assert any(rows) == (code == 8)


@pytest.mark.parametrize("code, word", ((2, "OUT_OF_MEMORY"), (719, "LAUNCH_FAILED")))
def test_every_call_of_the_driver_fails(gpu, code, word):
    said = sweep(gpu, "libcuda.so.1", ("fake_cuda_fail", "fake_cuda_failed"), code, "orientation-1.jpg")
    assert len(said) > 60 and all(word in text or "nvjpeg" in text for _, _, texts in said for text in texts)
    assert any(whole for _, whole, _ in said) and any(not texts for _, _, texts in said)


def test_after_fork(gpu):
    """A child of a process that used CUDA is refused it; one forked during a statement may only end it."""
    before, own, inherited, fresh, still = gpu("""
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
def fresh():
    return hashes(catalogue("4*.jpg"), "AND decode = 'gpu'")
before = in_child(fresh)
db = catalogue("4*.jpg")
own = hashes(db, "AND decode = 'gpu'")
cursor = db.execute("SELECT hex(phash) FROM image_hashes('t', 'data') WHERE decode = 'gpu'")
first = cursor.fetchone()
def go_on():
    try: answer = [list(row) for row in cursor]
    except sqlite3.Error as failure: answer = str(failure)
    cursor.close()
    return answer
inherited, refused = in_child(go_on), in_child(fresh)
still = [first[0]] + [row[0] for row in cursor]
print(json.dumps([before, own, inherited, refused, still]))
db.close()
""")
    assert before == own and len(own) > 5 and [row[1] for row in own] == still
    assert "fork" in inherited and "fork" in fresh and fresh.startswith("image_hashes: cuda: ")
    nothing_is_left(gpu.report)
