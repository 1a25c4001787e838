"""Tables, panels and progress for people, by rich."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, SpinnerColumn, TaskID, TextColumn
from rich.progress import Progress as Bar
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from shared.client import ApiError, Event
from shared.client.live import CHANGE
from shared.errors import DtqError
from shared.models import ErrorGroup, QueueInfo, Schedule, Task, WorkerInfo

_STYLES = {
    "completed": "green",
    "running": "cyan",
    "pending": "blue",
    "scheduled": "blue",
    "retrying": "yellow",
    "dead": "bold red",
    "cancelled": "dim",
}
_SIGNALS = {
    "ready": "watching; Ctrl-C ends it",
    "reset": "some events were missed",
    "away": "the API does not reach Redis",
    "back": "the API reaches Redis again",
}
#: Ids in one line of `tail`.
_MAX_NAMED = 5
_COUNTS = ("pending", "scheduled", "running", "retrying", "completed", "dead", "cancelled")


class _Shown:
    """A bar on the terminal."""

    def __init__(self, bar: Bar, line: TaskID) -> None:
        self._bar = bar
        self._line = line

    def update(self, fraction: float | None, text: str) -> None:
        done = {"completed": fraction, "total": 1.0} if fraction is not None else {}
        self._bar.update(self._line, description=escape(text), **done)  # type: ignore[arg-type]  # numbers by name


class TableOutput:
    """Results on stdout, what went wrong on stderr; no colour where that is no terminal."""

    def __init__(self, out: Console | None = None, errors: Console | None = None) -> None:
        self._out = out or Console(highlight=False)
        self._errors = errors or Console(stderr=True, highlight=False)

    def task(self, task: Task, /) -> None:
        """What a person wants to know first comes first."""
        table = Table.grid(padding=(0, 2))
        facts: dict[str, str | Text | None] = {
            "task": task.id,
            "type": task.task_type,
            "status": _status(task.status),
            "queue": f"{task.queue}, priority {task.priority}",
            "attempt": f"{task.attempt} of {task.max_retries + 1}",
            "worker": task.worker,
            "created": _time(task.created_at),
            "due": _time(task.run_at),
            "started": _time(task.started_at),
            "finished": _time(task.finished_at),
            "error": f"{task.error.type}: {task.error.message}" if task.error else None,
        }
        for name, fact in facts.items():
            if fact:
                table.add_row(Text(name, style="dim"), fact if isinstance(fact, Text) else Text(fact))
        self._out.print(table)
        for name, value in (("payload", task.payload), ("result", task.result), ("metadata", task.metadata)):
            if value is not None:
                self._out.print(Text(name, style="dim"))
                text = json.dumps(value, indent=2, ensure_ascii=False)
                self._out.print(Syntax(text, "json", background_color="default", word_wrap=True))

    def tasks(self, tasks: Iterable[Task], /) -> None:
        """One line each."""
        rows = [
            (
                task.id,
                task.task_type,
                task.queue,
                _status(task.status),
                str(task.attempt),
                _time(task.created_at),
            )
            for task in tasks
        ]
        self._table("no tasks", ("id", "type", "queue", "status", "attempt", "created"), rows)

    def groups(self, groups: Sequence[ErrorGroup], /) -> None:
        """The error of each group in a line."""
        rows = [
            (
                group.fingerprint,
                str(group.count),
                group.task.task_type,
                _time(group.last_at),
                f"{group.task.error.type}: {group.task.error.message}"[:200] if group.task.error else "",
            )
            for group in groups
        ]
        self._table("no dead letters", ("group", "tasks", "type", "last", "error"), rows)

    def queues(self, queues: Sequence[QueueInfo], /) -> None:
        """Counts, and why a queue is held."""
        rows = [
            (
                queue.name,
                *(str(getattr(queue, name)) for name in _COUNTS),
                f"paused by {queue.paused.get('by')}: {queue.paused.get('reason')}" if queue.paused else "",
            )
            for queue in queues
        ]
        self._table("no queues", ("queue", *_COUNTS, "held"), rows)

    def workers(self, workers: Sequence[WorkerInfo], /) -> None:
        """Who works."""
        rows = [
            (worker.name, worker.host, ", ".join(worker.queues), str(worker.slots), _time(worker.started_at))
            for worker in workers
        ]
        self._table("no workers", ("worker", "host", "queues", "slots", "started"), rows)

    def schedules(self, schedules: Sequence[Schedule], /) -> None:
        """When each fires next."""
        rows = [
            (
                schedule.id,
                f"{schedule.spec.cron} {schedule.spec.zone}"
                if schedule.spec.cron
                else f"every {schedule.spec.interval_seconds:g} s",
                schedule.spec.task.task_type,
                _time(schedule.next_at),
                schedule.paused if schedule.paused is not None else "",
            )
            for schedule in schedules
        ]
        self._table("no schedules", ("schedule", "times", "type", "next", "paused"), rows)

    def event(self, event: Event, /) -> None:
        """One line each: what came into which status, and the first of them by id."""
        data = event.data if isinstance(event.data, dict) else {}
        at = datetime.fromisoformat(data["at"]) if "at" in data else datetime.now().astimezone()
        line = Text(at.astimezone().strftime("%H:%M:%S "), style="dim")
        if event.kind != CHANGE:
            line.append(_SIGNALS.get(event.kind, event.kind), style="bold")
        for queue, counts in data.get("counts", {}).items():
            line.append(f"{queue} ", style="bold")
            for status, count in counts.items():
                line.append(f"{count} {status} ", style=_STYLES.get(status, ""))
        for task in data.get("tasks", [])[:_MAX_NAMED]:
            line.append(f" {task['id']}", style=_STYLES.get(task["status"], ""))
        left_out = data.get("omitted", 0) + max(0, len(data.get("tasks", [])) - _MAX_NAMED)
        if left_out:
            line.append(f" and {left_out} more", style="dim")
        self._out.print(line, soft_wrap=True)

    def done(self, sentence: str, /, **_: Any) -> None:
        """A sentence."""
        self._out.print(Text(sentence), soft_wrap=True)

    def fail(self, error: DtqError, /) -> None:
        """What is wrong, and where to look it up."""
        self._errors.print(Text.assemble(("dtq: ", "bold red"), error.detail), soft_wrap=True)
        if isinstance(error, ApiError) and error.problem.request_id:
            self._errors.print(Text(f"request {error.problem.request_id}", style="dim"))

    @contextmanager
    def progress(self, text: str) -> Iterator[_Shown]:
        """A bar on stderr, gone when it is done."""
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn())
        with Bar(*columns, console=self._errors, transient=True) as bar:
            yield _Shown(bar, bar.add_task(escape(text), total=None))

    def _table(self, nothing: str, columns: Sequence[str], rows: Sequence[Sequence[str | Text]]) -> None:
        if not rows:
            self._out.print(nothing)
            return
        table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
        for number, name in enumerate(columns):
            table.add_column(name, no_wrap=number == 0, overflow="fold")
        for row in rows:
            table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
        self._out.print(table)


def _status(status: str) -> Text:
    return Text(status, style=_STYLES.get(status, ""))


def _time(moment: datetime | None) -> str:
    """Local time on this machine's clock, to the second."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else ""
