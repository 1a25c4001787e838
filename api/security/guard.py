"""The layer that judges a request before any route sees it."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from api.context import context_of, header_values
from api.errors import Unauthorized
from api.problems import problem_of
from api.runtime import Runtime
from api.security.keyless import refusal_without_key
from api.security.keys import Role, find_key
from shared.errors import DtqError

#: Alive or not is told to anybody, and whatever is configured.
HEALTH = "/api/health"
#: Descriptions of the API, which hold no secrets.
_PUBLIC = frozenset({"/docs", "/openapi.json", "/api/docs", "/api/openapi.json"})
_NO_KEY = "Authorization: is missing. Send `Authorization: Bearer <key>`."
_WRONG_KEY = "Authorization: no such key. Send `Authorization: Bearer <key>` with a key of API_KEYS."


class Guard:
    """Authenticates; what the role may do is asked by each route (`api/deps.py`).

    Args:
        app: what it protects.
        runtime: of the application.
    """

    def __init__(self, app: ASGIApp, runtime: Runtime) -> None:
        self._app = app
        self._runtime = runtime

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, or refuse it."""
        if scope["type"] == "http" and scope["path"] != HEALTH:
            refusal = self._refusal(scope)
            if refusal is not None:
                await problem_of(scope, refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> DtqError | None:
        """Why the request may not pass; else its role is noted."""
        runtime = self._runtime
        if runtime.problem is not None:
            return runtime.problem
        if not runtime.keys:
            settings = runtime.settings
            context_of(scope).role = Role.ADMIN
            return refusal_without_key(
                scope, any_peer=settings.allow_keyless, origins=settings.allowed_origins
            )
        if scope["path"] in _PUBLIC or not scope["path"].startswith("/api"):
            return None
        return self._judge_key(scope)

    def _judge_key(self, scope: Scope) -> Unauthorized | None:
        values = header_values(scope, b"authorization")
        if not values:
            return Unauthorized(_NO_KEY)
        scheme, _, presented = values[0].partition(" ")
        if len(values) > 1 or scheme.lower() != "bearer" or not presented.strip():
            return Unauthorized(_NO_KEY)
        key = find_key(self._runtime.keys, presented.strip().encode("latin-1"))
        if key is None:
            return Unauthorized(_WRONG_KEY)
        context_of(scope).role = key.role
        return None
