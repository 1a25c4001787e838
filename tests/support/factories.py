"""Tasks and workers with everything filled in that a test does not care about."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

from shared.codec import Claim
from shared.models import TaskSubmission
from shared.queue import Outcome, TaskQueue, WorkerState

_names = count(1)

ERROR = '{"type":"ValueError","message":"boom","traceback":null}'
TYPE = json.dumps(
    {
        "schema": {"type": "object"},
        "version": "1",
        "queue": "default",
        "max_retries": 3,
        "timeout_seconds": 30,
        "description": "does nothing",
    }
)


def task(payload: Any = None, **fields: Any) -> TaskSubmission:
    """A submission of type `noop`."""
    return TaskSubmission(**{"task_type": "noop", "payload": payload or {}, **fields})


def tasks(count: int, **fields: Any) -> list[TaskSubmission]:
    """So many alike, told apart by `n` in the payload."""
    return [task({"n": n}, **fields) for n in range(count)]


def worker(
    *queues: str, types: tuple[str, ...] = ("noop",), lease_ms: int = 30_000, name: str | None = None
) -> WorkerState:
    """The state of a worker that is not registered yet; its name was never used before."""
    return WorkerState(name or f"worker-{next(_names)}", queues or ("default",), types, lease_ms)


def description(state: WorkerState, slots: int = 10) -> str:
    """What a worker says about itself."""
    return json.dumps(
        {
            "host": "host",
            "version": "1",
            "queues": list(state.queues),
            "types": list(state.types),
            "slots": slots,
            "lease_seconds": state.lease_ms / 1000,
            "memory_mb": 60,
            "started_at": "2026-01-01T00:00:00Z",
        }
    )


async def registered(queue: TaskQueue, *queues: str, **fields: Any) -> WorkerState:
    """A worker that may exchange."""
    state = worker(*queues, **fields)
    await queue.register(state, description(state), dict.fromkeys(state.types, TYPE))
    return state


async def exchange_all(queue: TaskQueue, state: WorkerState, free: int) -> list[Claim]:
    """What a worker claims that comes again at once while there is more."""
    claims: list[Claim] = []
    has_more = True
    while has_more:
        reply = await queue.exchange(state, free=free - len(claims), holding=len(claims))
        claims += reply.claims
        has_more = reply.has_more and len(claims) < free
    return claims


def ending(claim: Claim, kind: str = "c", body: str | None = None, delay_ms: int = 0) -> Outcome:
    """The outcome of a claim; a result or an error is made up when none is given."""
    if body is None:
        body = {"c": '{"ok":true}', "f": ERROR, "x": ERROR}.get(kind, "")
    return Outcome(claim.id, claim.number, kind, body, delay_ms)
