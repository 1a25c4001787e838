"""`Prefer: wait=N` (RFC 7240): answer when the task has ended, or when the time is over.

Over TCP the hub's reader tells when to look. Over REST the task's first letter is read at a pace: after 0.5 s
where calls are billed, each time half as long again, at last every 5 s; that makes 17 calls in a minute.
"""

from __future__ import annotations

import asyncio
import re

from starlette.requests import Request

from api.context import header_values
from api.deps import runtime_of
from api.live.hub import EventHub
from api.live.viewer import News, Reset, Signal, Viewer
from api.replies import readable_reply
from shared.events import Event
from shared.models import TERMINAL_STATUSES
from shared.queue import TaskQueue

_WAIT = re.compile(r"\s*wait\s*=\s*\"?([0-9]{1,9})\"?\s*(;.*)?", re.IGNORECASE)
#: AWS ends a request to an HTTP API after 30 s.
LAMBDA_MAX_S = 25.0
#: A look at least so often, whatever events say.
_LOOK_AGAIN_S = 15.0
#: Not more often where events leave out who they are about.
_LOOK_SOONEST_S = 0.25


def wanted_wait_s(request: Request) -> float | None:
    """How long the client wants to wait, at most what is allowed; None when it does not ask for it.

    A preference that cannot be read is ignored, as the RFC demands.
    """
    parts = [part for value in header_values(request.scope, b"prefer") for part in value.split(",")]
    found = next((match for part in parts if (match := _WAIT.fullmatch(part))), None)
    if found is None:
        return None
    most_s = runtime_of(request).settings.max_wait_seconds
    if "aws.event" in request.scope:
        most_s = min(most_s, LAMBDA_MAX_S)
    return min(float(found[1]), most_s)


async def wait_for_end(request: Request, billed: TaskQueue, task_id: str, timeout_s: float) -> None:
    """Return when the task has ended, the time is over, or the client has left.

    Args:
        request: that asks.
        billed: the request's own queue, to which the calls are added.
        task_id: of the task.
        timeout_s: how long at most.

    Raises:
        NotFound: no task of that id is kept.
        StoreError: Redis does not answer.
    """
    runtime = runtime_of(request)
    queue = runtime.patient_queue()
    waiting = asyncio.ensure_future(_wait(request, queue, task_id, timeout_s))
    leaving = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({waiting, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            waiting.result()
    finally:
        for task in (waiting, leaving):
            task.cancel()
        await asyncio.wait({waiting, leaving})
        billed.also_cost(queue.calls)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        continue


async def _wait(request: Request, queue: TaskQueue, task_id: str, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            if runtime_of(request).can_block:
                await _listen(runtime_of(request).hub(), queue, task_id)
            else:
                await _look_at_pace(queue, task_id, *runtime_of(request).pace[2:])
    except TimeoutError:
        return


async def _has_ended(queue: TaskQueue, task_id: str) -> bool:
    with readable_reply():
        status = await queue.status(task_id)
    return status in TERMINAL_STATUSES


async def _look_at_pace(queue: TaskQueue, task_id: str, pause_s: float, slowest_s: float) -> None:
    while not await _has_ended(queue, task_id):
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 1.5, slowest_s)


async def _listen(hub: EventHub, queue: TaskQueue, task_id: str) -> None:
    before = hub.calls
    try:
        viewer = await hub.open(None)
    finally:
        queue.also_cost(hub.calls - before)
    try:
        # Heard of first, looked at then: what ends in between is in the viewer's news.
        while await viewer.batch(0):
            continue
        while not await _has_ended(queue, task_id):
            await _news_of(viewer, task_id)
    finally:
        viewer.close()


async def _news_of(viewer: Viewer, task_id: str) -> None:
    """Return when something was heard that may be the end of the task, or after a while."""
    clock = asyncio.get_running_loop().time
    look_at = clock() + _LOOK_AGAIN_S
    while (left_s := look_at - clock()) > 0:
        news = await viewer.batch(left_s)
        if news is None:  # the server stops
            raise TimeoutError
        if any(_names(one, task_id) for one in news):
            return
        if any(_may_mean(one) for one in news):
            await asyncio.sleep(_LOOK_SOONEST_S)
            return


def _names(news: News, task_id: str) -> bool:
    return isinstance(news, Event) and any(
        one == task_id and status in TERMINAL_STATUSES for one, status in news.tasks
    )


def _may_mean(news: News) -> bool:
    """Whether the task may have ended unnamed."""
    if isinstance(news, Reset | Signal):
        return True
    ended = sum(
        n for by_status in news.counts.values() for s, n in by_status.items() if s in TERMINAL_STATUSES
    )
    named = sum(status in TERMINAL_STATUSES for _, status in news.tasks)
    return ended > named
