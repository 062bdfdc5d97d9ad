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


def photographs(rows, seed=1):
    """64-bit rows as photographs have them: first bit set, half of the bits set, so that distances are even.

    Four hidden causes tie the bits together, which makes chance pairs about as frequent as among unrelated photographs:
    3e-7 of all pairs within 10 bits, 4e-6 within 12, 3e-4 within 16; uniform rows have 1e-8, 2e-7 and 4e-5. A tenth are
    equal to another row, a tenth are near copies (2 to 6 bits), and one row in a thousand is blank, of two kinds.
    """
    draw = numpy.random.default_rng(seed)
    causes = draw.normal(size=(4, 63)) / 4
    bits = numpy.zeros((rows, 64), dtype=numpy.uint8)
    bits[:, 0] = 1
    for start in range(0, rows, 100_000):
        part = bits[start:start + 100_000, 1:]
        strength = draw.normal(size=part.shape) + draw.normal(size=(len(part), 4)) @ causes
        numpy.put_along_axis(part, numpy.argpartition(strength, 32, axis=1)[:, 32:], 1, axis=1)
    order = draw.permutation(rows)
    copies, originals = order[:rows // 5], order[rows // 5:]
    bits[copies] = bits[draw.choice(originals, copies.size)]
    for swap in range(3):  # one bit is set and another cleared, in a third, two thirds, all of the second half
        near = copies[copies.size // 2 + swap * (copies.size // 6):]
        for value in (0, 1):
            chances = draw.random((near.size, 63)) * (bits[near, 1:] == value)
            bits[near, 1 + chances.argmax(axis=1)] = 1 - value
    blank = draw.choice(rows, rows // 1000, replace=False)
    bits[blank] = 0
    bits[blank[::2], 0] = 1
    return numpy.packbits(bits, axis=1)


def array(name, make):
    """The rows that make() gives, kept in a file under this name."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.npy"
    if not path.exists():
        unfinished = FOLDER / f"{name}.part.npy"
        numpy.save(unfinished, make())
        unfinished.rename(path)
    return numpy.load(path)


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
