"""Checks of the workers: is one there, do they serve what waits, do they know the same task types."""

from __future__ import annotations

from collections.abc import Iterator

from shared.doctor.report import Finding, Verdict
from shared.errors import ShardsDiffer
from shared.models import Overview, Task, TaskStatus, WorkerInfo
from shared.queue import TaskQueue
from shared.queue.cursors import TaskFilter

#: Calls of one idle worker, measured by `make bench`; and hours of a month.
IDLE_CALLS_PER_HOUR = 130
HOURS = 730
#: A free worker takes a task within a round trip.
WAITING_S = 60.0
#: Pending tasks that are looked at.
LOOKED_AT = 200


async def check_fleet(queue: TaskQueue, *, is_billed: bool) -> list[Finding]:
    """All checks of the workers of a namespace.

    Args:
        queue: the engine.
        is_billed: whether commands cost money, as at Upstash.
    """
    try:
        await queue.task_types()
    except ShardsDiffer as error:
        return [Finding("workers", Verdict.FAIL, error.detail, "API and workers need the same number.")]
    overview = await queue.overview()
    page = await queue.list_tasks(TaskFilter(status=TaskStatus.PENDING), limit=LOOKED_AT)
    namespace = queue.options.namespace
    return [
        _presence(overview, namespace),
        *_queues(overview),
        *_skew(overview.workers, page.tasks),
        *(_price(len(overview.workers)) if is_billed else ()),
    ]


def _presence(overview: Overview, namespace: str) -> Finding:
    workers = overview.workers
    if not workers:
        fix = "Start one: python -m worker_host (its DTQ_NAMESPACE must be the same)."
        return Finding("workers", Verdict.WARN, f"none lives in the namespace {namespace}.", fix)
    slots = sum(worker.slots for worker in workers)
    names = ", ".join(sorted({worker.version for worker in workers}))
    return Finding(
        "workers", Verdict.OK, f"{len(workers)} in the namespace {namespace}, {slots} slots, version {names}."
    )


def _queues(overview: Overview) -> Iterator[Finding]:
    """Queues in which tasks wait for nobody, or for long."""
    served = {name for worker in overview.workers for name in worker.queues}
    for queue in overview.queues:
        if queue.pending and queue.paused is not None:
            yield Finding(
                "queues",
                Verdict.WARN,
                f"{queue.pending} tasks wait in {queue.name}, which is paused.",
                f"POST /api/queues/{queue.name}/resume when it may go on.",
            )
        elif queue.pending and queue.name not in served:
            yield Finding(
                "queues",
                Verdict.WARN,
                f"{queue.pending} tasks wait in {queue.name}, which no live worker serves.",
                f"Start a worker with --queues {queue.name}.",
            )
    waiting_s = overview.oldest_pending_seconds or 0
    if waiting_s > WAITING_S and served:
        yield Finding(
            "queues",
            Verdict.WARN,
            f"a task has been pending for {waiting_s:.0f} s.",
            "Start more workers or raise CONCURRENCY.",
        )


def _skew(workers: list[WorkerInfo], pending: list[Task]) -> Iterator[Finding]:
    """Task types that only some workers of a queue know, and waiting ones that none knows."""
    knowing: dict[str, list[set[str]]] = {}
    for worker in workers:
        for name in worker.queues:
            knowing.setdefault(name, []).append(set(worker.types))
    is_even = True
    for name, known in sorted(knowing.items()):
        partly = set[str]().union(*known) - known[0].intersection(*known)
        if partly:
            is_even = False
            yield Finding(
                "task types",
                Verdict.WARN,
                f"not every worker of {name} knows: {', '.join(sorted(partly))}.",
                "Finish the upgrade of the workers; those that know a type run it meanwhile.",
            )
    unknown = {
        (task.queue, task.task_type)
        for task in pending
        if task.queue in knowing and not any(task.task_type in types for types in knowing[task.queue])
    }
    for queue, task_type in sorted(unknown):
        yield Finding(
            "task types",
            Verdict.WARN,
            f"tasks of type {task_type} wait in {queue}, whose workers do not know it.",
            "Start a worker whose handlers register it; they are kept until then.",
        )
    if workers and is_even and not unknown:
        yield Finding("task types", Verdict.OK, "the workers of each queue know the same.")


def _price(workers: int) -> Iterator[Finding]:
    calls = workers * IDLE_CALLS_PER_HOUR * HOURS
    yield Finding(
        "plan",
        Verdict.UNKNOWN,
        f"idle, {workers} workers make up to {calls:,} billed commands a month.",
        "Compare with the plan (Upstash Free: 500,000) and set a budget; X-Redis-Calls tells what a request took.",
    )
