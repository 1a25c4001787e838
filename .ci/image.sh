#!/usr/bin/env bash
# Builds the images and runs them as production does: .ci/image.sh [commit]
# First the worker alone, hardened, by podman; then docker-compose.yml by a Docker engine in a network of its own.
# For root on Debian; installs podman, Docker and what they need when they are missing. Without a registry of images
# the public ones are made here (.ci/base-image.sh, .ci/stand-in.sh). PYTHON_VERSION chooses Python.
set -euo pipefail
cd "$(dirname "$0")/.."
commit=${1:-HEAD}
version=${PYTHON_VERSION:-3.12}
check=check-$$
work=$(mktemp -d "${TMPDIR:-/tmp}/dtq-image.XXXXXX")
network=dtq-$check

needed=(buildah podman runc debootstrap catatonit procps ca-certificates)
needed+=(docker.io containerd docker-compose iptables iproute2)
if ! dpkg --status "${needed[@]}" >/dev/null 2>&1; then
    apt-get update -qq
    # RUNLEVEL: nothing is started by being installed.
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${needed[@]}" \
        >"$work/apt.log" 2>&1 || {
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

clean() {
    if [ -s "$work/docker.pid" ]; then
        kill "$(cat "$work/docker.pid")" 2>/dev/null || true
        for _ in $(seq 100); do [ -e "$work/docker.pid" ] || break; sleep 0.1; done
    fi
    ip netns delete "$network" 2>/dev/null || true
    podman rmi --force localhost/dtq-{worker,api,web}:"$check" >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap clean EXIT

.ci/stand-in.sh "$version" >"$work/stand-in.log" 2>&1 || {
    cat "$work/stand-in.log" >&2
    exit 1
}
mkdir "$work/context"
git archive "$commit" | tar -x -C "$work/context"
for part in worker api web; do
    # The format of OCI has no health check.
    buildah bud --quiet --isolation chroot --pull-never --format docker --build-arg "PYTHON_VERSION=$version" \
        --build-arg "REVISION=$(git rev-parse "$commit")" -f "$work/context/Dockerfile.$part" \
        -t "localhost/dtq-$part:$check" "$work/context" >"$work/build.log" 2>&1 || {
        cat "$work/build.log" >&2
        exit 1
    }
    podman image inspect "localhost/dtq-$part:$check" --format "image dtq-$part: {{.Size}} bytes"
done

WORKER_IMAGE=localhost/dtq-worker:$check .venv/bin/python -m pytest tests/deploy/worker_image.py -q -s

# The engine's bridges, port forwarding and firewall rules live in a network that goes away with it. Not `ip netns
# exec`, which would mount a /sys without control groups.
ip netns add "$network"
inside() { nsenter --net="/run/netns/$network" "$@"; }
inside ip link set lo up
export DOCKER_HOST=unix://$work/docker.sock
# The system's own client, whichever else is on PATH, and no configuration of the user's.
export DOCKER_CONFIG=$work/docker-config
inside dockerd --data-root "$work/docker" --exec-root "$work/docker-exec" --pidfile "$work/docker.pid" \
    --host "$DOCKER_HOST" --oom-score-adjust 0 >"$work/docker.log" 2>&1 &
for _ in $(seq 100); do
    docker version >/dev/null 2>&1 && break
    sleep 0.2
done
docker version >/dev/null || {
    tail -n 20 "$work/docker.log" >&2
    exit 1
}
for part in worker api web; do
    podman save --quiet --format docker-archive "localhost/dtq-$part:$check" | docker load --quiet >/dev/null
    docker tag "localhost/dtq-$part:$check" "dtq-$part"
done
for image in docker.io/valkey/valkey:9.1 docker.io/library/node:22-slim; do
    podman save --quiet --format docker-archive "$image" | docker load --quiet >/dev/null
done
COMPOSE_CHECKOUT=$work/context inside "$PWD/.venv/bin/python" -m pytest tests/deploy/compose_stack.py -q -s -p no:randomly --durations=8
