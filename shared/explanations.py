"""Why a task is where it is: facts that one read gathered, a code, and one sentence with numbers.

A pending task may be held by several things at once; `_PENDING_REASONS` says which one is told, in that
order. A new way to hold tasks back is one function more in it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import Field

from shared.lazy import LazyModel
from shared.models import Limit, TaskStatus, instant
from shared.spoken import counted, spoken

#: Fewer starts than these, or as few within so short a time, say nothing about how fast a queue moves.
MIN_STARTS, MIN_PACE_MS = 5, 1_000
#: So many do, however short the time.
MANY_STARTS = 100


class ExplainCode(StrEnum):
    """Why a task is where it is, for machines."""

    QUEUE_PAUSED = "queue_paused"
    """Somebody paused its queue."""
    NO_WORKER = "no_worker"
    """No live worker serves its queue."""
    TYPE_UNKNOWN = "type_unknown"
    """Live workers serve its queue, and none of them knows its type."""
    KEY_AT_LIMIT = "key_at_limit"
    """Its limit key runs as many tasks as it may, or must wait for its next start."""
    QUEUE_AT_LIMIT = "queue_at_limit"
    """Its queue runs as many tasks as it may, or must wait for its next start."""
    TASKS_AHEAD = "tasks_ahead"
    """Others are served before it."""
    NEXT = "next"
    """It is the next of its queue and waits for a free slot."""
    DUE_LATER = "due_later"
    """It is to start later."""
    RETRY_LATER = "retry_later"
    """An attempt failed; the next one is to start later."""
    OVERDUE = "overdue"
    """Its time has come, and nobody has made it pending yet."""
    RUNNING = "running"
    """A worker whose lease holds runs it."""
    CANCELLING = "cancelling"
    """A worker runs it and was asked to stop it."""
    LEASE_EXPIRED = "lease_expired"
    """The worker that ran it is lost; the task is taken back next."""
    COMPLETED = "completed"
    """It ended: the handler returned."""
    DEAD = "dead"
    """It ended: in the dead letters."""
    CANCELLED = "cancelled"
    """It ended: by request."""


class Explanation(LazyModel):
    """Why a task is where it is. What does not apply, or is not known, is null."""

    id: str
    status: TaskStatus
    code: ExplainCode = Field(description="Stable for machines.")
    sentence: str = Field(description="The same for people, with numbers.")
    at: datetime = Field(description="The server's time of these facts.")
    queue: str
    task_type: str
    priority: int
    attempt: int
    max_retries: int
    due_at: datetime | None = None
    expires_at: datetime | None = Field(default=None, description="Not started by then: dead.")
    ahead: int | None = Field(default=None, description="Tasks of the queue that are served before it.")
    starts_per_second: float | None = Field(
        default=None, description="Of the queue, in the last minute at most; null when too few were seen."
    )
    estimated_seconds: float | None = Field(
        default=None, description="Until its start, if the queue goes on as fast."
    )
    paused_by: str | None = None
    paused_at: datetime | None = None
    paused_reason: str | None = None
    workers: int | None = Field(
        default=None, description="Live workers that serve the queue and know the type."
    )
    slots: int | None = Field(default=None, description="Tasks that these workers run at a time.")
    last_worker: str | None = Field(
        default=None, description="The last that served the queue and knew the type; it is gone."
    )
    last_worker_at: datetime | None = Field(
        default=None, description="When its lease or presence ended; null when only its start is known."
    )
    limit_key: str | None = Field(default=None, description="That holds it back.")
    limit: Limit | None = Field(default=None, description="Of the key or queue that holds it back.")
    running: int | None = Field(default=None, description="Tasks of that key or queue that run.")
    next_start_at: datetime | None = Field(default=None, description="When the rate lets one more start.")
    worker: str | None = Field(default=None, description="That runs it, or ran it last.")
    started_at: datetime | None = None
    lease_expires_at: datetime | None = None
    heartbeat_seconds: float | None = Field(
        default=None, description="Since the lease was renewed; null when the worker's lease is not known."
    )
    cancel_requested: bool | None = None
    finished_at: datetime | None = None


class KnownWorker(NamedTuple):
    """A worker as it described itself, and until when it counts as alive; None when it is gone."""

    name: str
    told: dict[str, Any]
    until_ms: float | None

    def serves(self, queue: str) -> bool:
        """Whether it claims from the queue."""
        return queue in self.told.get("queues", ())

    def can_run(self, queue: str, task_type: str) -> bool:
        """Whether it claims such tasks from the queue."""
        return self.serves(queue) and task_type in self.told.get("types", ())


class Bound(NamedTuple):
    """A limit that applies to a pending task.

    Attributes:
        key: the limit key that the task is parked by; None for the queue's own limit.
        limit: in force.
        running: tasks of the key or queue.
        next_start_ms: when the rate, or a handler's RateLimited, lets one more start; None when neither says so.
    """

    key: str | None
    limit: Limit
    running: int
    next_start_ms: float | None

    @property
    def is_full(self) -> bool:
        """Whether as many run as may."""
        return self.limit.concurrency is not None and self.running >= self.limit.concurrency


class Facts(NamedTuple):
    """What one read has gathered.

    Attributes:
        now_ms: the server's time.
        task: what an explanation says of the task itself, by field.
        workers: all that are described, gone ones included; of a running task its own only.
        is_asked: whether its worker was asked to stop it.
        ahead: tasks that are served before it; -1 when it stands in no line.
        paused: `by`, `reason`, `at` (ms); empty when the queue is not.
        running: tasks of the queue that run.
        starts: of the queue, in the last `within_ms`.
        within_ms: 0 when nobody looked.
        bound: the limit that applies; None when none does.
    """

    now_ms: int
    task: dict[str, Any]
    workers: list[KnownWorker]
    is_asked: bool
    ahead: int
    paused: dict[str, Any]
    running: int
    starts: int
    within_ms: int
    bound: Bound | None

    @property
    def alive(self) -> list[KnownWorker]:
        """The workers whose lease or presence holds."""
        return [one for one in self.workers if one.until_ms is not None and one.until_ms > self.now_ms]

    @property
    def able(self) -> list[KnownWorker]:
        """Those of them that can run the task."""
        return [one for one in self.alive if one.can_run(self.task["queue"], self.task["task_type"])]

    @property
    def has_pace(self) -> bool:
        """Whether enough starts were seen to tell how fast the queue moves."""
        if self.within_ms < MIN_PACE_MS:
            return self.starts >= MANY_STARTS and self.within_ms > 0
        return self.starts >= MIN_STARTS

    def since(self, ms: float) -> str:
        """How long ago, in words."""
        return spoken((self.now_ms - ms) / 1000)

    def until(self, ms: float) -> str:
        """How far ahead, in words."""
        return spoken((ms - self.now_ms) / 1000)


class Reason(NamedTuple):
    """A code, its sentence, and the fields that go with it."""

    code: ExplainCode
    sentence: str
    fields: dict[str, Any]


def explanation_of(facts: Facts) -> Explanation:
    """What the facts amount to."""
    reason = _REASONS[facts.task["status"]](facts)
    sentence = reason.sentence
    expires_at = facts.task["expires_at"]
    if expires_at is not None and facts.task["status"] in _BEFORE_START:
        left_ms = expires_at.timestamp() * 1000
        sentence += (
            f" It expires in {facts.until(left_ms)}."
            if left_ms > facts.now_ms
            else " It has expired and will not be started."
        )
    return Explanation(
        **facts.task, code=reason.code, sentence=sentence, at=instant(facts.now_ms), **reason.fields
    )


def _pending(facts: Facts) -> Reason:
    found = (look(facts) for look in _PENDING_REASONS)
    return next(reason for reason in found if reason is not None)


def _paused(facts: Facts) -> Reason | None:
    if not facts.paused:
        return None
    by, reason = str(facts.paused.get("by", "")), str(facts.paused.get("reason", ""))
    at_ms = float(facts.paused.get("at", facts.now_ms))
    sentence = f"Queue {facts.task['queue']} is paused by {by} since {facts.since(at_ms)}"
    sentence += f" ({reason})" if reason else ""
    sentence += f"; {counted(facts.ahead, 'task')} wait before this one." if facts.ahead > 0 else "."
    fields = {"paused_by": by, "paused_at": instant(at_ms), "paused_reason": reason or None}
    return Reason(ExplainCode.QUEUE_PAUSED, sentence, {**fields, **_place(facts), **_crew(facts)})


def _no_worker(facts: Facts) -> Reason | None:
    queue = facts.task["queue"]
    if any(one.serves(queue) for one in facts.alive):
        return None
    others = len(facts.alive)
    sentence = f"No live worker serves queue {queue}"
    sentence += f"; {counted(others, 'worker')} of other queues live" if others else ""
    told, fields = _last_able(facts)
    return Reason(
        ExplainCode.NO_WORKER, f"{sentence}{told}.", {"workers": 0, "slots": 0, **fields, **_place(facts)}
    )


def _type_unknown(facts: Facts) -> Reason | None:
    if facts.able:
        return None
    queue, task_type = facts.task["queue"], facts.task["task_type"]
    serving = sum(one.serves(queue) for one in facts.alive)
    told, fields = _last_able(facts)
    sentence = f"No live worker knows type {task_type}; {counted(serving, 'worker')} of queue {queue} live"
    return Reason(
        ExplainCode.TYPE_UNKNOWN, f"{sentence}{told}.", {"workers": 0, "slots": 0, **fields, **_place(facts)}
    )


def _key_at_limit(facts: Facts) -> Reason | None:
    bound = facts.bound
    if bound is None or bound.key is None:
        return None
    return _at_limit(facts, bound, ExplainCode.KEY_AT_LIMIT, f"Limit key {bound.key}") or Reason(
        ExplainCode.KEY_AT_LIMIT,
        f"Limit key {bound.key} has room again; its parked tasks come back when a worker next asks.",
        {"ahead": max(0, facts.ahead), "limit_key": bound.key, "running": bound.running},
    )


def _queue_at_limit(facts: Facts) -> Reason | None:
    bound = facts.bound
    if bound is None or bound.key is not None:
        return None
    return _at_limit(facts, bound, ExplainCode.QUEUE_AT_LIMIT, f"Queue {facts.task['queue']}")


def _at_limit(facts: Facts, bound: Bound, code: ExplainCode, who: str) -> Reason | None:
    """What the limit says, when it says no."""
    fields: dict[str, Any] = {
        "ahead": max(0, facts.ahead),
        "limit_key": bound.key,
        "limit": bound.limit,
        "running": bound.running,
    }
    if bound.is_full:
        sentence = f"{who} is at its limit: {bound.running} of {bound.limit.concurrency} run"
    elif bound.next_start_ms is not None and bound.next_start_ms > facts.now_ms:
        sentence = f"{who} is at its rate: the next start is in {facts.until(bound.next_start_ms)}"
        fields["next_start_at"] = instant(bound.next_start_ms)
    else:
        return None
    wait = "waits" if facts.ahead == 1 else "wait"
    sentence += f"; {counted(facts.ahead, 'task')} {wait} before this one." if facts.ahead > 0 else "."
    return Reason(code, sentence, fields)


def _tasks_ahead(facts: Facts) -> Reason | None:
    if facts.ahead <= 0:
        return None
    fields = _place(facts)
    verb = "is" if facts.ahead == 1 else "are"
    sentence = f"{counted(facts.ahead, 'task')} of queue {facts.task['queue']} {verb} ahead"
    estimate = fields.get("estimated_seconds")
    if estimate is not None:
        sentence += f", about {spoken(estimate)} at the pace of the last {spoken(facts.within_ms / 1000)}"
    return Reason(ExplainCode.TASKS_AHEAD, f"{sentence}.", {**fields, **_crew(facts)})


def _next(facts: Facts) -> Reason:
    crew = _crew(facts)
    workers, slots = counted(crew["workers"], "worker"), counted(crew["slots"], "slot")
    sentence = (
        f"It is next in queue {facts.task['queue']} and waits for a free slot: {workers} with {slots} can run "
        f"it; {counted(facts.running, 'task')} of the queue run now."
    )
    return Reason(ExplainCode.NEXT, sentence, {**_place(facts), **crew})


#: What holds a pending task, the first that applies. `_next` always does.
_PENDING_REASONS: tuple[Callable[[Facts], Reason | None], ...] = (
    _paused,
    _key_at_limit,
    _no_worker,
    _type_unknown,
    _queue_at_limit,
    _tasks_ahead,
    _next,
)


def _place(facts: Facts) -> dict[str, Any]:
    """How many are ahead, and what that means in time where that can be known."""
    if facts.ahead < 0:
        return {}
    if not facts.has_pace:
        return {"ahead": facts.ahead}
    per_second = facts.starts / facts.within_ms * 1000
    return {
        "ahead": facts.ahead,
        "starts_per_second": round(per_second, 3),
        "estimated_seconds": round(facts.ahead / per_second, 3),
    }


def _crew(facts: Facts) -> dict[str, int]:
    return {"workers": len(facts.able), "slots": sum(int(one.told.get("slots", 0)) for one in facts.able)}


def _last_able(facts: Facts) -> tuple[str, dict[str, Any]]:
    """The last worker that could have run it and is gone: as the end of a sentence, and as fields."""
    gone = [
        one
        for one in facts.workers
        if one not in facts.alive and one.can_run(facts.task["queue"], facts.task["task_type"])
    ]
    if not gone:
        return "", {}
    last = max(gone, key=lambda one: (one.until_ms or 0, str(one.told.get("started_at", ""))))
    if last.until_ms is None:
        return f"; the last that could run it, {last.name}, is gone", {"last_worker": last.name}
    told = f"; the last that could run it, {last.name}, was lost {facts.since(last.until_ms)} ago"
    return told, {"last_worker": last.name, "last_worker_at": instant(last.until_ms)}


def _attempts(facts: Facts, attempt: int) -> str:
    return f"attempt {attempt} of {max(attempt, facts.task['max_retries'] + 1)}"


def _later(facts: Facts) -> Reason:
    crew = _crew(facts)
    due_ms = facts.task["due_at"].timestamp() * 1000
    told, fields = ("", {}) if crew["workers"] else _last_able(facts)
    lack = (
        "" if crew["workers"] else f" No live worker of its queue knows type {facts.task['task_type']}{told}."
    )
    if due_ms <= facts.now_ms:
        sentence = (
            f"It was due {facts.since(due_ms)} ago and becomes pending when a worker, or /api/cron/tick, "
            "next looks for what is due."
        )
        return Reason(ExplainCode.OVERDUE, sentence + lack, {**crew, **fields})
    if facts.task["status"] is TaskStatus.RETRYING:
        following = _attempts(facts, facts.task["attempt"] + 1)
        sentence = f"{following.capitalize()} is due in {facts.until(due_ms)}."
        return Reason(ExplainCode.RETRY_LATER, sentence + lack, {**crew, **fields})
    sentence = f"It is due in {facts.until(due_ms)}."
    return Reason(ExplainCode.DUE_LATER, sentence + lack, {**crew, **fields})


def _running(facts: Facts) -> Reason:
    [worker] = facts.workers
    runs = f"{_attempts(facts, facts.task['attempt']).capitalize()} runs on {worker.name}"
    started_at = facts.task["started_at"]
    if started_at is not None:
        runs += f" since {facts.since(started_at.timestamp() * 1000)}"
    if worker.until_ms is None:
        return Reason(ExplainCode.LEASE_EXPIRED, f"Worker {worker.name} is gone; the task is taken back.", {})
    fields: dict[str, Any] = {
        "lease_expires_at": instant(worker.until_ms),
        "cancel_requested": facts.is_asked,
    }
    if worker.until_ms <= facts.now_ms:
        sentence = (
            f"Worker {worker.name} is lost: its lease expired {facts.since(worker.until_ms)} ago. The task is "
            "taken back when another worker, or /api/cron/tick, next looks for what is due."
        )
        return Reason(ExplainCode.LEASE_EXPIRED, sentence, fields)
    lease = f"the lease holds {facts.until(worker.until_ms)} more"
    lease_s = worker.told.get("lease_seconds")
    if isinstance(lease_s, int | float):
        since_s = max(0.0, lease_s - (worker.until_ms - facts.now_ms) / 1000)
        fields["heartbeat_seconds"] = round(since_s, 3)
        lease += f", heartbeat {spoken(since_s)} ago"
    if facts.is_asked:
        return Reason(ExplainCode.CANCELLING, f"{runs} and was asked to stop; {lease}.", fields)
    return Reason(ExplainCode.RUNNING, f"{runs}; {lease}.", fields)


def _ended(facts: Facts) -> Reason:
    status = facts.task["status"]
    code = ExplainCode(status.value)
    what = {
        ExplainCode.COMPLETED: "It completed",
        ExplainCode.DEAD: "It is in the dead letters since",
        ExplainCode.CANCELLED: "It was cancelled",
    }[code]
    finished_at = facts.task["finished_at"]
    ago = facts.since(finished_at.timestamp() * 1000)
    if code is ExplainCode.DEAD:
        return Reason(code, f"{what} {ago}, after {counted(facts.task['attempt'], 'attempt')}.", {})
    return Reason(code, f"{what} {ago} ago.", {})


_BEFORE_START = frozenset({TaskStatus.PENDING, TaskStatus.SCHEDULED, TaskStatus.RETRYING})
_REASONS: dict[TaskStatus, Callable[[Facts], Reason]] = {
    TaskStatus.PENDING: _pending,
    TaskStatus.SCHEDULED: _later,
    TaskStatus.RETRYING: _later,
    TaskStatus.RUNNING: _running,
    TaskStatus.COMPLETED: _ended,
    TaskStatus.DEAD: _ended,
    TaskStatus.CANCELLED: _ended,
}
