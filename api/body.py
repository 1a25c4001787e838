"""Reads a body strictly: its type, its size, then JSON in which nothing is guessed or dropped."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
from fastapi import Request

from api.context import header_values
from api.locating import is_long_integer, key_that_stands_twice, no_text, place_of
from shared.errors import InvalidInput, MalformedBody, TooLarge, UnsupportedMedia

MAX_DEPTH = 100
_UTF8 = re.compile(r"""\s*charset\s*=\s*"?utf-?8"?\s*""", re.IGNORECASE)
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_encoder = msgspec.json.Encoder()


async def read_json(request: Request, max_bytes: int) -> Any:
    """The body of a request as parsed JSON.

    Raises:
        UnsupportedMedia: it is not declared as JSON in UTF-8.
        TooLarge: it has more than `max_bytes`; no more than that is read.
        MalformedBody: it is no JSON document.
        InvalidInput: it is one, but says something twice, nests too deep, or holds what is no text.
    """
    _check_media_type(request)
    return parse(await _read(request, max_bytes))


async def read_optional_json(request: Request, max_bytes: int) -> Any:
    """As `read_json`; no body at all stands for an object without members."""
    raw = await _read(request, max_bytes)
    if not raw:
        return {}
    _check_media_type(request)
    return parse(raw)


def _check_media_type(request: Request) -> None:
    values = header_values(request.scope, b"content-type")
    kind, *parameters = values[0].split(";") if len(values) == 1 else [""]
    is_utf8 = all(_UTF8.fullmatch(parameter) for parameter in parameters if parameter.strip())
    if kind.strip().lower() != "application/json" or not is_utf8:
        raise UnsupportedMedia(
            "Content-Type", "must be application/json.", "Send the header `Content-Type: application/json`."
        )
    encodings = header_values(request.scope, b"content-encoding")
    if any(encoding.strip().lower() != "identity" for encoding in encodings):
        raise UnsupportedMedia("Content-Encoding", "is not supported.", "Send the body uncompressed.")


async def _read(request: Request, max_bytes: int) -> bytes:
    declared = header_values(request.scope, b"content-length")
    if any(_declares_more(value, max_bytes) for value in declared):
        raise _too_large(max_bytes)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > max_bytes:
            raise _too_large(max_bytes)
        chunks.append(chunk)
    return b"".join(chunks)


def _declares_more(value: str, max_bytes: int) -> bool:
    digits = value.strip().lstrip("0")
    return digits.isdecimal() and (len(digits) > 18 or int(digits) > max_bytes)


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge("body", f"has more than {max_bytes} bytes.", "Send less, or several requests.")


class _KeyTwice(Exception):
    """An object has a key twice."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _KeyTwice
    return members


def _no_constant(text: str) -> Any:
    raise MalformedBody("body", f"holds {text}, which JSON does not have.", "Send null or a text.")


_decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)


def parse(raw: bytes) -> Any:
    """Parsed JSON; see `read_json` for what it raises."""
    try:
        value = _decoder.decode(raw.decode())
    except UnicodeDecodeError:
        raise MalformedBody("body", "is not valid UTF-8.", "Encode it as UTF-8.") from None
    except json.JSONDecodeError as error:
        raise MalformedBody(
            "body",
            f"{error.msg} at line {error.lineno}, column {error.colno}.",
            "Send one JSON object.",
        ) from None
    except RecursionError:
        raise _too_deep() from None
    except _KeyTwice:
        place = place_of(raw, key_that_stands_twice)
        raise InvalidInput(place, "stands twice in one object.", "Send each key once.") from None
    except ValueError:
        place = place_of(raw, is_long_integer)
        raise InvalidInput(place, "holds an integer of over 4300 digits.", "Send it as a text.") from None
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH:
        _check_depth(value)
    if _ESCAPED_SURROGATE.search(raw):
        _check_text(value, raw)
    return value


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            item
            for parent in level
            if isinstance(parent, dict | list)
            for item in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(item, dict | list)
        ]
        if not level:
            return
    raise _too_deep()


def _too_deep() -> InvalidInput:
    return InvalidInput("body", f"nests deeper than {MAX_DEPTH} levels.", "Send it flatter, or as a text.")


def _check_text(value: Any, raw: bytes) -> None:
    try:
        _encoder.encode(value)
    except UnicodeEncodeError:
        raise InvalidInput(
            place_of(raw, no_text), "holds a lone surrogate, which is no text.", "Send valid Unicode."
        ) from None
