"""Handlers of the chaos runs: each notes its start and its end outside Redis."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager

from tests.chaos.effects import note
from worker_host.context import Context
from worker_host.handlers import Reject, RetryAfter, Snooze, register_handler


@contextmanager
def noted(context: Context) -> Iterator[None]:
    """Start and end of this run in the file of effects."""
    note("start", context.task_id, context.attempt)
    ending = "failed"
    try:
        yield
        ending = "done"
    except asyncio.CancelledError:
        ending = "cancelled"
        raise
    finally:
        note(ending, context.task_id, context.attempt)


def proof(context: Context, size: int = 0) -> dict:
    """A result that names the run it came from."""
    return {"attempt": context.attempt, "pid": os.getpid(), "filler": "x" * size}


@register_handler("work")
async def work(payload: dict, context: Context) -> dict:
    with noted(context):
        await asyncio.sleep(payload["seconds"])
        return proof(context, payload.get("size", 0))


@register_handler("flaky")
async def flaky(payload: dict, context: Context) -> dict:
    with noted(context):
        if context.attempt <= payload["failures"]:
            raise RetryAfter(payload["seconds"])
        return proof(context)


@register_handler("snoozing")
async def snoozing(payload: dict, context: Context) -> dict:
    with noted(context):
        if random.random() < 0.5:
            raise Snooze(payload["seconds"])
        return proof(context)


@register_handler("doomed")
async def doomed(payload: dict, context: Context) -> dict:
    with noted(context):
        raise ValueError("as ever")


@register_handler("rejected")
async def rejected(payload: dict, context: Context) -> dict:
    with noted(context):
        raise Reject("never")
