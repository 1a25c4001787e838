"""ETag and If-None-Match: an unchanged answer to a polled read costs a header, not a body."""

from __future__ import annotations

import hashlib
from typing import Any

from fastapi import Request
from starlette.responses import Response

from api.wire import to_json


def cached_response(
    request: Request, value: Any, *, same: Any = None, headers: dict[str, str] | None = None
) -> Response:
    """The answer, or 304 when the client holds it.

    Args:
        request: what is answered.
        value: what is sent.
        same: what tells two answers apart where it is not `value` itself (a clock ticks in it).
        headers: more of them.
    """
    content = to_json(value)
    digest = _digest(content if same is None else to_json(same))
    return _answer(request, content, digest, headers or {}, "application/json")


def cached_text(request: Request, text: str, media_type: str) -> Response:
    """The answer that is no JSON, or 304 when the client holds it."""
    content = text.encode()
    return _answer(request, content, _digest(content), {}, media_type)


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=12).hexdigest()


def _answer(
    request: Request, content: bytes, digest: str, headers: dict[str, str], media_type: str
) -> Response:
    # Weak: on its way an answer may be compressed, and two forms must not share a strong tag.
    tag = f'W/"{digest}"'
    fields = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie", **headers}
    if _holds(request.headers.getlist("if-none-match"), digest):
        return Response(None, 304, fields)
    return Response(content, 200, fields, media_type=media_type)


def _holds(conditions: list[str], digest: str) -> bool:
    """Whether If-None-Match names the tag; it is compared weakly (RFC 9110, 13.1.2)."""
    tags = [tag.strip().removeprefix("W/") for condition in conditions for tag in condition.split(",")]
    return "*" in tags or f'"{digest}"' in tags
