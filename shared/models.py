"""The words both sides speak: submissions, tasks, attempts, workers, pages."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from shared.lazy import LazyModel
from shared.retry import RetryPolicy

#: Task types, queues: what may stand in a key, a URL and a log line without escaping.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,63}")
#: What a callback's address may consist of (RFC 3986), so that it can stand in a record and in JSON as it is.
CALLBACK_URL = re.compile(r"https?://[A-Za-z0-9\[][A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%\-]*")
#: Task types that the queue itself submits, and nobody else.
RESERVED_TYPES = frozenset({"webhook"})
MAX_DELAY_S = 366 * 86_400
MAX_RETENTION_S = 366 * 86_400
MAX_BATCH = 1_000
MAX_DELAYED_BATCH = 500


class TaskStatus(StrEnum):
    """Where a task is in its life."""

    WAITING = "waiting"
    """Waits for other tasks; reserved for workflows."""
    SCHEDULED = "scheduled"
    """Its `run_at` lies in the future, or it was snoozed."""
    PENDING = "pending"
    """May be claimed by a worker now."""
    RUNNING = "running"
    """Claimed by a worker whose lease holds."""
    COMPLETED = "completed"
    """Ended: the handler returned."""
    RETRYING = "retrying"
    """An attempt failed, the next one is due later."""
    DEAD = "dead"
    """Ended: in the dead letters; attempts used up or rejected."""
    CANCELLED = "cancelled"
    """Ended: by request."""


TERMINAL_STATUSES = frozenset({TaskStatus.COMPLETED, TaskStatus.DEAD, TaskStatus.CANCELLED})
ACTIVE_STATUSES = frozenset(TaskStatus) - TERMINAL_STATUSES

#: The letter of each status in a record's first character.
LETTERS = {
    "S": TaskStatus.SCHEDULED,
    "P": TaskStatus.PENDING,
    "R": TaskStatus.RUNNING,
    "Y": TaskStatus.RETRYING,
    "C": TaskStatus.COMPLETED,
    "D": TaskStatus.DEAD,
    "X": TaskStatus.CANCELLED,
}
LETTER_OF = {status: letter for letter, status in LETTERS.items()}


def _check_name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError("must be 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit")
    return value


def _check_callback(value: str) -> str:
    try:
        parts = urlsplit(value)
        is_url = bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
    except ValueError:  # brackets that are no IPv6 address, a port that is no number or too large
        is_url = False
    if not is_url or not CALLBACK_URL.fullmatch(value):
        raise ValueError("must be an absolute http or https URL, percent-encoded, without credentials")
    return value


def _read_whole(value: Any) -> Any:
    return int(value) if type(value) is float and value.is_integer() else value


def _read_instant(value: Any) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError('must be an ISO 8601 time with a zone, such as "2026-12-01T08:00:00Z"') from None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError('must be an ISO 8601 time with a zone, such as "2026-12-01T08:00:00Z"')
    if value.year > 9998:  # in UTC, rounded up, it would be in a year that no datetime holds
        raise ValueError("must lie before the year 9999")
    return value


Name = Annotated[str, AfterValidator(_check_name), Field(json_schema_extra={"pattern": f"^{NAME.pattern}$"})]
CallbackUrl = Annotated[
    str, AfterValidator(_check_callback), Field(json_schema_extra={"format": "callback-url"})
]
Instant = Annotated[datetime, BeforeValidator(_read_instant)]
#: In JSON 5.0 is the integer 5; the strict mode of pydantic would refuse it.
WHOLE = BeforeValidator(_read_whole)
Seconds = Annotated[float, Field(allow_inf_nan=False)]


def not_both(one: str, other: str) -> JsonDict:
    """JSON Schema of an object that has one of two fields, or none of them; null counts as left out."""
    given: JsonDict = {"not": {"type": "null"}}
    return {"not": {"required": [one, other], "properties": {one: given, other: given}}}


def exactly_one(one: str, other: str) -> JsonDict:
    """JSON Schema of an object that has exactly one of two fields; null counts as left out."""
    given: JsonDict = {"not": {"type": "null"}}
    left_out: JsonDict = {"type": "null"}
    return {
        "oneOf": [
            {"required": [has], "properties": {has: given, lacks: left_out}}
            for has, lacks in ((one, other), (other, one))
        ]
    }


def needs(one: str, other: str) -> JsonDict:
    """JSON Schema of an object that has one field only together with another one; null counts as left out."""
    given: JsonDict = {"not": {"type": "null"}}
    return {
        "anyOf": [
            {"properties": {one: {"type": "null"}}},
            {"required": [other], "properties": {other: given}},
        ]
    }


def _rejects_or_lacks(name: str) -> JsonDict:
    return {"anyOf": [_REJECTS, {"properties": {name: {"type": "null"}}}]}


#: What pydantic's schema of a submission does not say: the rules between fields.
_REJECTS: JsonDict = {"properties": {"on_conflict": {"const": "reject"}}}
_SUBMISSION_RULES: JsonDict = {
    "allOf": [
        not_both("delay_seconds", "run_at"),
        {"anyOf": [_REJECTS, {"required": ["unique_key"], "properties": {"unique_key": {"type": "string"}}}]},
        *map(_rejects_or_lacks, ("debounce", "throttle_seconds")),
        *(needs(name, "unique_key") for name in ("debounce", "throttle_seconds")),
        *(
            not_both("debounce", name)
            for name in ("throttle_seconds", "delay_seconds", "run_at", "idempotency_key")
        ),
    ]
}
#: Fields of a task that do not fit a schedule, whose times make its tasks unique.
_NOT_SCHEDULED = (
    "delay_seconds",
    "run_at",
    "idempotency_key",
    "unique_key",
    "debounce",
    "throttle_seconds",
    "expires_at",
)
_SCHEDULE_RULES: JsonDict = {
    "allOf": [
        exactly_one("cron", "interval_seconds"),
        {"properties": {"task": {"properties": {name: {"type": "null"} for name in _NOT_SCHEDULED}}}},
    ]
}


class OnConflict(StrEnum):
    """What becomes of a submission whose unique key a live task has."""

    REJECT = "reject"
    """It is refused with 409."""
    EXISTING = "existing"
    """It is answered with the live task."""
    REPLACE = "replace"
    """The live task is cancelled and this one takes its place; a running one refuses."""


class Debounce(LazyModel):
    """Wait for quiet: each submission of the same key moves the start and replaces the payload."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    seconds: Annotated[Seconds, Field(gt=0, le=86_400, description="Of quiet before it starts.")]
    max_wait_seconds: Annotated[
        Seconds | None,
        Field(gt=0, le=604_800, description="From the first submission on; default: ten times `seconds`."),
    ] = None

    @property
    def most_s(self) -> float:
        """How long the first submission waits at most, seconds."""
        return self.max_wait_seconds if self.max_wait_seconds is not None else 10 * self.seconds


class TaskSubmission(LazyModel):
    """One task as a producer asks for it.

    What is left out is taken from the task type's defaults, else from the defaults named here.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, json_schema_extra=_SUBMISSION_RULES)

    task_type: Annotated[Name, Field(description="Registered name of the handler.", examples=["email"])]
    payload: Annotated[dict[str, Any], Field(description="What the handler receives: a JSON object.")]
    priority: Annotated[int, Field(ge=1, le=10, description="1 to 10, 10 is claimed first."), WHOLE] = 5
    queue: Annotated[Name | None, Field(description="Default: the task type's queue, else `default`.")] = None
    delay_seconds: Annotated[
        Seconds | None, Field(ge=0, le=MAX_DELAY_S, description="Not before this many seconds from now.")
    ] = None
    run_at: Annotated[Instant | None, Field(description="Not before this time; a past time runs now.")] = None
    max_retries: Annotated[
        int | None, Field(ge=0, le=100, description="Retries after a failed attempt."), WHOLE
    ] = None
    timeout_seconds: Annotated[
        Seconds | None, Field(gt=0, le=86_400, description="Bound of one attempt, seconds.")
    ] = None
    idempotency_key: Annotated[
        str | None,
        Field(min_length=1, max_length=255, description="The same key and body give the same task, once."),
    ] = None
    retry: Annotated[RetryPolicy | None, Field(description="Backoff between attempts.")] = None
    retention_seconds: Annotated[
        Seconds | None, Field(ge=1, le=MAX_RETENTION_S, description="How long the ended task is kept.")
    ] = None
    unique_key: Annotated[
        str | None,
        Field(min_length=1, max_length=200, description="At most one live task of a queue has it."),
    ] = None
    on_conflict: Annotated[
        OnConflict, Field(strict=False, description="When a live task has the unique key.")
    ] = OnConflict.REJECT
    debounce: Annotated[
        Debounce | None,
        Field(description="Of the submissions with its `unique_key` one task starts, when there is quiet."),
    ] = None
    throttle_seconds: Annotated[
        Seconds | None,
        Field(
            gt=0, le=604_800, description="One task per `unique_key` and so many seconds; others are dropped."
        ),
    ] = None
    limit_key: Annotated[
        str | None,
        Field(
            min_length=1, max_length=200, description="Counts against the limits of this key in its queue."
        ),
    ] = None
    fair_key: Annotated[
        str | None,
        Field(
            min_length=1, max_length=200, description="Tasks of different keys take turns, inside a priority."
        ),
    ] = None
    expires_at: Annotated[
        Instant | None, Field(description="Not started by then: dead, with that reason.")
    ] = None
    callback_url: Annotated[
        CallbackUrl | None,
        Field(max_length=1_000, description="Told by a signed webhook when the task has ended."),
    ] = None
    metadata: Annotated[
        dict[str, Any] | None, Field(description="Kept with the task, shown, never interpreted.")
    ] = None

    @model_validator(mode="after")
    def _one_start(self) -> TaskSubmission:
        if self.delay_seconds is not None and self.run_at is not None:
            raise ValueError("delay_seconds and run_at exclude each other")
        if self.on_conflict is not OnConflict.REJECT and self.unique_key is None:
            raise ValueError("on_conflict needs a unique_key")
        for name in ("debounce", "throttle_seconds"):
            if getattr(self, name) is not None and self.unique_key is None:
                raise ValueError(f"{name} needs a unique_key, which names what it is about")
        if self.debounce and self.throttle_seconds is not None:
            raise ValueError("debounce and throttle_seconds exclude each other")
        if self.debounce and (self.delay_seconds is not None or self.run_at is not None):
            raise ValueError("debounce sets the start itself: it excludes delay_seconds and run_at")
        if self.debounce and self.debounce.most_s < self.debounce.seconds:
            raise ValueError("debounce.max_wait_seconds must not be less than debounce.seconds")
        if self.debounce and self.idempotency_key is not None:
            raise ValueError("debounce and idempotency_key exclude each other: each call moves the start")
        if self.on_conflict is not OnConflict.REJECT and (self.debounce or self.throttle_seconds is not None):
            raise ValueError(
                "on_conflict does not fit debounce or throttle_seconds, which decide it themselves"
            )
        return self


class CatchUp(StrEnum):
    """What becomes of times that passed while nobody could fire them."""

    SKIP = "skip"
    """Nothing; the next time fires."""
    ONCE = "once"
    """One task for all of them."""


class Overlap(StrEnum):
    """Whether a schedule fires while its last task has not ended."""

    ALLOW = "allow"
    """It does."""
    SKIP = "skip"
    """It does not; the time passes."""


class ScheduleSpec(LazyModel):
    """A recurring schedule as an operator asks for it: cron with a zone, or an interval."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, json_schema_extra=_SCHEDULE_RULES)

    cron: Annotated[
        Annotated[str, Field(max_length=200, json_schema_extra={"format": "cron"})] | None,
        Field(description='Such as "0 9 * * 1-5".'),
    ] = None
    interval_seconds: Annotated[Seconds | None, Field(ge=1, le=MAX_DELAY_S)] = None
    zone: Annotated[
        str,
        Field(
            max_length=64, description="IANA time zone of `cron`.", json_schema_extra={"format": "time-zone"}
        ),
    ] = "UTC"
    task: Annotated[TaskSubmission, Field(description="What is submitted at each time.")]
    catch_up: Annotated[CatchUp, Field(strict=False)] = CatchUp.SKIP
    overlap: Annotated[Overlap, Field(strict=False)] = Overlap.ALLOW

    @model_validator(mode="after")
    def _plain_task(self) -> ScheduleSpec:
        for name in _NOT_SCHEDULED:
            if getattr(self.task, name) is not None:
                raise ValueError(f"task.{name} does not fit a schedule, whose times make its tasks unique")
        return self


class PastRun(LazyModel):
    """What has become of one time of a schedule."""

    task_id: str | None
    """None when the time passed without a task: the one before lived still, or the time was missed."""
    status: TaskStatus | None
    """None when there is no task, or it is kept no more."""
    run_ms: int | None
    """From the start of its last attempt to the end."""


class Schedule(LazyModel):
    """A recurring schedule as it is stored now."""

    id: str
    spec: ScheduleSpec
    next_at: datetime
    last_task_id: str | None
    runs: list[PastRun]
    """Its last ten times and runs by request, the newest first."""
    paused: str | None
    """Why it is paused; None when it is not."""


class Deduplicated(StrEnum):
    """Why a submission was answered with a task that was there before."""

    EXISTING = "existing"
    """It has the unique key and lives."""
    DEBOUNCED = "debounced"
    """It waits for quiet; it took the payload and starts later."""
    THROTTLED = "throttled"
    """The window that it opened is not over; this submission was dropped."""


class SubmittedTask(NamedTuple):
    """What a submission is answered with; `deduplicated` when no task of its own was stored."""

    id: str
    status: TaskStatus
    deduplicated: Deduplicated | None = None


class RateLimit(LazyModel):
    """How often tasks may start: evenly spaced, `burst` at once after a pause (GCRA, ITU-T I.371)."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    limit: Annotated[int, Field(ge=1, le=1_000_000, description="Starts per period."), WHOLE]
    period_seconds: Annotated[Seconds, Field(gt=0, le=86_400, description="Length of the period.")] = 1.0
    burst: Annotated[
        int | None,
        Field(ge=1, le=1_000_000, description="Starts at once after a pause; default: those of 0.1 s."),
        WHOLE,
    ] = None


class Limit(LazyModel):
    """What may run at once, and how often tasks start; None stands for no bound."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    concurrency: Annotated[
        int | None,
        Field(ge=1, le=100_000, description="Tasks that run at once, on all workers together."),
        WHOLE,
    ] = None
    rate: Annotated[RateLimit | None, Field(description="How often tasks start.")] = None


class KeyLimit(LazyModel):
    """A limit key in a queue as it is now."""

    queue: str
    key: str
    limit: Limit | None
    """Its own limit; None when that of all keys of the queue holds."""
    running: int
    parked: int
    """Tasks that wait for room under the limit."""
    held_until: datetime | None
    """No task of it starts before: its rate says so, or a handler raised RateLimited."""


class TaskError(LazyModel):
    """Why an attempt failed."""

    type: str
    message: str
    traceback: str | None = None


class Attempt(LazyModel):
    """One spent start of a task.

    `outcome` is one of completed, failed, rejected, cancelled, lost (the worker's lease expired),
    expired (it had not started by its `expires_at`);
    requeued marks where somebody (`worker`) began a new series of attempts.
    """

    attempt: int
    worker: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str
    error: TaskError | None = None


class Task(LazyModel):
    """A task as it is stored now; times are the server's."""

    id: str
    task_type: str
    queue: str
    priority: int
    status: TaskStatus
    attempt: int
    max_retries: int
    payload: Any
    result: Any = None
    error: TaskError | None = None
    attempts: list[Attempt] = []
    progress: dict[str, Any] | None = None
    logs: list[dict[str, Any]] = []
    """What the handler logged: the newest 50 lines, at most 8 KiB."""
    worker: str | None = None
    created_at: datetime
    run_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    metadata: dict[str, Any] | None = None
    limit_key: str | None = None
    fair_key: str | None = None
    timeout_seconds: float | None = None
    """Of one attempt; None when its type's holds."""
    retry: RetryPolicy | None = None
    """Its backoff; None when its type's holds."""
    unique_key: str | None = None
    idempotency_key: str | None = None
    schedule: str | None = None
    """Of which it is a run."""
    cancelled_by: str | None = None
    """Who cancelled it, when that was before it ran; its worker tells the end of one that was running."""
    traceparent: str | None = None
    """Of the trace that submitted it (W3C Trace Context)."""
    fingerprint: str | None = None
    """Of a dead task: the same cause has the same fingerprint; dead letters are grouped by it."""
    omitted: list[str] = []
    """Names of the bodies over 16 KiB that a list leaves out; a read of the task has them."""
    unreadable: dict[str, str] = {}
    """Bodies that cannot be decrypted here, which are shown as null: name and reason."""


class ErrorGroup(LazyModel):
    """Dead tasks whose errors have the same fingerprint; `task` is the newest of them."""

    fingerprint: str
    count: int
    last_at: datetime
    task: Task


class TaskPage(LazyModel):
    """Some tasks, and where the next ones begin."""

    tasks: list[Task]
    next_cursor: str | None


class WorkerInfo(LazyModel):
    """A worker as it described itself at its start."""

    name: str
    host: str
    version: str
    queues: list[str]
    types: list[str]
    slots: int
    started_at: datetime
    expires_at: datetime
    lease_seconds: float | None = None
    """How long its lease holds while it runs something; renewed before a half has passed."""
    presence_seconds: float | None = None
    """For how long it counts as there while it runs nothing, when it says so rarely."""
    memory_mb: int | None = None
    """What the process took when it told last, MB; without its children."""
    draining: bool = False
    """An operator asked it to claim no more."""


class QueueInfo(LazyModel):
    """How many tasks of a queue are where."""

    name: str
    pending: int = 0
    pending_by_priority: dict[int, int] = Field(default_factory=dict)
    """Of those that a worker can take, highest priority first; without the parked ones, and without zeros."""
    oldest_by_priority: dict[int, datetime] = Field(default_factory=dict)
    """Since when the first of those waits; looked for in at most 32 priorities of all queues."""
    scheduled: int = 0
    running: int = 0
    retrying: int = 0
    completed: int = 0
    dead: int = 0
    cancelled: int = 0
    paused: dict[str, Any] | None = None
    """By whom (`by`), why (`reason`) and since when (`at`, ISO 8601); None when it is not."""
    limit: Limit | None = None
    key_limit: Limit | None = None
    """Of each limit key that has none of its own."""
    parked: int = 0
    """Of the pending ones: wait for room under a limit, or for a worker that knows their type."""


class VersionStart(LazyModel):
    """When the first worker of a version started after one of another."""

    version: str
    at: datetime


class Overview(LazyModel):
    """The state of everything, from one read."""

    now: datetime
    counts: dict[str, int]
    queues: list[QueueInfo]
    workers: list[WorkerInfo]
    oldest_pending_seconds: float | None
    versions: list[VersionStart] = Field(default_factory=list)
    """The last eight, the latest first."""


class Percentiles(LazyModel):
    """Of how long something took, ms; estimated from a histogram of samples."""

    p50_ms: float
    p95_ms: float
    p99_ms: float


class StepStats(LazyModel):
    """What happened in the minute or hour that begins at `at`."""

    at: datetime
    submitted: int
    started: int
    completed: int
    failed: int
    """Attempts that failed: those that are retried, and those whose task died."""
    retried: int
    dead: int
    cancelled: int
    wait: Percentiles | None
    """From when a task could start to its start; None when nothing started."""
    run: Percentiles | None
    """From start to end of completed tasks."""
    pending: int | None = None
    """At the end of the minute, as the last exchange that served the queues found them; None by the hour."""
    running: int | None = None
    """The same of the tasks that ran, which is the slots in use."""


class QueueSeries(LazyModel):
    """What happened in a queue, a number for each point of the series."""

    name: str
    submitted: list[int]
    ended: list[int]
    """Completed, dead and cancelled."""
    retried: list[int]
    """Attempts that failed and are tried again."""
    dead: list[int]
    """Of those that ended."""


class Stats(LazyModel):
    """A series by the minute or by the hour, and how long tasks waited and ran over all of it."""

    now: datetime
    since: datetime
    step_seconds: int
    """From one point to the next: 60 or 3,600."""
    points: list[StepStats]
    wait: Percentiles | None
    run: Percentiles | None
    queues: list[QueueSeries] | None = None
    """By name, where they were asked for."""


class TaskType(LazyModel):
    """A task type as its workers published it."""

    name: str
    json_schema: dict[str, Any] = Field(alias="schema")
    version: str
    queue: str
    max_retries: int
    timeout_seconds: float
    description: str
    retry: RetryPolicy | None = None

    model_config = ConfigDict(populate_by_name=True)


class TypeRegistry(LazyModel):
    """All published task types, and those that live workers know now."""

    types: dict[str, TaskType]
    live_types: frozenset[str]
    has_live_workers: bool


def instant(ms: float) -> datetime:
    """A time of the server, ms since 1970, as an aware datetime; clamped to what a datetime can say."""
    return _EPOCH + timedelta(milliseconds=min(ms, _LAST_MS))


#: 9999-12-31T23:59:59Z
_LAST_MS = 253_402_300_799_000
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
