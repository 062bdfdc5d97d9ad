"""`make gpu-bundle` and check.sh, on small tables and the libcuda.so.1 of tests/fake."""

import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
pytestmark = pytest.mark.skipif(os.environ.get("DUPGPU_BUILD") == "build/san", reason="the bundle is of the plain build")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gpu") / "bundle"
    subprocess.run(["make", "gpu-bundle", f"GPU_BUNDLE={folder}"], cwd=ROOT, check=True, timeout=600,
                   capture_output=True)
    return folder


def check(bundle, report, *, fake=("fake",), **variables):
    env = dict(os.environ, DUPGPU_GPU_CHECK_ROWS="3000", OCL_ICD_VENDORS="/nowhere", **variables)
    env.pop("DUPGPU_BUILD", None)
    if fake:
        env["LD_LIBRARY_PATH"] = ":".join(str(BUILD / "tests" / name) for name in fake)
    done = subprocess.run(["sh", bundle / "check.sh", report], capture_output=True, text=True, timeout=560, env=env)
    return done, report.read_text()


def test_bundle_carries_what_is_needed(bundle):
    names = {path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()}
    assert {"check.sh", "same.sql", "commit", "bin/dupgpu.so", "bin/sqlite3", "bin/test_gpu", "bin/rates",
            "bin/join_engine", "bin/nearest_engine"} <= names
    assert any("libgomp" in name for name in names) and any("libjpeg" in name for name in names)
    assert not any("libc.so" in name or "libcuda" in name for name in names)
    assert sum(path.stat().st_size for path in bundle.rglob("*")) < 64 << 20


def test_everything_passes_on_the_fake(bundle, tmp_path):
    if "none" in (BUILD / "cuda" / "targets").read_text():
        pytest.skip("built without CUDA kernels")
    done, report = check(bundle, tmp_path / "report.md",
                         DUPGPU_GPU_CHECK_STEPS="machine devices opencl sql memory fallback sanitizer joins nearest")
    assert done.returncode == 0, report
    assert "FAILED" not in report and "Fake GPU 0" in report
    for title in ("The machine", "The same rows in the same order", "Tables larger than the memory limit", "Joins"):
        assert f"## {title}" in report


def test_drift_of_nvjpeg(bundle, tmp_path):
    if "none" in (BUILD / "cuda" / "targets").read_text():
        pytest.skip("built without CUDA kernels")

    def report(*fake, **variables):
        return check(bundle, tmp_path / "report.md", fake=("fake", *fake), DUPGPU_GPU_CHECK_STEPS="nvjpeg",
                     DUPGPU_GPU_CHECK_PICTURES=str(bundle / "pictures"), **variables)

    for path in (bundle / "pictures" / "photographs").iterdir():
        path.unlink()
    done, text = report("nvjpeg")
    assert done.returncode == 0 and "| phash | 27 | 27 | 0.00 | 0 |" in text and "| dhash | 27 | 27 | 0.00 | 0 |" in text
    assert "- 1 of 34: nvjpeg: truncated" in text
    for other in ({"FAKE_NVJPEG_DRIFT": "9"}, {"FAKE_NVJPEG_OTHER_WAY": "1"}):
        done, text = report("nvjpeg", **other)
        assert done.returncode == 0 and "| phash | 27 |" in text and "| phash | 27 | 27 |" not in text
    done, text = report("nvjpeg", FAKE_NVJPEG_FAIL="1:7")
    assert done.returncode == 1 and "NVJPEG_STATUS_ARCH_MISMATCH (7)" in text
    done, text = report()
    assert done.returncode == 0 and "Not tried: " in text and "libnvjpeg.so: cannot open shared object file" in text


def test_a_wrong_device_is_found_out(bundle, tmp_path):
    if "none" in (BUILD / "cuda" / "targets").read_text():
        pytest.skip("built without CUDA kernels")
    done, report = check(bundle, tmp_path / "report.md", DUPGPU_GPU_CHECK_STEPS="devices", FAKE_CUDA_CORRUPT="1")
    assert done.returncode == 1 and "FAILED" in report and "self-test" in report


def test_a_machine_without_a_gpu_is_a_failure(bundle, tmp_path):
    if pathlib.Path("/dev/nvidiactl").exists():
        pytest.skip("this machine has one")
    done, report = check(bundle, tmp_path / "report.md", fake=(), DUPGPU_GPU_CHECK_STEPS="machine devices cuda")
    assert done.returncode == 2 and "libcuda.so.1: cannot open shared object file" in report


def test_a_step_that_does_not_end_is_stopped(bundle, tmp_path):
    done, report = check(bundle, tmp_path / "report.md", DUPGPU_GPU_CHECK_STEPS="joins machine",
                         DUPGPU_GPU_CHECK_SECONDS="1")
    assert "FAILED: not done after 1 s" in report and done.returncode >= 1
