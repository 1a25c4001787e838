#!/usr/bin/env bash
# Builds what git holds with Vercel's own builder, then starts the function as its launcher does and talks to it:
# .ci/vercel.sh [commit]
# Needs the project's .venv, Node 20 or newer and a Python of 3.12 or newer; no account, and no network but the package
# registries. KEEP=1 leaves the build in place and prints where.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
commit=${1:-HEAD}
work=$(mktemp -d "${TMPDIR:-/tmp}/dtq-vercel.XXXXXX")
if [ -n "${KEEP:-}" ]; then echo "vercel.sh: the build is kept in $work"; else trap 'rm -rf "$work"' EXIT; fi

find_python() {
    local candidate
    for candidate in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[2-9].*/bin/python3.1[2-9] \
        /usr/bin/python3.1[2-9] /usr/local/bin/python3.1[2-9]; do
        [ -x "$candidate" ] && "$candidate" -c 'import ssl, venv' 2>/dev/null && echo "$candidate" && return
    done
    echo "vercel.sh: no Python of 3.12 or newer here, and functions need one" >&2
    return 1
}
python=$(find_python)

# The build sees these programs and the system's, so no shim of a version manager answers for them.
mkdir "$work/bin"
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check 'uv>=0.9.25,<1'
ln -s "$work/venv/bin/uv" "$work/bin/uv"
ln -s "$python" "$work/bin/$(basename "$python")"
ln -s "$python" "$work/bin/python3"
ln -s "$(command -v node)" "$work/bin/node"
ln -s "$(command -v npm)" "$work/bin/npm"
# Not `npm ci`: it insists on the vendor's packages for other platforms, which are not all published. Versions and
# checksums are the lock file's all the same.
if [ ! tools/vercel/node_modules/.package-lock.json -nt tools/vercel/package-lock.json ]; then
    npm install --no-save --prefix tools/vercel --loglevel=error
fi

mkdir "$work/checkout"
git archive "$commit" | tar -x -C "$work/checkout"
cd "$work/checkout"
mkdir .vercel
# The worst that an import can choose: the dashboard sees `fastapi` in pyproject.toml and offers this preset.
echo '{"projectId": "prj_x", "orgId": "team_x", "settings": {"framework": "fastapi"}}' >.vercel/project.json
PATH=$work/bin:/usr/bin:/bin VERCEL_TELEMETRY_DISABLED=1 NO_UPDATE_NOTIFIER=1 \
    node "$root/tools/vercel/node_modules/vercel/dist/vc.js" build --yes --prod >"$work/build.log" 2>&1 || {
    cat "$work/build.log" >&2
    exit 1
}
grep 'Build Completed' "$work/build.log"

cd "$root"
runtime=$("$root/.venv/bin/python" -c 'import json, sys; print(json.load(open(sys.argv[1]))["runtime"])' \
    "$work/checkout/.vercel/output/functions/api/index.func/.vc-config.json")
VERCEL_CHECKOUT=$work/checkout FUNCTION_PYTHON=$work/bin/$runtime \
    VERCEL_CLI=$root/tools/vercel/node_modules/vercel/dist/vc.js VERCEL_PATH=$work/bin:/usr/bin:/bin \
    .venv/bin/python -m pytest -q -s -p tests.deploy.vercel_fixtures \
    tests/deploy/vercel_build.py tests/deploy/vercel_streams.py tests/deploy/vercel_dev.py
