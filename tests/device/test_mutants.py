"""Faults put into the device code, one at a time: the tests of tests/device must notice each of them.

A mutant is one text replaced in one file. It is built for the host as the emulator is, linked with the rest of
the program that has the test named for it, which must fail when it is run.
"""

import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# (file of kernels/device, text, what it becomes, the test that should fail)
MUTANTS = [
    ("bits.inc.h", "(x & y) | (x & z) | (y & z)", "(x & y) | (x & z)", "tiles_of_every_sieve"),
    ("bits.inc.h", "4 * DG_BITS_32(four)", "2 * DG_BITS_32(four)", "nearest_of_every_width"),
    ("bits.inc.h", "offset + width > 64", "offset + width > 65", "partitions_with_every_sieve"),
    ("partition.inc.h", "rows[i] = a.begin + (uint32_t)i", "rows[i] = (uint32_t)i", "partitions_of_every_shape"),
    ("partition.inc.h", "before += sum[DG_GROUP - 1]", "before = sum[DG_GROUP - 1]", "partitions_many_rows"),
    ("partition.inc.h", "for (uint32_t d = 0; d < l; d++) at", "for (uint32_t d = 1; d < l; d++) at",
     "partitions_of_hard_sizes"),
    ("partition.inc.h", "if (value < v)", "if (value <= v)", "finds_the_offsets_of_sorted_rows"),
    ("partition.inc.h", "row[a.sieve_word[w]]", "row[w]", "partitions_with_every_sieve"),
    ("compare.inc.h", "<= radius) return 1", "< radius) return 1", "buckets_of_every_shape"),
    ("compare.inc.h", "> arguments->threshold) return 0", ">= arguments->threshold) return 0",
     "tiles_of_every_shape"),
    ("compare.inc.h", "arguments->self && row_a > row_b", "0", "tiles_of_indexed_rows"),
    ("compare.inc.h", "if (at >= arguments->capacity)", "if (at > arguments->capacity)",
     "counts_past_the_capacity"),
    ("sieve.inc.h", "near |= (uint32_t)(best[r] <= arguments.threshold) << r",
     "near |= (uint32_t)(best[r] < arguments.threshold) << r", "tiles_of_every_shape"),
    ("sieve.inc.h", "if (diagonal && y0 + k <= x) continue;", "if (diagonal && y0 + k < x) continue;",
     "tiles_of_every_shape"),
    ("sieve.inc.h", "if (diagonal && y0 + n <= x0) return;", "if (diagonal && y0 <= x0) return;",
     "tiles_of_every_shape"),
    ("sieve.inc.h", "if (arguments.self && u < v) continue;", "", "buckets_of_every_shape"),
    ("sieve.inc.h", "u == v ? p + 1", "u == v ? p", "buckets_of_every_shape"),
    ("bitonic.inc.h", "length - 1 - t % (length / 2)", "length / 2 + t % (length / 2)", "sorts_many_hits"),
    ("bitonic.inc.h", "if (high >= n || key[low] <= key[high]) continue;", "if (key[low] <= key[high]) continue;",
     "sorts_many_hits"),
    ("bitonic.inc.h", "s < segment; s++) before", "s + 1 < segment; s++) before", "tiles_of_every_shape"),
    ("histogram.inc.h", "q + c <= p + r", "q + c < p + r", "histograms_of_hard_sizes"),
    ("histogram.inc.h", "d * copies + l % copies", "d * copies + l % 32", "histograms_of_every_width"),
    ("histogram.inc.h", "if (diagonal && q + nq <= p) continue;", "if (diagonal && q < p + 64) continue;",
     "histograms_of_hard_sizes"),
    ("nearest.inc.h", "bound[q] = a.limit + 1;", "bound[q] = a.limit;", "nearest_of_every_shape"),
    ("nearest.inc.h", "distance[q] < bound[q]", "distance[q] <= bound[q]", "nearest_of_every_shape"),
    ("nearest.inc.h", "left[0] = wanted - before;", "left[0] = wanted;", "nearest_of_every_shape"),
    ("nearest.inc.h", "DG_MINE(held, l) <= cut[0]", "DG_MINE(held, l) < cut[0]", "nearest_of_every_shape"),
    ("resize.inc.h", "(sum + (1u << 21)) >> 22", "sum >> 22", "pictures_of_every_shape"),
    ("bits.inc.h", "table[middle].first <= group", "table[middle].first < group", "pictures_of_every_shape"),
    ("resize.inc.h", "k += DG_GROUP / DG_RESIZE_COLUMNS", "k += DG_RESIZE_COLUMNS", "pictures_of_every_shape"),
    ("phash.inc.h", "(low[k] == low[i] && k < i)", "(low[k] == low[i] && k <= i)", "pictures_of_every_shape"),
    ("phash.inc.h", "low[i - padding] > median", "low[i - padding] >= median", "pictures_of_every_shape"),
    ("phash.inc.h", "planes + (uint64_t)(a.plane + p)", "planes + (uint64_t)p", "pictures_of_every_shape"),
    ("blocks.inc.h", "(uint64_t)(a.plane + group / many)", "(uint64_t)(group / many)", "pictures_of_every_shape"),
    ("blocks.inc.h", "y += DG_GROUP / across", "y += DG_GROUP", "pictures_of_every_shape"),
    ("blocks.inc.h", "x = l % across", "x = l", "pictures_of_every_shape"),
    ("blocks.inc.h", "block / a.along * size * a.side", "block / a.along * a.side", "pictures_of_every_shape"),
    ("prelude.h", "dg_left > 0", "dg_left > 1", "pictures_of_every_shape"),
    ("blocks.inc.h", "sums[group] = sum[0]", "sums[DG_GROUP_NUMBER] = sum[0]", "pictures_of_every_shape"),
    ("render.inc.h", "along >= 0 && ", "", "lines_of_every_shape"),
    ("render.inc.h", "(int32_t)a.reach + 64", "0", "lines_of_every_shape"),
    ("render.inc.h", "from += DG_GROUP", "from += DG_GROUP + 1", "lines_of_every_shape"),
    ("render.inc.h", "<= square) root", "< square) root", "lines_of_every_shape"),
    ("quality.inc.h", "return i ? i - 1 : dg_least(1, side - 1);", "return i ? i - 1 : 0;", "metrics_of_every_shape"),
    ("quality.inc.h", "x > 0 && x + 1 < width && y > 0", "x > 0 && x + 1 < width", "metrics_of_every_shape"),
    ("quality.inc.h", "b[1] <= 5 ||", "b[1] < 5 ||", "metrics_of_every_shape"),
    ("bits.inc.h", "(before + low < before)", "0", "metrics_of_every_shape"),
    ("quality.inc.h", "negative ? 0xFFFFFFFF : 0", "0", "metrics_of_every_shape"),
    ("quality.inc.h", "!pass.last && x % 2", "x % 2", "metrics_of_every_shape"),
    ("nearest.inc.h", "keys + DG_NEAREST_STEP <= a.room", "keys + 1 <= a.room", "nearest_of_many_neighbours"),
]

# The program that has a test, where it is not test_device.
PROGRAMS = {"pictures_of_every_shape": "test_pictures", "metrics_of_every_shape": "test_pictures",
            "lines_of_every_shape": "test_lines"}


@pytest.fixture(scope="module")
def parts(build):
    """The objects of the programs, without the emulator and the one that holds the tests."""
    if os.environ.get("DUPGPU_BUILD") == "build/san":
        pytest.skip("mutants are built plainly")
    kernels = [path for path in (build / "kernels").rglob("*.o") if "reference" not in path.parts]
    tests = [build / "tests" / f"{name}.o" for name in ("device/side_by_side", "device/picture_check", "device/line_check",
                                                        "device/emulated", "core/columns", "emulator/driver")]
    assert all(path.exists() for path in tests), "not built: run make core-tests"
    return kernels + tests


def link(parts, emulator, program):
    libraries = ["-ljpeg", "-lpng", "-lz", "-lm", "-fopenmp", "-lcmocka"]
    subprocess.run(["cc", "-o", program, emulator, *parts, *libraries], check=True)


def compile_emulator(tree, out):
    subprocess.run(["cc", "-std=gnu11", "-O1", "-w", "-c", "-o", out, tree / "tests/emulator/emulator.c"], check=True)


@pytest.mark.parametrize("file, text, instead, test", MUTANTS, ids=[f"{m[0]}:{m[1]}" for m in MUTANTS])
def test_mutant_is_noticed(build, parts, tmp_path, file, text, instead, test):
    shutil.copytree(ROOT / "kernels" / "device", tmp_path / "kernels" / "device")
    shutil.copytree(ROOT / "tests" / "emulator", tmp_path / "tests" / "emulator")
    path = tmp_path / "kernels" / "device" / file
    source = path.read_text()
    assert source.count(text) == 1, f"{file} has not exactly one {text!r}"
    path.write_text(source.replace(text, instead))
    compile_emulator(tmp_path, tmp_path / "emulator.o")
    program = PROGRAMS.get(test, "test_device")
    link([build / f"tests/device/{program}.o", *parts], tmp_path / "emulator.o", tmp_path / "mutant")
    done = subprocess.run([tmp_path / "mutant", test], capture_output=True, timeout=60, check=False)
    assert done.returncode not in (0, 2), f"{test} did not notice it"  # 2: there is no such test
