"""Pictures in files: image_hashes with read_files, image_files, and how the work is watched and stopped."""

import contextlib
import errno
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import threading
import time

import pytest
from conftest import SqlError

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden" / "pictures"
BOUND = 1.0  # seconds in which work must stop on a busy machine; the contract says 0.1


@pytest.fixture
def files(db):
    db.run("SELECT dupgpu_config('read_files', 1)").run("CREATE TABLE f(id INTEGER PRIMARY KEY, path)")
    return db


def errors(db, *paths):
    """The error of each path; a path without one gives its width."""
    db.run("DELETE FROM f")
    for path in paths:
        db.run("INSERT INTO f(path) VALUES(?)", str(path))
    return db.column("SELECT coalesce(error, width) FROM image_hashes('f', 'path') WHERE phash IS NOT ''")


def big_picture(path, side):
    """A progressive JPEG of side x side pixels, which takes libjpeg long: it reads all scans first."""
    pattern = bytes((x * x // 64) % 256 for x in range(side))
    pgm = b"P5 %d %d 255\n" % (side, side) + pattern * side
    subprocess.run(["cjpeg", "-progressive", "-outfile", str(path)], input=pgm, check=True)
    return path


# --- image_hashes ---


def test_files_are_hashed_as_blobs_are(files):
    for path in sorted(GOLDEN.glob("*.*")):
        files.run("INSERT INTO f(path) VALUES(?)", str(path))
    files.run("CREATE TABLE b(id INTEGER PRIMARY KEY, data)")
    for number, path in files.rows("SELECT id, path FROM f"):
        files.run("INSERT INTO b VALUES(?, ?)", number, pathlib.Path(path).read_bytes())
    for threads in (1, 2, 8):
        files.run("SELECT dupgpu_config('threads', ?)", threads)
        assert files.rows("SELECT * FROM image_hashes('f', 'path')") == files.rows("SELECT * FROM image_hashes('b', 'data')")


def test_paths_and_blobs_in_one_column(files):
    files.run("INSERT INTO f(path) VALUES(?), (?), (NULL)", str(GOLDEN / "tall.jpg"), (GOLDEN / "tall.jpg").read_bytes())
    first, second, third = files.rows("SELECT phash, width, error FROM image_hashes('f', 'path')")
    assert first == second and first[2] is None and third == (None, None, None)


def test_what_is_no_file(files, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "link.jpg").symlink_to(GOLDEN / "tall.jpg")
    (tmp_path / "nowhere.jpg").symlink_to(tmp_path / "missing")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("no picture")
    with open(tmp_path / "huge.jpg", "wb") as file:
        file.truncate(1 << 31)
    found = errors(files, tmp_path / "missing", tmp_path, tmp_path / "pipe", "/dev/zero", tmp_path / "loop",
                   tmp_path / "nowhere.jpg", tmp_path / "empty.jpg", tmp_path / "huge.jpg", tmp_path / "text.jpg",
                   tmp_path / "link.jpg", "", tmp_path / ("x" * 300), GOLDEN / "tall.jpg" / "x")
    expected = [os.strerror(errno.ENOENT), "is a directory", "is a pipe", "is a device", os.strerror(errno.ELOOP),
                os.strerror(errno.ENOENT), "the file is empty", "larger than 1 GiB", "not an image", 19,
                os.strerror(errno.ENOENT), os.strerror(errno.ENAMETOOLONG), os.strerror(errno.ENOTDIR)]
    assert len(found) == len(expected)
    for error, text in zip(found, expected):
        assert error == text or text in error, (error, text)
    for error, name in zip(found[:3], ("missing", tmp_path.name, "pipe")):
        assert f"{name}'" in error


@contextlib.contextmanager
def without_privileges():
    """Root may read everything, so it becomes nobody."""
    me = os.geteuid()
    if me == 0:
        os.seteuid(65534)
    yield
    os.seteuid(me)


def test_a_file_that_may_not_be_read(files, tmp_path):
    shutil.copy(GOLDEN / "tall.jpg", tmp_path / "closed.jpg")
    (tmp_path / "closed.jpg").chmod(0)
    with without_privileges():
        (error,) = errors(files, tmp_path / "closed.jpg")
    assert os.strerror(errno.EACCES) in error and "closed.jpg" in error


def test_a_file_that_grows_and_shrinks(files, tmp_path):
    """It is read whole or it is an error; either way the rows around it are as they should be."""
    path = tmp_path / "growing.jpg"
    picture = (GOLDEN / "tall.jpg").read_bytes()
    path.write_bytes(picture)
    done = threading.Event()

    def change():
        while not done.is_set():
            with open(path, "r+b") as file:
                file.seek(0, os.SEEK_END)
                file.write(bytes(100_000))
                file.flush()
                file.truncate(len(picture))

    thread = threading.Thread(target=change)
    thread.start()
    found = errors(files, *([path, GOLDEN / "tall.jpg"] * 400))
    done.set()
    thread.join()
    assert found[1::2] == [19] * 400
    assert {error if error == 19 else error.split(":")[0] for error in found[::2]} <= {
        19, "the file grew while it was read", "the file shrank while it was read"}


def test_headers_of_large_files(files, tmp_path):
    """The first bytes do, unless the header is longer than they are."""
    picture = (GOLDEN / "tall.jpg").read_bytes()
    (tmp_path / "long.jpg").write_bytes(picture + bytes(300_000))
    comments = b"\xff\xfe\xff\xff" + bytes(0xfffd)
    (tmp_path / "late.jpg").write_bytes(picture[:2] + 5 * comments + picture[2:])
    (tmp_path / "never.jpg").write_bytes(picture[:2] + 5 * comments)
    for name in ("long.jpg", "late.jpg", "never.jpg"):
        files.run("INSERT INTO f(path) VALUES(?)", str(tmp_path / name))
    found = files.rows("SELECT width, height, format, bytes, jpeg_quality, error IS NULL FROM image_hashes('f', 'path')")
    (quality,) = {row[4] for row in found[:2]}
    assert found == [(19, 83, "jpeg", (tmp_path / name).stat().st_size, quality, 1) for name in ("long.jpg", "late.jpg")] + [
        (None, None, None, None, None, 0)]
    assert found[:2] == files.rows("SELECT width, height, format, bytes, jpeg_quality, phash IS NOT NULL "
                                   "FROM image_hashes('f', 'path') WHERE id < 3")


def test_damaged_files(files, tmp_path):
    """Cut, with bytes and bits changed: a hash or an error, the same as the functions give."""
    draw = random.Random(4)
    originals = [path.read_bytes() for path in sorted(GOLDEN.glob("*.*"))]
    files.run("CREATE TABLE b(id INTEGER PRIMARY KEY, data)")
    for number in range(400):
        data = bytearray(draw.choice(originals))
        for _ in range(draw.choice([1, 1, 3, 20])):
            data[draw.randrange(len(data))] = draw.randrange(256)
        if number % 4 == 0:
            del data[draw.randrange(1, len(data)):]
        (tmp_path / f"{number}").write_bytes(data)
        files.run("INSERT INTO f VALUES(?, ?)", number, str(tmp_path / f"{number}")).run(
            "INSERT INTO b VALUES(?, ?)", number, bytes(data))
    found = files.rows("SELECT id, phash, whash, pdq, quality, error FROM image_hashes('f', 'path')")
    assert found == files.rows("SELECT id, phash, whash, pdq, quality, error FROM image_hashes('b', 'data')")
    assert 40 < sum(row[-1] is not None for row in found) < 360
    for number, phash, _, _, _, error in found:
        try:
            assert files.value("SELECT phash(data) FROM b WHERE id = ?", number) == phash and error is None, number
        except SqlError as failure:
            assert str(failure) == f"phash: {error}" and phash is None, number


def test_a_path_with_a_zero_byte(files):
    """It must not name the file whose path it begins with."""
    files.run("INSERT INTO f(path) VALUES(? || char(0) || '.txt')", str(GOLDEN / "tall.jpg"))
    width, error = files.row("SELECT width, error FROM image_hashes('f', 'path')")
    assert width is None and error.startswith("the path holds a zero byte")


def test_not_without_the_setting(files):
    files.run("SELECT dupgpu_config('read_files', 0)")
    (error,) = errors(files, GOLDEN / "tall.jpg")
    assert "TEXT" in error and "read_files = 1" in error
    assert "read_files = 1" in files.error("SELECT * FROM image_files('.')")


def test_memory_limit(files, tmp_path):
    """Progressive pictures need six bytes a pixel: one at a time fits, one is too large, none is decoded twice over."""
    small, large = big_picture(tmp_path / "small.jpg", 1200), big_picture(tmp_path / "large.jpg", 4000)
    files.run("SELECT dupgpu_config('memory_limit_gb', 0.01), dupgpu_config('threads', 4)")
    found = errors(files, *[small] * 12, large, *[small] * 12)
    assert found[:12] + found[13:] == [1200] * 24
    assert "MiB of work space" in found[12] and "memory limit" in found[12]
    assert files.value("SELECT max(bytes) FROM dupgpu_stats WHERE op = 'image_hashes'") <= 0.01 * 2 ** 30


def test_resuming(files):
    """What is hashed in one go, stopped and gone on with, is what is hashed at once."""
    files.run("ALTER TABLE f ADD COLUMN phash").run("CREATE VIEW to_do AS SELECT id, path FROM f WHERE phash IS NULL LIMIT 20")
    paths = sorted(path for path in GOLDEN.glob("*.*") if "cut." not in path.name)
    for path in paths:
        files.run("INSERT INTO f(path) VALUES(?)", str(path))
    rounds = 0
    while files.value("SELECT count(*) FROM to_do"):
        files.run("UPDATE f SET phash = h.phash FROM image_hashes('to_do', 'path') AS h WHERE h.id = f.id")
        rounds += 1
    assert rounds == -(-len(paths) // 20)
    assert files.value("SELECT count(*) FROM f JOIN image_hashes('f', 'path') AS h USING (id) WHERE f.phash = h.phash") \
        == len(paths)


# --- image_files ---


@pytest.fixture
def tree(tmp_path):
    """Folders of pictures and of other things."""
    for name in ("b.jpg", "a.PNG", "c.txt", "d.jpeg", "sub/e.jpe", "sub/deep/f.jfif", "sub.jpg", "z/.hidden.png", "B/x.png",
                 "sub-1/y.png", "na\u00efve/\u00fc.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(GOLDEN / "tall.jpg", tmp_path / name)
    (tmp_path / "empty").mkdir()
    (tmp_path / "sub" / "up").symlink_to(tmp_path)
    (tmp_path / "link.jpg").symlink_to(tmp_path / "b.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    return tmp_path


def test_image_files(files, tree):
    expected = sorted((str(path) for path in tree.rglob("*") if path.is_file() and not path.is_symlink()
                       and path.suffix != ".txt" and "up" not in path.relative_to(tree).parts), key=os.fsencode)
    rows = files.rows("SELECT * FROM image_files(?)", str(tree))
    assert [row[0] for row in rows] == expected and len(rows) == 10
    for path, name, size, mtime, form, error in rows:
        found = os.stat(path)
        assert (name, size, mtime, form, error) == (os.path.basename(path), found.st_size, int(found.st_mtime), "jpeg", None)
    assert files.column("SELECT path FROM image_files(?)", str(tree) + "/") == expected
    assert files.column("SELECT path FROM image_files(?) ORDER BY path", str(tree)) == expected
    assert "USE TEMP B-TREE" not in files.plan("SELECT path FROM image_files('x') ORDER BY path")
    assert "files of x for path" in files.plan("SELECT path FROM image_files('x')")


def test_image_files_of_one_folder_and_of_any_name(files, tree):
    assert files.column("SELECT name FROM image_files(?, 0)", str(tree)) == ["a.PNG", "b.jpg", "d.jpeg", "sub.jpg"]
    assert files.column("SELECT name FROM image_files(?, 0) WHERE any_name = 1", str(tree)) == [
        "a.PNG", "b.jpg", "c.txt", "d.jpeg", "sub.jpg"]
    assert files.rows("SELECT name, format FROM image_files(?) WHERE any_name = 1", str(GOLDEN)) == [
        (path.name, "jpeg" if path.suffix == ".jpg" else "png") for path in sorted(GOLDEN.glob("*"))]
    (tree / "empty" / "fake.jpg").write_text("GIF")
    assert files.rows("SELECT name, format FROM image_files(?)", str(tree / "empty")) == [("fake.jpg", None)]


@pytest.mark.parametrize("folder, text", [
    ("'nowhere'", os.strerror(errno.ENOENT) + ": 'nowhere/'"), ("''", "is empty"), ("5", "folder is INTEGER"),
    ("NULL", "folder is NULL"), ("'README.md'", os.strerror(errno.ENOTDIR)), ("'.', 2", "recursive is 2; it takes 0 or 1"),
    ("'.', 'no'", "recursive is 'no'"), ("", "argument folder is missing")])
def test_folders_that_are_none(files, folder, text):
    assert text in files.error(f"SELECT * FROM image_files({folder})")


def test_a_folder_that_may_not_be_read(files):
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        os.mkdir(f"{place}/closed", 0)
        shutil.copy(GOLDEN / "tall.jpg", f"{place}/open.jpg")
        with without_privileges():
            rows = files.rows("SELECT name, size, error FROM image_files(?)", place)
    assert [row[0] for row in rows] == ["closed", "open.jpg"] and rows[0][1] is None and rows[1][2] is None
    assert os.strerror(errno.EACCES) in rows[0][2]


def test_a_link_to_the_folder_itself(files, tree):
    shortcut = tree / "sub" / "up"
    assert shortcut.is_symlink()
    assert len(files.rows("SELECT path FROM image_files(?)", str(shortcut))) == 10


def test_image_files_is_not_for_stored_views(files):
    files.run("CREATE VIEW v AS SELECT path FROM image_files('.')").run("CREATE TEMP VIEW t AS SELECT path FROM image_files('.', 0)")
    assert "unsafe use of virtual table" in files.error("SELECT * FROM v")
    files.rows("SELECT * FROM t")


def test_a_catalogue_of_a_folder(files, tree):
    files.run("CREATE TABLE photos(id INTEGER PRIMARY KEY, path, mtime, phash, error)")
    files.run("INSERT INTO photos(path, mtime) SELECT path, mtime FROM image_files(?)", str(tree))
    files.run("UPDATE photos SET phash = h.phash, error = h.error FROM image_hashes('photos', 'path') AS h "
              "WHERE h.id = photos.id")
    assert files.row("SELECT count(phash), count(error), count(DISTINCT phash) FROM photos") == (10, 0, 1)


# --- watching and stopping ---


def stopped_after(db, sql, delay):
    """Seconds from the interrupt to the error."""
    asked = []

    def later():
        time.sleep(delay)
        asked.append(time.monotonic())
        db.interrupt()

    thread = threading.Thread(target=later)
    thread.start()
    text = db.error(sql)
    seconds = time.monotonic() - asked[0]
    thread.join()
    assert "interrupt" in text.lower(), text
    print(f"stopped after {1000 * seconds:.0f} ms")
    return seconds


@pytest.fixture(scope="module")
def hundred_megapixels(tmp_path_factory):
    return big_picture(tmp_path_factory.mktemp("big") / "big.jpg", 10_000)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("delay", [0.02, 0.25])
def test_interrupt_while_100_megapixels_are_decoded(files, hundred_megapixels, threads, delay):
    files.run("SELECT dupgpu_config('threads', ?)", threads)
    for _ in range(20):
        files.run("INSERT INTO f(path) VALUES(?)", str(hundred_megapixels))
    assert stopped_after(files, "SELECT phash, pdq, quality FROM image_hashes('f', 'path')", delay) < BOUND
    assert files.value("SELECT width FROM image_hashes('f', 'path') WHERE id = 1") == 10_000


def test_interrupt_among_many_small_pictures(files):
    files.run("INSERT INTO f(path) WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM c WHERE i < 200000) "
              "SELECT ? FROM c", str(GOLDEN / "tall.jpg"))
    assert stopped_after(files, "SELECT count(*) FROM image_hashes('f', 'path') WHERE phash = 1", 0.3) < BOUND


def test_a_progress_handler_stops_it(files, hundred_megapixels):
    files.run("INSERT INTO f(path) VALUES(?)", str(hundred_megapixels))
    start = time.monotonic()
    files.progress(lambda: time.monotonic() > start + 0.1, 1000)
    text = files.error("SELECT phash, quality, pdq FROM image_hashes('f', 'path')")
    files.progress(None, 0)
    assert "interrupt" in text.lower() and time.monotonic() < start + 0.1 + BOUND


def test_progress_in_another_connection(files, connect):
    other = connect()
    files.run("INSERT INTO f(path) WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM c WHERE i < 50) "
              "SELECT ? FROM c", str(GOLDEN / "tall.jpg"))
    rows = files.cursor("SELECT phash FROM image_hashes('f', 'path')")
    for _ in range(10):
        next(rows)
    ((op, source, done, total, rate, seconds, left),) = other.rows("SELECT * FROM dupgpu_progress")
    assert (op, source, total) == ("image_hashes", "f.path", 50) and 10 <= done <= 11
    assert rate == pytest.approx(done / seconds) and left == pytest.approx((total - done) / rate)
    list(rows)
    assert other.rows("SELECT * FROM dupgpu_progress") == []


def test_several_connections_at_once(connect):
    """Each with a pipeline of its own, some of them stopped; they share the list of work and nothing else."""
    paths = sorted(str(path) for path in GOLDEN.glob("*.jpg"))
    answers, connections = [], [connect() for _ in range(4)]

    def work(db):
        db.run("SELECT dupgpu_config('read_files', 1), dupgpu_config('threads', 3)").run("CREATE TABLE f(path)")
        for path in paths:
            db.run("INSERT INTO f VALUES(?)", path)
        for limit in (3, 1000, 1, 1000):
            db.value("SELECT count(*) FROM dupgpu_progress")
            rows = db.rows("SELECT phash, error FROM image_hashes('f', 'path') LIMIT ?", limit)
        answers.append(rows)

    threads = [threading.Thread(target=work, args=(db,)) for db in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4 and len(answers[0]) == len(paths) and all(rows == answers[0] for rows in answers)
    assert connections[0].rows("SELECT * FROM dupgpu_progress") == []


@pytest.mark.parametrize("on", [0, 1])
def test_the_bar(extension, on):
    script = (f"SELECT dupgpu_config('read_files', 1), dupgpu_config('progress', {on});"
              f"CREATE TABLE f AS SELECT path FROM image_files('{GOLDEN}');"
              "SELECT count(phash) FROM image_hashes('f', 'path');")
    done = subprocess.run(["sqlite3", "-batch", "-cmd", f".load {extension}", ":memory:"], input=script, capture_output=True,
                          text=True, timeout=60, check=True)
    assert ("100 %" in done.stderr) == bool(done.stderr) == bool(on)
