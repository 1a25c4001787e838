"""`/api/queues/{name}/limits`: how many tasks of a queue, or of a limit key in it, run at once and how often they start."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from api.bodies import KeyLimits, NoFields, QueueLimits, read_body, read_control
from api.deps import Caller, ScopedControlQueue, ScopedReadQueue, reach_of
from api.replies import readable_reply
from api.schemas import NAME_IN_PATH, QueueLimitsOut, answer, json_body, problems
from api.wire import json_response, plain
from shared.errors import InvalidInput
from shared.models import KeyLimit, Limit
from shared.queue import TaskQueue

router = APIRouter(prefix="/api/queues/{name}/limits", tags=["queues"])

_QUEUE = {
    "three at once, ten starts a second": {"concurrency": 3, "rate": {"limit": 10, "period_seconds": 1}},
    "two at once for each customer": {"per_key": {"concurrency": 2}},
    "lift all": {},
}
_KEY = {"a large customer": {"concurrency": 20}}
LimitKey = Annotated[str, Path(min_length=1, max_length=200, description="A task's `limit_key`.")]


async def _limits_of(queue: TaskQueue, name: Annotated[str, NAME_IN_PATH], cursor: str) -> dict[str, Any]:
    with readable_reply():
        page = await queue.key_limits(name, cursor=cursor or "0")
    return {
        "queue": name,
        "limit": plain(page.limit) if page.limit else None,
        "per_key": plain(page.general) if page.general else None,
        "keys": [plain(one) for one in page.keys],
        "next_cursor": page.next_cursor,
    }


@router.get(
    "",
    summary="Read the limits of a queue",
    responses={200: answer(QueueLimitsOut, "The limits in force and the keys they bind."), **problems(422)},
)
async def read_limits(
    request: Request,
    queue: ScopedReadQueue,
    name: Annotated[str, NAME_IN_PATH],
    cursor: Annotated[
        str, Query(description="`next_cursor` of the page before.", json_schema_extra={"format": "cursor"})
    ] = "",
) -> Response:
    """The queue's own limit, that of each limit key in it, and the keys that have their own, run or wait."""
    reach_of(request).check(name, "queue")
    return json_response(await _limits_of(queue, name, cursor))


@router.put(
    "",
    summary="Set the limits of a queue",
    responses={200: answer(QueueLimitsOut, "In force on all workers."), **problems(400, 413, 415, 422)},
    openapi_extra=json_body(QueueLimits, _QUEUE),
)
async def set_limits(
    request: Request, queue: ScopedControlQueue, name: Annotated[str, NAME_IN_PATH], by: Caller
) -> Response:
    """Replace the queue's limit and that of each key; what is left out is lifted. What runs goes on."""
    reach_of(request).check(name, "queue")
    wanted = await read_body(request, QueueLimits)
    with readable_reply():
        await queue.limit_queue(name, Limit(concurrency=wanted.concurrency, rate=wanted.rate), by=by)
        await queue.limit_keys(name, wanted.per_key, by=by)
    return json_response(await _limits_of(queue, name, ""))


@router.get(
    "/{key:path}",
    summary="Read one limit key",
    responses={200: answer(KeyLimit, "Its own limit, what runs and what waits."), **problems(422)},
)
async def read_key_limit(
    request: Request, queue: ScopedReadQueue, name: Annotated[str, NAME_IN_PATH], key: LimitKey
) -> Response:
    """One limit key of a queue as it is now; one that was never used has nothing running."""
    reach_of(request).check(name, "queue")
    with readable_reply():
        return json_response(plain(await queue.key_limit(name, key)))


@router.put(
    "/{key:path}",
    summary="Set the limit of one limit key",
    responses={200: answer(KeyLimit, "In force on all workers."), **problems(400, 409, 413, 415, 422)},
    openapi_extra=json_body(KeyLimits, _KEY),
)
async def set_key_limit(
    request: Request, queue: ScopedControlQueue, name: Annotated[str, NAME_IN_PATH], key: LimitKey, by: Caller
) -> Response:
    """Give one key a limit of its own; at most 1,000 keys of a queue have one."""
    reach_of(request).check(name, "queue")
    wanted = await read_body(request, KeyLimits)
    if wanted.concurrency is None and wanted.rate is None:
        raise InvalidInput("concurrency", "is missing, and so is rate.", "Send one of them, or DELETE.")
    with readable_reply():
        await queue.limit_key(name, key, Limit(concurrency=wanted.concurrency, rate=wanted.rate), by=by)
        return json_response(plain(await queue.key_limit(name, key)))


@router.delete(
    "/{key:path}",
    summary="Lift the limit of one limit key",
    responses={200: answer(KeyLimit, "The limit of all keys holds for it."), **problems(400, 413, 415, 422)},
)
async def lift_key_limit(
    request: Request, queue: ScopedControlQueue, name: Annotated[str, NAME_IN_PATH], key: LimitKey, by: Caller
) -> Response:
    """From now on the limit of all keys of the queue holds for this one, too, if there is one."""
    reach_of(request).check(name, "queue")
    await read_control(request, NoFields)
    with readable_reply():
        await queue.limit_key(name, key, None, by=by)
        return json_response(plain(await queue.key_limit(name, key)))
