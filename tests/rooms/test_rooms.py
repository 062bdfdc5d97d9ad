"""The rules of the house: what each room may hold and use, and what the finished extension may show and need."""

import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = sorted(path for folder in ("ext", "vtab", "kernels") for path in (ROOT / folder).rglob("*.[chS]"))
TOP = {"Makefile", "ext", "kernels", "vtab", "sql", "tests", "README.md", "LICENSE", ".ci", ".gitignore",
       ".clang-format"}
NOT_OURS = {".git", "build", "dist", "shared"}
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
needs_plain_build = pytest.mark.skipif(os.environ.get("DUPGPU_BUILD") == "build/san",
                                       reason="the sanitisers add symbols and libraries of their own")


def room(path):
    return path.relative_to(ROOT).as_posix()


def code(path):
    return COMMENT.sub(" ", path.read_text())


def users(pattern, *allowed):
    """Sources outside the allowed rooms whose code matches."""
    return [room(path) for path in SOURCES
            if not room(path).startswith(allowed) and re.search(pattern, code(path), re.MULTILINE)]


def run(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True).stdout


def objects(build, *rooms):
    found = sorted(path for name in rooms for path in (build / name).rglob("*.o"))
    assert found, f"nothing built in {rooms}"
    return found


def symbols(*paths_and_options):
    """The names nm lists, of one file or of all that are given."""
    lines = run("nm", *paths_and_options).splitlines()
    return {line.split()[-1] for line in lines if line.split() and not line.endswith(":")}


def test_there_are_sources():
    assert len(SOURCES) > 10 and {room(path).split("/")[0] for path in SOURCES} == {"ext", "vtab", "kernels"}


def test_top_level():
    assert {path.name for path in ROOT.iterdir()} - NOT_OURS <= TOP


def test_sqlite_stays_in_ext_and_vtab():
    assert users(r"#\s*include.*sqlite3", "ext/", "vtab/") == []
    assert users(r"\bsqlite3_", "ext/", "vtab/") == []


def test_only_the_extension_interface_is_included():
    """sqlite3.h would bind to a linked library; sqlite3ext.h goes through the host's table."""
    for path in SOURCES:
        for include in re.findall(r'#\s*include\s*[<"]([^>"]*sqlite3[^>"]*)', code(path)):
            assert include == "sqlite3ext.h" or room(path) == "ext/dupgpu.h", (room(path), include)


def test_threads_and_drivers_stay_in_the_backends():
    backends = ("kernels/cpu/", "kernels/cuda/", "kernels/opencl/")
    assert users(r"#\s*include\s*<omp\.h>|#\s*pragma\s+omp|\bomp_\w+\(", *backends) == []
    assert users(r"\bdl(open|sym|close)\s*\(|dlfcn\.h", *backends) == []
    assert users(r"\bCU(device|context|result)\b|\bcl_(device|context|mem)\b", *backends) == []


def test_picture_libraries_stay_in_image():
    assert users(r"#\s*include\s*<(jpeglib|jerror|png|zlib)\.h>", "kernels/image/") == []


def test_the_reference_is_for_tests_only():
    assert users(r"#\s*include.*\breference/", "kernels/reference/") == []
    for path in (ROOT / "kernels" / "reference").glob("*.[ch]"):
        for include in re.findall(r'#\s*include\s*"([^"]*)"', code(path)):
            assert "/" not in include or include in ("../error.h", "../image/image.h"), (room(path), include)


def test_kernels_do_not_know_the_rooms_above():
    for path in SOURCES:
        includes = re.findall(r'#\s*include\s*"([^"]*)"', code(path))
        if room(path).startswith("kernels/"):
            assert not [name for name in includes if "ext/" in name or "vtab/" in name], room(path)
        else:
            assert not [name for name in includes if re.search(r"kernels/(cpu|cuda|opencl|reference|device)/", name)], \
                room(path)


def test_no_file_is_too_long():
    suffixes = {".c", ".h", ".py", ".sh", ".sql"}
    files = SOURCES + [path for folder in ("tests", "sql") for path in (ROOT / folder).rglob("*")
                       if path.suffix in suffixes]
    long = {room(path): lines for path in files if (lines := path.read_text().count("\n")) > 800}
    assert long == {}


@needs_plain_build
def test_kernels_neither_print_nor_end_the_process(build):
    forbidden = {"printf", "fprintf", "vprintf", "vfprintf", "puts", "fputs", "putchar", "fwrite", "perror", "stdout",
                 "stderr", "abort", "exit", "_exit", "_Exit", "quick_exit", "raise", "signal", "sigaction",
                 "__assert_fail", "setlocale", "fesetround", "__printf_chk", "__fprintf_chk", "system", "popen"}
    used = symbols("-u", *objects(build, "kernels", "vtab", "ext"))
    assert not used & forbidden


@needs_plain_build
def test_every_global_symbol_has_our_prefix(build):
    names = symbols("-g", "--defined-only", *objects(build, "kernels", "ext", "vtab"))
    assert {name for name in names if not name.startswith("dg_")} <= {"sqlite3_dupgpu_init", "sqlite3_api"}


@needs_plain_build
def test_one_exported_symbol(build):
    assert symbols(build / "dupgpu.so", "-D", "--defined-only") == {"sqlite3_dupgpu_init"}


@needs_plain_build
def test_the_reference_is_not_linked_in(build):
    theirs = symbols("-g", "--defined-only", *objects(build, "kernels/reference"))
    assert not theirs & symbols(build / "dupgpu.so", "--defined-only")


@needs_plain_build
def test_needed_libraries(build):
    needed = re.findall(r"\(NEEDED\).*\[(.*?)\.so", run("readelf", "-dW", build / "dupgpu.so"))
    assert set(needed) <= {"libjpeg", "libpng16", "libz", "libgomp", "libm", "libc"}, needed


@needs_plain_build
def test_it_is_marked_as_it_must_be_loaded(build):
    dynamic = run("readelf", "-dW", build / "dupgpu.so")
    assert "NODELETE" in dynamic and "NOW" in dynamic and "TEXTREL" not in dynamic
    headers = run("readelf", "-lW", build / "dupgpu.so")
    assert re.search(r"GNU_STACK .* RW +0x", headers) and "GNU_RELRO" in headers


@needs_plain_build
def test_size(build, tmp_path):
    """Under 1 MB without debug information and device code."""
    run("strip", "-o", tmp_path / "stripped.so", build / "dupgpu.so")
    image = (ROOT / "build" / "cuda" / "image").stat().st_size
    assert (tmp_path / "stripped.so").stat().st_size - image < 1_000_000


@needs_plain_build
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="instruction names are those of x86-64")
def test_no_fused_multiply_add_in_the_image_code(build):
    """One rounding instead of two changes hashes of symmetric pictures."""
    for path in objects(build, "kernels/image"):
        assert not re.findall(r"\bvfn?m(?:add|sub)\w*", run("objdump", "-d", path)), path


@needs_plain_build
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="instruction names are those of x86-64")
def test_the_baseline_is_any_x86_64(build):
    """No instruction newer than x86-64-v1, but in kernels/cpu and in files that ask the processor first."""
    for path in objects(build, "kernels", "ext", "vtab"):
        source = ROOT / path.relative_to(build).with_suffix(".c")
        if "/kernels/cpu/" not in path.as_posix() and "__builtin_cpu_supports" not in source.read_text():
            assert not re.findall(r"%[yz]mm\d|\bpopcnt\b", run("objdump", "-d", path)), path
