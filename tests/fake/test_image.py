"""The image of the device code: each way to make it, and what is said about it."""

import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "kernels" / "cuda" / "image.sh"
TOOLKIT = "/usr/local/cuda/bin"


def make(folder, way, nvcc="", clang="", source=ROOT / "kernels" / "device" / "kernels.c"):
    done = subprocess.run([SCRIPT, folder, way, source], capture_output=True, text=True, timeout=300,
                          env={"PATH": f"/usr/bin:/bin:{TOOLKIT}", "NVCC": nvcc, "CLANG": clang})
    lines = done.stdout.splitlines()
    targets = folder / "targets"
    return done, lines, targets.read_text() if targets.exists() else None


def tool(name):
    path = shutil.which(name) or shutil.which(name, path=TOOLKIT)
    if not path:
        pytest.skip(f"there is no {name}")
    return path


def test_nothing_to_make_it_with(tmp_path):
    done, lines, targets = make(tmp_path, "auto")
    assert done.returncode == 0 and targets == "none" and (tmp_path / "image").read_bytes() == b""
    assert lines == ["cuda: not built in: neither nvcc nor clang was found"]


def test_compilers_that_fail(tmp_path):
    done, lines, targets = make(tmp_path, "auto", "/bin/false", "/bin/false")
    assert done.returncode == 0 and targets == "none"
    assert lines == ["cuda: not built in: neither nvcc nor clang could compile the device code"]
    for way in ("nvcc", "clang"):
        assert make(tmp_path, way, "/bin/false", "/bin/false")[0].returncode == 1


def test_a_way_there_is_not(tmp_path):
    done, _, targets = make(tmp_path, "gcc")
    assert done.returncode == 1 and targets is None and "'gcc', not auto, nvcc, clang or none" in done.stderr


def test_none(tmp_path):
    done, lines, targets = make(tmp_path, "none", "/bin/false")
    assert done.returncode == 0 and targets == "none" and lines == ["cuda: not built in: CUDA=none"]


def test_clang(tmp_path):
    done, lines, targets = make(tmp_path, "clang", clang=tool("clang"))
    assert done.returncode == 0 and targets == "compute_50", done.stderr
    assert len(lines) == 1 and lines[0].startswith("cuda: PTX by clang version ")
    text = (tmp_path / "image").read_text()
    assert ".version 6.0" in text and ".entry dg_kernel_keys(" in text
    first = (tmp_path / "image").read_bytes()
    make(tmp_path, "clang", clang=tool("clang"))
    assert (tmp_path / "image").read_bytes() == first


def test_the_ptx_of_clang_assembles(tmp_path):
    ptxas = tool("ptxas")
    make(tmp_path, "clang", clang=tool("clang"))
    listing = subprocess.run([ptxas, "-arch=sm_90", "-o", tmp_path / "cubin", tmp_path / "image"],
                             capture_output=True, text=True)
    assert listing.returncode == 0, listing.stderr


def test_nvcc(tmp_path):
    source = tmp_path / "small.c"
    source.write_text('extern "C" __global__ void dg_kernel_keys(float *x) { x[0] = x[1] * x[2] + x[3]; }')
    done, lines, targets = make(tmp_path, "auto", nvcc=tool("nvcc"), source=source)
    assert done.returncode == 0 and len(lines) == 1 and lines[0].startswith("cuda: machine code by nvcc ")
    assert lines[0].endswith(": " + targets)
    words = targets.split()
    assert "sm_90" in words and len(words) == len(set(words))
    assert [word for word in words if word.startswith("compute_")] == words[-2:]
    image = (tmp_path / "image").read_bytes()
    assert image[:4] == bytes.fromhex("50ed55ba")
    make(tmp_path, "auto", nvcc=tool("nvcc"), source=source)
    assert (tmp_path / "image").read_bytes() == image
