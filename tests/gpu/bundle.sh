#!/bin/sh
# Collects what tests/gpu/check.sh needs on a machine that has a GPU and little else.
#
#   bundle.sh FOLDER FILE...
#
# FOLDER/bin gets the files and the sqlite3 shell, FOLDER/lib the shared libraries they need, but those of libc, which
# belong together with the loader, and the drivers'. FOLDER/pictures gets the JPEG files that were made for tests and, where
# they are installed, the photographs of the demo. FOLDER/commit says what it was made from.
set -eu
folder=$1
shift
shell=$(command -v sqlite3)
rm -rf "$folder"
mkdir -p "$folder/bin" "$folder/lib"
cp "$@" "$shell" "$folder/bin"
strip "$folder"/bin/* 2>/dev/null || true
ldd "$@" "$shell" | sed -n 's/.* => \(\/[^ ]*\).*/\1/p' | sort -u | while read -r library; do
    case ${library##*/} in
    libc.so.* | libm.so.* | libpthread.so.* | libdl.so.* | librt.so.* | ld-linux* | libcuda.* | libOpenCL.*) ;;
    *) cp -L "$library" "$folder/lib" ;;
    esac
done
# OpenCL's loader and where it finds NVIDIA's, for machines that have the driver only.
loader=$(ldconfig -p 2>/dev/null | sed -n 's/.*libOpenCL\.so\.1 .* => //p' | head -n 1)
if [ -n "$loader" ]; then
    mkdir -p "$folder/opencl"
    cp -L "$loader" "$folder/opencl/libOpenCL.so.1"
    echo libnvidia-opencl.so.1 >"$folder/opencl/nvidia.icd"
fi
mkdir -p "$folder/pictures/made" "$folder/pictures/photographs"
cp "$(dirname "$0")"/../golden/pictures/*.jpg "$folder/pictures/made"
cp /usr/share/palapeli/collection/*.jpg /usr/share/backgrounds/*_by_*.jpg "$folder/pictures/photographs" 2>/dev/null || true
cp "$(dirname "$0")/check.sh" "$(dirname "$0")/same.sql" "$folder"
{ git describe --always --dirty 2>/dev/null || echo unknown; } >"$folder/commit"
du -sk "$folder" | sed 's/\([0-9]*\).*/gpu-bundle: \1 KB/'
