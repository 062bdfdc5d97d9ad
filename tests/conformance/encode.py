"""Writes the PNG files that Pillow cannot: every colour type and bit depth, all five filters, Adam7, odd chunks."""

import struct
import zlib

import numpy

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def chunk(kind, data=b""):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed(row, depth):
    """Samples of one row, any shape, as bytes."""
    samples = numpy.asarray(row).reshape(-1)
    if depth == 16:
        return samples.astype(">u2").tobytes()
    if depth == 8:
        return samples.astype(numpy.uint8).tobytes()
    bits = (samples[:, None].astype(numpy.uint8) >> numpy.arange(depth - 1, -1, -1)) & 1
    return numpy.packbits(bits.reshape(-1)).tobytes()


def filtered(line, above, kind, step):
    """One row under filter `kind`; `step` is a pixel's distance in bytes."""
    x = numpy.frombuffer(line, numpy.uint8).astype(int)
    b = numpy.frombuffer(above, numpy.uint8).astype(int)
    a = numpy.concatenate([numpy.zeros(step, int), x])[:len(x)]
    c = numpy.concatenate([numpy.zeros(step, int), b])[:len(x)]
    p = a + b - c
    pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
    paeth = numpy.where((pa <= pb) & (pa <= pc), a, numpy.where(pb <= pc, b, c))
    predicted = (0 * x, a, b, (a + b) // 2, paeth)[kind]
    return bytes([kind]) + ((x - predicted) & 255).astype(numpy.uint8).tobytes()


def scanlines(samples, depth, channels):
    """The filtered rows of one picture or pass; the filter changes from row to row."""
    if 0 in samples.shape[:2]:
        return b""
    step, out, above = max(1, channels * depth // 8), [], None
    for y, row in enumerate(samples):
        line = packed(row, depth)
        out.append(filtered(line, above or bytes(len(line)), y % 5, step))
        above = line
    return b"".join(out)


def png(samples, colour, depth, interlaced=False, palette=None, before=b"", after=b""):
    """A PNG file of an array of height x width (x channels) samples; `before` and `after` are chunks around IDAT."""
    height, width = samples.shape[:2]
    channels = CHANNELS[colour]
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    passes = [samples[y::down, x::right] for x, y, right, down in ADAM7] if interlaced else [samples]
    data = zlib.compress(b"".join(scanlines(part, depth, channels) for part in passes), 9)
    if palette is not None:
        before = chunk(b"PLTE", bytes(palette)) + before
    half = len(data) // 2
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + chunk(b"IDAT", data[:half]) +
            chunk(b"IDAT", data[half:]) + after + chunk(b"IEND"))
