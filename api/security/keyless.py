"""An API without keys serves this machine only, and no page of a foreign site."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.types import Scope

from api.context import header_values
from api.errors import Forbidden

_LOCAL_HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)
_CURE = "Set API_KEYS (`python -m api.keys NAME ROLE` makes an entry)"


def refusal_without_key(scope: Scope, *, any_peer: bool, origins: Sequence[str]) -> Forbidden | None:
    """Why a request without a key is refused; None when it may pass.

    The peer is the socket's, never a forwarding header's. Host keeps out names that were rebound to
    this machine, Origin keeps out pages of other sites.

    Args:
        scope: of the request.
        any_peer: ALLOW_KEYLESS, for containers whose port is published on loopback only.
        origins: of CORS_ORIGINS, which are not foreign.
    """
    client = scope.get("client")
    if not any_peer and not _is_loopback(str(client[0]) if client else ""):
        return Forbidden(
            f"Without keys the API serves only this machine. {_CURE}, or ALLOW_KEYLESS=1 where only "
            "this machine can reach the port."
        )
    hosts = header_values(scope, b"host")
    if len(hosts) != 1 or not _LOCAL_HOST.fullmatch(hosts[0]):
        return Forbidden(
            f"Host: without keys it must be localhost, 127.0.0.1 or [::1]. {_CURE}, or use that address."
        )
    if any(origin not in origins and not _is_local(origin) for origin in header_values(scope, b"origin")):
        return Forbidden(
            f"Origin: without keys no page of another site may call the API. {_CURE}, or name the origin "
            "in CORS_ORIGINS."
        )
    return None


def is_of_this_machine(scope: Scope) -> bool:
    """Whether a request comes from this machine and was sent to it by a name of its own."""
    client = scope.get("client")
    hosts = header_values(scope, b"host")
    is_local_name = len(hosts) == 1 and _LOCAL_HOST.fullmatch(hosts[0]) is not None
    return is_local_name and _is_loopback(str(client[0]) if client else "")


@lru_cache(maxsize=256)
def _is_loopback(peer: str) -> bool:
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _is_local(origin: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and _LOCAL_HOST.fullmatch(parts.netloc) is not None
