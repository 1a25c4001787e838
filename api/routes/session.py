"""`/api/session`: sign the dashboard in, tell who it is, sign it out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.bodies import SignIn
from api.body import read_json
from api.context import RequestContext, context_of
from api.deps import runtime_of
from api.errors import Unauthorized
from api.schemas import SessionOut, answer, json_body, problems
from api.security.keys import find_key
from api.security.reach import Reach
from api.security.session import cookie_header
from api.validation import read_fields
from api.wire import json_response, utc
from shared.errors import Conflict

router = APIRouter(prefix="/api/session", tags=["session"])

_MAX_BODY = 65_536
_EXAMPLE = {"a key": {"key": "dtq_…"}}


@router.post(
    "",
    summary="Sign in",
    responses={
        200: answer(SessionOut, "Signed in; Set-Cookie holds the session."),
        **problems(400, 409, 413, 415, 422, 429),
    },
    openapi_extra={"security": [], **json_body(SignIn, _EXAMPLE)},
)
async def sign_in(request: Request) -> Response:
    """Exchange an API key for a cookie that scripts cannot read and other sites cannot send.

    The session ends after SESSION_SECONDS (12 h), or with its key's entry in API_KEYS. Ten tries at once,
    then one every 30 s, per address.
    """
    runtime, context = runtime_of(request), context_of(request.scope)
    wanted = read_fields(await read_json(request, _MAX_BODY), SignIn)
    if runtime.sessions is None:
        raise Conflict("No API_KEYS are configured, so this machine needs no session.")
    context.queue = queue = runtime.new_queue()
    await runtime.sign_ins.take(queue, request.scope)
    key = find_key(runtime.keys, wanted.key.strip().encode())
    if key is None:
        raise Unauthorized("key: no such key. Check that you copied all of it.")
    context.role, context.caller, context.reach = key.role, key.name, Reach(key.queues)
    await queue.note_action("sign in", key.name, by=context.by)
    runtime.uses.note(key.name)
    token, context.session_ends_at = runtime.sessions.issue(key)
    cookie = cookie_header(request.scope, token, runtime.sessions.seconds)
    return json_response(_who(context), headers={"Set-Cookie": cookie})


@router.get(
    "",
    summary="Who am I",
    responses={200: answer(SessionOut, "Who asks, by key or session."), **problems()},
)
async def read_session(request: Request) -> Response:
    """Name, role and queues of the caller, and when its session ends; never asks Redis."""
    return json_response(_who(context_of(request.scope)))


@router.delete(
    "",
    status_code=204,
    summary="Sign out",
    responses={204: {"description": "The cookie is forgotten, if there was one."}, **problems()},
    openapi_extra={"security": []},
)
async def sign_out(request: Request) -> Response:
    """Make the browser forget the session. A copy of the cookie stays good until the session ends."""
    headers = {"Set-Cookie": cookie_header(request.scope, "", 0), "Cache-Control": "no-store"}
    return Response(status_code=204, headers=headers)


def _who(context: RequestContext) -> dict[str, Any]:
    ends_at, queues = context.session_ends_at, context.reach.queues
    return {
        "name": context.caller,
        "role": context.role,
        "queues": sorted(queues) if queues is not None else None,
        "expires_at": utc(datetime.fromtimestamp(ends_at, UTC)) if ends_at is not None else None,
    }
