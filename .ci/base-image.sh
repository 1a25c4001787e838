#!/usr/bin/env bash
# Makes a stand-in for docker.io/library/python:<version>-slim out of Debian and a CPython of this machine, unless there
# is one, for builds that can reach no image registry: .ci/base-image.sh 3.12
# Needs root, debootstrap and podman. WORK keeps the Debian part between calls.
set -euo pipefail

short=${1:?version of Python, such as 3.12}
image=docker.io/library/python:$short-slim
podman image exists "$image" && exit
work=${WORK:-$(mktemp -d)}
[ -n "${WORK:-}" ] || trap 'rm -rf "$work"' EXIT
mkdir -p "$work"

pyenv_root=${PYENV_ROOT:-$HOME/.pyenv}
python=$(compgen -G "$pyenv_root/versions/$short.*/bin/python$short" | sort -V | tail -n 1 || true)
python=${python:-$(command -v "python$short" || true)}
if [ -z "$python" ]; then
    echo "base-image.sh: no Python $short on this machine, neither of pyenv nor on PATH" >&2
    exit 1
fi
prefix=$("$python" -c 'import sys; print(sys.base_prefix)')

if [ ! -e "$work/minbase.done" ]; then
    rm -rf "$work/minbase"
    debootstrap --variant=minbase bookworm "$work/minbase" >"$work/debootstrap.log" || {
        tail -n 20 "$work/debootstrap.log" >&2
        exit 1
    }
    touch "$work/minbase.done"
fi

root=$work/root-$short
rm -rf "$root"
cp -a "$work/minbase" "$root"
lib=$root/usr/local/lib/python$short
tar -C "$prefix" --exclude=site-packages --exclude=__pycache__ --exclude=test --exclude=tests --exclude=idlelib \
    --exclude=tkinter --exclude='_tkinter*' --exclude='*.a' -c bin lib include | tar -C "$root/usr/local" -x
mkdir -p "$lib/site-packages" "$root/etc/ssl/certs"
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"

# The shared libraries of the extension modules, which a minimal Debian lacks.
find "$root/usr/local/lib" -name '*.so*' -type f -exec ldd {} + 2>/dev/null |
    awk '/=> \/(usr\/)?lib/ {print $3}' | sort -u |
    while read -r library; do [ -e "$root$library" ] || cp -L "$library" "$root$library"; done
ln -sf "python$short" "$root/usr/local/bin/python3"
ln -sf "python$short" "$root/usr/local/bin/python"
chroot "$root" /sbin/ldconfig
chroot "$root" /usr/local/bin/python3 -m ensurepip >/dev/null 2>&1
ln -sf pip3 "$root/usr/local/bin/pip"
sed -i "1s|^#!.*python.*|#!/usr/local/bin/python$short|" "$root"/usr/local/bin/pip*
# The public image has no manuals, either.
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,info,locale,man}

tar -C "$root" -c . | podman import -q \
    -c 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin' \
    -c 'ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt' \
    -c 'ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt' \
    -c 'CMD ["python3"]' - "$image"
rm -rf "$root"
