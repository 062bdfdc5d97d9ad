"""Quality, PDQ, colours, turned pictures and pictures from pictures through SQL: answers, arguments, limits."""

import io
import struct

import oracle
import pytest
from PIL import Image

METRICS = ("blur", "sharpness", "brightness", "contrast", "clip_lo", "clip_hi", "entropy", "noise", "blockiness",
           "jpeg_quality", "eff_pixels", "overall")
OF_AN_IMAGE = ("quality", "pdq", "pdq_quality", "colorhash", "phash_orientations", "image_enhance")
PNG = oracle.png("RGB", (160, 120), lambda x, y: (x, 2 * y, x + y))
JPEG = oracle.jpeg(size=(160, 120), quality=85)


def opened(file):
    return Image.open(io.BytesIO(file))


def test_quality(db):
    assert db.value("SELECT quality(?)", PNG) == pytest.approx(0.396733477498, abs=1e-12)
    assert db.value("SELECT quality(?, 'overall') = quality(?)", PNG, PNG) == 1
    for metric in METRICS:
        assert isinstance(db.value("SELECT quality(?, ?)", JPEG, metric), float)
    assert db.value("SELECT quality(?, 'jpeg_quality')", JPEG) == 85
    assert db.value("SELECT quality(?, 'jpeg_quality')", PNG) is None
    assert db.value("SELECT quality(?, 'noise')", oracle.png(size=(2, 9))) is None


def test_an_unknown_metric_is_answered_with_the_known(db):
    for name in ("beauty", "", "BLUR"):
        text = db.error("SELECT quality(?, ?)", PNG, name)
        assert text.startswith("quality") and all(metric in text for metric in METRICS)
    assert "INTEGER" in db.error("SELECT quality(?, 1)", PNG)


def test_pdq(db):
    expected = "55b5aaaa5575aa5a56adad545aaa95542aa95552aab5556aaad554aa2955b2aa"
    assert db.value("SELECT lower(hex(pdq(?)))", PNG) == expected
    assert db.value("SELECT pdq_quality(?)", PNG) == 41
    assert db.value("SELECT hamming(pdq(?), pdq(?))", PNG, PNG) == 0


def test_colorhash(db):
    assert len(db.value("SELECT colorhash(?)", PNG)) == 6
    assert db.value("SELECT hex(colorhash(?))", oracle.png("L", (9, 9), lambda x, y: (0, 0, 0))) == "038000000000"


def test_orientations(db):
    views = db.value("SELECT phash_orientations(?)", PNG)
    assert len(views) == 64 and db.value("SELECT phash(?)", PNG) == views[:8]
    mirrored = io.BytesIO()
    opened(PNG).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(mirrored, "PNG")
    assert db.value("SELECT phash(?)", mirrored.getvalue()) == views[8:16]
    assert len(db.value("SELECT phash_orientations(?, 16)", PNG)) == 256
    for size in (0, 3, 64, "eight"):
        assert db.error("SELECT phash_orientations(?, ?)", PNG, size).startswith("phash")


def test_scaled_decoding(db):
    """Explicit, of JPEGs only, and it does nothing to pictures that are small already."""
    scaled = "SELECT phash(?1, 8, '{\"decode\": \"scaled\"}') = phash(?1, 8, '{\"decode\": \"exact\"}')"
    assert db.value(scaled, PNG) == 1 and db.value(scaled, JPEG) == 1
    large = oracle.encode(opened(JPEG).resize((1600, 1200)), "JPEG", quality=90)
    assert db.value("SELECT hamming(phash(?1), phash(?1, 8, '{\"decode\": \"scaled\"}'))", large) <= 4
    assert "decode" in db.error("SELECT phash(?, 8, '{\"decode\": \"quick\"}')", PNG)


def test_resize(db):
    assert opened(db.value("SELECT image_resize(?, 40, 40)", PNG)).size == (40, 30)
    assert opened(db.value("SELECT image_resize(?, 1, 1000)", PNG)).size == (1, 1)
    assert opened(db.value("SELECT image_resize(?, 4000, 4000)", PNG)).size == (160, 120)
    assert opened(db.value("SELECT image_resize(?, 9223372036854775807, 60)", PNG)).size == (80, 60)
    assert opened(db.value("SELECT image_resize(?, 40, 40)", JPEG)).format == "JPEG"
    for name in ("png", "PNG", "jpeg", "jpg"):
        assert opened(db.value("SELECT image_resize(?, 40, 40, ?)", PNG, name)).format[:2] == name.upper()[:2]


@pytest.mark.parametrize("width, height, format, word", [
    (0, 5, "png", "width"), (5, 0, "png", "height"), (-1, 5, "png", "-1"), (5.5, 5, "png", "REAL"),
    ("5", 5, "png", "TEXT"), (5, 5, "gif", "'gif'"), (5, 5, "", "''"), (5, 5, 1, "INTEGER")])
def test_resize_names_the_wrong_argument(db, width, height, format, word):
    text = db.error("SELECT image_resize(?, ?, ?, ?)", PNG, width, height, format)
    assert text.startswith("image_resize") and word in text


def test_enhance(db):
    assert opened(db.value("SELECT image_enhance(?)", PNG)).size == (160, 120)
    assert opened(db.value("SELECT image_enhance(?)", PNG)).format == "JPEG"


def test_dct2(db):
    block = struct.pack("<16f", *range(16))
    values = struct.unpack("<16f", db.value("SELECT dct2(?)", block))
    assert values[0] == pytest.approx(30) and values[5] == pytest.approx(0, abs=1e-6)
    assert db.value("SELECT dct2(?, 4) = dct2(?)", block, block) == 1
    for value, word in ((b"123", "3 bytes"), (b"", "0 bytes"), ("text", "TEXT"), (5, "INTEGER")):
        text = db.error("SELECT dct2(?)", value)
        assert text.startswith("dct2") and word in text
    for n in (0, -1, 3, 5, 513, 2**62):
        assert str(n) in db.error("SELECT dct2(?, ?)", block, n)
    assert "REAL" in db.error("SELECT dct2(?, 4.0)", block)


def test_null_in_null_out(db):
    for function in OF_AN_IMAGE + ("dct2",):
        assert db.value(f"SELECT {function}(NULL)") is None
    assert db.row("SELECT quality(NULL, 'x'), quality(?1, NULL), image_resize(?1, NULL, 5), image_resize(?1, 5, NULL),"
                  " image_resize(?1, 5, 5, NULL), phash_orientations(?1, NULL), dct2(zeroblob(4), NULL)",
                  PNG) == (None,) * 7


@pytest.mark.parametrize("function", OF_AN_IMAGE)
def test_bad_images_are_errors_that_name_the_function(db, function):
    for file in (b"", b"hello", PNG[:60], JPEG[:len(JPEG) // 2], "text", 5, 1.5, oracle.bare_png(60000, 60000)):
        text = db.error(f"SELECT {function}(?)", file)
        assert text.startswith(function + ": ") and len(text) > len(function) + 10


NOT_IMAGES = {
    "GIF": b"GIF89a" + bytes(20), "WebP": b"RIFF\x10\0\0\0WEBPVP8 ", "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "AVIF": b"\0\0\0\x20ftypavif\0\0\0\0", "TIFF": b"II*\0\x08\0\0\0", "BMP": b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0",
    "PDF": b"%PDF-1.7\n", "ZIP": b"PK\3\4\x14\0", "SVG": b'\xef\xbb\xbf<?xml version="1.0"?>\n<svg xmlns="">',
    "HTML": b"<!DOCTYPE html><html>", "plain text": "Grüße".encode(), "base64": b"/9j/4AAQSkZJRg==",
    "JPEG XL": b"\xff\x0a\xfa\x1f", "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n", "MP4": b"\0\0\0\x20ftypisom",
    "Photoshop": b"8BPS\0\1", "zero bytes": bytes(64), "de ad be ef 00": b"\xde\xad\xbe\xef\0",
}


@pytest.mark.parametrize("kind", NOT_IMAGES)
def test_what_is_no_image_is_named(db, kind):
    for function in ("phash", "image_info"):
        text = db.error(f"SELECT {function}(?)", NOT_IMAGES[kind])
        assert "not an image: neither JPEG nor PNG" in text and kind in text


def test_first_frame_of_several(db):
    """An animated PNG, a JPEG with more pictures behind it."""
    first, second = (Image.new("RGB", (40, 30), colour) for colour in ("red", "blue"))
    for kind, options in (("PNG", {"save_all": True, "append_images": [second]}),
                          ("MPO", {"save_all": True, "append_images": [second]})):
        several, alone = io.BytesIO(), io.BytesIO()
        first.save(several, kind, **options)
        first.save(alone, "PNG" if kind == "PNG" else "JPEG")
        for call in ("phash(?)", "colorhash(?)", "pdq(?)", "quality(?, 'brightness')"):
            assert db.value(f"SELECT {call}", several.getvalue()) == db.value(f"SELECT {call}", alone.getvalue())


def test_limits(db):
    """max_pixels counts for all of them, and SQLite's limit on lengths for what is made."""
    db.run("SELECT dupgpu_config('max_pixels', 100)")
    for function in OF_AN_IMAGE:
        assert "max_pixels" in db.error(f"SELECT {function}(?)", PNG)
    assert "max_pixels" in db.error("SELECT image_resize(?, 5, 5)", PNG)


def test_length_limit(connect):
    db = connect()
    noise = oracle.png("RGB", (300, 200), lambda x, y: (x * y * 37, x * x + y, x ^ y * 91))
    assert db.value("SELECT length(image_resize(?, 300, 200))", noise) > 20000
    setter = getattr(db.raw, "setlimit", None) or getattr(db.raw, "limit")
    jpeg = oracle.encode(opened(noise), "JPEG", quality=20)
    setter(0, len(jpeg) + 100)
    assert "too big" in db.error("SELECT image_resize(?, 300, 200, 'png')", jpeg)


def test_they_may_be_indexed_and_generated(db):
    db.run("CREATE TABLE p(data BLOB, q REAL GENERATED ALWAYS AS (quality(data)) STORED)")
    db.run("CREATE INDEX by_pdq ON p(pdq(data))")
    db.run("INSERT INTO p(data) VALUES(?), (?)", PNG, JPEG)
    assert db.value("SELECT count(*) FROM p WHERE q BETWEEN 0 AND 1 AND pdq(data) = pdq(?)", PNG) == 1
