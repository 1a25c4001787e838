"""What each command does: a few calls of the client, and what to say of them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from itertools import islice
from time import monotonic
from typing import Any

import msgspec

from shared.cli.output import Output
from shared.client import Client, WaitTimeout
from shared.client.submissions import SubmitOptions
from shared.codec import decode
from shared.errors import InvalidInput
from shared.ids import is_task_id
from shared.models import Task, TaskStatus

Command = Callable[[Client, argparse.Namespace, Output], int | None]

#: How often the progress of a task that is waited for is shown.
_LOOK_S = 2.0
_OPTIONS = SubmitOptions.__annotations__.keys()


def submit(client: Client, chosen: argparse.Namespace, output: Output) -> int | None:
    """Submit a task, and wait for it when asked."""
    given = {name: value for name, value in vars(chosen).items() if name in _OPTIONS and value is not None}
    task = client.submit(chosen.task_type, _object(chosen.payload), **given)
    if chosen.wait is None:
        other = {"deduplicated": task.deduplicated} if task.deduplicated else {}
        words = f" ({task.deduplicated})" if task.deduplicated else ""
        output.done(f"{task.id} is {task.status}{words}", id=task.id, status=task.status, **other)
        return None
    return _await(client, task.id, chosen.wait, output)


def get(client: Client, chosen: argparse.Namespace, output: Output) -> int | None:
    """Show a task, now or when it has ended."""
    if chosen.wait is not None:
        return _await(client, chosen.task_id, chosen.wait, output)
    output.task(client.get(chosen.task_id))
    return None


def _await(client: Client, task_id: str, timeout_s: float, output: Output) -> int:
    deadline = monotonic() + timeout_s
    with output.progress(f"{task_id} waits") as progress:
        task = _ended(client, task_id, deadline, progress.update)
    if task is None:
        task = client.get(task_id)
    output.task(task)
    return 0 if task.status is TaskStatus.COMPLETED else 1


def _ended(
    client: Client, task_id: str, deadline: float, show: Callable[[float | None, str], None]
) -> Task | None:
    """The task when it has ended; None when the time is over."""
    while (left := deadline - monotonic()) > 0:
        try:
            return client.wait(task_id, timeout_s=min(left, _LOOK_S))
        except WaitTimeout as timeout:
            said = timeout.task.progress or {}
            words = f"{timeout.task.id} {timeout.task.status} {said.get('message', '')}"
            show(said.get("fraction"), words.rstrip())
    return None


def list_tasks(client: Client, chosen: argparse.Namespace, output: Output) -> None:
    """List tasks."""
    found = client.tasks(
        status=chosen.status,
        queue=chosen.queue,
        task_type=chosen.task_type,
        created_after=chosen.since,
        page_size=min(chosen.limit, 100),
    )
    output.tasks(islice(found, chosen.limit))


def tail(client: Client, chosen: argparse.Namespace, output: Output) -> None:
    """Follow live events until the user has seen enough."""
    for event in client.events(queue=chosen.queue, task_id=chosen.task):
        output.event(event)


def _explain(client: Client, chosen: argparse.Namespace, output: Output) -> None:
    said = client.explain(chosen.task_id)
    output.done(str(said.get("sentence") or said), **said)


def _cancel(client: Client, chosen: argparse.Namespace, output: Output) -> None:
    status = client.cancel(chosen.task_id)
    is_asked = status is TaskStatus.RUNNING
    sentence = "runs; its worker was asked to stop it" if is_asked else f"is {status}"
    output.done(f"{chosen.task_id} {sentence}", id=chosen.task_id, status=status)


def _run_now(client: Client, chosen: argparse.Namespace, output: Output) -> None:
    status = client.run_now(chosen.task_id)
    output.done(f"{chosen.task_id} is {status}", id=chosen.task_id, status=status)


TASK_COMMANDS: dict[str, Command] = {"explain": _explain, "cancel": _cancel, "run-now": _run_now}


def list_dead(client: Client, chosen: argparse.Namespace, output: Output) -> None:
    """List dead tasks."""
    found = client.dead_letters(
        queue=chosen.queue, task_type=chosen.task_type, page_size=min(chosen.limit, 100)
    )
    output.tasks(islice(found, chosen.limit))


def list_groups(client: Client, _: argparse.Namespace, output: Output) -> None:
    """Group dead tasks by their error."""
    output.groups(client.error_groups())


def requeue(client: Client, chosen: argparse.Namespace, output: Output) -> None:
    """Requeue one dead task, or a whole group in steps."""
    if is_task_id(chosen.target):
        payload = _object(chosen.payload) if chosen.payload is not None else None
        status = client.requeue(chosen.target, payload=payload)
        output.done(f"{chosen.target} is {status}", id=chosen.target, status=status)
        return
    if chosen.payload is not None:
        raise InvalidInput("--payload", "is for one task.", "Name a task's id, or leave it out.")
    total = next((g.count for g in client.error_groups(limit=100) if g.fingerprint == chosen.target), 0)
    counts = {"requeued": 0, "skipped": 0, "missing": 0}
    with output.progress("requeues") as progress:
        for step in client.requeue_group(chosen.target):
            for name in counts:
                counts[name] += getattr(step, name)
            seen = sum(counts.values())
            progress.update(min(1.0, seen / total) if total else None, f"{counts['requeued']} requeued")
    words = ", ".join(f"{count} {name}" for name, count in counts.items())
    output.done(words, **counts)


def list_schedules(client: Client, _: argparse.Namespace, output: Output) -> None:
    """List schedules."""
    output.schedules(client.schedules())


def _pause_schedule(client: Client, chosen: argparse.Namespace, output: Output) -> None:
    client.pause_schedule(chosen.schedule_id, reason=chosen.reason)
    output.done(f"{chosen.schedule_id} is paused", id=chosen.schedule_id, paused=True)


def _resume_schedule(client: Client, chosen: argparse.Namespace, output: Output) -> None:
    client.resume_schedule(chosen.schedule_id)
    output.done(f"{chosen.schedule_id} goes on", id=chosen.schedule_id, paused=False)


def _run_schedule(client: Client, chosen: argparse.Namespace, output: Output) -> None:
    task_id = client.run_schedule(chosen.schedule_id)
    output.done(f"{task_id} was submitted", id=task_id)


def _delete_schedule(client: Client, chosen: argparse.Namespace, output: Output) -> None:
    client.delete_schedule(chosen.schedule_id)
    output.done(f"{chosen.schedule_id} is removed", id=chosen.schedule_id, removed=True)


SCHEDULE_COMMANDS: dict[str, Command] = {
    "pause": _pause_schedule,
    "resume": _resume_schedule,
    "run": _run_schedule,
    "delete": _delete_schedule,
}


def list_queues(client: Client, _: argparse.Namespace, output: Output) -> None:
    """List queues."""
    output.queues(client.queues())


def pause_queue(client: Client, chosen: argparse.Namespace, output: Output) -> None:
    """Hold a queue."""
    client.pause_queue(chosen.queue, reason=chosen.reason)
    output.done(f"{chosen.queue} is paused", name=chosen.queue, paused=True)


def resume_queue(client: Client, chosen: argparse.Namespace, output: Output) -> None:
    """Let a queue go on."""
    client.resume_queue(chosen.queue)
    output.done(f"{chosen.queue} goes on", name=chosen.queue, paused=False)


def list_workers(client: Client, _: argparse.Namespace, output: Output) -> None:
    """List workers."""
    output.workers(client.workers())


def typescript(client: Client, chosen: argparse.Namespace, output: Output) -> None:
    """Print the generated producer as it is."""
    text = client.typescript()
    if chosen.json:
        output.done("", typescript=text)
    else:
        sys.stdout.write(text)


def _object(text: str) -> dict[str, Any]:
    """A JSON object from the command line, or from stdin."""
    if text == "-":
        text = sys.stdin.read()
    try:
        value = decode(text)
    except msgspec.DecodeError as error:
        raise InvalidInput(
            "payload", f"is no JSON: {error}.", """Send an object such as '{"name": "Ada"}'."""
        ) from None
    if not isinstance(value, dict):
        raise InvalidInput("payload", "must be a JSON object.", """Send one such as '{"name": "Ada"}'.""")
    return value
