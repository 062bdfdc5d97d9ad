"""`make bench`, hashing: phash against bare JPEG decoding and against ImageHash, as ratios in one run, with goals.md's.

    build/bench-venv/bin/python tests/bench/hash.py [--runs N]

Photographs of Debian's wallpaper packages are saved as 12 and 1 megapixel JPEGs, 4:2:0, quality 90. Every figure is the
median of interleaved runs, in milliseconds of processor time on one thread: "decode" is bare libjpeg-turbo to RGB, row
by row, "phash" and "all five" dupgpu's kernels in the same C program; "SQL" and "ImageHash" are SELECT phash(?) and
imagehash.phash(Image.open(...)), taking turns in this process.
"""

import argparse
import io
import pathlib
import sqlite3
import statistics
import subprocess
import time

import imagehash
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "bench"
PHOTOS = {
    "dragonfly": "/usr/share/backgrounds/Dragonfly_by_Bolly.jpg",
    "seeding": "/usr/share/backgrounds/seeding_by_Clements_Engelhardt.jpg",
    "sunset": "/usr/share/backgrounds/sunset_by_Aitzol_Berasategi.jpg",
    "landing": "/usr/share/wallpapers/SafeLanding/contents/images/5120x2880.jpg",
    "shell": "/usr/share/wallpapers/Shell/contents/images/5120x2880.jpg",
}
SIZES = {"12 MP": (4000, 3000), "1 MP": (1152, 864)}
GOALS = {"12 MP": (1.1, 1.6, None), "1 MP": (1.2, 1.6, 2.8)}


def photo(name, size):
    """Path of the photo at that size, made once."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}-{size[0]}x{size[1]}.jpg"
    if not path.exists():
        Image.open(PHOTOS[name]).convert("RGB").resize(size, Image.Resampling.LANCZOS).save(path, quality=90)
    return path


def in_c(program, runs, path):
    """Bare decode, phash, all five."""
    line = subprocess.run([program, str(runs), path], capture_output=True, text=True, check=True).stdout
    return [float(word) for word in line.split()[:3]]


def timed(function):
    start = time.thread_time()
    result = function()
    return 1e3 * (time.thread_time() - start), result


def in_python(database, runs, path):
    """Our SQL function and ImageHash on the same bytes; they must agree."""
    file = path.read_bytes()
    ours, theirs = [], []
    for _ in range(runs):
        taken, ((value,),) = timed(lambda: database.execute("SELECT lower(hex(phash(?)))", (file,)).fetchall())
        ours.append(taken)
        taken, expected = timed(lambda: imagehash.phash(Image.open(io.BytesIO(file))))
        theirs.append(taken)
        assert value == str(expected), path
    return statistics.median(ours), statistics.median(theirs)


def verdict(ratio, goal, at_least=False):
    if goal is None:
        return f"{ratio:.2f}"
    reached = ratio >= goal if at_least else ratio <= goal
    return f"{ratio:.2f} (goal {'>=' if at_least else '<='} {goal}{'' if reached else ', MISSED'})"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    program = "build/bench/hash_decode"
    subprocess.run(["make", "-s", program], cwd=ROOT, check=True)
    database = sqlite3.connect(":memory:")
    database.enable_load_extension(True)
    database.load_extension(str(ROOT / "build" / "dupgpu"))

    row = "{:<20}{:>9}{:>9}{:>10}{:>9}{:>11}   {}"
    print("Hashing JPEGs, milliseconds on one core")
    print(row.format("photo", "decode", "phash", "all five", "SQL", "ImageHash", "phash/decode, all/decode, ImageHash/SQL"))
    for label, size in SIZES.items():
        ratios = []
        for name in PHOTOS:
            path = photo(name, size)
            decode, phash, five = in_c(ROOT / program, runs * (1 if label == "12 MP" else 3), path)
            sql, theirs = in_python(database, runs, path)
            ratios.append((phash / decode, five / decode, theirs / sql))
            print(row.format(f"{label} {name}", *(f"{value:.2f}" for value in (decode, phash, five, sql, theirs)),
                             ", ".join(f"{ratio:.2f}" for ratio in ratios[-1])))
        medians = [statistics.median(column) for column in zip(*ratios)]
        to_decode, to_five, to_theirs = GOALS[label]
        print(f"{label}, medians: phash/decode {verdict(medians[0], to_decode)}; all five/decode "
              f"{verdict(medians[1], to_five)}; ImageHash/SQL {verdict(medians[2], to_theirs, at_least=True)}")


if __name__ == "__main__":
    main()
