"""Fused multiply-adds would change hashes, and gcc has formed them against -ffp-contract=off: look at the machine code."""

import re
import subprocess

import pytest


@pytest.mark.parametrize("name", ("dct", "haar", "lanczos", "median", "hash"))
def test_no_fused_multiply_add(build, name):
    path = build / "kernels" / "image" / f"{name}.o"
    assert path.exists(), f"{path} has not been built: run make"
    code = subprocess.run(["objdump", "-d", path], capture_output=True, text=True, check=True).stdout
    assert "<dg_" in code
    assert re.findall(r"\b(?:vfn?m(?:add|sub)\w*|fn?m(?:add|sub|la|ls))\b.*", code) == []
