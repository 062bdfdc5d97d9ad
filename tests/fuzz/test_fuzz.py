"""The fuzzers, each for some seconds from a printed seed, and the same programs over files damaged on purpose.

DUPGPU_FUZZ_SECONDS sets how long: a minute in continuous integration. `make fuzz` gives them ten minutes each and keeps
what they find.
"""

import os
import pathlib
import random
import struct
import subprocess
import sys
import zlib

import pytest
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))

import real  # noqa: E402
import scenes  # noqa: E402

SECONDS = int(os.environ.get("DUPGPU_FUZZ_SECONDS", "4"))
FUZZERS = ("fuzz_jpeg", "fuzz_png", "fuzz_info", "fuzz_line")

pytestmark = pytest.mark.skipif(os.environ.get("DUPGPU_BUILD") == "build/san", reason="the fuzzers are sanitised")


@pytest.mark.parametrize("name", FUZZERS)
def test_fuzzer(root, tmp_path, name):
    program = root / "build" / "fuzz" / name
    assert program.exists(), "not built: run make fuzzers"
    seed = random.randrange(1, 2**31)
    print(f"{name} -seed={seed}")
    done = subprocess.run([program, f"-seed={seed}", f"-max_total_time={SECONDS}", "-max_len=8192", "-timeout=20",
                           f"-dict={root / 'tests/fuzz/picture.dict'}", "-rss_limit_mb=1024", "-print_final_stats=1",
                           tmp_path, root / "tests/golden/pictures"],
                          cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=SECONDS + 120)
    assert done.returncode == 0, f"{name} -seed={seed}\n{done.stderr[-6000:]}"


def truncated(file, dice):
    return file[:dice.randrange(2, len(file))]


def flipped(file, dice):
    """One to twenty bits, half of the time among the first, where the headers are."""
    damaged = bytearray(file)
    for _ in range(dice.choice((1, 1, 2, 5, 20))):
        at = dice.randrange(min(len(file), 700 if dice.random() < 0.5 else len(file)))
        damaged[at] ^= 1 << dice.randrange(8)
    return bytes(damaged)


def stretched(file, dice):
    """A piece left out, doubled or overwritten with one byte."""
    start = dice.randrange(2, len(file))
    piece = file[start:start + dice.choice((1, 4, 64, 1000))]
    return file[:start] + dice.choice((b"", piece * 2, b"\xff" * len(piece))) + file[start + len(piece):]


def edited_header(file, dice):
    """Other numbers in the frame header of a JPEG, or in the IHDR of a PNG with its checksum put right."""
    damaged = bytearray(file)
    number = dice.choice((0, 1, 2, 3, 7, 255, 256, 257, 4097, 65535))
    if file.startswith(b"\x89PNG"):
        at = dice.choice((16, 20, 24, 25, 26, 27, 28))
        damaged[at:at + 4 if at < 24 else at + 1] = struct.pack(">I", number) if at < 24 else bytes([number & 255])
        damaged[29:33] = struct.pack(">I", zlib.crc32(damaged[12:29]))
    else:
        start = next(i for i in range(2, len(file)) if file[i] == 0xff and file[i + 1] in (0xc0, 0xc1, 0xc2, 0xc9, 0xca))
        at = start + dice.randrange(2, 19)
        damaged[at] = number & 255
    return bytes(damaged)


def damaged_files(make, seed):
    """A few hundred malformed files of a real photograph; the two last bytes choose what a fuzzer does with it."""
    dice = random.Random(seed)
    (path,) = (path for path in real.package_files("python3-sklearn") if path.name == "china.jpg")
    with Image.open(path) as picture:
        small = picture.convert("RGB").resize((160, 107))
    for _, file in make(small):
        for damage in (truncated, flipped, flipped, stretched, edited_header):
            for _ in range(4):
                yield damage(file, dice) + bytes((dice.randrange(256), dice.randrange(256)))


@pytest.mark.filterwarnings("ignore:Palette images with Transparency")
@pytest.mark.parametrize("name, make", [("fuzz_jpeg", scenes.jpeg_files), ("fuzz_png", scenes.png_files)])
def test_damaged_files(root, tmp_path, name, make):
    """Each ends in an answer or an error, within its time, under ASan and UBSan."""
    seed = random.randrange(1, 2**31)
    print(f"{name}: damage from seed {seed}")
    paths = []
    for number, file in enumerate(damaged_files(make, seed)):
        paths.append(tmp_path / f"{seed}-{number}")
        paths[-1].write_bytes(file)
    assert len(paths) >= 150
    done = subprocess.run([root / "build" / "fuzz" / name, "-timeout=20", "-rss_limit_mb=1024", *paths], cwd=tmp_path,
                          capture_output=True, text=True, errors="replace", timeout=300)
    assert done.returncode == 0, f"{name}, seed {seed}\n{done.stderr[-6000:]}"
    assert done.stderr.count("Executed ") == len(paths)
