"""The image functions through SQL: known answers, sizes, options, and what must be refused."""

import io
import json

import numpy
import oracle
import pytest
from PIL import Image, ImageOps

HASHES = ("phash", "dhash", "dhash_vertical", "ahash", "whash")


def grey(size, function):
    return oracle.png("L", size, lambda x, y: (function(x, y),) * 3)


def checker(x, y):
    return 255 * ((x // 32 + y // 32) % 2)


# Worked checks of ImageHash on Pillow: picture, then phash, dhash, dhash_vertical, ahash, whash.
WORKED = {
    "flat": (grey((100, 75), lambda x, y: 77 + 0 * x), "8000000000000000", "0", "0", "0", "0"),
    "ramp": (grey((120, 90), lambda x, y: 2 * x), "8000000000000000", "ffffffffffffffff", "0", "0f0f0f0f0f0f0f0f",
             "0f0f0f0f0f0f0f0f"),
    "down": (grey((120, 90), lambda x, y: 255 - 2 * y), "8080008000800080", "0", "0", "ffffffff00000000",
             "ffffffff00000000"),
    "rings": (grey((200, 150), lambda x, y: (x * x + 3 * y * y) // 64), "8d0d1d1d39f3e286", "f2f2e51bf609e41b",
              "f2f5ed1af58a7588", "0a1a77cd3aef7fef", "0a1a35cd32cae5f5"),
    "colour": (oracle.png("RGB", (160, 120), lambda x, y: (x, 2 * y, x + y)), "802a552a552b5f7f", "fffffffffffffffe",
               "fffffffffffffffe", "000001071f7fffff", "000000071fffffff"),
    "checker": (grey((256, 256), checker), "8000000000000000", "a55aa55aa55aa55a", "aa55aa5555aa55aa",
                "55aa55aa55aa55aa", "55aa55aa55aa55aa"),
    "symmetric": (grey((96, 64), lambda x, y: (2 * x - 95) ** 2 // 40 + y), "a82a002a002a002a", "0f0f0f0f0f0f0f8e",
                  "ffffff7e7e7e7e7e", "8181c3c3c3c3c3c3", "c3c3c3c3c3c3c3c3"),
    "tiny": (grey((5, 3), lambda x, y: 17 * (3 * x + 5 * y)), "831c2d66db3ea926", "fffff8f8f8cccfc7",
             "7cfcfcfce1e3e3e3", "070f1f1e7ce4e0e1", "070f1f1e7ce4e0e1"),
    "odd": (grey((333, 217), lambda x, y: 7 * x + 13 * y + x * y // 5), "f7589a81c21f2eb2", "21001044c4420809",
            "c201106703188471", "1dde8da067338ef5", "1cf84fa463638ee1"),
    "large": (oracle.png("RGB", (640, 480), lambda x, y: (x * x // 97 + y, x * y // 131, y * y // 53 + 2 * x)),
              "80073f1c3e797363", "fde4d9b4a894a951", "ffe0da342ad4a9a4", "013f6f5f7f7fffff", "01386c546f3baba7"),
    "ties": (grey((32, 32), lambda x, y: (3 * x + y) % 32 * 255 // 32), "ff818b16a296aa96", "db92b6b6246d4949",
             "d2d296b4a52d694b", "694b5ad296b4a52d", "694b5ad296b4a52d"),
    "middle": (grey((32, 32), lambda x, y: (5 * x + y) % 18 * 255 // 18), "a7aaaa0055ff4555", "a54942428281554a",
               "89a602404581962a", "55898282424195aa", "071e79e0934f3cf0"),
    "strip": (grey((3, 600), lambda x, y: 80 * x + 7 * y), "9b5d9a599918331d", "f80004380000001f", "e00007f8e0001f07",
              "1ff0001ff8e0000f", "1ff0001ff8f8380f"),
}


@pytest.mark.parametrize("name", WORKED)
def test_worked_checks(db, name):
    picture, *expected = WORKED[name]
    got = [db.value(f"SELECT lower(hex({function}(?)))", picture) for function in HASHES]
    assert got == [value.rjust(16, "0") for value in expected]


def test_worked_checks_at_256_bits(db):
    for name, expected in (("rings", "8daa0daa1d2a1d223956f354e25406ad1da9f959e25104ba3976e6e51dade3d9"),
                           ("odd", "f7dd58ea9a7e8157c28b1f282e14bab351486e58168ce887bbf875c83706ab48")):
        assert db.value("SELECT lower(hex(phash(?, 16)))", WORKED[name][0]) == expected


@pytest.mark.parametrize("function", HASHES)
def test_sizes(db, function):
    picture = WORKED["large"][0]
    powers = function in ("phash", "whash")
    for size in (2, 4, 8, 16, 32) if powers else (2, 3, 4, 5, 8, 12, 16, 20, 31, 32):
        value = db.value(f"SELECT {function}(?, ?)", picture, size)
        assert isinstance(value, bytes) and len(value) == (size * size + 7) // 8
        assert value[0] >> (8 - (-size * size) % 8) == 0 or size * size % 8 == 0
    assert db.value(f"SELECT {function}(?) = {function}(?, 8)", picture, picture) == 1
    for size in (0, 1, -8, 33, 64, 2**40) + ((3, 6, 12, 24) if powers else ()):
        text = db.error(f"SELECT {function}(?, ?)", picture, size)
        assert function in text and str(size) in text
    for size in ("eight", 8.5, b"8"):
        assert function in db.error(f"SELECT {function}(?, ?)", picture, size)


def test_equal_pixels_give_equal_hashes_in_every_dress(db):
    image = oracle.picture("RGB", (211, 157), lambda x, y: (x * y // 7, 3 * x + y, y * y // 5))
    grey_image = image.convert("L")
    dresses = [oracle.encode(image), oracle.encode(image, compress_level=0), oracle.encode(image.convert("RGBA"))]
    expected = [db.value(f"SELECT {function}(?)", dresses[0]) for function in HASHES]
    for dress in dresses:
        assert [db.value(f"SELECT {function}(?)", dress) for function in HASHES] == expected
    plain, alpha = oracle.encode(grey_image), oracle.encode(grey_image.convert("LA"))
    palette = oracle.encode(grey_image.convert("P"))
    for function in HASHES:
        assert len({db.value(f"SELECT {function}(?)", file) for file in (plain, alpha, palette)}) == 1
    base = oracle.encode(image, "JPEG", quality=85)
    same = oracle.encode(image, "JPEG", quality=85, progressive=True)
    for function in HASHES:
        assert db.value(f"SELECT {function}(?) = {function}(?)", base, same) == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_option_orient(db, orientation):
    image = oracle.picture("RGB", (160, 120), lambda x, y: (x, 2 * y, x * y // 50))
    exif = Image.Exif()
    exif[0x0112] = orientation
    for kind in ("JPEG", "PNG"):
        tagged = oracle.encode(image, kind, exif=exif)
        assert json.loads(db.value("SELECT image_info(?)", tagged))["orientation"] == orientation
        opened = Image.open(io.BytesIO(tagged))
        upright = oracle.encode(ImageOps.exif_transpose(opened))
        as_stored = oracle.encode(opened.convert("RGB"))
        for function in HASHES:
            assert db.value(f"SELECT {function}(?) = {function}(?)", tagged, as_stored) == 1
            assert db.value(f"SELECT {function}(?, 8, '{{\"orient\": 1}}') = {function}(?)", tagged, upright) == 1


def test_option_alpha(db):
    rgba = oracle.picture("RGB", (64, 64), lambda x, y: (4 * x, 4 * y, 0 * x)).convert("RGBA")
    pixels = numpy.array(rgba)
    pixels[:, 32:, 3] = 0
    clear = Image.fromarray(pixels)
    file = oracle.encode(clear)
    for name, colour in (("white", 255), ("black", 0)):
        flat = Image.new("RGBA", clear.size, (colour, colour, colour, 255))
        flat.alpha_composite(clear)
        assert db.value(f"SELECT ahash(?, 8, '{{\"alpha\": \"{name}\"}}') = ahash(?)", file,
                        oracle.encode(flat.convert("RGB"))) == 1
    assert db.value("SELECT ahash(?, 8, '{\"alpha\": \"ignore\"}') = ahash(?)", file, file) == 1


@pytest.mark.parametrize("options, word", [
    ('{"orientation": 1}', "orientation"), ('{"orient": 2}', "orient"), ('{"orient": "yes"}', "orient"),
    ('{"luma": "pillow5"}', "luma"), ('{"truncated": "maybe"}', "truncated"), ('{"alpha": "pink"}', "alpha"),
    ("{", ""), ("[]", ""), ("", ""), ("orient", ""), ('{"orient": 1,}', ""), ('{"orient": 1} x', "")])
def test_unfit_options_are_errors(db, options, word):
    text = db.error("SELECT phash(?, 8, ?)", WORKED["large"][0], options)
    assert "phash" in text and word in text


def test_options_in_any_spacing_and_all_together(db):
    picture = WORKED["large"][0]
    options = ' { "orient" : 0 ,\n"luma":"pillow7", "truncated" : "refuse", "alpha":"ignore" } '
    assert db.value("SELECT phash(?, 8, ?) = phash(?)", picture, options, picture) == 1
    assert db.value("SELECT phash(?, 8, '{}') = phash(?)", picture, picture) == 1


# What must be refused: always an SQL error that names the function, never a hash, never a crash.

GOOD_PNG = oracle.png()
GOOD_JPEG = oracle.jpeg(size=(160, 120))
NOT_IMAGES = {
    "empty": b"", "one byte": b"\xff", "text": b"hello", "zeros": bytes(1000), "gif": b"GIF89a" + bytes(100),
    "webp": b"RIFF\x10\0\0\0WEBPVP8 " + bytes(40), "half a signature": GOOD_PNG[:5], "jpeg mark only": b"\xff\xd8\xff",
    "png signature only": GOOD_PNG[:8], "png header only": GOOD_PNG[:33], "jpeg head": GOOD_JPEG[:100],
    "png tail lost": GOOD_PNG[:len(GOOD_PNG) // 2], "jpeg tail lost": GOOD_JPEG[:len(GOOD_JPEG) // 2],
    "png zero width": oracle.bare_png(0, 10), "png zero height": oracle.bare_png(10, 0),
    "png no pixels": oracle.bare_png(10, 10), "png odd depth": oracle.bare_png(10, 10, depth=3, data=bytes(100)),
    "png odd colour": oracle.bare_png(10, 10, colour=5, data=bytes(500)),
    "png bad header crc": GOOD_PNG[:29] + bytes(4) + GOOD_PNG[33:],
    "jpeg zero width": oracle.resized_jpeg_header(GOOD_JPEG, 0, 120),
}


@pytest.mark.parametrize("name", NOT_IMAGES)
@pytest.mark.parametrize("function", HASHES)
def test_not_an_image(db, name, function):
    text = db.error(f"SELECT {function}(?)", NOT_IMAGES[name])
    assert text.startswith(function) and len(text) > len(function) + 8, text


@pytest.mark.parametrize("value, word", [("text", "TEXT"), (5, "INTEGER"), (5.5, "REAL"), ("\x89PNG", "TEXT")])
@pytest.mark.parametrize("function", HASHES + ("image_info",))
def test_an_image_must_be_a_blob(db, function, value, word):
    text = db.error(f"SELECT {function}(?)", value)
    assert function in text and word.lower() in text.lower() and "blob" in text.lower()


BOMBS = {
    "png": oracle.bare_png(60000, 60000, depth=1),
    "png of 8 bits": oracle.bare_png(60000, 60000, depth=8, data=bytes(1000)),
    "png of 16 bits, RGBA": oracle.bare_png(2**31 - 1, 2**31 - 1, depth=16, colour=6),
    "jpeg": oracle.resized_jpeg_header(GOOD_JPEG, 60000, 60000),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_from_their_header(db, name):
    for function in HASHES:
        text = db.error(f"SELECT {function}(?)", BOMBS[name])
        assert function in text and ("max_pixels" in text or "png" in text), text
    if name != "png of 16 bits, RGBA":
        info = json.loads(db.value("SELECT image_info(?)", BOMBS[name]))
        assert (info["width"], info["height"]) == (60000, 60000)


def test_max_pixels(db):
    picture = oracle.png(size=(160, 120))
    db.run("SELECT dupgpu_config('max_pixels', ?)", 160 * 120)
    assert db.value("SELECT length(phash(?))", picture) == 8
    db.run("SELECT dupgpu_config('max_pixels', ?)", 160 * 120 - 1)
    text = db.error("SELECT phash(?)", picture)
    assert "160" in text and "120" in text and "19199" in text and "max_pixels" in text


def test_truncated_lenient(db):
    lost = GOOD_JPEG[:len(GOOD_JPEG) * 3 // 4]
    assert "truncated" in db.error("SELECT phash(?)", lost)
    assert db.value("SELECT length(phash(?, 8, '{\"truncated\": \"lenient\"}'))", lost) == 8


def test_png_without_its_end_is_accepted_as_pillow_does(db):
    assert db.value("SELECT phash(?) = phash(?)", GOOD_PNG[:-12], GOOD_PNG) == 1


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_damage_anywhere_never_crashes(db, kind):
    """Every 37th byte altered, every 41st length: a hash of eight bytes or an error, and the next call works."""
    whole = {"PNG": GOOD_PNG, "JPEG": GOOD_JPEG}[kind]
    outcomes = set()
    for position in range(0, len(whole), 37):
        for change in (0x00, 0xFF, whole[position] ^ 0x10):
            damaged = whole[:position] + bytes([change]) + whole[position + 1:]
            outcomes.add(attempt(db, damaged))
    for length in range(0, len(whole), 41):
        outcomes.add(attempt(db, whole[:length]))
    assert outcomes == {"hash", "error"}
    assert db.value("SELECT length(phash(?))", whole) == 8


def attempt(db, file):
    try:
        value = db.value("SELECT phash(?)", file)
    except Exception as failure:
        assert "phash" in str(failure)
        return "error"
    assert len(value) == 8
    return "hash"


def test_one_bad_row_stops_the_statement_and_changes_nothing(db):
    db.run("CREATE TABLE photos(id INTEGER PRIMARY KEY, data BLOB, phash BLOB)")
    for data in (GOOD_PNG, b"not an image", GOOD_JPEG):
        db.run("INSERT INTO photos(data) VALUES(?)", data)
    assert "phash" in db.error("UPDATE photos SET phash = phash(data)")
    assert db.value("SELECT count(phash) FROM photos") == 0
    db.run("UPDATE photos SET phash = phash(data) WHERE id <> 2")
    assert db.value("SELECT count(phash) FROM photos") == 2


def test_image_info(db):
    for kind, format_name in (("PNG", "png"), ("JPEG", "jpeg")):
        for mode, channels in (("L", 1), ("RGB", 3)):
            file = oracle.encode(oracle.picture("RGB", (33, 21)).convert(mode), kind)
            info = json.loads(db.value("SELECT image_info(?)", file))
            assert (info["format"], info["width"], info["height"], info["channels"], info["bytes"]) == \
                (format_name, 33, 21, channels, len(file))
            assert info["bit_depth"] == 8 and info["orientation"] == 1
    for quality in (10, 50, 75, 90, 95, 100):
        info = json.loads(db.value("SELECT image_info(?)", oracle.jpeg(quality=quality)))
        assert abs(info["jpeg_quality"] - quality) <= 1
    for name in ("empty", "text", "gif", "png signature only", "jpeg mark only"):
        assert "image_info" in db.error("SELECT image_info(?)", NOT_IMAGES[name])


def test_hashes_of_the_contract_example(db):
    db.run("CREATE TABLE photos(id INTEGER PRIMARY KEY, data BLOB, phash BLOB)")
    image = oracle.picture("RGB", (320, 240), lambda x, y: (x * x // 97 + y, x * y // 131, y * y // 53 + 2 * x))
    for file in (oracle.encode(image, "JPEG", quality=95), oracle.encode(image.resize((160, 120)), "JPEG", quality=60),
                 WORKED["rings"][0]):
        db.run("INSERT INTO photos(data) VALUES(?)", file)
    db.run("UPDATE photos SET phash = phash(data)")
    rows = db.rows("SELECT id_a, id_b, distance FROM similar_pairs('photos', 'phash', 6) ORDER BY distance")
    assert [row[:2] for row in rows] == [(1, 2)]
