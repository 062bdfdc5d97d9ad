"""Makes the golden set: small files of every kind in pictures/, and in hashes.txt what ImageHash says of them.

    build/venv/bin/python tests/golden/make.py

The C test needs neither this program nor Python. A line of hashes.txt is: file, options (or -), hash size, then phash,
dhash, dhash_vertical, average_hash and whash in hexadecimal; or the one word "refused" where Pillow fails.
"""

import io
import pathlib
import sys

import imagehash
import numpy
import PIL
import pywt
import scipy
from PIL import Image, ImageFile, ImageOps

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "conformance"))

import encode  # noqa: E402
import scenes  # noqa: E402

FUNCTIONS = (imagehash.phash, imagehash.dhash, imagehash.dhash_vertical, imagehash.average_hash, imagehash.whash)
HEADER = f"""\
# Written by make.py with ImageHash {imagehash.__version__}, Pillow {PIL.__version__}, NumPy {numpy.__version__}, \
SciPy {scipy.__version__}, PyWavelets {pywt.__version__}.
# file, options, hash size: phash dhash dhash_vertical average_hash whash
"""


def oriented(picture, format, orientation):
    exif, file = Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    picture.save(file, format, exif=exif)
    return file.getvalue()


def files():
    for label, file in scenes.jpeg_files(scenes.noise(61, 43)):
        yield f"{label}.jpg", file
    for label, file in scenes.png_files(scenes.noise(23, 17, cell=5)):
        yield f"{label}.png", file
    for orientation in range(1, 9):
        yield f"orientation {orientation}.jpg", oriented(scenes.noise(40, 21), "JPEG", orientation)
    yield "orientation 6.png", oriented(scenes.noise(11, 30, cell=4).convert("L"), "PNG", 6)
    yield "tall.jpg", scenes.saved(scenes.noise(19, 83))
    for label, picture in scenes.synthetic():
        if label in ("mirror (32, 32)", "saw (32, 32)", "checks (128, 128)", "grey noise (1, 1)", "grey noise (3, 600)",
                     "both (75, 100)", "stripes (64, 300)"):
            yield f"{label}.png", encode.png(numpy.asarray(picture)[..., None], 0, 8)
    whole = scenes.saved(scenes.noise(50, 50))
    yield "cut.jpg", whole[:len(whole) * 2 // 3]
    whole = encode.png(numpy.asarray(scenes.noise(20, 20)), 2, 8)
    yield "cut.png", whole[:len(whole) * 2 // 3]


def lines(name, file):
    choices = ["-"]
    if name.startswith("orientation"):
        choices.append("orient")
    if name.startswith("cut."):
        choices.append("lenient")
    for options in choices:
        ImageFile.LOAD_TRUNCATED_IMAGES = options == "lenient"
        try:
            picture = Image.open(io.BytesIO(file))
            picture.load()
        except OSError:
            yield f"{name} {options} 8: refused"
            continue
        if options == "orient":
            picture = ImageOps.exif_transpose(picture)
        for size in (8, 16):
            yield f"{name} {options} {size}: {' '.join(str(function(picture, size)) for function in FUNCTIONS)}"


def main():
    folder = HERE / "pictures"
    folder.mkdir(exist_ok=True)
    total, out = 0, HEADER
    for label, file in files():
        name = label.lower().replace(" ", "-").replace(":", "").translate(str.maketrans("", "", "(),"))
        (folder / name).write_bytes(file)
        total += len(file)
        out += "".join(f"{line}\n" for line in lines(name, file))
    (HERE / "hashes.txt").write_text(out)
    print(f"{total} bytes")


if __name__ == "__main__":
    main()
