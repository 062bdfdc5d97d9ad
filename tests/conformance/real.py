"""Real pictures, from Debian packages. A package that is missing is a failure."""

import hashlib
import pathlib
import subprocess

PACKAGES = ("palapeli-data", "lomiri-wallpapers-16.04", "plasma-workspace-wallpapers", "endless-sky-high-dpi",
            "python3-sklearn")


def package_files(package):
    listing = subprocess.run(["dpkg", "-L", package], capture_output=True, text=True, check=True).stdout
    paths = (pathlib.Path(line) for line in listing.splitlines())
    return [path for path in paths if path.suffix.lower() in (".jpg", ".jpeg", ".png") and path.is_file()]


def files(packages=PACKAGES):
    """Paths of all pictures of the packages, links and other copies left out, the largest first."""
    paths, seen = [], set()
    for package in packages:
        for path in package_files(package):
            digest = hashlib.sha256(path.read_bytes()).digest()
            if digest not in seen:
                seen.add(digest)
                paths.append(path)
    return sorted(paths, key=lambda path: -path.stat().st_size)


def photographs():
    """JPEG files: photographs and a few paintings."""
    found = files(("lomiri-wallpapers-16.04", "plasma-workspace-wallpapers", "palapeli-data", "python3-sklearn"))
    return [path for path in found if path.suffix == ".jpg"]
