#!/bin/sh
# Installs Azurite, Microsoft's emulator of Azure Blob Storage, into .node/ (about 190 MB), for the tests of `az://`.
# Needs node (18 or newer) and npm. Once installed it works without a network; `make clean` removes it.
set -eu
cd "$(dirname "$0")/.."
version=3.35.0 # the last one for node 18 and 20

if grep -qs "\"version\": \"$version\"" .node/node_modules/azurite/package.json; then
    echo "tools/install_azurite.sh: azurite $version is there"
    exit 0
fi
echo "tools/install_azurite.sh: installing azurite $version into .node/"
mkdir -p .node
npm install --prefix .node --no-save --no-audit --no-fund --no-update-notifier --loglevel=error "azurite@$version"
