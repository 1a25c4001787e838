"""Alerts: a few built-in rules, judged by whoever lives, told once when they begin and once when they end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from shared.queue import TaskQueue

#: Between two looks, whoever takes them: a worker, a request, the cron.
EVERY_S = 300.0
#: Field of the stored state that is no rule.
WORKER_SEEN = "worker"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a rule fires.

    Attributes:
        oldest_s: age of the oldest pending task, seconds.
        dead: tasks that died within ten minutes.
        no_worker_s: without a live worker, seconds.
    """

    oldest_s: float = 300.0
    dead: int = 10
    no_worker_s: float = 600.0


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules judge.

    Attributes:
        now: the server's time.
        oldest_pending_s: None when nothing is pending.
        dead: tasks that died in the last ten minutes.
        waiting: pending tasks.
        last_worker: when a worker lived last; None when none was ever seen.
        late_schedules: ids of schedules whose time passed unfired.
        firing: rules that fired at the last look, and since when.
        budget: why the month's budget is worth a word; empty when it is not.
    """

    now: datetime
    oldest_pending_s: float | None
    dead: int
    waiting: int
    last_worker: datetime | None
    late_schedules: Sequence[str] = ()
    firing: dict[str, datetime] = field(default_factory=dict)
    budget: str = ""


class Notice(NamedTuple):
    """One message: a rule began to fire, or ended.

    Attributes:
        rule: its name.
        is_over: whether it ended.
        text: for people, with the next step.
    """

    rule: str
    is_over: bool
    text: str


#: Sends one message somewhere.
Send = Callable[[str], Awaitable[None]]


def judge(facts: Facts, limits: Thresholds) -> dict[str, str]:
    """The rules that fire now, each with a sentence and the next step."""
    found: dict[str, str] = {}
    if facts.oldest_pending_s is not None and facts.oldest_pending_s > limits.oldest_s:
        found["oldest_pending"] = (
            f"The oldest pending task waits {_span(facts.oldest_pending_s)} (limit {_span(limits.oldest_s)}), "
            f"{facts.waiting} are pending. Start more workers, or see why it does not run: "
            "GET /api/tasks/{id}/explain."
        )
    if facts.dead > limits.dead:
        found["dead"] = (
            f"{facts.dead} tasks died within 10 minutes (limit {limits.dead}). "
            "See what they have in common: GET /api/dead-letters/groups."
        )
    silent_s = (facts.now - facts.last_worker).total_seconds() if facts.last_worker else None
    if silent_s is not None and silent_s > limits.no_worker_s:
        found["no_worker"] = (
            f"No worker has lived for {_span(silent_s)}, {facts.waiting} tasks are pending. Start one: "
            "python -m worker_host."
        )
    if facts.late_schedules:
        shown = ", ".join(facts.late_schedules[:5])
        found["schedule_missed"] = (
            f"Schedules did not fire in time: {shown}{' …' if len(facts.late_schedules) > 5 else ''}. "
            "They fire when a worker lives or /api/cron/tick is asked."
        )
    if facts.budget:
        found["budget"] = facts.budget
    return found


def changes(facts: Facts, firing: dict[str, str]) -> list[Notice]:
    """What is to be said: rules that began or ended since the last look."""
    begun = [Notice(rule, False, text) for rule, text in firing.items() if rule not in facts.firing]
    ended = [
        Notice(rule, True, f"{rule} is over after {_span((facts.now - since).total_seconds())}.")
        for rule, since in facts.firing.items()
        if rule not in firing
    ]
    return begun + ended


async def look(
    queue: TaskQueue,
    send: Send,
    *,
    limits: Thresholds,
    environment: str,
    budget: str = "",
    every_s: float = EVERY_S,
) -> list[Notice]:
    """Judge when it is this caller's turn, and tell what changed. What cannot be sent is tried again next time.

    Returns:
        What was sent.

    Raises:
        StoreError: Redis does not answer.
        OSError: a message could not be sent; those before it are kept as sent.
    """
    facts = await queue.alert_facts(every_s)
    if facts is None:
        return []
    if budget:
        facts = Facts(**{name: getattr(facts, name) for name in Facts.__slots__} | {"budget": budget})
    sent: list[Notice] = []
    kept: dict[str, datetime | None] = {}
    if facts.last_worker is None:
        kept[WORKER_SEEN] = facts.now  # counted from the first look on
    elif facts.now - facts.last_worker < timedelta(seconds=1):
        kept[WORKER_SEEN] = facts.last_worker
    try:
        for notice in changes(facts, judge(facts, limits)):
            await send(f"[{environment}] {'resolved: ' if notice.is_over else ''}{notice.text}")
            kept[notice.rule] = None if notice.is_over else facts.now
            sent.append(notice)
    finally:
        await queue.keep_alerts(kept)
    return sent


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5_400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3_600:.1f} h"
