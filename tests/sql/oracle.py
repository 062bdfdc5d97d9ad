"""What the SQL tests compare with: Hamming distance by brute force in numpy, columns of hashes, small pictures."""

import io
import random
import struct
import zlib

import numpy
from PIL import Image

POPCOUNT = numpy.array([bin(byte).count("1") for byte in range(256)], dtype=numpy.uint16)


def pairs(hashes, threshold):
    """{(i, j): distance} with i < j for byte strings of one width; None is skipped. Positions count from 1."""
    rows = [position for position, value in enumerate(hashes) if value is not None]
    if len(rows) < 2:
        return {}
    matrix = numpy.array([list(hashes[row]) for row in rows], dtype=numpy.uint8)
    found = {}
    for i, row in enumerate(rows[:-1]):
        distances = POPCOUNT[matrix[i + 1:] ^ matrix[i]].sum(axis=1)
        for j in numpy.nonzero(distances <= threshold)[0]:
            found[row + 1, rows[i + 1 + j] + 1] = int(distances[j])
    return found


def hamming(a, b):
    return sum(bin(x ^ y).count("1") for x, y in zip(a, b, strict=True))


def flip(value, bits):
    """`value` with the bits of the given numbers flipped; bit 0 is the first."""
    changed = bytearray(value)
    for bit in bits:
        changed[bit // 8] ^= 0x80 >> bit % 8
    return bytes(changed)


SHAPES = ("uniform", "planted", "clustered", "phash", "subcube", "equal")


def sample(shape, rows, bits, seed=1):
    """A column of `rows` hashes of `bits` bits (a multiple of 8).

    uniform    independent random bits
    planted    a tenth are copies of earlier rows with 0 to 6 bits flipped
    clustered  near 5 templates
    phash      as photographs: first bit set, even number of ones, some planted copies and blanks
    subcube    all rows agree but for 12 bits
    equal      one value
    """
    draw = random.Random(f"{shape} {rows} {bits} {seed}")
    width = bits // 8
    column = []

    def anything():
        return draw.randbytes(width)

    if shape == "equal":
        return [anything()] * rows
    templates = [anything() for _ in range(5)]
    base = anything()
    free = draw.sample(range(bits), min(12, bits))
    for row in range(rows):
        if shape in ("planted", "phash") and row > 10 and draw.random() < 0.1:
            count = draw.randint(0, min(6, bits - 1))
            value = flip(draw.choice(column), draw.sample(range(1, bits), count))
        elif shape == "clustered":
            count = draw.randint(0, min(4, bits))
            value = flip(draw.choice(templates), draw.sample(range(bits), count))
        elif shape == "subcube":
            value = flip(base, draw.sample(free, draw.randint(0, len(free))))
        else:
            value = anything()
        if shape == "phash":
            if draw.random() < 0.03:
                value = b"\x80" + bytes(width - 1)
            value = bytes([value[0] | 0x80]) + value[1:]
            if sum(bin(byte).count("1") for byte in value) % 2:
                value = value[:-1] + bytes([value[-1] ^ 1])
        column.append(value)
    return column


def as_integer(value):
    """An 8-byte hash as SQLite's signed INTEGER."""
    return struct.unpack(">q", value)[0]


def picture(mode="RGB", size=(160, 120), function=None):
    """A picture from a formula in x and y; values are taken modulo 256."""
    width, height = size
    function = function or (lambda x, y: (x, 2 * y, x + y))
    y, x = numpy.mgrid[0:height, 0:width]
    values = function(x, y)
    if isinstance(values, tuple):
        values = numpy.stack([numpy.broadcast_to(value, x.shape) for value in values], axis=-1)
    values = numpy.broadcast_to(values, x.shape + values.shape[2:])
    return Image.fromarray((values % 256).astype(numpy.uint8)).convert(mode)


def encode(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def size(path):
    """(width, height) of a picture file."""
    with Image.open(path) as image:
        return image.size


def png(*arguments, **options):
    return encode(picture(*arguments, **options), "PNG")


def jpeg(*arguments, quality=90, **options):
    return encode(picture(*arguments, **options), "JPEG", quality=quality)


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def bare_png(width, height, depth=8, colour=0, data=b""):
    """A PNG whose header says what it is told, with `data` as the compressed picture."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def resized_jpeg_header(file, width, height):
    """`file` with another size in its first frame header."""
    position = 2
    while file[position + 1] not in (0xC0, 0xC1, 0xC2):
        position += 2 + struct.unpack(">H", file[position + 2:position + 4])[0]
    return file[:position + 5] + struct.pack(">HH", height, width) + file[position + 9:]
