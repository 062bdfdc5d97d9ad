#!/bin/sh
# Runs shard_pairs.sql, which lies beside it, from a command line:
#
#   shard_pairs.sh DATABASE SHARD SHARDS [THRESHOLD]
#
# finds share SHARD (0 to SHARDS - 1) of the pairs of DATABASE within THRESHOLD (8) bits and writes them to
# pairs-SHARD-of-SHARDS.db in the folder it is run in. Ends with status 0 only if that file is complete.
# DUPGPU=/path/to/dupgpu names the extension where it is not installed; DUPGPU_THREADS=1 keeps it to one core.
set -eu
if [ $# -lt 3 ] || [ $# -gt 4 ]; then
    echo "usage: shard_pairs.sh DATABASE SHARD SHARDS [THRESHOLD]" >&2
    exit 2
fi
for number in "$2" "$3" "${4:-8}"; do
    case $number in
    '' | *[!0-9]*)
        echo "shard_pairs.sh: '$number' is not a number from 0" >&2
        exit 2
        ;;
    esac
done
if [ ! -f "$1" ]; then
    echo "shard_pairs.sh: there is no file '$1'" >&2
    exit 1
fi
exec sqlite3 -batch -bail -init /dev/null -cmd ".load ${DUPGPU:-dupgpu}" -cmd ".parameter set :shard $2" \
    -cmd ".parameter set :shards $3" -cmd ".parameter set :threshold ${4:-8}" \
    "$1" ".read '$(dirname "$0")/shard_pairs.sql'"
