"""What is made of pictures and blocks, and the hashes in colour or of turned pictures: against Pillow, SciPy, ImageHash.

PDQ is compared with pdqhash in test_peers.py; here are hashes it gave.
"""

import io

import imagehash
import numpy
import pytest
import scipy.fft
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

import real
import scenes

SIZES = [(120, 71), (31, 150), (3, 3), (1, 1), (2, 7), (513, 20)]
ROOMS = [(50, 50), (13, 40), (200, 7), (10000, 10000), (1, 1), (33, 1000)]
MAKERS = (scenes.png_files, scenes.jpeg_files)

pytestmark = pytest.mark.filterwarnings("ignore:Palette images with Transparency")


def encoded(picture, format="PNG", **options):
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


def opened(file):
    picture = Image.open(io.BytesIO(file))
    picture.load()
    return picture


def upright(file):
    """The picture as image_resize sees it: turned, in mode L, LA, RGB or RGBA."""
    picture = ImageOps.exif_transpose(opened(file))
    transparent = "transparency" in picture.info
    if picture.mode in ("1", "I;16"):
        return picture.convert("L")
    if picture.mode == "L":
        return picture.convert("LA") if transparent else picture
    if picture.mode in ("P", "RGB", "CMYK"):
        return picture.convert("RGBA" if transparent else "RGB")
    return picture


def thumbnail_differences(database, label, file):
    found = []
    for room in ROOMS:
        expected = upright(file)
        expected.thumbnail(room, Image.Resampling.LANCZOS, reducing_gap=None)
        (png,) = database.execute("SELECT image_resize(?, ?, ?, 'png')", (file, *room)).fetchone()
        (jpeg,) = database.execute("SELECT image_resize(?, ?, ?, 'jpeg')", (file, *room)).fetchone()
        ours = opened(png).convert("RGBA")
        if ours.size != expected.size or ours.tobytes() != expected.convert("RGBA").tobytes():
            found.append(f"{label} {room}: {ours.size}, Pillow {expected.size}")
        if opened(jpeg).size != expected.size:
            found.append(f"{label} {room}: JPEG")
    return found


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("make", MAKERS)
def test_thumbnails(database, make, size):
    found = []
    for label, file in make(scenes.noise(*size)):
        found += thumbnail_differences(database, label, file)
    assert found == []


@pytest.mark.parametrize("format", ("PNG", "JPEG"))
def test_thumbnails_are_upright(database, format):
    found = []
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        for mode in ("RGB", "L"):
            file = encoded(scenes.noise(90, 45).convert(mode), format, exif=exif)
            found += thumbnail_differences(database, (orientation, mode), file)
    assert found == []


def test_thumbnails_of_photographs(database):
    for path in real.photographs()[-8:]:
        assert thumbnail_differences(database, path, path.read_bytes()) == []


def test_thumbnail_formats(database):
    """The picture's own unless another is asked for; transparent parts are white in a JPEG."""
    clear = Image.new("RGBA", (40, 30), (255, 0, 0, 0))
    ask = "SELECT image_resize(?, 20, 20)"
    assert opened(database.execute(ask, (encoded(clear),)).fetchone()[0]).format == "PNG"
    assert opened(database.execute(ask, (encoded(clear.convert("RGB"), "JPEG"),)).fetchone()[0]).format == "JPEG"
    (jpeg,) = database.execute("SELECT image_resize(?, 20, 20, 'JPEG')", (encoded(clear),)).fetchone()
    assert opened(jpeg).getpixel((5, 5)) == (255, 255, 255)


def enhanced(picture):
    if picture.width < 500 or picture.height < 400:
        picture = ImageEnhance.Contrast(picture).enhance(1.15)
        picture = ImageEnhance.Sharpness(picture).enhance(1.1)
        picture = picture.filter(ImageFilter.UnsharpMask(1, 120, 3))
    return encoded(picture, "JPEG", quality=95, optimize=True, subsampling="4:2:0")


@pytest.mark.parametrize("make", MAKERS)
def test_enhance(database, make):
    """The JPEG of Pillow's pixels is the JPEG of ours, as far as a decoder sees."""
    found = []
    for size in SIZES:
        for label, file in make(scenes.noise(*size)):
            picture = opened(file)
            picture = picture.convert("L") if picture.mode == "I;16" else picture
            (ours,) = database.execute("SELECT image_enhance(?)", (file,)).fetchone()
            if opened(ours).tobytes() != opened(enhanced(picture.convert("RGB"))).tobytes():
                found.append((size, label))
    assert found == []


def test_enhance_photographs(database):
    """And one that is too large for anything but another encoding."""
    large = scenes.noise(500, 400)
    (ours,) = database.execute("SELECT image_enhance(?)", (encoded(large),)).fetchone()
    assert opened(ours).tobytes() == opened(encoded(large, "JPEG", quality=95, optimize=True)).tobytes()
    for path in real.photographs()[-12:]:
        (ours,) = database.execute("SELECT image_enhance(?)", (path.read_bytes(),)).fetchone()
        with Image.open(path) as picture:
            expected = opened(enhanced(picture.convert("RGB")))
        assert opened(ours).tobytes() == expected.tobytes(), path


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 12, 16, 31, 32, 64, 100, 128, 200])
def test_dct2(database, n):
    block = numpy.random.default_rng(n).normal(size=(n, n)).astype("<f4")
    (ours,) = database.execute("SELECT dct2(?)", (block.tobytes(),)).fetchone()
    expected = scipy.fft.dctn(block.astype(float), norm="ortho")
    assert abs(numpy.frombuffer(ours, "<f4").reshape(n, n) - expected).max() < 1e-6 * n
    assert database.execute("SELECT dct2(?1, ?2) = dct2(?1)", (block.tobytes(), n)).fetchone() == (1,)


def turned(picture, orientation):
    tagged = picture.copy()
    tagged.getexif()[0x0112] = orientation
    return ImageOps.exif_transpose(tagged)


def distance(a, b):
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_count()


def test_orientations(database):
    """Mirror, flip and half turn exactly as ImageHash sees them; the other four within a few bits."""
    far = []
    pictures = [("noise", scenes.noise(120, 77)), ("flat", Image.new("L", (30, 20), 9)), ("text", scenes.text())]
    for path in real.photographs()[-14:]:
        with Image.open(path) as picture:
            pictures.append((path, picture.convert("L")))
    for label, picture in pictures:
        (views,) = database.execute("SELECT phash_orientations(?)", (encoded(picture.convert("L")),)).fetchone()
        assert len(views) == 64
        for view in range(8):
            expected = bytes.fromhex(str(imagehash.phash(turned(picture.convert("L"), view + 1))))
            bits = distance(views[8 * view:8 * view + 8], expected)
            assert view >= 4 or bits == 0, (label, view)
            far += [bits] if view >= 4 else []
    print(f"transposed views: {far.count(0)} of {len(far)} equal, most {max(far)} bits")
    assert max(far) <= 8 and sum(far) / len(far) < 0.7


def test_orientations_of_other_sizes(database):
    file = encoded(scenes.noise(90, 70))
    for size in (2, 4, 16, 32):
        (views,) = database.execute("SELECT phash_orientations(?, ?)", (file, size)).fetchone()
        (one,) = database.execute("SELECT phash(?, ?)", (file, size)).fetchone()
        assert len(views) == 8 * len(one) and views.startswith(one)


def colour_differences(database, label, file):
    picture = opened(file)
    picture = picture.convert("L") if picture.mode == "I;16" else picture
    expected = str(imagehash.colorhash(picture)).rjust(12, "0")
    (ours,) = database.execute("SELECT lower(hex(colorhash(?)))", (file,)).fetchone()
    return [] if ours == expected else [f"{label}: {ours}, ImageHash {expected}"]


def test_colorhash(database):
    found = []
    for make in MAKERS:
        for label, file in make(scenes.noise(150, 101)):
            found += colour_differences(database, label, file)
    for path in real.photographs()[-10:]:
        found += colour_differences(database, path, path.read_bytes())
    hues = numpy.random.default_rng(3).integers(0, 256, (90, 90, 3)).astype(numpy.uint8)
    for shift in range(0, 7, 2):
        found += colour_differences(database, shift, encoded(Image.fromarray(hues >> shift)))
        found += colour_differences(database, shift, encoded(Image.fromarray(255 - (hues >> shift))))
    assert found == []


def test_every_colour_has_pillows_hue_and_saturation(database):
    """One colour a picture, of those next to the edges of colorhash's bins."""
    found = []
    colours = [(r, g, b) for r in (32, 170, 255) for g in (33, 85, 171) for b in (31, 128, 200)]
    for colour in colours:
        found += colour_differences(database, colour, encoded(Image.new("RGB", (2, 2), colour)))
    assert found == []


# What pdqhash 0.2.8 says, hash and quality, of Debian's pictures and of made ones.
PDQ = {
    "Picture_1A_by_freespace.jpg": ("c8e64ce730ef0343192749b3b19bc1bd532d69cf9a53a1704b4d9493d529ca79", 100),
    "panther-chameleon-female.jpg": ("079e127079baeb34d87baba091ff5316342399f85071c4c5bbcc30537dac341d", 100),
    "citrus-fruits.jpg": ("eeb09871053b4702544f1b2c80f2d44ca32d86abd32f960cbad6fecd77216be9", 100),
    "china.jpg": ("bf18cef3407e8678e6833b1937d14066988e5cd2046eac5f783103f157abf50e", 100),
    "cincinnati-bridge.jpg": ("f8110d4425fa063b8c759efa81036da9985387cd0ce663e5f31e6de28a9837cf", 100),
    "flower.jpg": ("673966dcb772a66499a69a666196a9476599a21b9649a659596624b3e58ea693", 100),
    "castle-maintenon.jpg": ("29a7e67c97a698c8e3f22862dd5c6105bef130a5fe7243041fe88785f281787b", 100),
    "Rear-Admiral-Diplomat-1.jpg": ("1a701e918bdc29e336bdb4179219e1e214737c3c70e72b5ca32d817e3c0d97ab", 100),
    "gon-defends-the-critters-1.jpg": ("42fbd3bececa9d68507996643e09cc23aa7586e33627e154aedb19e01b962899", 100),
    "Time-For-Lunch-2.jpg": ("28136d72a8443c5faafa59b496ab86eb78607c963db6c30f15720196704bdee9", 76),
    (64, 64): ("5e8d43eba1c82c5af39db19343884c6ccc62d3a51e37ae548b720e7924df91b6", 100),
    (64, 63): ("0890a1e7e929348dc7efb63afc85f3c5017ac1e4bf90897204febe11ce67a1d0", 100),
    (5, 5): ("9324ce736cdb318c8e27c4f19126318c64d9ce739324ce736cdb318c9e27c6f1", 15),
    (4, 9): ("0000000000000000000000000000000000000000000000000000000000000000", 0),
    (128, 129): ("888ed59349b8c8ecf9448fca6054e063b6535eb2f0aa85fbecd4982dc49355af", 100),
    (129, 128): ("40f2ae3292992d412977c7a12f1f8df50bcc4f8188f4c76590eadfb6799601e5", 100),
    (257, 131): ("3dc8d4cb108e60e84971744cd6617756e9c423e285bc013f94b6a6d1f2af2fdb", 100),
    (1000, 6): ("1b904cbba1d2a5dd1b905a225e2db5d4e46f60335e2ddf4a1b904aaba1d2a5dd", 100),
    (150, 101): ("3f29cf8aeda3307dc0d612d05acc7c71782aa068ef26b038f1ddc78af2a87855", 100),
}


def test_pdq(database):
    files = {path.name: path for path in real.photographs()}
    for key, expected in PDQ.items():
        file = files[key].read_bytes() if isinstance(key, str) else encoded(scenes.noise(*key))
        assert database.execute("SELECT lower(hex(pdq(?1))), pdq_quality(?1)", (file,)).fetchone() == expected, key
