#!/bin/sh
# Writes nginx's configuration from the template and becomes nginx. All may be set:
#   API      host:port of the API                        api:8000
#   LISTEN   address and port                            8080
#   TLS_CERT, TLS_KEY  files of a certificate; then TLS is spoken on TLS_LISTEN, 8443, and LISTEN leads there
#   ROOT     folder of the built dashboard               /usr/share/nginx/html
#   RUN_DIR  a folder that nginx may write to            /tmp/nginx
set -eu
template=$(dirname "$0")/nginx.conf.template
API=${API:-api:8000}
LISTEN=${LISTEN:-8080}
ROOT=${ROOT:-/usr/share/nginx/html}
RUN_DIR=${RUN_DIR:-/tmp/nginx}
ETC=${ETC:-/etc/nginx}
mkdir -p "$RUN_DIR"

listen="listen $LISTEN;"
redirect=
if [ -n "${TLS_CERT:-}" ]; then
    for file in "$TLS_CERT" "${TLS_KEY:?is missing beside TLS_CERT}"; do
        [ -r "$file" ] || { echo "nginx: $file cannot be read by user $(id -u)" >&2; exit 2; }
    done
    listen="listen ${TLS_LISTEN:-8443} ssl http2; ssl_certificate $TLS_CERT; ssl_certificate_key $TLS_KEY;"
    listen="$listen ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:tls:10m; ssl_session_timeout 1d;"
    listen="$listen add_header Strict-Transport-Security 'max-age=31536000' always;"
    redirect="server { listen $LISTEN; server_name _; return 308 https://\$host\$request_uri; }"
fi
# The server of names that this machine or container uses: Docker's, Podman's, or the host's own.
server=$(sed -n 's/^nameserver[[:space:]]*\([^[:space:]]*\).*/\1/p' /etc/resolv.conf 2>/dev/null | head -n 1)
case $server in *:*) server="[$server]" ;; esac
resolver=${server:+resolver $server valid=5s ipv6=off;}

sed -e "s|\${RUN_DIR}|$RUN_DIR|g" -e "s|\${ETC}|$ETC|" -e "s|\${ROOT}|$ROOT|" \
    -e "s|\${LISTEN}|$listen|" -e "s|\${RESOLVER}|$resolver|" -e "s|\${API}|$API|g" "$template" >"$RUN_DIR/nginx.conf"
if [ -n "$redirect" ]; then
    sed -i "s|^http {|http {\n    $redirect|" "$RUN_DIR/nginx.conf"
fi
exec nginx -c "$RUN_DIR/nginx.conf" -g "daemon off;" "$@"
