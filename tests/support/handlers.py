"""Handlers of the tests; effects are appended to the file that EFFECTS names, outside Redis."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

from pydantic import BaseModel, ConfigDict

from worker_host.context import Context
from worker_host.handlers import RateLimited, Reject, RetryAfter, Snooze, register_handler


def record(line: str) -> None:
    """One line, atomically: O_APPEND writes of short lines do not mix."""
    path = os.environ.get("EFFECTS")
    if path:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, f"{line}\n".encode())
        os.close(handle)


class Person(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    age: int = 0


class Mute(Exception):
    """Its message cannot be read, which an application's own exception may do by mistake."""

    def __str__(self) -> str:
        raise Mute


@register_handler("echo")
async def echo(payload: dict, context: Context) -> dict:
    record(f"echo {context.task_id} {payload.get('n', '')}")
    return {"payload": payload, "attempt": context.attempt}


@register_handler("noop")
async def noop(payload: dict) -> dict:
    return {"ok": True}


@register_handler("sleep")
async def sleep(payload: dict, context: Context) -> dict:
    record(f"start {context.task_id} {context.attempt}")
    try:
        await asyncio.sleep(payload["seconds"])
    except asyncio.CancelledError:
        record(f"cancelled {context.task_id}")
        raise
    record(f"end {context.task_id} {context.attempt}")
    return {"slept": payload["seconds"]}


@register_handler("once_slow")
async def once_slow(payload: dict, context: Context) -> dict:
    """Sleeps only in its first attempt: what is taken over finishes at once."""
    record(f"start {context.task_id} {context.attempt}")
    if context.attempt == 1:
        await asyncio.sleep(payload["seconds"])
    record(f"end {context.task_id} {context.attempt}")
    return {"attempt": context.attempt}


@register_handler("thread")
def in_thread(payload: dict) -> dict:
    time.sleep(payload.get("seconds", 0))
    return {"thread": True, "pid": os.getpid()}


@register_handler("process", run_in="process")
def in_process(payload: dict, context: Context) -> dict:
    print("a line of the handler's own")
    if "signal" in payload:
        os.kill(os.getpid(), payload["signal"])
    if "allocate_mb" in payload:
        return {"bytes": len(bytearray(payload["allocate_mb"] * 1024 * 1024))}
    if payload.get("raise"):
        raise ValueError("from the child")
    if payload.get("mute"):
        raise Mute
    if payload.get("reject"):
        raise Reject("never")
    time.sleep(payload.get("seconds", 0))
    return {"pid": os.getpid(), "attempt": context.attempt}


@register_handler("person")
async def person(payload: Person) -> dict:
    return {"hello": payload.name, "age": payload.age}


@register_handler("raise")
async def fail(payload: dict, context: Context) -> dict:
    record(f"raise {context.task_id} {context.attempt}")
    kinds: dict[str, Any] = {
        "reject": lambda: Reject("never again"),
        "retry_after": lambda: RetryAfter(0.05),
        "snooze": lambda: Snooze(0.05),
        "rate_limited": lambda: RateLimited(0.05),
        "exit": lambda: SystemExit(3),
        "surrogate": lambda: ValueError("bad \ud800 text"),
        "value": lambda: ValueError("it broke"),
        "mute": Mute,
        "snooze_nan": lambda: Snooze(float("nan")),
        "snooze_none": lambda: Snooze(None, "no number"),
    }
    if context.attempt <= payload.get("times", 1000) and not (
        payload["kind"] in ("snooze", "rate_limited") and _seen(context.task_id)
    ):
        raise kinds[payload["kind"]]()
    return {"attempt": context.attempt}


_snoozed: set[str] = set()


def _seen(task_id: str) -> bool:
    if task_id in _snoozed:
        return True
    _snoozed.add(task_id)
    return False


@register_handler("bad_result")
async def bad_result(payload: dict) -> Any:
    return {
        "bytes": b"\xff",
        "object": object(),
        "surrogate": {"text": "\ud800"},
        "nan": {"value": float("nan")},
        "large": {"text": "x" * 300_000},
        "set": {1, 2},
    }[payload["kind"]]


@register_handler("block")
async def block(payload: dict) -> dict:
    """Blocks the event loop: what a handler must not do, and some do."""
    time.sleep(payload["seconds"])
    return {"blocked": payload["seconds"]}


@register_handler("notes")
async def notes(payload: dict, context: Context) -> dict:
    context.log("began", step=1)
    context.progress(0.25, "a quarter")
    await asyncio.sleep(payload.get("seconds", 0))
    context.progress(0.75, "nearly")
    return {}


@register_handler("process_notes", run_in="process")
def process_notes(payload: dict, context: Context) -> dict:
    context.log("in the child")
    context.progress(0.5)
    time.sleep(payload.get("seconds", 0))
    return {}


@register_handler("trace")
async def trace(payload: dict, context: Context) -> dict:
    """Tells which trace submitted it."""
    return {"traceparent": context.traceparent}


@register_handler("process_trace", run_in="process")
def process_trace(payload: dict, context: Context) -> dict:
    """The same from a child process."""
    return {"traceparent": context.traceparent}


@register_handler("stall")
async def stall(payload: dict, context: Context) -> dict:
    """Blocks the loop, then waits."""
    time.sleep(payload["seconds"])  # that is its job
    try:
        await asyncio.sleep(payload["then"])
    except asyncio.CancelledError:
        record(f"cancelled {context.task_id}")
        raise
    return {}
