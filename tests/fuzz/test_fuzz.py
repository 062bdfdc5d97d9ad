"""The fuzzers, each for some seconds from a printed seed, and files damaged on purpose through the sanitised extension.

DUPGPU_FUZZ_SECONDS sets how long; `make fuzz` runs them without end to their findings.
"""

import os
import random
import subprocess

import pytest

SECONDS = int(os.environ.get("DUPGPU_FUZZ_SECONDS", "4"))
FUZZERS = ("fuzz_jpeg", "fuzz_png", "fuzz_info")

pytestmark = pytest.mark.skipif(os.environ.get("DUPGPU_BUILD") == "build/san", reason="the fuzzers are sanitised")


@pytest.mark.parametrize("name", FUZZERS)
def test_fuzzer(root, tmp_path, name):
    program = root / "build" / "fuzz" / name
    assert program.exists(), "not built: run make fuzzers"
    seed = random.randrange(1, 2**31)
    print(f"{name} -seed={seed}")
    done = subprocess.run([program, f"-seed={seed}", f"-max_total_time={SECONDS}", "-max_len=8192", "-timeout=20",
                           f"-dict={root / 'tests/fuzz/picture.dict'}", "-rss_limit_mb=1024", "-print_final_stats=1",
                           tmp_path, root / "tests/golden/pictures"],
                          cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=SECONDS + 120)
    assert done.returncode == 0, f"{name} -seed={seed}\n{done.stderr[-6000:]}"
