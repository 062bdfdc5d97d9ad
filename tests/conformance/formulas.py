"""The quality metrics of a grey plane in numpy, from their definitions: what the tests compare dupgpu with."""

import numpy
from PIL import Image
from scipy import ndimage

LAPLACIAN = numpy.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]])
SOBEL = numpy.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
MASK = numpy.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]])
IMMERKAER = numpy.sqrt(numpy.pi / 2) / 6


def filtered(plane, kernel):
    """Correlation with the border OpenCV calls reflect-101."""
    return ndimage.correlate(plane.astype(numpy.int64), kernel, mode="mirror")


def blur(plane):
    return filtered(plane, LAPLACIAN).var()


def sharpness(plane):
    return (filtered(plane, SOBEL) ** 2 + filtered(plane, SOBEL.T) ** 2).mean()


def blocks(field):
    """The field's whole 16x16 blocks, one a row."""
    height, width = (side // 16 for side in field.shape)
    cut = field[:height * 16, :width * 16].reshape(height, 16, width, 16)
    return cut.transpose(0, 2, 1, 3).reshape(height * width, 256)


def noise(plane):
    if min(plane.shape) < 3:
        return None
    field = abs(filtered(plane, MASK))[1:-1, 1:-1]
    sums = blocks(field).sum(axis=1)
    if len(sums) < 4:
        return IMMERKAER * field.mean()
    inner = plane[1:-1, 1:-1]
    kept = sums[blocks((inner <= 5) | (inner >= 250)).sum(axis=1) <= 64]
    kept = numpy.sort(kept if len(kept) >= 4 else sums)
    return 1.12 * IMMERKAER * kept[len(kept) // 10] / 256


def excess(plane):
    """Steps along the rows at multiples of 8 against those at other even places."""
    steps = abs(numpy.diff(plane.astype(int), axis=1))
    steeper = numpy.maximum(0, 2 * steps[:, 1:-1] - steps[:, :-2] - steps[:, 2:])
    place = numpy.arange(2, plane.shape[1] - 1) % 8
    means = [steeper[:, place == j].mean() for j in (0, 2, 4, 6)]
    base = max(means[1:])
    return (means[0] - base) / (base + 0.25)


def blockiness(plane):
    return (excess(plane) + excess(plane.T)) / 2 if min(plane.shape) >= 32 else 0


def eff_pixels(plane):
    detail, level, sigma = [], plane.astype(int), noise(plane) or 0
    while min(level.shape) >= 8 and len(detail) < 7:
        detail.append(max(0, blur(level) - 24 * (sigma ** 2 / 4 ** len(detail) + 1 / 12)))
        even = level[:level.shape[0] // 2 * 2, :level.shape[1] // 2 * 2]
        level = (even[::2, ::2] + even[::2, 1::2] + even[1::2, ::2] + even[1::2, 1::2] + 2) >> 2
    if len(detail) < 2:
        return plane.size
    share = 4.0 ** -(len(detail) - 1)
    for k in range(len(detail) - 2, -1, -1):
        ratio = detail[k] / detail[k + 1] if detail[k + 1] else float(detail[k] > 0)
        weight = ratio ** 2 / (ratio ** 2 + 1 / 16)
        share = weight * 4.0 ** -k + (1 - weight) * share
    return plane.size * share


def metrics(plane, jpeg_quality=None):
    """Every metric of an array of bytes by its name."""
    found = {
        "blur": blur(plane), "sharpness": sharpness(plane), "brightness": plane.mean() / 255,
        "contrast": plane.std() / 255, "clip_lo": (plane <= 5).mean(), "clip_hi": (plane >= 250).mean(),
        "entropy": Image.fromarray(plane).entropy(), "noise": noise(plane), "blockiness": blockiness(plane),
        "jpeg_quality": jpeg_quality, "eff_pixels": eff_pixels(plane),
    }
    resolution = numpy.clip(numpy.log2(max(found["eff_pixels"], 1) / 64) / 20, 0, 1)
    damage = max(1 - jpeg_quality / 100 if jpeg_quality else 0,
                 min(1, numpy.log2(1 + max(0, found["blockiness"])) / 3))
    found["overall"] = resolution * (1 - 0.20 * damage - 0.25 * min(1, (found["noise"] or 0) / 20)
                                     - 0.15 * (1 - found["entropy"] / 8))
    return found
