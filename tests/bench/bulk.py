"""`make bench`, whole catalogues: image_hashes against pools of processes and bare decoding, as ratios in one run.

    build/bench-venv/bin/python tests/bench/bulk.py [--runs N] [--pictures N]

Photographs of Debian's wallpaper and game packages are saved as 1 to 2 megapixel JPEGs, 4:2:0, quality 85 to 95, and listed
by their paths until there are 2,000. Each method reads the files and takes the phash of every one, on all cores this
process may use: dupgpu by one statement, on one thread as well, and with decode = 'scaled', where hashes may differ by some
bits; ImageHash and imagededup's PHash in a multiprocessing pool. The bare decode is libjpeg-turbo to RGB, row by row, on
one core: what no exact hash can go below. Rates are pictures a second, medians of runs that take turns: by the clock, and
by the processor time that all processes took, which a busy machine does not spoil.
"""

import argparse
import glob
import importlib
import multiprocessing
import os
import pathlib
import random
import resource
import sqlite3
import statistics
import subprocess
import sys
import time
import types

import imagehash
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "bench" / "bulk"
PHOTOS = sorted(glob.glob("/usr/share/palapeli/collection/*.jpg") + glob.glob("/usr/share/wallpapers/*/contents/images/*.jpg"))
DISTINCT = 200
CORES = len(os.sched_getaffinity(0))
ONE_CORE = "dupgpu, 1 thread"
ALL_CORES = f"dupgpu, {CORES} threads"
SCALED = "the same, decode scaled"


def photographs():
    """Paths of the photographs, made once."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    draw = random.Random(1)
    paths = []
    for number in range(DISTINCT):
        pixels, share, quality = draw.uniform(1e6, 2e6), draw.choice([4 / 3, 3 / 2, 2 / 3, 16 / 9]), draw.randint(85, 95)
        size = int((pixels * share) ** 0.5), int((pixels / share) ** 0.5)
        path = FOLDER / f"{number:03}-{size[0]}x{size[1]}.jpg"
        if not path.exists():
            picture = Image.open(PHOTOS[number % len(PHOTOS)])
            picture.draft("RGB", size)
            picture.convert("RGB").resize(size, Image.Resampling.LANCZOS).save(path, quality=quality)
        paths.append(str(path))
    return paths


def imagededup_phash():
    """imagededup's PHash without what the rest of the package needs: PyTorch, scikit-learn, matplotlib, tqdm."""
    folder = pathlib.Path(importlib.import_module("imagededup").__file__).parent
    for name, contents in {"imagededup.methods": {"__path__": [str(folder / "methods")]},
                           "imagededup.utils": {"__path__": [str(folder / "utils")]},
                           "imagededup.handlers.search.retrieval": {"HashEval": None}, "tqdm": {}}.items():
        sys.modules[name] = types.ModuleType(name)
        vars(sys.modules[name]).update(contents)
    return importlib.import_module("imagededup.methods.hashing").PHash(verbose=False)


PHASH = None


def theirs(path):
    return str(imagehash.phash(Image.open(path)))


def imagededups(path):
    return PHASH.encode_image(path)


def processor_seconds():
    return sum(resource.getrusage(who).ru_utime + resource.getrusage(who).ru_stime
               for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def in_sql(paths, threads, decode="exact"):
    database = sqlite3.connect(":memory:")
    database.enable_load_extension(True)
    database.load_extension(str(ROOT / "build" / "dupgpu"))
    database.execute("SELECT dupgpu_config('read_files', 1), dupgpu_config('threads', ?)", (threads,))
    database.execute("CREATE TABLE photos(id INTEGER PRIMARY KEY, path)")
    database.executemany("INSERT INTO photos(path) VALUES(?)", ((path,) for path in paths))
    return [value for (value,) in database.execute(
        "SELECT lower(hex(phash)) FROM image_hashes('photos', 'path') WHERE decode = ?", (decode,))]


def in_pool(function, paths):
    with multiprocessing.Pool(CORES) as pool:
        return pool.map(function, paths, chunksize=8)


def timed(function):
    """(seconds, processor seconds), and the answer."""
    start, processor = time.perf_counter(), processor_seconds()
    answer = function()
    return (time.perf_counter() - start, processor_seconds() - processor), answer


def bare_decode(paths):
    """Seconds for all of them on one core, from the decode of each distinct file."""
    program = ROOT / "build" / "bench" / "hash_decode"
    subprocess.run(["make", "-s", str(program.relative_to(ROOT))], cwd=ROOT, check=True)
    distinct = sorted(set(paths))
    lines = subprocess.run([program, "3", *distinct], capture_output=True, text=True, check=True).stdout.splitlines()
    taken = {path: float(line.split()[0]) / 1e3 for path, line in zip(distinct, lines)}
    return sum(taken[path] for path in paths)


def verdict(words, ratio, goal):
    print(f"{words}: {ratio:.2f}" + (f" (goal >= {goal}{'' if ratio >= goal else ', MISSED'})" if goal else ""))


def main():
    global PHASH
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--pictures", type=int, default=2000)
    options = parser.parse_args()
    paths = (photographs() * -(-options.pictures // DISTINCT))[:options.pictures]
    PHASH = imagededup_phash()
    methods = {ONE_CORE: lambda: in_sql(paths, 1), ALL_CORES: lambda: in_sql(paths, CORES),
               SCALED: lambda: in_sql(paths, CORES, "scaled"),
               "ImageHash, pool": lambda: in_pool(theirs, paths), "imagededup, pool": lambda: in_pool(imagededups, paths)}
    in_sql(paths[:DISTINCT], CORES)  # the files are in memory from now on

    print(f"phash of {len(paths)} JPEG files of 1 to 2 MP on {CORES} cores")
    measured = {name: [] for name in methods}
    for _ in range(options.runs):
        answers = {}
        for name, method in methods.items():
            taken, answers[name] = timed(method)
            measured[name].append(taken)
        assert answers[ONE_CORE] == answers[ALL_CORES] == answers["ImageHash, pool"]
    row = "{:<24}{:>12}{:>26}"
    print(row.format("", "pictures/s", "pictures/processor second"))
    clock, processor = {}, {}
    for name, runs in measured.items():
        clock[name], processor[name] = (len(paths) / statistics.median(column) for column in zip(*runs))
        print(row.format(name, f"{clock[name]:.0f}", f"{processor[name]:.0f}"))
    decode = len(paths) / bare_decode(paths)
    print(row.format("bare decode, 1 core", "", f"{decode:.0f}"))

    verdict("dupgpu / ImageHash in a pool, by the clock", clock[ALL_CORES] / clock["ImageHash, pool"], 3)
    verdict("dupgpu / ImageHash in a pool, by processor time", processor[ALL_CORES] / processor["ImageHash, pool"], 3)
    verdict("the same of the bare decode", decode / processor["ImageHash, pool"], None)
    verdict("dupgpu / imagededup in a pool, by the clock", clock[ALL_CORES] / clock["imagededup, pool"], None)
    verdict(f"{CORES} threads / (1 thread x {CORES})", clock[ALL_CORES] / clock[ONE_CORE] / CORES, 0.9)
    verdict(f"{CORES} threads / 1 thread, by processor time", processor[ALL_CORES] / processor[ONE_CORE], 0.9)
    verdict("1 thread, files and SQL included / bare decode", processor[ONE_CORE] / decode, None)


if __name__ == "__main__":
    main()
