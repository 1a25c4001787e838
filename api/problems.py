"""Every error as `application/problem+json` (RFC 9457), and never a stack trace."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Scope

from api.context import context_of
from api.errors import NotConfigured, Unauthorized, WrongQuery
from api.problem_types import PREFIX
from api.sections import routes_of
from api.validation import fault_of
from shared.errors import DtqError, InvalidInput, RateExceeded, SettingsError

MEDIA_TYPE = "application/problem+json"
_MAX_ECHO = 200
_DEFAULT_RETRY_S = 60


def problem_of(scope: Scope, error: DtqError) -> Response:
    """The answer that an error of ours stands for."""
    if isinstance(error, SettingsError):
        error = NotConfigured([error])
    members: dict[str, Any] = {"detail": error.detail}
    if isinstance(error, InvalidInput):
        members |= {"field": error.field, "rule": error.rule, "fix": error.fix}
    elif isinstance(error, NotConfigured):
        members |= {"field": error.variable, "rule": error.rule, "fix": f"Example: {error.example}"}
    headers = {}
    retry_after_s = error.retry_after_s
    if retry_after_s is None and error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        retry_after_s = _DEFAULT_RETRY_S
    if retry_after_s is not None:
        headers["Retry-After"] = str(retry_after_s)
    if isinstance(error, RateExceeded):
        fields = rate_fields(error.count, error.window_s, 0, error.retry_after_s or 1)
        headers |= {name.decode(): value.decode() for name, value in fields}
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = 'Bearer realm="dtq"'
    return _problem(scope, error.slug, error.title, error.status, members, headers)


def rate_fields(amount: int, window_s: int, left: int, wait_s: int) -> list[tuple[bytes, bytes]]:
    """The RateLimit headers (draft-ietf-httpapi-ratelimit-headers): the policy, and what is left of it.

    `t` is when more becomes free; that is now, unless nothing is left.
    """
    return [
        (b"ratelimit-policy", b'"default";q=%d;w=%d' % (amount, window_s)),
        (b"ratelimit", b'"default";r=%d;t=%d' % (left, wait_s)),
    ]


def unexpected_problem(scope: Scope) -> Response:
    """The answer to a defect of ours: where to look, and nothing of what happened."""
    detail = "The API met a defect of its own. The log has it under this request_id."
    return _problem(scope, "internal-error", "The API failed", 500, {"detail": detail}, {})


def _problem(
    scope: Scope, slug: str, title: str, status: int, members: dict[str, Any], headers: dict[str, str]
) -> Response:
    body = {
        "type": PREFIX + slug,
        "title": title,
        "status": status,
        **members,
        "instance": scope["path"][:_MAX_ECHO],
        "request_id": context_of(scope).request_id,
    }
    # ASCII on purpose: whatever a client sent and we repeat, it can be encoded.
    content = json.dumps(body, separators=(",", ":")).encode()
    headers["Cache-Control"] = "no-store"
    return Response(content, status, headers, media_type=MEDIA_TYPE)


async def _on_our_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, DtqError)
    return problem_of(request.scope, error)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    """What the router refuses: unknown routes and wrong methods."""
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    details = {
        404: "No route of the API has this path. /docs lists them.",
        405: f"This path does not take {request.method}. The Allow header names what it takes.",
    }
    members = {"detail": details.get(error.status_code, str(error.detail))}
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_methods_of(request)))
    slug = phrase.lower().replace(" ", "-")
    return _problem(request.scope, slug, phrase, error.status_code, members, headers)


def _methods_of(request: Request) -> set[str]:
    """What the path takes, over all its routes: the router names only the first one's.

    A path that is a route's own word by word is that one, and no id of another route.
    """
    path = request.scope["path"]
    routes = [route for route in routes_of(request.app) if isinstance(route, Route)]
    matching = [route for route in routes if route.path == path] or [
        route for route in routes if route.path_regex.match(path)
    ]
    return {method for route in matching for method in route.methods or ()}


async def _on_wrong_query(request: Request, error: Exception) -> Response:
    """Bodies are read by us, so what FastAPI refuses is a query parameter."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    fault = fault_of(first, first["loc"][1:])
    return problem_of(request.scope, WrongQuery(fault.field, fault.rule, fault.fix))


def install_problems(app: FastAPI) -> None:
    """Answer every error of the application with a problem document."""
    app.add_exception_handler(DtqError, _on_our_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_wrong_query)
