"""The outermost layer of every answer: request id, security headers, price, log line, the last resort."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.context import RequestContext, attach, context_of
from api.problems import rate_fields, unexpected_problem
from api.request_log import log_request

_log = logging.getLogger(__name__)
_SANE_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._\-]{0,127}")
_CSP = b"content-security-policy"
_ALWAYS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
]
_API_CSP = (_CSP, b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
_HSTS = (b"strict-transport-security", b"max-age=31536000")


class Envelope:
    """Plain ASGI: a few list operations per request.

    Args:
        app: what it surrounds.
        is_logged: whether each request gets a line.
    """

    def __init__(self, app: ASGIApp, is_logged: bool = True) -> None:
        self._app = app
        self._is_logged = is_logged

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        context = RequestContext(_request_id(scope))
        attach(scope, context)
        began = time.perf_counter()
        status: int | None = None

        async def send_dressed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _dress(message, context, is_https=scope["scheme"] == "https")
            await send(message)

        try:
            await self._serve(scope, receive, send_dressed, lambda: status is not None)
        finally:
            if self._is_logged:
                log_request(scope, context, status, time.perf_counter() - began)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, has_begun: Callable[[], bool]) -> None:
        context = context_of(scope)
        try:
            await self._app(scope, receive, send)
        except ClientDisconnect:
            _log.info("client left before its body was complete, request_id=%s", context.request_id)
        except Exception:
            _log.exception("defect while serving, request_id=%s", context.request_id)
            if has_begun():
                raise
            await unexpected_problem(scope)(scope, receive, send)


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _SANE_ID.fullmatch(value):
            return str(value, "ascii")
    return secrets.token_hex(12)


def _dress(message: Message, context: RequestContext, *, is_https: bool) -> None:
    headers = [*message.get("headers", ()), *_ALWAYS]
    if is_https:
        headers.append(_HSTS)
    if not any(name == _CSP for name, _ in headers):
        headers.append(_API_CSP)
    headers.append((b"x-request-id", context.request_id.encode()))
    headers.append((b"x-redis-calls", b"%d" % context.redis_calls))
    allowance = context.allowance
    if allowance is not None and allowance.left is not None:
        headers += rate_fields(allowance.rate.amount, allowance.rate.seconds, allowance.left, 0)
    message["headers"] = headers
