"""The SQL tests of bad input and of the functions once more, with extension and host process under ASan and UBSan.

`make test SAN=1` does so with all of them; this keeps a plain `make test` honest in less time.
"""

import os
import subprocess
import sys

import pytest

FILES = ("test_functions.py", "test_images.py", "test_sources.py", "test_pairs_in_sql.py", "test_column_cache.py",
         "test_nearest_join.py", "test_pictures.py", "test_image_hashes.py", "test_image_files.py",
         "test_hash_index_damage.py", "test_hash_index_random.py")


@pytest.mark.skipif(os.environ.get("DUPGPU_BUILD") == "build/san", reason="all tests run sanitised already")
@pytest.mark.parametrize("file", FILES)
def test_under_sanitisers(root, file):
    assert (root / "build" / "san" / "dupgpu.so").exists(), "not built: run make SAN=1"
    library = subprocess.run(["cc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    env.update(DUPGPU_BUILD="build/san", LD_PRELOAD=library.stdout.strip(), ASAN_OPTIONS="detect_leaks=0",
               UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1")
    done = subprocess.run([sys.executable, "-m", "pytest", "-k", "debian", f"tests/sql/{file}"], cwd=root, env=env,
                          capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-8000:]
