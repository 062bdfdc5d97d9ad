"""The scripts in sql/ and the demo, in Debian's sqlite3 shell, over folders of real pictures."""

import math
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess

import oracle
import pytest
from PIL import Image

COLLECTION = pathlib.Path("/usr/share/palapeli/collection")
CATALOGUE = "make_catalogue.sql"
PAIRS = "duplicate_pairs.sql"
MATRIX = "similarity_matrix.sql"
CONSENSUS = "consensus_pairs.sql"
TURNED = "turned_pairs.sql"


@pytest.fixture
def place(tmp_path):
    """Pictures/: five photographs, smaller copies of two in a folder with an odd name, two flat pictures."""
    pictures = tmp_path / "Pictures"
    odd = pictures / "it's a \"b\" %d; 100%"
    odd.mkdir(parents=True)
    for file in sorted(COLLECTION.glob("*.jpg")):
        shutil.copy(file, pictures)
    for name in ("castle-maintenon", "citrus-fruits"):
        with oracle.Image.open(COLLECTION / f"{name}.jpg") as image:
            small = image.resize((image.width // 2, image.height // 2))
        (odd / f"{name} small.JPEG").write_bytes(oracle.encode(small, "JPEG", quality=70))
    for shade in (50, 200):
        (pictures / f"flat{shade}.png").write_bytes(oracle.png("L", (40, 30), lambda x, y, s=shade: (0 * x + s,) * 3))
    return tmp_path


def run(extension, script, place, *, parameters=(), status=0):
    command = ["sqlite3", "-batch", "-cmd", f".load {extension}"]
    for parameter in parameters:
        command += ["-cmd", f".parameter set {parameter}"]
    done = subprocess.run([*command, "photos.db", f".read {script}"], cwd=place, capture_output=True, text=True,
                          timeout=300)
    assert done.returncode == status, done.stderr + done.stdout
    return done.stdout, done.stderr


def catalogue(extension, scripts, place, status=0):
    return run(extension, scripts / CATALOGUE, place, parameters=[":folder \"'Pictures'\""], status=status)


def rows(place, sql, *parameters):
    db = sqlite3.connect(place / "photos.db")
    try:
        return db.execute(sql, parameters).fetchall()
    finally:
        db.close()


def change(place, sql):
    db = sqlite3.connect(place / "photos.db")
    with db:
        db.execute(sql)
    db.close()


def test_catalogue(extension, scripts, place):
    output, _ = catalogue(extension, scripts, place)
    assert output.splitlines() == ["9 pictures in the catalogue, 9 of them to hash",
                                   "9 pictures have a hash, 0 have none"]
    assert sorted(os.listdir(place)) == ["Pictures", "photos.db"]
    stored = rows(place, "SELECT path, modified, bytes, width, height, phash, error FROM photos ORDER BY path")
    assert [row[0] for row in stored] == sorted(
        path.relative_to(place).as_posix() for path in (place / "Pictures").rglob("*") if path.is_file())
    for path, modified, size, width, height, phash, error in stored:
        file = place / path
        assert (modified, size) == (int(file.stat().st_mtime), file.stat().st_size)
        assert (width, height) == oracle.size(file)
        assert len(phash) == 8 and error is None


def test_catalogue_of_the_folder_one_is_in(extension, scripts, place):
    run(extension, scripts / CATALOGUE, place)
    assert rows(place, "SELECT count(*), count(phash) FROM photos") == [(9, 9)]
    assert rows(place, "SELECT count(*) FROM photos WHERE path LIKE './Pictures/%'") == [(9,)]


def test_catalogue_is_incremental(extension, scripts, place):
    catalogue(extension, scripts, place)
    before = dict(rows(place, "SELECT path, id FROM photos"))
    change(place, "UPDATE photos SET phash = x'0102030405060708'")
    new, changed, gone = (place / "Pictures" / name for name in ("new.png", "citrus-fruits.jpg", "flat50.png"))
    new.write_bytes(oracle.png())
    shutil.copy(COLLECTION / "castle-maintenon.jpg", changed)
    os.utime(changed, (1_000_000_000, 1_000_000_000))
    gone.unlink()
    output, _ = catalogue(extension, scripts, place)
    assert output.splitlines()[0] == "10 pictures in the catalogue, 2 of them to hash"
    after = {path: (identifier, phash, error)
             for path, identifier, phash, error in rows(place, "SELECT path, id, phash, error FROM photos")}
    for path, identifier in before.items():
        assert after[path][0] == identifier
    touched = {path for path, (_, phash, _) in after.items() if phash != b"\1\2\3\4\5\6\7\x08"}
    assert touched == {f"Pictures/{path.name}" for path in (new, changed, gone)}
    assert after["Pictures/flat50.png"][1:] == (None, "file not found")
    gone.write_bytes(oracle.png())
    catalogue(extension, scripts, place)
    assert rows(place, "SELECT count(*) FROM photos WHERE error IS NOT NULL") == [(0,)]


def test_a_bad_picture_does_not_stop_the_catalogue(extension, scripts, place):
    pictures = place / "Pictures"
    (pictures / "0 letter.jpg").write_text("no picture")
    (pictures / "empty.png").write_bytes(b"")
    (pictures / "truncated.jpg").write_bytes((COLLECTION / "castle-maintenon.jpg").read_bytes()[:20000])
    (pictures / "bomb.png").write_bytes(oracle.bare_png(60000, 60000, depth=1))
    (pictures / "notes.txt").write_text("not looked at")
    (pictures / "folder.jpg").mkdir()
    output, errors = catalogue(extension, scripts, place)
    assert output.splitlines()[-1] == "9 pictures have a hash, 4 have none" and errors == ""
    bad = dict(rows(place, "SELECT path, error FROM photos WHERE phash IS NULL"))
    for name, reason in {"0 letter.jpg": "not an image", "bomb.png": "max_pixels", "empty.png": "the file is empty",
                         "truncated.jpg": "truncated"}.items():
        assert reason in bad.pop(f"Pictures/{name}")
    assert not bad
    output, errors = catalogue(extension, scripts, place)
    assert "0 of them to hash" in output and errors == ""


def test_catalogue_of_more_than_a_batch(extension, scripts, tmp_path):
    (tmp_path / "Pictures").mkdir()
    for number in range(2100):
        (tmp_path / "Pictures" / f"{number}.png").write_bytes(
            oracle.png("L", (16, 16), lambda x, y, n=number: (x * n + y * 7,) * 3))
    output, _ = catalogue(extension, scripts, tmp_path)
    assert output.splitlines()[-1] == "2100 pictures have a hash, 0 have none"


def test_catalogue_goes_on_after_a_stop(extension, scripts, place):
    """As after a kill: rows are there, marked, without hashes."""
    catalogue(extension, scripts, place)
    change(place, "UPDATE photos SET phash = NULL, error = 'not hashed yet' WHERE id > 4")
    output, _ = catalogue(extension, scripts, place)
    assert output.splitlines() == ["9 pictures in the catalogue, 5 of them to hash",
                                   "9 pictures have a hash, 0 have none"]


def test_a_catalogue_leaves_nothing_behind(extension, scripts, place):
    command = ["sqlite3", "-batch", "-cmd", f".load {extension}", "photos.db", f".read {scripts / CATALOGUE}",
               "SELECT dupgpu_config('read_files')", "SELECT name FROM temp.sqlite_schema WHERE name NOT LIKE 'sqlite_%'",
               "SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'"]
    for _ in range(2):
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=300, check=True)
        assert done.stdout.splitlines()[2:] == ["0", "photos"] and done.stderr == ""


def test_an_empty_folder_loses_no_hash(extension, scripts, place):
    """As of a disk that is not mounted."""
    catalogue(extension, scripts, place)
    shutil.rmtree(place / "Pictures")
    (place / "Pictures").mkdir()
    output, _ = catalogue(extension, scripts, place)
    assert output.splitlines()[-1] == "9 pictures have a hash, 0 have none"


def test_duplicate_pairs(extension, scripts, place):
    catalogue(extension, scripts, place)
    before = (place / "photos.db").read_bytes()
    output, _ = run(extension, scripts / PAIRS, place)
    pairs, groups = [line.split("|") for line in output.splitlines()][:2], output.splitlines()[2:]
    folder = "Pictures/it's a \"b\" %d; 100%"
    assert {(larger, smaller) for larger, _, smaller, *_ in pairs} == {
        (f"Pictures/{name}.jpg", f"{folder}/{name} small.JPEG") for name in ("castle-maintenon", "citrus-fruits")}
    for larger, size, smaller, small_size, distance in pairs:
        width, height = oracle.size(place / larger)
        assert size == f"{width} x {height}" and int(distance) <= 8
    assert [line.split("|")[0] for line in groups] == ["1", "1", "2", "2"]
    assert "flat" not in output
    assert (place / "photos.db").read_bytes() == before


def test_duplicate_pairs_threshold(extension, scripts, place):
    catalogue(extension, scripts, place)
    output, _ = run(extension, scripts / PAIRS, place, parameters=[":threshold 64"])
    assert output.count("\n") == 7 * 6 // 2 + 7


def test_groups_chain_as_pairs_do(extension, scripts, tmp_path):
    """A path of ten hashes one bit apart, a triangle, and a pair; the largest picture of each group comes first."""
    db = sqlite3.connect(tmp_path / "photos.db")
    db.execute("CREATE TABLE photos(id INTEGER PRIMARY KEY, path TEXT, bytes, width, height, phash, error)")
    chain = [(1 << k) - 1 for k in range(1, 11)]
    triangle = [0x7F00FF00FF00FF00 ^ k for k in (0, 1, 2)]
    for number, phash in enumerate(chain + triangle + [0x00FFFFFF00000000, 0x00FFFFFF00000001]):
        db.execute("INSERT INTO photos VALUES(NULL, ?, ?, 10, ?, ?, NULL)",
                   (f"p{number}", 100, 10 + number, phash.to_bytes(8, "big")))
    db.commit()
    db.close()
    output, _ = run(extension, scripts / PAIRS, tmp_path, parameters=[":threshold 1"])
    groups = [line.split("|") for line in output.splitlines() if line.count("|") == 3]
    members = {}
    for number, path, *_ in groups:
        members.setdefault(number, []).append(int(path[1:]))
    assert list(members.values()) == [list(range(9, -1, -1)), [12, 11, 10], [14, 13]]


def test_distance_histogram(extension, scripts, place):
    catalogue(extension, scripts, place)
    output, _ = run(extension, scripts / "distance_histogram.sql", place, parameters=[":to 63"])
    *bars, valley = output.splitlines()
    assert [line.split("-")[0].strip() for line in bars] == [str(distance) for distance in range(0, 64, 2)]
    pairs = [int(line[5:18]) for line in bars]
    assert sum(pairs) == 7 * 6 // 2 and sum(pairs[:4]) == 2
    for count, line in zip(pairs, bars, strict=True):
        assert line.count("#") == (1 + int(math.log(count) / math.log(1.5)) if count else 0)
    assert re.fullmatch(r"fewest pairs: 0, from \d+ to \d+ bits", valley)


def test_distance_histogram_of_no_pictures(extension, scripts, tmp_path):
    (tmp_path / "Pictures").mkdir()
    catalogue(extension, scripts, tmp_path)
    assert run(extension, scripts / "distance_histogram.sql", tmp_path)[0] == ""
def store(place, columns):
    """photos(id, path, phash, dhash) over two columns of hashes, without pictures."""
    db = sqlite3.connect(place / "photos.db")
    db.execute("CREATE TABLE photos(id INTEGER PRIMARY KEY, path TEXT, phash BLOB, dhash BLOB)")
    for number, (phash, dhash) in enumerate(zip(*columns, strict=True), 1):
        db.execute("INSERT INTO photos VALUES(?, ?, ?, ?)", (number, f"p{number}", phash, dhash))
    db.commit()
    db.close()


def similarities(output):
    return {(int(i), int(j)): float(similarity)
            for i, j, similarity in (line.split("|") for line in output.splitlines())}


def test_similarity_matrix(extension, scripts, tmp_path):
    phashes, dhashes = oracle.sample("phash", 300, 64), oracle.sample("clustered", 300, 256)
    phashes[7] = None
    store(tmp_path, (phashes, dhashes))
    output, _ = run(extension, scripts / MATRIX, tmp_path)
    assert output.count("\n") == 299 * 298 // 2
    assert similarities(output) == {pair: 1 - distance / 64 for pair, distance in oracle.pairs(phashes, 64).items()}
    output, _ = run(extension, scripts / MATRIX, tmp_path, parameters=[":column \"'dhash'\""])
    assert similarities(output) == {pair: 1 - distance / 256 for pair, distance in oracle.pairs(dhashes, 256).items()}
    output, _ = run(extension, scripts / MATRIX, tmp_path, parameters=[":threshold 9"])
    assert similarities(output) == {pair: 1 - distance / 64 for pair, distance in oracle.pairs(phashes, 9).items()}


@pytest.mark.skipif(os.environ.get("DUPGPU_BUILD") == "build/san", reason="the sanitisers take more memory than that")
def test_similarity_matrix_does_not_grow_with_its_rows(extension, scripts, tmp_path):
    """Eight million rows in a shell that may take 64 MB of memory in all beside its libraries."""
    store(tmp_path, (oracle.sample("uniform", 4000, 64), [None] * 4000))
    command = f"ulimit -d 65536; sqlite3 -batch -cmd '.load {extension}' photos.db '.read {scripts / MATRIX}' | wc -l"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=300,
                          env=dict(os.environ, DUPGPU_THREADS="1"))
    assert (done.stderr, int(done.stdout)) == ("", 4000 * 3999 // 2)


def test_consensus_pairs(extension, scripts, tmp_path):
    phashes, dhashes = oracle.sample("phash", 800, 64), oracle.sample("planted", 800, 64)
    for row in range(100, 160):  # copies by both hashes
        phashes[row], dhashes[row] = (oracle.flip(column[row - 100], range(row % 7, 20, 5))
                                      for column in (phashes, dhashes))
    phashes[5:9] = [bytes(8)] * 2 + [b"\xff" * 8] * 2
    dhashes[:9] = [dhashes[0]] * 9
    phashes[200] = dhashes[300] = None
    store(tmp_path, (phashes, dhashes))
    normal = [value if value and 16 <= sum(map(int.bit_count, value)) <= 48 else None for value in phashes]
    for parameters, t, u in (((), 10, 10), ((":phash_threshold 4", ":dhash_threshold 3"), 4, 3)):
        by_dhash = oracle.pairs(dhashes, u)
        expected = {(f"p{a}", f"p{b}", distance, by_dhash[a, b])
                    for (a, b), distance in oracle.pairs(normal, t).items() if (a, b) in by_dhash}
        output, _ = run(extension, scripts / CONSENSUS, tmp_path, parameters=parameters)
        lines = [line.split("|") for line in output.splitlines()]
        assert {(a, b, int(first), int(second)) for a, b, first, second in lines} == expected
        assert len(lines) == len(expected) > 10
        assert not {path for line in lines for path in line[:2]} & {"p6", "p7", "p8", "p9"}


def test_consensus_of_a_catalogue(extension, scripts, place):
    catalogue(extension, scripts, place)
    change(place, "ALTER TABLE photos ADD COLUMN dhash BLOB")
    shell = ["sqlite3", "-batch", "-bail", "-cmd", f".load {extension}", "photos.db"]
    subprocess.run([*shell, "UPDATE photos SET dhash = dhash(readfile(path)) WHERE phash IS NOT NULL AND dhash IS NULL"],
                   cwd=place, check=True)
    output, _ = run(extension, scripts / CONSENSUS, place)
    assert output.count("\n") == 2 and output.count(" small.JPEG") == 2 and "flat" not in output
    once_more = subprocess.run([*shell, f".read {scripts / CONSENSUS}", f".read {scripts / CONSENSUS}"], cwd=place,
                               capture_output=True, text=True, check=True)
    assert once_more.stdout == 2 * output


def test_turned_pairs(extension, scripts, place):
    """A quarter turn and a mirror of two photographs, beside the plain copies; run again after a picture has gone."""
    for name, turn in (("castle-maintenon", Image.Transpose.ROTATE_90), ("citrus-fruits", Image.Transpose.FLIP_LEFT_RIGHT)):
        with Image.open(COLLECTION / f"{name}.jpg") as image:
            image.resize((400, 300)).transpose(turn).save(place / "Pictures" / f"{name}-turned.png")
    catalogue(extension, scripts, place)
    for expected in (6, 3):
        output, _ = run(extension, scripts / TURNED, place)
        pairs = [line.split("|") for line in output.splitlines()]
        assert len(pairs) == expected and all(int(distance) <= 4 for *_, distance in pairs), output
        assert all(pathlib.Path(larger).stem.split("-")[0] == pathlib.Path(smaller).stem.split("-")[0]
                   for larger, _, smaller, _, _ in pairs)
        change(place, "DELETE FROM photos WHERE path LIKE '%citrus%'")


def test_scripts_run_twice_in_one_session(extension, scripts, place, shell):
    text = shell(f".parameter set :folder Pictures\n.read {scripts}/{CATALOGUE}\n.read {scripts}/{CATALOGUE}\n"
                 f".read {scripts}/{PAIRS}\n.read {scripts}/{PAIRS}\nSELECT count(*) FROM duplicate_pairs;",
                 database="photos.db", folder=place)
    assert text.splitlines()[-1] == "2"


def test_every_script_says_how_it_is_used(scripts):
    for path in scripts.glob("*.sql"):
        head = path.read_text().split("\n\n")[0]
        assert head.startswith("-- ") and "load_extension('dupgpu')" in head
        assert f"/usr/share/dupgpu/{path.name}" in head


def test_demo(extension, root, tmp_path):
    done = subprocess.run([root / "tests" / "demo.sh", tmp_path / "demo", extension + ".so"], capture_output=True,
                          text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    for text in ("castle-maintenon.jpg", "castle-half-size.jpg", "truncated: the file ends", "similar_pairs"):
        assert text in done.stdout
    assert rows(tmp_path / "demo", "SELECT count(*) > 40, count(*) - count(phash) FROM photos") == [(1, 2)]
