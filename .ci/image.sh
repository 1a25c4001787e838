#!/usr/bin/env bash
# Builds the images and runs them as production does: .ci/image.sh [commit]
# The worker alone, hardened, by podman; docker-compose.yml by a Docker engine in a network of its own; both at once.
# For root on Debian; installs podman, Docker and what they need when they are missing. Without a registry of images
# the public ones are made here (.ci/base-image.sh, .ci/stand-in.sh). PYTHON_VERSION chooses Python.
# shellcheck disable=SC2329 # functions are called by their names
set -euo pipefail
cd "$(dirname "$0")/.."
commit=${1:-HEAD}
version=${PYTHON_VERSION:-3.12}
check=check-$$
work=$(mktemp -d "${TMPDIR:-/tmp}/dtq-image.XXXXXX")
network=dtq-$check

clean() {
    jobs -p | xargs -r kill 2>/dev/null || true
    # Newest first: the engine needs its network until it has ended.
    for part in docker slirp; do
        if [ -s "$work/$part.pid" ]; then
            kill "$(cat "$work/$part.pid")" 2>/dev/null || true
            for _ in $(seq 100); do kill -0 "$(cat "$work/$part.pid" 2>/dev/null)" 2>/dev/null || break; sleep 0.1; done
        fi
    done
    ip netns delete "$network" 2>/dev/null || true
    podman rmi --force localhost/dtq-{worker,api,web}:"$check" >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap clean EXIT

said() { # said NAME COMMAND...: run a part whose words are of interest only when it fails
    local name=$1
    shift
    "$@" >"$work/$name.log" 2>&1 || {
        tail -n 40 "$work/$name.log" >&2
        echo "image.sh: $name failed" >&2
        return 1
    }
    echo "image: $name done after $SECONDS s"
}

install_packages() {
    dpkg --status "$@" >/dev/null 2>&1 && return
    [ -e "$work/updated" ] || { apt-get update -qq && touch "$work/updated"; }
    # RUNLEVEL: nothing is started by being installed.
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

build() { # build PART: the image dtq-PART from its Dockerfile; the format of OCI has no health check
    buildah bud --quiet --isolation chroot --pull-never --format docker --build-arg "PYTHON_VERSION=$version" \
        --build-arg "REVISION=$(git rev-parse "$commit")" -f "$work/context/Dockerfile.$1" \
        -t "localhost/dtq-$1:$check" "$work/context"
}

inside() { nsenter --net="/run/netns/$network" "$@"; }

# The engine's bridges, port forwarding and firewall rules live in a network that goes away with it, and that reaches
# the world through a process. Not `ip netns exec`, which would mount a /sys without control groups.
start_engine() {
    install_packages docker.io containerd docker-compose iptables iproute2 slirp4netns
    ip netns add "$network"
    inside ip link set lo up
    slirp4netns --configure --mtu=65520 --disable-host-loopback --netns-type=path "/run/netns/$network" tap0 \
        >"$work/slirp.log" 2>&1 &
    echo $! >"$work/slirp.pid"
    nsenter --net="/run/netns/$network" dockerd --data-root "$work/docker" --exec-root "$work/docker-exec" \
        --pidfile "$work/docker.pid" --host "$DOCKER_HOST" --dns 10.0.2.3 --oom-score-adjust 0 >"$work/docker.log" 2>&1 &
    for _ in $(seq 150); do
        docker version >/dev/null 2>&1 && return
        sleep 0.2
    done
    tail -n 20 "$work/docker.log" "$work/slirp.log"
    return 1
}

# One archive of all, as they share most of their layers.
load() {
    podman save --quiet --multi-image-archive --format docker-archive \
        docker.io/valkey/valkey:9.1 docker.io/library/node:22-slim localhost/dtq-{worker,api,web}:"$check" |
        docker load --quiet
    for part in worker api web; do docker tag "localhost/dtq-$part:$check" "dtq-$part"; done
}

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
export DOCKER_HOST=unix://$work/docker.sock
# The system's own client, whichever else is on PATH, and no configuration of the user's; podman wants it to be there.
export DOCKER_CONFIG=$work/docker-config
mkdir "$DOCKER_CONFIG"
echo '{}' >"$DOCKER_CONFIG/config.json"

mkdir "$work/context"
git archive "$commit" | tar -x -C "$work/context"
said packages install_packages buildah podman runc debootstrap catatonit procps ca-certificates
said engine start_engine &
engine=$!
said base-image .ci/base-image.sh "$version"
said worker-image build worker &
worker=$!
said api-image build api &
api=$!
said stand-ins .ci/stand-in.sh "$version"
said web-image build web
wait "$api"
wait "$worker"
for part in worker api web; do
    podman image inspect "localhost/dtq-$part:$check" --format "image dtq-$part: {{.Size}} bytes"
done
WORKER_IMAGE=localhost/dtq-worker:$check .venv/bin/python -m pytest tests/deploy/worker_image.py -q -s \
    >"$work/worker-tests.log" 2>&1 &
tests=$!
wait "$engine"
said load load
status=0
COMPOSE_CHECKOUT=$work/context inside "$PWD/.venv/bin/python" -m pytest tests/deploy/compose_stack.py -q -s \
    -p no:randomly --durations=8 || status=1
wait "$tests" || status=1
cat "$work/worker-tests.log"
exit "$status"
