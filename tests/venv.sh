#!/bin/sh
# Makes the virtual environment $1 from Debian's Python, whose sqlite3 module can load extensions, and installs the
# requirement files that follow into it. Does nothing where that has been done with the same files.
set -eu
folder=$1
shift
stamp=$folder/dupgpu-requirements
if [ -f "$stamp" ] && cat "$@" | cmp -s - "$stamp"; then
    exit 0
fi
echo "venv.sh: preparing $folder from $*"
"${PYTHON:-/usr/bin/python3}" -m venv "$folder"
for file in "$@"; do
    "$folder/bin/pip" install --quiet --disable-pip-version-check --requirement "$file"
done
cat "$@" >"$stamp"
