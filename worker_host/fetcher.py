"""The one way by which a handler reads a URL that a submitter chose.

Problem: such a URL can point into our own network, its name can resolve to a harmless address when
it is checked and to another when it is used, and a redirect can do either later. Idea: the check
sits where the socket is opened. `_GuardedBackend` resolves the name once, judges every address of
the answer, and connects to a judged address; the name is used only for SNI, the certificate and
the Host header. There is no second lookup, and a redirect passes the same door.

Rules: https (http only with FETCH_ALLOW_HTTP), ports 443 and 8443 (FETCH_PORTS), no credentials in
the URL, no proxies, no content encodings, a bounded number of redirects and bytes, and one deadline
for everything. The lookup of a name is bounded by the system's resolver instead.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker_host.addresses import refusal
from worker_host.control import Reject, RetryAfter
from worker_host.handler_settings import FetchSettings
from worker_host.retry_after import seconds_of

if TYPE_CHECKING:
    import httpcore
    import httpx

#: Host and port → IP addresses, as text. Tests pass their own.
Resolver = Callable[[str, int], list[str]]

#: A name or an address in ASCII; httpx would percent-encode whatever else stands there.
HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45}")
REDIRECTS = {301, 302, 303, 307, 308}
#: Answers below 500 that may be another one later.
PASSING = {408, 425, 429}


class FetchError(Exception):
    """Raised when the source did not answer, or not well, and may do so later: the task is retried."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A body and what was said about it.

    Attributes:
        content: the body.
        content_type: the media type without parameters, lower case; "" when not given.
        path: path of the final URL; its suffix may tell the format.
    """

    content: bytes
    content_type: str
    path: str


def resolve(host: str, port: int) -> list[str]:
    """Every address that the system's resolver knows for a name."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def fetch(
    url: str, *, max_bytes: int, settings: FetchSettings | None = None, resolver: Resolver = resolve
) -> Fetched:
    """Read a URL.

    Args:
        url: an absolute https URL.
        max_bytes: bound of the body.
        settings: read from the environment when not given.
        resolver: how names become addresses.

    Raises:
        Reject: the URL, an address, a redirect, the size or the answer (4xx) is refused for good.
        RetryAfter: the server said when to come back.
        FetchError: the source is away, slow or failing (5xx).
    """
    import httpcore

    settings = settings or FetchSettings.load()
    target = _checked(url, "", settings)
    backend = _backend(settings, resolver)
    try:
        with httpcore.ConnectionPool(
            ssl_context=_tls(settings), max_keepalive_connections=0, network_backend=backend
        ) as pool:
            for _ in range(settings.fetch_max_redirects + 1):
                answer = _get(pool, target, max_bytes)
                if isinstance(answer, Fetched):
                    return answer
                target = _checked(answer, str(target), settings)
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as error:
        raise FetchError(f"{_shown(target)} cannot be read: {type(error).__name__}: {error}") from error
    raise Reject(f"{_shown(target)}: more than {settings.fetch_max_redirects} redirects; give the final URL")


def post(
    url: str,
    body: bytes,
    headers: dict[str, str],
    *,
    settings: FetchSettings | None = None,
    resolver: Resolver = resolve,
) -> tuple[int, str]:
    """Send a body to a URL; redirects are not followed, the answer's body is not read.

    Returns:
        The status, and the Retry-After header or nothing.

    Raises:
        Reject: the URL or an address is refused for good.
        FetchError: the receiver is away or slow.
    """
    import httpcore

    settings = settings or FetchSettings.load()
    target = _checked(url, "", settings)
    sent = {b"Host": target.netloc, b"User-Agent": b"dtq", **_encoded(headers)}
    try:
        with (
            httpcore.ConnectionPool(
                ssl_context=_tls(settings),
                max_keepalive_connections=0,
                network_backend=_backend(settings, resolver),
            ) as pool,
            pool.stream("POST", _address(target), headers=[*sent.items()], content=body) as response,
        ):
            return response.status, _answered(response).get("retry-after", "")
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as error:
        raise FetchError(f"{_shown(target)} cannot be reached: {type(error).__name__}: {error}") from error


def _encoded(headers: dict[str, str]) -> dict[bytes, bytes]:
    return {name.encode("ascii"): value.encode("ascii") for name, value in headers.items()}


def _checked(url: str, base: str, settings: FetchSettings) -> httpx.URL:
    """The URL, when its form is allowed; where it leads is judged at the connection."""
    import httpx

    try:
        target = httpx.URL(base).join(url) if base else httpx.URL(url)
    except httpx.InvalidURL as error:
        raise Reject(f"the URL is not valid ({error}); give an absolute https URL") from error
    if target.host and not HOST.fullmatch(target.raw_host.decode("ascii")):
        raise Reject(f"the URL is not valid: {target.host!r} is no host name")
    schemes = {"https": 443, "http": 80} if settings.fetch_allow_http else {"https": 443}
    if target.scheme not in schemes or not target.host:
        raise Reject(f"{_shown(target)}: only {' and '.join(schemes)} URLs with a host are fetched")
    if target.userinfo:
        raise Reject(f"{_shown(target)}: the URL carries credentials; use a signed URL instead")
    port = schemes[target.scheme] if target.port is None else target.port
    if not 1 <= port <= 65_535:
        raise Reject(f"{_shown(target)}: port {port} is not valid; it is a number from 1 to 65535")
    allowed = settings.fetch_ports.split(",") + (["80"] if settings.fetch_allow_http else [])
    if "any" not in allowed and str(port) not in allowed:
        raise Reject(f"{_shown(target)}: port {port} is not among FETCH_PORTS ({settings.fetch_ports})")
    return target


def _get(pool: httpcore.ConnectionPool, target: httpx.URL, max_bytes: int) -> Fetched | str:
    """One request: the body, or where a redirect leads."""
    headers = [(b"Host", target.netloc), (b"User-Agent", b"dtq"), (b"Accept-Encoding", b"identity")]
    with pool.stream("GET", _address(target), headers=headers) as response:
        answered = _answered(response)
        if response.status in REDIRECTS and "location" in answered:
            return answered["location"]
        if not 200 <= response.status < 300:
            raise _failure(target, response.status, answered.get("retry-after", ""))
        if answered.get("content-encoding", "identity") not in ("", "identity"):
            raise Reject(f"{_shown(target)}: the server compresses although it was asked not to")
        if answered.get("content-length", "").isdecimal() and int(answered["content-length"]) > max_bytes:
            raise _too_large(target, max_bytes)
        content = _bounded(response.iter_stream(), target, max_bytes)
        return Fetched(
            content, answered.get("content-type", "").partition(";")[0].strip().lower(), target.path
        )


def _address(target: httpx.URL) -> httpcore.URL:
    import httpcore

    return httpcore.URL(scheme=target.scheme, host=target.raw_host, port=target.port, target=target.raw_path)


def _answered(response: httpcore.Response) -> dict[str, str]:
    """Headers by name in lower case."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}


def _bounded(chunks: Iterable[bytes], target: httpx.URL, max_bytes: int) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > max_bytes:
            raise _too_large(target, max_bytes)
    return bytes(body)


def _too_large(target: httpx.URL, max_bytes: int) -> Reject:
    return Reject(f"{_shown(target)}: the body is larger than {max_bytes} bytes; give a smaller source")


def _failure(target: httpx.URL, status: int, retry_after: str) -> Exception:
    text = f"{_shown(target)} answered {status}"
    if status < 500 and status not in PASSING:
        return Reject(text)
    seconds = seconds_of(retry_after)
    return FetchError(text) if seconds is None else RetryAfter(seconds, f"{text}, retry after {seconds:g} s")


def _shown(target: httpx.URL) -> str:
    """The URL for messages: without query and credentials, which may be secret."""
    return f"{target.scheme}://{target.host}{target.path}"


def _tls(settings: FetchSettings) -> ssl.SSLContext:
    if settings.fetch_ca_file:
        return ssl.create_default_context(cafile=settings.fetch_ca_file)
    import httpx

    return httpx.create_ssl_context(trust_env=False)


def _backend(settings: FetchSettings, resolver: Resolver) -> httpcore.NetworkBackend:
    from worker_host.guarded_backend import Deadline, GuardedBackend

    def judged(host: str, port: int) -> list[str]:
        try:
            addresses = resolver(host, port)
        except UnicodeError as error:
            raise Reject(f"{host} is no host name: {error}") from error
        for address in addresses:
            why = refusal(address, allow_private=settings.fetch_allow_private)
            if why:
                raise Reject(
                    f"{host} leads to {address} ({why}), which is not fetched; see FETCH_ALLOW_PRIVATE"
                )
        return addresses

    return GuardedBackend(judged, Deadline(settings.fetch_timeout_seconds))
