"""Columns of hashes for the benchmark, in SQLite files under build/bench that are made once and kept."""

import pathlib
import sqlite3

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "bench"


def rand(rows, bits=64, seed=1):
    """"rand": uniform rows, a tenth of them copies of another row with 0 to 6 flipped bits. uint8, rows x bits/8."""
    draw = numpy.random.default_rng(seed)
    values = draw.integers(0, 256, (rows, bits // 8), dtype=numpy.uint8)
    copies = draw.choice(rows, rows // 10, replace=False)
    originals = numpy.setdiff1d(numpy.arange(rows), copies)
    values[copies] = values[draw.choice(originals, copies.size)]
    for flips in range(7):
        for row in copies[flips::7]:
            for bit in draw.choice(bits, flips, replace=False):
                values[row, bit // 8] ^= numpy.uint8(0x80 >> bit % 8)
    return values


def subcube(rows, bits=16, seed=1):
    """64-bit rows that differ in `bits` bits only: the hard case for an index."""
    draw = numpy.random.default_rng(seed)
    words = draw.choice(1 << bits, rows, replace=False).astype(">u8")
    return words.view(numpy.uint8).reshape(rows, 8)


def database(name, values):
    """Path of a database with photos(id, phash) over the rows; rowids count from 1."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.db"
    if path.exists():
        return path
    unfinished = path.with_suffix(".part")
    unfinished.unlink(missing_ok=True)
    db = sqlite3.connect(unfinished)
    db.execute("CREATE TABLE photos(id INTEGER PRIMARY KEY, phash BLOB)")
    db.executemany("INSERT INTO photos(phash) VALUES(?)", ((row.tobytes(),) for row in values))
    db.commit()
    db.close()
    unfinished.rename(path)
    return path
