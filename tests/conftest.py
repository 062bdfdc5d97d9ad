"""What all tests share: where the build is, how the extension is loaded, and the C test programs as test items.

Every C file tests/**/test_*.c is a cmocka program. `make` builds it as BUILD/tests/NAME; `NAME --list` prints its
tests, one a line, and `NAME TEST` runs one. Each becomes a pytest item, once for the plain build and once for the one under
ASan and UBSan (SAN). With DUPGPU_BUILD=build/san only the latter exists.
"""

import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / os.environ.get("DUPGPU_BUILD", "build")
SAN_BUILD = ROOT / "build" / "san"
EXTENSION = BUILD / "dupgpu.so"
HANG_GUARD = 300  # seconds after which a C test counts as hung
# These take minutes under sanitizers, and what they run is run so by others: kernels/gpu by test_device and test_gpu_door on the
# emulator, the drivers by test_cuda and test_opencl_driver, the engine's falling back by test_place_faults.
PLAIN_ONLY = {"test_opencl_faults", "test_device_faults", "test_gpu"}


def sanitizer_environment():
    env = dict(os.environ, ASAN_OPTIONS="detect_leaks=1", UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1",
               LSAN_OPTIONS=f"suppressions={ROOT / 'tests' / 'leaks.txt'}:print_suppressions=0")
    env.pop("LD_PRELOAD", None)
    return env


class CProgram(pytest.File):
    def collect(self):
        builds = [SAN_BUILD] if BUILD == SAN_BUILD else [BUILD, SAN_BUILD]
        for build in builds[:1] if self.path.stem in PLAIN_ONLY else builds:
            mark = "[san]" if build == SAN_BUILD else ""
            program = build / "tests" / self.path.stem
            if not program.exists():
                yield CTest.from_parent(self, name=f"is_built{mark}", program=program, test=None)
                continue
            listing = subprocess.run([program, "--list"], capture_output=True, text=True, timeout=HANG_GUARD,
                                     env=sanitizer_environment(), check=True)
            for test in listing.stdout.split():
                yield CTest.from_parent(self, name=test + mark, program=program, test=test)


class CTest(pytest.Item):
    def __init__(self, *, program, test, **arguments):
        super().__init__(**arguments)
        self.program = program
        self.test = test

    def runtest(self):
        if self.test is None:
            raise CFailure(f"{self.program} has not been built: run make core-tests, and make core-tests SAN=1")
        done = subprocess.run([self.program, self.test], capture_output=True, text=True, errors="replace",
                              timeout=HANG_GUARD, env=sanitizer_environment(), cwd=ROOT)
        if done.returncode:
            raise CFailure(f"{self.program.name} {self.test}: status {done.returncode}\n{done.stdout}{done.stderr}")

    def repr_failure(self, excinfo, style=None):
        if isinstance(excinfo.value, CFailure):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self):
        return self.path, None, self.name


class CFailure(Exception):
    """A C test that failed; its text is the program's own output."""


def pytest_collect_file(file_path, parent):
    if file_path.suffix == ".c" and file_path.name.startswith("test_"):
        return CProgram.from_parent(parent, path=file_path)


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def build():
    return BUILD


@pytest.fixture(scope="session")
def extension():
    """Path of the extension for load_extension, without its suffix."""
    assert EXTENSION.exists(), f"{EXTENSION} has not been built: run make"
    return str(EXTENSION.with_suffix(""))
