"""Pictures to hash: small synthetic scenes, and every kind of JPEG and PNG file made from a picture."""

import io
import shutil
import subprocess

import numpy
from PIL import Image, ImageDraw

import encode


def noise(width, height, seed=1, cell=8):
    """A smooth random RGB picture, as a photograph is."""
    draw = numpy.random.default_rng([seed, width, height])
    small = draw.integers(0, 256, (height // cell + 2, width // cell + 2, 3), dtype=numpy.uint8)
    smooth = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
    grain = draw.integers(-9, 10, (height, width, 3))
    return Image.fromarray(numpy.clip(numpy.asarray(smooth, int) + grain, 0, 255).astype(numpy.uint8))


def grey(width, height, function):
    y, x = numpy.mgrid[:height, :width]
    return Image.fromarray((function(x, y) % 256).astype(numpy.uint8))


def text():
    picture = Image.new("L", (300, 120), 255)
    pen = ImageDraw.Draw(picture)
    for line in range(7):
        pen.text((5, 4 + 16 * line), "near-duplicate pictures " * 2, fill=40 * (line % 3))
    return picture


def synthetic():
    """(label, picture): sizes and patterns in which rounding, ties and borders decide."""
    for side in [(1, 1), (1, 2), (2, 1), (2, 2), (3, 3), (7, 5), (8, 8), (9, 8), (8, 9), (16, 16), (17, 16), (31, 33),
                 (32, 32), (33, 31), (33, 32), (64, 64), (65, 63), (1, 300), (300, 1), (2, 257), (640, 3), (5, 640),
                 (3, 600), (100, 233), (255, 129), (129, 255), (300, 100), (100, 300), (120, 257), (257, 120)]:
        yield f"noise {side}", noise(*side)
        yield f"grey noise {side}", noise(*side, seed=2, cell=3).convert("L")
    for value in (0, 1, 77, 127, 128, 254, 255):
        yield f"flat {value}", Image.new("L", (100, 75), value)
    for side in [(32, 32), (100, 75), (75, 100), (128, 128), (64, 300), (333, 217)]:
        gradients = {
            "right": lambda x, y: 255 * x // (side[0] - 1), "left": lambda x, y: 255 - 2 * x,
            "down": lambda x, y: 255 * y // (side[1] - 1), "up": lambda x, y: 255 - y, "diagonal": lambda x, y: x + y,
            "mirror": lambda x, y: abs(2 * x - side[0] + 1) * 3 + y, "bowl": lambda x, y: (x * x + 3 * y * y) // 64,
            "both": lambda x, y: abs(2 * x - side[0] + 1) + abs(2 * y - side[1] + 1), "hash": lambda x, y: x * y,
            "stripes": lambda x, y: 255 * (x // 4 % 2), "bars": lambda x, y: 255 * (y // 8 % 2),
            "checks": lambda x, y: 255 * ((x // 8 + y // 8) % 2), "fine": lambda x, y: 255 * ((x + y) % 2),
            "saw": lambda x, y: (3 * x + y) % 32 * 255 // 32, "dots": lambda x, y: 255 * ((x % 8 == 3) & (y % 8 == 3)),
            "edge": lambda x, y: 255 * (x >= side[0] // 2), "corner": lambda x, y: 255 * ((x < 9) & (y < 9)),
        }
        for name, function in gradients.items():
            yield f"{name} {side}", grey(*side, function)
    yield "text", text()


def levels(picture, depth):
    """Grey samples of 1 to 16 bits, the 16-bit ones with values on both sides of 255."""
    values = numpy.asarray(picture.convert("L"))
    return values.astype(int) * 3 - 200 & 0xFFFF if depth == 16 else values >> 8 - depth


def png_files(picture, short_palette=True):
    """(label, file): the picture in every PNG colour type, depth and interlacing."""
    rgb = numpy.asarray(picture.convert("RGB"))
    height, width = rgb.shape[:2]
    alpha = (numpy.add.outer(numpy.arange(height) * 3, numpy.arange(width)) % 256).astype(numpy.uint8)[..., None]
    y = numpy.asarray(picture.convert("L"))[..., None]
    wide = rgb.astype(int) * 256 + rgb[..., ::-1]
    for interlaced in (False, True):
        mark = " interlaced" if interlaced else ""
        for depth in encode.DEPTHS[0]:
            yield f"grey {depth}{mark}", encode.png(levels(picture, depth), 0, depth, interlaced)
        yield f"grey alpha 8{mark}", encode.png(numpy.concatenate([y, alpha], 2), 4, 8, interlaced)
        wide_y = numpy.concatenate([y.astype(int) * 256 + 255 - y, alpha.astype(int) * 257], 2)
        yield f"grey alpha 16{mark}", encode.png(wide_y, 4, 16, interlaced)
        yield f"RGB 8{mark}", encode.png(rgb, 2, 8, interlaced)
        yield f"RGB 16{mark}", encode.png(wide, 2, 16, interlaced)
        yield f"RGBA 8{mark}", encode.png(numpy.concatenate([rgb, alpha], 2), 6, 8, interlaced)
        yield f"RGBA 16{mark}", encode.png(numpy.concatenate([wide, alpha.astype(int) * 257], 2), 6, 16, interlaced)
        for depth in encode.DEPTHS[3]:
            colours = 2**depth
            palette = picture.convert("RGB").quantize(colours)
            index = numpy.asarray(palette)
            entries = (bytes(palette.getpalette()) + bytes(768))[:3 * colours]
            yield f"palette {depth}{mark}", encode.png(index, 3, depth, interlaced, entries)
            yield f"palette {depth} tRNS{mark}", encode.png(
                index, 3, depth, interlaced, entries, before=encode.chunk(b"tRNS", bytes(range(0, colours, 2))))
            if depth > 1 and short_palette:
                yield f"palette {depth} cut short{mark}", encode.png(
                    index, 3, depth, interlaced, entries[:3 * (colours * 3 // 4)])
    yield "grey 8 tRNS", encode.png(levels(picture, 8), 0, 8, before=encode.chunk(b"tRNS", b"\0\x80"))
    yield "RGB 8 tRNS", encode.png(rgb, 2, 8, before=encode.chunk(b"tRNS", b"\0\x80\0\x80\0\x80"))
    gamma = encode.chunk(b"gAMA", (100000).to_bytes(4, "big")) + encode.chunk(b"sRGB", b"\0")
    yield "RGB 8 gAMA", encode.png(rgb, 2, 8, before=gamma)


def cjpeg(picture, *options):
    data = io.BytesIO()
    picture.save(data, "PPM")
    return subprocess.run(["cjpeg", *options], input=data.getvalue(), capture_output=True, check=True).stdout


def saved(picture, **options):
    data = io.BytesIO()
    picture.save(data, "JPEG", **options)
    return data.getvalue()


def ycck(file):
    """A CMYK JPEG with an Adobe marker, marked as YCCK instead."""
    at = file.index(b"\xff\xee\x00\x0eAdobe") + 15
    return file[:at] + b"\2" + file[at + 1:]


def jpeg_files(picture):
    """(label, file): the picture as every kind of JPEG that both libjpeg-turbo and Pillow decode."""
    rgb, y = picture.convert("RGB"), picture.convert("L")
    cmyk = Image.merge("CMYK", [*rgb.convert("CMYK").split()[:3], y.point(lambda value: (255 - value) // 2)])
    for quality in (1, 30, 75, 95, 100):
        yield f"quality {quality}", saved(rgb, quality=quality)
    for subsampling in ("4:4:4", "4:2:2", "4:2:0"):
        yield subsampling, saved(rgb, subsampling=subsampling)
        yield f"{subsampling} progressive", saved(rgb, subsampling=subsampling, progressive=True)
    yield "grey", saved(y)
    yield "grey progressive", saved(y, progressive=True)
    yield "optimised", saved(rgb, optimize=True)
    yield "restart markers", saved(rgb, restart_marker_rows=1)
    for progressive in (False, True):
        mark = " progressive" * progressive
        yield f"CMYK{mark}", saved(cmyk, progressive=progressive)
        yield f"YCCK{mark}", ycck(saved(cmyk, progressive=progressive))
    if shutil.which("cjpeg"):
        yield "4:4:0", cjpeg(rgb, "-sample", "1x2")
        yield "4:1:1", cjpeg(rgb, "-sample", "4x1")
        yield "4:1:0", cjpeg(rgb, "-sample", "4x2")
        yield "RGB", cjpeg(rgb, "-rgb")
        yield "arithmetic", cjpeg(rgb, "-arithmetic")
