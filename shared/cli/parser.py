"""The command line's grammar."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from datetime import datetime

from shared.cli import commands
from shared.cli.doctor import doctor
from shared.models import TaskStatus

_DESCRIPTION = """\
Submit tasks, follow them, repair them.

The API's address is DTQ_URL (or --url), its key DTQ_API_KEY. --json prints JSON instead of tables.
"""


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The chosen command and what it was given; ends the process with 2 when that makes no sense."""
    return _parser().parse_args(arguments, argparse.Namespace(json=False, url=None))


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    # May stand before the command and behind it; a default of each would hide what was said before.
    unsaid = argparse.SUPPRESS
    shared.add_argument("--json", action="store_true", default=unsaid, help="print JSON")
    shared.add_argument("--url", default=unsaid, help="address of the API (default: DTQ_URL)")
    parser = argparse.ArgumentParser(
        prog="dtq",
        parents=[shared],
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, command: Callable[..., object], text: str, *, of: object = names) -> _Parser:
        child: _Parser = of.add_parser(name, parents=[shared], help=text, description=text)  # type: ignore[attr-defined]  # argparse names no public type for it
        child.set_defaults(command=command)
        return child

    def group(name: str, text: str) -> object:
        child = names.add_parser(name, parents=[shared], help=text, description=text)
        return child.add_subparsers(title="commands", metavar="COMMAND", required=True)

    _add_submit(add("submit", commands.submit, "submit a task"))
    one = add("get", commands.get, "show a task")
    one.add_argument("task_id")
    _add_wait(one)
    _add_filters(add("list", commands.list_tasks, "list tasks"), has_status=True)
    tail = add("tail", commands.tail, "follow what happens, until Ctrl-C")
    tail.add_argument("--queue", help="only of this queue")
    tail.add_argument("--task", help="only of this task")
    for name, text in (
        ("explain", "say why a task does not run"),
        ("cancel", "cancel a task"),
        ("run-now", "run a scheduled or retrying task now"),
    ):
        add(name, commands.TASK_COMMANDS[name], text).add_argument("task_id")

    dead = group("dead-letters", "tasks that died")
    _add_filters(add("list", commands.list_dead, "list dead tasks", of=dead), has_status=False)
    add("groups", commands.list_groups, "group dead tasks by their error", of=dead)
    again = add("requeue", commands.requeue, "give dead tasks a new series of attempts", of=dead)
    again.add_argument("target", help="a task's id, or the fingerprint of a group")
    again.add_argument("--payload", help="with this payload (JSON); for one task")

    schedules = group("schedules", "recurring schedules")
    add("list", commands.list_schedules, "list schedules", of=schedules)
    for name, text in (
        ("pause", "let no time fire"),
        ("resume", "go on with the next time"),
        ("run", "submit its task once more, now"),
        ("delete", "remove it; its tasks stay"),
    ):
        child = add(name, commands.SCHEDULE_COMMANDS[name], text, of=schedules)
        child.add_argument("schedule_id")
        if name == "pause":
            child.add_argument("--reason", default="")

    queues = group("queues", "queues")
    add("list", commands.list_queues, "list queues", of=queues)
    held = add("pause", commands.pause_queue, "start nothing of a queue", of=queues)
    held.add_argument("queue")
    held.add_argument("--reason", default="")
    add("resume", commands.resume_queue, "let a queue go on", of=queues).add_argument("queue")

    add("workers", commands.list_workers, "list workers")
    add("doctor", doctor, "look at this deployment with the variables of API and worker, and say what to fix")
    add("typescript", commands.typescript, "print a typed TypeScript producer for the task types")
    return parser


_Parser = argparse.ArgumentParser


def _add_submit(parser: _Parser) -> None:
    parser.add_argument("task_type")
    parser.add_argument("payload", nargs="?", default="{}", help='JSON object, or "-" to read it from stdin')
    parser.add_argument("--priority", type=int, help="1 to 10, 10 is claimed first")
    parser.add_argument("--queue")
    parser.add_argument("--delay", type=float, dest="delay_seconds", metavar="SECONDS")
    parser.add_argument("--run-at", type=_moment, metavar="TIME", help="ISO 8601 with a zone")
    parser.add_argument("--max-retries", type=int)
    parser.add_argument(
        "--timeout", type=float, dest="timeout_seconds", metavar="SECONDS", help="of an attempt"
    )
    parser.add_argument("--idempotency-key", metavar="KEY")
    parser.add_argument("--unique-key", metavar="KEY")
    parser.add_argument("--on-conflict", choices=["reject", "existing", "replace"])
    parser.add_argument("--limit-key", metavar="KEY")
    parser.add_argument("--fair-key", metavar="KEY")
    parser.add_argument("--callback-url", metavar="URL")
    _add_wait(parser)


def _add_wait(parser: _Parser) -> None:
    parser.add_argument(
        "--wait",
        type=float,
        nargs="?",
        const=300.0,
        metavar="SECONDS",
        help="until it has ended (300 s); the exit code is 1 when it did not complete",
    )


def _add_filters(parser: _Parser, *, has_status: bool) -> None:
    parser.add_argument("--queue")
    parser.add_argument("--type", dest="task_type")
    parser.add_argument("--limit", type=_positive, default=50, help="most tasks (50)")
    if has_status:
        parser.add_argument(
            "--since", type=_moment, metavar="TIME", help="submitted then or later (ISO 8601)"
        )
        parser.add_argument("--status", choices=[status.value for status in TaskStatus])


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("must be ISO 8601, such as 2026-12-01T08:00") from None
    return moment if moment.tzinfo else moment.astimezone()  # a terminal's own zone


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number
