"""The layer that judges a request before any route sees it."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from api.context import context_of, header_values
from api.errors import Forbidden, NotConfigured, Unauthorized
from api.problem_types import PREFIX
from api.problems import problem_of
from api.runtime import Runtime
from api.security.keyless import refusal_without_key
from api.security.keys import ApiKey, Role, find_key, is_secret
from api.security.reach import Reach
from api.security.session import changes_something, is_from_own_page, token_of
from shared.errors import DtqError, SettingsError

#: Alive or not is told to anybody, and whatever is configured.
HEALTH = "/api/health"
#: Signing in and out needs no key beforehand.
SESSION = "/api/session"
#: Opened by CRON_SECRET, too.
TICK = "/api/cron/tick"
#: Descriptions of the API, which hold no secrets.
_PUBLIC = frozenset({"/docs", "/openapi.json", "/api/docs", "/api/openapi.json", "/api/problems"})
_NO_KEY = "Authorization: is missing. Send `Authorization: Bearer <key>`."
_WRONG_KEY = "Authorization: no such key. Send `Authorization: Bearer <key>` with a key of API_KEYS."
_OVER = "The session is over, or its key is not configured any more. Sign in again: POST /api/session."
_FOREIGN = (
    "Origin: a session may be used by pages of this very origin only. Open the dashboard of this deployment, "
    "name the page's origin in CORS_ORIGINS, or send `Authorization: Bearer <key>`."
)
_NO_CRON_SECRET = SettingsError(
    "CRON_SECRET",
    "is missing; without it Vercel's cron cannot prove who it is.",
    "a random text of 32 characters, as printed by `openssl rand -hex 16`",
)


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
            context_of(scope).role, context_of(scope).rate = Role.ADMIN, settings.rate_limit
            return refusal_without_key(
                scope, any_peer=settings.allow_keyless, origins=settings.allowed_origins
            )
        if _is_public(scope["path"]):
            return None
        if scope["path"] == SESSION and scope["method"] != "GET":
            return self._refusal_of_page(scope) if header_values(scope, b"origin") else None
        if not header_values(scope, b"authorization"):
            token = token_of(scope)
            if token is not None:
                return self._judge_session(scope, token)
        presented = _presented(scope)
        if scope["path"] == TICK and self._is_cron(scope, presented):
            return None
        return self._judge_key(scope, presented)

    def _judge_session(self, scope: Scope, token: str) -> DtqError | None:
        """A write by a cookie must come from a page of ours: a browser sends cookies by itself."""
        assert self._runtime.sessions is not None
        found = self._runtime.sessions.find(self._runtime.keys, token)
        if found is None:
            return Unauthorized(_OVER)
        key, context_of(scope).session_ends_at = found
        if changes_something(scope) or scope["path"] == TICK:
            refusal = self._refusal_of_page(scope)
            if refusal is not None:
                return refusal
        self._admit(scope, key)
        return None

    def _refusal_of_page(self, scope: Scope) -> DtqError | None:
        if is_from_own_page(scope, self._runtime.settings.allowed_origins):
            return None
        return Forbidden(_FOREIGN)

    def _admit(self, scope: Scope, key: ApiKey) -> None:
        context = context_of(scope)
        context.role, context.caller = key.role, key.name
        context.reach = Reach(key.queues)
        context.rate = key.rate or self._runtime.settings.rate_limit
        self._runtime.uses.note(key.name)

    def _judge_key(self, scope: Scope, presented: bytes | None) -> DtqError | None:
        key = find_key(self._runtime.keys, presented) if presented else None
        if key is not None:
            self._admit(scope, key)
            return None
        settings = self._runtime.settings
        if scope["path"] == TICK and settings.vercel and settings.cron_secret is None:
            return NotConfigured([_NO_CRON_SECRET])
        return Unauthorized(_WRONG_KEY if presented else _NO_KEY)

    def _is_cron(self, scope: Scope, presented: bytes | None) -> bool:
        """Whether CRON_SECRET is presented; it opens this one path, so it may have the highest role."""
        secret = self._runtime.settings.cron_secret
        if secret is None or presented is None or not is_secret(presented, secret):
            return False
        context_of(scope).role, context_of(scope).caller = Role.ADMIN, "cron"
        return True


def _is_public(path: str) -> bool:
    """Whether a path needs no key where keys are configured."""
    return path in _PUBLIC or path.startswith(PREFIX) or not path.startswith("/api")


def _presented(scope: Scope) -> bytes | None:
    """What follows `Bearer`; None when the header is missing, twice there, or of another scheme."""
    values = header_values(scope, b"authorization")
    scheme, _, presented = values[0].partition(" ") if len(values) == 1 else ("", "", "")
    return presented.strip().encode("latin-1") or None if scheme.lower() == "bearer" else None
