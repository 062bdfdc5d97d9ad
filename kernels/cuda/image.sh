#!/bin/sh
# Compiles the device code into the image that image.c embeds, and says how in one line.
#
#   image.sh FOLDER WAY SOURCE     NVCC and CLANG name the compilers
#
# Leaves FOLDER/image and FOLDER/targets, the list of what the image holds. WAY: nvcc makes a fatbin of machine code for
# the architectures below that this nvcc knows, with PTX of the oldest and of the newest; clang makes PTX, which the
# driver compiles, and needs no CUDA toolkit; none makes an empty image; auto takes the first of these that works.
set -eu
folder=$1 way=$2 source=$3
NVCC=${NVCC:-} CLANG=${CLANG:-}
architectures='75 80 86 89 90 100 120'
oldest='50 52 60 70 75'
flags='-O3 -DNDEBUG'

finish() { # TARGETS MESSAGE
    printf %s "$1" >"$folder/targets"
    echo "cuda: $2"
    exit 0
}

by_nvcc() {
    [ -n "$NVCC" ] || return 1
    known=$("$NVCC" --list-gpu-code) && virtual=$("$NVCC" --list-gpu-arch) || return 1
    targets= options= newest=
    for n in $architectures; do
        case " $(echo $known) " in *" sm_$n "*) ;; *) continue ;; esac
        targets="$targets sm_$n"
        options="$options -gencode arch=compute_$n,code=sm_$n"
        newest=$n
    done
    for n in $oldest $newest; do
        case " $(echo $virtual) " in *" compute_$n "*) ;; *) continue ;; esac
        case " $targets " in *" compute_"*) [ "$n" = "$newest" ] || continue ;; esac
        targets="$targets compute_$n"
        options="$options -gencode arch=compute_$n,code=compute_$n"
    done
    [ -n "$targets" ] || return 1
    squeeze=
    "$NVCC" --help | grep -q -- --compress-mode && squeeze=--compress-mode=size
    "$NVCC" -x cu --fatbin --fmad=false $flags $options $squeeze --threads 0 -allow-unsupported-compiler \
        -o "$folder/image" "$source" || return 1
    finish "${targets# }" "machine code by $("$NVCC" --version | sed -n 's/.*release \([0-9.]*\).*/nvcc \1/p'):$targets"
}

# PTX 6.0 is what every driver since CUDA 9 takes; clang's own choice, 4.0, has no lop3.
by_clang() {
    [ -n "$CLANG" ] || return 1
    "$CLANG" -x cuda --cuda-device-only -nocudainc -nocudalib --cuda-gpu-arch=sm_50 -Wno-unknown-cuda-version \
        -Xclang -target-feature -Xclang +ptx60 -ffp-contract=off $flags -S -o "$folder/image" "$source" || return 1
    finish compute_50 "PTX by $("$CLANG" --version | sed -n '1s/.*\(clang version [0-9.]*\).*/\1/p'): compute_50"
}

by_none() {
    : >"$folder/image"
    finish none "not built in: $1"
}

mkdir -p "$folder"
case $way in
nvcc) by_nvcc || { echo "cuda: nvcc cannot compile the device code" >&2; exit 1; } ;;
clang) by_clang || { echo "cuda: clang cannot compile the device code" >&2; exit 1; } ;;
none) by_none "CUDA=none" ;;
auto)
    by_nvcc || by_clang || {
        [ -n "$NVCC$CLANG" ] && why='could compile the device code' || why='was found'
        by_none "neither nvcc nor clang $why"
    }
    ;;
*)
    echo "cuda: CUDA is '$way', not auto, nvcc, clang or none" >&2
    exit 1
    ;;
esac
