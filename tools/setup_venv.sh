#!/bin/sh
# Make .venv if it is not there, and install this project into it with the given extra: `setup_venv.sh demo`.
# Says in one line what it is doing; everything else goes to .venv/setup.log, whose end is shown if it fails.
set -eu
extra=$1
log=.venv/setup.log

suits() { # runs, is new enough, and can make a virtual environment
    "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for candidate in ${PYTHON:-python3.13 python3.12 python3.11 python3 python}; do
        if suits "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    echo "No Python 3.11 or newer that has the module 'venv' was found${PYTHON:+ under PYTHON=$PYTHON}." >&2
    echo "Install one (Debian and Ubuntu split it: python3-venv), or name it: make PYTHON=/path/to/python3 …" >&2
    exit 1
}

if ! [ -x .venv/bin/python ]; then
    python=$(find_python)
    echo "Making .venv with $("$python" -V) …"
    "$python" -m venv --clear .venv
fi

echo "Installing what 'make $2' needs into .venv; the first time this takes from 20 seconds to a few minutes …"
install_with_uv() {
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv &&
        .venv/bin/uv pip install --python .venv/bin/python \
            -c constraints.txt --build-constraints constraints.txt -e ".[$extra]"
}
install_with_pip() {
    echo "uv did not do it; going on with pip, which takes longer …" >&3
    PIP_CONSTRAINT=constraints.txt .venv/bin/python -m pip install --disable-pip-version-check -e ".[$extra]"
}
if ! { install_with_uv || install_with_pip; } 3>&1 >"$log" 2>&1; then
    tail -n 25 "$log" >&2
    echo "Setting up .venv failed; the whole log is $log." >&2
    exit 1
fi
