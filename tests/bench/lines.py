"""`make bench`, line pictures: render_line against matplotlib, Agg, OpenCV, cairo and Pillow, as ratios in one run.

    build/bench-venv/bin/python tests/bench/lines.py [--runs N] [--million [SIDE]]

Every method draws the same 64 random walks of 100 points with a line 3 pixels wide, dark on white, and takes turns with
the others; a figure is the median of the runs, in pictures for each second of processor time on one thread. "PNG" is a
file in memory, "raw" the samples. matplotlib draws without axes: "fresh" makes a figure for each picture, "reused" changes
the data of one; "Agg" calls its renderer directly. OpenCV's antialiased line is 5.4 pixels wide, Pillow's is not
antialiased. dupgpu is measured through SQL, SELECT render_line(?, ?), the sequence being a BLOB, and for goals.md's figures
in C, without SQLite and Python (line_draw.c).

--million draws 1,000,000 windows of 100 rows into a table of a database file by one statement, on all cores, SIDE x SIDE
pixels (default 224), and says how long 40 million would take at that rate.
"""

import argparse
import io
import json
import math
import os
import pathlib
import random
import sqlite3
import statistics
import subprocess
import tempfile
import time

import cairocffi
import cv2
import matplotlib
import numpy
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.path import Path
from matplotlib.transforms import IdentityTransform
from PIL import Image, ImageDraw

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIZES = [(800, 500), (224, 224), (64, 64)]
GOALS = {("PNG", (800, 500)): 7000, ("PNG", (224, 224)): 20000, ("PNG", (64, 64)): 55000, ("raw", (800, 500)): 25000}
SECONDS = 0.05  # of a run, about
WIDTH = 3


def walks(count=64, points=100):
    chance = random.Random(7)
    found = []
    for _ in range(count):
        at, values = 0.0, []
        for _ in range(points):
            at += chance.gauss(0, 1)
            values.append(at)
        found.append(numpy.array(values))
    return found


def places(values, width, height):
    """Where the points go, as for dupgpu: 2 pixels from the edges."""
    x = numpy.linspace(2, width - 3, len(values))
    low, high = values.min(), values.max()
    return numpy.column_stack([x, height - 3 - (values - low) / (high - low) * (height - 5)])


class Dupgpu:
    name = "dupgpu"

    def __init__(self, width, height):
        self.db = sqlite3.connect(":memory:")
        self.db.enable_load_extension(True)
        self.db.load_extension(str(ROOT / "build" / "dupgpu"))
        size = {"width": width, "height": height}
        self.options = {"PNG": json.dumps(size), "raw": json.dumps(size | {"format": "raw"})}

    def draw(self, values, kind):
        return self.db.execute("SELECT render_line(?, ?)", (values.tobytes(), self.options[kind])).fetchone()[0]


class Matplotlib:
    def __init__(self, width, height):
        self.size = width / 100, height / 100
        self.figure = None

    def make(self, values):
        figure = Figure(figsize=self.size, dpi=100)
        FigureCanvasAgg(figure)
        axes = figure.add_axes([0, 0, 1, 1])
        axes.axis("off")
        line, = axes.plot(values, color="black", linewidth=WIDTH * 0.72)
        return figure, axes, line

    def finish(self, figure, kind):
        if kind == "PNG":
            file = io.BytesIO()
            figure.savefig(file, format="png", dpi=100)
            return file.getvalue()
        figure.canvas.draw()
        return bytes(figure.canvas.buffer_rgba())


class Fresh(Matplotlib):
    name = "matplotlib, fresh figure"

    def draw(self, values, kind):
        return self.finish(self.make(values)[0], kind)


class Reused(Matplotlib):
    name = "matplotlib, reused figure"

    def draw(self, values, kind):
        if self.figure is None:
            self.figure, self.axes, self.line = self.make(values)
        self.line.set_ydata(values)
        self.axes.relim()
        self.axes.autoscale_view()
        return self.finish(self.figure, kind)


class Agg:
    name = "Agg, by matplotlib's renderer"

    def __init__(self, width, height):
        self.renderer = RendererAgg(width, height, 72)
        self.context = self.renderer.new_gc()
        self.context.set_linewidth(WIDTH)
        self.size = width, height

    def draw(self, values, kind):
        self.renderer.clear()
        points = places(values, *self.size)
        points[:, 1] = self.size[1] - points[:, 1]
        self.renderer.draw_path(self.context, Path(points), IdentityTransform())
        pixels = numpy.asarray(self.renderer.buffer_rgba())
        if kind == "raw":
            return pixels.tobytes()
        file = io.BytesIO()
        Image.fromarray(255 - pixels[:, :, 3]).save(file, "PNG", compress_level=1)
        return file.getvalue()


class OpenCV:
    name = "OpenCV, LINE_AA"

    def __init__(self, width, height):
        self.size = width, height

    def draw(self, values, kind):
        width, height = self.size
        pixels = numpy.full((height, width), 255, numpy.uint8)
        points = numpy.round(places(values, width, height) * 16).astype(numpy.int32)
        cv2.polylines(pixels, [points], False, 0, WIDTH, cv2.LINE_AA, 4)
        if kind == "raw":
            return pixels.tobytes()
        return cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()


class Cairo:
    name = "cairo, A8"

    def __init__(self, width, height):
        self.size = width, height
        self.format = cairocffi.FORMAT_A8

    def draw(self, values, kind):
        surface = cairocffi.ImageSurface(self.format if kind == "raw" else cairocffi.FORMAT_RGB24, *self.size)
        context = cairocffi.Context(surface)
        if kind == "PNG":
            context.set_source_rgb(1, 1, 1)
            context.paint()
            context.set_source_rgb(0, 0, 0)
        context.set_line_width(WIDTH)
        context.set_line_join(cairocffi.LINE_JOIN_ROUND)
        for x, y in places(values, *self.size):
            context.line_to(x + 0.5, y + 0.5)
        context.stroke()
        return bytes(surface.get_data()) if kind == "raw" else surface.write_to_png()


class Pillow:
    name = "Pillow, not antialiased"

    def __init__(self, width, height):
        self.size = width, height

    def draw(self, values, kind):
        image = Image.new("L", self.size, 255)
        ImageDraw.Draw(image).line(places(values, *self.size).ravel().tolist(), fill=0, width=WIDTH)
        if kind == "raw":
            return image.tobytes()
        file = io.BytesIO()
        image.save(file, "PNG", compress_level=1)
        return file.getvalue()


METHODS = [Dupgpu, Fresh, Reused, Agg, OpenCV, Cairo, Pillow]


def one_run(method, kind, sequences, count):
    """Pictures a second of processor time, and the mean of their bytes."""
    start, size = time.process_time(), 0
    for i in range(count):
        size += len(method.draw(sequences[i % len(sequences)], kind))
    return count / (time.process_time() - start), size / count


def measure(size, kind, sequences, runs):
    methods = [method(*size) for method in METHODS]
    counts = []
    for method in methods:
        one_run(method, kind, sequences, 2)
        rate, _ = one_run(method, kind, sequences, 4)
        counts.append(max(4, math.ceil(rate * SECONDS / 64) * 64 if rate * SECONDS > 64 else int(rate * SECONDS)))
    rates = [[] for _ in methods]
    sizes = [0.0] * len(methods)
    for _ in range(runs):
        for i, method in enumerate(methods):
            rate, sizes[i] = one_run(method, kind, sequences, counts[i])
            rates[i].append(rate)
    return [(method.name, statistics.median(rates[i]), sizes[i]) for i, method in enumerate(methods)]


def compare(sequences, runs):
    print("| pictures a second and core (bytes) | " + " | ".join(
        f"{kind} {w} x {h}" for w, h in SIZES for kind in ("PNG", "raw")) + " |")
    print("|---" * (1 + 2 * len(SIZES)) + "|")
    columns = []
    for size in SIZES:
        for kind in ("PNG", "raw"):
            column = measure(size, kind, sequences, runs)
            ours = column[0][1]
            columns.append([f"{rate:,.0f} ({size_:,.0f})" + ("" if i == 0 else f", 1/{ours / rate:,.1f}")
                            for i, (_, rate, size_) in enumerate(column)])
    for i, method in enumerate(METHODS):
        print(f"| {method.name} | " + " | ".join(column[i] for column in columns) + " |")


def in_c(sequences, runs):
    """goals.md's figures, in C."""
    program = "build/bench/line_draw"
    subprocess.run(["make", "-s", "-C", ROOT, program], check=True)
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"".join(values.tobytes() for values in sequences))
        file.flush()
        lines = subprocess.run([ROOT / program, file.name, str(runs)], capture_output=True, text=True, check=True).stdout
    for line in lines.splitlines():
        kind, width, height, figure, *size = line.split()
        if kind == "long":
            missed = "" if float(figure) <= 10 else ", MISSED"
            print(f"in C, 1,000,000 points: {figure} ms (goal <= 10 ms{missed})")
            continue
        goal = GOALS.get((kind, (int(width), int(height))))
        verdict = f" (goal >= {goal:,}{'' if int(figure) >= goal else ', MISSED'})" if goal else ""
        print(f"in C, {kind} {width} x {height}: {int(figure):,} a second{verdict}, {int(size[0]):,} bytes")


def million(side):
    count, window = 1_000_000, 100
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder:
        file = pathlib.Path(folder) / "pictures.db"
        db = sqlite3.connect(file, isolation_level=None)
        db.enable_load_extension(True)
        db.load_extension(str(ROOT / "build" / "dupgpu"))
        db.execute("PRAGMA journal_mode = OFF")
        db.execute("PRAGMA synchronous = OFF")
        db.execute("CREATE TABLE prices(ts INTEGER PRIMARY KEY, close REAL)")
        values = numpy.cumsum(numpy.random.default_rng(1).normal(size=count + window - 1))
        db.execute("BEGIN")
        db.executemany("INSERT INTO prices VALUES(?, ?)", enumerate(values.tolist()))
        db.execute("COMMIT")
        db.execute("CREATE TABLE pictures(id INTEGER PRIMARY KEY, image BLOB)")
        wall, processor = time.perf_counter(), time.process_time()
        db.execute("INSERT INTO pictures SELECT id, image FROM line_images('prices', 'close') "
                   "WHERE window = ? AND stride = 1 AND options = ?",
                   (window, json.dumps({"width": side, "height": side})))
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        (made,), = db.execute("SELECT count(*) FROM pictures")
        db.close()
        print(f"{made:,} pictures of {side} x {side} into a database file: {wall:.1f} s on {os.cpu_count()} cores "
              f"({made / wall:,.0f}/s; {processor:.1f} s of processor time), {file.stat().st_size / made:,.0f} bytes each; "
              f"40,000,000 at that rate: {40e6 / made * wall / 3600:.2f} hours")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--million", type=int, nargs="?", const=224, metavar="SIDE")
    given = parser.parse_args()
    print(f"matplotlib {matplotlib.__version__}, OpenCV {cv2.__version__}, cairo {cairocffi.cairo_version_string()}, "
          f"Pillow {Image.__version__}; 100 points, {WIDTH} pixels")
    sequences = walks()
    compare(sequences, given.runs)
    in_c(sequences, given.runs)
    if given.million:
        million(given.million)


if __name__ == "__main__":
    main()
