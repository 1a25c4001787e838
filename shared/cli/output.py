"""What commands say, to whoever listens: tables for people, JSON for programs."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, TextIO

from pydantic import BaseModel

from shared.client import ApiError, Event
from shared.errors import DtqError
from shared.models import ErrorGroup, QueueInfo, Schedule, Task, WorkerInfo


class Progress(Protocol):
    """Something that takes long."""

    def update(self, fraction: float | None, text: str) -> None:
        """How far it is; None for: nobody knows."""


class Output(Protocol):
    """Where the results of commands go."""

    def task(self, task: Task, /) -> None:
        """One task with all that is known of it."""

    def tasks(self, tasks: Iterable[Task], /) -> None:
        """Several tasks."""

    def groups(self, groups: Sequence[ErrorGroup], /) -> None:
        """Dead tasks by their error."""

    def queues(self, queues: Sequence[QueueInfo], /) -> None:
        """Queues."""

    def workers(self, workers: Sequence[WorkerInfo], /) -> None:
        """Workers."""

    def schedules(self, schedules: Sequence[Schedule], /) -> None:
        """Schedules."""

    def event(self, event: Event, /) -> None:
        """One live event."""

    def done(self, sentence: str, /, **fields: Any) -> None:
        """Something was done: a sentence, or its fields."""

    def fail(self, error: DtqError, /) -> None:
        """Something was refused."""

    def progress(self, text: str) -> AbstractContextManager[Progress]:
        """Shows that something goes on, until it is left."""


class _Silent:
    """Programs do not watch."""

    def update(self, fraction: float | None, text: str) -> None:
        return None


class JsonOutput:
    """One JSON document per command; one line per live event."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def task(self, task: Task, /) -> None:
        """An object."""
        self._write(_plain(task))

    def _array(self, models: Iterable[BaseModel], /) -> None:
        self._write([_plain(model) for model in models])

    tasks = groups = queues = workers = schedules = _array

    def event(self, event: Event, /) -> None:
        """An object in a line."""
        self._write({"id": event.id, "event": event.kind, "data": event.data})

    def done(self, sentence: str, /, **fields: Any) -> None:
        """The fields."""
        self._write(fields or {"done": sentence})

    def fail(self, error: DtqError, /) -> None:
        """An object with `error`, and what else is known."""
        value: dict[str, Any] = {"error": error.detail}
        if isinstance(error, ApiError):
            problem = error.problem
            value |= {
                name: said
                for name in ("status", "slug", "field", "rule", "fix", "request_id")
                if (said := getattr(problem, name)) is not None
            }
        self._write(value)

    def progress(self, text: str) -> AbstractContextManager[Progress]:
        """Says nothing."""
        return nullcontext(_Silent())

    def _write(self, value: Any) -> None:
        self._stream.write(json.dumps(value, ensure_ascii=False) + "\n")
        self._stream.flush()


def _plain(model: BaseModel) -> Any:
    return model.model_dump(mode="json")


def is_rich_there() -> bool:
    """Whether tables can be shown."""
    return importlib.util.find_spec("rich") is not None
