"""The quality metrics through SQL: against numpy, SciPy and Pillow, and whether they rank copies of a photograph.

OpenCV's share is in test_peers.py.
"""

import io
import json

import numpy
import pytest
from PIL import Image, ImageEnhance, ImageFilter

import formulas
import real
import scenes

SIZES = [(1, 1), (2, 2), (5, 1), (1, 5), (7, 7), (31, 32), (33, 40), (150, 101), (8191, 3)]


def encoded(picture, format="PNG", **options):
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


def measured(database, file):
    names = list(formulas.metrics(numpy.zeros((1, 1), numpy.uint8)))
    row = database.execute("SELECT " + ", ".join(f"quality(?1, '{name}')" for name in names), (file,)).fetchone()
    return dict(zip(names, row))


def differences(database, label, file, jpeg_quality=None):
    plane = numpy.asarray(Image.open(io.BytesIO(file)).convert("L"))
    expected = formulas.metrics(plane, jpeg_quality)
    found = []
    for name, value in measured(database, file).items():
        if value is None or expected[name] is None:
            if value != expected[name]:
                found.append(f"{label} {name}: {value}, not {expected[name]}")
        elif abs(value - expected[name]) > 1e-9 * max(abs(expected[name]), 1e-3):
            found.append(f"{label} {name}: {value!r}, not {expected[name]!r}")
    return found


def jpeg_quality(database, file):
    return json.loads(database.execute("SELECT image_info(?)", (file,)).fetchone()[0])["jpeg_quality"]


@pytest.mark.parametrize("size", SIZES)
def test_made_pictures(database, size):
    found = []
    for mode in ("L", "RGB"):
        found += differences(database, size, encoded(scenes.noise(*size).convert(mode)))
    for value in (0, 255):
        found += differences(database, size, encoded(Image.new("L", size, value)))
    assert found == []


def test_real_photographs(database):
    found, compared = [], 0
    for path in real.photographs():
        with Image.open(path) as picture:
            if picture.width * picture.height > 1_400_000:
                continue
        file = path.read_bytes()
        found += differences(database, path, file, jpeg_quality(database, file))
        compared += 1
    assert found == [] and compared >= 25


@pytest.mark.parametrize("mode", ("RGB", "L"))
def test_jpeg_quality(database, mode):
    picture = scenes.noise(24, 16).convert(mode)
    for quality in range(1, 101):
        file = encoded(picture, "JPEG", quality=quality)
        assert database.execute("SELECT quality(?, 'jpeg_quality')", (file,)).fetchone() == (quality,)


def test_one_picture_in_two_formats(database):
    """Only what the JPEG's header says may make a difference."""
    jpeg = encoded(photographs(1)[0], "JPEG", quality=60)
    png = encoded(Image.open(io.BytesIO(jpeg)))
    first, second = measured(database, jpeg), measured(database, png)
    assert (first.pop("jpeg_quality"), second.pop("jpeg_quality")) == (60, None)
    assert first.pop("overall") <= second.pop("overall")
    assert first == second


def photographs(count):
    """Photographs of a megapixel, reduced so that they hold no trace of their own compression."""
    found = []
    for path in real.photographs():
        with Image.open(path) as picture:
            if len(found) < count and "wallpapers" not in path.parts and min(picture.size) >= 1600:
                picture.draft("RGB", (1600, 1600))
                reduced = picture.convert("RGB")
                reduced.thumbnail((1152, 1152), Image.Resampling.LANCZOS)
                found.append(reduced)
    assert len(found) == count
    return found


def noisy(picture, sigma):
    pixels = numpy.asarray(picture).astype(float)
    return Image.fromarray(numpy.clip(pixels + numpy.random.default_rng(1).normal(0, sigma, pixels.shape).round(), 0,
                                      255).astype(numpy.uint8))


def recompressed(picture, quality):
    return Image.open(io.BytesIO(encoded(picture, "JPEG", quality=quality)))


def resized(picture, share):
    return picture.resize((round(picture.width * share), round(picture.height * share)), Image.Resampling.LANCZOS)


# Name, the edited copy, how it is saved, in how many of six photographs the original must win.
JPEG95 = {"format": "JPEG", "quality": 95}
EDITS = [
    ("blurred", lambda p: p.filter(ImageFilter.GaussianBlur(1)), {}, 6),
    ("noisy", lambda p: noisy(p, 10), {}, 6),
    ("half the size", lambda p: resized(p, 0.5), {}, 6),
    ("half the size as JPEG", lambda p: resized(p, 0.5), JPEG95, 6),
    ("reduced and enlarged again", lambda p: resized(resized(p, 0.25), 4), {}, 6),
    ("JPEG 85", lambda p: p, {"format": "JPEG", "quality": 85}, 5),
    ("JPEG 50", lambda p: p, {"format": "JPEG", "quality": 50}, 6),
    ("JPEG 50 saved again at 95", lambda p: recompressed(p, 50), JPEG95, 5),
    ("JPEG 50 saved as PNG", lambda p: recompressed(p, 50), {}, 5),
    ("dark", lambda p: ImageEnhance.Brightness(p).enhance(0.5), JPEG95, 5),
]


def test_the_original_wins(database):
    wins = dict.fromkeys((name for name, *_ in EDITS), 0)
    for picture in photographs(6):
        (original,) = database.execute("SELECT quality(?)", (encoded(picture, **JPEG95),)).fetchone()
        for name, edit, options, _ in EDITS:
            file = encoded(edit(picture), **(options or {"compress_level": 1}))
            (copy,) = database.execute("SELECT quality(?)", (file,)).fetchone()
            wins[name] += original > copy
    print(wins)
    assert [name for name, _, _, least in EDITS if wins[name] < least] == []


def test_an_enlarged_copy_shows_in_effective_pixels(database):
    """It may win by a little, but has few effective pixels for its size."""
    for picture in photographs(3):
        def share(p):
            file = encoded(p, **JPEG95)
            (value,) = database.execute("SELECT quality(?, 'eff_pixels')", (file,)).fetchone()
            return value / (p.width * p.height)
        assert share(resized(picture, 2)) < 0.6 * share(picture)
