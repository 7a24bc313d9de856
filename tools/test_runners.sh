#!/bin/sh
# Test the Prefect plugin on Dask and Ray, and with prefect-aws, in an environment of its own: a part of `make test-slow`.
# They are too large for .venv, and prefect-aws would make every server that the tests start slower. Half a gigabyte,
# removed afterwards; KEEP=1 leaves it for another look.
set -eu
home=.venv-runners
log=$home.log
trap '[ "${KEEP:-}" = 1 ] || rm -rf "$home"' EXIT
trap 'exit 130' INT TERM

echo "Installing Dask, Ray and prefect-aws into $home; this takes minutes …"
if ! {
    .venv/bin/python -m venv --clear "$home" &&
        .venv/bin/uv pip install --python "$home/bin/python" -c constraints.txt --build-constraints constraints.txt \
            -r tests/prefect/runners/requirements.txt -e ".[prefect,s3]"
} >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    exit 1
fi
rm -f "$log"
env -u MODELSTORE_URL -u MODELSTORE_ACTOR MODELSTORE_RUNNERS=1 PYTHONPATH="$PWD" DO_NOT_TRACK=1 RAY_USAGE_STATS_ENABLED=0 \
    "$home/bin/python" -m pytest -q -p no:cacheprovider tests/prefect/runners
