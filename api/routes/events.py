"""`/api/events`: what changes, as a stream and by polling; the same events and the same cursor."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from api.context import header_values
from api.deadline import answered_in_time
from api.deps import ScopedReadQueue, reach_of, runtime_of
from api.errors import NoStreaming
from api.live.shaping import EventFilter, shaped
from api.live.stream import EventStream
from api.queries import EventQuery, PollQuery
from api.schemas import EventPageOut, answer, problems
from api.wire import json_response
from shared.events import cursor_of, is_cursor, marks_of, moved

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
    request: Request, queue: ScopedReadQueue, query: Annotated[EventQuery, Query()]
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
    wanted = _wanted(request, query)
    runtime = runtime_of(request)
    hub = runtime.hub()
    before = hub.calls
    try:
        async with answered_in_time():
            viewer = await hub.open(_last_seen(request, len(queue.shards)), is_calm=query.pace == "calm")
    finally:
        queue.also_cost(hub.calls - before)
    return EventStream(viewer, wanted, runtime.settings.events_stream_seconds)


@router.get(
    "/poll",
    summary="Ask what has changed",
    responses={200: answer(EventPageOut, "Events after the cursor, and when to ask again."), **problems(422)},
)
async def poll_events(
    request: Request, queue: ScopedReadQueue, query: Annotated[PollQuery, Query()]
) -> Response:
    """Events after the cursor `after`, oldest first; without one, the cursor of now and no events.

    `reset` says that events may have been missed: read the state anew and go on from `cursor`. Ask again
    after `poll_after_seconds`. Those who ask an instance at about the same time share one read.
    """
    wanted = _wanted(request, query)
    hub = runtime_of(request).hub()
    before = hub.calls
    try:
        async with answered_in_time():
            look = await hub.poll(query.after or None, is_calm=query.pace == "calm")
    finally:
        queue.also_cost(hub.calls - before)
    events, cursor = [], query.after
    for event in look.page.events:
        cursor = moved(cursor, event)
        events.append(shaped(event, wanted, cursor))
    return json_response(
        {
            "events": [event for event in events if event is not None],
            "cursor": look.page.cursor,
            "reset": look.page.is_gap,
            "poll_after_seconds": look.again_s,
        }
    )


def _wanted(request: Request, query: EventQuery) -> EventFilter:
    """What is shown: of the caller's queues alone.

    Raises:
        Forbidden: the caller names another.
    """
    reach = reach_of(request)
    if query.queue:
        reach.check(query.queue, "queue")
    return query.wanted._replace(reach=reach)


def _last_seen(request: Request, shards: int) -> str | None:
    """What a client has seen last; what is none of our ids leads to a reset, not to an error.

    A browser that gets an error does not connect again.
    """
    values = header_values(request.scope, b"last-event-id")
    if not values or not values[-1]:
        return None
    is_ours = is_cursor(values[-1]) and len(marks_of(values[-1])) == shards
    return values[-1] if is_ours else cursor_of([_NOWHERE] * shards)


#: A mark that no entry has.
_NOWHERE = "0-1"
