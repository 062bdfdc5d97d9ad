"""Equality with ImageHash: the five hashes at sizes 8 and 16 (and 2, 4, 32 for small pictures), through SQL.

The yardstick is imagehash on the installed Pillow, NumPy, SciPy and PyWavelets; every file it can open must give the
same bits. Real files come from Debian packages, each content once; other kinds of file are made from some of them and
from synthetic scenes. Nothing is left out: a package that is missing or a count that is too low is a failure.
"""

import io
import sqlite3

import imagehash
import numpy
import PIL
import pytest
from PIL import Image, ImageFile, ImageOps

import real
import scenes

AT_LEAST = 1500
PARTS = 24  # the real files are compared in so many tests, so that they spread over processes
HASHES = {"phash": imagehash.phash, "dhash": imagehash.dhash, "dhash_vertical": imagehash.dhash_vertical,
          "ahash": imagehash.average_hash, "whash": imagehash.whash}
SIZES = (8, 16)
ALL_SIZES = (2, 4, 8, 16, 32)

pytestmark = pytest.mark.filterwarnings("ignore:Palette images with Transparency")


def padded(value, size):
    """ImageHash's hex string as our BLOB's: whole bytes, zeros in front."""
    return str(value).rjust(2 * ((size * size + 7) // 8), "0")


def differences(database, label, file, plane, sizes, options="{}"):
    """What differs between our hashes of a file and ImageHash's of its grey plane, as lines of text."""
    found = []
    for size in sizes:
        for name, function in HASHES.items():
            (ours,) = database.execute(f"SELECT lower(hex({name}(?, ?, ?)))", (file, size, options)).fetchone()
            theirs = padded(function(plane, size), size)
            if ours != theirs:
                found.append(f"{label} {plane.size}: {name} {size} {options}: {ours}, ImageHash {theirs}")
    return found


def grey_plane(file):
    """What every ImageHash function makes of a picture first."""
    return Image.open(io.BytesIO(file)).convert("L")


@pytest.fixture(scope="module")
def files():
    return real.files()


def test_enough_real_files(files):
    print(f"{len(files)} real files; Pillow {PIL.__version__}, imagehash {imagehash.__version__}")
    assert len(files) >= AT_LEAST


@pytest.mark.parametrize("part", range(PARTS))
def test_real_files(database, files, part):
    """Each file with one of the sizes, in turn."""
    found = []
    for number, path in enumerate(files[part::PARTS]):
        file = path.read_bytes()
        found += differences(database, path, file, grey_plane(file), SIZES[number % 2:][:1])
    print(f"{len(files[part::PARTS])} files compared")
    assert found == []


SOURCES = {"noise": lambda: scenes.noise(150, 101), "small": lambda: scenes.noise(13, 29), "text": scenes.text,
           "tall": lambda: scenes.noise(61, 200), "photo": lambda: photo().resize((401, 267)),
           "portrait": lambda: photo().resize((203, 271)).transpose(Image.Transpose.FLIP_LEFT_RIGHT)}


def photo():
    (path,) = (path for path in real.package_files("python3-sklearn") if path.name == "china.jpg")
    return Image.open(path).convert("RGB")


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("make", (scenes.png_files, scenes.jpeg_files))
def test_every_kind_of_file(database, source, make):
    found = []
    for label, file in make(SOURCES[source]()):
        found += differences(database, label, file, grey_plane(file), ALL_SIZES)
    assert found == []


def test_synthetic_scenes(database):
    """Ties, borders and tiny pictures, as PNG and as JPEG."""
    found = []
    for label, picture in scenes.synthetic():
        for format in ("PNG", "JPEG"):
            file = io.BytesIO()
            picture.save(file, format)
            found += differences(database, f"{label} {format}", file.getvalue(), grey_plane(file.getvalue()), SIZES)
    assert found == []


@pytest.mark.parametrize("format", ("PNG", "JPEG"))
def test_orientation(database, format):
    """With orient as ImageOps.exif_transpose, without it as the stored picture."""
    found = []
    for orientation in range(10):
        for picture in (scenes.noise(67, 45), scenes.noise(120, 333).convert("L")):
            exif = Image.Exif()
            exif[0x0112] = orientation
            file = io.BytesIO()
            picture.save(file, format, exif=exif)
            file = file.getvalue()
            stored = Image.open(io.BytesIO(file))
            turned = ImageOps.exif_transpose(stored).convert("L")
            found += differences(database, orientation, file, turned, SIZES, '{"orient": 1}')
            found += differences(database, orientation, file, stored.convert("L"), SIZES)
    assert found == []


@pytest.mark.parametrize("source", SOURCES)
def test_luma_of_pillow_6(database, source):
    """Without rounding: the formula of ImagingConvert before Pillow 7."""
    files = {"JPEG": scenes.saved(SOURCES[source](), quality=90),
             "PNG": dict(scenes.png_files(SOURCES[source]()))["RGB 8"],
             "palette": dict(scenes.png_files(SOURCES[source]()))["palette 8"]}
    found = []
    for label, file in files.items():
        rgb = numpy.asarray(Image.open(io.BytesIO(file)).convert("RGB")).astype(numpy.uint32)
        plane = rgb @ numpy.array([19595, 38470, 7471], numpy.uint32) >> 16
        found += differences(database, label, file, Image.fromarray(plane.astype(numpy.uint8)), SIZES,
                             '{"luma": "pillow6"}')
    assert found == []


@pytest.mark.parametrize("colour", ("white", "black"))
def test_alpha_over_a_background(database, colour):
    """As Image.alpha_composite over that colour; 16 bits are cut to 8 first."""
    found = []
    for label, file in scenes.png_files(scenes.noise(90, 70)):
        picture = Image.open(io.BytesIO(file))
        if picture.mode == "I;16":
            continue  # Pillow cannot give these an alpha channel
        if "tRNS" in label and picture.mode == "L":
            picture.info["transparency"] = 0x80
        background = Image.new("RGBA", picture.size, colour)
        plane = Image.alpha_composite(background, picture.convert("RGBA")).convert("L")
        found += differences(database, label, file, plane, SIZES, f'{{"alpha": "{colour}"}}')
    assert found == []


def opens(file):
    try:
        Image.open(io.BytesIO(file)).load()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("make", (scenes.png_files, scenes.jpeg_files))
def test_truncated_files(database, make, monkeypatch):
    """Refused where Pillow refuses; with truncated lenient as LOAD_TRUNCATED_IMAGES leaves them.

    What libjpeg shows of an incomplete progressive file depends on its version, and Pillow shows less than it could
    of an arithmetic one, so those are only refused.
    """
    found = []
    for label, whole in make(scenes.noise(70, 90)):
        for share in (3, 5, 7, 9):
            file = whole[:len(whole) * share // 10]
            monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", False)
            if opens(file):
                found.append(f"{label} {share}: Pillow opens it")
            with pytest.raises(sqlite3.OperationalError, match="phash"):
                database.execute("SELECT phash(?)", (file,)).fetchone()
            monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
            pixels = make is scenes.png_files or b"\xff\xda" in file
            if pixels and "progressive" not in label and label != "arithmetic":
                found += differences(database, f"{label} {share}", file, grey_plane(file), SIZES,
                                     '{"truncated": "lenient"}')
    assert found == []
