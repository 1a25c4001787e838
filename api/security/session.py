"""Sessions of the dashboard: a signed cookie instead of the key, verified without any store.

The cookie names the key's entry and when it ends, signed by a secret and the entry's hash. So any instance can
verify it, and it ends with its entry. Role and queues are those of the entry now, not of the sign-in.

Over https it is `__Host-dtq-session` (Secure, HttpOnly, SameSite=Strict). Browsers keep no such cookie on plain
http, so a page of this machine gets `dtq-session` without Secure, which counts on this machine only.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from starlette.types import Scope

from api.context import header_values
from api.security.keyless import is_of_this_machine
from api.security.keys import ApiKey
from shared.settings import RestTarget, TcpTarget

_HOST_COOKIE = "__Host-dtq-session"
_LOCAL_COOKIE = "dtq-session"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_MAX_TOKEN = 1_024


class Sessions:
    """Issues and verifies what the cookie holds.

    Args:
        secret: known to all instances of a deployment and to nobody else.
        seconds: how long a session lasts.
        clock: seconds since 1970.
    """

    def __init__(self, secret: bytes, seconds: int, clock: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self.seconds = seconds
        self._clock = clock

    def issue(self, key: ApiKey) -> tuple[str, int]:
        """A token for a key, and when it ends, seconds since 1970."""
        ends_at = int(self._clock()) + self.seconds
        claim = f"{key.name}:{ends_at}".encode()
        return f"{_text(claim)}.{_text(self._sign(key, claim))}", ends_at

    def find(self, keys: Sequence[ApiKey], token: str) -> tuple[ApiKey, int] | None:
        """The key of a token and when it ends; None when it is none of ours, has ended, or its entry is gone."""
        head, _, tail = token.partition(".")
        try:
            claim, signature = _bytes(head), _bytes(tail)
            name, _, ends = claim.decode("ascii").rpartition(":")
            ends_at = int(ends)
        except (ValueError, binascii.Error):
            return None
        key = next((key for key in keys if key.name == name), None)
        if key is None or not hmac.compare_digest(signature, self._sign(key, claim)):
            return None
        return (key, ends_at) if ends_at > self._clock() else None

    def _sign(self, key: ApiKey, claim: bytes) -> bytes:
        of_entry = hmac.digest(self._secret, f"dtq session\0{key.digest}".encode(), "sha256")
        return hmac.digest(of_entry, claim, "sha256")


def session_secret(configured: str | None, target: RestTarget | TcpTarget) -> bytes:
    """SESSION_SECRET; without it a secret that all instances share: made from how they reach Redis.

    Who knows the URL with its password or token can read and write everything already, so it gives nothing
    away. The hashes in API_KEYS alone would not do: they need not be kept secret.
    """
    if configured is not None:
        return configured.encode()
    words = [target.url, target.token] if isinstance(target, RestTarget) else [target.url]
    return hashlib.sha256("\0".join(["dtq session secret", *words]).encode()).digest()


def token_of(scope: Scope) -> str | None:
    """The session's token of a request; None when there is none, or more than one."""
    names = (_HOST_COOKIE, _LOCAL_COOKIE) if is_of_this_machine(scope) else (_HOST_COOKIE,)
    found = []
    for header in header_values(scope, b"cookie"):
        for pair in header.split(";"):
            name, _, value = pair.strip().partition("=")
            if name in names:
                found.append(value)
    return found[0] if len(found) == 1 and len(found[0]) <= _MAX_TOKEN else None


def cookie_header(scope: Scope, token: str, seconds: int) -> str:
    """The Set-Cookie header that keeps a token; none, for 0 seconds, forgets it."""
    is_local = scope["scheme"] != "https" and is_of_this_machine(scope)
    name, secure = (_LOCAL_COOKIE, "") if is_local else (_HOST_COOKIE, " Secure;")
    return f"{name}={token}; Max-Age={seconds}; Path=/;{secure} HttpOnly; SameSite=Strict"


def changes_something(scope: Scope) -> bool:
    """Whether the method is one of those that pages of other sites must not send."""
    return scope["method"] not in _SAFE


def is_from_own_page(scope: Scope, origins: Sequence[str]) -> bool:
    """Whether a page of this very origin asks, or one of CORS_ORIGINS.

    SameSite keeps other sites out, but not pages of sibling domains or of other ports. A browser says Origin
    with whatever is no GET; one that does not must say by Sec-Fetch-Site that it is the same origin.
    """
    found = header_values(scope, b"origin")
    if not found:
        return header_values(scope, b"sec-fetch-site") == ["same-origin"]
    if len(found) != 1:
        return False
    if found[0] in origins:
        return True
    hosts = header_values(scope, b"host")
    try:
        parts = urlsplit(found[0])
    except ValueError:
        return False
    # Behind a proxy that ends TLS the scheme may read http here although the page is https.
    schemes = ("https",) if scope["scheme"] == "https" else ("http", "https")
    return parts.scheme in schemes and len(hosts) == 1 and parts.netloc.lower() == hosts[0].lower()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
