#!/bin/sh
# Installs what dupgpu's targets need on Debian 12, and says so before it does.
#
#   tests/deps.sh build            compiler, libraries, sqlite3 shell
#   tests/deps.sh build test       what `make test` needs as well, real pictures included
#   tests/deps.sh build demo       what `make demo` needs as well
#   tests/deps.sh build bench      what `make bench` needs as well
#   tests/deps.sh build peers      what `make peers` needs as well
#   tests/deps.sh build spark      what `make spark` needs as well
#
# Packages that are there already are left alone. Without root and without sudo it prints the command to run and fails.
# On systems without dpkg it only names the packages; the compiler then says what is missing.
set -eu

packages() {
    case $1 in
    build) echo gcc libc6-dev libsqlite3-dev libjpeg62-turbo-dev libpng-dev zlib1g-dev sqlite3 ;;
    demo) echo libjpeg-turbo-progs plasma-workspace-wallpapers lomiri-wallpapers-16.04 palapeli-data ;;
    test)
        echo libcmocka-dev binutils clang libclang-rt-dev pkg-config python3 python3-venv ca-certificates
        echo libjpeg-turbo-progs plasma-workspace-wallpapers lomiri-wallpapers-16.04 palapeli-data
        echo endless-sky-high-dpi python3-sklearn parallel
        echo ocl-icd-libopencl1 pocl-opencl-icd oclgrind opencl-c-headers
        ;;
    bench)
        echo binutils python3 python3-venv ca-certificates libcairo2
        echo plasma-workspace-wallpapers lomiri-wallpapers-16.04 palapeli-data
        ;;
    peers) echo g++ python3-dev ;;
    spark) echo default-jre-headless ;;
    *)
        echo "deps.sh: unknown group '$1'; groups are build, demo, test, bench, peers, spark" >&2
        exit 2
        ;;
    esac
}

wanted=
for group in "$@"; do
    wanted="$wanted $(packages "$group")"
done

if ! command -v dpkg-query >/dev/null; then
    echo "deps.sh: this is not a Debian system; please see to the equivalents of:$wanted" >&2
    exit 0
fi

missing=
for package in $wanted; do
    case " $missing " in *" $package "*) continue ;; esac
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

install="apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
    as_root=sudo
else
    echo "deps.sh: packages are missing, and this is neither root nor a user with sudo. Run as root:" >&2
    echo "  apt-get update && $install" >&2
    exit 1
fi
echo "deps.sh: installing$missing"
$as_root apt-get update -qq
$as_root env DEBIAN_FRONTEND=noninteractive $install
