"""make install, uninstall and dist: what lands where, and that the bare name is found from any folder."""

import os
import pathlib
import subprocess
import tarfile

import pytest

pytestmark = pytest.mark.skipif(os.environ.get("DUPGPU_BUILD") == "build/san",
                                reason="the plain build is what gets installed")


def make(root, *words):
    env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    return subprocess.run(["make", "-s", *words], cwd=root, env=env, capture_output=True, text=True, check=True).stdout


def tree(folder):
    return sorted(path.relative_to(folder).as_posix() for path in pathlib.Path(folder).rglob("*") if path.is_file())


def system_library_folder():
    multiarch = subprocess.run(["cc", "-print-multiarch"], capture_output=True, text=True).stdout.strip()
    return pathlib.Path("/usr/lib") / multiarch


def test_destdir(root, tmp_path):
    make(root, "install", f"DESTDIR={tmp_path}")
    library = system_library_folder().as_posix().lstrip("/")
    scripts = [f"usr/share/dupgpu/{path.name}" for path in (root / "sql").iterdir() if path.is_file()]
    assert tree(tmp_path) == sorted([f"{library}/dupgpu.so", f"{library}/pkgconfig/dupgpu.pc", "usr/include/dupgpu.h",
                                     *scripts])
    make(root, "uninstall", f"DESTDIR={tmp_path}")
    assert tree(tmp_path) == []


def test_prefix_and_libdir(root, tmp_path, shell):
    make(root, "install", f"PREFIX={tmp_path}/own", f"LIBDIR={tmp_path}/lib")
    assert (tmp_path / "lib" / "dupgpu.so").exists() and (tmp_path / "own" / "include" / "dupgpu.h").exists()
    loaded = shell(f"SELECT load_extension('{tmp_path}/lib/dupgpu'); SELECT hamming(0, 1);", load=False)
    assert loaded.split() == ["1"]
    env = dict(os.environ, PKG_CONFIG_PATH=f"{tmp_path}/lib/pkgconfig")

    def described(question):
        return subprocess.run(["pkg-config", question, "dupgpu"], env=env, capture_output=True, text=True,
                              check=True).stdout.strip()

    assert described("--variable=extension") == f"{tmp_path}/lib/dupgpu.so"
    assert described("--modversion") == shell("SELECT dupgpu_version();").strip()
    make(root, "uninstall", f"PREFIX={tmp_path}/own", f"LIBDIR={tmp_path}/lib")
    assert tree(tmp_path) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="writes to the system folder, so it needs root")
def test_bare_name_from_any_folder(root, shell, tmp_path):
    target = system_library_folder() / "dupgpu.so"
    if target.exists():
        pytest.skip(f"{target} is there already; make uninstall first to have this tested")
    try:
        make(root, "install")
        assert shell("SELECT load_extension('dupgpu'); SELECT hamming(0, 3);", load=False,
                     folder=tmp_path).split() == ["2"]
    finally:
        make(root, "uninstall")
    for path in (target, "/usr/include/dupgpu.h", "/usr/share/dupgpu", target.parent / "pkgconfig" / "dupgpu.pc"):
        assert not pathlib.Path(path).exists(), path


@pytest.mark.skipif(not (pathlib.Path(__file__).resolve().parents[2] / ".git").exists(), reason="needs the repository")
def test_dist(root):
    name = make(root, "dist").strip()
    with tarfile.open(root / name) as archive:
        names = {entry.split("/", 1)[1] for entry in archive.getnames() if "/" in entry}
    assert {"Makefile", "README.md", "LICENSE", "ext/dupgpu.h", "sql/make_catalogue.sql"} <= names
    assert not [entry for entry in names if entry.startswith("build/")]
