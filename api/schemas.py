"""The shapes of answers, for the OpenAPI document only; answers are written by `api/wire.py`."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from api.problems import MEDIA_TYPE
from shared.jobs import Job
from shared.lazy import LazyModel
from shared.models import (
    MAX_BATCH,
    NAME,
    Deduplicated,
    ErrorGroup,
    KeyLimit,
    Limit,
    Overview,
    QueueInfo,
    Schedule,
    Task,
    TaskStatus,
    TaskSubmission,
    TaskType,
    WorkerInfo,
)

#: For the document alone: what breaks it is answered by the route itself.
NAME_IN_PATH = Path(json_schema_extra={"pattern": f"^{NAME.pattern}$"})
TASK_ID = "001kaqv1nzp3fh2zzzx8s9dd9yz"


class Problem(LazyModel):
    """An error (RFC 9457): what is wrong, and where it applies the field, the rule and the fix."""

    type: str = Field(examples=["/api/problems/invalid-input"])
    title: str = Field(examples=["A field is not valid"])
    status: int = Field(examples=[422])
    detail: str
    field: str | None = Field(default=None, examples=["tasks[3].priority"])
    rule: str | None = Field(default=None, examples=["must be less than or equal to 10."])
    fix: str | None = Field(default=None, examples=["Send an integer from 1 to 10; 10 is claimed first."])
    instance: str = Field(examples=["/api/tasks"])
    request_id: str


class ProblemTypeOut(LazyModel):
    """One kind of problem."""

    type: str = Field(examples=["/api/problems/invalid-input"])
    slug: str = Field(examples=["invalid-input"])
    title: str
    status: int
    meaning: str = Field(description="When it happens.")
    remedy: str = Field(description="What to do.")


class ProblemTypeList(LazyModel):
    """All problem types, by slug."""

    problems: list[ProblemTypeOut]


class Submitted(LazyModel):
    """A stored task."""

    id: str = Field(examples=[TASK_ID])
    status: TaskStatus = Field(examples=["pending"])
    deduplicated: Deduplicated | None = Field(
        default=None, description="Only when no task of its own was stored: why another one answers."
    )


class SubmittedBatch(LazyModel):
    """Stored tasks, in the order of the request."""

    tasks: list[Submitted]


class Batch(LazyModel):
    """Tasks to store all together, or none of them."""

    model_config = ConfigDict(extra="forbid")

    tasks: list[TaskSubmission] = Field(min_length=1, max_length=MAX_BATCH)


class TaskList(LazyModel):
    """A page of tasks."""

    tasks: list[Task]
    next_cursor: str | None = Field(description="Where the next page begins; null on the last one.")


class QueueList(LazyModel):
    """All queues that were used, or paused."""

    queues: list[QueueInfo]


class QueueLimitsOut(LazyModel):
    """The limits of a queue, and some of its limit keys."""

    queue: str = Field(examples=["mail"])
    limit: Limit | None = Field(description="Of the queue itself.")
    per_key: Limit | None = Field(description="Of each limit key that has none of its own.")
    keys: list[KeyLimit] = Field(description="That have a limit of their own, run or wait.")
    next_cursor: str | None


class QueueHeld(LazyModel):
    """A queue after it was paused or resumed."""

    name: str = Field(examples=["mail"])
    paused: bool
    pending: int = Field(description="Tasks that wait in it.")


class WorkerList(LazyModel):
    """All workers whose lease holds."""

    workers: list[WorkerInfo]


class WorkerDrained(LazyModel):
    """A worker after it was asked."""

    name: str
    drain: bool
    running: int = Field(description="Tasks that it holds.")


class ErrorGroupList(LazyModel):
    """Dead tasks by their error, the latest deaths first."""

    groups: list[ErrorGroup]


class GroupRequeued(LazyModel):
    """What one step did; go on with `next_cursor` until it is null."""

    requeued: int
    skipped: int = Field(description="Not dead any more, or another live task has their unique key.")
    missing: int = Field(description="Not kept any more.")
    next_cursor: str | None = Field(examples=[TASK_ID])


class JobList(LazyModel):
    """Bulk operations."""

    jobs: list[Job]


class ScheduleList(LazyModel):
    """All schedules, by id."""

    schedules: list[Schedule]


class ScheduleRun(LazyModel):
    """The task that was submitted besides."""

    id: str = Field(examples=[TASK_ID])


class ScheduleTimes(LazyModel):
    """When a timing would fire."""

    next: list[datetime] = Field(examples=[["2026-12-01T08:00:00.000Z"]])


class Ticked(LazyModel):
    """What is due was done."""

    more: bool = Field(description="More is due than the time of one request allows: ask again.")


class Audited(LazyModel):
    """What a call of the audit did."""

    more: bool = Field(description="It is not through: ask again. Also while another caller is at it.")
    repaired: dict[str, int] = Field(examples=[{"tasks": 3, "counts": 2}], description="By kind, how many.")
    unsettled: int = Field(description="Counts that were changing; the next audit takes them.")


class AuditState(LazyModel):
    """What audits did so far."""

    finished_at: datetime | None
    is_under_way: bool
    repaired: dict[str, int]


class PublishedType(TaskType):
    """A task type, and whether a live worker knows it now."""

    model_config = ConfigDict(populate_by_name=True)

    live: bool


class TaskTypeList(LazyModel):
    """All published task types by name."""

    task_types: list[PublishedType]
    has_live_workers: bool


class OverviewOut(Overview):
    """The state of everything, and who asks."""

    environment: str = Field(description="The namespace: production, or a preview's.")
    role: Literal["read", "admin"]
    budget: Literal["ok", "warning", "slow", "spent"] | None = Field(
        description="How far MONTHLY_BUDGET_CALLS is spent; null without a budget."
    )


class CostDay(LazyModel):
    """Redis calls of a day (UTC) by what caused them."""

    day: date
    submit: int
    work: int
    idle: int
    viewers: int
    total: int


class PlanOut(LazyModel):
    """What the forecast would cost on a plan of Upstash."""

    name: str = Field(examples=["Pay as you go"])
    monthly_usd: float | None = Field(description="Null when the calls do not fit.")
    note: str


class BudgetOut(LazyModel):
    """The month's budget."""

    calls: int | None = Field(description="MONTHLY_BUDGET_CALLS; null without a budget.")
    spent: int
    level: Literal["ok", "warning", "slow", "spent"]


class PlanInUse(LazyModel):
    """The plan of REDIS_PLAN: what it bounds or bills, and how far that is used."""

    kind: Literal["free", "usage", "fixed", "own"]
    name: str = Field(examples=["Pay as you go"])
    is_assumed: bool = Field(description="REDIS_PLAN is not set, so the plan is guessed.")
    place: str = Field(description="Host and port of Redis.", examples=["eu1-name.upstash.io"])
    monthly_usd: float | None = Field(description="Of the forecast; null when it does not fit.")
    spent_usd: float | None = Field(description="This month, where calls are billed.")
    budget_usd: float | None = Field(description="What MONTHLY_BUDGET_CALLS costs, where calls are billed.")
    calls: int | None = Field(description="That the month may have: the free ones, else the budget.")
    ends_on: date | None = Field(
        description="When these are spent at the last week's pace; null when they last."
    )
    calls_per_second: int | None = Field(description="The most, where that is the bound.")
    memory_bytes: int | None = Field(description="What the plan holds.")


class StoreOut(LazyModel):
    """What the server tells about itself; null for what it does not."""

    name: str | None = Field(examples=["Valkey 9.1.0"])
    calls_per_second: int | None = Field(description="Of all its clients, now.")
    memory_bytes: int | None
    max_memory_bytes: int | None = Field(description="0 for no bound.")
    eviction: str | None = Field(examples=["noeviction"])
    is_appended: bool | None = Field(description="Every write goes to a file.")


class CostOut(LazyModel):
    """Redis calls as Upstash bills them."""

    now: datetime
    days: list[CostDay]
    month_to_date: int
    tasks_of_month: int = Field(description="Completed this month, as far as workers have saved it.")
    forecast: int = Field(description="Of the whole month, when the rest goes as the last seven days did.")
    plan: PlanInUse
    store: StoreOut | None = Field(description="Null where calls are billed, and where it refuses to tell.")
    plans: list[PlanOut] = Field(description="The cheapest that fits first.")
    cheapest: str
    budget: BudgetOut


class SessionOut(LazyModel):
    """Who asks."""

    name: str = Field(description="Of the key; `local` where there are none.", examples=["ops"])
    role: Literal["submit", "read", "admin"]
    queues: list[str] | None = Field(description="The only queues that it reaches; null for all.")
    expires_at: datetime | None = Field(description="When the session ends; null without one.")


class ApiKeyOut(LazyModel):
    """One entry of API_KEYS."""

    name: str = Field(examples=["web"])
    role: Literal["submit", "read", "admin"]
    queues: list[str] | None = Field(description="The only queues that it reaches; null for all.")
    rate: str | None = Field(
        description="How fast it may submit; null for API_RATE_LIMIT.", examples=["100/s"]
    )
    last_used_at: datetime | None = Field(description="To about an hour; null when it never was.")


class ApiKeyList(LazyModel):
    """The entries of API_KEYS."""

    keys: list[ApiKeyOut]


class LimitInForce(LazyModel):
    """One bound of this deployment."""

    name: str
    unit: Literal["bytes", "seconds", "tasks", "calls", "levels", "rate"]
    value: int | float | str | None
    """None: not bounded. A rate is a text such as `100/s`."""
    variable: str | None
    """What sets it; None when nothing does."""


class LimitsInForce(LazyModel):
    """What this deployment bounds."""

    limits: list[LimitInForce]


class EventTask(LazyModel):
    """A task, and what it has become."""

    id: str = Field(examples=[TASK_ID])
    status: TaskStatus


class EventOut(LazyModel):
    """What one operation changed: how many tasks of which queues came into which status."""

    id: str = Field(examples=["1764547200000-0"], description="Its place; a cursor.")
    at: datetime
    counts: dict[str, dict[TaskStatus, int]] = Field(examples=[{"mail": {"pending": 2}}])
    tasks: list[EventTask] = Field(description="The first 20 of them.")
    omitted: int = Field(description="Tasks that are counted and not named.")


class EventPageOut(LazyModel):
    """Events after a cursor."""

    events: list[EventOut]
    cursor: str = Field(examples=["1764547200000-0"], description="What to send as `after` next.")
    reset: bool = Field(description="Events may have been missed: read the state anew.")
    poll_after_seconds: float = Field(examples=[36], description="When to ask again; 0: more follow already.")


class Health(LazyModel):
    """The process is alive; nothing is said about Redis."""

    status: Literal["ok"]


class Ready(LazyModel):
    """Redis answered."""

    status: Literal["ready"]


_MEANINGS = {
    400: "The body is not valid JSON, or a cursor is sent with other filters.",
    401: "No API key, or a wrong one.",
    403: "The key's role does not reach, or a keyless API is asked from elsewhere.",
    404: "Nothing of that id or name is kept.",
    409: "The state, or an idempotency key used with another body, does not allow it.",
    413: "The body or a payload is too large.",
    415: "The body is not declared as `application/json`.",
    422: "A field or parameter breaks a rule; the problem names field, rule and fix.",
    429: "Too many requests, or the budget of Redis calls is spent; see Retry-After.",
    501: "Event streams cannot be sent where answers are sent as a whole (AWS Lambda).",
    503: "Redis does not answer, or the API is not configured; see Retry-After.",
    507: "Redis is full; nothing was stored.",
}


def problems(*statuses: int, has_key: bool = True) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer with these problems, beside 401, 403 and 503.

    Args:
        statuses: of the problems.
        has_key: whether the route asks for a key; a public one never answers 401.
    """
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": _MEANINGS[status], "content": content}
        for status in sorted({403, 503, *statuses, *([401] if has_key else [])})
    }


#: The models of all answers by name, for `description.py`.
ANSWERED: dict[str, type[BaseModel]] = {}


def answer(model: type[BaseModel], description: str, example: Any = None) -> dict[str, Any]:
    """One entry of `responses`: JSON of a model.

    It is a reference: were FastAPI told the model, it would build a validator for it at every cold start.
    """
    ANSWERED[model.__name__] = model
    content: dict[str, Any] = {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}
    if example is not None:
        content["example"] = example
    return {"description": description, "content": {"application/json": content}}


def json_body(model: type[BaseModel], examples: dict[str, Any], *, required: bool = True) -> dict[str, Any]:
    """The `openapi_extra` of a route that reads its body itself."""
    named = {name: {"summary": name, "value": value} for name, value in examples.items()}
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {
        "requestBody": {
            "required": required,
            "content": {"application/json": {"schema": schema, "examples": named}},
        }
    }
