#!/usr/bin/env bash
# Builds Dockerfile.worker and runs the image as production does: .ci/image.sh [commit]
# For root on Debian; installs podman and what it needs when they are missing. Without a registry of images the base
# is made here (.ci/base-image.sh). PYTHON_VERSION chooses it, WORK keeps its parts between calls.
set -euo pipefail
cd "$(dirname "$0")/.."
commit=${1:-HEAD}
version=${PYTHON_VERSION:-3.12}
name=localhost/dtq-worker:check-$$
work=$(mktemp -d "${TMPDIR:-/tmp}/dtq-image.XXXXXX")

needed=(buildah podman runc debootstrap catatonit procps ca-certificates)
if ! dpkg --status "${needed[@]}" >/dev/null 2>&1; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${needed[@]}" >"$work/apt.log" 2>&1 || {
        cat "$work/apt.log" >&2
        exit 1
    }
fi

# runc, as crun refuses hybrid cgroups; limits, as a machine may not raise its own; the host's network, as a bridge
# leaves firewall rules behind.
cat >"$work/containers.conf" <<'CONF'
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
netns = "host"
[engine]
runtime = "runc"
CONF
export CONTAINERS_CONF=$work/containers.conf BUILDAH_ISOLATION=chroot
trap 'podman rmi --force "$name" >/dev/null 2>&1 || true; rm -rf "$work"' EXIT

base=docker.io/library/python:$version-slim
podman image exists "$base" || .ci/base-image.sh "$version" >/dev/null

mkdir "$work/context"
git archive "$commit" | tar -x -C "$work/context"
# The format of OCI has no health check.
buildah bud --quiet --isolation chroot --pull-never --format docker --build-arg "PYTHON_VERSION=$version" \
    --build-arg "REVISION=$(git rev-parse "$commit")" -f "$work/context/Dockerfile.worker" -t "$name" "$work/context"
podman image inspect "$name" --format 'image: {{.Size}} bytes'

WORKER_IMAGE=$name .venv/bin/python -m pytest tests/deploy/worker_image.py -q -s
