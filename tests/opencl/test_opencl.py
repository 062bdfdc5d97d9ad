"""What the OpenCL backend says where OpenCL is missing or of no use; and what oclgrind says of the kernels."""

import os
import pathlib
import shutil
import subprocess

import pytest


@pytest.fixture
def look(build):
    """Runs tests/opencl/look.c with changes to the environment; returns its lines as a dict."""
    def run(*arguments, proxy=None, library=None, **changes):
        env = dict(os.environ, **changes)
        env.pop("LD_PRELOAD", None)
        if proxy is not None:
            library, env["DUPGPU_PROXY"] = build / "tests" / "opencl", proxy
        if library is not None:
            env["LD_LIBRARY_PATH"] = str(library)
        done = subprocess.run([build / "tests" / "opencl_look", *arguments], env=env, capture_output=True, text=True,
                              timeout=120)
        assert done.returncode == 0, done.stderr
        return dict(line.split(": ", 1) for line in done.stdout.splitlines())
    return run


def test_a_cpu_is_found_and_opened(look):
    said = look()
    assert said["load"] == said["open 0"] == "ok"
    kind, name, vendor, driver, capability, units, memory = said["device 0"].split(", ")
    assert kind == "cpu" and name and vendor and driver
    assert capability.startswith("OpenCL ") and int(units) > 0 and int(memory) > 1 << 28


def test_gpus_come_first_and_are_called_so(look):
    assert look(proxy="gpu=1")["device 0"].startswith("gpu, ")


def test_a_child_forked_before_any_use_may_use_it(look):
    assert look("fork")["open 0"] == "ok"


def test_a_library_that_is_none(look, tmp_path):
    for name in ("libOpenCL.so.1", "libOpenCL.so"):
        (tmp_path / name).write_text("this is no library, and long enough for its header to be looked at" * 10)
    said = look(library=tmp_path)
    assert list(said) == ["load"]
    assert said["load"].startswith("opencl: ") and "libOpenCL.so.1: invalid ELF header" in said["load"]


def test_a_library_of_something_else(look, tmp_path):
    """A library without OpenCL's functions, as a loader of version 1.0 would lack some."""
    source = tmp_path / "other.c"
    source.write_text("int other(void) { return 0; }\n")
    for name in ("libOpenCL.so.1", "libOpenCL.so"):
        subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / name, source], check=True)
    said = look(library=tmp_path)
    assert "undefined symbol: clGetPlatformIDs; OpenCL 1.2 is needed" in said["load"]


def test_a_loader_without_drivers(look, tmp_path):
    said = look(OCL_ICD_VENDORS=str(tmp_path))
    assert said == {"load": "opencl: clGetPlatformIDs: CL_PLATFORM_NOT_FOUND_KHR (-1001): "
                            "the loader is there, but no driver"}


@pytest.mark.parametrize("orders, words", [
    ("platforms=0", "clGetPlatformIDs: CL_PLATFORM_NOT_FOUND_KHR (-1001): the loader is there, but no driver"),
    ("devices=0", "clGetDeviceIDs: CL_DEVICE_NOT_FOUND (-1)"),
    ("fail=1 code=-6", "clGetPlatformIDs: CL_OUT_OF_HOST_MEMORY (-6)"),
    ("fail=2 code=-32 sticky=1", "clGetDeviceIDs: CL_INVALID_PLATFORM (-32)"),
])
def test_nothing_to_be_found(look, orders, words):
    assert look(proxy=orders) == {"load": f"opencl: {words}"}


@pytest.mark.parametrize("orders, words", [
    ("available=0", "the device is not available"),
    ("compiler=0", "the device has no compiler"),
    ("little=0", "the device is big-endian"),
    ("version=101", 'the device has "OpenCL 1.1 proxy", 1.2 is needed'),
    ("group=128", "the device has groups of at most 128, 256 are needed"),
    ("local=16384", "the device has 16384 bytes of local memory, 32768 are needed"),
])
def test_a_device_that_cannot_run_our_code_is_refused_with_the_reason(look, orders, words):
    said = look(proxy=orders)
    assert said["load"] == "ok" and said["device 0"].startswith("cpu, ")
    assert said["open 0"] == f"opencl: {words}"


def test_a_source_that_does_not_compile_is_refused_with_the_compilers_words(look):
    said = look(proxy="broken=1")
    assert said["open 0"].startswith("opencl: clBuildProgram: CL_BUILD_PROGRAM_FAILURE (-11): ")
    assert "this source is broken" in said["open 0"] and "\n" not in said["open 0"]


@pytest.fixture
def oclgrind(build, tmp_path):
    """Runs the errand (tests/opencl/errand.h) on oclgrind's device, with a search for races and wrong calls.

    Its library stands in for the loader: the command oclgrind preloads it instead, which ends in a crash where a
    program opens the loader by dlopen.
    """
    if "san" in build.parts:
        pytest.skip("the plain build's kernels are the same")
    command = shutil.which("oclgrind")
    assert command, "oclgrind is not installed: see tests/deps.sh"
    library = pathlib.Path(command).resolve().parents[1] / "lib" / "oclgrind" / "liboclgrind-rt.so"
    (tmp_path / "libOpenCL.so.1").symlink_to(library)

    def run(sieve_bits):
        env = dict(os.environ, LD_LIBRARY_PATH=str(tmp_path), OCLGRIND_DATA_RACES="1", OCLGRIND_CHECK_API="1",
                   DUPGPU_CACHE="0")
        return subprocess.run([build / "tests" / "opencl_exercise", str(sieve_bits)], env=env, capture_output=True,
                              text=True, timeout=280)
    return run


# The other sieves are the same source with other constants; DUPGPU_OCLGRIND=all watches them as well.
@pytest.mark.parametrize("sieve_bits", [32, 64, 128, 256] if os.environ.get("DUPGPU_OCLGRIND") == "all" else [64])
def test_oclgrind_finds_no_race_and_no_wrong_call(oclgrind, sieve_bits):
    """64 bits: all operations; the others: COMPARE with that sieve."""
    done = oclgrind(sieve_bits)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
