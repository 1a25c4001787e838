"""`/api/events`: what changes, as a stream and by polling; the same events and the same cursor."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from api.context import header_values
from api.deadline import answered_in_time
from api.deps import ReadQueue, runtime_of
from api.errors import NoStreaming
from api.live.shaping import shaped
from api.live.stream import EventStream
from api.queries import EventQuery, PollQuery
from api.schemas import EventPageOut, answer, problems
from api.wire import json_response
from shared.events import is_cursor

router = APIRouter(prefix="/api/events", tags=["events"])

_STREAM = {
    "description": "Server-sent events: `ready`, changes without a name, `reset`, `away`, `back`.",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}


@router.get(
    "",
    summary="Watch what changes",
    response_class=StreamingResponse,
    responses={200: _STREAM, **problems(422, 501)},
)
async def stream_events(
    request: Request, queue: ReadQueue, query: Annotated[EventQuery, Query()]
) -> Response:
    """Events from now on, or from `Last-Event-ID` on: each once and in order, or a `reset`.

    The stream ends by itself after some minutes; a client connects again with the id that it has seen last,
    as browsers do. All streams of an instance share one reader.
    """
    if "aws.event" in request.scope:
        raise NoStreaming(
            "Answers are sent as a whole on AWS Lambda, so an event stream would never arrive. "
            "Poll GET /api/events/poll: the same events and the same cursor."
        )
    runtime = runtime_of(request)
    hub = runtime.hub()
    before = hub.calls
    try:
        async with answered_in_time():
            viewer = await hub.open(_last_seen(request), is_calm=query.pace == "calm")
    finally:
        queue.calls += hub.calls - before
    return EventStream(viewer, query.wanted, runtime.settings.events_stream_seconds)


@router.get(
    "/poll",
    summary="Ask what has changed",
    responses={200: answer(EventPageOut, "Events after the cursor, and when to ask again."), **problems(422)},
)
async def poll_events(request: Request, queue: ReadQueue, query: Annotated[PollQuery, Query()]) -> Response:
    """Events after the cursor `after`, oldest first; without one, the cursor of now and no events.

    `reset` says that events may have been missed: read the state anew and go on from `cursor`. Ask again
    after `poll_after_seconds`. Those who ask an instance at about the same time share one read.
    """
    hub = runtime_of(request).hub()
    before = hub.calls
    try:
        async with answered_in_time():
            look = await hub.poll(query.after or None, is_calm=query.pace == "calm")
    finally:
        queue.calls += hub.calls - before
    events = [one for event in look.page.events if (one := shaped(event, query.wanted)) is not None]
    return json_response(
        {
            "events": events,
            "cursor": look.page.cursor,
            "reset": look.page.is_gap,
            "poll_after_seconds": look.again_s,
        }
    )


def _last_seen(request: Request) -> str | None:
    """What a client has seen last; what is none of our ids leads to a reset, not to an error.

    A browser that gets an error does not connect again.
    """
    values = header_values(request.scope, b"last-event-id")
    if not values or not values[-1]:
        return None
    return values[-1] if is_cursor(values[-1]) else _NOWHERE


#: A cursor that no entry has.
_NOWHERE = "0-1"
