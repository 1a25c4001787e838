"""What of an event a viewer is shown, and as which JSON."""

from __future__ import annotations

from typing import Any, NamedTuple

from api.security.reach import ALL_QUEUES, Reach
from api.wire import utc
from shared.events import Event


class EventFilter(NamedTuple):
    """Whose events are shown; empty stands for any.

    Attributes:
        queue: its counts; its tasks, where an event tells of this queue alone.
        task: the events that name this task, and those that may have left it out.
        reach: of the caller; nothing of other queues is shown. An event that tells of others, too, is shown
            without its tasks.
    """

    queue: str = ""
    task: str = ""
    reach: Reach = ALL_QUEUES


def shaped(event: Event, wanted: EventFilter, cursor: str) -> dict[str, Any] | None:
    """The event as it is sent; None when it is not wanted.

    Args:
        event: as it was read.
        wanted: by whom it is watched.
        cursor: of one who has seen it; its id.
    """
    tasks, omitted, counts = list(event.tasks), event.omitted, event.counts
    reached = {queue: by_status for queue, by_status in counts.items() if wanted.reach.has(queue)}
    if not reached:
        return None
    if len(reached) < len(counts):
        # Which of the named tasks are of these queues is not told.
        counts = reached
        tasks, omitted = [], sum(sum(by_status.values()) for by_status in reached.values())
    if wanted.task:
        tasks = [one for one in tasks if one[0] == wanted.task]
        if not tasks and not omitted:
            return None
        omitted = 0 if tasks else omitted
    if wanted.queue:
        if wanted.queue not in counts:
            return None
        if len(counts) > 1 and not wanted.task:
            # Which of the named tasks are this queue's is not told.
            tasks, omitted = [], sum(counts[wanted.queue].values())
        counts = {wanted.queue: counts[wanted.queue]}
    return {
        "id": cursor,
        "at": utc(event.at),
        "counts": counts,
        "tasks": [{"id": task_id, "status": status} for task_id, status in tasks],
        "omitted": omitted,
    }
