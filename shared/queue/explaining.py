"""`explain`: why a task is where it is, in one script call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import unquote

from shared.codec import decode
from shared.explanations import Bound, Explanation, Facts, KnownWorker, explanation_of
from shared.models import LETTERS, Limit, instant
from shared.queue.base import QueueBase
from shared.queue.inspection import SUBMITTED, not_kept
from shared.queue.limiting import read_limit


class Explaining(QueueBase):
    """The read behind `GET /tasks/{id}/explain`."""

    async def explain(self, task_id: str, *, reaches: Callable[[str], bool] = lambda _: True) -> Explanation:
        """Why a task is where it is; at most 9 Redis calls.

        Args:
            task_id: of the task.
            reaches: whether the caller may know of a queue; nothing is told of others.

        Raises:
            NotFound: no task of that id is kept, or it is of a queue out of reach.
        """
        keys = self.keys_of_task(task_id)
        _, now_ms, task, workers, asked, ahead, text, running, starts, within_ms, *parked = await self._run(
            "explain",
            record=keys.task(task_id),
            queues=keys.queues,
            workers=keys.workers,
            timers=keys.timers,
            events=keys.events,
            limits=keys.limits,
            rates=keys.rates,
            prefix=keys.prefix,
            id=task_id,
        )
        said = _task(task_id, task)
        if not reaches(said["queue"]):
            raise not_kept(task_id)
        known = [_worker(*workers[i : i + 3]) for i in range(0, len(workers), 3)]
        control, running = decode(text) if text else {}, running % SUBMITTED
        return explanation_of(
            Facts(
                now_ms=now_ms,
                task=said,
                workers=[
                    one
                    for one in known
                    if one.name == said["worker"] or any(map(reaches, one.told.get("queues", ())))
                ],
                is_asked=asked == 1,
                ahead=ahead,
                paused=control.get("paused") or {},
                running=running,
                starts=starts,
                within_ms=within_ms,
                bound=_bound(control, running, *parked),
            )
        )


def _task(task_id: str, parts: Sequence[str]) -> dict[str, Any]:
    """What the script cut out of the record, by field of `Explanation`."""
    letter, attempt, due, worker, started, finished, priority, queue, task_type, max_retries, expires = parts
    return {
        "id": task_id,
        "status": LETTERS[letter],
        "queue": queue,
        "task_type": task_type,
        "priority": int(priority),
        "attempt": int(attempt),
        "max_retries": int(max_retries),
        "due_at": _instant_of(due) if due != "0" else None,
        "expires_at": _instant_of(expires),
        "worker": worker or None,
        "started_at": _instant_of(started) if worker else None,
        "finished_at": _instant_of(finished),
    }


def _bound(control: dict[str, Any], running: int, key: str, own: str, state: str, tat: str) -> Bound | None:
    """The limit that applies to a pending task: of its key when it is parked by it, else of its queue."""
    text = own or control.get("key", "") if key else control.get("limit", "")
    if not text and not key:
        return None
    limit = read_limit(text) if text else Limit()
    slack_ms = float(text.split(" ")[2]) if text else 0.0
    return Bound(
        key=unquote(key) if key else None,
        limit=limit,
        running=int((state or "0 0").split(" ")[0]) if key else running,
        next_start_ms=float(tat) - slack_ms if tat else None,
    )


def _instant_of(ms: str) -> Any:
    return instant(int(ms)) if ms else None


def _worker(name: str, text: str, until: str) -> KnownWorker:
    return KnownWorker(name, decode(text), float(until) if until else None)
