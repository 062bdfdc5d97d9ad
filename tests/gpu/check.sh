#!/bin/sh
# Everything that needs a real GPU, in one go of a few minutes, into one report in Markdown.
#
#   check.sh [REPORT]            from a checkout, after `make gpu-bundle`, or from the bundle itself; gpu-report.md
#   check.sh --step NAME         one step, to standard output
#
# Needs a shell and coreutils, no compiler, no make, no network. Each step has its own time limit, and all have one
# together; a step that fails or does not end is reported, and the next begins. The exit status is the number of steps that failed.
#
#   DUPGPU_GPU_CHECK_ROWS=n      rows of the largest tables (100000000), to try it out on a small machine or a fake
#   DUPGPU_GPU_CHECK_BUNDLE      the bundle, where it is neither here nor in build/gpu-bundle
#   DUPGPU_GPU_CHECK_SECONDS=n   for all steps together (470)
#   DUPGPU_GPU_CHECK_STEPS       names of the steps to do
#   DUPGPU_GPU_CHECK_PICTURES    a folder with folders of JPEG files for nvJPEG, in the place of the bundle's
set -u
here=$(cd "$(dirname "$0")" && pwd)
self=$here/check.sh
bundle=${DUPGPU_GPU_CHECK_BUNDLE:-}
for place in "$here" "$here/../../build/gpu-bundle"; do
    [ -n "$bundle" ] || [ ! -d "$place/bin" ] || bundle=$(cd "$place" && pwd)
done
[ -n "$bundle" ] || { echo "check.sh: there is no bundle: run make gpu-bundle" >&2; exit 1; }
export DUPGPU_GPU_CHECK_BUNDLE="$bundle"
bin=$bundle/bin
most=${DUPGPU_GPU_CHECK_ROWS:-100000000}
small=$((most < 20000 ? most : 20000))

# Step, seconds at most, title.
steps='
machine 30 The machine
devices 60 Devices, each after its self-test
cuda 120 CUDA against the CPU, all operations and widths
opencl 90 OpenCL against the CPU, all operations and widths
sql 60 The same rows in the same order from every place
memory 45 Tables larger than the memory limit
fallback 30 A device that cannot be had
rates 90 Rates
joins 200 Joins, CPU and GPU
nearest 60 Nearest rows and histograms, CPU and GPU
nvjpeg 60 Pictures decoded by nvJPEG against those decoded exactly
sanitizer 90 compute-sanitizer
'

libraries() { # the bundle's behind the system's, so that what belongs to the driver wins
    LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$bundle/lib
    ls /etc/OpenCL/vendors/*.icd >/dev/null 2>&1 || export OCL_ICD_VENDORS="${OCL_ICD_VENDORS:-$bundle/opencl}"
    ldconfig -p 2>/dev/null | grep -q libOpenCL.so.1 || LD_LIBRARY_PATH=$LD_LIBRARY_PATH:$bundle/opencl
    export LD_LIBRARY_PATH
}

ask() { # FILE SQL...
    file=$1
    shift
    "$bin/sqlite3" -batch -bail -cmd ".load $bin/dupgpu" "$file" "$@"
}

# Backends other than the CPU that have a device.
places() {
    ask :memory: "SELECT DISTINCT backend FROM dupgpu_devices WHERE backend <> 'cpu' AND device IS NOT NULL"
}

some_place() {
    [ -n "$(places)" ] && return 0
    echo "There is no device:"
    ask :memory: "SELECT backend || ': ' || why_not FROM dupgpu_devices WHERE backend <> 'cpu'"
    return 1
}

has() {
    places | grep -qx "$1" && return 0
    echo "Not tried, there is no such device:"
    ask :memory: "SELECT backend || ': ' || why_not FROM dupgpu_devices WHERE backend = '$1'"
    return 1
}

scratch() { # a folder, gone at the end
    folder=$(mktemp -d) || exit 1
    trap 'rm -rf "$folder"' EXIT
}

tables() { # ROWS
    ask "$folder/photos.db" ".param set :half $(($1 / 2))" ".read $bundle/same.sql"
}

step_machine() {
    uname -srm
    nproc
    sed -n 's/^model name.*: //p' /proc/cpuinfo 2>/dev/null | sort | uniq -c
    sed -n '/MemTotal/p' /proc/meminfo 2>/dev/null
    if command -v nvidia-smi >/dev/null; then
        nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm,pstate --format=csv
    fi
    ask :memory: "SELECT dupgpu_debug()"
}

# A join is what gives a device its self-test.
step_devices() {
    some_place || return 1
    scratch
    tables 2000
    status=0
    for place in $(places); do
        ask "$folder/photos.db" "SELECT dupgpu_config('backend', '$place'), dupgpu_config('fallback', 0)" \
            "SELECT count(*) FROM similar_pairs('photos', 'phash', 3)" ".mode line" \
            "SELECT * FROM dupgpu_devices WHERE backend = '$place'" \
            "SELECT backend, device, plan, seconds, fallback FROM dupgpu_stats" || status=1
    done
    return $status
}

against_cpu() { # BACKEND
    DUPGPU_TEST_BACKEND=$1 DUPGPU_TEST_ROWS=$((small < 600 ? small : 600)) "$bin/test_gpu" 2>&1
}

step_cuda() {
    has cuda || return 1
    against_cpu cuda
}

step_opencl() {
    has opencl || return 0
    against_cpu opencl
}

# Rows of one search to a file: PLACE PLAN TABLE THRESHOLD FILE SETTINGS ORDER.
search() {
    ask "$folder/photos.db" "SELECT dupgpu_config('backend', '$1'), dupgpu_config('plan', '$2') $6" \
        "SELECT dupgpu_config('fallback', 0)" ".output $5" \
        "SELECT id_a, id_b, distance FROM similar_pairs('$3', 'phash', $4) $7" ".output stdout" \
        "SELECT format('%s %s: %d rows, %d pairs, %d batches, %.3f s; %s', backend, '$3', rows, results, batches,
             seconds, plan) FROM dupgpu_stats ORDER BY rowid DESC LIMIT 1" | tail -n 1
}

compare_searches() { # SETTINGS ORDER
    status=0
    for what in 'brute photos 5' 'multi_index photos 5' 'brute photos 14' 'multi_index photos 10' 'brute wide 31' \
        'multi_index wide 31'; do
        set -- "$1" "$2" $what
        search cpu "$3" "$4" "$5" "$folder/cpu" '' "$2" || status=1
        for place in $(places); do
            search "$place" "$3" "$4" "$5" "$folder/$place" "$1" "$2" || status=1
            cmp "$folder/cpu" "$folder/$place" || status=1
        done
    done
    return $status
}

step_sql() {
    some_place || return 1
    scratch
    tables "$small"
    compare_searches '' ''
}

# Columns at least ten times as large as what may be on the device at once. They go there in windows, which has an order
# of its own.
step_memory() {
    some_place || return 1
    scratch
    tables "$small"
    compare_searches ", dupgpu_config('memory_limit_gb', $small * 8.0 / 10 / (1 << 30))" 'ORDER BY id_a, id_b'
}

step_fallback() {
    some_place || return 1
    scratch
    tables 2000
    status=0
    for place in $(places); do
        ask "$folder/photos.db" "SELECT dupgpu_config('backend', '$place'), dupgpu_config('device_id', 99)" \
            "SELECT count(*) FROM similar_pairs('photos', 'phash', 3)" \
            "SELECT backend, fallback FROM dupgpu_stats" >"$folder/said" || status=1
        cat "$folder/said"
        grep -q "^cpu|.*$place: " "$folder/said" || { echo "no word of the fallback"; status=1; }
        if ask "$folder/photos.db" "SELECT dupgpu_config('backend', '$place'), dupgpu_config('device_id', 99)" \
            "SELECT dupgpu_config('fallback', 0)" "SELECT count(*) FROM similar_pairs('photos', 'phash', 3)" 2>&1; then
            echo "no error without fallback"
            status=1
        fi
    done
    return $status
}

step_sanitizer() {
    sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null)
    [ -n "$sanitizer" ] || { echo "There is none on this machine."; return 0; }
    has cuda || return 1
    scratch
    status=0
    for tool in memcheck racecheck initcheck; do
        echo "$tool"
        DUPGPU_TEST_ROWS=200 timeout 28 "$sanitizer" --tool "$tool" --error-exitcode 9 "$bin/test_gpu" \
            passes_the_self_test >"$folder/said" 2>&1 || status=1
        tail -n 15 "$folder/said"
    done
    return $status
}

step_rates() {
    status=0
    rows=$((most < 1048576 ? most : 1048576))
    for place in $(places) cpu; do
        "$bin/rates" "$place" 0 "$rows" 0.4 || status=1
        echo
    done
    return $status
}

# Seconds and pairs of one join, or why there are none: ROWS THRESHOLD BACKEND RUNS.
join() {
    timeout 60 "$bin/join_engine" "$1" 64 "$2" planted auto best 0 "$4" 0 "$3" 2>&1 ||
        echo "failed or took longer than a minute: status $?"
}

step_joins() {
    status=0
    echo "| rows | t | pairs | place | milliseconds | what ran |"
    echo "|---|---|---|---|---|---|"
    for what in '1000000 5 5' '1000000 10 5' '1000000 16 3' '10000000 5 3' '10000000 8 1' '10000000 10 1' \
        '100000000 5 1' '100000000 8 1'; do
        set -- $what
        rows=$(($1 < most ? $1 : most)) pairs=
        for place in $(places) cpu; do
            [ "$place$1$2" != cpu1000000008 ] || continue
            line=$(join "$rows" "$2" "$place" "$3")
            ms=$(echo "$line" | sed -n 's/.* \([0-9.]*\) ms .*/\1/p')
            found=$(echo "$line" | sed -n 's/.* \([0-9]*\) pairs .*/\1/p')
            ran=$(echo "$line" | sed 's/.*B\/row *//' | tail -n 1)
            echo "| $rows | $2 | $found | $place | $ms | $ran |"
            [ -n "$found" ] || status=1
            [ -z "$pairs" ] || [ -z "$found" ] || [ "$found" = "$pairs" ] || { status=1; echo "| other pairs |"; }
            pairs=${found:-$pairs}
        done
    done
    return $status
}

# Of all rows: k nearest, then the histogram.
step_nearest() {
    status=0
    echo "| rows | bits | what | place | milliseconds | G/s | what ran |"
    echo "|---|---|---|---|---|---|---|"
    for what in 'nearest 100000 0 10 64' 'nearest 1000000 0 100 64' 'nearest 1000000 10000 10 256' \
        'histogram 1000000 64' 'histogram 200000 256'; do
        set -- $what
        kind=$1 rows=$(($2 < most ? $2 : most))
        shift 2
        for place in $(places) cpu; do
            line=$(timeout 20 "$bin/nearest_engine" "$kind" "$rows" "$@" planted best 0 1 "$place" 2>&1) || {
                line="failed or took longer than 20 s: status $?"
                [ "$place" = cpu ] || status=1
            }
            ms=$(echo "$line" | sed -n 's/.* \([0-9.]*\) ms .*/\1/p')
            rate=$(echo "$line" | sed -n 's/.* \([0-9.]*\) G\/s .*/\1/p')
            ran=$(echo "$line" | sed 's/.*G\/s *//' | tail -n 1)
            case $kind in
            histogram) bits=$1 title=histogram ;;
            *) bits=$3 title="k = $2, $([ "$1" = 0 ] && echo all || echo "$1") queries" ;;
            esac
            echo "| $rows | $bits | $title | $place | $ms | $rate | $ran |"
        done
    done
    return $status
}

# Hashes of the pictures in a folder, as the hidden argument decode says: FOLDER TABLE DECODE.
hash_pictures() {
    DUPGPU_READ_FILES=1 ask "$folder/photos.db" \
        "CREATE TABLE IF NOT EXISTS paths AS SELECT path FROM image_files('$1') WHERE format = 'jpeg'" \
        "CREATE TABLE $2 AS SELECT id, phash, dhash, error FROM image_hashes('paths', 'path') WHERE decode = '$3'" \
        "SELECT format('%s: %d files in %.3f s: %s', '$3', rows, seconds, plan) FROM dupgpu_stats" 2>&1
}

# How far the hashes of what nvJPEG decodes are from the exact ones.
drift() { # FOLDER
    said=$(hash_pictures "$1" gpu gpu) || {
        case $said in
        *'cannot open shared object file'*) echo "Not tried: $said" && return 0 ;;
        *) echo "$said" && return 1 ;;
        esac
    }
    echo "$said"
    hash_pictures "$1" exact exact || return 1
    echo
    echo "| hash of 64 bits | files | equal | mean distance | largest |"
    echo "|---|---|---|---|---|"
    for hash in phash dhash; do
        ask "$folder/photos.db" "SELECT format('| $hash | %d | %d | %.2f | %d |', count(*), sum(d = 0), avg(d), max(d))
            FROM (SELECT hamming(gpu.$hash, exact.$hash) AS d FROM gpu JOIN exact USING(id)
                  WHERE gpu.error IS NULL AND exact.error IS NULL)"
    done
    echo
    ask "$folder/photos.db" "SELECT format('- %d of %d: %s', count(*), (SELECT count(*) FROM paths), error) FROM gpu
        WHERE error IS NOT NULL GROUP BY error"
    [ "$(ask "$folder/photos.db" "SELECT count(*) FROM gpu WHERE error IS NULL")" -gt 0 ]
}

step_nvjpeg() {
    has cuda || return 0
    status=0
    for pictures in "${DUPGPU_GPU_CHECK_PICTURES:-$bundle/pictures}"/*/; do
        [ -n "$(ls "$pictures")" ] || continue
        (
            scratch
            echo
            echo "$(basename "$pictures"):"
            drift "$pictures"
        ) || status=1
    done
    return $status
}

if [ "${1:-}" = --step ]; then
    libraries
    "step_$2"
    exit
fi

report=${1:-gpu-report.md}
failed=0
end=$(($(date +%s) + ${DUPGPU_GPU_CHECK_SECONDS:-470}))
{
    echo "# dupgpu on a GPU"
    echo
    echo "Commit $(cat "$bundle/commit"), $(date -u '+%Y-%m-%d %H:%M UTC'), at most $most rows."
} >"$report"
while read -r name limit title; do
    [ -n "$name" ] || continue
    case " ${DUPGPU_GPU_CHECK_STEPS:-$name} " in *" $name "*) ;; *) continue ;; esac
    begun=$(date +%s)
    left=$((end - begun))
    [ "$left" -gt 1 ] || left=1
    [ "$limit" -lt "$left" ] || limit=$left
    timeout -k 5 "$limit" sh "$self" --step "$name" >"$report.step" 2>&1 </dev/null
    status=$?
    case $status in
    0) verdict=passed ;;
    124 | 137) verdict="FAILED: not done after $limit s" ;;
    *) verdict="FAILED: status $status" ;;
    esac
    {
        printf '\n## %s\n\n%s, %s s.\n\n' "$title" "$verdict" "$(($(date +%s) - begun))"
        case $name in rates | joins | nearest | nvjpeg) cat "$report.step" ;; *) echo '```' && cat "$report.step" && echo '```' ;; esac
    } >>"$report"
    echo "$name: $verdict"
    [ "$status" = 0 ] || failed=$((failed + 1))
done <<EOF
$steps
EOF
rm -f "$report.step"
echo "report: $report"
exit "$failed"
