"""`python -m local.gateway`: the gateway alone, in front of any Redis."""

import argparse
import socket
import sys

from local.gateway.app import create_gateway
from local.gateway.serving import serve


def main(arguments: list[str] | None = None) -> int:
    """Run the gateway until it is told to stop; the exit code is 2 when it cannot start."""
    options = _parser().parse_args(arguments)
    try:
        gateway = create_gateway(options.redis_url, options.token, read_only_token=options.read_only_token)
        listener = socket.create_server((options.host, options.port), backlog=1024)
    except (OSError, ValueError) as error:
        print(f"gateway: cannot start: {error}", file=sys.stderr)
        return 2
    print(f"gateway: listening on http://{options.host}:{listener.getsockname()[1]}", flush=True)
    serve(gateway, listener)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m local.gateway", description="Upstash's REST API in front of a Redis."
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: this machine alone)"
    )
    parser.add_argument("--port", type=int, required=True, help="port to listen on; 0 takes a free one")
    parser.add_argument("--redis-url", required=True, help="for example redis://:password@localhost:6379/0")
    parser.add_argument("--token", required=True, help="what clients send as Authorization: Bearer")
    parser.add_argument("--read-only-token", help="a second token, for reads alone")
    return parser


if __name__ == "__main__":
    sys.exit(main())
