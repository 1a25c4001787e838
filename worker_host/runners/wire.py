"""Messages between a worker and its child processes: JSON after its length in 4 bytes."""

from __future__ import annotations

import struct
from typing import BinaryIO

import msgspec

#: Above what a payload or result may have; a longer length is no message of ours.
MAX_MESSAGE = 64 * 1024 * 1024
LENGTH = struct.Struct(">I")


class Request(msgspec.Struct):
    """One attempt for the child: JSON texts and what the handler's context says."""

    task_type: str
    payload: str
    task_id: str
    queue: str
    attempt: int
    max_retries: int
    traceparent: str | None = None


class Answer(msgspec.Struct):
    """How it ended: `result` as JSON text, or an error and what the queue shall do with it.

    `verdict` is one of ok, error, reject, retry_after, snooze; note comes before: `error` is its kind
    (g progress, l log line), `result` its JSON.
    """

    verdict: str
    result: str = ""
    error: str = ""
    message: str = ""
    traceback: str | None = None
    frame: str = ""
    seconds: float = 0.0


def pack(message: Request | Answer) -> bytes:
    """A message as bytes."""
    body = msgspec.json.encode(message)
    return LENGTH.pack(len(body)) + body


def read(stream: BinaryIO) -> bytes | None:
    """The next message's body from a blocking stream; None at its end."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    size = LENGTH.unpack(head)[0]
    body = stream.read(size)
    return body if len(body) == size else None
