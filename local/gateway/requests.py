"""From an HTTP request to commands: bodies, paths, query strings, tokens."""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

from local.gateway.errors import ClientGone, RequestRefused
from local.gateway.rules import Argument, Command

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

#: Upstash's limit for a request on every plan up to 50 GB, in bytes.
MAX_REQUEST_BYTES = 10 * 1024 * 1024

#: A body over the limit is read and dropped up to this many bytes, so that the client gets to read the answer
#: instead of a broken connection.
_MAX_DRAINED_BYTES = 8 * MAX_REQUEST_BYTES

_STRINGS = msgspec.json.Decoder(list[str])
_VALUES = msgspec.json.Decoder(list[msgspec.Raw])
_STRING_ROWS = msgspec.json.Decoder(list[list[str]])
_VALUE_ROWS = msgspec.json.Decoder(list[list[msgspec.Raw]])
_STRING = msgspec.json.Decoder(str)


@dataclass(frozen=True, slots=True)
class Options:
    """What the headers ask of the answer."""

    base64: bool
    resp2: bool

    @classmethod
    def from_headers(cls, headers: dict[bytes, bytes]) -> "Options":
        """Read the two headers of Upstash.

        Raises:
            RequestRefused: When a value is unknown, or the two exclude each other.
        """
        layout = headers.get(b"upstash-response-format", b"json").lower()
        base64 = headers.get(b"upstash-encoding", b"").lower() == b"base64"
        if layout not in (b"json", b"resp2"):
            raise RequestRefused("ERR unsupported response format: use json or resp2")
        if layout == b"resp2" and base64:
            raise RequestRefused("ERR base64 encoding is not allowed with the resp2 response format")
        return cls(base64=base64, resp2=layout == b"resp2")


async def read_body(receive: Receive, limit: int = MAX_REQUEST_BYTES) -> bytes:
    """Read the whole body of a request.

    Raises:
        RequestRefused: When the body is longer than `limit` bytes.
        ClientGone: When the client left before the end.
    """
    chunks: list[bytes] = []
    size = 0
    more = True
    while more and size <= _MAX_DRAINED_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
        more = message.get("more_body", False)
    if size > limit:
        raise RequestRefused(f"ERR max request size exceeded. Limit: {limit} bytes, Actual: {size} bytes")
    return b"".join(chunks)


def command_from_json(body: bytes) -> Command:
    """Decode `["CMD", "arg", …]`.

    Raises:
        RequestRefused: When the body is anything else.
    """
    try:
        command = _row(body)
    except (ValueError, RecursionError) as error:
        raise RequestRefused(f"ERR failed to parse command: {_reason(error)}") from error
    if not command:
        raise RequestRefused("ERR empty command")
    return command


def commands_from_json(body: bytes) -> Sequence[Command]:
    """Decode `[["CMD", "arg", …], …]`, the body of a pipeline or a transaction.

    Raises:
        RequestRefused: When the body is anything else, or a row is empty.
    """
    try:
        commands = _rows(body)
    except (ValueError, RecursionError) as error:
        raise RequestRefused(f"ERR failed to parse pipeline request: {_reason(error)}") from error
    if not commands:
        raise RequestRefused("ERR empty pipeline request")
    if not all(commands):
        raise RequestRefused("ERR empty pipeline command")
    return commands


def path_segments(scope: Scope) -> list[bytes]:
    """Split the path at its slashes, then decode each part, so that `%2F` stays inside an argument."""
    path = scope.get("raw_path") or scope["path"].encode()
    trimmed = path.removeprefix(b"/")
    return [unquote_to_bytes(segment) for segment in trimmed.split(b"/")] if trimmed else []


def query_pairs(query_string: bytes) -> list[tuple[bytes, bytes]]:
    """Split a query string, in order; a lone name has an empty value."""
    pairs = []
    for part in query_string.split(b"&"):
        if part:
            name, _, value = part.replace(b"+", b" ").partition(b"=")
            pairs.append((unquote_to_bytes(name), unquote_to_bytes(value)))
    return pairs


def command_from_path(segments: list[bytes], body: bytes, query: list[tuple[bytes, bytes]]) -> Command:
    """Build the command of `/set/key?EX=100` with the value in the body: path, then body, then query."""
    command: list[Argument] = [*segments]
    if body:
        command.append(body)
    for name, value in query:
        if name != b"_token":
            command += [name, value] if value else [name]
    return command


def bearer_token(headers: dict[bytes, bytes], query: list[tuple[bytes, bytes]]) -> bytes:
    """Return the token of the request, from its header or else from `?_token=`; empty if there is none."""
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() == b"bearer":
        return token.strip()
    return next((value for name, value in query if name == b"_token"), b"")


def _row(body: bytes) -> Command:
    try:
        return _STRINGS.decode(body)  # nearly every request holds strings alone
    except msgspec.ValidationError:
        return [_text(value) for value in _VALUES.decode(body)]


def _rows(body: bytes) -> Sequence[Command]:
    try:
        return _STRING_ROWS.decode(body)
    except msgspec.ValidationError:
        return [[_text(value) for value in row] for row in _VALUE_ROWS.decode(body)]


def _text(value: msgspec.Raw) -> Argument:
    """Turn one JSON value into an argument: a string is itself, anything else its own JSON text.

    Taking the text as it stands keeps `10000000000000000000001` and `1.50` exact.
    """
    text = bytes(value)
    return _STRING.decode(text) if text.startswith(b'"') else text


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "invalid UTF-8"
    return str(error)
