"""Against OpenCV and pdqhash themselves, which `make peers` installs. Without them nothing here runs."""

import io

import numpy
import pytest
from PIL import Image

import real
import scenes

cv2 = pytest.importorskip("cv2", reason="make peers installs it")
pdqhash = pytest.importorskip("pdqhash", reason="make peers installs it")

pytestmark = pytest.mark.filterwarnings("ignore:Palette images with Transparency")


def made_files():
    for make in (scenes.png_files, scenes.jpeg_files):
        for size in ((150, 101), (61, 200), (301, 140), (1, 1), (2, 2), (1, 5), (40, 3)):
            for label, file in make(scenes.noise(*size)):
                yield f"{label} {size}", file


def real_files():
    for path in real.files():
        yield path, path.read_bytes()


def opened(file, mode):
    picture = Image.open(io.BytesIO(file))
    return numpy.asarray((picture.convert("L") if picture.mode == "I;16" else picture).convert(mode))


@pytest.mark.parametrize("files", (made_files, real_files))
def test_opencv(database, files):
    found, compared = [], 0
    for label, file in files():
        grey = opened(file, "L")
        gradients = (cv2.Sobel(grey, cv2.CV_64F, dx, 1 - dx, ksize=3) for dx in (0, 1))
        expected = (cv2.Laplacian(grey, cv2.CV_64F).var(), sum(g ** 2 for g in gradients).mean())
        ours = database.execute("SELECT quality(?1, 'blur'), quality(?1, 'sharpness')", (file,)).fetchone()
        if any(abs(a - b) > 1e-9 * max(abs(b), 1e-3) for a, b in zip(ours, expected)):
            found.append(f"{label}: {ours}, OpenCV {expected}")
        compared += 1
    print(f"OpenCV {cv2.__version__}: {compared} files")
    assert found == []


@pytest.mark.parametrize("files", (made_files, real_files))
def test_pdqhash(database, files):
    """How many of 256 bits differ, and the quality. Nothing differs on any picture compared so far."""
    distances, qualities = [], []
    for label, file in files():
        colours = opened(file, "RGB")
        bits, quality = pdqhash.compute(colours)
        ours, our_quality = database.execute("SELECT pdq(?1), pdq_quality(?1)", (file,)).fetchone()
        theirs = numpy.packbits(bits).tobytes()
        distances.append((int.from_bytes(ours, "big") ^ int.from_bytes(theirs, "big")).bit_count())
        qualities.append(abs(quality - our_quality))
    print(f"pdqhash: {distances.count(0)} of {len(distances)} files equal, most {max(distances)} bits; "
          f"quality {qualities.count(0)} equal")
    assert max(distances) <= 10 and max(qualities) <= 1
