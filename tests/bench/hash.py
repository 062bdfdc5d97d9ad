"""`make bench`, hashing: phash against bare JPEG decoding and against ImageHash, as ratios in one run, with goals.md's.

    build/bench-venv/bin/python tests/bench/hash.py [--runs N]

Photographs of Debian's wallpaper packages are saved as 12 and 1 megapixel JPEGs, 4:2:0, quality 90. Every figure is the
median of interleaved runs, in milliseconds of processor time on one thread: "decode" is bare libjpeg-turbo to RGB, row
by row, the next columns dupgpu's kernels in the same C program: phash, all five hashes, every quality metric, phash with dhash,
ahash, whash and the metrics from one decode ("pass"), PDQ; "SQL" and "ImageHash" are SELECT phash(?) and
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
IN_C = ("decode", "phash", "all five", "quality", "pass", "pdq")
GOALS = {"12 MP": {"phash": 1.1, "pass": 1.6}, "1 MP": {"phash": 1.2, "pass": 1.6, "ImageHash": 2.8}}


def photo(name, size):
    """Path of the photo at that size, made once."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}-{size[0]}x{size[1]}.jpg"
    if not path.exists():
        Image.open(PHOTOS[name]).convert("RGB").resize(size, Image.Resampling.LANCZOS).save(path, quality=90)
    return path


def in_c(program, runs, path):
    """Milliseconds of each of IN_C."""
    line = subprocess.run([program, str(runs), path], capture_output=True, text=True, check=True).stdout
    return [float(word) for word in line.split()[:len(IN_C)]]


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

    row = "{:<18}" + "{:>10}" * (len(IN_C) + 2)
    print("Hashing JPEGs, milliseconds on one core")
    print(row.format("photo", *IN_C, "SQL", "ImageHash"))
    for label, size in SIZES.items():
        ratios = {name: [] for name in (*IN_C[1:], "ImageHash")}
        for name in PHOTOS:
            path = photo(name, size)
            times = in_c(ROOT / program, runs * (1 if label == "12 MP" else 3), path)
            sql, theirs = in_python(database, runs, path)
            for column, time_taken in zip(IN_C[1:], times[1:]):
                ratios[column].append(time_taken / times[0])
            ratios["ImageHash"].append(theirs / sql)
            print(row.format(f"{label} {name}", *(f"{value:.2f}" for value in (*times, sql, theirs))))
        medians = {name: statistics.median(column) for name, column in ratios.items()}
        goals = GOALS[label]
        print(f"{label}, medians over decode: " + "; ".join(
            f"{name} {verdict(medians[name], goals.get(name))}" for name in IN_C[1:]))
        print(f"{label}, median of ImageHash/SQL {verdict(medians['ImageHash'], goals.get('ImageHash'), at_least=True)}")


if __name__ == "__main__":
    main()
